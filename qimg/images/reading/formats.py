"""Formats of picture files, recognised by their first bytes."""

from qimg.images.reading.opened import FORMATS, recognised
from qimg.images.reading.png_files import SIGNATURE
from qimg.images.reading.tiff_files import MAGIC

START = 32
"""Bytes that identify a format."""

READ_ONLY_SUFFIXES = tuple(
    suffix
    for _, _, suffixes in FORMATS.values()
    for suffix in suffixes
    if suffix not in (".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".ppm", ".pgm")
)
"""File endings of the formats that can be read but not written."""


def format_of(start: bytes, suffix: str) -> str | None:
    """PNG, TIFF or a name of `FORMATS`; None for anything else."""
    if start.startswith(SIGNATURE):
        return "PNG"
    return "TIFF" if start.startswith(MAGIC) else recognised(start, suffix)
