"""Gamut of JPEG: the integer Y'CbCr triples that an encoder computes from 8-bit colours, and these colours."""

import itertools
from functools import cache

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.libjpeg import to_ycbcr
from qimg.images.planes import to_uint8, ycbcr_to_rgb

INNER = 0.5
"""Code values by which a triple may lie outside the cube of R'G'B'.

All triples up to this distance are reachable; of those farther away, only some.
"""
_NEAR, _BEYOND = 8, 4  # bounds up to _NEAR are extended by up to _BEYOND values of the table of reachable triples
_CHROMA = np.array([0, 128, 128])
_AXES = ycbcr_to_rgb(np.eye(3) + _CHROMA)  # (component, channel)
_NEIGHBOURS = sorted(itertools.product((-1, 0, 1), repeat=3), key=lambda offset: sum(map(abs, offset)))


@cache
def reachable() -> Array:
    """(256, 256, 256) whether libjpeg computes a triple from some R'G'B'; 16 MiB."""
    table = np.zeros((256, 256, 256), bool)
    grid = np.arange(256)
    for red in range(256):
        rgb = np.stack(np.broadcast_arrays(red, grid[:, None], grid), axis=-1)
        table[tuple(np.moveaxis(to_ycbcr(rgb), -1, 0))] = True
    table.setflags(write=False)
    return table


def colours(values: Array) -> Array:
    """`uint8` (..., 3) R'G'B' that libjpeg converts to integer Y'CbCr (..., 3); near ones where none exists."""
    rgb = to_uint8(ycbcr_to_rgb(values))
    wrong = (to_ycbcr(rgb) != values).any(axis=-1)
    if wrong.any():
        target, first = values[wrong], rgb[wrong].astype(np.int32)
        corrected = rgb[wrong]
        for offset in reversed(_NEIGHBOURS):
            near = np.clip(first + offset, 0, 255)
            right = (to_ycbcr(near) == target).all(axis=-1)
            corrected[right] = near[right]
        rgb[wrong] = corrected
    return rgb


def room(values: Array, place: int) -> tuple[Array, Array]:
    """Range in which one component of integer triples (..., 3) can change while the others stay.

    Returns:
        (...) int32 smallest change, at most 0, and largest change; all triples in between are reachable.
    """
    component, rgb = values[..., place], ycbcr_to_rgb(values)
    down, up = component.astype(np.float64), 255.0 - component
    for channel, factor in enumerate(_AXES[place]):
        if factor:
            ends = (np.array([-INNER, 255 + INNER]) - rgb[..., channel, None]) / factor
            down, up = np.minimum(down, -ends.min(axis=-1)), np.minimum(up, ends.max(axis=-1))
    outside = ((rgb < -INNER) | (rgb > 255 + INNER)).any(axis=-1)
    bounds = []
    for sign, bound in ((-1, down), (1, up)):
        steps = np.where(outside, 0, np.floor(bound)).astype(np.int32)
        near = np.nonzero(steps <= _NEAR)
        steps[near] = _further(values[near], place, sign, steps[near])
        bounds.append(sign * steps)
    return bounds[0], bounds[1]


def _further(values: Array, place: int, sign: int, steps: Array) -> Array:
    """Bounds (n,) of triples (n, 3), moved outwards while the next triple is reachable."""
    table, out = reachable(), steps.copy()
    for _ in range(_BEYOND):
        triples = values.copy()
        triples[:, place] += sign * (out + 1)
        inside = (triples[:, place] >= 0) & (triples[:, place] <= 255)
        out[inside] += table[tuple(triples[inside].T)]
    return out
