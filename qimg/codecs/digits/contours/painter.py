"""Painting of closed curves in integers: exact area coverage of every pixel, softened rims, one brightness.

The polygon through a curve's points is accumulated edge by edge, as in the rasterizers of FreeType: an edge adds its
height to the row's `cover` and twice the area to its left inside the pixel to `area`; the coverage of a pixel is a
running sum along the row. Edges are split at the borders of pixels by divisions of integers that round down, so that
the result is the same on every machine.
"""

from typing import NamedTuple

import numpy as np

from qimg.codecs.digits.latent_model import SIDE, STEP_FRACTION
from qimg.core import Array
from qimg.core.compiled import compiled, inner

FRACTION = 8
"""Binary digits after the point of coordinates in pixels."""
ONE = 1 << FRACTION
EXTENT = SIDE * ONE
"""Coordinates are clamped to [0, EXTENT]."""
FULL = 2 * ONE * ONE
"""Coverage of a pixel that is filled."""
SOFTNESS = 16
"""Numbers of softness, each of which moves 1/64 of every pixel to each of two neighbours, by rows and by columns."""


@inner
def _add_span(sums: Array, row: int, top: int, left: int, bottom: int, right: int) -> None:
    """Add an edge inside one row from (top, left) to (bottom, right); `sums` are cover and area."""
    height = bottom - top
    if height == 0:
        return
    first, last = left >> FRACTION, right >> FRACTION
    if first == last:
        sums[0, row, first] += height
        sums[1, row, first] += height * ((left - (first << FRACTION)) + (right - (first << FRACTION)))
        return
    step = 1 if last > first else -1
    width, y, x, column = right - left, top, left, first
    while column != last:
        border = (column + 1) << FRACTION if step > 0 else column << FRACTION
        following = top + (border - left) * height // width
        part = following - y
        sums[0, row, column] += part
        sums[1, row, column] += part * ((x - (column << FRACTION)) + (border - (column << FRACTION)))
        y, x, column = following, border, column + step
    part = bottom - y
    sums[0, row, last] += part
    sums[1, row, last] += part * ((x - (last << FRACTION)) + (right - (last << FRACTION)))


@inner
def add_curve(sums: Array, points: Array, sign: int) -> None:
    """Add the area that a closed polygon encloses, times `sign`, to `sums`.

    Args:
        sums: (2, SIDE + 1, SIDE + 1) int32.
        points: (2, n) int64 rows and columns in [0, EXTENT].
        sign: 1 for outer curves, −1 for holes.
    """
    count = points.shape[1]
    for k in range(count):
        following = k + 1 if k + 1 < count else 0
        y0, x0, y1, x1 = points[0, k], points[1, k], points[0, following], points[1, following]
        if y0 == y1:
            continue
        direction = sign
        if y0 > y1:
            y0, x0, y1, x1, direction = y1, x1, y0, x0, -sign
        height, width = y1 - y0, x1 - x0
        y, x = y0, x0
        while y < y1:
            row = y >> FRACTION
            bottom = min((row + 1) << FRACTION, y1)
            right = x1 if bottom == y1 else x0 + (bottom - y0) * width // height
            base = row << FRACTION
            if direction > 0:
                _add_span(sums, row, y - base, x, bottom - base, right)
            else:
                _add_span(sums, row, bottom - base, right, y - base, x)
            y, x = bottom, right


@inner
def shade(sums: Array, coverage: Array, rows: Array, brightness: int, softness: int, pixels: Array) -> None:
    """Code values of accumulated curves.

    Args:
        sums: (2, SIDE + 1, SIDE + 1) int32.
        coverage: (SIDE + 2, SIDE + 2) int32, zero at its border, overwritten elsewhere.
        rows: (SIDE, SIDE + 2) int32, zero in the first and the last column, overwritten elsewhere.
        brightness: code value of a filled pixel.
        softness: 0 to SOFTNESS − 1.
        pixels: (SIDE, SIDE) integers, the result.
    """
    for row in range(SIDE):
        total = np.int32(0)
        for column in range(SIDE):
            total += sums[0, row, column]
            value = np.int32(2 * ONE) * total - sums[1, row, column]
            coverage[row + 1, column + 1] = min(max(value, np.int32(0)), np.int32(FULL))
    side, middle, level = np.int32(softness), np.int32(64 - 2 * softness), np.int32(brightness)
    for row in range(SIDE):
        for column in range(1, SIDE + 1):
            beside = coverage[row, column] + coverage[row + 2, column]
            rows[row, column] = middle * coverage[row + 1, column] + side * beside
    for row in range(SIDE):
        for column in range(SIDE):
            beside = rows[row, column] + rows[row, column + 2]
            value = (middle * rows[row, column + 1] + side * beside + np.int32(1 << 11)) >> np.int32(12)
            pixels[row, column] = (level * value + np.int32(FULL >> 1)) >> np.int32(2 * FRACTION + 1)


