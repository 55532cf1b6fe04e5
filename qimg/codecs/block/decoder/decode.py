"""The bytes of a file to a picture."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.alpha import decode_alpha
from qimg.codecs.block.bitstream.container import Chunk, Header, Stream
from qimg.codecs.block.bitstream.strips import Parameters, decode_strips, strip_rows
from qimg.codecs.block.layers.progressive import MOST_PIXELS, decode_progressive
from qimg.codecs.block.model import tables as tables_module
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.codecs.errors import BitstreamError, PartialPictureWarning
from qimg.core.arguments import Array
from qimg.images import without_alpha

MAX_PIXELS = 1 << 28
"""Pixels of the largest picture that is decoded unless the caller says otherwise."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Decoded:
    """What a file holds."""

    image: Array
    """`uint8` or `uint16`, (H, W), (H, W, 2), (H, W, 3) or (H, W, 4)."""
    icc_profile: bytes | None
    exif: bytes | None
    """A TIFF structure, without the letters `Exif` before it."""
    xmp: bytes | None
    partial: bool
    """Whether the file is cut, so that the picture is not all that was encoded."""


def decode(data: bytes, *, max_pixels: int | None = MAX_PIXELS, tables: Tables | None = None) -> Array:
    """The picture of a file: pixels of the shape and the type that were encoded.

    Args:
        data: the whole file.
        max_pixels: larger pictures are refused before any memory is taken for them; None takes all.
        tables: those that the file was written with; those of qimg when left out.

    Raises:
        BitstreamError: something else, cut, altered, too large, or written with other tables.

    Warns:
        PartialPictureWarning: the file is progressive and cut; what is there of it is returned.
    """
    decoded = decode_picture(data, max_pixels=max_pixels, tables=tables)
    if decoded.partial:
        warnings.warn(f"the file is cut after {len(data)} bytes: the picture is partial", PartialPictureWarning, 2)
    return decoded.image


def decode_picture(
    data: bytes, *, max_pixels: int | None = MAX_PIXELS, tables: Tables | None = None, partial_ok: bool = True
) -> Decoded:
    """As `decode`, with the metadata beside the picture.

    Args:
        data: the file.
        max_pixels: as in `decode`.
        tables: as in `decode`.
        partial_ok: show what is there of a progressive file that is cut; other files are refused when they are cut.
    """
    stream = _parsed(data, partial_ok=partial_ok)
    header = stream.header
    area = header.width * header.height
    if max_pixels is not None and area > max_pixels:
        raise BitstreamError(f"the picture must have at most max_pixels={max_pixels}, but has {area}", header.width_at)
    tables = _tables_for(header, tables)
    parameters = parameters_of(header)
    if header.progressive and area > MOST_PIXELS:
        raise BitstreamError(
            f"progressive pictures must have at most {MOST_PIXELS} pixels, but has {area}", header.width_at
        )
    decode_pixels = _decode_segments if header.progressive else _decode_strips
    image = decode_pixels(stream, tables, parameters)
    return Decoded(
        image=image,
        icc_profile=stream.payload(container.ICC_PROFILE),
        exif=stream.payload(container.EXIF),
        xmp=stream.payload(container.XMP),
        partial=not stream.complete,
    )


def parameters_of(header: Header) -> Parameters:
    """Steps that a header names; raises `BitstreamError` where one is out of its range."""
    try:
        return Parameters.from_bytes(header.parameters)
    except ValueError as error:
        raise BitstreamError(str(error), header.parameters_at) from None


def _tables_for(header: Header, tables: Tables | None) -> Tables:
    found = tables_module.default() if tables is None else tables
    at_hand = found.identity[: container.IDENTITY]
    if header.identity != at_hand:
        raise BitstreamError(
            f"the picture needs the codec tables {header.identity.hex()}, but those at hand are {at_hand.hex()}",
            header.identity_at,
        )
    return found


def _decode_strips(stream: Stream, tables: Tables, parameters: Parameters) -> Array:
    """The image of a stream's strips, written into it one after the other."""
    header = stream.header
    rows = strip_rows(header.height, header.width)
    chunks = stream.all(container.STRIP)
    if len(chunks) != len(rows):
        raise BitstreamError(f"the picture must have {len(rows)} strips, but has {len(chunks)}", stream.size)
    image, pixels = _new_image(stream)
    payloads = (chunk.payload for chunk in chunks)
    strips = decode_strips(payloads, rows, header.planes, header.width, tables, parameters)
    first = 0
    for chunk, count in zip(chunks, rows, strict=True):
        with _located(chunk):
            samples = next(strips)
        colour.to_pixels(samples, pixels[first : first + count])
        first += count
    return image


def _decode_segments(stream: Stream, tables: Tables, parameters: Parameters) -> Array:
    """The image of a stream's segments, or of those that are there."""
    header, chunks = stream.header, stream.all(container.SEGMENT)
    image, pixels = _new_image(stream)
    payload = b"".join(chunk.payload for chunk in chunks)
    size = (header.height, header.planes, header.width)
    with _located(chunks[0] if chunks else None):
        samples = decode_progressive(payload, *size, tables, parameters, cut=not stream.complete)
    colour.to_pixels(samples, pixels)
    return image


def _new_image(stream: Stream) -> tuple[Array, Array]:
    """An image with its alpha channel decoded, and its other channels, which are still to be written."""
    header = stream.header
    shape = (header.height, header.width)
    dtype = np.uint16 if header.bits == 16 else np.uint8
    image = np.empty(shape if header.channels == 1 else (*shape, header.channels), dtype)
    alpha = next(iter(stream.all(container.ALPHA)), None)
    if header.has_alpha:
        with _located(alpha):
            decode_alpha(alpha.payload if alpha else None, image[..., -1])
    return image, without_alpha(image)


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
def _located(chunk: Chunk | None) -> Iterator[None]:
    """Add the chunk's place to what is found to be wrong in it."""
    try:
        yield
    except BitstreamError as error:
        raise BitstreamError(str(error), chunk.offset if chunk else None) from None
