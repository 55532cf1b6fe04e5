"""Refinement of a picture to a third of its step: the cells of the quantizer are divided, block by block.

A block keeps its class, and its coefficients c are those of what the coarse picture does not predict. What is decoded
of the finer picture before it, the ring, gives a better prediction; in the class eigenbasis the two differ by κ, so
that c is expected around κ. An integer q at step 3s becomes one at step s whose cell lies in the cell of q: ±m becomes
±(3m − 1), ±3m or ±(3m + 1), and 0 any number that its cell holds. Where in its cell a coefficient is taken to be
depends on κ as well: a block of zeros becomes the conditional mean given the finer ring.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from qimg.arguments import Array
from qimg.codec.blocks import Bases, Work, forward, predict, reconstruct
from qimg.codec.contexts import GROUP_COUNT, GROUPS, Scales, level_of, log_eighths, surprise
from qimg.codec.model import INPUTS, Coder, Model, code_bit, code_even, probability_of_one
from qimg.codec.range_coder import POSITION
from qimg.codec.search import Costs, Settings, Space, exact_coefficients, magnitude_bits

RATIO = 3
"""Of the steps of two layers: cells of the finer one lie whole in those of the coarser one."""
UNARY = 12
"""A zero that grows beyond this in one layer goes on with an Elias-gamma code of even bits."""
TRUST = np.array(
    [
        253, 252, 252, 251, 250, 249, 248, 246, 245, 242, 240, 237, 234, 230, 226, 221, 216, 209, 202, 195, 186, 177,
        167, 157, 146, 135, 124, 113, 102, 92, 82, 73, 64, 56, 49, 42, 37, 31, 27, 23, 20, 17, 14, 12, 10, 9, 7, 6, 5,
        4, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0,
    ]
)  # fmt: skip
"""(64,) weight of κ beside the middle of a cell by log₂(scale / step), units of 2⁻⁸."""
HALF_CELL = 128
HALF_CELL_OF_ZERO = 160
"""Half the widths of cells in steps, units of 2⁻⁸."""

_BINS = 3
_U = 7
_NEW_A = 0
_NEW_B = _NEW_A + 2 * 4 * 10 * 32 * _U
_NEW_C = _NEW_B + 2 * 10 * 16 * 12
_NEW_D = _NEW_C + 2 * 4 * 32 * 10
_NEW_E = _NEW_D + 2 * 10 * 16 * 12
_NEW_F = _NEW_E + 3 * 4 * 10 * 12 * 4
_ZERO_A = _NEW_F + 4 * 10 * 12 * _U * 4
_ZERO_B = _ZERO_A + 2 * _BINS * _U * 32 * 4
_ZERO_C = _ZERO_B + 2 * _BINS * 16 * 12 * 12
_ZERO_D = _ZERO_C + 2 * _BINS * 4 * 32 * 64
_ZERO_E = _ZERO_D + 2 * _BINS * 32 * 12 * 4
_ZERO_F = _ZERO_E + 3 * _BINS * 32 * _U * 4
_SIGN_A = _ZERO_F + 3 * _BINS * 4 * 64 * _U
_SIGN_B = _SIGN_A + _U * 64
_SIGN_C = _SIGN_B + _U * 4 * 64
_SIGN_D = _SIGN_C + _U * 4 * 32
_SIGN_E = _SIGN_D + _U * 12
_SIGN_F = _SIGN_E + _U * 3
_HALF_A = _SIGN_F + _U * 12
_HALF_B = _HALF_A + 6 * _U * 64
_HALF_C = _HALF_B + 6 * 12 * 12
_HALF_D = _HALF_C + 6 * 4 * 32
_HALF_E = _HALF_D + 6 * 3 * _U
_HALF_F = _HALF_E + 6 * 64 * _U
SLOTS = _HALF_F + 6 * 32

_MIX_NEW = 0
_MIX_ZERO = _MIX_NEW + 2 * 4 * 10
_MIX_SIGN = _MIX_ZERO + 2 * _BINS * 4 * 16
_MIX_HALF = _MIX_SIGN + _U
MIXERS = _MIX_HALF + 6 * _U
FIRST_WEIGHT = 20000
"""Of every context in every mixer, in units of 2⁻¹⁶."""


class Layer(NamedTuple):
    """A picture between two layers; superblocks row by row, blocks by their first cell in the order of decoding."""

    size: Array
    """(superblocks, 64) int8 size index by cell."""
    label: Array
    """(superblocks, 64) int8 class."""
    q: Array
    """(superblocks, 3, 1024) int32; a block's coefficients begin at 16 · its first cell."""
    actual: Array
    """(superblocks, 3, 64) int64 sum of magnitudes of a block so far, in units of 1/256."""
    expected: Array
    """(superblocks, 3, 64) int64 the sum that was expected."""
    surprise: Array
    """(3, rows of cells + 2, columns of cells + 2) int8 log₂ of their ratio in quarter octaves, by cell."""
    coarse: Array
    """(planes, 1 + rows, width) int16 samples of the coarse picture; the first row is unused."""
    fine: Array
    """The same at the finer step, as far as it is decoded; the layer before elsewhere."""


