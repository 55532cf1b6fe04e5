"""Reading and atomic writing of image files with 8 and 16 bits, and the photographs of scikit-image."""

import io
import os
import struct
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from qimg.core import Array, allow, integer, one_of, require, write_atomically
from qimg.core.files import special
from qimg.images.metadata import Metadata, in_png, options_for, options_for_tifffile
from qimg.images.planes import ImageError, check_image, colours, has_alpha
from qimg.images.raw import RAW_SUFFIXES, render_raw

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".ppm", ".pgm", ".avif")
"""File endings of the formats that can be read and written."""

LOSSY = (".jpg", ".jpeg", ".webp", ".avif")
"""Those of lossy formats, which are written at a quality."""

BUNDLED = ("astronaut", "chelsea", "coffee", "motorcycle")
"""Colour photographs that scikit-image ships in lossless formats (its `rocket` is a JPEG file)."""


def load(path: str | os.PathLike[str]) -> Array:
    """Read an image file.

    The EXIF orientation is applied; palettes become RGB and bilevel becomes gray 0/255. Colour profiles are
    not applied.

    Args:
        path: PNG, TIFF, JPEG, WebP, AVIF, BMP, PPM or PGM; gray or RGB, 8 bit or (PNG, TIFF) 16 bit, with or
            without alpha. RAW files (`RAW_SUFFIXES`) as `load_raw` renders them.

    Returns:
        `uint8` or `uint16` array (H, W), (H, W, 3), (H, W, 2) gray + alpha or (H, W, 4) RGB + alpha.

    Raises:
        ImageError: the file is missing, truncated, no image, animated, or of another pixel format.
    """
    path = Path(path)
    if special(path):
        raise ImageError(f"{path}: is {special(path)}, but an image file is expected")
    if path.suffix.lower() in RAW_SUFFIXES:
        return render_raw(path)  # Pillow would read the preview that some of them hold
    try:
        with warnings.catch_warnings():
            # Pillow raises an error at twice the size of its warning; that is enough protection.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # An uncompressed TIFF in a colour mode that Pillow does not support is read by tifffile below.
            warnings.simplefilter("ignore", UserWarning)
            # A stream rather than a name: by name, Pillow maps gray TIFF files and garbles those to turn by 90 degrees.
            with path.open("rb") as stream, Image.open(stream) as file:
                return _pixels(file, path)
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, but an image file is expected") from None
    except UnidentifiedImageError:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _load_tiff(path)
        raise ImageError(f"{path}: not an image file that can be read") from None
    except Exception as error:  # decoders raise errors of many types on broken files
        raise ImageError(f"{path}: cannot be read as an image ({error})") from None


def _pixels(file: Image.Image, path: Path) -> Array:
    # Phones append further views to the picture (MPO); the first frame is the picture.
    if getattr(file, "n_frames", 1) > 1 and file.format != "MPO":
        raise ImageError(f"{path}: holds {file.n_frames} frames, but one picture is expected")  # type: ignore[attr-defined]
    if file.format == "PPM" and (file.mode == "I" or _white(file) > 255):
        raise ImageError(f"{path}: PPM and PGM are read in 8 bits only; store 16 bits as PNG or TIFF")
    if _stored_in_16_bits(file) and file.mode in ("RGB", "RGBA", "LA"):
        pixels = _load_png16(path) if file.format == "PNG" else _load_tiff(path)
        return upright(pixels, file.getexif().get(ExifTags.Base.Orientation, 1))
    file.load()
    picture = file
    # Broken EXIF data raise these errors; the picture is then not turned.
    with suppress(struct.error, SyntaxError, ValueError, LookupError, TypeError):
        picture = ImageOps.exif_transpose(file)
    mode = picture.mode
    if mode in ("L", "LA", "RGB", "RGBA"):
        pixels = np.array(picture)
    elif mode == "1":
        pixels = np.array(picture.convert("L"))
    elif mode in ("P", "PA"):
        pixels = np.array(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))
    elif mode.startswith("I;16"):
        pixels = np.array(picture).astype(np.uint16)
    else:
        raise ImageError(
            f"{path}: pixel format must be gray or RGB in 8 or 16 bit, with or without alpha, but is {mode}"
        )
    return pixels


def _white(file: Image.Image) -> int:
    """Code value of white in a PPM or PGM file: the largest integer among the arguments of Pillow's decoder."""
    arguments = [tile.args if isinstance(tile.args, tuple) else (tile.args,) for tile in getattr(file, "tile", ())]
    return max([entry for entry in sum(arguments, ()) if isinstance(entry, int)], default=0)


def _stored_in_16_bits(file: Image.Image) -> bool:
    """Whether the file stores 16 bits per channel, which Pillow reduces to 8 for colour (Pillow issue 7723)."""
    arguments = (tile.args for tile in getattr(file, "tile", ()))
    return any("16" in str(entry[0] if isinstance(entry, tuple) else entry) for entry in arguments)


def upright(pixels: Array, orientation: int) -> Array:
    """Turn stored pixels (H, W, …) by an EXIF orientation from 1 to 8, as Pillow's `exif_transpose` does."""
    integer("orientation", orientation, 1, 8)
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels.copy()


