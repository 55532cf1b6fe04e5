"""Reading and atomic writing of image files with 8 and 16 bits, and the photographs of scikit-image."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from qimg.core import Array, allow, integer, one_of, require, write_atomically
from qimg.images.contents import refuse_special
from qimg.images.metadata import (
    Metadata,
    fitting,
    in_png,
    options_for,
    options_for_tifffile,
    orientation_of,
    turned_upright,
)
from qimg.images.planes import ImageError, check_image, colours, has_alpha, remark
from qimg.images.raw import RAW_SUFFIXES, render_raw
from qimg.images.reading import MAX_PIXELS, read, upright

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".ppm", ".pgm", ".avif")
"""File endings of the formats that can be read and written."""

LOSSY = (".jpg", ".jpeg", ".webp", ".avif")
"""Those of lossy formats, which are written at a quality."""

BUNDLED = ("astronaut", "chelsea", "coffee", "motorcycle")
"""Colour photographs that scikit-image ships in lossless formats (its `rocket` is a JPEG file)."""


def load(
    path: str | os.PathLike[str],
    *,
    max_pixels: int | None = MAX_PIXELS,
    first_frame: bool = False,
    to_rgb: bool = False,
) -> Array:
    """Read an image file.

    Samples are read as the tags of the file define them: black and white as stored, transparent colours as an alpha
    channel, palettes as RGB, bilevel as gray 0/255, 9 to 32 bits and floating point in [0, 1] as 16 bits, and the
    orientation applied. What the file leaves undefined is refused. Colour profiles and gamma are not applied.

    Args:
        path: PNG, TIFF, JPEG, WebP, AVIF, BMP, PPM, GIF, JPEG 2000 and the other endings of `SUFFIXES` and
            `READ_ONLY_SUFFIXES`, recognised by their content; HEIC needs pillow-heif. RAW files (`RAW_SUFFIXES`) as
            `load_raw` renders them.
        max_pixels: larger pictures are refused before memory is allocated for them; None accepts all.
        first_frame: read the first picture of an animation or of several pages, which are refused otherwise.
        to_rgb: convert CMYK, CIELAB and HSV to 8-bit RGB, CMYK by its colour profile if it has one; they are refused
            otherwise.

    Returns:
        `uint8` or `uint16` array (H, W), (H, W, 3), (H, W, 2) gray + alpha or (H, W, 4) RGB + alpha.

    Raises:
        ImageError: the file is missing, truncated, no image, too large, animated, or of another pixel format.

    Warns:
        PictureWarning: samples are rounded, or a sample that is no colour is left out.
    """
    path = Path(path)
    refuse_special(path)
    if max_pixels is not None:
        integer("max_pixels", max_pixels, 1)
    if path.suffix.lower() in RAW_SUFFIXES:
        return render_raw(path, max_pixels=max_pixels)  # Pillow would read the preview that some of them hold
    return read(path, max_pixels=max_pixels, first_frame=first_frame, to_rgb=to_rgb)


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
        metadata: written as far as the format supports it: none in BMP, PPM and PGM, no EXIF in 16-bit TIFF. An
            orientation is applied to the pixels and set to 1, so that all formats show the same picture.
        overwrite: replace an existing file.

    Raises:
        ImageError: the array is not an image, or the format cannot hold it.
        ValueError: `quality` is missing, out of range or without effect.
        OSError: the file cannot be written.

    Warns:
        PictureWarning: metadata do not fit the pixels or the format, or are damaged, and are left out.
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
    stored = metadata or Metadata()
    pixels = upright(pixels, orientation_of(stored))
    fit = fitting(turned_upright(stored), suffix, colours(pixels), str(path))
    if deep and suffix != ".png" and fit.exif:
        remark(str(path), "its EXIF data are left out, because TIFF files of 16 bits are written without them")
    try:
        content = _encoded(pixels, suffix, quality, fit)
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
        layout |= options_for_tifffile(metadata) | {"metadata": None, "software": False}
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
