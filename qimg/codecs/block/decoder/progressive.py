"""The decoder of progressive payloads and their prefixes."""

import math
from dataclasses import dataclass

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import settings_for
from qimg.codecs.block.decoder.strips import StripReader
from qimg.codecs.block.layers.picture import CUT, LENGTH, TILE, LayeredPicture, least_length, steps_of
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.geometry import SAMPLE_SCALE, SUPERBLOCK, padded
from qimg.codecs.errors import BitstreamError
from qimg.core import Array
from qimg.entropy import range_coder
from qimg.entropy.mixing import new_reader


def is_truncated(payload: bytes) -> bool:
    """Whether a progressive payload, or a prefix of it, is marked as deliberately cut."""
    return bool(payload and payload[0] & CUT)


def decode_progressive(
    payload: bytes, rows: int, planes: int, width: int, tables: Tables, parameters: Parameters, *, cut: bool = False
) -> Array:
    """Decode a payload or a prefix of it to samples (planes, rows, width) int16.

    Args:
        payload: the payload or a prefix of it.
        rows: rows of the picture.
        planes: 1 or 3.
        width: columns of the picture.
        tables: the tables of the encoder.
        parameters: the parameters of the encoder.
        cut: whether the payload may end anywhere.

    Raises:
        BitstreamError: the payload cannot come from `encode_progressive`.
    """
    steps = steps_of(parameters)
    check_length(payload, parameters, (planes, rows, width), cut=cut)
    parts = _Parts.of(payload, len(steps) - 1, (planes, rows, width), cut=cut)
    settings = [settings_for(tables, step, planes) for step in steps]
    ends_early = parts.cut and not parts.words
    coder = StripReader(width, tables, settings[0], keep=not ends_early)
    samples = coder.read(parts.coarse, padded(rows), cut=ends_early)
    if ends_early:
        samples = _filled_with_means(samples, coder.whole, parts.tiles, padded(rows))
    elif len(steps) > 1:
        samples = _refined(LayeredPicture(coder, settings), parts)
    return samples[:, :rows, :width]


def check_length(payload: bytes, parameters: Parameters, size: tuple[int, int, int], *, cut: bool) -> None:
    """Raise `BitstreamError` if a cut payload is too short for its picture, of a size (planes, rows, width)."""
    least = least_length(parameters, *size)
    if (cut or is_truncated(payload)) and len(payload) < least:
        rule = f"a cut progressive payload of this size must have its means and {least} bytes"
        raise BitstreamError(f"{rule}, but has {len(payload)}")


def _filled_with_means(begun: Array, whole: int, tiles: Array, rows: int) -> Array:
    """Samples of `rows` padded rows: the first `whole` superblocks of the rows that were begun, then mean values."""
    planes, _, width = begun.shape
    samples = np.empty((planes, rows, width), np.int16)
    for top, means in zip(range(0, rows, TILE), tiles.swapaxes(0, 1).astype(np.int16) * SAMPLE_SCALE, strict=False):
        samples[:, top : top + TILE] = np.repeat(means, TILE, axis=1)[:, None, :width]
    row, column = divmod(whole, width // SUPERBLOCK)
    top, left = SUPERBLOCK * row, SUPERBLOCK * column
    samples[:, :top] = begun[:, :top]
    samples[:, top : top + SUPERBLOCK, :left] = begun[:, top : top + SUPERBLOCK, :left]
    return samples


def _refined(picture: LayeredPicture, parts: "_Parts") -> Array:
    words = np.frombuffer(parts.words, "<u4").astype(np.uint32)
    reader = new_reader(words)
    filters = [parts.coarse[0], *parts.filters]
    nothing = np.zeros((1, 1, 1), np.int16)
    for layer in range(1, len(filters)):
        for row in range(picture.rows):
            if not picture.code_row(reader, layer, row, source=nothing, cut=parts.cut):
                if not (parts.cut and range_coder.has_ended(reader.state, words)):
                    raise BitstreamError(f"the payload ends or is broken in layer {layer}, row {SUPERBLOCK * row}")
                above, below = (picture.decoded(number, filters[number]) for number in (layer, layer - 1))
                below[:, : SUPERBLOCK * row] = above[:, : SUPERBLOCK * row]
                return below
    if not (parts.cut or range_coder.is_complete(reader.state, words)):
        raise BitstreamError("the payload does not end where its last layer ends")
    return picture.decoded(len(filters) - 1, filters[-1])


@dataclass(frozen=True)
class _Parts:
    """A parsed progressive payload."""

    filters: list[int]
    """Flags of the filtered planes, by layer."""
    coarse: bytes
    """The coarse picture: the payload of a strip."""
    tiles: Array
    """(planes, rows, columns) uint8 mean code values of squares; 128 if missing."""
    words: bytes
    """Words of the layers."""
    cut: bool
    """Whether the payload may end anywhere."""

    @classmethod
    def of(cls, payload: bytes, layers: int, size: tuple[int, int, int], *, cut: bool) -> "_Parts":
        """Parse a payload of a number of layers and a size (planes, rows, width).

        Raises:
            BitstreamError: the payload is not valid.
        """
        planes, *sides = size
        shape = (planes, *(-(-side // TILE) for side in sides))
        begin = 1 + layers + LENGTH
        head = begin + math.prod(shape)
        if payload and payload[0] & ~CUT != layers:
            count = payload[0] & ~CUT
            raise BitstreamError(f"a progressive payload must have {layers} layers for its step, but has {count}")
        cut = cut or is_truncated(payload)
        if not cut and len(payload) < head:
            raise BitstreamError(f"a progressive payload must have at least {head} bytes, but has {len(payload)}")
        filters = list(payload[1 : 1 + layers])
        if any(flags >> planes for flags in filters):
            raise BitstreamError(f"layers must have filter flags of {planes} planes, but have {max(filters):#04x}")
        length = int.from_bytes(payload[1 + layers : begin], "little")
        means = payload[begin:head].ljust(head - begin, b"\x80")
        coarse, words = payload[head : head + length], payload[head + length :]
        if cut:
            words = words[: len(words) // 4 * 4]
        elif len(coarse) < length or len(words) % 4:
            raise BitstreamError("a progressive payload must hold a coarse picture and words of 4 bytes, but does not")
        return cls(filters, coarse, np.frombuffer(means, np.uint8).reshape(shape), words, cut)
