"""FRQCI: R, G and B in the angle of one colour qubit, as in GEQIE."""

import numpy as np

from circuits.representation.colour_angles import ColourAngles
from circuits.representation.protocol import EncodedImage
from qimg.core import Array, require

_WHITE = 2**24 - 1  # the joint integer of white


class JointAngle(ColourAngles):
    """An angle proportional to the 24-bit integer of the three levels."""

    def to_angles(self, levels: Array, bits: int) -> Array:
        """π (2¹⁶R + 2⁸G + B) / (2²⁴ − 1)."""
        require(bits == 8, "image", f"must be uint8 for {self.name}: 48 bits do not fit into one angle", f"uint{bits}")
        return np.asarray(np.pi * ((levels[0] * 2**8 + levels[1]) * 2**8 + levels[2]) / _WHITE)[None]

    def to_levels(self, angles: Array, bits: int) -> Array:
        """The bytes of the nearest integer, highest first."""
        whole = np.clip(np.rint(angles[0] * _WHITE / np.pi), 0, _WHITE).astype(np.int64)
        return np.stack([whole >> 16, (whole >> 8) & 255, whole & 255])

    def levels_between(self, encoded: EncodedImage, low: Array, high: Array) -> tuple[Array, Array]:
        """The bytes of both ends; all values for a byte below one that differs between the ends."""
        ends = [2 / np.pi * np.arcsin(np.sqrt(end)) * _WHITE for end in (low, high)]
        # Ends within a millionth of an integer are attributed to rounding.
        wholes = np.ceil(ends[0] - 1e-6), np.floor(ends[1] + 1e-6)
        least, most = (self.to_levels(whole * np.pi / _WHITE, 8) for whole in wholes)
        above = np.cumsum(least != most, axis=0) - (least != most) > 0
        return np.where(above, 0, least), np.where(above, 255, most)


FRQCI = JointAngle(name="frqci", channels=(3,), joint_planes=True, whole=True)
