"""Upscaling by 2: y = (k ∗ x)[::2, ::2] + n, where k is the 2×2 box mean or another kernel."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, in_one_blas_thread
from qimg.prior import JointMixture
from qimg.prior.views import zero_sum_basis
from qimg.restoration.degradations.half_quadratic import half_quadratic, patch_means
from qimg.restoration.degradations.linear_maps import Convolution, conditional_mean
from qimg.restoration.degradations.patch_posterior import condition, patch_model
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

FACTOR = 2
_ROUNDING = 1 / 12  # variance of rounding to whole code values, always added
_LEVELS = (12.0, 8.0, 6.0, 4.0, 3.0, 2.0)  # noise of the rounds of half-quadratic splitting, code values
_HALF = SIDE // FACTOR


def upscale(
    image: ArrayLike,
    *,
    sigma: float = 0.0,
    kernel: ArrayLike | None = None,
    model: JointMixture | None = None,
) -> Array:
    """Double the rows and columns of a picture: the conditional mean of 8×8 patches given their 4×4 box means.

    For other kernels half-quadratic splitting starts from this mean.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha.
        sigma: standard deviation of the noise in 8-bit code values, in addition to rounding.
        kernel: (h, w) kernel with which the large picture was convolved before subsampling by 2; even sides, sum 1, no
            larger than the large picture. The 2×2 box mean when left out.
        model: mixture of view `patch8`; that of the shipped prior when left out.

    Returns:
        (2H, 2W) or (2H, 2W, 3) of the same type.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    deviation = checked_sigma(sigma)
    return plane_by_plane(
        image, lambda plane, noise: upscale_plane(plane, sigma=noise * deviation, kernel=kernel, model=model)
    )


@in_one_blas_thread
def upscale_plane(
    plane: ArrayLike,
    *,
    sigma: float = 0.0,
    kernel: ArrayLike | None = None,
    model: JointMixture | None = None,
) -> PlaneEstimate:
    """`upscale` for one plane (H, W) of floating-point code values, with the deviation of the estimates of patches."""
    small = checked_plane(plane)
    noise_variance = checked_sigma(sigma) ** 2 + _ROUNDING
    model = patch_model(model)
    large = tuple(FACTOR * length for length in small.shape)
    padded = continued(small, _HALF)
    estimate = _from_box_means(model, padded, noise_variance)
    if kernel is None:
        return estimate.cropped(large)
    weights = checked_kernel(kernel, largest=large)
    even = all(side % FACTOR == 0 for side in weights.shape)
    arguments.require_shape(even, "kernel", "of two even sides, its middle being that of 2×2 pixels,", weights)
    degradation = Convolution(weights, step=FACTOR)
    margin = [side // 2 - 1 for side in weights.shape]
    level = padded.mean()
    values = np.pad(estimate.values - level, [(side, side) for side in margin], mode="edge")
    values = conditional_mean(degradation, padded - level, values, ratio=noise_variance / _LEVELS[0] ** 2)
    values = half_quadratic(model, degradation, padded - level, values, noise_variance=noise_variance, levels=_LEVELS)
    return replace(estimate, values=values[margin[0] :, margin[1] :] + level).cropped(large)


def _from_box_means(model: JointMixture, small: Array, noise_variance: float) -> PlaneEstimate:
    """Conditional means of the 8×8 pixels of every 4×4 patch of the small plane; box means preserve the level."""
    basis, synthesis = zero_sum_basis(_HALF**2), model.view.synthesis
    one = np.kron(np.eye(_HALF), np.full(FACTOR, 1 / FACTOR))
    matrix = basis @ np.kron(one, one) @ synthesis
    posterior = condition(model.mixture, matrix=matrix, noise_variance=noise_variance, pixels=synthesis)
    rows, columns = (np.arange(length - _HALF + 1) for length in small.shape)
    return patch_means(
        model, (small,), (rows, columns), posterior=posterior, gate=posterior, analysis=basis.T, side=_HALF
    )


UPSCALE = Degradation(name="half the resolution", verb="upscale", restore=upscale, restore_plane=upscale_plane)
