"""Pixels as amplitudes of the positions (QPIE): Σ x_p |p⟩ / ‖x‖."""

from circuits.representation.amplitudes import Amplitudes
from qimg.core import Array


class PixelAmplitudes(Amplitudes):
    """Weights equal to the levels; padding has no weight, and colour planes are on the two highest qubits."""

    def to_weights(self, levels: Array, bits: int) -> Array:
        """The levels."""
        return levels

    def to_levels(self, weights: Array, bits: int) -> Array:
        """The weights."""
        return weights


AMPLITUDE = PixelAmplitudes(name="amplitude", channels=(1, 3), padding="constant", takes_black=False)
