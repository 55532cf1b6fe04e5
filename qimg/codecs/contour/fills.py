"""Fills of areas: a plane or a few cosine harmonics over the area's box, added to its colour in integers.

An area is a 4-connected set of pixels of one stored colour, with at least `LEAST_PIXELS`; areas are in the order of
their first pixel in the raster. A fill has one coefficient for each term and colour channel. A coefficient is a number
of steps, which are smaller in larger areas: for n pixels the step is the square root of precision / n.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from math import isqrt
from typing import NamedTuple

import numpy as np

from qimg.codecs.contour.merging import label_areas
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.core.records import short_repr

LEAST_PIXELS = 16
"""Pixels of the smallest area that can have a fill."""
TERMS = np.array([0, 3, 6, 10, 15], np.int64)
"""Terms of the kinds of fills: none, a plane, and harmonics up to the orders 2, 3 and 4."""
MOST_TERMS = int(TERMS[-1])
ORDERS = np.array([(order - column, column) for order in range(5) for column in range(order + 1)], np.int64)
"""(15, 2) orders of the harmonics in rows and columns."""
LARGEST_COEFFICIENT = (1 << 11) - 1
MOST_PRECISION = (1 << 28) - 1
"""Largest squared step of an area of one pixel, in squared code values."""
_STEP_BITS = 6
_BASIS_BITS = 14
_SCALE_BITS = _STEP_BITS + _BASIS_BITS
_TURN = 1 << 13  # entries of the table of cosines
_LEAST_STEP, _MOST_STEP = 4, 1 << 12  # in units of 1/64


@short_repr
class Areas(NamedTuple):
    """The areas of a picture that can have a fill."""

    owner: Array
    """(H, W) int32 number of each pixel's area, or −1."""
    boxes: Array
    """(N, 4) int64 first row, first column, rows and columns of each area."""
    pixels: Array
    """(N,) int64 pixels of each area."""


@short_repr
class Fills(NamedTuple):
    """The fills of the areas of a picture."""

    precision: int
    """Squared step of an area of one pixel, in squared code values, 1 to `MOST_PRECISION`."""
    kinds: Array
    """(N,) int64 index into `TERMS`; 0 without a fill."""
    coefficients: Array
    """(N, channels, 15) int64 steps."""


def areas_of(colours: Array) -> Areas:
    """The areas of a picture of at least `LEAST_PIXELS` pixels.

    Args:
        colours: (H, W) integers.
    """
    owner, numbers = np.empty(colours.shape, np.int32), np.zeros(colours.size, np.int32)
    label_areas(colours[..., None], owner)
    count = number_areas(owner.reshape(-1), numbers)
    boxes, pixels = np.zeros((count, 4), np.int64), np.zeros(count, np.int64)
    boxes[:, :2] = owner.size
    _bound(owner, boxes, pixels)
    return Areas(owner=owner, boxes=boxes, pixels=pixels)


@compiled
def number_areas(owner: Array, numbers: Array) -> int:
    """Replace the labels of areas by numbers in the order of the raster, or −1 in small ones; returns how many.

    Args:
        owner: (pixels,) int32 the first pixel of each pixel's area, modified.
        numbers: (pixels,) int32 zeros, a workspace.
    """
    for place in range(owner.size):
        numbers[owner[place]] += 1
    count = 0
    for place in range(owner.size):
        if numbers[place] >= LEAST_PIXELS:
            numbers[place] = count
            count += 1
        else:
            numbers[place] = -1
    for place in range(owner.size):
        owner[place] = numbers[owner[place]]
    return count


@compiled
def _bound(owner: Array, boxes: Array, pixels: Array) -> None:
    """Set boxes, whose first rows and columns are large and whose sizes are 0 at first, and count the pixels."""
    for row in range(owner.shape[0]):
        for column in range(owner.shape[1]):
            area = owner[row, column]
            if area >= 0:
                pixels[area] += 1
                boxes[area, 0] = min(boxes[area, 0], row)
                boxes[area, 1] = min(boxes[area, 1], column)
                boxes[area, 2] = max(boxes[area, 2], row + 1)
                boxes[area, 3] = max(boxes[area, 3], column + 1)
    for area in range(boxes.shape[0]):
        boxes[area, 2] -= boxes[area, 0]
        boxes[area, 3] -= boxes[area, 1]


