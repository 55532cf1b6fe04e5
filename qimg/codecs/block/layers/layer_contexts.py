"""Context selection for each syntax element of a layer: new coefficients, their signs, and thirds of a bin."""

from itertools import accumulate
from typing import NamedTuple

import numpy as np

from qimg.codecs.block.model.strip import Part
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.mixing import INPUTS, Model, set_contexts

BINS = 3
"""Unary positions of a new coefficient that have separate contexts."""
_U = 7
_SIZES_OF_SLOTS = (
    *(2 * 4 * 10 * 32 * _U, 2 * 10 * 16 * 12, 2 * 4 * 32 * 10, 2 * 10 * 16 * 12, 3 * 4 * 10 * 12 * 4),  # new
    4 * 10 * 12 * _U * 4,
    *(2 * BINS * _U * 32 * 4, 2 * BINS * 16 * 12 * 12, 2 * BINS * 4 * 32 * 64, 2 * BINS * 32 * 12 * 4),  # zero
    *(3 * BINS * 32 * _U * 4, 3 * BINS * 4 * 64 * _U),
    *(_U * 64, _U * 4 * 64, _U * 4 * 32, _U * 12, _U * 3, _U * 12),  # sign
    *(6 * _U * 64, 6 * 12 * 12, 6 * 4 * 32, 6 * 3 * _U, 6 * 64 * _U, 6 * 32),  # half
)
(
    _NEW_A,
    _NEW_B,
    _NEW_C,
    _NEW_D,
    _NEW_E,
    _NEW_F,
    _ZERO_A,
    _ZERO_B,
    _ZERO_C,
    _ZERO_D,
    _ZERO_E,
    _ZERO_F,
    _SIGN_A,
    _SIGN_B,
    _SIGN_C,
    _SIGN_D,
    _SIGN_E,
    _SIGN_F,
    _HALF_A,
    _HALF_B,
    _HALF_C,
    _HALF_D,
    _HALF_E,
    _HALF_F,
    SLOTS,
) = accumulate(_SIZES_OF_SLOTS, initial=0)
_MIX_NEW, _MIX_ZERO, _MIX_SIGN, _MIX_HALF, MIXERS = accumulate((2 * 4 * 10, 2 * BINS * 4 * 16, _U, 6 * _U), initial=0)
EDGES_OF_ZERO = np.array([48, 96, 144, 208, 320, 560])
EDGES = np.array([48, 144, 384])
"""Thresholds of |κ| in steps · 256: for zeros, and from the middle of another bin."""
FIRST_WEIGHT = 20000
"""Initial weight of every context in every mixer, in units of 2⁻¹⁶."""


class Spot(NamedTuple):
    """Properties of a coefficient that its contexts use."""

    place: int
    """Position class, 0 to 63, as from `place_in_class`."""
    level: int
    """log₂(scale / step) as from `level_of`."""
    running: int
    """Activity of the block so far, 0 to 11."""
    around: int
    """Nonzero coefficients just before and after it, 0 to 3."""
    beside: int
    """Nonzero coefficients beside it in the separable basis, or of its group in the previous plane, 0 to 3."""
    other: int
    """Its magnitude in the previous plane, 0 to 3."""


@inner
def set_new(model: Model, part: Part, group: int, level: int, running: int, other: int, some: int, bias: int) -> int:
    """Set the contexts of the flag that a group of zeros is coded; returns the mixer."""
    colour = 1 if part.plane > 0 else 0
    here = (colour * 4 + part.t) * 10 + group
    set_contexts(
        model,
        _NEW_A + (here * 32 + (level >> 1)) * _U + bias,
        _NEW_B + ((colour * 10 + group) * 16 + (level >> 2)) * 12 + part.nearby,
        _NEW_C + ((colour * 4 + part.t) * 32 + part.label) * 10 + group,
        _NEW_D + ((colour * 10 + group) * 16 + (level >> 2)) * 12 + running,
        _NEW_E + (((part.plane * 4 + part.t) * 10 + group) * 12 + running) * 4 + other,
        _NEW_F + (((part.t * 10 + group) * 12 + part.nearby) * _U + bias) * 4 + some,
    )
    return _MIX_NEW + here


