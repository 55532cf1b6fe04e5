"""Reading and writing of images: files, collections, RAW files, JPEG pairs, colour planes, scikit-image's photographs.

An image is a `uint8` or `uint16` array (H, W) or (H, W, 3), with an alpha channel (H, W, 2) or (H, W, 4).
Inside the library, planes are `float64` in 8-bit code values (0 to 255).
"""

from qimg.core import names_for, to_write, write_atomically
from qimg.images.collections import Skipped, Source, gather, map_pictures
from qimg.images.files import BUNDLED, SUFFIXES, bundled, check_format, load, save
from qimg.images.idx import read_idx
from qimg.images.jpeg import JpegRoundTrip, jpeg_round_trip, quantization_table
from qimg.images.metadata import Metadata
from qimg.images.planes import (
    LEVEL_SHIFT,
    ImageError,
    PictureWarning,
    box_mean,
    check_image,
    code_values,
    colours,
    has_alpha,
    luma,
    rgb_to_ycbcr,
    to_uint8,
    to_ycbcr,
    without_alpha,
    ycbcr_to_rgb,
)
from qimg.images.raw import RAW_SUFFIXES, RawPicture, camera, load_raw
from qimg.images.reading import MAX_PIXELS, READ_ONLY_SUFFIXES, read_metadata, upright

__all__ = [
    "BUNDLED",
    "LEVEL_SHIFT",
    "MAX_PIXELS",
    "RAW_SUFFIXES",
    "READ_ONLY_SUFFIXES",
    "SUFFIXES",
    "ImageError",
    "JpegRoundTrip",
    "Metadata",
    "PictureWarning",
    "RawPicture",
    "Skipped",
    "Source",
    "box_mean",
    "camera",
    "bundled",
    "check_format",
    "check_image",
    "code_values",
    "colours",
    "gather",
    "has_alpha",
    "jpeg_round_trip",
    "load",
    "load_raw",
    "luma",
    "map_pictures",
    "names_for",
    "quantization_table",
    "read_idx",
    "read_metadata",
    "rgb_to_ycbcr",
    "save",
    "to_uint8",
    "to_write",
    "to_ycbcr",
    "upright",
    "without_alpha",
    "write_atomically",
    "ycbcr_to_rgb",
]
