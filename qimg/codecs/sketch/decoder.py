"""The decoder of the sketch codec: from the bytes of a file to a picture, in integers."""

import numpy as np

from qimg.codecs.envelope import CutError
from qimg.codecs.protocol import Decoded, DecodeOptions
from qimg.codecs.sketch.bitstream import SIDES_AT, Header, Stream, parse
from qimg.codecs.sketch.geometry import coefficient, ellipse, sides
from qimg.codecs.sketch.numbers import Frame
from qimg.codecs.sketch.painter import paint
from qimg.codecs.sketch.statistics import of_version
from qimg.core import Array


def decode(data: bytes, options: DecodeOptions) -> Decoded:
    """Decode a file, or the part of it that is there; the picture is the same on every machine.

    A file that is cut inside of its payload gives the ellipses that its bytes determine. Its checksum, which covers the
    whole file, cannot be verified.

    Raises:
        BitstreamError: the file is of another format, altered, cut inside of its header, or too large.
    """
    stream = parse(data)
    header = stream.header
    options.check_area(header.height, header.width, SIDES_AT)
    if not stream.complete and not options.partial_ok:
        raise CutError(f"the file is cut: {stream.missing} bytes are missing", len(data))
    base, ellipses = numbers_of(stream)
    return Decoded(image=paint_numbers(base, ellipses, header), partial=not stream.complete)


def numbers_of(stream: Stream) -> tuple[Array, Array]:
    """The numbers that a file determines: (planes, coefficients) of the base and (n, 9 or 11) of ellipses."""
    header = stream.header
    extent = sides(header.height, header.width)
    frame = Frame(step=header.step, extent=extent, statistics=of_version(header.version))
    return frame.read(stream.payload, header.planes)


_FRACTION = 16
_RGB = np.array([[65536, 0, 91881], [65536, -22554, -46802], [65536, 116130, 0]])
"""R'G'B' of Y'CbCr in units of 2⁻¹⁶, with the coefficients of JPEG: 1.402, −0.344136, −0.714136 and 1.772."""


def paint_numbers(base: Array, ellipses: Array, header: Header) -> Array:
    """The picture of numbers.

    Args:
        base: (planes, coefficients) int64.
        ellipses: (n, 9 or 11) int64.
        header: of the file.

    Returns:
        (H, W) or (H, W, 3) uint8.
    """
    extent = sides(header.height, header.width)
    coefficients = np.array([[coefficient(int(one), header.step) for one in row] for row in base], np.int64)
    several = [ellipse(one, header.step, extent) for one in ellipses]
    planes = paint(coefficients, several, header.height, header.width)
    return planes[..., 0].copy() if header.gray else _to_rgb(planes)


def _to_rgb(planes: Array) -> Array:
    """R'G'B' (H, W, 3) uint8 of Y'CbCr (H, W, 3) uint8."""
    centred = planes.astype(np.int64) - (0, 128, 128)
    return np.clip((centred @ _RGB.T + (1 << (_FRACTION - 1))) >> _FRACTION, 0, 255).astype(np.uint8)