POINT_FRACTION = 14
"""Binary digits after the point of mean curves and of basis vectors in pixels."""
_SHIFT = POINT_FRACTION + STEP_FRACTION - FRACTION
_BRIGHTEST, _BRIGHTNESS_STEP, _SOFTNESS_STEP = 248, 8, 2


class Drawing(NamedTuple):
    """The integers that curves are computed from."""

    mean: Array
    """(CURVES, 2, POINTS) int64 mean curves, times 2^(POINT_FRACTION + STEP_FRACTION)."""
    basis: Array
    """(all coefficients, 2, POINTS) int64."""
    starts: Array
    """(CURVES + 1,) int64 first coefficient of each slot."""
    signs: Array
    """(CURVES,) int64."""


@inner
def place_curve(drawing: Drawing, codes: Array, step: int, slot: int, places: Array) -> None:
    """The curve of a slot, in units of 2^−(POINT_FRACTION + STEP_FRACTION) pixels, not rounded.

    Args:
        drawing: means and basis.
        codes: (channels,) int64 in the order of `Layout`, of magnitude at most FARTHEST.
        step: of quantization.
        slot: of the curve.
        places: (2, POINTS) int64, the result.
    """
    for side in range(2):
        for k in range(places.shape[1]):
            places[side, k] = drawing.mean[slot, side, k]
    first = len(drawing.signs)
    for k in range(drawing.starts[slot], drawing.starts[slot + 1]):
        if codes[first + k] != 0:
            add_displacement(drawing.basis[k], codes[first + k] * step, places)


@inner
def add_displacement(vector: Array, amount: int, places: Array) -> None:
    """Add `amount` times a basis vector."""
    for side in range(2):
        for k in range(vector.shape[1]):
            places[side, k] += amount * vector[side, k]


@inner
def round_points(places: Array, points: Array) -> None:
    """Points (2, POINTS) int64 in [0, EXTENT] of the places of `place_curve`."""
    for side in range(2):
        for k in range(places.shape[1]):
            points[side, k] = min(max((places[side, k] + (1 << (_SHIFT - 1))) >> _SHIFT, 0), EXTENT)


@inner
def shade_codes(sums: Array, coverage: Array, rows: Array, codes: Array, pixels: Array) -> None:
    """As `shade`, with the brightness and the softness that the last two codes state."""
    brightness = min(max(_BRIGHTEST + _BRIGHTNESS_STEP * codes[-2], 0), 255)
    softness = min(max(_SOFTNESS_STEP * codes[-1], 0), SOFTNESS - 1)
    shade(sums, coverage, rows, brightness, softness, pixels)


@compiled(allocates=True)
def paint(drawing: Drawing, codes: Array, step: int, pixels: Array) -> None:
    """Paint digits.

    Args:
        drawing: means and basis.
        codes: (n, channels) int64; coefficients of magnitude at most FARTHEST.
        step: of quantization.
        pixels: (n, SIDE, SIDE) uint8, the result.
    """
    places = np.zeros(drawing.mean.shape[1:], np.int64)
    points = np.zeros_like(places)
    sums = np.zeros((2, SIDE + 1, SIDE + 1), np.int32)
    coverage, rows = np.zeros((SIDE + 2, SIDE + 2), np.int32), np.zeros((SIDE, SIDE + 2), np.int32)
    for n in range(len(codes)):
        sums[:] = 0
        for slot in range(len(drawing.signs)):
            if codes[n, slot] == 1:
                place_curve(drawing, codes[n], step, slot, places)
                round_points(places, points)
                add_curve(sums, points, drawing.signs[slot])
        shade_codes(sums, coverage, rows, codes[n], pixels[n])
