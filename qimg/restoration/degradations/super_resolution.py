"""Twice the pixels along each side: y = (k ∗ x)[::2, ::2] + n, k the 2×2 box mean or a given kernel."""

import math

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import arguments
from qimg.core.arguments import Array
from qimg.core.blas import in_one_blas_thread
from qimg.prior import JointMixture
from qimg.prior.views import zero_sum_basis
from qimg.restoration.degradations.half_quadratic import half_quadratic
from qimg.restoration.degradations.linear_maps import Convolution, checked_kernel, conditional_mean
from qimg.restoration.degradations.opponent import checked, plane_by_plane
from qimg.restoration.degradations.patch_average import SIDE, PatchAverage, PlaneEstimate, cut
from qimg.restoration.degradations.patch_posterior import PatchPosterior, condition, patch_model

FACTOR = 2
_ROUNDING = 1 / 12  # variance of rounding to whole code values: what is seen is never known better
_LEVELS = (12.0, 8.0, 6.0, 4.0, 3.0, 2.0)  # noise of the rounds of half-quadratic splitting, code values
_HALF = SIDE // FACTOR
_BATCH = 4096  # patches
_BOX = np.full((FACTOR, FACTOR), 1 / FACTOR**2)


def super_resolve(
    image: ArrayLike,
    *,
    sigma: float = 0.0,
    kernel: ArrayLike | None = None,
    model: JointMixture | None = None,
) -> Array:
    """A picture with twice as many rows and columns: the conditional mean of an 8×8 patch given its 4×4 box means.

    For any other kernel that is the beginning, and half-quadratic splitting the rest.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha.
        sigma: standard deviation of the noise in 8-bit code values, beside that of rounding.
        kernel: (h, w) that the large picture was convolved with before every second pixel was kept; even sides, sum 1,
            no larger than the large picture. The 2×2 box mean when left out.
        model: mixture of view `patch8`; that of the shipped prior when left out.

    Returns:
        (2H, 2W) or (2H, 2W, 3) of the same type.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    pixels = checked(image)
    model = patch_model(model)
    arguments.require(0 <= sigma < math.inf, "sigma", "must be finite and not negative", sigma)
    return plane_by_plane(
        pixels,
        lambda plane, noise: super_resolve_plane(plane, sigma=noise * sigma, kernel=kernel, model=model).values,
    )


@in_one_blas_thread
def super_resolve_plane(
    plane: ArrayLike,
    *,
    sigma: float = 0.0,
    kernel: ArrayLike | None = None,
    model: JointMixture | None = None,
) -> PlaneEstimate:
    """The same for one plane (H, W) of floating-point code values, with the deviation of the pass over the patches."""
    small = arguments.real("plane", plane)
    arguments.require_shape(small.ndim == 2 and small.size > 0, "plane", "(H, W)", small)
    arguments.require(0 <= sigma < math.inf, "sigma", "must be finite and not negative", sigma)
    model = patch_model(model)
    large = tuple(FACTOR * length for length in small.shape)
    taken = _BOX if kernel is None else checked_kernel(kernel, largest=large)
    even = all(side % FACTOR == 0 for side in taken.shape)
    arguments.require_shape(even, "kernel", "of two even sides, its middle being that of 2×2 pixels,", taken)
    noise_variance = sigma**2 + _ROUNDING
    # Continued by its mirror image where it has no whole patch.
    padded = np.pad(small, [(0, max(_HALF - length, 0)) for length in small.shape], mode="symmetric")
    first = _one_pass(model, padded, noise_variance)
    if kernel is None:
        return PlaneEstimate(
            values=first.values[: large[0], : large[1]], deviation=first.deviation[: large[0], : large[1]]
        )
    degradation = Convolution(taken, step=FACTOR)
    margin = [side // 2 - 1 for side in taken.shape]
    level = padded.mean()
    values = np.pad(first.values - level, [(side, side) for side in margin], mode="edge")
    values = conditional_mean(degradation, padded - level, values, ratio=noise_variance / _LEVELS[0] ** 2)
    values = half_quadratic(model, degradation, padded - level, values, noise_variance=noise_variance, levels=_LEVELS)
    inside = tuple(slice(side, side + length) for side, length in zip(margin, large, strict=True))
    return PlaneEstimate(values=values[inside] + level, deviation=first.deviation[: large[0], : large[1]])


def _one_pass(model: JointMixture, small: Array, noise_variance: float) -> PlaneEstimate:
    """Every 4×4 patch of the small plane gives its 8×8 pixels; the box mean of the level is the level."""
    posterior = _posterior(model, noise_variance)
    basis, synthesis = zero_sum_basis(_HALF**2).T, model.view.synthesis.T.astype(np.float32)
    rows, columns = (np.arange(length - _HALF + 1) for length in small.shape)
    average = PatchAverage(tuple(FACTOR * length for length in small.shape))
    step = max(1, _BATCH // len(columns))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        patches = cut(small, some, columns, _HALF)
        observed = patches @ basis
        values, variance = posterior.estimate(observed, posterior.gate(observed))
        level = patches.mean(axis=1, keepdims=True)
        average.add(FACTOR * some, FACTOR * columns, values @ synthesis + level, variance + noise_variance / _HALF**2)
    return average.estimate()


def _posterior(model: JointMixture, noise_variance: float) -> PatchPosterior:
    one = np.kron(np.eye(_HALF), np.full(FACTOR, 1 / FACTOR))
    means = np.kron(one, one)  # (16, 64)
    matrix = zero_sum_basis(_HALF**2) @ means @ model.view.synthesis
    return condition(model.mixture, matrix=matrix, noise_variance=noise_variance, pixels=model.view.synthesis)
