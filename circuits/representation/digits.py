"""Common base of digital representations: each colour qubit holds one digit of a level as one of a few angles."""

from dataclasses import dataclass

import numpy as np

from circuits.representation.colour_angles import ColourAngles
from circuits.representation.protocol import EncodedImage
from qimg.core import Array
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class DigitAngles(ColourAngles):
    """One of a few increasing angles for each colour qubit."""

    digits: tuple[float, ...]
    """RY angles of the digits 0, 1, …, in [0, π]; their number is a power of two."""

    @property
    def _digit_bits(self) -> int:
        return len(self.digits).bit_length() - 1

    def to_angles(self, levels: Array, bits: int) -> Array:
        """The angle of each digit, lowest first."""
        whole, angles = levels[0].astype(np.int64), np.asarray(self.digits)
        return np.stack([angles[whole >> bit & len(angles) - 1] for bit in range(0, bits, self._digit_bits)])

    def to_levels(self, angles: Array, bits: int) -> Array:
        """The levels of the digits with the nearest angles."""
        return self._levels(np.abs(angles[..., None] - self.digits).argmin(axis=-1))

    def levels_between(self, encoded: EncodedImage, low: Array, high: Array) -> tuple[Array, Array]:
        """Levels of the smallest and the largest digits whose probabilities lie in the intervals.

        A digit whose interval holds none of its probabilities is undetermined; this occurs on noisy devices.
        """
        values = np.sin(np.asarray(self.digits) / 2) ** 2
        # Probabilities 0 and 1 are computed with rounding errors.
        inside = (low[..., None] <= values + 1e-12) & (values - 1e-12 <= high[..., None])
        inside |= ~inside.any(axis=-1, keepdims=True)
        return self._levels(inside.argmax(axis=-1)), self._levels(len(values) - 1 - inside[..., ::-1].argmax(axis=-1))

    def _levels(self, digits: Array) -> Array:
        """Levels (1, positions) of digits (qubits, positions), lowest first."""
        return sum(digits[k] << k * self._digit_bits for k in range(len(digits)))[None]
