"""A known blur taken back: y = k ∗ x + n."""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import arguments
from qimg.core.arguments import Array
from qimg.core.blas import in_one_blas_thread
from qimg.prior import JointMixture
from qimg.restoration.degradations.half_quadratic import half_quadratic
from qimg.restoration.degradations.linear_maps import (
    CircularBlur,
    Convolution,
    LinearMap,
    checked_kernel,
    conditional_mean,
)
from qimg.restoration.degradations.opponent import checked, plane_by_plane
from qimg.restoration.degradations.patch_average import SIDE
from qimg.restoration.degradations.patch_posterior import patch_model

Boundary = Literal["unknown", "wrap"]

ROUNDS = 12
"""Rounds of half-quadratic splitting."""

_FIRST, _COUPLING = 20.0, 0.3  # noise of the first round, code values, and weight of the prior
_SMALLEST = 0.5  # noise of the last round, code values
_START_RATIO = 0.05  # noise over signal of the first, linear, estimate


def deblur(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    sigma: float,
    boundary: Boundary = "unknown",
    rounds: int = ROUNDS,
    model: JointMixture | None = None,
) -> Array:
    """A picture without a known blur, under the prior: half-quadratic splitting of the patches and of y = k ∗ x + n.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha.
        kernel: (h, w) k, odd sides, sum 1, no larger than the picture; a convolution, as in scikit-image.
        sigma: standard deviation of the noise in 8-bit code values, positive; rounding alone is 0.29.
        boundary: "unknown": pixels beyond the edge are estimated as well (conjugate gradients); "wrap": they are those
            at the opposite edge (one division in the Fourier basis).
        rounds: at least 1.
        model: mixture of view `patch8`; that of the shipped prior when left out.

    Returns:
        A picture of the same shape and type.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    pixels = checked(image)
    model = patch_model(model)
    _check(pixels.shape, kernel, sigma, boundary, rounds)
    return plane_by_plane(
        pixels,
        lambda plane, noise: deblur_plane(
            plane, kernel, sigma=noise * sigma, boundary=boundary, rounds=rounds, model=model
        ),
    )


@in_one_blas_thread
def deblur_plane(
    plane: ArrayLike,
    kernel: ArrayLike,
    *,
    sigma: float,
    boundary: Boundary = "unknown",
    rounds: int = ROUNDS,
    model: JointMixture | None = None,
) -> Array:
    """The same for one plane (H, W) of floating-point code values; the result is not clipped."""
    blurred = arguments.real("plane", plane)
    arguments.require_shape(blurred.ndim == 2 and blurred.size > 0, "plane", "(H, W)", blurred)
    taken = _check(blurred.shape, kernel, sigma, boundary, rounds)
    model = patch_model(model)
    level = blurred.mean()  # conjugate gradients measure their residual without it
    if boundary == "wrap":
        arguments.require_shape(min(blurred.shape) >= SIDE, "plane", "at least (8, 8) for boundary wrap", blurred)
        degradation: LinearMap = CircularBlur(taken, blurred.shape)
        margin = [(0, 0), (0, 0)]
        observed = blurred - level
    else:
        degradation = Convolution(taken)
        # A picture with less than a patch is continued by its own mirror image.
        short = [(0, max(SIDE - length, 0)) for length in blurred.shape]
        margin = [(side // 2, side // 2) for side in taken.shape]
        observed = np.pad(blurred - level, short, mode="symmetric")
    start = np.pad(observed, margin, mode="edge")
    start = conditional_mean(degradation, observed, start, ratio=_START_RATIO)
    restored = half_quadratic(
        model,
        degradation,
        observed,
        start,
        noise_variance=sigma**2,
        levels=np.geomspace(_FIRST, min(max(sigma / 2, _SMALLEST), _FIRST), rounds).tolist(),
        coupling=_COUPLING,
    )
    (top, _), (left, _) = margin
    return restored[top : top + blurred.shape[0], left : left + blurred.shape[1]] + level


def _check(shape: tuple[int, ...], kernel: ArrayLike, sigma: float, boundary: str, rounds: int) -> Array:
    arguments.require(0 < sigma < math.inf, "sigma", "must be finite and positive", sigma)
    arguments.one_of("boundary", boundary, ["unknown", "wrap"])
    arguments.integer("rounds", rounds, 1)
    taken = checked_kernel(kernel, largest=shape)
    odd = all(side % 2 == 1 for side in taken.shape)
    arguments.require_shape(odd, "kernel", "of two odd sides, the middle pixel being the origin,", taken)
    return taken
