"""Progressive payloads: a coarse picture, then layers that divide its step; every beginning of them is a picture."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from qimg.codecs.block.bitstream.strips import Parameters, Search, StripCoder, settings, squared_error
from qimg.codecs.block.encoder.analysis import Aim, new_space
from qimg.codecs.block.layers import layer_contexts, refinement
from qimg.codecs.block.layers.refinement import Layer
from qimg.codecs.block.layers.ternary_refinement import RATIO
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.blocks import new_work
from qimg.codecs.block.transform.geometry import SUPERBLOCK, UNIT, padded
from qimg.codecs.block.transform.smoothing import smoothed
from qimg.codecs.errors import BitstreamError
from qimg.core.arguments import Array
from qimg.entropy import range_coder
from qimg.entropy.mixing import Coder, new_reader, new_writer

COARSE = 60 * 64
"""The coarse picture's luma step is at most this, in 1/64 of a code value, unless the finest one is larger."""
MOST_PIXELS = 1 << 25
"""A progressive picture is held in memory whole, on both sides."""
TILE = 128
"""Side of the squares whose means stand before the coarse picture, for what a cut file does not hold of it."""
CUT = 128
"""Flag of a payload that was cut on purpose, in its first byte; the rest of the byte is the number of layers."""
_LENGTH = 4
_COARSE_LAGRANGE = 0.4
"""Of λ, for the coarse picture: the layers predict from it."""
Track = Callable[[Iterable[int]], Iterable[int]]


def layers_of(step: int) -> int:
    """How often a coarse step is divided to come to the luma step."""
    count = 0
    while step * RATIO ** (count + 1) <= COARSE:
        count += 1
    return count


def steps_of(parameters: Parameters) -> list[Parameters]:
    """Parameters of the coarse picture and of every layer."""
    count = layers_of(parameters.step)
    return [replace(parameters, step=parameters.step * RATIO ** (count - layer)) for layer in range(count + 1)]


class _Picture:
    """What both sides hold of a picture: the coarse samples, and the layer that is being coded."""

    def __init__(self, coder: StripCoder, tables: Tables, steps: list[Parameters]) -> None:
        self.tables, self.planes = tables, coder.planes
        self.sizes = coder.sizes
        self.settings = [settings(tables, step, coder.search, planes=coder.planes) for step in steps]
        self.rows, columns = len(coder.decisions), coder.width // SUPERBLOCK
        size, label, q, _ = (np.concatenate(kept) for kept in zip(*coder.decisions, strict=True))
        stretch, squash, rate = (tables.array(name) for name in ("stretch", "squash", "rate"))
        count = len(size)
        self.layer = Layer(
            bases=tables.bases,
            scales=tables.scales,
            points=tables.points,
            settings=self.settings[0],
            model=layer_contexts.new_model(stretch, squash, rate),
            work=new_work(),
            size=size,
            label=label,
            q=q,
            actual=np.zeros((count, 3, 64), np.int64),
            expected=np.zeros((count, 3, 64), np.int64),
            surprise=np.zeros((3, 8 * self.rows + 2, 8 * columns + 2), np.int8),
            coarse=coder.unfiltered,
            fine=coder.unfiltered.copy(),
            first=np.zeros(256, np.int32),
            shift=np.zeros((3, 256), np.int64),
            wanted=np.zeros(256, np.float32),
        )
        refinement.count_coarse(self.layer)
        self.space = new_space()

    def code_row(self, coder: Coder, layer: int, row: int, *, source: Array, cut: bool = False) -> bool:
        """A row of superblocks of a layer; False where what was to be read has run out."""
        aim = Aim(source, self.tables.costs, self.space)
        return bool(refinement.code_layer_row(coder, self.layer._replace(settings=self.settings[layer]), aim, row, cut))

    def filtered(self, plane: int, layer: int) -> Array:
        """A plane of the picture as it is now, filtered as of a layer."""
        step, weights = int(self.settings[layer].steps[plane]), self.tables.filters[plane]
        return smoothed(self.layer.fine[plane, 1:], self.sizes, step, weights)

    def shown(self, layer: int, flags: int) -> Array:
        """(planes, padded rows, padded width) samples; the planes that `flags` names are filtered."""
        samples = self.layer.fine[:, 1:].copy()
        for plane in range(self.planes):
            if flags >> plane & 1:
                samples[plane] = self.filtered(plane, layer)
        return samples


def is_truncated(payload: bytes) -> bool:
    """Whether a progressive payload, of which the beginning is enough, says that it was cut on purpose."""
    return bool(payload and payload[0] & CUT)


