"""Amplitudes of a few coefficients of a transform, followed by its inverse on all blocks of the picture at once."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cache

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount, count_gates
from circuits.representation.amplitudes import Amplitudes
from circuits.representation.protocol import EncodedImage, LoadedContents
from circuits.transforms.unitaries import transform_circuit
from qimg.core import Array, integer, require
from qimg.patches import spread_bits
from qimg.states import qubits_for
from qimg.transforms import unitary


@dataclass(frozen=True, eq=False, kw_only=True)
class TransformedAmplitudes(Amplitudes):
    """The `kept` coefficients of every block of 2**block_qubits pixels, followed by one inverse transform of all.

    A subclass defines the coefficients that are loaded. The pixels of a block are those of the lowest qubits, in the
    `order` of the representation.
    """

    transform: str
    """A name in `qimg.transforms` of a real transform."""
    block_qubits: int

    @property
    def largest_kept(self) -> int:
        """The pixels of a block."""
        return int(2**self.block_qubits)

    @abstractmethod
    def coefficient_bits(self, count: int) -> tuple[int, ...]:
        """The bits of a coefficient's index that are loaded; 2**count coefficients, whose other bits are 0."""

    def to_weights(self, levels: Array, bits: int) -> Array:
        """The levels."""
        return levels

    def to_levels(self, weights: Array, bits: int) -> Array:
        """The weights."""
        return weights

    def encode(self, levels: Array, *, bits: int, kept: int | None) -> LoadedContents:
        """The coefficients of the blocks, divided by their norm."""
        block = self.largest_kept
        power = integer("kept", kept or 0, 1, block)
        require(power & (power - 1) == 0, "kept", "must be a power of two", kept)
        places = self.coefficient_bits(qubits_for(power))
        coefficients = self.to_weights(levels, bits).reshape(-1, block) @ unitary(self.transform, block).T
        low = coefficients[:, spread_bits(np.arange(power), places)].reshape(1, -1)
        return self.loading(low, (*places, *range(self.block_qubits, qubits_for(levels.shape[1]))))

    def state(self, encoded: EncodedImage) -> Array:
        """The inverse transform of the loaded amplitudes."""
        state, block = np.zeros(2**encoded.position_qubits), self.largest_kept
        state[spread_bits(np.arange(2 ** len(encoded.loaded)), encoded.loaded)] = encoded.table[0]
        return np.asarray(state.reshape(-1, block) @ unitary(self.transform, block)).ravel()

    def circuit(self, encoded: EncodedImage) -> QuantumCircuit:
        """The preparation, then the inverse transform."""
        return super().circuit(encoded).compose(_inverse(self.transform, self.block_qubits), range(self.block_qubits))

    def outcomes(self, encoded: EncodedImage, counts: Array) -> tuple[Array, Array]:
        """The counts of the pixels' basis states, and all shots as trials: the padding repeats the edges."""
        return counts, counts.sum()

    def cost(self, encoded: EncodedImage) -> GateCount:
        """Gates of both parts; a compiler may merge a few one-qubit gates between them."""
        loading, inverse = super().cost(encoded), _inverse_cost(self.transform, self.block_qubits)
        return GateCount(cx=loading.cx + inverse.cx, one_qubit=loading.one_qubit + inverse.one_qubit)


@cache
def _inverse(transform: str, qubits: int) -> QuantumCircuit:
    return transform_circuit(transform, qubits).inverse()


@cache
def _inverse_cost(transform: str, qubits: int) -> GateCount:
    return count_gates(_inverse(transform, qubits))
