"""Colours of a picture as integers, and their numbers in the order of their first occurrence."""

import numpy as np

from qimg.core import Array

OPAQUE = 255
"""Alpha of opaque pixels."""
_BITS = 8


def colours_of(pixels: Array) -> Array:
    """Pixels (H, W, channels) `uint8` as colours (H, W) int64, 8 bits for each channel, the first one highest."""
    colours = np.zeros(pixels.shape[:2], np.int64)
    for channel in range(pixels.shape[2]):
        colours = colours << _BITS | pixels[..., channel]
    return colours


def pixels_of(colours: Array, channels: int) -> Array:
    """Colours (…,) as pixels (…, channels) `uint8`; the inverse of `colours_of`."""
    shifts = _BITS * np.arange(channels - 1, -1, -1)
    pixels: Array = (colours[..., None] >> shifts & 255).astype(np.uint8)
    return pixels


def numbered(colours: Array) -> tuple[Array, Array]:
    """Number the colours of a picture in the order of the raster.

    Args:
        colours: (H, W) int64.

    Returns:
        Numbers (H, W) int64, and the colours (K,) int64 by number.
    """
    values, first, inverse = np.unique(colours, return_index=True, return_inverse=True)
    order = np.argsort(first)
    numbers = np.empty(len(values), np.int64)
    numbers[order] = np.arange(len(values))
    return numbers[inverse.reshape(colours.shape)], values[order]
