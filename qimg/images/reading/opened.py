"""Pictures in the formats that Pillow reads, besides PNG and TIFF, without the limits of `PIL.Image.open`."""

import io
import re
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from qimg.core import Array
from qimg.images.limits import check_area, several, too_short
from qimg.images.planes import ImageError, remark
from qimg.images.reading.bare import bare
from qimg.images.reading.colour import pixels_of, refused
from qimg.images.reading.headers import depth_of_avif, depths_of_jpeg2000, frame_of_jpeg, size_of_webp
from qimg.images.reading.samples import from_integers

FORMATS = {
    "JPEG": ("JpegImagePlugin", "JpegImageFile", (".jpg", ".jpeg", ".jpe", ".jfif")),
    "WEBP": ("WebPImagePlugin", "WebPImageFile", (".webp",)),
    "AVIF": ("AvifImagePlugin", "AvifImageFile", (".avif",)),
    "GIF": ("GifImagePlugin", "GifImageFile", (".gif",)),
    "BMP": ("BmpImagePlugin", "BmpImageFile", (".bmp",)),
    "PPM": ("PpmImagePlugin", "PpmImageFile", (".ppm", ".pgm", ".pbm", ".pnm", ".pfm")),
    "JPEG2000": ("Jpeg2KImagePlugin", "Jpeg2KImageFile", (".jp2", ".j2k", ".jpx", ".jpf")),
    "ICO": ("IcoImagePlugin", "IcoImageFile", (".ico",)),
    "QOI": ("QoiImagePlugin", "QoiImageFile", (".qoi",)),
    "SGI": ("SgiImagePlugin", "SgiImageFile", (".sgi",)),
    "PCX": ("PcxImagePlugin", "PcxImageFile", (".pcx",)),
    "TGA": ("TgaImagePlugin", "TgaImageFile", (".tga",)),
    "HEIF": ("", "", (".heic", ".heif", ".hif")),
}
"""Name → module and class in Pillow, and file endings. HEIF is read by pillow-heif."""

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_WITHOUT_SIGNATURE = ("PCX", "TGA")  # recognised by their endings


def recognised(start: bytes, suffix: str) -> str | None:
    """Name in `FORMATS` of a file with these first 32 bytes and this ending; None if it is none of them."""
    if start[4:8] == b"ftyp" and start[8:12] in (*_HEIF_BRANDS, b"avif", b"avis"):
        brands = re.findall(rb".{4}", start[8:], re.DOTALL)
        return "AVIF" if b"avif" in brands or b"avis" in brands else "HEIF"
    for form, (module, _, endings) in FORMATS.items():
        if form in _WITHOUT_SIGNATURE:
            if suffix in endings:
                return form
        elif module:
            import_module(f"PIL.{module}")
            accept = Image.OPEN[form][1]
            if accept is not None and accept(start) is True:
                return form
    return None


def opened(form: str, content: bytes, name: str) -> ImageFile.ImageFile:
    """A file as Pillow's class of its format opens it, without decoding its pixels.

    Raises:
        ImageError: the format needs a package that is not installed.
    """
    if form == "HEIF":
        try:
            from pillow_heif import HeifImageFile
        except ImportError:
            raise ImageError(
                f"{name}: HEIC and HEIF files need the package pillow-heif (pip install 'qimg[heif]')"
            ) from None
        return HeifImageFile(io.BytesIO(content))
    module, kind, _ = FORMATS[form]
    return getattr(import_module(f"PIL.{module}"), kind)(io.BytesIO(content))


