"""FRQI: the level as the angle of one colour qubit (Le et al., 2011)."""

import numpy as np

from circuits.representation.colour_angles import ColourAngles
from qimg.core import Array


class SingleAngle(ColourAngles):
    """An angle proportional to the level, π for the largest level."""

    def to_angles(self, levels: Array, bits: int) -> Array:
        """π x / (2ᵇ − 1)."""
        return np.asarray(np.pi * levels / (2**bits - 1))

    def to_levels(self, angles: Array, bits: int) -> Array:
        """Angle · (2ᵇ − 1) / π, not rounded."""
        return np.asarray(angles * (2**bits - 1) / np.pi)


FRQI = SingleAngle(name="frqi")
