"""Code of a sketch: the numbers of the base and of ellipses in their order, by the statistics of a stream version.

A number belongs to the picture if the bytes determine it: it must be the same whether the bytes that are missing are
zeros or ones. A payload can therefore be cut at every byte, and neither a count nor an end of the ellipses is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qimg.codecs.sketch import geometry
from qimg.codecs.sketch.coders import Coder, Meter, Reader, UndeterminedError
from qimg.codecs.sketch.geometry import (
    AMPLITUDE,
    BASE_FREQUENCIES,
    GRAY_NUMBERS,
    HEIGHT,
    LARGEST_AMPLITUDE,
    RIM,
    SHEAR,
    SLOPE_U,
    WIDTH,
)
from qimg.codecs.sketch.statistics import Statistics
from qimg.core import Array
from qimg.core.records import short_repr
from qimg.entropy.distributions import MEAN_FRACTION, SCALES, Distribution

MOST_ELLIPSES = 255
_LAPLACE, _GAUSSIAN = Distribution(kind="laplace"), Distribution(kind="gaussian")
_RIMS = Distribution(kind="categorical", size=geometry.RIMS)
_OCTAVES = Distribution(kind="categorical", size=LARGEST_AMPLITUDE.bit_length() - 1)
_BEFORE = 2  # ellipses whose amplitudes the next one follows


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """What the numbers of a file refer to."""

    step: int
    """Number of the quantization step."""
    extent: tuple[int, int]
    """`geometry.sides` of the picture."""
    statistics: Statistics = field(repr=False)

    def code_base(self, coder: Coder, numbers: Array) -> None:
        """Write the coefficients of the base, or read them.

        Args:
            coder: writes or reads.
            numbers: (planes, coefficients) integers; written, or replaced by what is read.
        """
        for place in range(len(BASE_FREQUENCIES)):
            for plane in range(len(numbers)):
                scale = self.statistics.base[min(plane, 1)][place] - 2 * self.step
                numbers[plane, place] = coder.among(int(numbers[plane, place]), _LAPLACE, (0, _scale(scale)))

    def code_ellipse(self, coder: Coder, numbers: Array, index: int, before: int) -> None:
        """Write the numbers of an ellipse, or read them.

        Args:
            coder: writes or reads.
            numbers: (9,) or (11,) integers in the order of `geometry`; written, or replaced by what is read.
            index: of the ellipse in the file.
            before: `magnitude_before` of the ellipse.
        """
        own = self.statistics
        rank = min(geometry.half_octaves(index + 1), len(own.size_by_rank) - 1)
        rim = numbers[RIM] = coder.among(int(numbers[RIM]), _RIMS, own.rims)
        amplitude = numbers[AMPLITUDE] = _amplitude(coder, int(numbers[AMPLITUDE]), own.octaves_of(rank, before))
        finer, typical = geometry.half_octaves(amplitude), own.size_by_rank[rank]
        step = geometry.size_step(amplitude, rim)
        mean, deviation = own.height
        numbers[HEIGHT] = _log_size(coder, int(numbers[HEIGHT]), mean + typical, deviation, step, finer)
        log_height = geometry.log_size(int(numbers[HEIGHT]), step)
        mean, deviation = own.width
        mean += typical + (own.width_by_height[0] * (log_height - geometry.MEAN_LOG) >> 4)
        numbers[WIDTH] = _log_size(coder, int(numbers[WIDTH]), mean, deviation, step, finer)
        log_width = geometry.log_size(int(numbers[WIDTH]), step)
        step = geometry.shear_step(amplitude, rim)
        scale = _scale(_shear_scale(own, log_height - log_width) + 4 * finer)
        numbers[SHEAR] = coder.among(int(numbers[SHEAR]), _LAPLACE, (0, scale))
        shear = geometry.shear_of(int(numbers[SHEAR]), step)
        steps = geometry.position_steps(amplitude, rim, log_height, log_width, shear)
        for place, (length, one) in enumerate(zip(self.extent, steps, strict=True), geometry.ROW):
            numbers[place] = coder.equal(int(numbers[place]), geometry.places(length, one))
        for place in range(SLOPE_U, len(numbers)):
            first, growth = own.slopes if place < GRAY_NUMBERS else own.chroma
            scale = _scale(first + growth * (finer // 2))
            numbers[place] = coder.among(int(numbers[place]), _LAPLACE, (0, scale))

    def read(self, payload: bytes, planes: int) -> tuple[Array, Array]:
        """The numbers that a payload determines: (planes, coefficients) of the base and (n, 9 or 11) of ellipses.

        Coefficients of the base that are not determined are 0.
        """
        reader, base = Reader(payload), np.zeros((planes, len(BASE_FREQUENCIES)), np.int64)
        count = geometry.numbers_of(planes)
        ellipses: list[Array] = []
        try:
            self.code_base(reader, base)
            while len(ellipses) < MOST_ELLIPSES:
                one = np.zeros(count, np.int64)
                self.code_ellipse(reader, one, len(ellipses), magnitude_before(ellipses, len(ellipses)))
                ellipses.append(one)
        except UndeterminedError:
            pass
        return base, np.array(ellipses, np.int64).reshape(-1, count)

    def base_bits(self, numbers: Array) -> float:
        """Code length of the base."""
        meter = Meter()
        self.code_base(meter, numbers.copy())
        return meter.bits

    def ellipse_bits(self, numbers: Array, index: int, before: int) -> float:
        """Code length of an ellipse; arguments as for `code_ellipse`."""
        meter = Meter()
        self.code_ellipse(meter, numbers.copy(), index, before)
        return meter.bits

    def bits(self, ellipses: Sequence[Array]) -> float:
        """Code length of ellipses."""
        every = enumerate(ellipses)
        return sum(self.ellipse_bits(one, index, magnitude_before(ellipses, index)) for index, one in every)


def magnitude_before(ellipses: Sequence[Array], index: int) -> int:
    """Rounded mean magnitude of the amplitudes of the two ellipses before one, or of the only one; the first has 4096.

    >>> magnitude_before([np.array([0, -5]), np.array([0, 2])], 2)
    4
    """
    some = [abs(int(one[AMPLITUDE])) for one in ellipses[max(index - _BEFORE, 0) : index]]
    return (sum(some) + len(some) // 2) // len(some) if some else LARGEST_AMPLITUDE


def _amplitude(coder: Coder, value: int, octaves: tuple[int, ...]) -> int:
    """Sign, octave and the bits below the highest one."""
    magnitude = abs(value)
    octave = coder.among(max(magnitude.bit_length() - 1, 0), _OCTAVES, octaves)
    rest = coder.equal(magnitude - (1 << octave), 1 << octave)
    negative = coder.equal(int(value < 0), 2)
    return (1 - 2 * negative) * ((1 << octave) + rest)


def _log_size(coder: Coder, value: int, mean: int, deviation: int, step: int, finer: int) -> int:
    """A number of a height or a width."""
    centre = ((mean - geometry.MEAN_LOG) << MEAN_FRACTION) // step
    return coder.among(value, _GAUSSIAN, (centre, _scale(deviation + 4 * finer)))


def _shear_scale(own: Statistics, excess: int) -> int:
    """Scale of the shear by the binary logarithm of height/width, in units of 2⁻¹²."""
    first, of_tall, of_wide = own.shear
    return first + ((of_tall if excess > 0 else of_wide) * excess >> geometry.LOG_FRACTION)


def _scale(index: int) -> int:
    return min(max(index, 0), SCALES - 1)
