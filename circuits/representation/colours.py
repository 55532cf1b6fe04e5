"""Colour codes: a pixel's levels as the angles of a few colour qubits, and back."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from qimg.core.arguments import Array

_PAIRS = np.array([0.0, 0.2, 0.3, 0.5]) * 2 * np.pi
"""RY angles for two bits: 0, 2π/5, 3π/5 and π, which a few shots tell apart."""


class ColourCode(NamedTuple):
    """How the levels of a pixel become RY angles in [0, π] of colour qubits in |0⟩."""

    to_angles: Callable[[Array, int], Array]
    """From levels (planes, …) and their bits to angles (qubits, …)."""
    to_levels: Callable[[Array, int], Array]
    """The inverse; angles that are measured with an error give the nearest levels."""
    planes: int
    """Planes that are coded together: 1, or 3 for R, G, B."""
    whole: bool
    """Whether levels must be whole numbers."""
    square: bool
    """Whether its definition pads pictures to squares."""


def _rotation_angles(levels: Array, bits: int) -> Array:
    return np.asarray(np.pi * levels / (2**bits - 1))


def _rotation_levels(angles: Array, bits: int) -> Array:
    return np.asarray(angles * (2**bits - 1) / np.pi)


def _joint_angles(levels: Array, bits: int) -> Array:
    joint = (levels[0] * 2**bits + levels[1]) * 2**bits + levels[2]
    return np.asarray(np.pi * joint / (2 ** (3 * bits) - 1))[None]


def _joint_levels(angles: Array, bits: int) -> Array:
    top = 2 ** (3 * bits) - 1
    joint = np.clip(np.rint(angles[0] * top / np.pi), 0, top).astype(np.int64)
    return np.stack([joint >> 2 * bits, (joint >> bits) & (2**bits - 1), joint & (2**bits - 1)])


def _bit_angles(levels: Array, bits: int) -> Array:
    whole = levels[0].astype(np.int64)
    return np.stack([np.pi * (whole >> bit & 1) for bit in range(bits)])


def _bit_levels(angles: Array, bits: int) -> Array:
    return sum(((angles[bit] > np.pi / 2).astype(np.int64) << bit) for bit in range(bits))[None]


def _pair_angles(levels: Array, bits: int) -> Array:
    whole = levels[0].astype(np.int64)
    return np.stack([_PAIRS[whole >> bit & 3] for bit in range(0, bits, 2)])


def _pair_levels(angles: Array, bits: int) -> Array:
    nearest = np.abs(angles[..., None] - _PAIRS).argmin(axis=-1)
    return sum(nearest[k] << 2 * k for k in range(bits // 2))[None]


CODES = {
    "frqi": ColourCode(_rotation_angles, _rotation_levels, 1, False, True),
    "mcrqi": ColourCode(_rotation_angles, _rotation_levels, 1, False, True),
    "frqci": ColourCode(_joint_angles, _joint_levels, 3, True, True),
    "neqr": ColourCode(_bit_angles, _bit_levels, 1, True, True),
    "ineqr": ColourCode(_bit_angles, _bit_levels, 1, True, False),
    "ifrqi": ColourCode(_pair_angles, _pair_levels, 1, True, True),
}
"""Codes of the representations that rotate colour qubits."""
