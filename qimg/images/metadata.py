"""Metadata of image files: colour profile, EXIF and XMP, with the orientation of upright pictures."""

import os
import re
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from qimg.images.raw import RAW_SUFFIXES

_EXIF = b"Exif\0\0"
_PNG_START = 8 + 25  # signature and IHDR
_TIFF_XMP = 700
_DESCRIPTIVE = (
    *("ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "Copyright"),
    *("XResolution", "YResolution", "ResolutionUnit"),
)
_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>))[0-9]""")
_WIDTHS = {1: 1, 3: 2, 4: 4}  # bytes of the TIFF types BYTE, SHORT and LONG


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Metadata of a picture as uninterpreted bytes."""

    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    """A TIFF structure, without the prefix `Exif`."""
    xmp: bytes | None = field(default=None, repr=False)


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Read the metadata of an image file, with orientation 1, because `load` turns pictures upright.

    RAW files, and TIFF files that Pillow does not open (such as gray with alpha in 16 bits), give empty metadata. Of
    the tags of a TIFF file, only those that describe the picture are read, not those that describe its storage.

    Args:
        path: as for `load`.
    """
    if Path(path).suffix.lower() in RAW_SUFFIXES:
        return Metadata()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # broken metadata is passed on or left out
            with Image.open(path) as file:
                if file.format == "PNG":
                    file.load()  # EXIF and XMP may follow the pixels
                return Metadata(icc_profile=file.info.get("icc_profile"), exif=_exif(file), xmp=_xmp(file))
    except Exception:  # `load` has read the pixels; metadata that Pillow cannot parse are left out
        return Metadata()


def _exif(file: Image.Image) -> bytes | None:
    stored = file.info.get("exif")
    if stored:
        return _upright(stored.removeprefix(_EXIF))
    tags, descriptive = file.getexif(), Image.Exif()
    for tag in (ExifTags.Base[name].value for name in _DESCRIPTIVE):
        if tag in tags:
            descriptive[tag] = tags[tag]
    for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if tags.get_ifd(group):
            descriptive[group] = dict(tags.get_ifd(group))
    return descriptive.tobytes().removeprefix(_EXIF) if len(descriptive) else None


def _upright(exif: bytes) -> bytes:
    """EXIF with orientation 1, patched in place: makers' notes contain offsets and would break if they were moved."""
    order: Any = {b"II": "little", b"MM": "big"}.get(exif[:2])
    if order is None:
        return exif
    patched, first = bytearray(exif), int.from_bytes(exif[4:8], order)
    count = int.from_bytes(exif[first : first + 2], order)
    for entry in range(first + 2, min(first + 2 + 12 * count, len(exif) - 11), 12):
        width = _WIDTHS.get(int.from_bytes(exif[entry + 2 : entry + 4], order))
        if int.from_bytes(exif[entry : entry + 2], order) == ExifTags.Base.Orientation and width:
            patched[entry + 8 : entry + 8 + width] = (1).to_bytes(width, order)
    return bytes(patched)


def _xmp(file: Image.Image) -> bytes | None:
    stored = file.info.get("xmp") or file.info.get("XML:com.adobe.xmp")
    if not stored:
        return None
    return _ORIENTATION.sub(rb"\g<1>1", stored.encode() if isinstance(stored, str) else stored)


def options_for(suffix: str, metadata: Metadata) -> dict[str, Any]:
    """Pillow's options for writing metadata into a format; empty for formats without metadata."""
    parts = {"icc_profile": metadata.icc_profile, "exif": metadata.exif, "xmp": metadata.xmp}
    if suffix in (".tif", ".tiff") and (metadata.exif or metadata.xmp):
        tags = Image.Exif()
        tags.load(metadata.exif or b"")
        if metadata.xmp:
            tags[_TIFF_XMP] = metadata.xmp
        parts |= {"exif": tags, "xmp": None}  # type: ignore[dict-item]
    elif suffix in (".jpg", ".jpeg") and metadata.exif:
        parts["exif"] = _EXIF + metadata.exif
    elif suffix in (".bmp", ".ppm", ".pgm", ".png"):  # PNG: see `in_png`
        return {}
    return {name: part for name, part in parts.items() if part}


def options_for_tifffile(metadata: Metadata) -> dict[str, Any]:
    """Options of tifffile for writing metadata; tifffile writes no EXIF."""
    options: dict[str, Any] = {"iccprofile": metadata.icc_profile} if metadata.icc_profile else {}
    if metadata.xmp:
        options["extratags"] = [(_TIFF_XMP, "B", len(metadata.xmp), metadata.xmp, True)]
    return options


def in_png(png: bytes, metadata: Metadata) -> bytes:
    """A PNG file with metadata inserted after its first chunk."""
    parts = []
    if metadata.icc_profile:
        parts.append(b"iCCP" + b"ICC Profile\0\0" + zlib.compress(metadata.icc_profile, 9))
    if metadata.exif:
        parts.append(b"eXIf" + metadata.exif)
    if metadata.xmp:
        parts.append(b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    chunks = [(len(part) - 4).to_bytes(4, "big") + part + zlib.crc32(part).to_bytes(4, "big") for part in parts]
    return b"".join([png[:_PNG_START], *chunks, png[_PNG_START:]])
