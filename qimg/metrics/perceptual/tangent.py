"""The tangent error: what is left of a difference of pictures after the best small deformation of every window."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, one_of
from qimg.metrics.perceptual.deformation import DEFORMATIONS, Difference, Residuals, backward, difference, residuals
from qimg.metrics.perceptual.filters import halving, separable_adjoint
from qimg.metrics.perceptual.scales import noise_variance, octaves, robust, robust_slope, stacked


def tangent_error(
    reference: ArrayLike,
    picture: ArrayLike,
    *,
    data_range: float | None = None,
    channel_axis: int | None = None,
    deformation: str = "shift",
) -> float:
    """Tangent error: the mean of log(1 + q/4) over windows and scales; 0 for equal pictures only, larger is worse.

    With the difference e = x − y and the mean m = (x + y)/2 of both pictures, a displacement d explains the part ∇m · d
    of e. In each Gaussian window (σ = 2 pixels)

        q = min_d { E[(e − ∇m · d)²] / Z + |d|²/τ² } = (E[e²] − bᵀ (A + Z/τ²)⁻¹ b) / Z

    with A = E[∇m ∇mᵀ], b = E[∇m e], τ = 1 pixel, and the variance Z = (2/255 · data_range)² + 0.1 Var m of noise that
    is invisible or masked: exact for the linearised deformation, whose most likely value under a Gaussian prior is d.
    E averages channels as well, which move together. An affine deformation adds displacements that are linear in the
    offset from the centre of the window, for rotations and changes of scale. Up to four octaves count alike; each needs
    8 rows and columns.

    Symmetric. The tangent distance (Simard, LeCun and Denker, 1993) in every window, with a prior.
    Cost: 7 + C means over the windows of all octaves, with "affine" 26 + C and a system of six equations per window.

    Args:
        reference: (H, W), or with C channels along `channel_axis`; H, W ≥ 8.
        picture: picture of the same shape.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.
        deformation: "shift", "affine", or "none" for the error without a deformation.

    Raises:
        ValueError: the shapes differ or are too small, or `data_range` is omitted for floats.

    >>> edge = np.where(np.arange(32) < 16, 0.0, 200.0) * np.ones((32, 1))
    >>> moved = np.where(np.arange(32) == 15, 100.0, edge)
    >>> [round(tangent_error(edge, moved, data_range=255, deformation=kind), 2) for kind in ("none", "shift")]
    [0.08, 0.02]
    """
    scales = _scales(reference, picture, data_range, channel_axis, deformation)
    return math.fsum(_mean_of(parts) for parts in scales) / len(scales)


def tangent_error_gradient(
    reference: ArrayLike,
    picture: ArrayLike,
    *,
    data_range: float | None = None,
    channel_axis: int | None = None,
    deformation: str = "shift",
) -> tuple[float, Array]:
    """`tangent_error` and its gradient with respect to `picture`, as `scipy.optimize.minimize(jac=True)` takes them.

    Exact, by the adjoints of all filters. Cost: about three times that of the error, seven times with "affine".

    Args:
        reference: as in `tangent_error`.
        picture: as in `tangent_error`.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.
        deformation: as in `tangent_error`.

    Returns:
        The error, and float64 derivatives of the shape of `picture`.
    """
    scales = _scales(reference, picture, data_range, channel_axis, deformation)
    errors, by_picture = [], np.zeros(())
    for k, parts in reversed(list(enumerate(scales))):
        error, by_this = _with_derivatives(parts)
        errors.append(error)
        by_this /= len(scales)
        coarser = separable_adjoint(halving, by_picture, halving, parts.error.shape[1:]) if k + 1 < len(scales) else 0
        by_picture = by_this + coarser
    gradient = by_picture[0] if channel_axis is None else np.moveaxis(by_picture, 0, channel_axis)
    return math.fsum(errors) / len(scales), gradient


def _scales(
    reference: ArrayLike, picture: ArrayLike, data_range: float | None, channel_axis: int | None, deformation: str
) -> list[Difference]:
    """The pictures at all scales, finest first."""
    terms = DEFORMATIONS[one_of("deformation", deformation, DEFORMATIONS)]
    noise = noise_variance(reference, picture, data_range)
    pairs = octaves(*stacked(reference, picture, channel_axis))
    return [difference(first - second, (first + second) / 2, noise, terms) for first, second in pairs]


def _mean_of(parts: Difference) -> float:
    """Mean of log(1 + q/4) over the windows of a scale."""
    total = math.fsum(float(robust(strip.values).sum()) for strip in residuals(parts))
    return total / parts.error[0].size


def _with_derivatives(parts: Difference) -> tuple[float, Array]:
    """As `_mean_of`, and its derivatives by the second picture at this scale, (C, H, W)."""
    count, totals = parts.error[0].size, []

    def strips() -> Iterator[tuple[Residuals, Array]]:
        for strip in residuals(parts):
            totals.append(float(robust(strip.values).sum()))
            yield strip, robust_slope(strip.values) / count

    by_difference, by_middle = backward(parts, strips())
    return math.fsum(totals) / count, by_middle / 2 - by_difference
