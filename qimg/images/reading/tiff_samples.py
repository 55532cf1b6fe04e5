"""Samples of TIFF files as they are stored, decoded by tifffile, or by Pillow where it has the decoder."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import ExifTags, TiffImagePlugin

from qimg.core import Array
from qimg.images.limits import too_short
from qimg.images.planes import ImageError, to_uint8
from qimg.images.reading.colour import pixels_of

OLD_JPEG = 6
_UNCOMPRESSED = 1
_YCBCR = 6
_PALETTE = 3
_TO_RGB = (7, 34892, 33007)  # JPEG in its variants, for which tifffile returns R, G, B

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # not printed unless somebody listens


def stored_samples(page: Any, content: bytes, name: str, photometric: int, bits: int) -> Array | None:
    """Samples (H, W, S), R, G, B in place of Y'CbCr; None where Pillow has the decoder.

    Raises:
        ImageError: data are missing, damaged, or need a decoder that is not installed.
    """
    height, width, compression = int(page.imagelength), int(page.imagewidth), int(page.compression)
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if not parts or any(start < 1 or size < 1 or start + size > len(content) for start, size in parts):
        raise too_short(name, height, width)
    if compression == OLD_JPEG or (photometric == _YCBCR and compression not in (_UNCOMPRESSED, *_TO_RGB)):
        return None
    if compression == _UNCOMPRESSED:
        factors = page.tags.valueof(530, (2, 2)) if photometric == _YCBCR else (1, 1)
        channels = 1 + 2 / (factors[0] * factors[1]) if photometric == _YCBCR else int(page.samplesperpixel)
        if sum(size for _, size in parts) < int(height * (int(width * channels * bits) // 8)):
            raise too_short(name, height, width)
        if photometric == _YCBCR:
            return _rgb_of_ycbcr(page, content, factors, name)
    try:
        samples = np.asarray(page.asarray())
    except Exception as error:  # tifffile and its decoders raise errors of many types
        no_decoder = any(words in str(error) for words in ("imagecodecs", "not supported"))
        if no_decoder and photometric == _PALETTE and page.tags.valueof(ExifTags.Base.Orientation, 1) == 1:
            return _palette_indices(page, content, name)
        if no_decoder and photometric != _PALETTE and _exact_in_pillow(page, bits):
            return None
        hint = "; pip install 'qimg[tiff]' installs it" if "imagecodecs" in str(error) else ""
        raise ImageError(f"{name}: cannot be read as an image ({error}{hint})") from None
    planes, depth, *_ = page.shaped
    if depth != 1:
        raise ImageError(f"{name}: holds a volume of {depth} slices, but one picture is expected")
    samples = samples.reshape(page.shaped)
    samples = np.moveaxis(samples[:, 0, :, :, 0], 0, -1) if planes > 1 else samples[0, 0]
    if bits == 24 and page.parent.byteorder == ">" and not (samples & 0xFF).any():
        return samples.byteswap()  # tifffile returns the bytes of these samples in reverse
    return samples.astype(np.uint8) if samples.dtype == np.bool_ else samples


def _exact_in_pillow(page: Any, bits: int) -> bool:
    """Whether Pillow reads this kind of page without loss, if at all."""
    gray = int(page.samplesperpixel) == 1
    white_is_zero = page.tags.valueof(ExifTags.Base.PhotometricInterpretation) == 0
    return bits in (1, 2, 4, 8) or (gray and bits == 16 and not white_is_zero)


def decoded_by_pillow(page: Any, content: bytes, name: str) -> Array:
    """The picture, upright, as Pillow's libtiff decodes and interprets it."""
    with _loaded(page, content, name) as file:
        return pixels_of(file, name, convert=False)


def _palette_indices(page: Any, content: bytes, name: str) -> Array:
    with _loaded(page, content, name) as file:
        if file.mode != "P":
            raise ImageError(f"{name}: cannot be read as an image (Pillow reads its palette in the mode {file.mode})")
        return np.array(file)[..., None]


@contextmanager
def _loaded(page: Any, content: bytes, name: str) -> Iterator[TiffImagePlugin.TiffImageFile]:
    try:
        file = TiffImagePlugin.TiffImageFile(io.BytesIO(content))
        file.seek(page.index)
        file.load()
    except Exception as error:  # libtiff and Pillow raise errors of many types
        hint = (
            "" if find_spec("imagecodecs") else "; the package imagecodecs, pip install 'qimg[tiff]', reads more kinds"
        )
        raise ImageError(f"{name}: cannot be read as an image ({error}{hint})") from None
    with file:
        yield file


def _rgb_of_ycbcr(page: Any, content: bytes, factors: tuple[int, int], name: str) -> Array:
    """R, G, B of uncompressed Y'CbCr of 8 bits; several pixels may share one Cb and Cr (TIFF 6.0, section 21)."""
    across, down = (int(one) for one in factors)
    if page.is_tiled or page.bitspersample != 8 or int(page.planarconfig) != 1 or int(page.samplesperpixel) != 3:
        raise ImageError(f"{name}: uncompressed Y'CbCr must be in strips of 8-bit samples, pixel by pixel")
    height, width = int(page.imagelength), int(page.imagewidth)
    columns, unit = -(-width // across), across * down + 2
    ycbcr = np.empty((height, width, 3))
    rows_per_strip = min(int(page.rowsperstrip or height), height)
    for first, start in zip(range(0, height, rows_per_strip), page.dataoffsets, strict=True):
        count = min(rows_per_strip, height - first)
        rows = -(-count // down)
        data = np.frombuffer(content, np.uint8, rows * columns * unit, start).reshape(rows, columns, unit)
        y = data[..., :-2].reshape(rows, columns, down, across).swapaxes(1, 2).reshape(rows * down, columns * across)
        chroma = data[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
        ycbcr[first : first + count] = np.dstack([y, chroma])[:count, :width]
    return _rgb(ycbcr, page)


def _rgb(ycbcr: Array, page: Any) -> Array:
    """R, G, B by the luma coefficients and the code values of black and white in the tags."""
    red, green, blue = _rational(page, 529, (0.299, 0.587, 0.114))
    black_white = _rational(page, 532, (0.0, 255.0, 128.0, 255.0, 128.0, 255.0))
    for plane, span in enumerate((255.0, 127.0, 127.0)):
        black, white = black_white[2 * plane : 2 * plane + 2]
        ycbcr[..., plane] = (ycbcr[..., plane] - black) * span / (white - black)
    y, cb, cr = np.moveaxis(ycbcr, -1, 0)
    r, b = y + (2 - 2 * red) * cr, y + (2 - 2 * blue) * cb
    return to_uint8(np.stack([r, (y - blue * b - red * r) / green, b], axis=-1))


def _rational(page: Any, tag: int, default: tuple[float, ...]) -> tuple[float, ...]:
    stored = page.tags.valueof(tag)
    if stored is None:
        return default
    if len(stored) == 2 * len(default):  # numerators and denominators in turn
        return tuple(top / bottom for top, bottom in zip(stored[::2], stored[1::2], strict=True))
    return tuple(float(one) for one in stored)
