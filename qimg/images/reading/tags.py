"""Metadata in picture files, found without decoding pixels; parts that are damaged are left out with a warning."""

import io
import os
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from qimg.images.contents import content_of
from qimg.images.metadata import Metadata, turned_upright
from qimg.images.planes import ImageError, PictureWarning, remark
from qimg.images.raw import RAW_SUFFIXES
from qimg.images.reading.bare import bare
from qimg.images.reading.formats import START, format_of
from qimg.images.reading.headers import jpeg_segments, png_chunks
from qimg.images.reading.opened import opened

_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_PNG_XMP = b"XML:com.adobe.xmp\0"
_TIFF_XMP, _TIFF_ICC = 700, 34675
_LARGEST = 1 << 24  # bytes of a decompressed profile, about as many as JPEG can hold
_DESCRIPTIVE = (
    *("ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "Copyright"),
    *("XResolution", "YResolution", "ResolutionUnit"),
)
_SRGB_GAMMA = 45455  # of gAMA, 100000 / 2.2


def read_metadata(path: str | os.PathLike[str], *, content: bytes | None = None) -> Metadata:
    """Read the metadata of an image file, with orientation 1, because `load` turns pictures upright.

    RAW files give empty metadata. Of the tags of a TIFF file, only those that describe the picture are read, not those
    that describe its storage.

    Args:
        path: as for `load`.
        content: of the file, which is read when left out.

    Warns:
        PictureWarning: a part is damaged and left out, or a description of colours that is not kept (PNG: gamma,
            primaries, HDR).
    """
    path = Path(path)
    if path.suffix.lower() in RAW_SUFFIXES:
        return Metadata()
    try:
        content = content_of(path) if content is None else content
        form = format_of(content[:START], path.suffix.lower())
    except ImageError:
        return Metadata()  # `load` reports it
    return turned_upright(stored_metadata(form, content, str(path)))


def stored_metadata(form: str | None, content: bytes, name: str) -> Metadata:
    """The metadata of a file, with the orientation that it stores; raises nothing."""
    source: Callable[[str | None, bytes, str], Metadata] = _READERS.get(form, _of_pillow)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(PIL|tifffile|png|pillow_heif)(\.|$)")
        try:
            return source(form, content, name)
        except PictureWarning:
            raise
        except Exception as error:  # broken structures raise errors of many types
            reason = " ".join(str(error).split()) or type(error).__name__
            remark(name, f"its metadata cannot be read ({reason}) and are left out")
            return Metadata()


def _of_png(_: str | None, content: bytes, name: str) -> Metadata:
    parts: dict[str, bytes] = {}
    colours: dict[bytes, bytes] = {}
    for kind, data, whole in png_chunks(content):
        if kind in (b"gAMA", b"cHRM", b"cICP", b"sRGB", b"mDCV", b"cLLI"):
            colours.setdefault(kind, data)
        elif zlib.crc32(kind + data) != int.from_bytes(whole[-4:], "big"):
            continue
        elif kind == b"eXIf":
            parts.setdefault("exif", data)
        elif kind == b"iCCP" and (profile := _inflated(data.partition(b"\0")[2][1:], name)):
            parts.setdefault("icc_profile", profile)
        elif kind == b"iTXt" and data.startswith(_PNG_XMP) and (xmp := _itxt(data[len(_PNG_XMP) :], name)):
            parts.setdefault("xmp", xmp)
        elif kind == b"zTXt" and data.startswith(b"Raw profile type exif\0") and "exif" not in parts:
            text = _inflated(data.partition(b"\0")[2][1:], name) or b""
            parts["exif"] = bytes.fromhex("".join(text.decode("latin-1").split()[2:]))
    _mention_colours(colours, "icc_profile" in parts, name)
    return Metadata(**parts)


def _itxt(data: bytes, name: str) -> bytes | None:
    """The text of iTXt, behind compression flag and method, language, and translated keyword."""
    text = data[2:].split(b"\0", 2)
    if len(text) < 3:
        return None
    return _inflated(text[2], name) if data[:1] == b"\1" else text[2]


def _inflated(data: bytes, name: str) -> bytes | None:
    try:
        stream = zlib.decompressobj()
        content = stream.decompress(data, _LARGEST)
    except zlib.error as error:
        remark(name, f"metadata are compressed wrongly ({error}) and left out")
        return None
    if stream.unconsumed_tail:
        remark(name, f"metadata of more than {_LARGEST} bytes are left out")
        return None
    return content


def _mention_colours(colours: dict[bytes, bytes], has_profile: bool, name: str) -> None:
    """Remark on colours that PNG describes outside of a profile, unless they are those of sRGB."""
    if has_profile and b"cICP" not in colours:
        return
    gamma = int.from_bytes(colours.get(b"gAMA", b"")[:4], "big")
    lost = [b"cICP"] if colours.get(b"cICP", b"\1\15")[:2] != b"\1\15" else []  # primaries and curve of sRGB
    if not lost and b"sRGB" not in colours and b"cICP" not in colours:
        lost += [b"gAMA"] if gamma and abs(gamma - _SRGB_GAMMA) > 200 else []
        lost += [b"cHRM"] if b"cHRM" in colours and not _is_srgb(colours[b"cHRM"]) else []
    if lost:
        kinds = ", ".join(kind.decode() for kind in lost)
        remark(name, f"the description of its colours in {kinds} is left out; the samples are kept as stored")


def _is_srgb(primaries: bytes) -> bool:
    expected = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    stored = [int.from_bytes(primaries[at : at + 4], "big") for at in range(0, 32, 4)]
    return all(abs(one - other) <= 100 for one, other in zip(stored, expected, strict=True))


def _of_jpeg(_: str | None, content: bytes, name: str) -> Metadata:
    parts: dict[str, bytes] = {}
    profile: dict[int, bytes] = {}
    count = 0
    for one in jpeg_segments(content):
        data = content[one.data : one.end]
        if one.marker == 0xE1 and data.startswith(_EXIF):
            parts.setdefault("exif", data[len(_EXIF) :])
        elif one.marker == 0xE1 and data.startswith(_XMP):
            parts.setdefault("xmp", data[len(_XMP) :])
        elif one.marker == 0xE2 and data.startswith(_ICC) and len(data) > 14:
            profile.setdefault(data[12], data[14:])
            count = max(count, data[13])
    if profile and sorted(profile) == list(range(1, count + 1)):
        parts["icc_profile"] = b"".join(profile[number] for number in sorted(profile))
    elif profile:
        remark(name, f"its colour profile is left out: it has the parts {sorted(profile)} of {count}")
    return Metadata(**parts)


def _of_tiff(_: str | None, content: bytes, name: str) -> Metadata:
    if content[2:3] in (b"+", b"\0") and b"+" in content[2:4]:
        return _of_bigtiff(content)
    tags = Image.Exif()
    tags.load(_EXIF + content)
    descriptive = Image.Exif()
    for tag in (ExifTags.Base[word].value for word in (*_DESCRIPTIVE, "Orientation")):
        if tag in tags:
            descriptive[tag] = tags[tag]
    for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if tags.get_ifd(group):
            descriptive[group] = dict(tags.get_ifd(group))
    if {descriptive.get(tag, 1) for tag in (ExifTags.Base.XResolution, ExifTags.Base.YResolution)} == {1}:
        for word in ("XResolution", "YResolution", "ResolutionUnit"):  # TIFF requires them, also where they are unknown
            descriptive.pop(ExifTags.Base[word].value, None)
    exif = descriptive.tobytes() if len(descriptive) else None
    return Metadata(icc_profile=_bytes(tags.get(_TIFF_ICC)), exif=exif, xmp=_bytes(tags.get(_TIFF_XMP)))


def _of_bigtiff(content: bytes) -> Metadata:
    """Profile and XMP of a TIFF file with addresses of 64 bits, which Pillow's EXIF reader does not follow."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = file.pages[0].tags
        return Metadata(icc_profile=_bytes(tags.valueof(_TIFF_ICC)), xmp=_bytes(tags.valueof(_TIFF_XMP)))


def _of_pillow(form: str | None, content: bytes, name: str) -> Metadata:
    if form is None:
        return Metadata()
    try:
        file = opened(form, content, name)
    except Exception:
        file = opened(form, bare(form, content), name)  # raises again if it is more than the EXIF data
        remark(name, "its EXIF data are no TIFF structure, and are left out")
    with file:
        return Metadata(**{part: _bytes(file.info.get(part)) for part in ("icc_profile", "exif", "xmp")})


def _bytes(value: Any) -> bytes | None:
    """A part as bytes; None if it is empty."""
    return (value.encode() if isinstance(value, str) else bytes(value)) if value else None


_READERS: dict[str | None, Callable[[str | None, bytes, str], Metadata]] = {
    "PNG": _of_png,
    "JPEG": _of_jpeg,
    "TIFF": _of_tiff,
}
