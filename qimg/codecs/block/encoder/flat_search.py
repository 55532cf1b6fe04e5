"""The encoder's search for flat areas: blocks of 4×4 that are constant, or constant up to noise of one code value."""

import numpy as np

from qimg.codecs.block.bitstream.flat_areas import MOST_COLOURS, FlatAreas
from qimg.codecs.block.transform.geometry import SIDES, SMALLEST
from qimg.core import Array

_SHARE = 0.01  # least share of flat squares of 8×8; photographs have next to none
_MANY = 1 / 32  # least share of the blocks of a colour that no constant square has
_NOISE = 1  # largest error of a value
_BIASES = (8, 16)  # largest distance of a block's mean from its colour, in 1/16: first from the nearest one
_PART = 1 << 18  # pixels at a time, so that intermediate results stay in the cache


def flat_areas(pixels: Array) -> FlatAreas | None:
    """The flat blocks of a picture; None if it has hardly any.

    A colour serves the blocks all of whose values differ from it by one at most. It is the colour of a constant square
    of 8×8, or the mean of many blocks: smooth gradients, as of skies, have too few of each.

    Args:
        pixels: (H, W, channels) `uint8` or `uint16`.
    """
    low, high, total = _statistics(pixels)
    shape = low.shape[:2]
    near = np.asarray((high - low <= 2 * _NOISE).all(axis=-1))
    if near.mean() < _SHARE:
        return None
    complete = pixels.shape[0] // SMALLEST, pixels.shape[1] // SMALLEST
    colours = _colours(low, high, total, near, complete)
    places = np.flatnonzero(near)
    low, high, total = (part.reshape(-1, part.shape[-1])[places].astype(np.int32) for part in (low, high, total))
    index = np.zeros(near.size, np.uint8)
    for bias in _BIASES:
        for number, colour in enumerate(colours, 1):
            inside = (low >= colour - _NOISE) & (high <= colour + _NOISE) & (abs(16 * colour - total) <= bias)
            fits = inside.all(axis=-1)
            index[places[fits]] = number
            places, low, high, total = places[~fits], low[~fits], high[~fits], total[~fits]
    if len(colours) == 0:
        return None
    areas = FlatAreas(colours.astype(pixels.dtype), _extended(index.reshape(shape)))
    used = without_small(areas, SMALLEST)
    return used if used and _squares(index.reshape(shape), 8).mean() >= _SHARE else None


def without_small(areas: FlatAreas, side: int) -> FlatAreas | None:
    """The areas without blocks outside of flat squares of a side; None if there are none."""
    index = np.where(_squares(areas.index, side), areas.index, 0)
    used = np.unique(index[index > 0])
    if len(used) == 0:
        return None
    numbers = np.zeros(MOST_COLOURS + 1, np.uint8)
    numbers[used] = np.arange(1, len(used) + 1)
    return FlatAreas(areas.colours[used - 1], numbers[index])


def share_of_squares(areas: FlatAreas) -> float:
    """Share of the flat squares of 8×8 in the picture padded to whole superblocks."""
    return float(_squares(areas.index, 8).mean())


def block_errors(source: Array, decoded: Array) -> Array:
    """Sums of the squared differences of two pixel arrays of one shape, (⌈H/4⌉, ⌈W/4⌉) int64 by 4×4 block."""
    difference = source.astype(np.int64).reshape(*source.shape[:2], -1) - decoded.reshape(*source.shape[:2], -1)
    squares = (difference * difference).sum(axis=-1)
    for axis in (0, 1):
        squares = np.add.reduceat(squares, np.arange(0, squares.shape[axis], SMALLEST), axis=axis)
    return squares


def painted_errors(pixels: Array, areas: FlatAreas) -> Array:
    """Block errors of the flat areas, zero elsewhere."""
    parts = []
    for rows in _parts(pixels):
        part = pixels[rows]
        painted = part.copy()
        areas.paint(painted, rows.start)
        parts.append(block_errors(part, painted))
    return np.concatenate(parts)


