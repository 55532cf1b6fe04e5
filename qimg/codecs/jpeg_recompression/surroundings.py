"""What is known around a coefficient: neighbouring blocks, profiles of their edges, and the coded part of its block.

Coefficients are coded from the highest frequency to the lowest. From the linear features of this module follow the
conditional mean of a coefficient and its expected magnitude, by weights of the joint operator over neighbourhood and
block, which `qimg.codecs.jpeg_recompression.statistics` fits. A separable transform has correlations between
neighbouring blocks along rows and columns of frequencies only, which the profiles keep: the transform, along an edge,
of the two lines of samples next to it.

All values are dequantized, in integers.
"""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner
from qimg.images.jpeg.markers import ZIGZAG

MARGIN = 2
"""Blocks of zeros on each side of a row."""
CURRENT = 2
"""Row of the window that is coded; before it lie the two rows above."""
MEAN_FEATURES, MAGNITUDE_FEATURES = 16, 16
LAST_LINE, LINE_BEFORE, LAST_ROW, ROW_BEFORE = range(4)
"""Profiles of a block: of its last two columns, by row of frequencies, and of its last two rows, by column."""
FRACTION = 3
"""Bits of profiles, and of means and magnitudes in steps, after the point."""


class Surroundings(NamedTuple):
    """State of the blocks around the one that is coded."""

    quantized: Array
    """(3, columns + 4, 64) int32 window of quantized coefficients, row-major in each block."""
    values: Array
    """(3, columns + 4, 64) int32 dequantized coefficients."""
    profiles: Array
    """(2, columns + 4, 4, 8) int64 profiles of the blocks of the row above and of the current one, with `FRACTION`
    bits after the point."""
    lasts: Array
    """(2, columns + 4) int64 number of the last coefficient that is not zero, in the order of a file."""
    others: Array
    """(2, columns + 4, 64) int32 dequantized coefficients of the components before at the same place: of luma, in the
    sampling of this one, and of the chroma component before."""
    other_lasts: Array
    """(2, columns + 4) int64 `lasts` of these."""
    known: Array
    """(4, 8) int64 workspace: profiles of the coded part of the block at its first two columns and its first two rows."""
    steps: Array
    """(64,) int64 quantization steps."""
    inverse: Array
    """(64,) int64 2²⁰ / step."""
    mean: Array
    """(MEAN_FEATURES,) int64 workspace: features of the mean."""
    magnitude: Array
    """(MAGNITUDE_FEATURES,) int64 workspace: features of the magnitude."""
    edges: Array
    """(4, 8) int64 values of the cosines of each frequency at the first two samples and the last two, in 2⁻¹⁰."""


def new_surroundings(columns: int, steps: Array) -> Surroundings:
    """The surroundings of the first row of a component.

    Args:
        columns: blocks of a row.
        steps: (64,) quantization steps, row-major.
    """
    width = columns + 2 * MARGIN
    return Surroundings(
        quantized=np.zeros((3, width, 64), np.int32),
        values=np.zeros((3, width, 64), np.int32),
        profiles=np.zeros((2, width, 4, 8), np.int64),
        lasts=np.zeros((2, width), np.int64),
        others=np.zeros((2, width, 64), np.int32),
        other_lasts=np.zeros((2, width), np.int64),
        known=np.zeros((4, 8), np.int64),
        steps=steps.astype(np.int64),
        inverse=(1 << 20) // steps.astype(np.int64),
        mean=np.zeros(MEAN_FEATURES, np.int64),
        magnitude=np.zeros(MAGNITUDE_FEATURES, np.int64),
        edges=EDGES,
    )


EDGES = np.array(
    [
        [362, 502, 473, 426, 362, 284, 196, 100],
        [362, 426, 196, -100, -362, -502, -473, -284],
        [362, -502, 473, -426, 362, -284, 196, -100],
        [362, -426, 196, 100, -362, 502, -473, 284],
    ]
)
"""2¹⁰ times the orthonormal cosines of each frequency at the first sample, the second, the last, the last but one."""


def begin_row(around: Surroundings) -> None:
    """Advance to the next row of blocks."""
    for window in (around.quantized, around.values, around.profiles, around.lasts):
        window[:-1] = window[1:]
        window[-1] = 0


@inner
def begin_block(around: Surroundings) -> None:
    """Advance to the next block."""
    around.known[:] = 0


@inner
def set_coefficient(around: Surroundings, at: int, place: int, value: int) -> None:
    """Store a coefficient that is coded and not zero."""
    around.quantized[CURRENT, at, place] = value
    dequantized = value * around.steps[place]
    around.values[CURRENT, at, place] = dequantized
    row, column, known, edges = place >> 3, place & 7, around.known, around.edges
    known[0, row] += dequantized * edges[0, column] >> 10 - FRACTION
    known[1, row] += dequantized * edges[1, column] >> 10 - FRACTION
    known[2, column] += dequantized * edges[0, row] >> 10 - FRACTION
    known[3, column] += dequantized * edges[1, row] >> 10 - FRACTION


