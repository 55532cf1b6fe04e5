"""Pixels of Pillow's pictures in every mode, and conversion of CMYK, L*a*b* and HSV to RGB."""

import io
from contextlib import suppress

import numpy as np
from PIL import Image, ImageCms

from qimg.core import Array
from qimg.images.planes import ImageError, remark
from qimg.images.reading.samples import from_floats

_OTHER_COLOURS = ("CMYK", "LAB", "HSV")


def refused(name: str, mode: str) -> ImageError:
    """The error about a picture in other colours."""
    hint = " (to_rgb, or --to-rgb on the command line, converts it)" if mode in _OTHER_COLOURS else ""
    return ImageError(
        f"{name}: pixel format must be gray or RGB in 8 or 16 bit, with or without alpha, but is {mode}{hint}"
    )


def pixels_of(picture: Image.Image, name: str, *, convert: bool, profile: bytes | None = None) -> Array:
    """The pixels of a picture: gray or RGB, with alpha where the picture has transparency of any kind.

    Raises:
        ImageError: the mode has no defined black and white, or needs `convert`.
    """
    mode = picture.mode
    if mode in _OTHER_COLOURS:
        if not convert:
            raise refused(name, mode)
        return np.array(to_rgb(picture, profile, name))
    if mode in ("L", "RGB") and picture.has_transparency_data:
        return np.array(picture.convert(mode + "A"))
    if mode in ("L", "LA", "RGB", "RGBA"):
        return np.array(picture)
    if mode in ("P", "PA"):
        return np.array(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))
    if mode in ("1", "La", "RGBa", "RGBX", "YCbCr"):
        return np.array(picture.convert({"1": "L", "La": "LA", "RGBa": "RGBA"}.get(mode, "RGB")))
    if mode.startswith("I;16"):
        return np.array(picture).astype(np.uint16)
    if mode == "F":
        return from_floats(np.array(picture), name)
    raise refused(name, mode)


def to_rgb(picture: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """RGB of a CMYK, L*a*b* or HSV picture; CMYK by its colour profile into sRGB, or as 255 − min(255, ink + black)."""
    if picture.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return _applied(ImageCms.buildTransform(lab, srgb, "LAB", "RGB"), picture)
    if picture.mode == "CMYK" and profile:
        with suppress(Exception):  # LittleCMS raises errors of several types on damaged profiles
            source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            return _applied(ImageCms.buildTransform(source, srgb, "CMYK", "RGB"), picture)
        remark(name, "its colour profile cannot be applied to its CMYK pixels, so they are converted without it")
    return picture.convert("RGB")


def _applied(transform: ImageCms.ImageCmsTransform, picture: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(picture, transform)
    assert converted is not None  # unless it is done in place
    return converted


def lab_picture(samples: Array, bits: int, *, signed: bool) -> Image.Image:
    """An L*a*b* picture of TIFF samples (H, W, 3) of 8 or 16 bits; the high byte of 16.

    Args:
        samples: L*, and a* and b* in two's complement (`signed`) or with an offset (ICC).
        bits: per sample.
        signed: as above.
    """
    codes = (samples >> (bits - 8) if bits > 8 else samples).astype(np.uint8)
    codes[..., 1:] ^= np.uint8(128 if signed else 0)  # Pillow's mode has the offset
    return Image.merge("LAB", [Image.fromarray(codes[..., plane]) for plane in range(3)])
