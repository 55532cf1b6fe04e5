"""Metadata of image files: colour profile, EXIF and XMP, their orientation, and the forms in which files hold them."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import ExifTags, Image

from qimg.images.planes import remark

_EXIF = b"Exif\0\0"
_PNG_START = 8 + 25  # signature and IHDR
_TIFF_XMP = 700
_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>))([0-9])""")
_WIDTHS = {1: 1, 3: 2, 4: 4}  # bytes of the TIFF types BYTE, SHORT and LONG
_COLOURS_OF_PROFILE = {b"GRAY": 1, b"RGB ": 3}
_JPEG, _TIFF, _NO_METADATA = (".jpg", ".jpeg"), (".tif", ".tiff"), (".bmp", ".ppm", ".pgm")
_LONGEST = {"exif": 65527, "xmp": 65504, "icc_profile": 255 * 65519}  # bytes that JPEG holds


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Metadata of a picture as uninterpreted bytes."""

    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    """A TIFF structure; a prefix `Exif` is removed."""
    xmp: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.exif:
            object.__setattr__(self, "exif", self.exif.removeprefix(_EXIF) or None)


def orientation_of(metadata: Metadata) -> int:
    """Orientation in EXIF, or else in XMP: 1 to 8, and 1 where there is none or it cannot be read."""
    exif = metadata.exif or b""
    for place, width, order in _orientations(exif):
        value = int.from_bytes(exif[place : place + width], order)
        return value if value in range(1, 9) else 1
    match = _ORIENTATION.search(metadata.xmp or b"")
    return int(match[2]) if match and match[2] in b"12345678" else 1


def turned_upright(metadata: Metadata) -> Metadata:
    """The metadata with orientation 1, patched in place: makers' notes hold offsets and would break if they moved."""
    exif = bytearray(metadata.exif or b"")
    for place, width, order in _orientations(bytes(exif)):
        exif[place : place + width] = (1).to_bytes(width, order)
    xmp = _ORIENTATION.sub(rb"\g<1>1", metadata.xmp) if metadata.xmp else metadata.xmp
    return replace(metadata, exif=bytes(exif) if metadata.exif else metadata.exif, xmp=xmp)


def _orientations(exif: bytes) -> Iterator[tuple[int, int, Any]]:
    """Place, width and byte order of each orientation in the first directory of EXIF."""
    order: Any = {b"II": "little", b"MM": "big"}.get(exif[:2])
    if order is None:
        return
    first = int.from_bytes(exif[4:8], order)
    count = int.from_bytes(exif[first : first + 2], order)
    for entry in range(first + 2, min(first + 2 + 12 * count, len(exif) - 11), 12):
        width = _WIDTHS.get(int.from_bytes(exif[entry + 2 : entry + 4], order))
        if int.from_bytes(exif[entry : entry + 2], order) == ExifTags.Base.Orientation and width:
            yield entry + 8, width, order


def fitting(metadata: Metadata, suffix: str, colours: int, name: str) -> Metadata:
    """The metadata that a file can hold beside its pixels; a `PictureWarning` names each part that is left out.

    A colour profile of other colours is left out, EXIF that is no TIFF structure where a format needs one (TIFF,
    AVIF), XMP that is not UTF-8 in PNG, and parts that are too long for JPEG. BMP, PPM and PGM hold no metadata.

    Args:
        metadata: of the picture.
        suffix: file ending of the format, or of a codec's files.
        colours: colour channels of the picture, 1 or 3.
        name: name of the file, for the warnings.
    """
    if suffix in _NO_METADATA:
        return Metadata()
    written = 3 if suffix in (".webp", ".avif") else colours
    reasons = {
        "icc_profile": _why_no_profile(metadata.icc_profile, written),
        "exif": "its EXIF data are no TIFF structure" if suffix in (*_TIFF, ".avif") and _broken(metadata.exif) else "",
        "xmp": "its XMP data are not in UTF-8" if suffix == ".png" and not _is_utf8(metadata.xmp) else "",
    }
    if suffix in _JPEG:
        for part, longest in _LONGEST.items():
            size = len(getattr(metadata, part) or b"")
            if size > longest:
                reasons[part] = f"its {part.removesuffix('_profile').upper()} data have {size} bytes, too many for JPEG"
    for reason in filter(None, reasons.values()):
        remark(name, f"{reason}, and are left out" if "data" in reason else f"{reason}, and is left out")
    return replace(metadata, **{part: None for part, reason in reasons.items() if reason})


def profile_of(profile: bytes | None, colours: int) -> bytes | None:
    """The colour profile, or None if it is one of other colours than a picture of 1 or 3 colour channels has."""
    return None if _why_no_profile(profile, colours) else profile


def _why_no_profile(profile: bytes | None, colours: int) -> str:
    if not profile or profile[36:40] != b"acsp":  # no profile, or a damaged one, which is handed on
        return ""
    space = profile[16:20]
    if _COLOURS_OF_PROFILE.get(space) == colours:
        return ""
    kind = space.decode("latin-1").strip()
    return f"its colour profile is one of {kind} and does not fit {'RGB' if colours == 3 else 'gray'} pixels"


def _broken(exif: bytes | None) -> bool:
    if not exif:
        return False
    try:
        tags = Image.Exif()
        tags.load(exif)
        tags.tobytes()
    except Exception:  # Pillow raises errors of many types
        return True
    return False


def _is_utf8(xmp: bytes | None) -> bool:
    try:
        (xmp or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def options_for(suffix: str, metadata: Metadata) -> dict[str, Any]:
    """Pillow's options for writing `fitting` metadata into a format; empty for formats without metadata."""
    parts = {"icc_profile": metadata.icc_profile, "exif": metadata.exif, "xmp": metadata.xmp}
    if suffix in _TIFF and (metadata.exif or metadata.xmp):
        tags = Image.Exif()
        tags.load(metadata.exif or b"")
        if metadata.xmp:
            tags[_TIFF_XMP] = metadata.xmp
        parts |= {"exif": tags, "xmp": None}  # type: ignore[dict-item]
    elif suffix in _JPEG and metadata.exif:
        parts["exif"] = _EXIF + metadata.exif
    elif suffix in (*_NO_METADATA, ".png"):  # PNG: see `in_png`
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
