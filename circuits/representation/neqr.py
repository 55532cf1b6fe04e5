"""NEQR (Zhang et al., 2013) and INEQR (Jiang and Wang, 2015), with one colour qubit for each bit of a level."""

from dataclasses import dataclass

import numpy as np

from circuits.representation.colour_angles import ColourAngles
from qimg.core import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class BitAngles(ColourAngles):
    """An angle of 0 or π for each colour qubit."""

    def to_angles(self, levels: Array, bits: int) -> Array:
        """π times each bit, lowest first."""
        whole = levels[0].astype(np.int64)
        return np.stack([np.pi * (whole >> bit & 1) for bit in range(bits)])

    def to_levels(self, angles: Array, bits: int) -> Array:
        """The levels whose bits are 1 where the angle is nearer to π."""
        return sum(((angles[bit] > np.pi / 2).astype(np.int64) << bit) for bit in range(bits))[None]


NEQR = BitAngles(name="neqr", whole=True)
INEQR = BitAngles(name="ineqr", whole=True, square=False)
