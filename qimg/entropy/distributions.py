"""Distributions of integers as cumulative probabilities in integer arithmetic, for `range_coder.encode_intervals`.

A distribution has integer parameters for each symbol, which a network in integer arithmetic computes, so that the
intervals of symbols are the same on every machine:

- `laplace`, `gaussian`: the mean in units of 1/16, and the scale's index i; the standard deviation of the Gaussian, or
  the mean absolute deviation of the Laplace distribution, is `SMALLEST` · 2^(i/8);
- `mixture`: K means, K indices of scales, and K logits of weights in units of 1/16 nat, for K Gaussians;
- `categorical`: L logits in units of 1/16 nat.

P(y) = F(y + ½) − F(y − ½) is a difference of a table of the standard distribution function, with linear interpolation.
Every symbol of the window around the mean has at least one unit of 2^-24; a symbol outside of it is coded as an escape,
with the mass of its tail, followed by an exponential Golomb code of its distance.
"""

from dataclasses import dataclass
from functools import cache
from math import erf, exp, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, one_of, require, require_shape
from qimg.core.compiled import compiled, inner
from qimg.core.records import short_repr
from qimg.entropy.range_coder import INVALID, TOTAL, advance, quantile

KINDS = ("laplace", "gaussian", "mixture", "categorical")
"""Families of distributions."""

SMALLEST = 0.04
"""The scale of index 0."""
SCALES = 96
"""Number of scales."""
MEAN_FRACTION, SCALE_FRACTION, LOGIT_FRACTION = 4, 3, 4
"""Binary digits after the point of means, of binary logarithms of scales over `SMALLEST`, and of logits."""

_LAPLACE, _GAUSSIAN, _MIXTURE, _CATEGORICAL = range(4)
_ONE = 1 << 30  # certainty in the tables
_STEPS = 64  # entries of the table for a unit of scale
_FINE = 6  # bits of interpolation between entries
_REACH = 16  # units of scale on both sides
_FARTHEST = 1 << 20  # of symbols and means
_MOST_COMPONENTS = 16
_MOST_LEVELS = 256
_SHIFT = 16


@short_repr
class CumulativeTables(NamedTuple):
    """The integers that cumulative probabilities are computed from."""

    cumulative: Array
    """(2, 2049) int64 standard distribution functions, Laplace and Gaussian, in units of 2^-30."""
    reciprocal: Array
    """(SCALES,) int64 units of the tables per half sixteenth of a step, in units of 2^-16."""
    window: Array
    """(2, SCALES) int64 radius of the window."""
    weight: Array
    """(256,) int64 exp(−d/16) in units of 2^-20."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A family of distributions of integers.

    Raises:
        ValueError: the kind is unknown, or `size` is out of range or has no effect.
    """

    kind: str
    """One of `KINDS`."""
    size: int = 1
    """Components of a mixture, at least 2; levels of a categorical distribution, 2 to 256; otherwise 1."""

    def __post_init__(self) -> None:
        one_of("kind", self.kind, KINDS)
        if self.kind == "mixture":
            integer("size", self.size, 2, _MOST_COMPONENTS)
        elif self.kind == "categorical":
            integer("size", self.size, 2, _MOST_LEVELS)
        else:
            require(self.size == 1, "size", f"must be 1 for kind={self.kind}", self.size)

    @property
    def outputs(self) -> int:
        """Parameters of a symbol."""
        return {"laplace": 2, "gaussian": 2, "mixture": 3 * self.size, "categorical": self.size}[self.kind]

    @property
    def fractions(self) -> tuple[int, ...]:
        """Binary digits after the point of each parameter."""
        if self.kind == "categorical":
            return (LOGIT_FRACTION,) * self.size
        logits = (LOGIT_FRACTION,) * (self.size if self.kind == "mixture" else 0)
        return (MEAN_FRACTION,) * self.size + (SCALE_FRACTION,) * self.size + logits

    @property
    def number(self) -> int:
        """Number of the kind in compiled loops."""
        return KINDS.index(self.kind)

    def intervals(self, symbols: ArrayLike, parameters: ArrayLike) -> tuple[Array, Array]:
        """Lower ends and sizes of the intervals to encode, in units of 2^-24; an escape has several.

        Args:
            symbols: (n,) integers, of magnitude at most 2^20; below `size` and not negative for categorical ones.
            parameters: (n, outputs) integers.

        Raises:
            ValueError: shapes, types or ranges.
        """
        values, table = _checked(self, symbols, parameters)
        if self.kind == "categorical" and len(values):
            low, high = int(values.min()), int(values.max())
            require(
                low >= 0 and high < self.size, "symbols", f"must be in [0, {self.size - 1}]", low if low < 0 else high
            )
        capacity = len(values) + _ESCAPE * int(_escapes(self.number, self.size, values, table, tables()))
        lefts, widths = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
        count = _encode(self.number, self.size, values, table, tables(), lefts, widths)
        return lefts[:count], widths[:count]

    def lengths(self, symbols: ArrayLike, parameters: ArrayLike) -> Array:
        """Code length of each symbol in bits, (n,) float64, that of its intervals; arguments as for `intervals`."""
        values, table = _checked(self, symbols, parameters)
        lengths = np.empty(len(values))
        _lengths(self.number, self.size, values, table, tables(), lengths)
        return lengths

    def length(self, symbol: int, parameters: Array) -> float:
        """Code length of one symbol in bits, without the checks of `lengths`.

        Args:
            symbol: the symbol, in the range that `intervals` states.
            parameters: (outputs,) int64.
        """
        return _length(self.number, self.size, symbol, parameters, tables())

    def decode(self, state: Array, words: Array, parameters: ArrayLike) -> Array:
        """Decode symbols; damaged data set `state[INVALID]`.

        Args:
            state: of `range_coder.start`; modified.
            words: (m,) uint32.
            parameters: (n, outputs) integers.

        Returns:
            (n,) int32.
        """
        values, table = _checked(self, np.zeros(np.shape(parameters)[0], np.int32), parameters)
        _decode(self.number, self.size, values, table, tables(), state, words)
        return values


