"""A progressive payload, or its beginning, to a picture."""

import math
from dataclasses import dataclass

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import settings_for
from qimg.codecs.block.decoder.strips import StripReader
from qimg.codecs.block.layers.picture import CUT, LENGTH, TILE, LayeredPicture, steps_of
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.geometry import SAMPLE_SCALE, SUPERBLOCK, padded
from qimg.codecs.errors import BitstreamError
from qimg.core import Array
from qimg.entropy import range_coder
from qimg.entropy.mixing import new_reader


def is_truncated(payload: bytes) -> bool:
    """Whether a progressive payload, of which the beginning is enough, is marked as cut on purpose."""
    return bool(payload and payload[0] & CUT)


def decode_progressive(
    payload: bytes, rows: int, planes: int, width: int, tables: Tables, parameters: Parameters, *, cut: bool = False
) -> Array:
    """Samples (planes, rows, width) int16 of a payload, or of its beginning.

    Args:
        payload: all of it, or what is there.
        rows: of the picture.
        planes: 1 or 3.
        width: of the picture.
        tables: as they were given to the encoder.
        parameters: as they were given to the encoder.
        cut: the payload may end anywhere.

    Raises:
        BitstreamError: it cannot be what `encode_progressive` wrote.
    """
    steps = steps_of(parameters)
    parts = _Parts.of(payload, len(steps) - 1, (planes, rows, width), cut=cut)
    settings = [settings_for(tables, step, planes) for step in steps]
    coder = StripReader(width, tables, settings[0], keep=True)
    ends_early = parts.cut and not parts.words
    shown = coder.read(parts.first, padded(rows), cut=ends_early)
    if ends_early:
        _lay_tiles(shown, coder.whole, parts.tiles)
    elif len(steps) > 1:
        shown = _refined(LayeredPicture(coder, settings), parts)
    return shown[:, :rows, :width]


def _lay_tiles(samples: Array, whole: int, tiles: Array) -> None:
    """Mean values in place of the superblocks behind the first `whole` ones."""
    _, rows, width = samples.shape
    flat = np.repeat(np.repeat(tiles, TILE, axis=1), TILE, axis=2)[:, :rows, :width].astype(np.int16) * SAMPLE_SCALE
    row, column = divmod(whole, width // SUPERBLOCK)
    top, left = SUPERBLOCK * row, SUPERBLOCK * column
    samples[:, top + SUPERBLOCK :] = flat[:, top + SUPERBLOCK :]
    samples[:, top : top + SUPERBLOCK, left:] = flat[:, top : top + SUPERBLOCK, left:]


def _refined(picture: LayeredPicture, parts: "_Parts") -> Array:
    words = np.frombuffer(parts.words, "<u4").astype(np.uint32)
    reader = new_reader(words)
    filters = [parts.first[0], *parts.filters]
    nothing = np.zeros((1, 1, 1), np.int16)
    for layer in range(1, len(filters)):
        for row in range(picture.rows):
            if not picture.code_row(reader, layer, row, source=nothing, cut=parts.cut):
                above, below = (picture.shown(known, filters[known]) for known in (layer, layer - 1))
                below[:, : SUPERBLOCK * row] = above[:, : SUPERBLOCK * row]
                return below
            if range_coder.is_broken(reader.state, words):
                raise BitstreamError(f"the payload ends or is broken in layer {layer}, row {SUPERBLOCK * row}")
    if not (parts.cut or range_coder.is_complete(reader.state, words)):
        raise BitstreamError("the payload does not end where its last layer ends")
    return picture.shown(len(filters) - 1, filters[-1])


@dataclass(frozen=True)
class _Parts:
    """A progressive payload taken apart."""

    filters: list[int]
    """Planes that are filtered, by layer."""
    first: bytes
    """The coarse picture: the payload of a strip."""
    tiles: Array
    """(planes, rows, columns) uint8 mean code values of squares, 128 where they are missing."""
    words: bytes
    """Of the layers."""
    cut: bool
    """Whether they may end anywhere."""

    @classmethod
    def of(cls, payload: bytes, layers: int, size: tuple[int, int, int], *, cut: bool) -> "_Parts":
        """For a number of layers and (planes, rows, width); raises `BitstreamError` where it cannot be one."""
        planes, *sides = size
        shape = (planes, *(-(-side // TILE) for side in sides))
        begin = 1 + layers + LENGTH
        head = begin + math.prod(shape)
        if payload and payload[0] & ~CUT != layers:
            found = payload[0] & ~CUT
            raise BitstreamError(f"a progressive payload must name {layers} layers for its step, but names {found}")
        cut = cut or is_truncated(payload)
        if not cut and len(payload) < head:
            raise BitstreamError(f"a progressive payload must have at least {head} bytes, but has {len(payload)}")
        filters = list(payload[1 : 1 + layers])
        if any(flags >> planes for flags in filters):
            raise BitstreamError(f"layers must name filters of {planes} planes, but name {max(filters)}")
        length = int.from_bytes(payload[1 + layers : begin], "little")
        means = payload[begin:head].ljust(head - begin, b"\x80")
        first, words = payload[head : head + length], payload[head + length :]
        if cut:
            words = words[: len(words) // 4 * 4]
        elif len(first) < length or len(words) % 4:
            raise BitstreamError("a progressive payload must hold a coarse picture and words of 4 bytes, but does not")
        return cls(filters, first, np.frombuffer(means, np.uint8).reshape(shape), words, cut)
