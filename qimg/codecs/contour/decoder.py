"""The decoder of the contour codec: from the bytes of a file to a picture, in integers."""

import numpy as np

from qimg.codecs.contour.bitstream import Header, Stream, parse
from qimg.codecs.contour.colours import OPAQUE, colours_of, pixels_of
from qimg.codecs.contour.fill_coding import decode_fills
from qimg.codecs.contour.fills import areas_of, paint
from qimg.codecs.contour.rows import Rows, decode_layer
from qimg.codecs.envelope import Chunk, metadata_of
from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import Decoded, DecodeOptions
from qimg.core import Array


def decode(data: bytes, options: DecodeOptions) -> Decoded:
    """Decode a file; the picture is the same on every machine.

    Memory in addition to the picture is 4 bytes for each pixel, 12 with fills, and up to 48 MiB for the contexts,
    76 MiB in files of several layers.

    A progressive file that is cut behind its header gives the last complete layer, and the rows of the next layer that
    its bytes determine. The checksum of these rows is missing, so that they are not verified. Rows that are missing in
    the first layer have the colour of the first pixel, or are black.

    Raises:
        BitstreamError: the file is of another format or codec, cut, altered or too large.
    """
    stream = parse(data, partial_ok=options.partial_ok)
    header = stream.header
    options.check_area(header.height, header.width)
    numbers = np.zeros((header.height, header.width), np.uint32)
    palette = np.zeros(header.colours, np.int64)
    if header.colours:
        palette[0] = colours_of(np.frombuffer(header.first, np.uint8)[None, None])[0, 0]
    rows = Rows(numbers.shape, len(header.stored), palette)
    _decode_layers(stream, rows, numbers)
    if stream.complete and not stream.truncated and header.colours and rows.colours != header.colours:
        rule = f"the palette must have {header.colours} colours, but only {rows.colours} occur"
        raise BitstreamError(rule, stream.layers[-1].offset)
    image = _image(numbers, rows.palette, header)
    if stream.fills:
        _fill(image, numbers, header, stream.fills)
    image = image[..., 0] if header.channels == 1 else image
    return Decoded(image=image, partial=not stream.complete, **metadata_of(stream.chunks))


def _decode_layers(stream: Stream, rows: Rows, numbers: Array) -> None:
    """Decode the layers into `numbers`, each in the place of the one before."""
    for index, chunk in enumerate([*stream.layers, *([stream.rest] if stream.rest else [])]):
        if index:
            rows.refine(numbers)
        try:
            decode_layer(rows, chunk.payload, numbers, cut=chunk is stream.rest)
        except BitstreamError as error:
            raise BitstreamError(str(error), chunk.offset) from None


def _image(numbers: Array, palette: Array, header: Header) -> Array:
    """The picture (H, W, channels) of numbers of colours, or of colours."""
    image = np.full((header.height, header.width, header.channels), OPAQUE, np.uint8)
    for row, some in zip(image, numbers, strict=True):
        stored = pixels_of(palette[some] if header.colours else some.astype(np.int64), len(header.stored))
        row[:, header.stored] = stored
        if header.one_plane:
            row[:, :3] = stored[:, :1]
    return image


def _fill(image: Array, numbers: Array, header: Header, chunk: Chunk) -> None:
    """Add the fills of a chunk to a picture."""
    areas = areas_of(numbers)
    try:
        fills = decode_fills(chunk.payload, areas, len(header.stored_colours))
    except BitstreamError as error:
        raise BitstreamError(str(error), chunk.offset) from None
    paint(image, areas, fills)
    if header.one_plane:
        image[..., 1:3] = image[..., :1]