def encode_progressive(
    samples: Array, tables: Tables, parameters: Parameters, *, search: Search, track: Track = iter
) -> tuple[bytes, Array]:
    """The payload of a picture, and what a decoder returns of it.

    Args:
        samples: (planes, rows, width) int16 as for `encode_strips`.
        tables: what the codec knows of pictures.
        parameters: of the finest layer.
        search: what the encoder tries.
        track: called with the numbers of the layers.
    """
    planes, rows, width = samples.shape
    source = np.pad(samples, ((0, 0), (0, padded(rows) - rows), (0, padded(width) - width)), mode="edge")
    steps = steps_of(parameters)
    coder = StripCoder(planes, width, tables, steps[0], _coarse_search(search, len(steps)), keep=True)
    first, shown = coder.write(source, rows, width)
    picture = _Picture(coder, tables, steps)
    room = SUPERBLOCK * padded(width) * planes * 60
    writer = new_writer(room)
    stream = range_coder.Encoder()
    filters = []
    for layer in track(range(1, len(steps))):
        for row in range(picture.rows):
            writer.position[0] = 0
            picture.code_row(writer, layer, row, source=source)
            stream.push(writer.bits[: writer.position[0]], writer.probabilities[: writer.position[0]])
        filters.append(_useful_filters(picture, layer, samples) if search.filtered else 0)
        shown = picture.shown(layer, filters[-1])
    head = bytes([len(steps) - 1, *filters]) + len(first).to_bytes(_LENGTH, "little") + _tiles(samples).tobytes()
    return head + first + stream.words().astype("<u4").tobytes(), shown[:, :rows, :width]


def _useful_filters(picture: _Picture, layer: int, samples: Array) -> int:
    """Flags of the planes that the filter brings closer to the source."""
    _, rows, width = samples.shape
    flags = 0
    for plane in range(picture.planes):
        wanted = samples[plane].astype(np.int64)
        have = picture.layer.fine[plane, 1:], picture.filtered(plane, layer)
        before, after = (squared_error(wanted, each[:rows, :width]) for each in have)
        flags |= (after < before) << plane
    return flags


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
    coder = StripCoder(planes, width, tables, steps[0], Search(), keep=True)
    if parts.cut and not parts.words:
        shown = coder.read(parts.first, padded(rows), cut=True)
        _lay_tiles(shown, coder.whole, parts.tiles)
    else:
        shown = coder.read(parts.first, padded(rows))
        if len(steps) > 1:
            shown = _refined(_Picture(coder, tables, steps), parts)
    return shown[:, :rows, :width]


def _tiles(samples: Array) -> Array:
    """(planes, rows, columns) uint8 mean code values of the squares of `TILE` samples."""
    planes, rows, width = samples.shape
    firsts = [np.arange(0, length, TILE) for length in (rows, width)]
    sums = np.add.reduceat(np.add.reduceat(samples.astype(np.int64), firsts[0], axis=1), firsts[1], axis=2)
    counts = np.minimum(rows - firsts[0], TILE)[:, None] * np.minimum(width - firsts[1], TILE)
    return ((2 * sums + UNIT * counts) // (2 * UNIT * counts)).astype(np.uint8).reshape(planes, *counts.shape)


def _lay_tiles(samples: Array, whole: int, tiles: Array) -> None:
    """Mean values in place of the superblocks behind the first `whole` ones."""
    _, rows, width = samples.shape
    flat = np.repeat(np.repeat(tiles, TILE, axis=1), TILE, axis=2)[:, :rows, :width].astype(np.int16) * UNIT
    row, column = divmod(whole, width // SUPERBLOCK)
    top, left = SUPERBLOCK * row, SUPERBLOCK * column
    samples[:, top + SUPERBLOCK :] = flat[:, top + SUPERBLOCK :]
    samples[:, top : top + SUPERBLOCK, left:] = flat[:, top : top + SUPERBLOCK, left:]


def _refined(picture: _Picture, parts: "_Parts") -> Array:
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


def _coarse_search(search: Search, count: int) -> Search:
    """Blocks of 32 keep half of their frequencies only: layers on them could never come close to the picture."""
    if count == 1:
        return search
    sizes = tuple(side for side in search.sizes if side < SUPERBLOCK)
    return replace(search, sizes=sizes, lagrange=search.lagrange * _COARSE_LAGRANGE)


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
        begin = 1 + layers + _LENGTH
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