def _load_png16(path: Path) -> Array:
    import png

    with path.open("rb") as file:
        width, height, rows, info = png.Reader(file=file).asDirect()
        pixels = np.vstack([np.asarray(row, dtype=np.uint16) for row in rows])
    return pixels.reshape(height, width, info["planes"])


def _load_tiff(path: Path) -> Array:
    import tifffile

    try:
        pixels = np.asarray(tifffile.imread(path))
        return check_image(f"{path}", pixels)
    except ImageError:
        raise
    except Exception as error:  # tifffile raises errors of many types on broken files
        raise ImageError(f"{path}: cannot be read as an image ({error})") from None


def save(
    image: Array,
    path: str | os.PathLike[str],
    *,
    quality: int | None = None,
    metadata: Metadata | None = None,
    overwrite: bool = True,
) -> None:
    """Write an image file atomically in the format of its ending.

    Args:
        image: an image array (see the module).
        path: lossless `.png`, `.tif`, `.tiff`, `.bmp`, `.ppm`, `.pgm` (gray), or lossy `.jpg`, `.jpeg`, `.webp`,
            `.avif`. 16 bit: PNG and TIFF only. Gray pictures in WebP and AVIF are read back as RGB.
        quality: 1 to 100; required for lossy formats.
        metadata: written as far as the format supports it: none in BMP, PPM and PGM, no EXIF in 16-bit TIFF.
        overwrite: replace an existing file.

    Raises:
        ImageError: the array is not an image, or the format cannot hold it.
        ValueError: `quality` is missing, out of range or without effect.
        OSError: the file cannot be written.
    """
    pixels = check_image("image", image)
    path = Path(path)
    check_format(path, quality)
    suffix = path.suffix.lower()
    deep = pixels.dtype == np.uint16
    if deep and suffix not in (".png", ".tif", ".tiff"):
        raise ImageError(f"{path}: {suffix} holds 8 bits per channel, but the image is uint16")
    if has_alpha(pixels) and suffix in (".jpg", ".jpeg", ".bmp", ".ppm", ".pgm"):
        raise ImageError(f"{path}: {suffix} holds no alpha channel, but the image has one")
    if suffix == ".pgm" and colours(pixels) == 3:
        raise ImageError(f"{path}: .pgm holds gray pictures, but the image is in colour")
    try:
        content = _encoded(pixels, suffix, quality, metadata or Metadata())
    except ValueError as error:  # for instance EXIF data that are too long for JPEG
        raise ImageError(f"{path}: cannot be written ({error})") from None
    write_atomically(path, content, overwrite=overwrite)


def check_format(path: str | os.PathLike[str], quality: int | None) -> None:
    """Check, before a picture is computed, that `save` knows the format of a file and that the quality suits it.

    Raises:
        ImageError: the ending names no format.
        ValueError: `quality` is missing, out of range or without effect.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        name = f"the file ending {suffix!r}" if suffix else "no file ending"
        raise ImageError(f"{path}: must end in one of {', '.join(SUFFIXES)}, but has {name}")
    if suffix in LOSSY:
        allow(quality is not None, "quality", f"must be set for {suffix} files (1 to 100)")
        integer("quality", quality or 0, 1, 100)
    else:
        require(quality is None, "quality", f"has no effect on {suffix} files and must be left out", quality)


def _encoded(pixels: Array, suffix: str, quality: int | None, metadata: Metadata) -> bytes:
    buffer = io.BytesIO()
    if pixels.dtype == np.uint16 and suffix != ".png":
        import tifffile

        # Without `contig`, a gray picture with alpha would become H pages of W×2 pixels.
        layout: dict[str, Any] = {"planarconfig": "contig"} if pixels.ndim == 3 else {}
        if has_alpha(pixels):
            layout["extrasamples"] = ["unassalpha"]
        layout |= options_for_tifffile(metadata)
        tifffile.imwrite(buffer, pixels, photometric="minisblack" if colours(pixels) == 1 else "rgb", **layout)
    elif pixels.dtype == np.uint16 and pixels.ndim == 3:
        import png

        height, width, channels = pixels.shape
        writer = png.Writer(width, height, greyscale=channels == 2, alpha=has_alpha(pixels), bitdepth=16)
        writer.write_packed(buffer, (row.astype(">u2").tobytes() for row in pixels))
    else:
        options: dict[str, Any] = {} if quality is None else {"quality": quality}
        Image.fromarray(pixels).save(buffer, _format(suffix), **options, **options_for(suffix, metadata))
    return in_png(buffer.getvalue(), metadata) if suffix == ".png" else buffer.getvalue()


def _format(suffix: str) -> str:
    return Image.registered_extensions()[suffix]


def bundled(name: str) -> Array:
    """A colour photograph from scikit-image's package, `uint8` (H, W, 3).

    Args:
        name: one of `qimg.images.BUNDLED`.
    """
    one_of("name", name, BUNDLED)
    from skimage import data

    if name == "motorcycle":
        return np.array(data.stereo_motorcycle()[0])
    return np.array(getattr(data, name)())