def _colours(low: Array, high: Array, total: Array, near: Array, complete: tuple[int, int]) -> Array:
    """(n, channels) colours of flat areas, the most frequent ones first; `complete` blocks are inside the picture."""
    channels = low.shape[-1]
    constant = (low == high).all(axis=-1)
    constant[complete[0] :] = constant[:, complete[1] :] = False
    keys = np.zeros(low.shape[:2], np.int64)
    for channel in range(channels):
        keys = keys << 16 | ((total[..., channel].astype(np.int64) + 8) >> 4)
    colours, counts = np.unique(keys[near], return_counts=True)
    exact = set(keys[constant & _squares(np.where(constant, keys + 1, 0), 8)].tolist())
    useful = np.array([count >= _MANY * near.size or key in exact for key, count in zip(colours, counts, strict=True)])
    order = np.argsort(-counts[useful], kind="stable")
    chosen: list[Array] = []
    for key in colours[useful][order]:
        colour = key >> (16 * np.arange(channels)[::-1]) & 0xFFFF
        other = chosen and abs(np.array(chosen) - colour).max(axis=-1).min() <= _NOISE
        if (key in exact or not other) and len(chosen) < MOST_COLOURS:
            chosen.append(colour)
    return np.array(chosen).reshape(-1, channels)


def _statistics(pixels: Array) -> tuple[Array, Array, Array]:
    """Least and largest value and sum of each channel of every 4×4 block; the border is repeated.

    The values have the type of the pixels, and the sums one of twice its width: large pictures have many blocks.
    """
    shape = (*(-(-side // SMALLEST) for side in pixels.shape[:2]), pixels.shape[2])
    low, high = np.empty(shape, pixels.dtype), np.empty(shape, pixels.dtype)
    total = np.empty(shape, np.uint16 if pixels.itemsize == 1 else np.uint32)
    for rows in _parts(pixels):
        part = pixels[rows]
        more = [(0, -side % SMALLEST) for side in part.shape[:2]]
        values = np.pad(part, (*more, (0, 0)), mode="edge").astype(total.dtype)
        blocks = slice(rows.start // SMALLEST, -(-rows.stop // SMALLEST))
        for out, function in ((low, np.minimum), (high, np.maximum), (total, np.add)):
            out[blocks] = _reduced(values, function)
    return low, high, total


def _parts(pixels: Array) -> list[slice]:
    """Rows of whole blocks, about `_PART` pixels at a time."""
    rows = max(1, _PART // (SMALLEST * pixels.shape[1])) * SMALLEST
    return [slice(first, min(first + rows, len(pixels))) for first in range(0, len(pixels), rows)]


def _reduced(values: Array, function: np.ufunc) -> Array:
    """A function of the 16 values of each channel of every 4×4 block."""
    for axis in (0, 1):
        lanes = [values[(slice(None),) * axis + (slice(k, None, SMALLEST),)] for k in range(SMALLEST)]
        values = function(function(lanes[0], lanes[1]), function(lanes[2], lanes[3]))
    return values


def _extended(blocks: Array) -> Array:
    """A map of 4×4 blocks, its last row and column repeated up to whole superblocks."""
    sides = SIDES[-1] // SMALLEST
    return np.pad(blocks, [(0, -side % sides) for side in blocks.shape], mode="edge")


def _squares(blocks: Array, side: int) -> Array:
    """Whether the blocks of the aligned square of a side around each block are equal and not zero."""
    count = side // SMALLEST
    extended = np.pad(blocks, [(0, -length % count) for length in blocks.shape], mode="edge")
    squares = extended.reshape(extended.shape[0] // count, count, -1, count)
    first = squares[:, :1, :, :1]
    same = ((squares == first) & (first != 0)).all(axis=(1, 3))
    return np.repeat(np.repeat(same, count, axis=0), count, axis=1)[: blocks.shape[0], : blocks.shape[1]]
