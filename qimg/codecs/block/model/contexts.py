"""Context selection for each syntax element: split, class, end of the coefficients, magnitude, sign."""

from itertools import accumulate

import numpy as np

from qimg.codecs.block.model.hidden_signs import code_signs
from qimg.codecs.block.model.strip import Expected, Part, Scales
from qimg.codecs.block.transform.blocks import Work
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.mixing import Coder, Model, at_most, code_bit, code_bypass, probability_of_one, set_contexts

GROUPS = np.array(
    [
        [0, 1, 2, 4, 8, 16, 16, 16, 16, 16],
        [0, 1, 2, 4, 8, 16, 32, 64, 64, 64],
        [0, 1, 2, 4, 8, 16, 32, 64, 128, 256],
        [0, 1, 2, 4, 8, 16, 32, 64, 128, 256],
    ]
)
"""First coefficient of each group by size index; a flag before each group signals that nonzero coefficients follow."""
GROUP_COUNT = np.array([5, 7, 9, 9])
CLASSES = 32
UNARY = 16
"""Magnitudes up to this are coded in unary, larger ones by an Elias-gamma code of the excess."""

_BINS = 5
_SIZES_OF_SLOTS = (
    3 * 64 * 4,  # split
    4 * 32 * 3 * 72,  # class
    *(2 * 4 * 10 * 32 * 4, 2 * 4 * 10 * 16 * 12, 2 * 4 * 32 * 10),  # end
    *(2 * 10 * 16 * 12 * 4, 3 * 4 * 10 * 12 * 4, 4 * 10 * 64),
    *(2 * _BINS * 40 * 8 * 2, 2 * _BINS * 20 * 12 * 12, 2 * _BINS * 4 * 32 * 64),  # magnitude
    *(2 * _BINS * 40 * 12 * 3, 3 * _BINS * 40 * 12 * 4, 3 * _BINS * 4 * 64 * 12),
    32 * 2,  # escape
)
_SPLIT, _CLASS, _END_A, _END_B, _END_C, _END_D, _END_E, _END_F, _M_A, _M_B, _M_C, _M_D, _M_E, _M_F, _ESCAPE, SLOTS = (
    accumulate(_SIZES_OF_SLOTS, initial=0)
)
_SIZES_OF_MIXERS = (4, 4 * 6, 2 * 4 * 10, 2 * 4 * _BINS * 20, 2)
_MIX_SPLIT, _MIX_CLASS, _MIX_END, _MIX_MAGNITUDE, _MIX_OTHER, MIXERS = accumulate(_SIZES_OF_MIXERS, initial=0)


@inner(forceinline=True)
def log_eighths(value: int) -> int:
    """About 8 log₂(value) of a positive integer; piecewise linear between powers of two."""
    bits = 0
    rest = value
    while rest >= 16:
        rest >>= 1
        bits += 1
    # rest is in 1..15 for small values, otherwise in 8..15
    while rest < 8:
        rest <<= 1
        bits -= 1
    return 8 * (bits + 3) + rest - 8


@compiled(inline="always")
def activity(actual: int, expected: int) -> int:
    """Logarithm of actual over expected magnitudes, in half octaves from 0 to 11; 6 means equal."""
    r = log_eighths(actual + 96) - log_eighths(expected + 96)
    return min(max((r + 2 + 6 * 4) >> 2, 0), 11)


@compiled(inline="always")
def block_activity(actual: int, expected: int) -> int:
    """Logarithm of actual over expected magnitudes of a block, in quarter octaves from −24 to 24; 0 means equal."""
    return min(max((log_eighths(actual + 96) - log_eighths(expected + 96)) >> 1, -24), 24)


@compiled(inline="always")
def level_of(log_sigma: int, log_step: int) -> int:
    """log₂(scale / step) in eighths, from 0 to 63; 40 means equal."""
    return min(max(log_sigma - log_step + 40, 0), 63)


@inner(forceinline=True)
def magnitudes(scales: Scales, part: Part, log_step: int, q: Array) -> tuple[int, int]:
    """Actual and expected sum of magnitudes of one plane of a block, in units of 1/256."""
    sigma = scales.log_sigma[part.t][part.plane, part.label]
    actual = 0
    expected = 0
    for k in range(len(q)):
        actual += abs(int(q[k])) << 8
        expected += scales.expected[level_of(sigma[k], log_step)]
    return actual, expected


@compiled(inline="always")
def place_in_class(k: int) -> int:
    """Position class of a coefficient, 0 to 63: exact below 32, coarser above."""
    return k if k < 32 else min(32 + ((k - 32) >> 3), 63)


