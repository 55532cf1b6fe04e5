"""Integer values of the coded numbers: sizes, positions and levels of ellipses, and coefficients of the base.

Lengths are fractions of the longer side of the picture. A number is coded in steps that cause about the same squared
error in each of them: the derivatives of an ellipse by its position, size and shear grow with its energy, which the
amplitude sets, so the amplitude precedes them and halves their steps when it doubles.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.records import short_repr

RIM, AMPLITUDE, HEIGHT, WIDTH, SHEAR, ROW, COLUMN, SLOPE_U, SLOPE_V, BLUE, RED = range(11)
"""Numbers of an ellipse in the order of coding; gray pictures have no last two."""
GRAY_NUMBERS, COLOUR_NUMBERS = 9, 11
RIMS = 10
"""Softness of the rim by number k: s = 2^((1 − k)/2)."""
STEPS = 32
"""Quantization steps: 2^(t/4 − 3) code values times the longer side."""
LENGTH_FRACTION, RATIO_FRACTION, LOG_FRACTION, LEVEL_FRACTION = 20, 12, 12, 8
"""Binary digits after the point of positions, of ratios of lengths, of binary logarithms, and of code values."""
UNIT = 1 << LENGTH_FRACTION
LOG_UNIT = 1 << LOG_FRACTION
SMALLEST_LOG, LARGEST_LOG = -8 * LOG_UNIT, LOG_UNIT
"""Range of the binary logarithms of height and width."""
MEAN_LOG = -4 * LOG_UNIT
"""Binary logarithm of the height and the width of number 0."""
LARGEST_SHEAR = 16 << RATIO_FRACTION
LARGEST_LEVEL = 1 << 22
LARGEST_AMPLITUDE = 1 << 12
BASE_FREQUENCIES = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0))
"""Cosines of the base, (along rows, along columns) half periods."""
_TABLE_FRACTION = 30
# Half octaves by which the steps of an ellipse are finer, by rim: of the logarithms of height and width, of the shear,
# and of the position. They are rounded integrals of the squared derivatives over the plane.
_SIZE = (0, 0, 0, 0, 0, 1, 1, 1, 2, 2)
_SHEAR = (-2, -2, -2, -2, -1, -1, -1, 0, 0, 1)
_POSITION = (-1, -1, 0, 0, 0, 1, 1, 2, 2, 3)
_AMPLITUDE = 1


@short_repr
class Ellipse(NamedTuple):
    """Integers of an ellipse."""

    row: int
    """Of the centre, in units of 2⁻²⁰."""
    column: int
    log_height: int
    """Binary logarithm of the height, in units of 2⁻¹²."""
    log_width: int
    shear: int
    """In units of 2⁻¹²."""
    rim: int
    """Number of the softness."""
    levels: tuple[int, ...]
    """Amplitudes of 1, u and v in the first plane, and of 1 in the others, in units of 2⁻⁸."""


@cache
def exponentials() -> Array:
    """(4096,) int64 2^(k/4096) in units of 2⁻³⁰.

    Rounding to 2⁻³⁰ hides the last bits of the functions of the C library, which differ between platforms.
    """
    table = np.rint(np.exp2(np.arange(LOG_UNIT) / LOG_UNIT) * (1 << _TABLE_FRACTION)).astype(np.int64)
    table.flags.writeable = False
    return table


def power(factor: int, log: int) -> int:
    """The product factor · 2^(log/4096), rounded down in magnitude."""
    shift = _TABLE_FRACTION - (log >> LOG_FRACTION)
    product = abs(factor) * int(exponentials()[log & (LOG_UNIT - 1)])
    magnitude = product >> shift if shift >= 0 else product << -shift
    return -magnitude if factor < 0 else magnitude


def numbers_of(planes: int) -> int:
    """Numbers, and parameters, of an ellipse of a picture of 1 or 3 planes."""
    return GRAY_NUMBERS if planes == 1 else COLOUR_NUMBERS


def half_octaves(amplitude: int) -> int:
    """⌊2 log₂ |amplitude|⌋, for an amplitude that is not 0."""
    return (amplitude * amplitude).bit_length() - 1


def step_log(step: int) -> int:
    """Binary logarithm of a quantization step, in units of 2⁻¹²."""
    return step * (LOG_UNIT // 4) - 3 * LOG_UNIT


def size_step(amplitude: int, rim: int) -> int:
    """Step of the binary logarithms of height and width, in units of 2⁻¹²."""
    return max(power(LOG_UNIT * 3 // 2, -_HALF * (half_octaves(amplitude) + _SIZE[rim])), 64)


def shear_step(amplitude: int, rim: int) -> int:
    """Step of the shear, in units of 2⁻¹²."""
    return max(power(1 << RATIO_FRACTION, -_HALF * (half_octaves(amplitude) + _SHEAR[rim])), 32)


def position_steps(amplitude: int, rim: int, log_height: int, log_width: int, shear: int) -> tuple[int, int]:
    """Steps of row and column, in units of 2⁻²⁰."""
    finer = half_octaves(amplitude) + _POSITION[rim]
    squared = (1 << 2 * RATIO_FRACTION) + shear * shear
    sheared = squared.bit_length() - 1 - 2 * RATIO_FRACTION
    row = power(UNIT, log_height - _HALF * (finer + sheared))
    column = power(UNIT, log_width - _HALF * finer)
    return min(max(row, _FINEST), 2 * UNIT), min(max(column, _FINEST), 2 * UNIT)


def places(length: int, step: int) -> int:
    """Number of positions on a side."""
    return -(-length // step)


def sides(height: int, width: int) -> tuple[int, int]:
    """Height and width of a picture in units of 2⁻²⁰ of the longer side, at least 1."""
    longer = max(height, width)
    return max((height << LENGTH_FRACTION) // longer, 1), max((width << LENGTH_FRACTION) // longer, 1)


def level(number: int, step: int, log_height: int, log_width: int, *, slope: bool) -> int:
    """Amplitude in units of 2⁻⁸ code values, by its number; the energy of a step is that of the file's step."""
    finer = 0 if slope else _AMPLITUDE
    log = step_log(step) - (log_height + log_width) // 2 - _HALF * finer + LEVEL_FRACTION * LOG_UNIT
    return _limit(power(number, log), LARGEST_LEVEL)


