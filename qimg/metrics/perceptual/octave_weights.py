"""What errors weigh in the tangent error: a map for each octave, and the filters through which an octave sees them."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array
from qimg.metrics.perceptual.deformation import difference, residuals
from qimg.metrics.perceptual.filters import Banded, halving, smoothing
from qimg.metrics.perceptual.scales import ROBUSTNESS, noise_variance, octaves, stacked


def tangent_weights(
    reference: ArrayLike,
    *,
    data_range: float | None = None,
    channel_axis: int | None = None,
) -> list[Array]:
    """Weights of small squared errors at each octave of `tangent_error` without deformation, finest first.

    At the sample u of an octave, Σ over windows w of g_w(u) / 4Z_w with the Gaussian g and the masked variance Z of the
    picture. For small errors e the tangent error without deformation is the mean over octaves of the mean over samples
    of weight · ē², where ē is the error after the filters of the octave and ē² is averaged over channels.

    Cost: 2 + C means over the windows of all octaves.

    Args:
        reference: picture as in `tangent_error`.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.

    Returns:
        (H, W), (H // 2, W // 2), … float64.

    Raises:
        ValueError: as by `tangent_error`.
    """
    noise = noise_variance(reference, reference, data_range)
    picture, _ = stacked(reference, reference, channel_axis)
    maps = []
    for one, _ in octaves(picture, picture):
        weights = np.zeros(one.shape[1:])
        for strip in residuals(difference(np.zeros_like(one), one, noise, ())):
            weights += strip.windows.adjoint(1 / (ROBUSTNESS * strip.variance))
        maps.append(weights)
    return maps


def passed_energy(octave: int) -> float:
    """Variance of white noise of variance 1 at an octave."""
    taps = response(octave)
    return float((taps @ taps) ** 2)


@lru_cache(maxsize=8)
def response(octave: int) -> Array:
    """Taps of the filter, for rows and for columns, through which an octave sees a picture."""
    length = 64 << octave
    matrix = octave_matrix(length, octave)
    middle = matrix[[matrix.shape[0] // 2]].tocoo()
    taps = np.zeros(np.ptp(middle.coords[1]) + 1)
    taps[middle.coords[1] - middle.coords[1].min()] = middle.data
    return taps


def octave_matrix(n: int, octave: int) -> Banded:
    """(n >> octave, n) halvings and the smoothing along one axis."""
    matrix = None
    for _ in range(octave):
        step = halving(n)
        matrix, n = step if matrix is None else step @ matrix, n // 2
    return smoothing(n) if matrix is None else smoothing(n) @ matrix
