"""Deblurring with a known kernel: y = k ∗ x + n."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, in_one_blas_thread
from qimg.prior import JointMixture
from qimg.restoration.degradations.half_quadratic import half_quadratic
from qimg.restoration.degradations.linear_maps import CircularBlur, Convolution, LinearMap, conditional_mean
from qimg.restoration.degradations.patch_posterior import patch_model
from qimg.restoration.degradations.planes import (
    SIDE,
    Degradation,
    PlaneEstimate,
    checked_kernel,
    checked_plane,
    checked_sigma,
    continued,
    plane_by_plane,
)

Boundary = Literal["unknown", "wrap"]

_FIRST, _COUPLING = 20.0, 0.3  # noise of the first round in code values; weight of the prior
_SMALLEST = 0.5  # noise of the last round in code values
_START_RATIO = 0.05  # ratio of noise to signal of the first, linear estimate


def deblur(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    sigma: float,
    boundary: Boundary = "unknown",
    effort: int = arguments.EFFORT,
    model: JointMixture | None = None,
) -> Array:
    """Remove a known blur from a picture by half-quadratic splitting between the prior and y = k ∗ x + n.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha.
        kernel: (h, w) k, odd sides, sum 1, no larger than the picture; a convolution, as in scikit-image.
        sigma: standard deviation of the noise in 8-bit code values, positive; rounding alone is 0.29.
        boundary: "unknown": pixels beyond the edge are estimated as well (conjugate gradients); "wrap": they equal
            those at the opposite edge (one division in the Fourier basis).
        effort: 1 to 9: 2 · effort + 2 rounds of half-quadratic splitting, 12 by default.
        model: mixture of view `patch8`; that of the shipped prior when left out.

    Returns:
        A picture of the same shape and type.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    deviation = checked_sigma(sigma, positive=True)
    return plane_by_plane(
        image,
        lambda plane, noise: deblur_plane(
            plane, kernel, sigma=noise * deviation, boundary=boundary, effort=effort, model=model
        ),
    )


@in_one_blas_thread
def deblur_plane(
    plane: ArrayLike,
    kernel: ArrayLike,
    *,
    sigma: float,
    boundary: Boundary = "unknown",
    effort: int = arguments.EFFORT,
    model: JointMixture | None = None,
) -> PlaneEstimate:
    """`deblur` for one plane (H, W) of floating-point code values; the deviation is not computed and is NaN."""
    blurred = checked_plane(plane)
    sigma = checked_sigma(sigma, positive=True)
    arguments.one_of("boundary", boundary, ["unknown", "wrap"])
    rounds = 2 * arguments.effort(effort) + 2
    weights = checked_kernel(kernel, largest=blurred.shape)
    odd = all(side % 2 == 1 for side in weights.shape)
    arguments.require_shape(odd, "kernel", "of two odd sides", weights)
    level = blurred.mean()  # conjugate gradients measure their residual relative to the deviations from it
    margin = [(0, 0), (0, 0)]
    observed = blurred - level
    degradation: LinearMap = CircularBlur(weights, blurred.shape)
    if boundary == "wrap":
        arguments.require_shape(min(blurred.shape) >= SIDE, "plane", "at least (8, 8) for boundary wrap", blurred)
    else:
        degradation = Convolution(weights)
        margin = [(side // 2, side // 2) for side in weights.shape]
        observed = continued(observed)
    start = conditional_mean(degradation, observed, np.pad(observed, margin, mode="edge"), ratio=_START_RATIO)
    restored = half_quadratic(
        patch_model(model),
        degradation,
        observed,
        start,
        noise_variance=sigma**2,
        levels=np.geomspace(_FIRST, min(max(sigma / 2, _SMALLEST), _FIRST), rounds).tolist(),
        coupling=_COUPLING,
    )
    (top, _), (left, _) = margin
    values = restored[top : top + blurred.shape[0], left : left + blurred.shape[1]] + level
    return PlaneEstimate(values=values, deviation=np.full(values.shape, np.nan))


DEBLUR = Degradation(name="known blur and noise", verb="deblur", restore=deblur, restore_plane=deblur_plane)