class Scratch(NamedTuple):
    """Workspaces of one thread."""

    near: Array
    """(20, 20) int8."""
    first: Array
    """(256,) int32 prediction from the coarse picture."""
    shift: Array
    """(3, 256) int64 κ by plane, in samples."""
    wanted: Array
    """(256,) float32 exact coefficients, in steps; the encoder's."""


def new_scratch() -> Scratch:
    """Workspaces for one thread."""
    return Scratch(
        near=np.zeros((20, 20), np.int8),
        first=np.zeros(256, np.int32),
        shift=np.zeros((3, 256), np.int64),
        wanted=np.zeros(256, np.float32),
    )


@njit(cache=True)
def _set_new(
    model: Model,
    plane: int,
    t: int,
    label: int,
    group: int,
    level: int,
    nearby: int,
    running: int,
    other: int,
    some: int,
    drift: int,
) -> int:
    c = model.context
    colour = 1 if plane > 0 else 0
    here = (colour * 4 + t) * 10 + group
    c[0] = _NEW_A + (here * 32 + (level >> 1)) * _U + drift
    c[1] = _NEW_B + ((colour * 10 + group) * 16 + (level >> 2)) * 12 + nearby
    c[2] = _NEW_C + ((colour * 4 + t) * 32 + label) * 10 + group
    c[3] = _NEW_D + ((colour * 10 + group) * 16 + (level >> 2)) * 12 + running
    c[4] = _NEW_E + (((plane * 4 + t) * 10 + group) * 12 + running) * 4 + other
    c[5] = _NEW_F + (((t * 10 + group) * 12 + nearby) * _U + drift) * 4 + some
    return _MIX_NEW + here


@njit(cache=True)
def _set_zero(
    model: Model,
    plane: int,
    t: int,
    label: int,
    place: int,
    order: int,
    level: int,
    nearby: int,
    running: int,
    around: int,
    beside: int,
    other: int,
    drift: int,
) -> int:
    c = model.context
    half = (1 if plane > 0 else 0) * _BINS + order
    third = plane * _BINS + order
    c[0] = _ZERO_A + ((half * _U + drift) * 32 + (level >> 1)) * 4 + around
    c[1] = _ZERO_B + ((half * 16 + (level >> 2)) * 12 + nearby) * 12 + running
    c[2] = _ZERO_C + ((half * 4 + t) * 32 + label) * 64 + place
    c[3] = _ZERO_D + ((half * 32 + (level >> 1)) * 12 + running) * 4 + beside
    c[4] = _ZERO_E + ((third * 32 + (level >> 1)) * _U + drift) * 4 + other
    c[5] = _ZERO_F + ((third * 4 + t) * 64 + place) * _U + drift
    return _MIX_ZERO + (half * 4 + t) * 16 + (level >> 2)


@njit(cache=True)
def _set_sign(
    model: Model, plane: int, t: int, label: int, place: int, level: int, nearby: int, running: int, drift: int
) -> int:
    c = model.context
    c[0] = _SIGN_A + drift * 64 + level
    c[1] = _SIGN_B + (drift * 4 + t) * 64 + place
    c[2] = _SIGN_C + (drift * 4 + t) * 32 + label
    c[3] = _SIGN_D + drift * 12 + nearby
    c[4] = _SIGN_E + drift * 3 + plane
    c[5] = _SIGN_F + drift * 12 + running
    return _MIX_SIGN + drift


