"""Removal of white Gaussian noise: y = x + n."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, in_one_blas_thread
from qimg.images import code_values
from qimg.patches import extract_patches
from qimg.prior import GaussianMixture, JointMixture
from qimg.restoration.degradations.half_quadratic import half_quadratic, smooth
from qimg.restoration.degradations.linear_maps import Identity
from qimg.restoration.degradations.patch_posterior import patch_model
from qimg.restoration.degradations.planes import (
    NOISE,
    OPPONENT,
    SIDE,
    Degradation,
    PlaneEstimate,
    checked_picture,
    checked_plane,
    checked_sigma,
    continued,
    plane_by_plane,
)

_LEVELS = (1, 4, 8, 16, 32)  # β σ² of Zoran and Weiss (2011)
_SMALLEST, _LARGEST = 0.25, 200.0  # bounds of an estimated deviation in code values
_PATCHES = 2000


def denoise(
    image: ArrayLike,
    *,
    sigma: float | None = None,
    effort: int = arguments.EFFORT,
    model: JointMixture | None = None,
) -> Array:
    """Remove white Gaussian noise from a picture: the conditional mean under the prior of overlapping patches.

    Colour is restored in three orthogonal planes, in which the noise is also white. Cost: linear in the pixels.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha.
        sigma: standard deviation of the noise in 8-bit code values, the same in R', G' and B'; 0 returns the picture
            unchanged. When left out it is estimated (`estimate_sigma`).
        effort: 1 to 9. 1 to 4: one pass; 5 to 8: a second pass, whose classes are chosen by the result of the first; 9:
            one pass in each of five rounds of half-quadratic splitting (EPLL).
        model: mixture of view `patch8`; that of the shipped prior when left out.

    Returns:
        A picture of the same shape and type.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    deviation = estimate_sigma(image, model=model) if sigma is None else checked_sigma(sigma)
    return plane_by_plane(
        image, lambda plane, noise: denoise_plane(plane, sigma=noise * deviation, effort=effort, model=model)
    )


@in_one_blas_thread
def denoise_plane(
    plane: ArrayLike, *, sigma: float, effort: int = arguments.EFFORT, model: JointMixture | None = None
) -> PlaneEstimate:
    """`denoise` for one plane of floating-point code values, with the deviation of the estimate.

    Args:
        plane: (H, W).
        sigma: as in `denoise`, but required.
        effort: as in `denoise`; at 9 the deviation is that of the first pass.
        model: as in `denoise`.
    """
    noisy = checked_plane(plane)
    effort = arguments.effort(effort)
    model = patch_model(model)
    if checked_sigma(sigma) == 0:
        return PlaneEstimate(values=noisy.copy(), deviation=np.zeros_like(noisy))
    padded = continued(noisy)
    estimate = smooth(model, padded, deviation=sigma)
    if effort == arguments.BEST:
        levels = [sigma / math.sqrt(beta) for beta in _LEVELS]
        values = half_quadratic(model, Identity(), padded, padded, noise_variance=sigma**2, levels=levels)
        estimate = replace(estimate, values=values)
    elif effort >= arguments.EFFORT:
        estimate = smooth(model, padded, deviation=sigma, guide=estimate.values, stride=2)
    return estimate.cropped(noisy.shape)


@in_one_blas_thread
def estimate_sigma(image: ArrayLike, *, model: JointMixture | None = None) -> float:
    """Maximum-likelihood estimate of the standard deviation of white noise under the prior, in 8-bit code values.

    It maximises Σ ln Σ_k π_k N(y; 0, C_k + σ² 1) over at most 2000 patches, with σ between 0.25 and 200. The noise of
    about one code value in the pictures that the prior was fitted on is not included.

    Args:
        image: (H, W) or (H, W, 3), at least 8×8, `uint8` or `uint16`, without alpha. In colour the noise is measured
            in the mean of R', G' and B'.
        model: as in `denoise`.
    """
    from scipy.optimize import minimize_scalar

    pixels = checked_picture(image)
    arguments.require_shape(min(pixels.shape[:2]) >= SIDE, "image", "at least (8, 8)", pixels)
    model = patch_model(model)
    values = code_values(pixels)
    plane, share = (values, 1.0) if values.ndim == 2 else (values @ OPPONENT[0], NOISE)
    whole = plane[: plane.shape[0] // SIDE * SIDE, : plane.shape[1] // SIDE * SIDE]
    vectors = extract_patches(whole, SIDE) @ model.view.analysis.T
    vectors = vectors[:: math.ceil(len(vectors) / _PATCHES)]
    prior, one = model.mixture, np.eye(model.view.dimension)

    def code_length(log_sigma: float) -> float:
        noisy = GaussianMixture.from_covariances(prior.weights, prior.covariances + math.exp(2 * log_sigma) * one)
        return -float(noisy.log_likelihood(vectors).mean())

    bounds = (math.log(_SMALLEST), math.log(_LARGEST))
    minimum = minimize_scalar(code_length, bounds=bounds, method="bounded", options={"xatol": 0.01})
    return math.exp(minimum.x) / share


DENOISE = Degradation(name="white Gaussian noise", verb="denoise", restore=denoise, restore_plane=denoise_plane)
