"""Coding of a whole picture, row by row, in memory that does not depend on the number of rows."""

import numpy as np

from qimg.codecs.contour.pixels import DECISIONS, KINDS, SELECTORS, code_part
from qimg.codecs.contour.surroundings import CONTEXTS, MARGIN, new_surroundings
from qimg.codecs.errors import BitstreamError
from qimg.core import Array, Track
from qimg.entropy import mixing, range_coder
from qimg.entropy.hashed_mixing import MOST_SLOTS, new_model
from qimg.entropy.mixing import Coder

_FEWEST_SLOTS = 1 << 10
_PART = 4096  # columns at a time, which bound the memory of the encoder's decisions


class Rows:
    """The state of coding a picture; encoder and decoder call `code` for every row from the top."""

    def __init__(self, shape: tuple[int, int], channels: int, palette: Array) -> None:
        """Start at the first row.

        Args:
            shape: rows and columns of the picture.
            channels: 1 to 4, of 8 bits each.
            palette: (K,) int64 colours by number, of which the decoder has the first; or (0,), and pixels are colours.
        """
        height, width = shape
        slots = min(MOST_SLOTS, max(_FEWEST_SLOTS, 1 << (2 * height * width - 1).bit_length()))
        self._model = new_model(contexts=CONTEXTS, slots=slots, kinds=KINDS, selectors=SELECTORS)
        self._around = new_surroundings(slots)
        self._window = np.zeros((MARGIN + 1, width + 2 * MARGIN), np.int64)
        self._channels, self._count = channels, np.ones(1, np.int64)
        self.palette = palette.copy()
        """Colours by number; those from `colours` on have not occurred."""

    @property
    def colours(self) -> int:
        """Colours of the palette that have occurred."""
        return int(self._count[0])

    def code(self, coder: Coder, start: int, stop: int) -> None:
        """Code columns of the current row; a writer needs room for `DECISIONS` bits for each."""
        code_part(
            coder, self._model, self._around, self._window, self.palette, self._count, self._channels, start, stop
        )

    def next_row(self) -> Array:
        """Advance to the next row; returns a view of its pixels (W,), which the encoder fills and the decoder reads."""
        self._window[:-1] = self._window[1:]
        return self._window[MARGIN, MARGIN:-MARGIN]


def encode_rows(picture: Array, channels: int, palette: Array, *, track: Track = iter) -> bytes:
    """Encode the pixels of a picture.

    Args:
        picture: (H, W) int64 numbers of colours, or with an empty palette the colours.
        channels: of a colour.
        palette: as for `Rows`.
        track: wraps the indices of the rows.
    """
    height, width = picture.shape
    rows, encoder = Rows((height, width), channels, palette), range_coder.Encoder()
    writer = mixing.new_writer(min(width, _PART) * DECISIONS)
    for row in track(range(height)):
        rows.next_row()[:] = picture[row]
        for start in range(0, width, _PART):
            writer.position[0] = 0
            rows.code(writer, start, min(start + _PART, width))
            encoder.push(*writer.coded)
    return range_coder.words_to_bytes(encoder.words())


def decode_rows(payload: bytes, picture: Array, channels: int, palette: Array) -> Array:
    """Decode the pixels of a picture.

    Args:
        payload: from `encode_rows`.
        picture: (H, W) int64 or a smaller type that holds all pixels; filled.
        channels: as for `encode_rows`.
        palette: (K,) int64, of which the first colour counts.

    Returns:
        The palette.

    Raises:
        BitstreamError: the payload does not hold exactly these pixels.
    """
    height, width = picture.shape
    rows, words = Rows((height, width), channels, palette), range_coder.words_of_bytes(payload)
    reader = mixing.new_reader(words)
    for row in range(height):
        pixels = rows.next_row()
        rows.code(reader, 0, width)
        if range_coder.is_broken(reader.state, words):
            raise BitstreamError(f"the pixels are damaged: the stream ends or breaks in row {row}")
        picture[row] = pixels
    if not range_coder.is_complete(reader.state, words):
        raise BitstreamError("the pixels are damaged: the stream does not end where they do")
    if palette.size and rows.colours != palette.size:
        raise BitstreamError(f"the palette must have {palette.size} colours, but only {rows.colours} occur")
    return rows.palette
