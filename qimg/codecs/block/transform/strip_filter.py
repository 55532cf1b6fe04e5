"""The decoder's filter for rows of a strip, of which more rows may arrive meanwhile."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.transform.smoothing import REACH, smooth_rows
from qimg.core import Array

ABOVE = REACH
"""Rows of the previous strip that the filter reads."""


class StripFilter(NamedTuple):
    """The input of the filter of a strip. The arrays are those of its coder, so that they fill as it decodes."""

    samples: Array
    """(planes, rows, width) int16 samples before the filter."""
    before: Array | None
    """(planes, 3, width) last rows of the previous strip before its filter; None at the top of the picture."""
    sizes: Array
    """(rows / 4, width / 4) int8 size index of the block of each 4×4 block."""
    steps: Array
    """(planes, rows / 32, width / 32) int64 steps of the superblocks."""
    weights: tuple[Array, ...]
    """Weights of each plane, as from `smoothing.by_lane`."""

    def filtered(self, plane: int, first: int, last: int, *, end: int) -> Array:
        """(last − first, width) filtered rows of a plane; copies of row `end` − 1 follow the first `end` rows.

        Args:
            plane: plane.
            first: first row, a multiple of 4.
            last: last row + 1, a multiple of 4.
            end: rows that are there, at least `last`.
        """
        samples = self.samples[plane]
        inside = samples[max(first - REACH, 0) : min(last + REACH, end)]
        missing = REACH - first if first < REACH else 0
        if missing and self.before is not None:
            inside = np.concatenate([self.before[plane, REACH - missing :], inside])
            missing = 0
        below = max(last + REACH - end, 0)
        margin = np.pad(inside, ((missing, below), (REACH, REACH)), mode="edge")
        out = np.empty((last - first, samples.shape[1]), np.int16)
        smooth_rows(margin, first >> 2, self.sizes, self.steps[plane], self.weights[plane], out)
        return out