@njit(cache=True)
def _set_half(
    model: Model,
    which: int,
    m: int,
    plane: int,
    t: int,
    label: int,
    place: int,
    level: int,
    nearby: int,
    running: int,
    drift: int,
) -> int:
    c = model.context
    here = which * 3 + min(m, 3) - 1
    c[0] = _HALF_A + (here * _U + drift) * 64 + level
    c[1] = _HALF_B + (here * 12 + nearby) * 12 + running
    c[2] = _HALF_C + (here * 4 + t) * 32 + label
    c[3] = _HALF_D + (here * 3 + plane) * _U + drift
    c[4] = _HALF_E + (here * 64 + place) * _U + drift
    c[5] = _HALF_F + here * 32 + min(m, 31)
    return _MIX_HALF + here * _U + drift


@njit(cache=True, inline="always")
def _bits(costs: Costs, p: int, bit: int) -> np.float32:
    return costs.bits[p >> 4] if bit else costs.bits[(65536 - p) >> 4]


@njit(cache=True, inline="always")
def place_in_cell(q: int, shift: int, level: int) -> int:
    """Where a coefficient is taken to be, in steps · 256: the middle of its cell, drawn towards κ as far as it reaches.

    Args:
        q: its integer.
        shift: κ in steps · 256.
        level: log₂(scale / step) as from `level_of`.
    """
    middle = q << 8
    half = HALF_CELL if q != 0 else HALF_CELL_OF_ZERO
    inside = min(max(shift, middle - half), middle + half) - middle
    return middle + ((inside * TRUST[level] + 128) >> 8)


@njit(cache=True, inline="always")
def _error(a: np.float32, q: int, shift: int, level: int) -> np.float32:
    e = a - np.float32(place_in_cell(q, shift, level)) * np.float32(1 / 256)
    return e * e


@njit(cache=True, inline="always")
def drift_of_zero(shift: int) -> int:
    """How far κ, in steps · 256, lies from 0: 0 to 6."""
    size = abs(shift)
    drift = 0
    if size > 48:
        drift += 1
    if size > 96:
        drift += 1
    if size > 144:
        drift += 1
    if size > 208:
        drift += 1
    if size > 320:
        drift += 1
    if size > 560:
        drift += 1
    return drift


@njit(cache=True, inline="always")
def drift_of(beyond: int) -> int:
    """How far κ lies outwards of the middle of a cell, in steps · 256: 0 to 6, 3 where it is near."""
    drift = 3
    if beyond > 48:
        drift += 1
    if beyond > 144:
        drift += 1
    if beyond > 384:
        drift += 1
    if beyond < -48:
        drift -= 1
    if beyond < -144:
        drift -= 1
    if beyond < -384:
        drift -= 1
    return drift


@njit(cache=True)
def _worth_coding(
    wanted: Array,
    shift: Array,
    first: int,
    last: int,
    sigma: Array,
    log_step: int,
    step: int,
    lagrange: np.float32,
    nearby: int,
    colour: int,
    flag_bits: np.float32,
    costs: Costs,
) -> int:
    """Whether a group of zeros is to grow: what that saves in distortion against λ · its bits."""
    gain = -lagrange * flag_bits
    some = 0
    table = costs.magnitude[colour, nearby]
    for k in range(first, last):
        a = wanted[k]
        level = level_of(sigma[k], log_step)
        row = table[level >> 1]
        there = (shift[k] << 8) // step
        zero = _error(a, 0, there, level)
        best = lagrange * row[0]
        sign = 1 if a >= 0 else -1
        top = int(abs(a) + np.float32(0.5))
        for size in range(max(top - 1, 1), top + 1):
            cost = _error(a, sign * size, there, level) - zero + lagrange * magnitude_bits(row, size)
            if cost < best:
                best = cost
                some = 1
        gain -= best
    return 1 if some and gain > 0 else 0


