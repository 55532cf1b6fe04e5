"""Common base of representations with pixels as amplitudes: Σ w_p |p⟩ / ‖w‖, loaded by `prepare` or by the template."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount, count_gates
from circuits.preparation.states import prepare, template, template_angles
from circuits.preparation.variational import LARGEST
from circuits.representation.positions import states_of_picture
from circuits.representation.protocol import EncodedImage, LoadedContents, Representation
from qimg.core import Array, require, require_shape
from qimg.core.records import short_repr
from qimg.states import amplitude_encode, qubits_for

MAX_IMAGINARY = 1e-6
"""Largest norm of the imaginary part of a state, after its global phase, that is attributed to rounding."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Amplitudes(Representation):
    """Levels as amplitudes of the positions, loaded by `prepare` up to 8 qubits and by `template` above.

    A subclass defines the map from levels to weights and its inverse; amplitudes are the weights divided by their norm.
    """

    @abstractmethod
    def to_weights(self, levels: Array, bits: int) -> Array:
        """Weights, not negative and increasing, of levels (1, …) with this number of bits."""

    @abstractmethod
    def to_levels(self, weights: Array, bits: int) -> Array:
        """Levels of weights, not rounded; a state may have negative ones too."""

    def encode(self, levels: Array, *, bits: int, kept: int | None) -> LoadedContents:
        """The vector of the weights, divided by its norm."""
        weights = np.asarray(self.to_weights(levels, bits))
        require_shape(weights.shape == levels.shape, "to_weights", f"{levels.shape} for {self.name}", weights)
        least = float(weights.min(initial=0))
        require(least >= 0, "to_weights", f"must not be negative for {self.name}", least)
        return self.loading(weights, tuple(range(qubits_for(levels.shape[1]))))

    def loading(self, weights: Array, qubits: tuple[int, ...]) -> LoadedContents:
        """The amplitudes of weights (1, 2**len(qubits)) to load on these qubits."""
        table, norms = amplitude_encode(weights)
        require(norms[0] > 0, "image", f"must not be black for {self.name}: a state has norm 1", float(norms[0]))
        return LoadedContents(table, qubits, norm=float(norms[0]))

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
        """Levels of the amplitudes times the norm, real after removal of their global phase and with a positive sum."""
        return self.to_levels(_real(state) * encoded.norm, encoded.bits)

    def levels_of_counts(self, encoded: EncodedImage, counts: Array) -> Array:
        """Levels of norm · √(n_k/n); signs are not measured, but weights are not negative. NaN without counts."""
        successes, trials = self.outcomes(encoded, counts)
        shares = np.minimum(successes / trials, 1) if trials > 0 else np.full_like(successes, np.nan)
        return self.levels_of_probability(encoded, shares)

    def outcomes(self, encoded: EncodedImage, counts: Array) -> tuple[Array, Array]:
        """The counts of the pixels' basis states, and as trials the shots in the picture; its padding must be 0."""
        return counts, counts[states_of_picture(self, encoded)].sum()

    def levels_of_probability(self, encoded: EncodedImage, probability: Array) -> Array:
        """Levels of norm · √p."""
        return self.to_levels(np.asarray(np.sqrt(probability) * encoded.norm), encoded.bits)


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