def bits_of(widths: ArrayLike) -> float:
    """Code length in bits of intervals: Σ log2(2^24 / width)."""
    return float(-np.log2(np.asarray(widths, float) / TOTAL).sum())


@cache
def tables() -> CumulativeTables:
    """The tables of all distributions; integers, computed once per process.

    Rounding to 2^-30 hides the last bits of the functions of the C library, which differ between platforms, unless a
    value lies within 10^-7 units of the middle between two integers; none does.
    """
    places = np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS
    gaussian = np.array([0.5 * (1 + erf(place / sqrt(2))) for place in places])
    laplace = np.array([0.5 * exp(place) if place < 0 else 1 - 0.5 * exp(-place) for place in places])
    cumulative = np.rint(_ONE * np.stack([laplace, gaussian])).astype(np.int64)
    cumulative[:, 0], cumulative[:, -1] = 0, _ONE
    scales = SMALLEST * 2 ** (np.arange(SCALES) / (1 << SCALE_FRACTION))
    reciprocal = np.rint((1 << _SHIFT) * (_STEPS << _FINE) / (2 * (1 << MEAN_FRACTION) * scales)).astype(np.int64)
    window = np.ceil(np.outer([12, 6], scales)).astype(np.int64) + 1
    weight = np.maximum(np.rint((1 << 20) * np.exp(-np.arange(256) / (1 << LOGIT_FRACTION))), 1).astype(np.int64)
    for array in (cumulative, reciprocal, window, weight):
        array.flags.writeable = False
    return CumulativeTables(cumulative, reciprocal, window, weight)


def _checked(distribution: Distribution, symbols: ArrayLike, parameters: ArrayLike) -> tuple[Array, Array]:
    values, table = np.array(symbols), np.ascontiguousarray(parameters)
    for name, array in (("symbols", values), ("parameters", table)):
        require(array.dtype.kind in "iu" or not array.size, name, "must be integers", array.dtype.name)
    require_shape(values.ndim == 1, "symbols", "(n,)", values)
    require_shape(
        table.shape == (len(values), distribution.outputs), "parameters", f"(n, {distribution.outputs})", table
    )
    largest = int(np.abs(values.astype(np.int64)).max(initial=0))
    require(largest <= _FARTHEST, "symbols", f"must be at most {_FARTHEST} in magnitude", largest)
    return values.astype(np.int32), table.astype(np.int32, copy=False)