@njit(cache=True)
def _grow(
    coder: Coder,
    model: Model,
    lagrange: np.float32,
    costs: Costs,
    plane: int,
    t: int,
    label: int,
    place: int,
    level: int,
    nearby: int,
    running: int,
    around: int,
    beside: int,
    other: int,
    shift: int,
    a: np.float32,
) -> int:
    """A coefficient that was 0: whether it is another number, its sign beside that of κ, its magnitude in unary."""
    drift = drift_of_zero(shift)
    ahead = 1 if shift >= 0 else -1
    value = 0
    if coder.writing:
        sign = 1 if a >= 0 else -1
        top = int(abs(a) + np.float32(0.5))
        if top > 0:
            p = probability_of_one(
                model, _set_zero(model, plane, t, label, place, 0, level, nearby, running, around, beside, other, drift)
            )
            against = probability_of_one(model, _set_sign(model, plane, t, label, place, level, nearby, running, drift))
            best = _error(a, 0, shift, level) + lagrange * _bits(costs, p, 0)
            known = _bits(costs, p, 1) + _bits(costs, against, 1 if sign != ahead else 0)
            for size in range(max(top - 1, 1), top + 1):
                cost = _error(a, sign * size, shift, level) + lagrange * (known + np.float32(1.5 * size - 1.0))
                if cost < best:
                    best = cost
                    value = sign * size
    mixer = _set_zero(model, plane, t, label, place, 0, level, nearby, running, around, beside, other, drift)
    if code_bit(coder, model, mixer, 1 if value != 0 else 0) == 0:
        return 0
    mixer = _set_sign(model, plane, t, label, place, level, nearby, running, drift)
    sign = -ahead if code_bit(coder, model, mixer, 1 if value * ahead < 0 else 0) else ahead
    if sign != ahead:
        drift = 0
    coded = 1
    while coded < UNARY:
        mixer = _set_zero(
            model, plane, t, label, place, min(coded, _BINS - 1), level, nearby, running, around, beside, other, drift
        )
        if code_bit(coder, model, mixer, 1 if abs(value) > coded else 0) == 0:
            break
        coded += 1
    if coded == UNARY:
        rest = abs(value) - UNARY + 1
        length = 0
        if coder.writing:
            while (rest >> (length + 1)) > 0:
                length += 1
        digits = 0
        while digits < 17 and code_even(coder, 1 if length > digits else 0):
            digits += 1
        out = 1
        for digit in range(digits - 1, -1, -1):
            out = 2 * out + code_even(coder, (rest >> digit) & 1)
        coded += out - 1
    return sign * coded


@njit(cache=True)
def _divide(
    coder: Coder,
    model: Model,
    lagrange: np.float32,
    costs: Costs,
    plane: int,
    t: int,
    label: int,
    place: int,
    level: int,
    nearby: int,
    running: int,
    old: int,
    shift: int,
    a: np.float32,
) -> int:
    """A coefficient that was not 0: one of three numbers."""
    sign = 1 if old > 0 else -1
    m = abs(old)
    middle = RATIO * m
    drift = drift_of(sign * shift - (middle << 8))
    change = 0
    if coder.writing:
        p = probability_of_one(model, _set_half(model, 0, m, plane, t, label, place, level, nearby, running, drift))
        out = probability_of_one(model, _set_half(model, 1, m, plane, t, label, place, level, nearby, running, drift))
        best = _error(a, sign * middle, shift, level) + lagrange * _bits(costs, p, 0)
        for by in (-1, 1):
            cost = _error(a, sign * (middle + by), shift, level)
            cost += lagrange * (_bits(costs, p, 1) + _bits(costs, out, 1 if by > 0 else 0))
            if cost < best:
                best = cost
                change = by
    mixer = _set_half(model, 0, m, plane, t, label, place, level, nearby, running, drift)
    if code_bit(coder, model, mixer, 1 if change != 0 else 0):
        mixer = _set_half(model, 1, m, plane, t, label, place, level, nearby, running, drift)
        middle += 1 if code_bit(coder, model, mixer, 1 if change > 0 else 0) else -1
    return sign * middle


@njit(cache=True)
def _mark_neighbours(near: Array, place: int) -> None:
    u = place >> 4
    v = place & 15
    for du in range(5):
        reach = 2 - abs(du - 2)
        for dv in range(2 - reach, 3 + reach):
            near[u + du, v + dv] += 1


@njit(cache=True)
def _predict_again(
    bases: Bases, work: Work, scratch: Scratch, layer: Layer, plane: int, t: int, label: int, y: int, x: int
) -> None:
    """The prediction from the coarse picture, to `work.prediction`, and κ, to `scratch.shift`."""
    n = 16 << (2 * min(t, 2))
    predict(bases, work, layer.fine[plane], t, label, y, x, False)
    scratch.first[:n] = work.prediction[:n]
    predict(bases, work, layer.coarse[plane], t, label, y, x, False)
    scale = 2 if t == 3 else 1
    for i in range(n):
        scratch.first[i] = scale * (scratch.first[i] - work.prediction[i])
    forward(bases, work, scratch.first, t, label, scratch.shift[plane])