@inner(forceinline=True)
def mark_near(near: Array, place: int) -> None:
    """Increment the counts within two steps of a coefficient at index 16 u + v; `near` has a margin of two."""
    u = place >> 4
    v = place & 15
    for du in range(5):
        reach = 2 - abs(du - 2)
        for dv in range(2 - reach, 3 + reach):
            near[u + du, v + dv] += 1


@inner
def set_split(model: Model, t: int, left: int, above: int, step_level: int) -> int:
    """Set the contexts of the split flag of a block; returns the mixer."""
    base = _SPLIT + (t - 1) * 256
    set_contexts(
        model,
        base + left * 5 + above,
        base + 32 + min(left, 3) * 8 + step_level,
        base + 64 + min(above, 3) * 8 + step_level,
        base + 96 + step_level,
        base + 128 + left * 5 + above + 32 * (step_level // 3),
        base + 250,
    )
    return _MIX_SPLIT + t


@inner
def code_split(coder: Coder, model: Model, t: int, left: int, above: int, step_level: int, bit: int) -> int:
    """Code the split flag of a block of size index t ≥ 1."""
    return code_bit(coder, model, set_split(model, t, left, above, step_level), bit)


@inner
def set_class(model: Model, t: int, node: int, depth: int, left: int, above: int) -> int:
    """Set the contexts of a node in the tree of classes; returns the mixer."""
    base = _CLASS + (t * 32 + node) * 216
    set_contexts(
        model,
        base,
        base + 1 + left,
        base + 36 + above,
        base + 72 + (left + above if left == above else 0) // 2,
        base + 108 + (left * 7 + above * 3) % 36,
        base + 144 + min(left, above),
    )
    return _MIX_CLASS + t * 6 + depth


@inner
def code_class(coder: Coder, model: Model, t: int, depths: int, left: int, above: int, label: int) -> int:
    """Code the class of a block: one bit for each level of a binary tree over the classes.

    Args:
        depths: log₂ of the number of classes of this size.
        left: class context of the block to the left, as from `neighbour_class`.
        above: class context of the block above.
        label: the class, if `coder` writes.
    """
    node = 1
    for depth in range(depths):
        bit = code_bit(coder, model, set_class(model, t, node, depth, left, above), (label >> (depths - 1 - depth)) & 1)
        node = 2 * node + bit
    return node - (1 << depths)


@inner
def class_costs(model: Model, t: int, depths: int, left: int, above: int, cost_of: Array, costs: Array) -> None:
    """Compute the bits of every class under the model's current state.

    Args:
        cost_of: (4097,) bits by probability in units of 2⁻¹².
        costs: (≥ 2 ** (depths + 1),) float32 workspace; entry 2 ** depths + k is class k.
    """
    costs[1] = 0.0
    for depth in range(depths):
        for node in range(1 << depth, 2 << depth):
            p = probability_of_one(model, set_class(model, t, node, depth, left, above))
            costs[2 * node] = costs[node] + cost_of[(65536 - p) >> 4]
            costs[2 * node + 1] = costs[node] + cost_of[p >> 4]


@compiled(forceinline=True)
def set_end(model: Model, part: Part, group: int, level: int, running: int, other: int, step_level: int) -> int:
    """Set the contexts of the flag that nonzero coefficients follow; returns the mixer."""
    t, nearby = part.t, part.nearby
    colour = 1 if part.plane > 0 else 0
    here = (colour * 4 + t) * 10 + group
    set_contexts(
        model,
        _END_A + (here * 32 + (level >> 1)) * 4 + min(other, 3),
        _END_B + (here * 16 + (level >> 2)) * 12 + nearby,
        _END_C + ((colour * 4 + t) * 32 + part.label) * 10 + group,
        _END_D + (((colour * 10 + group) * 16 + (level >> 2)) * 12 + running) * 4 + min(other, 3),
        _END_E + (((part.plane * 4 + t) * 10 + group) * 12 + running) * 4 + min(other, 3),
        _END_F + (t * 10 + group) * 64 + step_level * 8 + (nearby >> 1),
    )
    return _MIX_END + here


@compiled(forceinline=True)
def set_magnitude(
    model: Model, part: Part, place: int, order: int, level: int, running: int, before: int, beside: int
) -> int:
    """Set the contexts of one bit of a unary magnitude; returns the mixer."""
    t, nearby = part.t, part.nearby
    by_colour = (1 if part.plane > 0 else 0) * _BINS + order
    by_plane = part.plane * _BINS + order
    set_contexts(
        model,
        _M_A + ((by_colour * 32 + (level >> 1)) * 8 + before) * 2 + (1 if t >= 2 else 0),
        _M_B + ((by_colour * 16 + (level >> 2)) * 12 + nearby) * 12 + running,
        _M_C + ((by_colour * 4 + t) * 32 + part.label) * 64 + place,
        _M_D + ((by_colour * 32 + (level >> 1)) * 12 + running) * 3 + min(before, 2),
        _M_E + ((by_plane * 32 + (level >> 1)) * 12 + running) * 4 + min(beside, 3),
        _M_F + ((by_plane * 4 + t) * 64 + place) * 12 + nearby,
    )
    return _MIX_MAGNITUDE + (by_colour * 4 + t) * 16 + (level >> 2)


@inner
def code_coefficients(
    coder: Coder, model: Model, part: Part, scale: Expected, work: Work, step_level: int, q: Array
) -> int:
    """Code the quantized coefficients of one plane of a block, in order of decreasing expected magnitude.

    Args:
        coder: writer or reader.
        model: the entropy model's state, modified.
        part: the plane of the block.
        scale: statistics of its coefficients.
        work: `before` holds the magnitudes in the previous plane.
        step_level: coarse logarithm of the luma step, 0 to 7.
        q: (n,) int32 coefficients; filled if `coder` reads.

    Returns:
        Activity of the block in quarter octaves, −24 to 24.
    """
    plane, t = part.plane, part.t
    near, other = work.near, work.before
    sigma, log_step, order = scale.sigma, scale.log_step, scale.order
    n = GROUPS[t, GROUP_COUNT[t]]
    last = -1
    if coder.writing:
        for k in range(n):
            if q[k] != 0:
                last = k
    else:
        q[:n] = 0
    actual = 0
    expected = 0
    one = 0
    two = 0
    recent = 0
    if t >= 2:
        near[:] = 0
    total_other = 0
    for k in range(n):
        if other[k] != 0:
            total_other += 1
    for group in range(GROUP_COUNT[t]):
        first = GROUPS[t, group]
        level = level_of(sigma[first], log_step)
        other_level = min((total_other + 1) // 2, 2) if plane > 0 and total_other < 3 else (2 if plane > 0 else 0)
        running = activity(actual, expected)
        more = code_bit(
            coder,
            model,
            set_end(model, part, group, level, running, other_level, step_level),
            1 if last >= first else 0,
        )
        if more == 0:
            for k in range(first, n):
                expected += scale.magnitude[level_of(sigma[k], log_step)]
            break
        for k in range(first, GROUPS[t, group + 1]):
            level = level_of(sigma[k], log_step)
            running = activity(actual, expected)
            place = place_in_class(k)
            before = min(2 * one + two, 7)
            beside = int(near[(order[k] >> 4) + 2, (order[k] & 15) + 2]) if t >= 2 else (recent + 24) >> 6
            if plane > 0:
                beside = min(other[k] + 1, 3) if other[k] > 0 else min(beside, 1)
            value = abs(q[k])
            coded = 0
            while coded < UNARY:
                order_bin = coded if coded < 3 else (3 if coded < 5 else 4)
                mixer = set_magnitude(model, part, place, order_bin, level, running, before, beside)
                if code_bit(coder, model, mixer, 1 if value > coded else 0) == 0:
                    break
                coded += 1
            if coded == UNARY:
                coded = at_most(coder, coded + code_excess(coder, model, value - UNARY), scale.largest)
            if coded > 0 and part.hidden_signs:
                q[k] = coded if q[k] >= 0 else -coded
            elif coded > 0:
                q[k] = -coded if code_bypass(coder, 1 if q[k] < 0 else 0) else coded
            actual += coded << 8
            expected += scale.magnitude[level]
            two = one
            one = min(coded, 3)
            recent -= recent >> 2
            if coded > 0:
                recent += 64
                if t >= 2:
                    mark_near(near, order[k])
    if part.hidden_signs:
        code_signs(coder, q, n)
    return block_activity(actual, expected)


@inner
def _set_single_context(model: Model, slot: int) -> int:
    set_contexts(model, slot, slot, slot, slot, slot, slot)
    return _MIX_OTHER


@compiled
def code_excess(coder: Coder, model: Model, excess: int) -> int:
    """Code the excess of a magnitude over the unary part: Elias-gamma code of excess + 1, at most 24 bits."""
    value = excess + 1
    length = 0
    if coder.writing:
        while (value >> (length + 1)) > 0:
            length += 1
    coded = 0
    while coded < 24:
        if code_bit(coder, model, _set_single_context(model, _ESCAPE + coded), 1 if length > coded else 0) == 0:
            break
        coded += 1
    out = 1
    for place in range(coded - 1, -1, -1):
        mixer = _set_single_context(model, _ESCAPE + 32 + place)
        out = 2 * out + code_bit(coder, model, mixer, (value >> place) & 1)
    return out - 1
