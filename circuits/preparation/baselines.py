"""Other methods of state preparation, for comparison."""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from circuits.preparation.schmidt import append_schmidt
from circuits.preparation.states import prepare
from qimg.core import Array, integer, vectors


def qiskit_circuit(vector: ArrayLike) -> QuantumCircuit:
    """Qiskit's `StatePreparation` of a vector (2**n,) of norm 1: 57 CX on 6 qubits."""
    amplitudes = vectors("vector", vector)
    circuit = QuantumCircuit(len(amplitudes).bit_length() - 1, name="qiskit")
    circuit.prepare_state(amplitudes)
    return circuit


def schmidt_circuit(vector: ArrayLike, *, rank: int) -> QuantumCircuit:
    """Preparation of a vector (2**n,) of norm 1, n ≥ 2, by its Schmidt form of a given rank, up to a global phase.

    Schmidt coefficients and product factors are prepared by `prepare`, the bases by Qiskit's isometries.
    """
    amplitudes = vectors("vector", vector)
    n_qubits = len(amplitudes).bit_length() - 1
    integer("rank", rank, 1, 2 ** (n_qubits // 2))
    values = np.linalg.svd(amplitudes.reshape(2 ** (n_qubits // 2), -1), compute_uv=False)
    circuit = QuantumCircuit(n_qubits, name="schmidt")
    # Between the discarded weights of this rank and of the next smaller one.
    infidelity = float((values[rank:] ** 2).sum() + values[rank - 1] ** 2 / 2)
    append = partial(_append, circuit)
    append_schmidt(circuit, list(range(n_qubits)), amplitudes, infidelity=infidelity, append=append)
    return circuit


def _append(circuit: QuantumCircuit, qubits: list[int], amplitudes: Array) -> None:
    circuit.compose(prepare(amplitudes), qubits, inplace=True)
