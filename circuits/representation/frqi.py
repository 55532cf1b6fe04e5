"""FRQI (Le et al., 2011), with the level as the angle of one colour qubit, and MCRQI for colour (Sun et al., 2013)."""

from dataclasses import dataclass

import numpy as np

from circuits.representation.colour_angles import ColourAngles
from circuits.representation.protocol import EncodedImage
from qimg.core import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class SingleAngle(ColourAngles):
    """An angle proportional to the level, π for the largest level."""

    def to_angles(self, levels: Array, bits: int) -> Array:
        """π x / (2ᵇ − 1)."""
        return np.asarray(np.pi * levels / (2**bits - 1))

    def to_levels(self, angles: Array, bits: int) -> Array:
        """Angle · (2ᵇ − 1) / π, not rounded."""
        return np.asarray(angles * (2**bits - 1) / np.pi)

    def levels_of_probability(self, encoded: EncodedImage, probability: Array) -> Array:
        """(2ᵇ − 1) · 2/π · asin √p."""
        return self.to_levels(2 * np.arcsin(np.sqrt(probability)), encoded.bits)


FRQI = SingleAngle(name="frqi")
MCRQI = SingleAngle(name="mcrqi", channels=(3, 4))
