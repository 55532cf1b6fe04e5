"""Common base of representations with colour qubits: RY angles, multiplexed over the positions."""

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount
from circuits.representation.multiplexed import (
    append_rotation,
    keep_largest,
    rotation_cost,
    walsh_angles,
    walsh_coefficients,
)
from circuits.representation.protocol import Contents, EncodedImage, Representation
from qimg.core import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class ColourAngles(Representation):
    """Levels as rotation angles of colour qubits in [0, π]; a subclass defines this map and its inverse."""

    @abstractmethod
    def to_angles(self, levels: Array, bits: int) -> Array:
        """Angles (qubits, …) of levels (planes, …) with this number of bits."""

    @abstractmethod
    def to_levels(self, angles: Array, bits: int) -> Array:
        """Levels (planes, …) of angles (qubits, …); angles with a measurement error give the nearest levels."""

    def encode(self, levels: Array, *, bits: int, kept: int | None) -> Contents:
        """Walsh coefficients of the angles."""
        table = walsh_coefficients(self.to_angles(levels, bits))
        return Contents(table, (), colour_qubits=len(table))

    def state(self, encoded: EncodedImage) -> Array:
        """A uniform superposition of the positions, with each colour qubit rotated by its angle."""
        state = np.full((1, 2**encoded.position_qubits), 2.0 ** (-encoded.position_qubits / 2))
        for half in walsh_angles(encoded.table) / 2:
            state = np.concatenate([state * np.cos(half), state * np.sin(half)])
        return state.ravel()

    def circuit(self, encoded: EncodedImage) -> QuantumCircuit:
        """RY(π/2) on the positions, and a multiplexed rotation of each colour qubit (`append_rotation`)."""
        circuit = QuantumCircuit(encoded.n_qubits, name=encoded.representation)
        controls = list(range(encoded.position_qubits))
        circuit.ry(np.pi / 2, controls)
        for number, coefficients in enumerate(encoded.table):
            append_rotation(circuit, coefficients, controls, encoded.position_qubits + number)
        return circuit

    def cost(self, encoded: EncodedImage) -> GateCount:
        """Gates of the RY on the positions and of the multiplexed rotations."""
        costs = [rotation_cost(coefficients) for coefficients in encoded.table]
        rotations = encoded.position_qubits + sum(cost.one_qubit for cost in costs)
        return GateCount(cx=sum(cost.cx for cost in costs), one_qubit=rotations)

    def compress(self, encoded: EncodedImage, share: float) -> EncodedImage:
        """The picture with only the largest Walsh coefficients."""
        return replace(encoded, table=keep_largest(encoded.table, share))

    def levels_of_state(self, encoded: EncodedImage, state: Array) -> Array:
        """Levels from the exact probabilities of the outcomes."""
        return self.levels_of_counts(encoded, np.abs(state) ** 2)

    def levels_of_counts(self, encoded: EncodedImage, counts: Array) -> Array:
        """Levels of the angles 2 atan √(n₁/n₀); NaN at positions without counts."""
        ones, trials = self.outcomes(encoded, counts)
        angles = 2 * np.arctan2(np.sqrt(ones), np.sqrt(np.maximum(trials - ones, 0)))
        return np.where(trials > 0, self.to_levels(angles, encoded.bits), np.nan)

    def outcomes(self, encoded: EncodedImage, counts: Array) -> tuple[Array, Array]:
        """Counts (qubits, positions) of 1 in each colour qubit, and the shots at each position as trials."""
        table = counts.reshape(-1, 2**encoded.position_qubits)
        outcomes = np.arange(len(table))
        ones = [table[outcomes >> qubit & 1 == 1].sum(axis=0) for qubit in range(encoded.colour_qubits)]
        return np.stack(ones), table.sum(axis=0)