@inner
def end_block(around: Surroundings, at: int, last: int) -> None:
    """Store the profiles of a block that is coded."""
    around.lasts[1, at] = last
    values, edges, profiles = around.values[CURRENT, at], around.edges, around.profiles[1, at]
    for i in range(8):
        line, before, row, above = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        for j in range(8):
            across, down = np.int64(values[8 * i + j]), np.int64(values[8 * j + i])
            line += across * edges[2, j]
            before += across * edges[3, j]
            row += down * edges[2, j]
            above += down * edges[3, j]
        profiles[LAST_LINE, i] = line >> 10 - FRACTION
        profiles[LINE_BEFORE, i] = before >> 10 - FRACTION
        profiles[LAST_ROW, i] = row >> 10 - FRACTION
        profiles[ROW_BEFORE, i] = above >> 10 - FRACTION


@inner
def set_mean_features(around: Surroundings, at: int, place: int) -> None:
    """Set the features of the conditional mean of a coefficient, with `FRACTION` bits after the point."""
    row, column, known, f = place >> 3, place & 7, around.known, around.mean
    left, above = around.profiles[1, at - 1], around.profiles[0, at]
    f[0] = left[LAST_LINE, row]
    f[1] = left[LINE_BEFORE, row]
    f[2] = known[0, row]
    f[3] = known[1, row]
    f[4] = above[LAST_ROW, column]
    f[5] = above[ROW_BEFORE, column]
    f[6] = known[2, column]
    f[7] = known[3, column]
    values, others = around.values, around.others
    f[8] = np.int64(values[CURRENT, at - 1, place]) << FRACTION
    f[9] = np.int64(values[CURRENT - 1, at, place]) << FRACTION
    f[10] = np.int64(values[CURRENT - 1, at - 1, place]) << FRACTION
    f[11] = np.int64(values[CURRENT - 1, at + 1, place]) << FRACTION
    f[12] = np.int64(others[0, at, place]) << FRACTION
    f[13] = np.int64(others[1, at, place]) << FRACTION
    f[14] = np.int64(others[0, at - 1, place]) << FRACTION
    f[15] = np.int64(others[1, at - 1, place]) << FRACTION


@inner
def set_magnitude_features(around: Surroundings, at: int, place: int) -> None:
    """Set the features of the expected magnitude of a coefficient, with `FRACTION` bits after the point."""
    row, column, f, values = place >> 3, place & 7, around.magnitude, around.values
    block, left, above = values[CURRENT, at], values[CURRENT, at - 1], values[CURRENT - 1, at]
    f[0] = abs(np.int64(left[place]))
    f[1] = abs(np.int64(above[place]))
    f[2] = abs(np.int64(values[CURRENT - 1, at - 1, place])) + abs(np.int64(values[CURRENT - 1, at + 1, place]))
    f[3] = abs(np.int64(values[CURRENT, at - 2, place]))
    f[4] = abs(np.int64(values[CURRENT - 2, at, place]))
    f[5] = _around(left, row, column)
    f[6] = _around(above, row, column)
    f[7] = abs(np.int64(block[place + 1])) if column < 7 else 0
    f[8] = abs(np.int64(block[place + 8])) if row < 7 else 0
    f[9] = abs(np.int64(block[place + 9])) if row < 7 and column < 7 else 0
    f[10] = abs(np.int64(block[place + 2])) if column < 6 else 0
    f[11] = abs(np.int64(block[place + 16])) if row < 6 else 0
    f[12] = 0
    if row > 0 and column < 7:
        f[12] += abs(np.int64(block[place - 7]))
    if row < 7 and column > 0:
        f[12] += abs(np.int64(block[place + 7]))
    f[13] = abs(np.int64(around.others[0, at, place]))
    f[14] = abs(np.int64(around.others[1, at, place]))
    for i in range(15):
        f[i] <<= FRACTION
    f[15] = around.steps[place] << FRACTION


@inner
def _around(block: Array, row: int, column: int) -> int:
    """Sum of the magnitudes of the four neighbours of a frequency."""
    total, place = np.int64(0), 8 * row + column
    if row > 0:
        total += abs(np.int64(block[place - 8]))
    if row < 7:
        total += abs(np.int64(block[place + 8]))
    if column > 0:
        total += abs(np.int64(block[place - 1]))
    if column < 7:
        total += abs(np.int64(block[place + 1]))
    return total


PLACES = ZIGZAG.astype(np.int64)
"""(64,) row-major place of each coefficient in the order of a file."""
