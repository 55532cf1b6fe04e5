"""FRQCI, with R, G and B in the angle of one colour qubit, as in GEQIE."""

from dataclasses import dataclass

import numpy as np

from circuits.representation.colour_angles import ColourAngles
from circuits.representation.protocol import EncodedImage
from qimg.core import Array, require

_LARGEST = 2**24 - 1
"""The joint integer of white."""


@dataclass(frozen=True, eq=False, kw_only=True)
class JointAngle(ColourAngles):
    """An angle proportional to the 24-bit integer of the three levels."""

    def to_angles(self, levels: Array, bits: int) -> Array:
        """π (2¹⁶R + 2⁸G + B) / (2²⁴ − 1)."""
        rule = f"must be uint8 for {self.name}: 48 bits do not fit into one angle"
        require(bits == 8, "image", rule, f"uint{bits}")
        joint = (levels[0] * 2**8 + levels[1]) * 2**8 + levels[2]
        return np.asarray(np.pi * joint / _LARGEST)[None]

    def to_levels(self, angles: Array, bits: int) -> Array:
        """The bytes of the nearest integer."""
        return _bytes(np.rint(angles[0] * _LARGEST / np.pi))

    def levels_between(self, encoded: EncodedImage, low: Array, high: Array) -> tuple[Array, Array]:
        """The bytes of both ends; all values for a byte below one that differs between the ends."""
        ends = [2 / np.pi * np.arcsin(np.sqrt(end[0])) * _LARGEST for end in (low, high)]
        # Ends within a millionth of an integer are attributed to rounding.
        least, most = _bytes(np.ceil(ends[0] - 1e-6)), _bytes(np.floor(ends[1] + 1e-6))
        above = np.cumsum(least != most, axis=0) - (least != most) > 0
        return np.where(above, 0, least), np.where(above, 255, most)


def _bytes(joint: Array) -> Array:
    """The three bytes of integers, highest first, clipped to 24 bits."""
    whole = np.clip(joint, 0, _LARGEST).astype(np.int64)
    return np.stack([whole >> 16, (whole >> 8) & 255, whole & 255])


FRQCI = JointAngle(name="frqci", channels=(3,), joint_planes=True, whole=True)
