"""Pixels as amplitudes of the position register (QPIE): Σ x_p |p⟩ / ‖x‖, loaded by `prepare` or by the template."""

from dataclasses import dataclass

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount, count_gates
from circuits.preparation.states import prepare, template, template_angles
from circuits.preparation.variational import LARGEST
from circuits.representation.positions import states_of_picture
from circuits.representation.protocol import Contents, EncodedImage, Representation
from qimg.core import Array, require
from qimg.core.records import short_repr
from qimg.states import amplitude_encode, qubits_for

MAX_IMAGINARY = 1e-6
"""Largest norm of the imaginary part of a state, after its global phase, that is attributed to rounding."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Amplitudes(Representation):
    """Amplitudes of the position register, loaded by `prepare` up to 8 qubits and by `template` above."""

    def encode(self, levels: Array, *, bits: int, kept: int | None) -> Contents:
        """The vector of the levels, divided by its norm."""
        table, norms = amplitude_encode(levels)
        require(norms[0] > 0, "image", f"must not be black for {self.name}: a state has norm 1", float(norms[0]))
        return Contents(table, tuple(range(qubits_for(table.shape[1]))), norm=float(norms[0]))

    def state(self, encoded: EncodedImage) -> Array:
        """The amplitudes themselves."""
        return encoded.table[0].copy()

    def circuit(self, encoded: EncodedImage) -> QuantumCircuit:
        """The preparation of the amplitudes on the qubits `encoded.loaded`."""
        amplitudes = encoded.table[0]
        circuit = QuantumCircuit(encoded.n_qubits, name=encoded.representation)
        if len(amplitudes) <= LARGEST:
            loading = prepare(amplitudes)
        else:
            loading = template(len(encoded.loaded)).assign_parameters(template_angles(amplitudes))
        return circuit.compose(loading, encoded.loaded)

    def cost(self, encoded: EncodedImage) -> GateCount:
        """Gates of the preparation; 2ⁿ − 2 CX on more than 8 qubits."""
        amplitudes = encoded.table.shape[-1]
        if amplitudes <= LARGEST:
            return count_gates(Amplitudes.circuit(self, encoded), optimization_level=None)
        return GateCount(cx=amplitudes - 2, one_qubit=amplitudes - 1)

    def levels_of_state(self, encoded: EncodedImage, state: Array) -> Array:
        """The amplitudes, real after removal of their global phase and with a positive sum, times the norm."""
        return _real(state) * encoded.norm

    def levels_of_counts(self, encoded: EncodedImage, counts: Array) -> Array:
        """Norm · √(n_k/n); signs are not measured, but pixels are not negative. NaN without counts in the picture."""
        successes, trials = self.outcomes(encoded, counts)
        shares = np.minimum(successes / trials, 1) if trials > 0 else np.full_like(successes, np.nan)
        return self.levels_of_probability(encoded, shares)

    def outcomes(self, encoded: EncodedImage, counts: Array) -> tuple[Array, Array]:
        """The counts of the pixels' basis states, and as trials the shots in the picture, since its padding is 0."""
        return counts, counts[states_of_picture(self, encoded)].sum()

    def levels_of_probability(self, encoded: EncodedImage, probability: Array) -> Array:
        """Norm · √p."""
        return np.asarray(np.sqrt(probability) * encoded.norm)


def _real(state: Array) -> Array:
    """A state that is real up to a global phase, with this phase removed and with a positive sum."""
    phase = np.exp(-0.5j * np.angle((state * state).sum()))
    turned = state * phase
    size, rest = float(np.linalg.norm(state)), float(np.linalg.norm(turned.imag))
    rule = f"must be real up to a global phase within {MAX_IMAGINARY:g} of its norm"
    require(rest <= MAX_IMAGINARY * size, "state", rule, rest / max(size, 1e-300))
    real = turned.real
    largest = float(real[np.abs(real).argmax()])
    # A sum that vanishes up to rounding has no sign: the largest amplitude is positive then.
    positive = float(real.sum()) if abs(real.sum()) > 1e-9 * size else largest
    return np.asarray(-real if positive < 0 else real)


AMPLITUDE = Amplitudes(name="amplitude", channels=(1, 3), padding="constant", takes_black=False)
