"""Coding of whole pictures, row by row, in memory that does not depend on the number of rows.

The layers of a picture are coded one after the other; a finer layer is coded in contexts of the coarser one.
"""

import numpy as np

from qimg.codecs.contour.pixels import DECISIONS, KINDS, LAYER_KINDS, LAYER_SELECTORS, SELECTORS, code_part
from qimg.codecs.contour.refinement import LAYER_CONTEXTS
from qimg.codecs.contour.surroundings import CONTEXTS, MARGIN, REACH, new_surroundings
from qimg.codecs.errors import BitstreamError
from qimg.core import Array, Track
from qimg.entropy import mixing, range_coder
from qimg.entropy.hashed_mixing import MOST_SLOTS, new_model
from qimg.entropy.mixing import Coder

_FEWEST_SLOTS = 1 << 10
_PART = 4096  # columns at a time, which bound the memory of the encoder's decisions
_NO_LAYER = np.zeros((0, 0), np.int64)


class Rows:
    """The state of coding the layers of a picture, the first one or a finer one.

    Encoder and decoder call `code` for every row from the top, and `refine` before every further layer.
    """

    def __init__(self, shape: tuple[int, int], channels: int, palette: Array) -> None:
        """Start at the first row of the first layer.

        Args:
            shape: rows and columns of the picture.
            channels: 1 to 4, of 8 bits each.
            palette: (K,) int64 colours by number, of which the decoder has the first; or (0,), and pixels are colours.
        """
        height, width = shape
        self._slots = min(MOST_SLOTS, max(_FEWEST_SLOTS, 1 << (2 * height * width - 1).bit_length()))
        self._model = new_model(contexts=CONTEXTS, slots=self._slots, kinds=KINDS, selectors=SELECTORS)
        self._around = new_surroundings(self._slots)
        self._window = np.zeros((MARGIN + 1, width + 2 * MARGIN), np.int64)
        self._coarse = self._layer = _NO_LAYER
        self._row = -1
        self._channels, self._count = channels, np.ones(1, np.int64)
        self.palette = palette.copy()
        """Colours by number; those from `colours` on have not occurred."""

    @property
    def colours(self) -> int:
        """Colours of the palette that have occurred."""
        return int(self._count[0])

    def refine(self, layer: Array) -> None:
        """Start at the first row of a finer layer.

        The contexts of the first layer are dropped; those of finer layers are common to all of them.

        Args:
            layer: (H, W) colours of the layer before. Its rows may be overwritten once they have been coded.
        """
        if not self._coarse.size:
            self._model = new_model(
                contexts=LAYER_CONTEXTS, slots=self._slots, kinds=LAYER_KINDS, selectors=LAYER_SELECTORS
            )
            self._around = new_surroundings(self._slots)
            self._coarse = np.zeros((2 * REACH + 1, self._window.shape[1]), np.int64)
        self._layer, self._row = layer, -1
        self._window[:] = 0
        self._coarse[:] = 0
        for row in range(REACH):
            self._read_coarse(row)

    def _read_coarse(self, row: int) -> None:
        self._coarse[:-1] = self._coarse[1:]
        self._coarse[-1] = 0
        if row < len(self._layer):
            self._coarse[-1, MARGIN:-MARGIN] = self._layer[row]

    def code(self, coder: Coder, start: int, stop: int) -> None:
        """Code columns of the current row; a writer needs room for `DECISIONS` bits for each."""
        code_part(
            coder, self._model, self._around, self._window, self.palette, self._count, self._channels, start, stop,
            self._coarse,
        )  # fmt: skip

    def next_row(self) -> Array:
        """Advance to the next row; returns a view of its pixels (W,), which the encoder fills and the decoder reads."""
        self._row += 1
        self._window[:-1] = self._window[1:]
        if self._coarse.size:
            self._read_coarse(self._row + REACH)
        return self._window[MARGIN, MARGIN:-MARGIN]


def encode_rows(picture: Array, channels: int, palette: Array, *, track: Track = iter) -> bytes:
    """Encode the pixels of a picture.

    Args:
        picture: (H, W) int64 numbers of colours, or with an empty palette the colours.
        channels: of a colour.
        palette: as for `Rows`.
        track: wraps the indices of the rows.
    """
    return encode_layer(Rows(picture.shape, channels, palette), picture, track=track)


def encode_layer(rows: Rows, picture: Array, *, track: Track = iter) -> bytes:
    """Encode the pixels of a layer, at whose first row the state stands; arguments as for `encode_rows`."""
    height, width = picture.shape
    encoder = range_coder.Encoder()
    writer = mixing.new_writer(min(width, _PART) * DECISIONS)
    for row in track(range(height)):
        rows.next_row()[:] = picture[row]
        for start in range(0, width, _PART):
            writer.position[0] = 0
            rows.code(writer, start, min(start + _PART, width))
            encoder.push(*writer.coded)
    return range_coder.words_to_bytes(encoder.words())


def decode_layer(rows: Rows, payload: bytes, picture: Array, *, cut: bool = False) -> int:
    """Decode the pixels of a layer, at whose first row the state stands.

    Args:
        rows: the state.
        payload: from `encode_layer`, or the beginning of such a payload.
        picture: (H, W) int64 or a smaller type that holds all pixels; filled. It may be the layer before.
        cut: whether the payload may end anywhere.

    Returns:
        Rows that were decoded; the others are left as they were.

    Raises:
        BitstreamError: the payload does not hold exactly these pixels, or not the beginning of any.
    """
    height, width = picture.shape
    words = range_coder.words_of_bytes(payload[: len(payload) & -4] if cut else payload)
    reader = mixing.new_reader(words)
    for row in range(height):
        pixels = rows.next_row()
        rows.code(reader, 0, width)
        if cut and range_coder.has_ended(reader.state, words):
            return row
        if range_coder.is_broken(reader.state, words):
            raise BitstreamError(f"the pixels are damaged: the stream ends or breaks in row {row}")
        picture[row] = pixels
    if not cut and not range_coder.is_complete(reader.state, words):
        raise BitstreamError("the pixels are damaged: the stream does not end where they do")
    return height
