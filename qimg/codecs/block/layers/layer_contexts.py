"""Which contexts speak on each decision of a layer: does a group of zeros grow, a zero, its sign, a third of a cell."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.model.strip import Part
from qimg.core.arguments import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.mixing import INPUTS, Model

BINS = 3
"""Steps in unary of a zero that grows which are told apart."""
_U = 7
_NEW_A = 0
_NEW_B = _NEW_A + 2 * 4 * 10 * 32 * _U
_NEW_C = _NEW_B + 2 * 10 * 16 * 12
_NEW_D = _NEW_C + 2 * 4 * 32 * 10
_NEW_E = _NEW_D + 2 * 10 * 16 * 12
_NEW_F = _NEW_E + 3 * 4 * 10 * 12 * 4
_ZERO_A = _NEW_F + 4 * 10 * 12 * _U * 4
_ZERO_B = _ZERO_A + 2 * BINS * _U * 32 * 4
_ZERO_C = _ZERO_B + 2 * BINS * 16 * 12 * 12
_ZERO_D = _ZERO_C + 2 * BINS * 4 * 32 * 64
_ZERO_E = _ZERO_D + 2 * BINS * 32 * 12 * 4
_ZERO_F = _ZERO_E + 3 * BINS * 32 * _U * 4
_SIGN_A = _ZERO_F + 3 * BINS * 4 * 64 * _U
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
_MIX_SIGN = _MIX_ZERO + 2 * BINS * 4 * 16
_MIX_HALF = _MIX_SIGN + _U
MIXERS = _MIX_HALF + 6 * _U
EDGES_OF_ZERO = np.array([48, 96, 144, 208, 320, 560])
EDGES = np.array([48, 144, 384])
"""Where κ counts as further away, in steps · 256: from 0, and from the middle of another cell."""
FIRST_WEIGHT = 20000
"""Of every context in every mixer, in units of 2⁻¹⁶."""


class Spot(NamedTuple):
    """A coefficient of a plane of a block, as its contexts see it."""

    place: int
    """In its class, 0 to 63, as from `place_in_class`."""
    level: int
    """log₂(scale / step) as from `level_of`."""
    running: int
    """Surprise of the block so far, 0 to 11."""
    around: int
    """Coefficients just before and behind it that are not zero, 0 to 3."""
    beside: int
    """Those beside it in the separable basis, or of its group in the plane before, 0 to 3."""
    other: int
    """Its magnitude in the plane before, 0 to 3."""


@inner
def set_new(model: Model, part: Part, group: int, level: int, running: int, other: int, some: int, drift: int) -> int:
    """Contexts of whether a group of zeros grows; returns the mixer."""
    c = model.context
    colour = 1 if part.plane > 0 else 0
    here = (colour * 4 + part.t) * 10 + group
    c[0] = _NEW_A + (here * 32 + (level >> 1)) * _U + drift
    c[1] = _NEW_B + ((colour * 10 + group) * 16 + (level >> 2)) * 12 + part.nearby
    c[2] = _NEW_C + ((colour * 4 + part.t) * 32 + part.label) * 10 + group
    c[3] = _NEW_D + ((colour * 10 + group) * 16 + (level >> 2)) * 12 + running
    c[4] = _NEW_E + (((part.plane * 4 + part.t) * 10 + group) * 12 + running) * 4 + other
    c[5] = _NEW_F + (((part.t * 10 + group) * 12 + part.nearby) * _U + drift) * 4 + some
    return _MIX_NEW + here


@inner
def set_zero(model: Model, part: Part, spot: Spot, order: int, drift: int) -> int:
    """Contexts of one step in unary of a zero that grows; returns the mixer."""
    c = model.context
    half = (1 if part.plane > 0 else 0) * BINS + order
    third = part.plane * BINS + order
    c[0] = _ZERO_A + ((half * _U + drift) * 32 + (spot.level >> 1)) * 4 + spot.around
    c[1] = _ZERO_B + ((half * 16 + (spot.level >> 2)) * 12 + part.nearby) * 12 + spot.running
    c[2] = _ZERO_C + ((half * 4 + part.t) * 32 + part.label) * 64 + spot.place
    c[3] = _ZERO_D + ((half * 32 + (spot.level >> 1)) * 12 + spot.running) * 4 + spot.beside
    c[4] = _ZERO_E + ((third * 32 + (spot.level >> 1)) * _U + drift) * 4 + spot.other
    c[5] = _ZERO_F + ((third * 4 + part.t) * 64 + spot.place) * _U + drift
    return _MIX_ZERO + (half * 4 + part.t) * 16 + (spot.level >> 2)


@inner
def set_sign(model: Model, part: Part, spot: Spot, drift: int) -> int:
    """Contexts of whether a sign is against that of κ; returns the mixer."""
    c = model.context
    c[0] = _SIGN_A + drift * 64 + spot.level
    c[1] = _SIGN_B + (drift * 4 + part.t) * 64 + spot.place
    c[2] = _SIGN_C + (drift * 4 + part.t) * 32 + part.label
    c[3] = _SIGN_D + drift * 12 + part.nearby
    c[4] = _SIGN_E + drift * 3 + part.plane
    c[5] = _SIGN_F + drift * 12 + spot.running
    return _MIX_SIGN + drift


@inner
def set_half(model: Model, part: Part, spot: Spot, which: int, m: int, drift: int) -> int:
    """Contexts of whether a magnitude m leaves the middle of its cell (0), and outwards (1); returns the mixer."""
    c = model.context
    here = which * 3 + min(m, 3) - 1
    c[0] = _HALF_A + (here * _U + drift) * 64 + spot.level
    c[1] = _HALF_B + (here * 12 + part.nearby) * 12 + spot.running
    c[2] = _HALF_C + (here * 4 + part.t) * 32 + part.label
    c[3] = _HALF_D + (here * 3 + part.plane) * _U + drift
    c[4] = _HALF_E + (here * 64 + spot.place) * _U + drift
    c[5] = _HALF_F + here * 32 + min(m, 31)
    return _MIX_HALF + here * _U + drift


@compiled(inline="always")
def drift_of_zero(shift: int) -> int:
    """How far κ, in steps · 256, lies from 0: 0 to 6."""
    drift = 0
    for edge in EDGES_OF_ZERO:
        if abs(shift) > edge:
            drift += 1
    return drift


@compiled(inline="always")
def drift_of(beyond: int) -> int:
    """How far κ lies outwards of the middle of a cell, in steps · 256: 0 to 6, 3 where it is near."""
    drift = 3
    for edge in EDGES:
        if beyond > edge:
            drift += 1
        if beyond < -edge:
            drift -= 1
    return drift


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
