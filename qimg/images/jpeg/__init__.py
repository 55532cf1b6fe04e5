"""JPEG files: coefficients, 8×8 blocks, minimum coded units, libjpeg's integer arithmetic, tables, round trips."""

from qimg.images.jpeg.coefficients import Component, DamagedJpegWarning, JpegFile, read_jpeg
from qimg.images.jpeg.round_trip import JpegRoundTrip, jpeg_round_trip
from qimg.images.jpeg.tables import quantization_table
from qimg.images.limits import MAX_PIXELS

__all__ = [
    "MAX_PIXELS",
    "Component",
    "DamagedJpegWarning",
    "JpegFile",
    "JpegRoundTrip",
    "jpeg_round_trip",
    "quantization_table",
    "read_jpeg",
]
