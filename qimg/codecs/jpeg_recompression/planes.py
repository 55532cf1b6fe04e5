"""Coding of the coefficients of all components of a file, row by row of blocks."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy.fft import dct

from qimg.codecs.errors import BitstreamError
from qimg.codecs.jpeg_recompression.block_coding import code_row
from qimg.codecs.jpeg_recompression.model import DECISIONS, KINDS, Model
from qimg.codecs.jpeg_recompression.surroundings import MARGIN, Surroundings, begin_row, new_surroundings
from qimg.core import Array, Track
from qimg.entropy import mixing, range_coder
from qimg.images.jpeg.markers import ZIGZAG
from qimg.images.jpeg.reader import Plane, Reader

_PART = 512  # blocks at a time, which bound the memory of the encoder's decisions
_LARGEST = 1 << 20  # dequantized coefficient for other components
_SCALE = 1 << 10  # of the matrices of `_halves`


class Components:
    """The components of a file in the order of coding: `rows` yields the parts of each with their surroundings."""

    def __init__(self, reader: Reader) -> None:
        """Start at the first component of a file whose headers are read and whose tables are known."""
        self._planes, self._coefficients = reader.planes, reader.coefficients

    def parts(self) -> Iterator[tuple[int, Surroundings, int, int, Array]]:
        """Kind of component, surroundings, row, first column and blocks (columns, 64) of each part."""
        for number, plane in enumerate(self._planes):
            kind = number if len(self._planes) == KINDS else 0
            around = new_surroundings(plane.columns, steps_of(plane))
            for row in range(plane.rows):
                begin_row(around)
                if kind > 0:
                    self._set_others(around, number, row)
                first = plane.base + row * plane.columns
                for column in range(0, plane.columns, _PART):
                    last = min(column + _PART, plane.columns)
                    yield kind, around, row, column, self._coefficients[first + column : first + last]

    def _set_others(self, around: Surroundings, number: int, row: int) -> None:
        """Set the coefficients of the components before at the place of a row."""
        inside = slice(MARGIN, -MARGIN)
        for place, other in enumerate(self._planes[:number]):
            values = _resampled(self._coefficients, other, self._planes[number], row)
            if values is not None:
                around.others[place, inside] = values
                around.other_lasts[place, inside] = _lasts(values)


def _lasts(values: Array) -> Array:
    """Number of the last coefficient that is not zero of each block (n, 64)."""
    in_order = values[:, ZIGZAG] != 0
    in_order[:, 0] = True
    return 63 - in_order[:, ::-1].argmax(axis=1)


def steps_of(plane: Plane) -> Array:
    """(64,) quantization steps of a component; 1 for all where no scan has its table, and at least 1."""
    table = np.ones(64) if plane.table is None else plane.table.ravel()
    return np.maximum(table, 1).astype(np.int64)


def _resampled(coefficients: Array, source: Plane, target: Plane, row: int) -> Array | None:
    """Dequantized coefficients (columns, 64) of a component in the sampling of another one; None if it is no multiple.

    Samples are averaged over 1, 2 or 4 rows and columns, by matrices of integers.
    """
    down, across = (
        own // other if own % other == 0 else 0
        for own, other in (
            (source.header.vertical, target.header.vertical),
            (source.header.horizontal, target.header.horizontal),
        )
    )
    if down not in (1, 2, 4) or across not in (1, 2, 4):
        return None
    first = source.base + row * down * source.columns
    blocks = coefficients[first : first + down * source.columns] * steps_of(source)
    if down == across == 1:
        return np.asarray(blocks)
    values = np.clip(blocks, -_LARGEST, _LARGEST).astype(np.float64).reshape(down, -1, across, 8, 8)
    total = np.zeros((values.shape[1], 8, 8))
    for i, rows in enumerate(_averages(down)):
        for j, columns in enumerate(_averages(across)):
            total += rows @ values[i, :, j] @ columns.T
    return total.astype(np.int64).reshape(-1, 64) >> 20


@cache
def _averages(count: int) -> Array:
    """(count, 8, 8) coefficients of averages over `count` samples from those of each of `count` blocks, times 2¹⁰."""
    axis = dct(np.eye(8), norm="ortho").T
    pooled = np.zeros((count, 8, 8))
    for sample in range(8 * count):
        pooled[sample // 8, sample // count, sample % 8] += 1 / count
    return np.rint(_SCALE * axis @ pooled @ axis.T)


def encode_planes(reader: Reader, models: list[Model], *, track: Track = iter) -> bytes:
    """Encode the coefficients of a file.

    Args:
        reader: with tables and coefficients.
        models: of each kind of component, modified.
        track: wraps the parts of rows.
    """
    encoder, writer = range_coder.Encoder(), mixing.new_writer(_PART * DECISIONS)
    for kind, around, row, column, blocks in track(Components(reader).parts()):
        code_row(writer, models[kind], around, row, column, blocks)
        encoder.push(*writer.coded)
        writer.position[0] = 0
    return range_coder.words_to_bytes(encoder.words())


def decode_planes(payload: bytes, reader: Reader, models: list[Model]) -> None:
    """Decode the coefficients of a file.

    Args:
        payload: from `encode_planes`.
        reader: with tables; its coefficients are filled.
        models: of each kind of component, modified.

    Raises:
        BitstreamError: the payload does not hold exactly these coefficients.
    """
    words = range_coder.words_of_bytes(payload)
    coder = mixing.new_reader(words)
    for kind, around, row, column, blocks in Components(reader).parts():
        code_row(coder, models[kind], around, row, column, blocks)
        if range_coder.is_broken(coder.state, words):
            raise BitstreamError(f"the coefficients are damaged: the stream ends or breaks in row {row} of blocks")
    if not range_coder.is_complete(coder.state, words):
        raise BitstreamError("the coefficients are damaged: the stream does not end where they do")
