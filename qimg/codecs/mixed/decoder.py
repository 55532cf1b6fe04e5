"""The decoder of the mixed codec: the pictures of both codecs, put together by the map."""

import numpy as np

from qimg.codecs.block.codec import CODEC as BLOCK_CODEC
from qimg.codecs.contour.codec import CODEC as CONTOUR_CODEC
from qimg.codecs.envelope import metadata_of
from qimg.codecs.errors import BitstreamError
from qimg.codecs.mixed.bitstream import ALPHA, BLOCK, CONTOUR, MAP, Stream, parse, whole
from qimg.codecs.mixed.tile_map import box_of, decode_map, pixels_of, shape_of
from qimg.codecs.protocol import Codec, Decoded, DecodeOptions
from qimg.core import Array

OPAQUE = 255
"""Alpha of opaque pixels."""
CODECS: dict[bytes, Codec] = {BLOCK: BLOCK_CODEC, CONTOUR: CONTOUR_CODEC, ALPHA: CONTOUR_CODEC}
"""The codec of each chunk with pixels."""


def decode(data: bytes, options: DecodeOptions) -> Decoded:
    """Decode a file; the picture is the same on every machine.

    Raises:
        BitstreamError: the file is of another format or codec, cut, altered or too large.
    """
    stream = parse(data)
    header = stream.header
    options.check_area(header.height, header.width)
    tiles = map_of(stream)
    image = np.full((header.height, header.width, header.channels), OPAQUE, np.uint8)
    for tag, own in ((BLOCK, tiles), (CONTOUR, ~tiles)):
        box, chunk = box_of(own, header.height, header.width), stream.chunk(tag)
        if (box is None) != (chunk is None):
            what = f"chunk {tag.decode()} must be in files whose map has tiles for it, and in no others"
            raise BitstreamError(f"{what}, but is {'present' if chunk else 'missing'}", chunk.offset if chunk else None)
        if box is None:
            continue
        mask = pixels_of(own, header.height, header.width)[box]
        image[box][mask, : header.colours] = _picture(stream, tag, mask.shape, header.colours)[mask]
    if stream.chunk(ALPHA):
        image[..., -1] = _picture(stream, ALPHA, image.shape[:2], 1)[..., 0]
    shown = image[..., 0] if header.channels == 1 else image
    return Decoded(image=shown, partial=False, **metadata_of(stream.chunks))


def map_of(stream: Stream) -> Array:
    """The map of a file, (rows, columns) bool; raises `BitstreamError` if it is damaged."""
    header, chunk = stream.header, stream.chunk(MAP)
    assert chunk is not None  # by `parse`
    try:
        return decode_map(chunk.payload, shape_of(header.height, header.width))
    except BitstreamError as error:
        raise BitstreamError(str(error), chunk.offset) from None


def _picture(stream: Stream, tag: bytes, shape: tuple[int, ...], channels: int) -> Array:
    """The picture (rows, columns, channels) of an embedded file."""
    chunk = stream.chunk(tag)
    assert chunk is not None  # by `decode`
    codec = CODECS[tag]
    settings = DecodeOptions(max_pixels=shape[0] * shape[1], partial_ok=False)
    try:
        image = codec.decode(whole(chunk.payload), settings).image
    except BitstreamError as error:
        raise BitstreamError(f"the {codec.id} part is damaged: {error}", chunk.offset) from None
    expected = shape if channels == 1 else (*shape, channels)
    if image.shape != expected or image.dtype != np.uint8:
        rule = f"the {codec.id} part must be a picture of shape {expected} in 8 bits"
        raise BitstreamError(f"{rule}, but is {image.shape} in {8 * image.itemsize}", chunk.offset)
    return image.reshape(*shape, channels)
