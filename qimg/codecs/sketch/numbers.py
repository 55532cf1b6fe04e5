"""Code of a sketch: numbers of the base and of ellipses to the bytes of a range coder and back.

A number belongs to the picture if the bytes determine it: it must be the same whether the bytes that are missing are
zeros or ones. A payload can therefore be cut at every byte, and neither a count nor an end of the ellipses is stored.
"""

from math import log2
from typing import Protocol

import numpy as np

from qimg.codecs.sketch import geometry, statistics
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
from qimg.core import Array
from qimg.entropy import range_coder
from qimg.entropy.distributions import MEAN_FRACTION, SCALES, Distribution
from qimg.entropy.range_coder import TOTAL

MOST_ELLIPSES = 255
_LAPLACE, _GAUSSIAN = Distribution(kind="laplace"), Distribution(kind="gaussian")
_WORD = 4
_MARGIN = 8  # words after the end of cut data, more than a number takes


class Coder(Protocol):
    """Writes numbers, or reads them and ignores its arguments."""

    def equal(self, value: int, count: int) -> int:
        """A number in [0, count), all of them equally likely."""

    def among(self, value: int, distribution: Distribution, parameters: tuple[int, ...]) -> int:
        """A number of a distribution."""


class Writer:
    """Collects the intervals of numbers."""

    def __init__(self) -> None:
        self.lefts: list[int] = []
        self.widths: list[int] = []

    def equal(self, value: int, count: int) -> int:
        """Append a number in [0, count)."""
        width = (TOTAL - 2) // count
        self.lefts.append(1 + value * width)
        self.widths.append(width)
        return value

    def among(self, value: int, distribution: Distribution, parameters: tuple[int, ...]) -> int:
        """Append a number of a distribution."""
        lefts, widths = distribution.intervals([value], [parameters])
        self.lefts.extend(lefts.tolist())
        self.widths.extend(widths.tolist())
        return value

    def to_bytes(self) -> bytes:
        """The bytes of all numbers; bytes at the end that determine nothing follow the last number."""
        encoder = range_coder.Encoder()
        encoder.push_intervals(self.lefts, self.widths)
        return encoder.words().astype(">u4").tobytes()


