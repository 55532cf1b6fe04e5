"""The decoder of the contour codec: from the bytes of a file to a picture, in integers."""

import numpy as np

from qimg.codecs.contour.bitstream import Header, parse
from qimg.codecs.contour.colours import OPAQUE, colours_of, pixels_of
from qimg.codecs.contour.fill_coding import decode_fills
from qimg.codecs.contour.fills import areas_of, paint
from qimg.codecs.contour.rows import decode_rows
from qimg.codecs.envelope import Chunk, metadata_of
from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import Decoded, DecodeOptions
from qimg.core import Array


def decode(data: bytes, options: DecodeOptions) -> Decoded:
    """Decode a file; the picture is the same on every machine.

    Memory in addition to the picture is 4 bytes for each pixel, about 40 with fills, and up to 48 MiB for the contexts.

    Raises:
        BitstreamError: the file is of another format or codec, cut, altered or too large.
    """
    stream = parse(data)
    header = stream.header
    options.check_area(header.height, header.width)
    numbers = np.empty((header.height, header.width), np.uint32)
    palette = np.zeros(header.colours, np.int64)
    if header.colours:
        palette[0] = colours_of(np.frombuffer(header.first, np.uint8)[None, None])[0, 0]
    try:
        palette = decode_rows(stream.pixels.payload, numbers, len(header.stored), palette)
    except BitstreamError as error:
        raise BitstreamError(str(error), stream.pixels.offset) from None
    image = _image(numbers, palette, header)
    if stream.fills:
        _fill(image, numbers, header, stream.fills)
    image = image[..., 0] if header.channels == 1 else image
    return Decoded(image=image, partial=False, **metadata_of(stream.chunks))


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
        fills = decode_fills(chunk.payload, areas, header.colour_channels)
    except BitstreamError as error:
        raise BitstreamError(str(error), chunk.offset) from None
    paint(image, areas, fills)
    if header.one_plane:
        image[..., 1:3] = image[..., :1]
