"""Geometry of blocks in a strip of superblocks: sizes, decoding order, and the ring of decoded samples of a block."""

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled

SAMPLE_SCALE = 64
"""Samples per 8-bit code value: samples are integers in 1/64 of a code value."""
SUPERBLOCK = 32
"""Side of the square that a quadtree divides."""
SMALLEST = 4
"""Side of the smallest block; maps of a strip hold one entry per 4×4 block."""
SIDES = (4, 8, 16, 32)
"""Block sides by size index."""
MIDDLE = 128 * SAMPLE_SCALE
LARGEST = 255 * SAMPLE_SCALE


@compiled
def interleaved(row: int, column: int) -> int:
    """Position in decoding order of the 4×4 block at (row, column), 0 to 7, of a superblock: their interleaved bits."""
    z = 0
    for bit in range(3):
        z |= ((row >> bit) & 1) << (2 * bit + 1) | ((column >> bit) & 1) << (2 * bit)
    return z


@compiled
def place_of_block_4x4(block_4x4: int) -> tuple[int, int]:
    """Row and column, 0 to 7, in the superblock of the 4×4 block at a position in decoding order."""
    row = 0
    column = 0
    for bit in range(3):
        column |= ((block_4x4 >> (2 * bit)) & 1) << bit
        row |= ((block_4x4 >> (2 * bit + 1)) & 1) << bit
    return row, column


@compiled
def has_top_right(y: int, x: int, side: int, width: int, above: bool) -> bool:
    """Whether the `side` samples above and to the right of a block are decoded before it.

    Args:
        y: row of the block in its strip, a multiple of `side`.
        x: column of the block.
        side: side of the block.
        width: width of the padded strip.
        above: whether there is a strip above this one.
    """
    if x + side >= width:
        return False
    top, left = y % SUPERBLOCK, x % SUPERBLOCK
    if top == 0:
        return y > 0 or above
    if left + side >= SUPERBLOCK:
        return False
    return interleaved(top // SMALLEST - 1, (left + side) // SMALLEST) < interleaved(top // SMALLEST, left // SMALLEST)


@compiled
def gather_ring(plane: Array, y: int, x: int, side: int, above: bool, ring: Array) -> int:
    """Gather the ring of a block: corner, row above, its continuation to the right, column to the left.

    Missing samples take the value of the nearest available sample of the ring, or mid-gray if there is none. The level
    is the rounded mean of the ring; the ring is written relative to it.

    Args:
        plane: (1 + rows, width) int16 samples of a strip; the first row is the last row of the strip above.
        y: row of the block in its strip; row `y` is `plane[y + 1]`.
        x: column of the block.
        side: side of the block.
        above: whether there is a strip above this one.
        ring: (≥ 3 · side + 1,) int32, filled.

    Returns:
        The level.
    """
    width = plane.shape[1]
    top = y > 0 or above
    m = 3 * side + 1
    if top:
        available = 2 * side if has_top_right(y, x, side, width, above) else side
        for j in range(available):
            ring[1 + j] = plane[y, x + j]
        ring[1 + available : 1 + 2 * side] = ring[available]
    if x > 0:
        for i in range(side):
            ring[1 + 2 * side + i] = plane[y + 1 + i, x - 1]
        ring[0] = plane[y, x - 1] if top else ring[1 + 2 * side]
    elif top:
        ring[0] = ring[1]
        ring[1 + 2 * side : m] = ring[1]
    if not top:
        value = ring[0] if x > 0 else MIDDLE
        ring[: 1 + 2 * side] = value
        if x == 0:
            ring[1 + 2 * side : m] = value
    total = 0
    for j in range(m):
        total += ring[j]
    level = (2 * total + m) // (2 * m)
    for j in range(m):
        ring[j] -= level
    return level


@compiled
def pair_means(ring: Array) -> None:
    """Replace the ring of a block of 32 after its corner by the means of its pairs, 48 numbers."""
    for j in range(48):
        ring[1 + j] = (ring[1 + 2 * j] + ring[2 + 2 * j] + 1) >> 1


def ring_length(size: int) -> int:
    """Number of inputs of the predictors of a size: 13, 25, 49, 49 (blocks of 32 use means of pairs of the ring)."""
    return 3 * min(SIDES[size], 16) + 1


def padded(length: int) -> int:
    """The length rounded up to whole superblocks."""
    return -(-length // SUPERBLOCK) * SUPERBLOCK


def upsampling() -> Array:
    """(32, 16) isometry from 16 samples to 32: the first 16 frequencies of the DCT."""
    from qimg.transforms import unitary

    return np.asarray(unitary("dct", 32)[:16].T @ unitary("dct", 16))
