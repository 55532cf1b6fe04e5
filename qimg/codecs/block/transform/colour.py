"""Conversion between R'G'B' or gray pixels and samples of the codec, in integer arithmetic.

A sample is an `int16` in 1/64 of an 8-bit code value, 0 to 255 · 64: luma Y', and Cb and Cr around 128 · 64, of ITU-R
BT.601 in full range as in JPEG (ITU-T T.871). Decoded pixels are exact functions of the samples: every machine gives
the same pixels.
"""

import numpy as np

from qimg.codecs.block.transform.geometry import LARGEST, MIDDLE, SAMPLE_SCALE
from qimg.core import Array

_FORWARD = ((19595, 38470, 7471), (-11058, -21710, 32768), (32768, -27439, -5329))
"""Rows Y', Cb and Cr in units of 2⁻¹⁶; they sum to 2¹⁶, 0 and 0, so that gray has neutral chroma."""
_RED_CR, _GREEN_CB, _GREEN_CR, _BLUE_CB = 91881, -22554, -46802, 116130
"""1.402, −0.344136, −0.714136 and 1.772 in units of 2⁻¹⁶."""
_BLOCK = 1 << 15  # pixels at a time, so that intermediate results stay in the cache
_DEEP = 257  # 16-bit values per 8-bit code value


def to_samples(pixels: Array, planes: int) -> Array:
    """Convert pixels to samples (planes, H, W), the exact values rounded to nearest and clipped to 0 to 255 · 64.

    Args:
        pixels: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha; white is 255 or 65535.
        planes: 1 for gray, which is the first channel of (H, W, 3); 3 for Y'CbCr of (H, W, 3).
    """
    height, width = pixels.shape[:2]
    deep = pixels.dtype == np.uint16
    samples = np.empty((planes, height, width), np.int16)
    for rows in _blocks(height, width):
        if planes == 1:
            gray = (pixels[rows] if pixels.ndim == 2 else pixels[rows, :, 0]).astype(np.int32)
            samples[0, rows] = (2 * SAMPLE_SCALE * gray + _DEEP) // (2 * _DEEP) if deep else SAMPLE_SCALE * gray
            continue
        # Sums of 16-bit values reach 2³², sums of 8-bit values 2²⁴.
        red, green, blue = (_widened(pixels[rows, :, channel], deep) for channel in range(3))
        scale = (_DEEP if deep else 1) << 10
        for plane, (of_red, of_green, of_blue) in enumerate(_FORWARD):
            total = of_red * red + of_green * green + of_blue * blue
            total += scale // 2 + (MIDDLE * scale if plane else 0)
            samples[plane, rows] = np.clip(total // scale if deep else total >> 10, 0, LARGEST)
    return samples


def to_pixels(samples: Array, pixels: Array) -> None:
    """Convert samples to pixels, the exact values of the integer matrix rounded to nearest and clipped.

    Args:
        samples: (1, H, W) or (3, H, W) `int16` from 0 to 255 · 64.
        pixels: (H, W) or (H, W, 3), `uint8` or `uint16`, filled; one plane gives three equal channels.
    """
    deep = pixels.dtype == np.uint16
    for rows in _blocks(*pixels.shape[:2]):
        if len(samples) == 1:
            gray = samples[0, rows].astype(np.int32)
            values = ((_DEEP * gray if deep else gray) + SAMPLE_SCALE // 2) // SAMPLE_SCALE
            pixels[rows] = values if pixels.ndim == 2 else values[..., None]
            continue
        # 8-bit values times 2²² stay below 2³¹.
        luma, cb, cr = (_widened(samples[plane, rows], deep) for plane in range(3))
        luma <<= 16
        cb -= MIDDLE
        cr -= MIDDLE
        _put(luma + _RED_CR * cr, pixels[rows, :, 0])
        _put(luma + _GREEN_CB * cb + _GREEN_CR * cr, pixels[rows, :, 1])
        _put(luma + _BLUE_CB * cb, pixels[rows, :, 2])


def _widened(values: Array, deep: bool) -> Array:
    return values.astype(np.int64 if deep else np.int32)


def _put(values: Array, pixels: Array) -> None:
    """Round values in units of 2⁻²² of a code value and write them to one channel."""
    if pixels.dtype == np.uint16:
        values *= _DEEP
    values += 1 << 21
    values >>= 22
    pixels[...] = np.clip(values, 0, np.iinfo(pixels.dtype).max)


def is_gray(pixels: Array) -> bool:
    """Whether pixels (H, W) or (H, W, 3) have one channel or three equal ones."""
    if pixels.ndim == 2:
        return True
    for rows in _blocks(*pixels.shape[:2]):
        block = pixels[rows]
        if (block[..., 0] != block[..., 1]).any() or (block[..., 0] != block[..., 2]).any():
            return False
    return True


def squared_error(first: Array, second: Array) -> int:
    """Exact sum of the squared differences of two pixel arrays of one shape."""
    total = 0
    for rows in _blocks(*first.shape[:2]):
        difference = first[rows].astype(np.int64) - second[rows]
        total += int(np.vdot(difference, difference))
    return total


def _blocks(height: int, width: int) -> list[slice]:
    rows = max(1, _BLOCK // width)
    return [slice(first, min(first + rows, height)) for first in range(0, height, rows)]
