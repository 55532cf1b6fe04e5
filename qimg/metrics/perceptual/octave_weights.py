"""What errors weigh in the tangent error: a map for each octave, and the filters through which an octave sees them."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, require
from qimg.metrics.perceptual.deformation import difference, residuals
from qimg.metrics.perceptual.filters import Banded, halving, smoothing
from qimg.metrics.perceptual.scales import MASKING, ROBUSTNESS, noise_variance, octaves, stacked


def tangent_weights(
    reference: ArrayLike,
    *,
    data_range: float | None = None,
    channel_axis: int | None = None,
    expected_error: float = 0.0,
) -> list[Array]:
    """Weights of squared errors at each octave of `tangent_error`, finest first.

    At the sample u of an octave, Σ over windows w of g_w(u) / (4 Z_w + D_w): with the Gaussian g and the masked variance
    Z of the picture, and the squared error D that a codec leaves in the window. They are the slopes of
    log(1 + q/4) = log(1 + D/4Z) by the squared error, times 4 where D = 0. A window in which much is lost already counts
    less for what else is lost.

    Cost: 2 + C means over the windows of all octaves.

    Args:
        reference: picture as in `tangent_error`.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.
        expected_error: mean squared error of a pixel that is expected, white, before the octaves' filters and where
            the picture has as much variance; 0 for errors that are small against Z.

    Returns:
        (H, W), (H // 2, W // 2), … float64.
    """
    require(expected_error >= 0, "expected_error", "must be at least 0", expected_error)
    noise = noise_variance(reference, reference, data_range)
    picture, _ = stacked(reference, reference, channel_axis)
    maps = []
    for octave, (one, _) in enumerate(octaves(picture, picture)):
        left = expected_error * passed_energy(octave)
        weights = np.zeros(one.shape[1:])
        for strip in residuals(difference(np.zeros_like(one), one, noise, ())):
            masked = ROBUSTNESS * strip.variance
            if left > 0:
                masked = masked + np.minimum(left, (strip.variance - noise) / MASKING)
            weights += strip.windows.adjoint(1 / masked)
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
