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

MARGIN = 2
"""Blocks of zeros on each side of a row."""
CURRENT = 2
"""Row of the window that is coded; before it lie the two rows above."""
PADDED = 10
"""Columns of the block that is coded, with zeros on the right and below, and one column of them on the left."""
LAST_LINE, LINE_BEFORE, LAST_ROW, ROW_BEFORE = range(4)
"""Profiles of a block: of its last two columns, by row of frequencies, and of its last two rows, by column."""
_LARGEST_SUM = (1 << 31) - 1
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
    sums: Array
    """(2, columns + 4, 64) int32 sums of the magnitudes of the four frequencies around each one."""
    block: Array
    """(102,) int64 workspace: magnitudes of the coded part of the block, in rows of `PADDED`."""
    lasts: Array
    """(2, columns + 4) int64 number of the last coefficient that is not zero, in the order of a file."""
    others: Array
    """(2, columns + 4, 64) int32 dequantized coefficients of the components before at the same place: of luma, in the
    sampling of this one, and of the chroma component before."""
    other_lasts: Array
    """(2, columns + 4) int64 `lasts` of these."""
    known: Array
    """(4, 8) int64 workspace: profiles of the coded part of the block: of its first two columns and first two rows."""
    steps: Array
    """(64,) int64 quantization steps."""
    inverse: Array
    """(64,) int64 2²⁰ / step."""
    edges: Array
    """(4, 8) int64 values of the cosines of each frequency at the first two samples and the last two, in 2⁻¹⁰."""
    inverse_edges: Array
    """(8,) int64 2²⁰ / `edges[0]`."""


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
        sums=np.zeros((2, width, 64), np.int32),
        block=np.zeros(PADDED * PADDED + 2, np.int64),
        edges=EDGES,
        inverse_edges=(1 << 20) // EDGES[0],
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
    for window in (around.quantized, around.values, around.profiles, around.sums, around.lasts):
        window[:-1] = window[1:]
        window[-1] = 0


@inner
def begin_block(around: Surroundings) -> None:
    """Advance to the next block."""
    around.known[:] = 0
    around.block[:] = 0


@inner
def set_coefficient(around: Surroundings, at: int, place: int, value: int) -> None:
    """Store a coefficient that is coded and not zero."""
    around.quantized[CURRENT, at, place] = value
    dequantized = value * around.steps[place]
    around.values[CURRENT, at, place] = dequantized
    row, column, known, edges = place >> 3, place & 7, around.known, around.edges
    around.block[PADDED * row + column + 1] = abs(dequantized)
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
    _set_sums(around, at)


@inner
def _set_sums(around: Surroundings, at: int) -> None:
    sums, block = around.sums[1, at], around.block
    for row in range(8):
        for column in range(8):
            place = PADDED * row + column + 1
            total = block[place - 1] + block[place + 1] + block[place + PADDED]
            if row > 0:
                total += block[place - PADDED]
            sums[8 * row + column] = min(total, _LARGEST_SUM)