@inner
def _function(row: Array, z: int) -> int:
    """A tabulated distribution function at z, in fine steps of the table, in units of 2^-30."""
    z += (_REACH * _STEPS) << _FINE
    if z <= 0:
        return 0
    place = z >> _FINE
    if place >= row.size - 1:
        return _ONE
    below = row[place]
    return int(below + (((row[place + 1] - below) * (z & ((1 << _FINE) - 1))) >> _FINE))


@inner
def _limit(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


@inner
def _below(kind: int, size: int, p: Array, tables: CumulativeTables, symbol: int) -> int:
    """P(y < symbol) in units of 2^-30."""
    edge = 2 * ((symbol << MEAN_FRACTION) - (1 << (MEAN_FRACTION - 1)))
    if kind != _MIXTURE:
        z = (edge - 2 * p[0]) * tables.reciprocal[_limit(p[1], 0, SCALES - 1)]
        return _function(tables.cumulative[kind], z >> _SHIFT)
    largest = p[2 * size]
    for k in range(1, size):
        largest = max(largest, p[2 * size + k])
    total, sum_ = 0, 0
    for k in range(size):
        weight = tables.weight[min(largest - p[2 * size + k], 255)]
        z = (edge - 2 * p[k]) * tables.reciprocal[_limit(p[size + k], 0, SCALES - 1)]
        sum_ += weight * _function(tables.cumulative[_GAUSSIAN], z >> _SHIFT)
        total += weight
    return int(sum_ // total)


@inner
def _window(kind: int, size: int, p: Array, tables: CumulativeTables) -> tuple[int, int]:
    """The least and the largest symbol of the window."""
    if kind == _CATEGORICAL:
        return 0, size - 1
    low, high = _FARTHEST, -_FARTHEST
    for k in range(size):
        mean = _limit((p[k] + (1 << (MEAN_FRACTION - 1))) >> MEAN_FRACTION, -_FARTHEST, _FARTHEST)
        radius = tables.window[min(kind, _GAUSSIAN), _limit(p[size + k], 0, SCALES - 1)]
        low, high = min(low, mean - radius), max(high, mean + radius)
    return low, min(high, low + (1 << 16))


@inner
def _start(kind: int, size: int, p: Array, tables: CumulativeTables, symbol: int, low: int, high: int) -> int:
    """The lower end of the symbol's interval in units of 2^-24, for low ≤ symbol ≤ high + 1."""
    if kind == _CATEGORICAL:
        largest = p[0]
        for k in range(1, size):
            largest = max(largest, p[k])
        total, sum_ = 0, 0
        for k in range(size):
            weight = tables.weight[min(largest - p[k], 255)]
            total += weight
            if k < symbol:
                sum_ += weight
        return int(1 + sum_ * (TOTAL - 2 - size) // total + symbol)
    mass = TOTAL - 4 - (high + 1 - low)
    return int(2 + ((_below(kind, size, p, tables, symbol) * mass) >> 30) + symbol - low)


@inner
def _level_at(size: int, p: Array, tables: CumulativeTables, place: int) -> tuple[int, int, int]:
    """The level of a categorical distribution whose interval holds a place, and the ends of the interval."""
    largest = p[0]
    for k in range(1, size):
        largest = max(largest, p[k])
    total = 0
    for k in range(size):
        total += tables.weight[min(largest - p[k], 255)]
    first, sum_ = 1, 0
    for k in range(size):
        sum_ += tables.weight[min(largest - p[k], 255)]
        last = int(1 + sum_ * (TOTAL - 2 - size) // total + k + 1)
        if place < last:
            return k, first, last
        first = last
    return size - 1, first, first


_ESCAPE = 48  # intervals of an escape at most: 24 bits of a unary length, 24 of the rest
_HALF = TOTAL // 2 - 1  # a bit of probability 1/2: [1, HALF + 1) and [HALF + 1, 2 HALF + 1)


@compiled
def _escapes(kind: int, size: int, symbols: Array, parameters: Array, tables: CumulativeTables) -> int:
    """Number of symbols outside of their window."""
    count = 0
    for n in range(symbols.size):
        low, high = _window(kind, size, parameters[n], tables)
        if symbols[n] < low or symbols[n] > high:
            count += 1
    return count


@compiled
def _encode(
    kind: int, size: int, symbols: Array, parameters: Array, tables: CumulativeTables, lefts: Array, widths: Array
) -> int:
    count = 0
    for n in range(symbols.size):
        p, symbol = parameters[n], int(symbols[n])
        low, high = _window(kind, size, p, tables)
        if low <= symbol <= high:
            lefts[count] = _start(kind, size, p, tables, symbol, low, high)
            widths[count] = _start(kind, size, p, tables, symbol + 1, low, high) - lefts[count]
            count += 1
            continue
        if symbol < low:
            lefts[count] = 1
            widths[count] = _start(kind, size, p, tables, low, low, high) - 1
            beyond = low - symbol
        else:
            lefts[count] = _start(kind, size, p, tables, high + 1, low, high)
            widths[count] = TOTAL - 1 - lefts[count]
            beyond = symbol - high
        count += 1
        length = 0
        while beyond >> (length + 1):
            length += 1
        for place in range(2 * length + 1):  # unary length, then the bits below the highest one
            bit = place < length if place <= length else (beyond >> (2 * length - place)) & 1
            lefts[count] = 1 + _HALF * bit
            widths[count] = _HALF
            count += 1
    return count


@inner
def symbol_bits(kind: int, size: int, p: Array, tables: CumulativeTables, symbol: int) -> float:
    """Code length of a symbol in bits, as `Distribution.lengths`, for compiled loops.

    Args:
        kind: `Distribution.number`.
        size: `Distribution.size`.
        p: (outputs,) integers.
        tables: of `tables`.
        symbol: the symbol.
    """
    low, high = _window(kind, size, p, tables)
    beyond = 0
    if symbol < low:
        width = _start(kind, size, p, tables, low, low, high) - 1
        beyond = low - symbol
    elif symbol > high:
        width = TOTAL - 1 - _start(kind, size, p, tables, high + 1, low, high)
        beyond = symbol - high
    else:
        below = _start(kind, size, p, tables, symbol, low, high)
        width = _start(kind, size, p, tables, symbol + 1, low, high) - below
    bits = np.log2(TOTAL / width)
    if beyond:
        length = 0
        while beyond >> (length + 1):
            length += 1
        bits += (2 * length + 1) * np.log2(TOTAL / _HALF)
    return float(bits)


@compiled
def _length(kind: int, size: int, symbol: int, parameters: Array, tables: CumulativeTables) -> float:
    return symbol_bits(kind, size, parameters, tables, symbol)


@compiled
def _lengths(kind: int, size: int, symbols: Array, parameters: Array, tables: CumulativeTables, lengths: Array) -> None:
    for n in range(symbols.size):
        lengths[n] = symbol_bits(kind, size, parameters[n], tables, int(symbols[n]))


@inner
def _bit(state: Array, words: Array) -> int:
    bit = 1 if quantile(state) > _HALF else 0
    advance(state, words, 1 + _HALF * bit, _HALF)
    return bit


@inner
def _distance(state: Array, words: Array) -> int:
    """The distance of an escape."""
    length = 0
    while _bit(state, words):
        length += 1
        if length > 21:
            state[INVALID] = 1
            return 1
    beyond = 1
    for _ in range(length):
        beyond = 2 * beyond + _bit(state, words)
    return beyond


@compiled
def _decode(
    kind: int, size: int, symbols: Array, parameters: Array, tables: CumulativeTables, state: Array, words: Array
) -> None:
    for n in range(symbols.size):
        if state[INVALID]:
            symbols[n:] = 0
            return
        p = parameters[n]
        low, high = _window(kind, size, p, tables)
        place = quantile(state)
        left, right = low, high + 1
        if kind == _CATEGORICAL:
            if place < 1 or place >= TOTAL - 1:  # no level, and no escape
                state[INVALID] = 1
                symbols[n:] = 0
                return
            left, first, last = _level_at(size, p, tables, place)
            advance(state, words, first, last - first)
            symbols[n] = left
            continue
        first, last = _start(kind, size, p, tables, left, low, high), _start(kind, size, p, tables, right, low, high)
        if place < first:
            advance(state, words, 1, first - 1)
            symbols[n] = max(low - _distance(state, words), -_FARTHEST)
        elif place >= last:
            advance(state, words, last, TOTAL - 1 - last)
            symbols[n] = min(high + _distance(state, words), _FARTHEST)
        else:
            while right - left > 1:
                middle = (left + right) // 2
                start = _start(kind, size, p, tables, middle, low, high)
                if start <= place:
                    left, first = middle, start
                else:
                    right, last = middle, start
            advance(state, words, first, last - first)
            symbols[n] = left