@njit(cache=True)
def _code_plane(
    coder: Coder,
    tables: tuple[Bases, Scales],
    settings: Settings,
    model: Model,
    layer: Layer,
    costs: Costs,
    scratch: Scratch,
    s: int,
    cell: int,
    cy: int,
    cx: int,
    plane: int,
) -> None:
    """Coefficients of a block in a plane."""
    bases, scales = tables
    t, label = int(layer.size[s, cell]), int(layer.label[s, cell])
    n = GROUPS[t, GROUP_COUNT[t]]
    q = layer.q[s, plane, 16 * cell : 16 * cell + n]
    below = layer.q[s, max(plane - 1, 0), 16 * cell : 16 * cell + n]
    sigma = scales.log_sigma[t][plane, label]
    log_step = settings.log_steps[plane]
    step = int(settings.steps[plane])
    lagrange = np.float32(settings.lagrange[plane])
    wanted, near = scratch.wanted, scratch.near
    shift = scratch.shift[plane]
    cells = 1 << t
    around_block = layer.surprise[plane]
    middle = cells >> 1
    total = int(around_block[cy, cx + 1 + middle]) + around_block[cy + cells + 1, cx + 1 + middle]
    total += int(around_block[cy + 1 + middle, cx]) + around_block[cy + 1 + middle, cx + cells + 1]
    nearby = min(max(((total + 4) >> 3) + 6, 0), 11)
    actual = int(layer.actual[s, plane, cell]) >> 1
    expected = int(layer.expected[s, plane, cell]) >> 1
    order = bases.order[t][label]
    if t >= 2:
        near[:] = 0
        for k in range(n):
            if q[k] != 0:
                _mark_neighbours(near, order[k])
    for group in range(GROUP_COUNT[t]):
        first, last = GROUPS[t, group], GROUPS[t, group + 1]
        empty = True
        drift = 0
        other = 0
        for k in range(first, last):
            if q[k] != 0:
                empty = False
            if plane > 0 and below[k] != 0:
                other += 1
            drift = max(drift, drift_of_zero((shift[k] << 8) // step))
        if empty:
            some = 0
            if group > 0:
                for k in range(GROUPS[t, group - 1], first):
                    if q[k] != 0:
                        some += 1
            level = level_of(sigma[first], log_step)
            running = surprise(actual, expected)
            mixer = _set_new(model, plane, t, label, group, level, nearby, running, min(other, 3), min(some, 3), drift)
            go_on = 1
            if coder.writing:
                p = probability_of_one(model, mixer)
                go_on = _worth_coding(
                    wanted,
                    shift,
                    first,
                    last,
                    sigma,
                    log_step,
                    step,
                    lagrange,
                    nearby,
                    1 if plane > 0 else 0,
                    _bits(costs, p, 1) - _bits(costs, p, 0),
                    costs,
                )
            if code_bit(coder, model, mixer, go_on) == 0:
                for k in range(first, last):
                    expected += scales.expected[level_of(sigma[k], log_step)]
                continue
        for k in range(first, last):
            level = level_of(sigma[k], log_step)
            running = surprise(actual, expected)
            place = k if k < 32 else min(32 + ((k - 32) >> 3), 63)
            there = (shift[k] << 8) // step
            if q[k] == 0:
                around = 0
                for j in range(max(k - 2, 0), min(k + 3, n)):
                    if q[j] != 0:
                        around += 1
                beside = min(int(near[(order[k] >> 4) + 2, (order[k] & 15) + 2]), 3) if t >= 2 else min(other, 3)
                q[k] = _grow(
                    coder,
                    model,
                    lagrange,
                    costs,
                    plane,
                    t,
                    label,
                    place,
                    level,
                    nearby,
                    running,
                    min(around, 3),
                    beside,
                    min(abs(below[k]), 3) if plane > 0 else 0,
                    there,
                    wanted[k],
                )
                if q[k] != 0 and t >= 2:
                    _mark_neighbours(near, order[k])
            else:
                q[k] = _divide(
                    coder,
                    model,
                    lagrange,
                    costs,
                    plane,
                    t,
                    label,
                    place,
                    level,
                    nearby,
                    running,
                    q[k],
                    there,
                    wanted[k],
                )
            actual += abs(q[k]) << 8
            expected += scales.expected[level]
    layer.actual[s, plane, cell] = actual
    layer.expected[s, plane, cell] = expected
    value = (log_eighths(actual + 96) - log_eighths(expected + 96)) >> 1
    around_block[cy + 1 : cy + 1 + cells, cx + 1 : cx + 1 + cells] = min(max(value, -24), 24)


@njit(cache=True)
def place_of_cell(cell: int, superblock: int, columns: int) -> tuple[int, int]:
    """Row and column, in cells of the picture, of a cell of a superblock."""
    row = 0
    column = 0
    for bit in range(3):
        column |= ((cell >> (2 * bit)) & 1) << bit
        row |= ((cell >> (2 * bit + 1)) & 1) << bit
    return 8 * (superblock // columns) + row, 8 * (superblock % columns) + column


@njit(cache=True)
def code_layer_row(
    coder: Coder,
    tables: tuple[Bases, Scales],
    settings: Settings,
    model: Model,
    work: Work,
    space: Space,
    scratch: Scratch,
    layer: Layer,
    source: Array,
    costs: Costs,
    row: int,
    cut: bool,
) -> bool:
    """A row of superblocks of a layer; False where the words have run out, as they may anywhere with `cut`.

    A block is whole, or as it was in the layer before.

    Args:
        source: (planes, rows, width) int16 for a coder that writes; anything else.
    """
    bases, scales = tables
    columns = layer.fine.shape[2] // 32
    planes = layer.fine.shape[0]
    for s in range(row * columns, (row + 1) * columns):
        cell = 0
        while cell < 64:
            t, label = int(layer.size[s, cell]), int(layer.label[s, cell])
            n = GROUPS[t, GROUP_COUNT[t]]
            cy, cx = place_of_cell(cell, s, columns)
            for plane in range(planes):
                _predict_again(bases, work, scratch, layer, plane, t, label, 4 * cy, 4 * cx)
                if coder.writing:
                    exact_coefficients(bases, work, space, costs, source, plane, t, label, 4 * cy, 4 * cx)
                    inverse = np.float32(1.0 / settings.steps[plane])
                    for k in range(n):
                        scratch.wanted[k] = space.coefficients[k] * inverse
                _code_plane(coder, tables, settings, model, layer, costs, scratch, s, cell, cy, cx, plane)
            if cut and coder.state[POSITION] > np.uint64(coder.words.size):
                return False
            for plane in range(planes):
                predict(bases, work, layer.coarse[plane], t, label, 4 * cy, 4 * cx, False)
                step = int(settings.steps[plane])
                sigma = scales.log_sigma[t][plane, label]
                for k in range(n):
                    level = level_of(sigma[k], settings.log_steps[plane])
                    there = (scratch.shift[plane, k] << 8) // step
                    value = place_in_cell(int(layer.q[s, plane, 16 * cell + k]), there, level)
                    work.coefficients[k] = (value * step + 128) >> 8
                reconstruct(bases, work, layer.fine[plane], t, label, 4 * cy, 4 * cx)
            cell += 1 << (2 * t)
    return True


@njit(cache=True)
def count_coarse(scales: Scales, settings: Settings, layer: Layer) -> None:
    """What the coarse picture's coefficients say of every block: `actual`, `expected` and `surprise`."""
    columns = layer.fine.shape[2] // 32
    for s in range(layer.size.shape[0]):
        cell = 0
        while cell < 64:
            t, label = int(layer.size[s, cell]), int(layer.label[s, cell])
            cells = 1 << t
            cy, cx = place_of_cell(cell, s, columns)
            for plane in range(layer.fine.shape[0]):
                actual = 0
                expected = 0
                sigma = scales.log_sigma[t][plane, label]
                for k in range(GROUPS[t, GROUP_COUNT[t]]):
                    actual += abs(layer.q[s, plane, 16 * cell + k]) << 8
                    expected += scales.expected[level_of(sigma[k], settings.log_steps[plane])]
                value = (log_eighths(actual + 96) - log_eighths(expected + 96)) >> 1
                layer.surprise[plane, cy + 1 : cy + 1 + cells, cx + 1 : cx + 1 + cells] = min(max(value, -24), 24)
                layer.actual[s, plane, cell] = actual
                layer.expected[s, plane, cell] = expected
            cell += cells * cells


def new_model(stretch: Array, squash: Array, rate: Array) -> Model:
    """The entropy model before the first bit of the first layer: contexts that say nothing."""
    return Model(
        probability=np.full(SLOTS, 1 << 21, np.int32),
        seen=np.zeros(SLOTS, np.uint8),
        weights=np.full((MIXERS, INPUTS), FIRST_WEIGHT, np.int32),
        stretch=stretch,
        squash=squash,
        rate=rate,
        context=np.zeros(INPUTS, np.int64),
        inputs=np.zeros(INPUTS, np.int64),
    )
