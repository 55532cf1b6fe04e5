"""The decoder: from the bytes of a file to a picture."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

import numpy as np

from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.alpha import decode_alpha
from qimg.codecs.block.bitstream.container import Header, Stream
from qimg.codecs.block.bitstream.flat_areas import FlatAreas
from qimg.codecs.block.bitstream.lossless import decode_lossless
from qimg.codecs.block.bitstream.parameters import Parameters, parameters_of
from qimg.codecs.block.bitstream.step_map import step_map_from_bytes
from qimg.codecs.block.bitstream.strip_coder import strip_rows
from qimg.codecs.block.decoder.progressive import check_length, decode_progressive
from qimg.codecs.block.decoder.strips import decode_strips
from qimg.codecs.block.layers.picture import MOST_PIXELS
from qimg.codecs.block.model import tables as tables_module
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.fold import folded_shape, unfolded
from qimg.codecs.envelope import metadata_of
from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import Decoded, DecodeOptions
from qimg.core import Array
from qimg.core.background import background
from qimg.images import without_alpha


def decode(data: bytes, options: DecodeOptions) -> Decoded:
    """Decode a file to pixels of the shape and the type that were encoded, with the metadata.

    Raises:
        BitstreamError: the file is of another format, cut, altered, too large or written with other tables.
    """
    stream = _parsed(data, partial_ok=options.partial_ok)
    header = stream.header
    options.check_area(header.height, header.width, header.width_at)
    area = header.width * header.height
    if header.progressive and area > MOST_PIXELS:
        message = f"a progressive picture must have at most {MOST_PIXELS} pixels, but has {area}"
        raise BitstreamError(message, header.width_at)
    tables, parameters = _tables_for(header, options.tables), parameters_of(header)
    # Memory of the image is used as pixels arrive, and alpha comes last: a file without contents takes none.
    image = _new_image(header)
    pixels = without_alpha(image)
    if stream.all(container.LOSSLESS):
        _decode_lossless(stream, parameters, pixels)
    else:
        areas = _flat_areas(stream)
        strips = stream.all(container.STRIP) + stream.all(container.SEGMENT)
        if strips or areas is None or not areas.whole(header.height, header.width):
            _decode_blocks(stream, tables, parameters, pixels, options)
        if areas is not None:
            areas.paint(pixels)
    if header.has_alpha:
        alpha = next(iter(stream.all(container.ALPHA)), None)
        with _located(alpha.offset if alpha else stream.size):
            decode_alpha(alpha.payload if alpha else None, image[..., -1])
    return Decoded(image=image, partial=not stream.complete, **metadata_of(stream.chunks))


def _tables_for(header: Header, tables: Tables | None) -> Tables:
    tables = tables_module.default() if tables is None else tables
    available = tables.identity[: container.IDENTITY]
    if header.identity != available:
        raise BitstreamError(
            f"the picture needs the codec tables {header.identity.hex()}, but the available ones are {available.hex()}",
            header.identity_at,
        )
    return tables


def _decode_blocks(
    stream: Stream, tables: Tables, parameters: Parameters, pixels: Array, options: DecodeOptions
) -> None:
    """Decode the strips of the rows that are needed, or all available segments; unfold a thin picture."""
    header, folded, needed = stream.header, pixels, options.rows_needed(stream.header.height)
    if header.folded:
        folded = np.empty((*folded_shape(header.height, header.width), *pixels.shape[2:]), pixels.dtype)
        needed = len(folded)
    if header.progressive:
        _decode_segments(stream, tables, parameters, folded)
    else:
        _decode_strips(stream, tables, parameters, folded, needed, options.threads)
    if header.folded:
        pixels[...] = unfolded(folded, header.height, header.width)


def _decode_strips(
    stream: Stream, tables: Tables, parameters: Parameters, pixels: Array, needed: int, threads: int
) -> None:
    """Decode the strips of a stream one at a time, until `needed` rows are there."""
    rows = strip_rows(*pixels.shape[:2])
    chunks = stream.all(container.STRIP)
    if len(chunks) != len(rows):
        raise BitstreamError(f"the picture must have {len(rows)} strips, but has {len(chunks)}", stream.size)
    payloads = (chunk.payload for chunk in chunks)
    planes, width = stream.header.planes, pixels.shape[1]
    step_map = None
    for chunk in stream.all(container.STEPS):
        with _located(chunk.offset):
            step_map = step_map_from_bytes(chunk.payload, *pixels.shape[:2])

    def finish(first: int, samples: Array) -> None:
        colour.to_pixels(samples, pixels[first : first + samples.shape[1]], parameters.space)

    with background(threads) as beside:
        strips = decode_strips(
            *(payloads, rows, planes, width, tables, parameters),
            step_map=step_map,
            needed=needed,
            beside=beside,
            finish=finish,
        )
        for chunk, first in zip(chunks, accumulate(rows, initial=0), strict=False):
            if first >= needed:
                return
            with _located(chunk.offset):
                next(strips)


def _decode_segments(stream: Stream, tables: Tables, parameters: Parameters, pixels: Array) -> None:
    """Decode the available segments of a stream."""
    chunks = stream.all(container.SEGMENT)
    payload = b"".join(chunk.payload for chunk in chunks)
    height, width = pixels.shape[:2]
    with _located(chunks[0].offset if chunks else stream.size):
        samples = decode_progressive(
            payload, height, stream.header.planes, width, tables, parameters, cut=not stream.complete
        )
    colour.to_pixels(samples, pixels, parameters.space)


def _decode_lossless(stream: Stream, parameters: Parameters, pixels: Array) -> None:
    """Decode the available part of lossless pixels."""
    header, chunks = stream.header, stream.all(container.LOSSLESS)
    others = [chunk for tag in (container.STRIP, container.SEGMENT, container.FLAT) for chunk in stream.all(tag)]
    if others:
        tag = others[0].tag.decode()
        raise BitstreamError(f"lossless pixels must be the only pixels, but chunk {tag} has others", others[0].offset)
    values = np.empty((header.height, header.width, header.planes), pixels.dtype)
    payload = b"".join(chunk.payload for chunk in chunks)
    with _located(chunks[0].offset):
        check_length(payload, parameters, (header.planes, header.height, header.width), cut=not stream.complete)
        decode_lossless(payload, values, cut=not stream.complete)
    pixels[...] = values[..., 0] if pixels.ndim == 2 else values


def _flat_areas(stream: Stream) -> FlatAreas | None:
    header, dtype = stream.header, np.uint16 if stream.header.bits == 16 else np.uint8
    for chunk in stream.all(container.FLAT):
        with _located(chunk.offset):
            return FlatAreas.from_bytes(chunk.payload, (header.height, header.width), header.planes, dtype)
    return None


def _new_image(header: Header) -> Array:
    """A new image, which is not filled."""
    shape = (header.height, header.width)
    dtype = np.uint16 if header.bits == 16 else np.uint8
    return np.empty(shape if header.channels == 1 else (*shape, header.channels), dtype)


def _parsed(data: bytes, *, partial_ok: bool) -> Stream:
    try:
        return container.parse(data)
    except BitstreamError:
        if partial_ok:
            stream = container.parse(data, partial_ok=True)
            if stream.header.progressive:
                return stream
        raise


@contextmanager
def _located(offset: int) -> Iterator[None]:
    """Add the offset of a chunk, or of the end of a file without it, to errors about its contents."""
    try:
        yield
    except BitstreamError as error:
        raise BitstreamError(str(error), offset) from None
