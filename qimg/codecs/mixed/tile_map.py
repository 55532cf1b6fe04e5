"""The map of the tiles: one adaptive bit for each, 1 if the block codec codes it, in the context of its neighbours."""

import numpy as np

from qimg.codecs.errors import BitstreamError
from qimg.core import Array
from qimg.core.compiled import compiled
from qimg.entropy import mixing, range_coder
from qimg.entropy.mixing import Coder, code_predicted_bit

TILE = 16
"""Rows and columns of a tile; those at the right and lower border may be smaller."""
_NEIGHBOURS = 4
_MOST = 255  # occurrences of a context before they are halved


def shape_of(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the map of a picture."""
    return -(-height // TILE), -(-width // TILE)


def pixels_of(tiles: Array, height: int, width: int) -> Array:
    """A map of tiles as a map of the pixels, (H, W) bool."""
    return np.repeat(np.repeat(tiles, TILE, axis=0), TILE, axis=1)[:height, :width]


def box_of(tiles: Array, height: int, width: int) -> tuple[slice, slice] | None:
    """Rows and columns of the smallest part of the picture that holds all tiles of a map; None without any."""
    sides = []
    for axis, most in ((1, height), (0, width)):
        places = np.flatnonzero(tiles.any(axis=axis))
        if not len(places):
            return None
        sides.append(slice(TILE * int(places[0]), min(TILE * (int(places[-1]) + 1), most)))
    return sides[0], sides[1]


def encode_map(tiles: Array) -> bytes:
    """Encode a map (rows, columns) bool."""
    writer = mixing.new_writer(tiles.size)
    _code(writer, tiles.astype(np.uint8), _counts())
    return range_coder.words_to_bytes(range_coder.encode_bits(*writer.coded))


def decode_map(payload: bytes, shape: tuple[int, int]) -> Array:
    """Decode a map; raises `BitstreamError` if the payload does not hold exactly one of this shape."""
    words = range_coder.words_of_bytes(payload)
    reader, tiles = mixing.new_reader(words), np.zeros(shape, np.uint8)
    _code(reader, tiles, _counts())
    if not range_coder.is_complete(reader.state, words):
        raise BitstreamError("the map is damaged: its stream does not end where the tiles do")
    return tiles.astype(bool)


def _counts() -> Array:
    return np.zeros((2, 1 << _NEIGHBOURS), np.int64)


@compiled
def _code(coder: Coder, tiles: Array, counts: Array) -> None:
    """Code the tiles in the order of the raster; contexts are left, above, above left and above right, 0 outside.

    The probability of a one is (2 ones + 1) / (2 occurrences + 2), in units of 2⁻¹⁶, rounded down.
    """
    rows, columns = tiles.shape
    ones, count = counts[0], counts[1]
    for row in range(rows):
        for column in range(columns):
            context = 0
            if column > 0:
                context = int(tiles[row, column - 1])
            if row > 0:
                context |= int(tiles[row - 1, column]) << 1
                if column > 0:
                    context |= int(tiles[row - 1, column - 1]) << 2
                if column + 1 < columns:
                    context |= int(tiles[row - 1, column + 1]) << 3
            p = ((2 * ones[context] + 1) << 16) // (2 * count[context] + 2)
            bit = code_predicted_bit(coder, p, int(tiles[row, column]))
            tiles[row, column] = bit
            ones[context] += bit
            count[context] += 1
            if count[context] > _MOST:
                ones[context] >>= 1
                count[context] >>= 1