def coefficient(number: int, step: int) -> int:
    """Coefficient of the base in units of 2⁻⁸ code values, by its number."""
    return _limit(power(number, step_log(step) + LEVEL_FRACTION * LOG_UNIT), LARGEST_LEVEL)


def log_size(number: int, step: int) -> int:
    """Binary logarithm of a height or a width by its number."""
    return min(max(MEAN_LOG + number * step, SMALLEST_LOG), LARGEST_LOG)


def shear_of(number: int, step: int) -> int:
    """Shear by its number."""
    return _limit(number * step, LARGEST_SHEAR)


def shape(numbers: Sequence[int]) -> tuple[int, int, int, tuple[int, int]]:
    """Logarithms of height and width, shear, and steps of row and column, by the numbers up to the shear."""
    rim, amplitude = numbers[RIM], numbers[AMPLITUDE]
    fine = size_step(amplitude, rim)
    log_height, log_width = log_size(numbers[HEIGHT], fine), log_size(numbers[WIDTH], fine)
    shear = shear_of(numbers[SHEAR], shear_step(amplitude, rim))
    return log_height, log_width, shear, position_steps(amplitude, rim, log_height, log_width, shear)


def ellipse(numbers: Array, step: int, extent: tuple[int, int]) -> Ellipse:
    """The integers of an ellipse.

    Args:
        numbers: (9,) or (11,) integers in the order of coding.
        step: number of the file's quantization step.
        extent: `sides` of the picture.
    """
    several = [int(number) for number in numbers]
    log_height, log_width, shear, steps = shape(several)
    row, column = (
        min(number * one + one // 2, length - 1)
        for number, one, length in zip(several[ROW : COLUMN + 1], steps, extent, strict=True)
    )
    levels = [
        level(several[place], step, log_height, log_width, slope=place in (SLOPE_U, SLOPE_V))
        for place in (AMPLITUDE, *range(SLOPE_U, len(several)))
    ]
    return Ellipse(row, column, log_height, log_width, shear, several[RIM], tuple(levels))


_HALF = LOG_UNIT // 2  # half an octave
_FINEST = 1 << 8  # step of positions


def _limit(value: int, most: int) -> int:
    return min(max(value, -most), most)
