"""Flat areas of a picture: blocks of 4×4 pixels of one colour, which replace the decoded pixels."""

from dataclasses import dataclass

import numpy as np

from qimg.codecs.block.bitstream.packing import packed, unpacked
from qimg.codecs.block.transform.geometry import SIDES, SMALLEST, padded
from qimg.codecs.errors import BitstreamError
from qimg.core import Array

MOST_COLOURS = 254
DIVIDED = 255
_COARSEST = SIDES[-1] // SMALLEST


@dataclass(frozen=True, eq=False)
class FlatAreas:
    """The flat blocks of a picture and their colours."""

    colours: Array
    """(n, channels) `uint8` or `uint16`, n from 1 to `MOST_COLOURS`; one channel if the picture has one plane."""
    index: Array
    """(rows, columns) uint8 by 4×4 block, of the picture padded to whole superblocks: 0 where it is not flat, otherwise
    1 + the index of the colour."""

    def paint(self, pixels: Array, first: int = 0) -> None:
        """Replace the flat blocks of the rows of a picture from `first`, a multiple of 4: (rows, W) or (rows, W, 3)."""
        height, width = pixels.shape[:2]
        for top in range(0, height, SMALLEST):
            index = np.repeat(self.index[(first + top) // SMALLEST], SMALLEST)[:width]
            flat = np.flatnonzero(index)
            colours = self.colours[index[flat] - 1]
            pixels[top : top + SMALLEST, flat] = colours[:, 0] if pixels.ndim == 2 else colours

    def whole(self, height: int, width: int) -> bool:
        """Whether every pixel of a picture of this size is in a flat area."""
        return bool((self.index[: -(-height // SMALLEST), : -(-width // SMALLEST)] > 0).all())

    def to_bytes(self) -> bytes:
        """Encode the areas: the number of colours and, packed, the colours and the quadtrees.

        The numbers of the squares of 32 pixels come first, row by row, then those of the squares of 16, 8 and 4 inside
        squares whose number is `DIVIDED`.
        """
        parts = [self.colours.astype(self.colours.dtype.newbyteorder("<")).tobytes()]
        numbers = _quadtree(self.index)
        inside = np.ones_like(numbers[0], bool)
        for part in numbers:
            inside = inside if part is numbers[0] else np.repeat(np.repeat(inside, 2, axis=0), 2, axis=1)
            parts.append(part[inside].tobytes())
            inside &= part == DIVIDED
        return bytes([len(self.colours)]) + packed(parts)

    @classmethod
    def from_bytes(cls, payload: bytes, shape: tuple[int, int], channels: int, dtype: type) -> "FlatAreas":
        """Decode the areas of a picture.

        Args:
            payload: from `to_bytes`.
            shape: height and width of the picture.
            channels: values of a colour.
            dtype: `uint8` or `uint16`.

        Raises:
            BitstreamError: the payload cannot come from `to_bytes`.
        """
        count = payload[0] if payload else 0
        if not 1 <= count <= MOST_COLOURS:
            raise BitstreamError(f"flat areas must have 1 to {MOST_COLOURS} colours, but have {count}")
        stored = np.dtype(dtype).newbyteorder("<")
        head = count * channels * stored.itemsize
        rows, columns = (padded(side) // SIDES[-1] for side in shape)
        squares = [rows * columns << (2 * level) for level in range(len(SIDES))]
        content = unpacked(payload[1:], head + squares[0], head + sum(squares), "flat areas")
        colours: Array = np.frombuffer(content, stored, count * channels).reshape(count, channels).astype(dtype)
        rest = np.frombuffer(content, np.uint8, offset=head)
        index = np.full((rows, columns), DIVIDED, np.uint8)
        for level in range(len(SIDES)):
            inside = index == DIVIDED
            number = np.count_nonzero(inside)
            if number > len(rest):
                squares_of = f"squares of {SIDES[-1 - level]} pixels"
                raise BitstreamError(f"flat areas must have {number} {squares_of}, but have {len(rest)}")
            index[inside], rest = rest[:number], rest[number:]
            if level < len(SIDES) - 1:
                index = np.repeat(np.repeat(index, 2, axis=0), 2, axis=1)
        if len(rest) or (index > count).any():
            what = f"{len(rest)} more bytes" if len(rest) else f"colour {index.max()}"
            raise BitstreamError(f"flat areas must have {count} colours and end with the last square, but have {what}")
        return cls(colours, index)


def _quadtree(index: Array) -> list[Array]:
    """Numbers of the squares of 32, 16, 8 and 4 pixels: that of all their blocks, or `DIVIDED`."""
    levels = [index]
    while len(levels) < len(SIDES):
        finer = levels[0]
        corners = [finer[i::2, j::2] for i in (0, 1) for j in (0, 1)]
        same = np.logical_and.reduce([corners[0] == corner for corner in corners[1:]])
        levels.insert(0, np.where(same, corners[0], np.uint8(DIVIDED)))
    return levels