def read_opened(
    form: str,
    content: bytes,
    name: str,
    profile: bytes | None,
    *,
    max_pixels: int | None,
    first_frame: bool,
    convert: bool,
) -> Array:
    """The picture of a file as stored, before it is turned upright; `convert` allows CMYK, L*a*b* and HSV.

    The colour profile is used for CMYK only.

    Raises:
        ImageError: the file is damaged, holds several pictures, or pixels without a defined black and white.
    """
    if form == "JPEG" and frame_of_jpeg(content)[0] > 8:
        return _deep_jpeg(content, name, max_pixels)
    if form == "WEBP":  # Pillow's class allocates the pixels when it opens the file
        check_area(name, *size_of_webp(content), max_pixels)
    with opened(form, bare(form, content), name) as file:
        check_area(name, file.height, file.width, max_pixels)
        if 8 * len(content) < file.height * file.width and any(tile.codec_name == "raw" for tile in file.tile):
            raise too_short(name, file.height, file.width)
        count = getattr(file, "n_frames", 1)
        if count > 1 and form != "HEIF" and not first_frame:  # a HEIF file names its picture
            raise several(name, count)
        _check_depth(form, content, name, file)
        if form == "PPM" and _white(file) > 255:
            return _deep_pnm(file, content, name)
        file.load()
        check_area(name, file.height, file.width, max_pixels)  # the picture in an icon can be larger than announced
        return pixels_of(file, name, convert=convert, profile=profile)


def _check_depth(form: str, content: bytes, name: str, file: Any) -> None:
    """Refuse or mention samples of more than 8 bits that Pillow reduces to 8."""
    if form == "JPEG2000":
        depths = depths_of_jpeg2000(content)
        if depths not in ({8}, {16}) or (depths == {16} and file.mode != "I;16"):
            raise ImageError(
                f"{name}: JPEG 2000 is read in 8 bits, or 16 bits of gray, without sign, but holds "
                f"{', '.join(map(str, sorted(depths)))} bits (negative: signed) in the mode {file.mode}"
            )
    depth = depth_of_avif(content) if form == "AVIF" else file.info.get("bit_depth", 8) if form == "HEIF" else 8
    if depth > 8:
        remark(name, f"its samples of {depth} bits are rounded to 8")


def _white(file: Any) -> int:
    """Code value of white in a PPM or PGM file, from the arguments of Pillow's decoder."""
    arguments = file.tile[0].args
    if arguments == "I;16B":
        return 65535
    return arguments[-1] if isinstance(arguments, tuple) and file.mode != "F" else 255


def _deep_pnm(file: Any, content: bytes, name: str) -> Array:
    """A PPM or PGM file of more than 8 bits as `uint16`; Pillow reduces its colours to 8 bits."""
    tile, white = file.tile[0], _white(file)
    channels = 3 if file.mode == "RGB" else 1
    count = file.height * file.width * channels
    if len(content) - tile.offset < 2 * count - 1:  # of two bytes, or a digit and a space
        raise too_short(name, file.height, file.width)
    if tile.codec_name == "ppm_plain":
        words = re.sub(rb"#[^\r\n]*", b"", content[tile.offset :]).split(maxsplit=count)[:count]
        stored = np.array([int(word) for word in words], np.uint64)
    else:
        stored = np.frombuffer(content, ">u2", count, tile.offset).astype(np.uint64)
    levels = (np.minimum(stored, white) * 65535 + white // 2) // white
    return levels.astype(np.uint16).reshape((file.height, file.width, channels)[: 2 + (channels > 1)])


def _deep_jpeg(content: bytes, name: str, max_pixels: int | None) -> Array:
    """A JPEG file of more than 8 bits per sample, usually lossless, as `uint16`."""
    depth, height, width = frame_of_jpeg(content)
    check_area(name, height, width, max_pixels)
    try:
        import imagecodecs
    except ImportError:
        raise ImageError(
            f"{name}: JPEG files of {depth} bits per sample need the package imagecodecs (pip install 'qimg[tiff]')"
        ) from None
    samples = np.asarray(imagecodecs.jpeg_decode(content))
    if samples.ndim == 3 and samples.shape[2] != 3:
        raise refused(name, f"{samples.shape[2]} channels of {depth} bits")
    return from_integers(samples, depth)