def steps_of(precision: int, pixels: Array) -> Array:
    """The steps (N,) int64 of areas in units of 1/64, from 1/16 to 64.

    >>> steps_of(100, np.array([16, 100, 10**6])).tolist()
    [160, 64, 4]
    """
    squares = (precision << 2 * _STEP_BITS) // pixels
    roots = [min(max(isqrt(int(square)), _LEAST_STEP), _MOST_STEP) for square in squares]
    return np.array(roots, np.int64)


@cache
def cosines() -> Array:
    """(8192,) int64 cosines of a turn in units of 2⁻¹⁴, from decimal arithmetic: the same on every machine."""
    context = Context(prec=40, rounding=ROUND_HALF_EVEN)
    with_signs = []
    step = context.divide(_pi(context), Decimal(_TURN // 2))
    for index in range(_TURN // 4 + 1):
        square = context.power(context.multiply(step, Decimal(index)), Decimal(2))
        term = total = Decimal(1)
        for order in range(1, 20):
            term = context.divide(context.multiply(term, -square), Decimal(2 * order * (2 * order - 1)))
            total = context.add(total, term)
        with_signs.append(int((total * (1 << _BASIS_BITS)).to_integral_value(ROUND_HALF_EVEN)))
    quarter = np.array(with_signs, np.int64)
    half = np.concatenate([quarter, -quarter[-2::-1]])
    return np.concatenate([half, half[-2:0:-1]])


def _pi(context: Context) -> Decimal:
    """π by Machin's formula."""

    def arctangent(inverse: int) -> Decimal:
        power = total = context.divide(Decimal(1), Decimal(inverse))
        for index in range(1, 60):
            power = context.divide(power, Decimal(-inverse * inverse))
            total = context.add(total, context.divide(power, Decimal(2 * index + 1)))
        return total

    return context.multiply(Decimal(4), context.subtract(context.multiply(Decimal(4), arctangent(5)), arctangent(239)))


@inner
def basis_value(cosine: Array, kind: int, term: int, at: int, length: int, axis: int, orders: Array) -> int:
    """A term's factor in rows (axis 0) or columns (axis 1), in units of 2⁻¹⁴.

    Args:
        cosine: `cosines()`.
        kind: index into `TERMS`, at least 1.
        term: below `TERMS[kind]`.
        at: row or column in the box.
        length: rows or columns of the box.
        axis: 0 or 1.
        orders: `ORDERS`.
    """
    if kind == 1:
        if term != axis + 1:
            return 1 << _BASIS_BITS
        return ((2 * at + 1 - length) << _BASIS_BITS) // length
    angle = (orders[term, axis] * (2 * at + 1) * _TURN + 2 * length) // (4 * length)
    return int(cosine[angle & (_TURN - 1)])


def paint(picture: Array, areas: Areas, fills: Fills) -> None:
    """Add fills to a picture.

    Args:
        picture: (H, W, channels) `uint8` colours, modified; fills have as many channels or fewer.
        areas: of the picture.
        fills: of these areas.
    """
    steps = steps_of(fills.precision, areas.pixels)
    values = np.zeros(MOST_TERMS, np.int64)
    _paint(picture, areas.owner, areas.boxes, steps, fills.kinds, fills.coefficients, cosines(), ORDERS, TERMS, values)


@compiled
def _paint(
    picture: Array,
    owner: Array,
    boxes: Array,
    steps: Array,
    kinds: Array,
    coefficients: Array,
    cosine: Array,
    orders: Array,
    terms: Array,
    values: Array,
) -> None:
    """Add fills to a picture; `values` (15,) int64 is a workspace."""
    for row in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            area = owner[row, column]
            if area < 0 or kinds[area] == 0:
                continue
            kind = kinds[area]
            for term in range(terms[kind]):
                across = basis_value(cosine, kind, term, row - boxes[area, 0], boxes[area, 2], 0, orders)
                along = basis_value(cosine, kind, term, column - boxes[area, 1], boxes[area, 3], 1, orders)
                values[term] = across * along >> _BASIS_BITS
            for channel in range(coefficients.shape[1]):
                total = np.int64(0)
                for term in range(terms[kind]):
                    total += coefficients[area, channel, term] * values[term]
                total = (total * steps[area] + (1 << (_SCALE_BITS - 1))) >> _SCALE_BITS
                picture[row, column, channel] = min(max(np.int64(picture[row, column, channel]) + total, 0), 255)
