"""IFRQI, with two bits of a level in the angle of each colour qubit (Khan, 2019)."""

from dataclasses import dataclass

import numpy as np

from circuits.representation.colour_angles import ColourAngles
from qimg.core import Array

_PAIRS = np.array([0.0, 0.2, 0.3, 0.5]) * 2 * np.pi
"""RY angles for two bits: 0, 2π/5, 3π/5 and π, which a few shots distinguish."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PairAngles(ColourAngles):
    """One of four angles for each colour qubit."""

    def to_angles(self, levels: Array, bits: int) -> Array:
        """The angle of each pair of bits, lowest first."""
        whole = levels[0].astype(np.int64)
        return np.stack([_PAIRS[whole >> bit & 3] for bit in range(0, bits, 2)])

    def to_levels(self, angles: Array, bits: int) -> Array:
        """The pairs with the nearest angles."""
        nearest = np.abs(angles[..., None] - _PAIRS).argmin(axis=-1)
        return sum(nearest[k] << 2 * k for k in range(bits // 2))[None]


IFRQI = PairAngles(name="ifrqi", whole=True)
