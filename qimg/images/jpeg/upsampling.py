"""Chroma at the size of luma: the interpolation of JPEG decoders."""

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.coefficients import Component


def upsampled(plane: Array, vertical: int, horizontal: int, shape: tuple[int, int]) -> Array:
    """A component (h, w) at the size of the picture (H, W).

    By 2, with the triangle filter that libjpeg calls fancy (each new sample is 3/4 of the nearer old one and 1/4 of the
    other, centres aligned); by any other number samples are repeated, as libjpeg does.
    """
    for axis, factor in ((0, vertical), (1, horizontal)):
        plane = _doubled(plane, axis) if factor == 2 else np.repeat(plane, factor, axis=axis)
    return plane[: shape[0], : shape[1]]


def upsampled_rows(plane: Array, component: Component, first: int, last: int, width: int) -> Array:
    """Rows `first` to `last` of the picture from a component (h, w), as `upsampled` gives them."""
    factor = component.vertical
    low, high = max(first // factor - 1, 0), min(-(-last // factor) + 1, len(plane))
    rows = upsampled(plane[low:high], factor, component.horizontal, (last - low * factor, width))
    return rows[first - low * factor :]


def _doubled(plane: Array, axis: int) -> Array:
    lines = np.moveaxis(plane, axis, 0)
    before = np.concatenate([lines[:1], lines[:-1]])
    after = np.concatenate([lines[1:], lines[-1:]])
    out = np.empty((2 * len(lines), *lines.shape[1:]), plane.dtype)
    out[0::2] = (3 * lines + before) / 4
    out[1::2] = (3 * lines + after) / 4
    return np.moveaxis(out, 0, axis)
