"""What the local measures share: octaves of two pictures, visible noise, and the mean of robust errors."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array
from qimg.metrics.perceptual.filters import halving, separable
from qimg.metrics.pixels import planes, range_of

SCALES = 4
"""Octaves, as many as have at least `SMALLEST` rows and columns."""
SMALLEST = 8
"""Fewest rows and columns of a scale."""
NOISE = 2 / 255
"""Standard deviation of invisible noise, as a fraction of the range."""
MASKING = 0.1
"""Part of the variance of the pictures that masks errors."""
ROBUSTNESS = 4.0
"""The value of q from which on the error of a window grows as its logarithm."""


def stacked(reference: ArrayLike, picture: ArrayLike, channel_axis: int | None) -> tuple[Array, Array]:
    """Both pictures as (C, H, W), checked."""
    pairs = planes(reference, picture, channel_axis, smallest=SMALLEST)
    first, second = (np.stack(side) for side in zip(*pairs, strict=True))
    return first, second


def noise_variance(reference: ArrayLike, picture: ArrayLike, data_range: float | None) -> float:
    """Variance of invisible noise."""
    return (NOISE * range_of(reference, picture, data_range)) ** 2


def octaves(first: Array, second: Array) -> Iterator[tuple[Array, Array]]:
    """Two pictures (C, H, W) at all scales, finest first."""
    yield first, second
    for _ in range(SCALES - 1):
        if min(first.shape[1:]) < 2 * SMALLEST:
            return
        first, second = (separable(halving, side, halving) for side in (first, second))
        yield first, second


def robust(values: Array) -> Array:
    """log(1 + q / `ROBUSTNESS`) of each window."""
    return np.asarray(np.log1p(values / ROBUSTNESS))


def robust_slope(values: Array) -> Array:
    """Derivative of `robust`."""
    return np.asarray(1 / (ROBUSTNESS + values))
