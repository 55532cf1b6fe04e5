"""Bures distances between the local density matrices of the patches of two pictures: the same texture is near."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, one_of, require
from qimg.metrics.perceptual.filters import Windows, windows
from qimg.metrics.perceptual.scales import MASKING, noise_variance, octaves, robust, stacked
from qimg.metrics.quantum import bures_squared

SIDE = 3
"""Rows and columns of a patch."""
WINDOW_SIGMA = 4.0
"""Standard deviation of the windows in pixels of the scale: enough patches for their variances to be steady."""
STEP = 4
"""Distance of neighbouring windows in pixels."""

Statistics = tuple[Array, Array]
"""(9, h, w) means of the patches' pixels or coefficients, and their variances or covariance matrices, per window."""


def patch_bures(
    reference: ArrayLike,
    picture: ArrayLike,
    *,
    data_range: float | None = None,
    channel_axis: int | None = None,
    states: str = "diagonal",
    fidelity: float = 0.0,
) -> float:
    """Wasserstein-2 distance between local Gaussians of 3×3 patches: the mean of log(1 + q/4) over windows and scales.

    In each Gaussian window (σ = 4 pixels, every fourth pixel) the patches have a mean μ and a covariance Σ = tr Σ · ρ
    with the density matrix ρ. With B the Bures distance and d = 9,

        q = (|μ_x − μ_y|² + B²(Σ_x, Σ_y) + w E|p_x − p_y|²) / (d Z),
        B² = tr Σ_x + tr Σ_y − 2 √(tr Σ_x tr Σ_y F(ρ_x, ρ_y)),

    where Z = (2/255 · data_range)² + 0.1 (tr Σ_x + tr Σ_y) / 2d is the variance of masked noise. "diagonal" takes the
    populations of Σ in the basis of the 2-D DCT alone, so that B² = Σ_k (σ_xk − σ_yk)², which is never larger.

    Symmetric. A texture and another sample of it are near, whatever their pixels; so the measure cannot stand alone as
    an objective without a weight w = `fidelity` of the squared difference of patches at equal positions. Pictures at
    distance 0 are equal if w > 0. Channels are averaged. Exact for Gaussian patches; otherwise q at w = 0 is a lower
    bound of the patches' Wasserstein-2 distance, squared (Gelbrich, 1990), over d Z.
    Cost: 36 window means of each plane, "full" 108 and an eigendecomposition per window.

    Args:
        reference: (H, W), or with channels along `channel_axis`; H, W ≥ 8.
        picture: picture of the same shape.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.
        states: "diagonal" or "full".
        fidelity: weight w of the term of fidelity, at least 0.

    Raises:
        ValueError: the shapes differ or are too small, `data_range` is omitted for floats, or `fidelity` is negative.

    >>> stripes = 100.0 * (np.arange(32) // 2 % 2) * np.ones((32, 1))
    >>> moved = np.roll(stripes, 2, axis=1)
    >>> [round(patch_bures(stripes, moved, data_range=255, fidelity=weight), 2) for weight in (0, 1)]
    [0.17, 2.09]
    """
    statistics = _STATES[one_of("states", states, _STATES)]
    require(fidelity >= 0 and math.isfinite(fidelity), "fidelity", "must be at least 0 and finite", fidelity)
    noise = noise_variance(reference, picture, data_range)
    means = [
        float(np.mean([_mean_of(*pair, noise, statistics, fidelity) for pair in zip(first, second, strict=True)]))
        for first, second in octaves(*stacked(reference, picture, channel_axis))
    ]
    return math.fsum(means) / len(means)


def _mean_of(
    first: Array, second: Array, noise: float, statistics: Callable[..., Statistics], fidelity: float
) -> float:
    """Mean of log(1 + q/4) over the windows of two planes of one scale."""
    level = (first.mean() + second.mean()) / 2  # keeps squares small beside variances
    pair = [_patches(plane - level) for plane in (first, second)]
    place = windows(pair[0].shape[1:], 0, slice(None), sigma=WINDOW_SIGMA, step=STEP)
    (mean, spread), (other_mean, other_spread) = (statistics(place, patches) for patches in pair)
    distance, trace = _squared_distance(spread, other_spread)
    total = ((mean - other_mean) ** 2).sum(axis=0) + distance
    if fidelity:
        total = total + fidelity * place.mean(((pair[0] - pair[1]) ** 2).sum(axis=0))
    dimension = SIDE**2
    return float(robust(total / (dimension * noise + MASKING * trace / 2)).mean())


def _patches(plane: Array) -> Array:
    """(9, H − 2, W − 2) the patch around each pixel that is not at the border, row-major."""
    height, width = (n - SIDE + 1 for n in plane.shape)
    return np.stack([plane[i : i + height, j : j + width] for i in range(SIDE) for j in range(SIDE)])


def _populations(place: Windows, patches: Array) -> Statistics:
    """Means and variances of the DCT coefficients."""
    coefficients = np.tensordot(_cosines(), patches, axes=1)
    mean = np.stack([place.mean(plane) for plane in coefficients])
    return mean, np.maximum(np.stack([place.mean(plane**2) for plane in coefficients]) - mean**2, 0)


@cache
def _cosines() -> Array:
    """(9, 9) the 2-D DCT of row-major patches."""
    from scipy.fft import dct

    basis = dct(np.eye(SIDE), axis=0, norm="ortho")
    return np.kron(basis, basis)


def _covariances(place: Windows, patches: Array) -> Statistics:
    """Means of the pixels, and (h, w, 9, 9) covariances."""
    mean = np.stack([place.mean(plane) for plane in patches])
    dimension = len(patches)
    covariance = np.empty((*mean.shape[1:], dimension, dimension))
    for i in range(dimension):
        for j in range(i + 1):
            entry = place.mean(patches[i] * patches[j]) - mean[i] * mean[j]
            covariance[..., i, j] = covariance[..., j, i] = entry
    return mean, covariance


_STATES: dict[str, Callable[[Windows, Array], Statistics]] = {"diagonal": _populations, "full": _covariances}


def _squared_distance(spread: Array, other: Array) -> tuple[Array, Array]:
    """B² and tr Σ_x + tr Σ_y in each window."""
    if spread.ndim == 3:
        return ((np.sqrt(spread) - np.sqrt(other)) ** 2).sum(axis=0), (spread + other).sum(axis=0)
    trace = np.trace(spread + other, axis1=-2, axis2=-1)
    return bures_squared(spread, other), np.maximum(trace, 0)
