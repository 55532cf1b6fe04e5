"""Overlapping 8×8 patches of a plane: their places, and the precision-weighted average of their estimates."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from qimg.core import Array
from qimg.restoration.degradations.planes import SIDE, PlaneEstimate


def places(length: int, stride: int, offset: int = 0) -> Array:
    """First pixels of patches along a side: every `stride` pixels, both ends and the middle included, mirror-symmetric.

    Args:
        length: of the side, at least 8.
        stride: 1 to 8.
        offset: place of the first patch, 0 to stride − 1.

    >>> places(18, 4)
    array([ 0,  4,  5,  6, 10])
    """
    last = length - SIDE
    half = np.append(np.arange(offset, last // 2 + 1, stride), [0, last // 2])
    return np.unique(np.concatenate([half, last - half]))


def cut(plane: Array, rows: Array, columns: Array, side: int = SIDE) -> Array:
    """(n, side²) patches that begin at every pair of a row and a column."""
    return sliding_window_view(plane, (side, side))[rows][:, columns].reshape(-1, side * side)


class PatchAverage:
    """Precision-weighted average of overlapping patches."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._sum = np.zeros(shape)
        self._precision = np.zeros(shape)
        self._count = np.zeros(shape)

    def add(self, rows: Array, columns: Array, patches: Array, variance: Array) -> None:
        """Add the patches (n, 64) with their variances (n, 64) that begin at every pair of a row and a column."""
        precision = 1 / variance.astype(np.float64)
        grid = (len(rows), len(columns), SIDE, SIDE)
        weighted, precision = (patches * precision).reshape(grid), precision.reshape(grid)
        for i in range(SIDE):
            for j in range(SIDE):
                # Patches begin at different pixels, so no pixel occurs twice at one (i, j).
                at = np.ix_(rows + i, columns + j)
                self._sum[at] += weighted[:, :, i, j]
                self._precision[at] += precision[:, :, i, j]
                self._count[at] += 1

    def add_pixels(self, rows: Array, columns: Array, values: Array, variance: Array) -> None:
        """Add distinct single pixels; all arrays (n,)."""
        self._sum[rows, columns] += values / variance
        self._precision[rows, columns] += 1 / variance
        self._count[rows, columns] += 1

    def estimate(self) -> PlaneEstimate:
        """The weighted average; NaN where nothing was added."""
        with np.errstate(invalid="ignore"):
            return PlaneEstimate(values=self._sum / self._precision, deviation=np.sqrt(self._count / self._precision))
