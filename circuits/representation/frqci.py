"""FRQCI, with R, G and B in the angle of one colour qubit, as in GEQIE."""

from dataclasses import dataclass

import numpy as np

from circuits.representation.colour_angles import ColourAngles
from qimg.core import Array, require


@dataclass(frozen=True, eq=False, kw_only=True)
class JointAngle(ColourAngles):
    """An angle proportional to the 24-bit integer of the three levels."""

    def to_angles(self, levels: Array, bits: int) -> Array:
        """π (2¹⁶R + 2⁸G + B) / (2²⁴ − 1)."""
        rule = f"must be uint8 for {self.name}: 48 bits do not fit into one angle"
        require(bits == 8, "image", rule, f"uint{bits}")
        joint = (levels[0] * 2**8 + levels[1]) * 2**8 + levels[2]
        return np.asarray(np.pi * joint / (2**24 - 1))[None]

    def to_levels(self, angles: Array, bits: int) -> Array:
        """The bytes of the nearest integer."""
        joint = np.clip(np.rint(angles[0] * (2**24 - 1) / np.pi), 0, 2**24 - 1).astype(np.int64)
        return np.stack([joint >> 16, (joint >> 8) & 255, joint & 255])


FRQCI = JointAngle(name="frqci", channels=(3,), joint_planes=True, whole=True)
