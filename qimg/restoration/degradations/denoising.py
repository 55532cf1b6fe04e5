"""White Gaussian noise taken off: y = x + n."""

import math

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import arguments
from qimg.core.arguments import Array
from qimg.core.blas import in_one_blas_thread
from qimg.images import code_values
from qimg.patches import extract_patches
from qimg.prior import GaussianMixture, JointMixture
from qimg.restoration.degradations.half_quadratic import half_quadratic, smooth
from qimg.restoration.degradations.linear_maps import Identity
from qimg.restoration.degradations.opponent import NOISE, OPPONENT, checked, plane_by_plane
from qimg.restoration.degradations.patch_average import SIDE, PlaneEstimate
from qimg.restoration.degradations.patch_posterior import patch_model

EFFORTS = 2
"""The highest effort: 0 is one pass, 1 a second one gated by the first, 2 half-quadratic splitting."""

_LEVELS = (1, 4, 8, 16, 32)  # β σ² of Zoran and Weiss (2011)
_SMALLEST, _LARGEST = 0.25, 200.0  # code values between which a deviation is searched
_PATCHES = 2000


def denoise(
    image: ArrayLike, *, sigma: float | None = None, effort: int = 1, model: JointMixture | None = None
) -> Array:
    """A picture without its white Gaussian noise: the conditional mean under the prior, patch by overlapping patch.

    Colour is restored in three orthogonal planes, in which the noise stays white. Cost: linear in the pixels.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha.
        sigma: standard deviation of the noise in 8-bit code values, the same in R', G' and B'; 0 gives the picture
            back. When left out it is estimated (`estimate_sigma`).
        effort: 0 is one pass, 1 adds a second one whose classes the first has found, 2 is one pass in each of five
            rounds of half-quadratic splitting (EPLL).
        model: mixture of view `patch8`; that of the shipped prior when left out.

    Returns:
        A picture of the same shape and type.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    pixels = checked(image)
    model = patch_model(model)
    effort = arguments.integer("effort", effort, 0, EFFORTS)
    deviation = estimate_sigma(pixels, model=model) if sigma is None else _checked(sigma)
    return plane_by_plane(
        pixels, lambda plane, noise: denoise_plane(plane, sigma=noise * deviation, effort=effort, model=model).values
    )


@in_one_blas_thread
def denoise_plane(
    plane: ArrayLike, *, sigma: float, effort: int = 1, model: JointMixture | None = None
) -> PlaneEstimate:
    """The same for one plane of floating-point code values, with the deviation of the estimate.

    Args:
        plane: (H, W).
        sigma: as in `denoise`.
        effort: as in `denoise`; the deviation is that of the passes, also where splitting goes on from them.
        model: as in `denoise`.
    """
    noisy = arguments.real("plane", plane)
    arguments.require_shape(noisy.ndim == 2 and noisy.size > 0, "plane", "(H, W)", noisy)
    model = patch_model(model)
    effort = arguments.integer("effort", effort, 0, EFFORTS)
    if _checked(sigma) == 0:
        return PlaneEstimate(values=noisy.copy(), deviation=np.zeros_like(noisy))
    height, width = noisy.shape
    # Mirrored where there is no whole patch.
    padded = np.pad(noisy, [(0, max(SIDE - length, 0)) for length in noisy.shape], mode="symmetric")
    estimate = smooth(model, padded, deviation=sigma)
    values = estimate.values
    if effort == 1:
        estimate = smooth(model, padded, deviation=sigma, guide=values, stride=2)
        values = estimate.values
    if effort == 2:
        values = half_quadratic(
            model,
            Identity(),
            padded,
            padded,
            noise_variance=sigma**2,
            levels=[sigma / math.sqrt(beta) for beta in _LEVELS],
        )
    return PlaneEstimate(values=values[:height, :width], deviation=estimate.deviation[:height, :width])


@in_one_blas_thread
def estimate_sigma(image: ArrayLike, *, model: JointMixture | None = None) -> float:
    """The deviation of white noise that makes a picture's patches likeliest under the prior, in 8-bit code values.

    Maximum likelihood of σ in Σ ln Σ_k π_k N(y; 0, C_k + σ² 1) over at most 2000 patches, between 0.25 and 200. The
    prior was fitted on pictures with some noise of their own, about a code value, which is not seen.

    Args:
        image: (H, W) or (H, W, 3), at least 8×8, `uint8` or `uint16`, without alpha. In colour the noise is looked for
            in the mean of R', G' and B'.
        model: as in `denoise`.
    """
    from scipy.optimize import minimize_scalar

    pixels = checked(image)
    arguments.require_shape(min(pixels.shape[:2]) >= SIDE, "image", "at least (8, 8)", pixels)
    model = patch_model(model)
    values = code_values(pixels)
    plane, share = (values, 1.0) if values.ndim == 2 else (values @ OPPONENT[0], NOISE)
    whole = plane[: plane.shape[0] // SIDE * SIDE, : plane.shape[1] // SIDE * SIDE]
    vectors = extract_patches(whole, SIDE) @ model.view.analysis.T
    vectors = vectors[:: math.ceil(len(vectors) / _PATCHES)]
    prior, one = model.mixture, np.eye(model.view.dimension)

    def surprise(log_sigma: float) -> float:
        noisy = GaussianMixture.from_covariances(prior.weights, prior.covariances + math.exp(2 * log_sigma) * one)
        return -float(noisy.log_likelihood(vectors).mean())

    bounds = (math.log(_SMALLEST), math.log(_LARGEST))
    found = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 0.01})
    return math.exp(found.x) / share


def _checked(sigma: float) -> float:
    arguments.require(0 <= sigma < math.inf, "sigma", "must be finite and not negative", sigma)
    return float(sigma)