@inner
def set_zero(model: Model, part: Part, spot: Spot, order: int, bias: int) -> int:
    """Set the contexts of one bit of the unary magnitude of a former zero; returns the mixer."""
    by_colour = (1 if part.plane > 0 else 0) * BINS + order
    by_plane = part.plane * BINS + order
    set_contexts(
        model,
        _ZERO_A + ((by_colour * _U + bias) * 32 + (spot.level >> 1)) * 4 + spot.around,
        _ZERO_B + ((by_colour * 16 + (spot.level >> 2)) * 12 + part.nearby) * 12 + spot.running,
        _ZERO_C + ((by_colour * 4 + part.t) * 32 + part.label) * 64 + spot.place,
        _ZERO_D + ((by_colour * 32 + (spot.level >> 1)) * 12 + spot.running) * 4 + spot.beside,
        _ZERO_E + ((by_plane * 32 + (spot.level >> 1)) * _U + bias) * 4 + spot.other,
        _ZERO_F + ((by_plane * 4 + part.t) * 64 + spot.place) * _U + bias,
    )
    return _MIX_ZERO + (by_colour * 4 + part.t) * 16 + (spot.level >> 2)


@inner
def set_sign(model: Model, part: Part, spot: Spot, bias: int) -> int:
    """Set the contexts of the flag that a sign differs from that of κ; returns the mixer."""
    set_contexts(
        model,
        _SIGN_A + bias * 64 + spot.level,
        _SIGN_B + (bias * 4 + part.t) * 64 + spot.place,
        _SIGN_C + (bias * 4 + part.t) * 32 + part.label,
        _SIGN_D + bias * 12 + part.nearby,
        _SIGN_E + bias * 3 + part.plane,
        _SIGN_F + bias * 12 + spot.running,
    )
    return _MIX_SIGN + bias


@inner
def set_half(model: Model, part: Part, spot: Spot, which: int, m: int, bias: int) -> int:
    """Set the contexts of the refinement of a magnitude m; returns the mixer.

    The flag is that the magnitude leaves the middle of its bin (`which` 0), or that it does so outwards (`which` 1).
    """
    here = which * 3 + min(m, 3) - 1
    set_contexts(
        model,
        _HALF_A + (here * _U + bias) * 64 + spot.level,
        _HALF_B + (here * 12 + part.nearby) * 12 + spot.running,
        _HALF_C + (here * 4 + part.t) * 32 + part.label,
        _HALF_D + (here * 3 + part.plane) * _U + bias,
        _HALF_E + (here * 64 + spot.place) * _U + bias,
        _HALF_F + here * 32 + min(m, 31),
    )
    return _MIX_HALF + here * _U + bias


@compiled(inline="always")
def bias_of_zero(shift: int) -> int:
    """Distance class of κ, in steps · 256, from 0: 0 to 6."""
    bias = 0
    for edge in EDGES_OF_ZERO:
        if abs(shift) > edge:
            bias += 1
    return bias


@compiled(inline="always")
def bias_of(beyond: int) -> int:
    """Distance class of κ outwards from the middle of a bin, in steps · 256: 0 to 6; 3 means near."""
    bias = 3
    for edge in EDGES:
        if beyond > edge:
            bias += 1
        if beyond < -edge:
            bias -= 1
    return bias


def new_model(stretch: Array, squash: Array, rate: Array) -> Model:
    """The entropy model before the first bit of the first layer: every context has probability ½."""
    return Model(
        probability=np.full(SLOTS, 1 << 21, np.int32),
        counts=np.zeros(SLOTS, np.uint8),
        weights=np.full((MIXERS, INPUTS), FIRST_WEIGHT, np.int32),
        stretch=stretch,
        squash=squash,
        rate=rate,
        context=np.zeros(INPUTS, np.int64),
        inputs=np.zeros(INPUTS, np.int64),
    )
