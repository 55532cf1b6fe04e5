"""Which integer Y'CbCr triples a JPEG encoder makes of colours of 8 bits, and of which."""

import itertools
from functools import cache

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.libjpeg import to_ycbcr
from qimg.images.planes import to_uint8, ycbcr_to_rgb

INNER = 0.5
"""Code values by which triples may lie outside the cube of R'G'B': as far as that, all are colours; beyond, some."""
_NEAR, _BEYOND = 8, 4  # bounds up to _NEAR are looked up in the table, for so many further values
_CHROMA = np.array([0, 128, 128])
_AXES = ycbcr_to_rgb(np.eye(3) + _CHROMA)  # (component, channel)
_NEIGHBOURS = sorted(itertools.product((-1, 0, 1), repeat=3), key=lambda offset: sum(map(abs, offset)))


@cache
def reachable() -> Array:
    """(256, 256, 256) whether libjpeg makes a triple of some R'G'B'; 16 MiB."""
    found = np.zeros((256, 256, 256), bool)
    grid = np.arange(256)
    for red in range(256):
        rgb = np.stack(np.broadcast_arrays(red, grid[:, None], grid), axis=-1)
        found[tuple(np.moveaxis(to_ycbcr(rgb), -1, 0))] = True
    found.setflags(write=False)
    return found


def colours(values: Array) -> Array:
    """`uint8` (..., 3) R'G'B' that libjpeg turns into integer Y'CbCr (..., 3); near ones where there is none."""
    rgb = to_uint8(ycbcr_to_rgb(values))
    wrong = (to_ycbcr(rgb) != values).any(axis=-1)
    if wrong.any():
        wanted, first = values[wrong], rgb[wrong].astype(np.int32)
        found = rgb[wrong]
        for offset in reversed(_NEIGHBOURS):
            near = np.clip(first + offset, 0, 255)
            right = (to_ycbcr(near) == wanted).all(axis=-1)
            found[right] = near[right]
        rgb[wrong] = found
    return rgb


def room(values: Array, place: int) -> tuple[Array, Array]:
    """How far one number of integer triples (..., 3) can be changed, the others being as they are.

    Returns:
        (...) int32 least change, at most 0, and largest; all between lead to colours.
    """
    own, rgb = values[..., place], ycbcr_to_rgb(values)
    down, up = own.astype(np.float64), 255.0 - own
    for channel, factor in enumerate(_AXES[place]):
        if factor:
            ends = (np.array([-INNER, 255 + INNER]) - rgb[..., channel, None]) / factor
            down, up = np.minimum(down, -ends.min(axis=-1)), np.minimum(up, ends.max(axis=-1))
    outside = ((rgb < -INNER) | (rgb > 255 + INNER)).any(axis=-1)
    found = []
    for sign, bound in ((-1, down), (1, up)):
        steps = np.where(outside, 0, np.floor(bound)).astype(np.int32)
        near = np.nonzero(steps <= _NEAR)
        steps[near] = _further(values[near], place, sign, steps[near])
        found.append(sign * steps)
    return found[0], found[1]


def _further(values: Array, place: int, sign: int, steps: Array) -> Array:
    """Bounds (n,) of triples (n, 3), moved outwards while the table says that there are colours."""
    table, out = reachable(), steps.copy()
    for _ in range(_BEYOND):
        triples = values.copy()
        triples[:, place] += sign * (out + 1)
        inside = (triples[:, place] >= 0) & (triples[:, place] <= 255)
        out[inside] += table[tuple(triples[inside].T)]
    return out
