"""Amplitudes from the DCT coefficients of 8×8 blocks, loaded for the lowest frequencies alone."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount, count_gates
from circuits.representation.amplitude import Amplitudes
from circuits.representation.protocol import Contents, EncodedImage
from circuits.transforms.unitaries import transform_circuit
from qimg.core import Array, integer, require
from qimg.patches import spread_bits
from qimg.states import qubits_for
from qimg.transforms import unitary

BLOCK = 64
"""Pixels of a block."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BlockCosines(Amplitudes):
    """The lowest `kept` coefficients of every block, followed by one inverse DCT on 6 qubits for all blocks."""

    def encode(self, levels: Array, *, bits: int, kept: int | None) -> Contents:
        """The coefficients of the lowest column and row frequencies: 4×4 for 16 of 64, 2 rows of 4 columns for 8."""
        power = integer("kept", kept or 0, 1, BLOCK)
        require(power & (power - 1) == 0, "kept", "must be a power of two", kept)
        both = qubits_for(power)
        columns, rows = (both + 1) // 2, both // 2
        coefficients = (levels.reshape(-1, BLOCK) @ unitary("dct_2d", BLOCK).T).reshape(-1, 8, 8)
        low = coefficients[:, : 2**rows, : 2**columns].reshape(1, -1)
        loaded = (*range(columns), *range(3, 3 + rows), *range(6, qubits_for(levels.shape[1])))
        return super().encode(low, bits=bits, kept=None)._replace(loaded=loaded)

    def state(self, encoded: EncodedImage) -> Array:
        """The inverse DCT of the loaded amplitudes."""
        state = np.zeros(2**encoded.position_qubits)
        state[spread_bits(np.arange(2 ** len(encoded.loaded)), encoded.loaded)] = encoded.table[0]
        return np.asarray(state.reshape(-1, BLOCK) @ unitary("dct_2d", BLOCK)).ravel()

    def circuit(self, encoded: EncodedImage) -> QuantumCircuit:
        """The preparation, then the inverse DCT."""
        return super().circuit(encoded).compose(_inverse(), range(6))

    def outcomes(self, encoded: EncodedImage, counts: Array) -> tuple[Array, Array]:
        """The counts of the pixels' basis states, and all shots as trials: the padding repeats the edges."""
        return counts, counts.sum()

    def cost(self, encoded: EncodedImage) -> GateCount:
        """Gates of both parts; a compiler may merge a few one-qubit gates between them."""
        loading, inverse = super().cost(encoded), _inverse_cost()
        return GateCount(cx=loading.cx + inverse.cx, one_qubit=loading.one_qubit + inverse.one_qubit)


@cache
def _inverse() -> QuantumCircuit:
    return transform_circuit("dct_2d", 6).inverse()


@cache
def _inverse_cost() -> GateCount:
    return count_gates(_inverse())


DCT = BlockCosines(name="dct", order="blocks", takes_kept=True, takes_black=False, lossless=False)
