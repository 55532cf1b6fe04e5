"""Conversion between R'G'B' or gray pixels and samples of the codec, in integer arithmetic.

A sample is an `int16` in 1/64 of an 8-bit code value, 0 to 255 · 64, in a colour space (`colour_space`). Decoded pixels
are exact functions of the samples: every machine gives the same pixels.
"""

import numpy as np

from qimg.codecs.block.transform.colour_space import YCBCR, ColourSpace
from qimg.codecs.block.transform.geometry import LARGEST, SAMPLE_SCALE
from qimg.core import Array

_BLOCK = 1 << 15  # pixels at a time, so that intermediate results stay in the cache
_DEEP = 257  # 16-bit values per 8-bit code value


def to_samples(pixels: Array, planes: int, space: ColourSpace = YCBCR) -> Array:
    """Convert pixels to samples (planes, H, W), the exact values rounded to nearest and clipped to 0 to 255 · 64.

    Args:
        pixels: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha; white is 255 or 65535.
        planes: 1 for gray, which is the first channel of (H, W, 3); 3 for the planes of the colour space of (H, W, 3).
        space: colour space of three planes.
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
        for plane, (row, centre) in enumerate(zip(space.analysis, space.centres, strict=True)):
            total = row[0] * red + row[1] * green + row[2] * blue
            black = (centre << 10) - (sum(row) * space.origin >> 6)
            total += scale // 2 + (scale >> 10) * black
            samples[plane, rows] = np.clip(total // scale if deep else total >> 10, 0, LARGEST)
    return samples


def to_pixels(samples: Array, pixels: Array, space: ColourSpace = YCBCR) -> None:
    """Convert samples to pixels, the exact values of the integer matrix rounded to nearest and clipped.

    Args:
        samples: (1, H, W) or (3, H, W) `int16` from 0 to 255 · 64.
        pixels: (H, W) or (H, W, 3), `uint8` or `uint16`, filled; one plane gives three equal channels.
        space: colour space of three planes.
    """
    deep = pixels.dtype == np.uint16
    for rows in _blocks(*pixels.shape[:2]):
        if len(samples) == 1:
            gray = samples[0, rows].astype(np.int32)
            values = ((_DEEP * gray if deep else gray) + SAMPLE_SCALE // 2) // SAMPLE_SCALE
            pixels[rows] = values if pixels.ndim == 2 else values[..., None]
            continue
        # 8-bit values times 2²² stay below 2³¹.
        planes = [_widened(plane[rows], deep) - centre for plane, centre in zip(samples, space.centres, strict=True)]
        for channel, row in enumerate(space.synthesis):
            products = (plane * weight for plane, weight in zip(planes, row, strict=True) if weight)
            total = sum(products, start=np.full_like(planes[0], space.origin << space.bits))
            _put(total, pixels[rows, :, channel], space.bits + 6)


def _widened(values: Array, deep: bool) -> Array:
    return values.astype(np.int64 if deep else np.int32)


def _put(values: Array, pixels: Array, bits: int) -> None:
    """Round values in units of 2^-bits of a code value and write them to one channel."""
    if pixels.dtype == np.uint16:
        values *= _DEEP
    values += 1 << (bits - 1)
    values >>= bits
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
