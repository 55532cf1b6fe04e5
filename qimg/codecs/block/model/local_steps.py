"""Steps of the current superblock: those of the picture, or others where a file has a map of steps."""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner

FURTHEST = 24
"""Largest offset of a superblock in eighths of an octave: three octaves."""


class Ladder(NamedTuple):
    """Steps at every offset; those of the picture are in the middle."""

    steps: Array
    """(offsets, 3) int64 steps in units of samples."""
    log_steps: Array
    """(offsets, 3) int64 8 log₂(step / 64)."""
    levels: Array
    """(offsets,) int64 coarse logarithm of the luma step, 0 to 7."""


class Local(NamedTuple):
    """Steps of the current superblock."""

    steps: Array
    """(3,) int64."""
    log_steps: Array
    """(3,) int64."""
    level: Array
    """(1,) int64."""


def new_local() -> Local:
    """Arrays for the steps of a superblock."""
    return Local(np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros(1, np.int64))


@inner
def localise(local: Local, ladder: Ladder, offset: int) -> None:
    """Write the steps at an offset to `local`."""
    row = offset + (len(ladder.levels) >> 1)
    for plane in range(3):
        local.steps[plane] = ladder.steps[row, plane]
        local.log_steps[plane] = ladder.log_steps[row, plane]
    local.level[0] = ladder.levels[row]
