"""What image files say beside pixels: colour profile, EXIF and XMP, of pictures that have been turned upright."""

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
    """Bytes that belong to a picture and are handed on as they are."""

    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    """A TIFF structure, without the letters `Exif` before it."""
    xmp: bytes | None = field(default=None, repr=False)


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Metadata of a file that `load` has read: since it turns pictures upright, the orientation is set to 1.

    RAW files give none, nor do TIFF files that Pillow does not open, such as gray with alpha in 16 bits. Of a TIFF
    file's tags those are kept that describe the picture, not how it is stored.

    Args:
        path: as for `load`.
    """
    if Path(path).suffix.lower() in RAW_SUFFIXES:
        return Metadata()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about broken metadata, which is handed on or left out
            with Image.open(path) as file:
                if file.format == "PNG":
                    file.load()  # EXIF and XMP may stand behind the pixels
                return Metadata(icc_profile=file.info.get("icc_profile"), exif=_exif(file), xmp=_xmp(file))
    except Exception:  # `load` has read the pixels; what Pillow cannot take apart is left out
        return Metadata()


def _exif(file: Image.Image) -> bytes | None:
    stored = file.info.get("exif")
    if stored:
        return _upright(stored.removeprefix(_EXIF))
    found, kept = file.getexif(), Image.Exif()
    for tag in (ExifTags.Base[name].value for name in _DESCRIPTIVE):
        if tag in found:
            kept[tag] = found[tag]
    for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if found.get_ifd(group):
            kept[group] = dict(found.get_ifd(group))
    return kept.tobytes().removeprefix(_EXIF) if len(kept) else None


def _upright(exif: bytes) -> bytes:
    """EXIF with orientation 1, every other byte as it was: makers' notes do not survive being moved."""
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
    """Options by which Pillow writes metadata into a format; formats that hold none get none."""
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
    """The same for tifffile, which writes no EXIF."""
    options: dict[str, Any] = {"iccprofile": metadata.icc_profile} if metadata.icc_profile else {}
    if metadata.xmp:
        options["extratags"] = [(_TIFF_XMP, "B", len(metadata.xmp), metadata.xmp, True)]
    return options


def in_png(png: bytes, metadata: Metadata) -> bytes:
    """A PNG file with metadata behind its first chunk."""
    parts = []
    if metadata.icc_profile:
        parts.append(b"iCCP" + b"ICC Profile\0\0" + zlib.compress(metadata.icc_profile, 9))
    if metadata.exif:
        parts.append(b"eXIf" + metadata.exif)
    if metadata.xmp:
        parts.append(b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    chunks = [(len(part) - 4).to_bytes(4, "big") + part + zlib.crc32(part).to_bytes(4, "big") for part in parts]
    return b"".join([png[:_PNG_START], *chunks, png[_PNG_START:]])
