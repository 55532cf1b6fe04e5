"""Template matching: prediction of a block from places whose decoded surroundings resemble those of the block.

The template of a block is the luma above and left of it. A block may repeat a structure that was decoded before; then
its template resembles the template there. Decoder and encoder search the same places, so that none of them is coded
(Tan, Boon and Suzuki: Intra prediction by template matching, ICIP 2006). The mean over several places reduces their
quantization noise, and the class of the block predicts what differs: its predictor is applied to the differences
between the rings.
"""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.transform.geometry import LARGEST, SMALLEST, SUPERBLOCK, has_top_right, interleaved
from qimg.core import Array
from qimg.core.compiled import compiled, inner

MATCHES = 4
"""Places whose mean predicts a block."""
THICKNESS = 3
"""Rows and columns of a template."""
ACROSS, UP, DOWN = 64, 48, 16
"""Largest distance of a place to either side, above and below the block, in samples."""
LARGEST_SIZE = 2
"""Largest size index of matched blocks: 16 × 16."""
_FAR = 1 << 30


class Matches(NamedTuple):
    """Places that match a block, with workspaces."""

    row: Array
    """(4,) int64 row of the upper left sample of each place in the strip."""
    column: Array
    """(4,) int64."""
    distance: Array
    """(4,) int64 sum of the absolute differences between the templates, increasing."""
    row_distances: Array
    """(129,) int32 of the places in one row."""


def new_matches() -> Matches:
    """Arrays for the matches of one block."""
    return Matches(
        row=np.zeros(MATCHES, np.int64),
        column=np.zeros(MATCHES, np.int64),
        distance=np.zeros(MATCHES, np.int64),
        row_distances=np.zeros(2 * ACROSS + 1, np.int32),
    )


@compiled
def can_match(t: int, y: int, x: int) -> bool:
    """Whether a block has a template and at least `MATCHES` places.

    Args:
        t: size index.
        y: row of the block in its strip.
        x: column.
    """
    return t <= LARGEST_SIZE and y > 0 and x > 0 and (y >= SUPERBLOCK or x >= SUPERBLOCK)


@compiled
def decoded_columns(row: int, y: int, x: int, width: int) -> int:
    """Number of samples of a row of the strip, from the left, that are decoded before the block at (y, x)."""
    top, left = y // SUPERBLOCK * SUPERBLOCK, x // SUPERBLOCK * SUPERBLOCK
    if row < top:
        return width
    if row >= top + SUPERBLOCK:
        return 0
    here = interleaved((y - top) // SMALLEST, (x - left) // SMALLEST)
    columns = 0
    while columns < SUPERBLOCK // SMALLEST and interleaved((row - top) // SMALLEST, columns) < here:
        columns += 1
    return left + SMALLEST * columns


@inner
def _template_distances(plane: Array, y: int, x: int, side: int, row: int, first: int, distances: Array) -> None:
    """Sums of absolute differences between the template of a block and those of places in a row, from `first`."""
    for place in range(len(distances)):
        distances[place] = 0
    for i in range(-THICKNESS, side):
        for j in range(-THICKNESS, side if i < 0 else 0):
            value = np.int32(plane[1 + y + i, x + j])
            samples = plane[1 + row + i, first + j : first + j + len(distances)]
            for place in range(len(distances)):
                distances[place] += abs(np.int32(samples[place]) - value)


@compiled
def find_matches(plane: Array, t: int, y: int, x: int, above: bool, matches: Matches) -> None:
    """Find the places of least distance to a block for which `can_match` holds; of equal ones, the first row by row.

    Of a place, the block and as much of its ring as the block's own ring has are decoded. Cost: about 65 · 129 · (4 to
    7) · 3 · side differences.

    Args:
        plane: (1 + rows, width) int16 luma of a strip.
        t: size index.
        y: row of the block.
        x: column.
        above: whether there is a strip above this one.
        matches: filled.
    """
    side, width = 4 << t, plane.shape[1]
    reach = 2 * side if has_top_right(y, x, side, width, above) else side
    for k in range(MATCHES):
        matches.distance[k] = _FAR
    first = max(THICKNESS, x - ACROSS)
    for row in range(max(THICKNESS, y - UP), y + DOWN + 1):
        last = min(x + ACROSS, decoded_columns(row + side - 1, y, x, width) - side)
        last = min(last, decoded_columns(row - 1, y, x, width) - reach)
        if last < first:
            continue
        distances = matches.row_distances[: last - first + 1]
        _template_distances(plane, y, x, side, row, first, distances)
        for place in range(len(distances)):
            if distances[place] < matches.distance[MATCHES - 1]:
                _insert(matches, int(distances[place]), row, first + place)


@inner
def _insert(matches: Matches, distance: int, row: int, column: int) -> None:
    """Insert a place after those of at most its distance; the last one is dropped."""
    k = MATCHES - 1
    while k > 0 and matches.distance[k - 1] > distance:
        matches.distance[k] = matches.distance[k - 1]
        matches.row[k] = matches.row[k - 1]
        matches.column[k] = matches.column[k - 1]
        k -= 1
    matches.distance[k], matches.row[k], matches.column[k] = distance, row, column


@compiled
def mean_match(plane: Array, matches: Matches, i: int, j: int) -> int:
    """Mean over the places of the sample at row i and column j from their upper left sample, rounded."""
    total = MATCHES // 2
    for k in range(MATCHES):
        total += int(plane[1 + matches.row[k] + i, matches.column[k] + j])
    return total // MATCHES


@compiled
def gather_difference(plane: Array, matches: Matches, y: int, x: int, side: int, above: bool, ring: Array) -> int:
    """Gather the ring of a block minus the mean ring of its matches; the arguments are those of `gather_ring`.

    The level of the difference is subtracted; the rest is clipped to ±`LARGEST`, so that predictions stay in 32 bits.

    Returns:
        The level.
    """
    reach = 2 * side if has_top_right(y, x, side, plane.shape[1], above) else side
    m = 3 * side + 1
    for j in range(1 + reach):
        ring[j] = int(plane[y, x - 1 + j]) - mean_match(plane, matches, -1, j - 1)
    ring[1 + reach : 1 + 2 * side] = ring[reach]
    for i in range(side):
        ring[1 + 2 * side + i] = int(plane[1 + y + i, x - 1]) - mean_match(plane, matches, i, -1)
    total = 0
    for j in range(m):
        total += int(ring[j])
    level = (2 * total + m) // (2 * m)
    for j in range(m):
        ring[j] = min(max(int(ring[j]) - level, -LARGEST), LARGEST)
    return level
