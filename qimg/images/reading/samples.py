"""Stored samples as code values of 8 or 16 bits."""

import numpy as np

from qimg.core import Array, integer
from qimg.images.planes import ImageError

DEEPEST = 32
"""Most bits of an integer sample: those in use are so far below the white of 64 bits that all would become black."""


def from_integers(samples: Array, bits: int) -> Array:
    """Unsigned samples with white at 2^bits − 1 as `uint8` (up to 8 bits) or `uint16`, rounded to nearest."""
    integer("bits", bits, 1, DEEPEST)
    kind = np.uint8 if bits <= 8 else np.uint16
    if bits == np.iinfo(kind).bits:
        return samples.astype(kind, copy=False)
    white, code_white = (1 << bits) - 1, np.iinfo(kind).max
    wide = samples.astype(np.uint32 if bits <= 16 else np.uint64)  # holds the product below
    return ((wide * code_white + white // 2) // white).astype(kind)


def from_floats(samples: Array, name: str) -> Array:
    """Floating-point samples in [0, 1] as `uint16`, rounded to nearest.

    Raises:
        ImageError: a sample is outside of [0, 1], or no number; the file does not define its black and white then.
    """
    low, high = float(samples.min()), float(samples.max())
    if not (low >= 0.0 and high <= 1.0):  # also where they are not numbers
        raise ImageError(
            f"{name}: floating-point samples must be in [0, 1], black and white, but are in [{low:g}, {high:g}]"
        )
    return np.rint(samples.astype(np.float64) * 65535.0).astype(np.uint16)


def straight(pixels: Array) -> Array:
    """Colours that were multiplied by the last channel, alpha, divided by it again; truncated, as Pillow does."""
    white = int(np.iinfo(pixels.dtype).max)
    wide = pixels.astype(np.uint32)
    alpha = wide[..., -1:]
    colour = np.minimum(wide[..., :-1] * white // np.maximum(alpha, 1), white)
    colour = np.where(alpha == 0, 0, colour)
    return np.concatenate([colour, alpha], axis=-1).astype(pixels.dtype)


def with_transparent(pixels: Array, colour: Array) -> Array:
    """Add an alpha channel that is 0 at the pixels of one colour, and white elsewhere."""
    channels = pixels[..., None] if pixels.ndim == 2 else pixels
    opaque = (channels != colour).any(axis=-1)
    return np.dstack([pixels, np.where(opaque, np.iinfo(pixels.dtype).max, 0).astype(pixels.dtype)])


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
