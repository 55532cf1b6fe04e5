"""Chroma upsampling of JPEG decoders."""

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.coefficients import Component


def upsampled(plane: Array, vertical: int, horizontal: int, shape: tuple[int, int]) -> Array:
    """Upsample a component (h, w) to the size of the picture (H, W), as libjpeg does.

    Factors of 1 and 2 use libjpeg's "fancy" triangle filter (each new sample is 3/4 of the nearer old one and 1/4 of
    the other, centres aligned), unless two columns or fewer are doubled; for any other factor samples are repeated.
    """
    fancy = max(vertical, horizontal) <= 2 and (horizontal == 1 or plane.shape[1] > 2)
    for axis, factor in ((0, vertical), (1, horizontal)):
        plane = _doubled(plane, axis) if fancy and factor == 2 else np.repeat(plane, factor, axis=axis)
    return plane[: shape[0], : shape[1]]


def upsampled_rows(plane: Array, component: Component, first: int, last: int, width: int) -> Array:
    """Rows `first` to `last` of the result of `upsampled` for a component (h, w)."""
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
