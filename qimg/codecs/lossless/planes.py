"""Coding of the planes of a picture, row by row, in memory that does not depend on the number of rows."""

from collections.abc import Iterator

from qimg.codecs.errors import BitstreamError
from qimg.codecs.lossless.prediction import (
    CURRENT,
    MARGIN,
    Predictors,
    begin_row,
    begin_tile,
    learn,
    new_predictors,
    predict,
)
from qimg.codecs.lossless.residuals import DECISIONS, Residuals, code_difference, new_residuals
from qimg.core import Array, Track
from qimg.core.compiled import compiled
from qimg.entropy import mixing, range_coder
from qimg.entropy.mixing import Coder

_PART = 2048  # columns at a time, which bound the memory of the encoder's decisions


@compiled
def code_part(
    coder: Coder, residuals: Residuals, predictors: Predictors, plane: int, first: int, last: int, top: bool
) -> None:
    """Code a part of the current row of a plane.

    Args:
        coder: writer, with room for `DECISIONS` bits for each sample, or reader.
        residuals: modified.
        predictors: modified; the window holds the row, which a decoder fills.
        plane: of the row.
        first: first tile of the part.
        last: tile after the part.
        top: whether the row is the first of the picture.
    """
    row = predictors.window[plane, CURRENT]
    width = row.size - 2 * MARGIN
    for tile in range(first, last):
        begin_tile(predictors, plane, tile)
        start = MARGIN + tile * predictors.tile
        for column in range(start, min(start + predictors.tile, MARGIN + width)):
            expected, level, context = predict(predictors, plane, column)
            sample = code_difference(coder, residuals, predictors, plane, column, level, row[column])
            row[column] = sample
            learn(predictors, plane, column, sample, expected, context)
            if top:
                for above in range(CURRENT):
                    predictors.window[plane, above, column + 1 : column + 4] = sample


class Planes:
    """The state of coding a picture; encoder and decoder call `next_row` and `code` for every row from the top."""

    def __init__(self, shape: tuple[int, int], planes: int, bits: int) -> None:
        """Start at the first row.

        Args:
            shape: rows and columns of the picture.
            planes: 1 to 4.
            bits: of a sample, 8 to 16.
        """
        self._predictors = new_predictors(planes=planes, width=shape[1], bits=bits)
        self._residuals = new_residuals(planes)
        self._row, self._tiles = -1, -(-shape[1] // self._predictors.tile)
        self._part = max(1, _PART // self._predictors.tile)
        self.samples = min(self._part * self._predictors.tile, shape[1])
        """Most samples of a part of a row."""

    def next_row(self) -> Array:
        """Advance to the next row; returns a view of its samples (planes, W), which the encoder fills."""
        window = self._predictors.window
        window[:, :-1] = window[:, 1:]
        window[:, CURRENT, :MARGIN] = window[:, CURRENT - 1, MARGIN, None]
        self._row += 1
        return window[:, CURRENT, MARGIN:-MARGIN]

    def code(self, coder: Coder) -> Iterator[None]:
        """Code the current row in parts; a writer needs room for `DECISIONS` bits for each of a part's samples."""
        window = self._predictors.window
        for plane in range(len(window)):
            begin_row(self._predictors, plane)
            for first in range(0, self._tiles, self._part):
                last = min(first + self._part, self._tiles)
                code_part(coder, self._residuals, self._predictors, plane, first, last, self._row == 0)
                yield
            window[plane, CURRENT, -MARGIN:] = window[plane, CURRENT, -MARGIN - 1]


def encode_planes(samples: Array, bits: int, *, track: Track = iter) -> bytes:
    """Encode the planes of a picture.

    Args:
        samples: (H, W, planes) integers below 2^bits.
        bits: of a sample, 8 to 16.
        track: wraps the indices of the rows.
    """
    planes, encoder = Planes(samples.shape[:2], samples.shape[2], bits), range_coder.Encoder()
    writer = mixing.new_writer(planes.samples * DECISIONS)
    for row in track(range(len(samples))):
        planes.next_row()[:] = samples[row].T
        for _ in planes.code(writer):
            encoder.push(*writer.coded)
            writer.position[0] = 0
    return range_coder.words_to_bytes(encoder.words())


def decode_planes(payload: bytes, samples: Array, bits: int, *, needed: int | None = None) -> None:
    """Decode the planes of a picture.

    Args:
        payload: from `encode_planes`.
        samples: (H, W, planes) integers, filled.
        bits: as for `encode_planes`.
        needed: rows from the top that are filled; None for all.

    Raises:
        BitstreamError: the payload does not hold exactly these samples, of the rows that are filled.
    """
    planes, words = Planes(samples.shape[:2], samples.shape[2], bits), range_coder.words_of_bytes(payload)
    reader = mixing.new_reader(words)
    rows = len(samples) if needed is None else needed
    for row in range(rows):
        decoded = planes.next_row()
        for _ in planes.code(reader):
            if range_coder.is_broken(reader.state, words):
                raise BitstreamError(f"the samples are damaged: the stream ends or breaks in row {row}")
        samples[row] = decoded.T
    if rows == len(samples) and not range_coder.is_complete(reader.state, words):
        raise BitstreamError("the samples are damaged: the stream does not end where they do")
