"""Synthesis of a sketch in integers: base and ellipses to pixels of any size."""

from functools import cache

import numpy as np

from qimg.codecs.sketch.geometry import (
    BASE_FREQUENCIES,
    LENGTH_FRACTION,
    LEVEL_FRACTION,
    LOG_UNIT,
    RATIO_FRACTION,
    Ellipse,
    power,
)
from qimg.core import Array
from qimg.core.compiled import compiled

_INVERSE_FRACTION = 20  # of reciprocals of lengths
_PROFILE_FRACTION = 16
_ENTRIES = 64  # of the table of the profile for a unit of its exponent
_LOWEST, _HIGHEST = -16, 12  # exponents in the table
_COSINE_FRACTION = 14
_TURN = 1 << 13  # entries of the table of cosines
_ROWS = 64  # painted at once


@cache
def profile_table() -> Array:
    """(1794,) int64 1/(1 + e^z) in units of 2⁻¹⁶ at multiples of 1/64 from −16 to 12; the last two are 0."""
    exponents = np.arange(_LOWEST * _ENTRIES, _HIGHEST * _ENTRIES + 2) / _ENTRIES
    table = np.rint((1 << _PROFILE_FRACTION) / (1 + np.exp(exponents))).astype(np.int64)
    table[-2:] = 0
    table.flags.writeable = False
    return table


@cache
def cosine_table() -> Array:
    """(8192,) int64 cosines of the multiples of 2π/8192 in units of 2⁻¹⁴."""
    table = np.rint((1 << _COSINE_FRACTION) * np.cos(2 * np.pi * np.arange(_TURN) / _TURN)).astype(np.int64)
    table.flags.writeable = False
    return table


def centres(length: int, longer: int) -> Array:
    """(length,) int64 coordinates of the centres of pixels in units of 2⁻²⁰ of the longer side."""
    return ((2 * np.arange(length, dtype=np.int64) + 1) << (LENGTH_FRACTION - 1)) // longer


def paint(base: Array, ellipses: list[Ellipse], height: int, width: int) -> Array:
    """Pixels of a sketch.

    Args:
        base: (planes, coefficients) int64 in units of 2⁻⁸ code values.
        ellipses: the ellipses.
        height: of the picture in pixels.
        width: of the picture.

    Returns:
        (H, W, planes) uint8: luma, or Y'CbCr.
    """
    planes = len(base)
    picture = np.empty((height, width, planes), np.uint8)
    rows, columns = centres(height, max(height, width)), centres(width, max(height, width))
    cosines = [_cosines(length, axis) for axis, length in enumerate((height, width))]
    shapes = np.array([_integers(one) for one in ellipses], np.int64).reshape(len(ellipses), _GEOMETRY)
    levels = np.array([_padded(one.levels, planes) for one in ellipses], np.int64).reshape(len(ellipses), planes, 3)
    for start in range(0, height, _ROWS):
        part = slice(start, min(start + _ROWS, height))
        values = np.einsum("pk,kr,kc->prc", base, cosines[0][:, part], cosines[1])
        values >>= 2 * _COSINE_FRACTION
        _add_ellipses(shapes, levels, rows[part], columns, profile_table(), values)
        rounded = (values + (128 << LEVEL_FRACTION) + (1 << (LEVEL_FRACTION - 1))) >> LEVEL_FRACTION
        picture[part] = np.clip(rounded, 0, 255).transpose(1, 2, 0)
    return picture


def _cosines(length: int, axis: int) -> Array:
    """(coefficients, length) int64 cos(π f (2 i + 1)/(2 n)), times √2 where f is not 0, in units of 2⁻¹⁴."""
    places, table = 2 * np.arange(length, dtype=np.int64) + 1, cosine_table()
    frequencies = [pair[axis] for pair in BASE_FREQUENCIES]
    waves = np.stack([table[(one * places * (_TURN // 4) // length) % _TURN] for one in frequencies])
    scales = np.array([_ROOT if one else 1 << _COSINE_FRACTION for one in frequencies])
    return np.asarray(waves * scales[:, None] >> _COSINE_FRACTION)


_ROOT = 23170  # √2 in units of 2⁻¹⁴
_GEOMETRY = 6


def _integers(one: Ellipse) -> tuple[int, ...]:
    """Centre, reciprocals of height and width, shear, and reciprocal of the softness in units of 2⁻¹²."""
    inverses = (power(1 << _INVERSE_FRACTION, -log) for log in (one.log_height, one.log_width))
    softness = power(1 << RATIO_FRACTION, (one.rim - 1) * LOG_UNIT // 2)
    return (one.row, one.column, *inverses, one.shear, softness)


def _padded(levels: tuple[int, ...], planes: int) -> list[tuple[int, ...]]:
    """(planes, 3) amplitudes of 1, u and v."""
    return [levels[:3], *((level, 0, 0) for level in levels[3:])][:planes]


@compiled
def _add_ellipses(shapes: Array, levels: Array, rows: Array, columns: Array, table: Array, values: Array) -> None:
    """Add ellipses, of shapes (n, 6) and levels (n, planes, 3), to values (planes, rows, columns)."""
    shift = _INVERSE_FRACTION + LENGTH_FRACTION - RATIO_FRACTION
    step = RATIO_FRACTION - 6  # binary digits between entries of the table
    for n in range(shapes.shape[0]):
        row, column, by_height, by_width, shear, softness = (
            shapes[n, 0],
            shapes[n, 1],
            shapes[n, 2],
            shapes[n, 3],
            shapes[n, 4],
            shapes[n, 5],
        )
        # Beyond this ρ² the profile is 0.
        reach = (1 << RATIO_FRACTION) + ((_HIGHEST << 2 * RATIO_FRACTION) // softness) + 1
        for i in range(rows.size):
            u = ((rows[i] - row) * by_height) >> shift
            first = u * u >> RATIO_FRACTION
            if first > reach:
                continue
            sheared = shear * u >> RATIO_FRACTION
            for j in range(columns.size):
                v = (((columns[j] - column) * by_width) >> shift) - sheared
                radius = first + (v * v >> RATIO_FRACTION)
                if radius > reach:
                    continue
                exponent = ((radius - (1 << RATIO_FRACTION)) * softness) >> RATIO_FRACTION
                place = exponent - (_LOWEST << RATIO_FRACTION)
                place = min(max(place, 0), (_HIGHEST - _LOWEST) << RATIO_FRACTION)
                entry = place >> step
                rest = place & ((1 << step) - 1)
                profile = table[entry] + (((table[entry + 1] - table[entry]) * rest) >> step)
                for p in range(values.shape[0]):
                    height = levels[n, p, 0] + ((levels[n, p, 1] * u + levels[n, p, 2] * v) >> RATIO_FRACTION)
                    values[p, i, j] += (height * profile) >> _PROFILE_FRACTION