class Meter:
    """Adds the code lengths of numbers."""

    def __init__(self) -> None:
        self.bits = 0.0

    def equal(self, value: int, count: int) -> int:
        """Add a number in [0, count)."""
        self.bits += log2(TOTAL / ((TOTAL - 2) // count))
        return value

    def among(self, value: int, distribution: Distribution, parameters: tuple[int, ...]) -> int:
        """Add a number of a distribution."""
        self.bits += distribution.length(value, np.array(parameters))
        return value


class UndeterminedError(Exception):
    """The bytes end before they determine the next number."""


class Reader:
    """Reads the numbers that bytes determine.

    Args:
        payload: the bytes, which may be cut.
    """

    def __init__(self, payload: bytes) -> None:
        self._words = [_words(payload, filler) for filler in (b"\0", b"\xff")]
        self._states = [range_coder.start(words) for words in self._words]

    def equal(self, value: int, count: int) -> int:
        """The next number in [0, count); raises `UndeterminedError`."""
        width = (TOTAL - 2) // count
        numbers = []
        for state, words in zip(self._states, self._words, strict=True):
            number = min(max(range_coder.quantile(state) - 1, 0) // width, count - 1)
            range_coder.advance(state, words, 1 + number * width, width)
            numbers.append(number)
        return self._agreed(numbers)

    def among(self, value: int, distribution: Distribution, parameters: tuple[int, ...]) -> int:
        """The next number of a distribution; raises `UndeterminedError`."""
        several = zip(self._states, self._words, strict=True)
        return self._agreed([int(distribution.decode(state, words, [parameters])[0]) for state, words in several])

    def _agreed(self, numbers: list[int]) -> int:
        if numbers[0] != numbers[1] or any(state[range_coder.INVALID] for state in self._states):
            raise UndeterminedError
        return numbers[0]


def code_base(coder: Coder, numbers: Array, step: int) -> None:
    """Write the coefficients of the base, or read them.

    Args:
        coder: a `Writer` or a `Reader`.
        numbers: (planes, coefficients) integers; written, or replaced by what is read.
        step: number of the file's quantization step.
    """
    for place in range(len(BASE_FREQUENCIES)):
        for plane in range(len(numbers)):
            scale = statistics.BASE[min(plane, 1)][place] - 2 * step
            numbers[plane, place] = coder.among(int(numbers[plane, place]), _LAPLACE, (0, _scale(scale)))


def code_ellipse(coder: Coder, numbers: Array, index: int, extent: tuple[int, int]) -> None:
    """Write the numbers of an ellipse, or read them.

    Args:
        coder: a `Writer` or a `Reader`.
        numbers: (9,) or (11,) integers in the order of `geometry`; written, or replaced by what is read.
        index: of the ellipse in the file.
        extent: `geometry.sides` of the picture.
    """
    rank = _rank(index)
    rim = numbers[RIM] = coder.among(int(numbers[RIM]), _RIMS, statistics.RIMS)
    amplitude = numbers[AMPLITUDE] = _amplitude(coder, int(numbers[AMPLITUDE]), rank)
    finer = geometry.half_octaves(amplitude)
    step = geometry.size_step(amplitude, rim)
    mean, deviation = statistics.HEIGHT
    numbers[HEIGHT] = _log_size(
        coder, int(numbers[HEIGHT]), mean + statistics.SIZE_BY_RANK[rank], deviation, step, finer
    )
    log_height = geometry.log_size(int(numbers[HEIGHT]), step)
    mean, deviation = statistics.WIDTH
    mean += statistics.SIZE_BY_RANK[rank] + (statistics.WIDTH_BY_HEIGHT * (log_height - geometry.MEAN_LOG) >> 4)
    numbers[WIDTH] = _log_size(coder, int(numbers[WIDTH]), mean, deviation, step, finer)
    log_width = geometry.log_size(int(numbers[WIDTH]), step)
    step = geometry.shear_step(amplitude, rim)
    numbers[SHEAR] = coder.among(
        int(numbers[SHEAR]), _LAPLACE, (0, _scale(_shear_scale(log_height - log_width) + 4 * finer))
    )
    shear = geometry.shear_of(int(numbers[SHEAR]), step)
    steps = geometry.position_steps(amplitude, rim, log_height, log_width, shear)
    for place, (length, one) in enumerate(zip(extent, steps, strict=True), geometry.ROW):
        numbers[place] = coder.equal(int(numbers[place]), geometry.places(length, one))
    for place in range(SLOPE_U, len(numbers)):
        first, growth = statistics.SLOPES if place < GRAY_NUMBERS else statistics.CHROMA
        scale = _scale(first + growth * (finer // 2))
        numbers[place] = coder.among(int(numbers[place]), _LAPLACE, (0, scale))


def read(payload: bytes, step: int, extent: tuple[int, int], planes: int) -> tuple[Array, Array]:
    """The numbers that a payload determines: (planes, coefficients) of the base and (n, 9 or 11) of ellipses.

    Coefficients of the base that are not determined are 0.
    """
    reader, base = Reader(payload), np.zeros((planes, len(BASE_FREQUENCIES)), np.int64)
    count = geometry.numbers_of(planes)
    ellipses: list[Array] = []
    try:
        code_base(reader, base, step)
        while len(ellipses) < MOST_ELLIPSES:
            one = np.zeros(count, np.int64)
            code_ellipse(reader, one, len(ellipses), extent)
            ellipses.append(one)
    except UndeterminedError:
        pass
    return base, np.array(ellipses, np.int64).reshape(-1, count)


def _amplitude(coder: Coder, value: int, rank: int) -> int:
    """Sign, octave and the bits below the highest one."""
    magnitude = abs(value)
    octave = coder.among(max(magnitude.bit_length() - 1, 0), _OCTAVES, statistics.OCTAVES[rank])
    rest = coder.equal(magnitude - (1 << octave), 1 << octave)
    negative = coder.equal(int(value < 0), 2)
    return (1 - 2 * negative) * ((1 << octave) + rest)


def _log_size(coder: Coder, value: int, mean: int, deviation: int, step: int, finer: int) -> int:
    """A number of a height or a width."""
    centre = ((mean - geometry.MEAN_LOG) << MEAN_FRACTION) // step
    return coder.among(value, _GAUSSIAN, (centre, _scale(deviation + 4 * finer)))


def _shear_scale(excess: int) -> int:
    """Scale of the shear by the binary logarithm of height/width, in units of 2⁻¹²."""
    growth = statistics.SHEAR_OF_TALL if excess > 0 else statistics.SHEAR_OF_WIDE
    return statistics.SHEAR + (growth * excess >> geometry.LOG_FRACTION)


def _rank(index: int) -> int:
    """Place of an ellipse in the file on a logarithmic scale, in half octaves."""
    return min(geometry.half_octaves(index + 1), len(statistics.SIZE_BY_RANK) - 1)


def _scale(index: int) -> int:
    return min(max(index, 0), SCALES - 1)


def _words(payload: bytes, filler: bytes) -> Array:
    """Words of the bytes and of a filler after them."""
    length = -len(payload) % _WORD + _WORD * _MARGIN
    return range_coder.words_of_bytes(payload + filler * length)


_RIMS = Distribution(kind="categorical", size=geometry.RIMS)
_OCTAVES = Distribution(kind="categorical", size=LARGEST_AMPLITUDE.bit_length() - 1)
