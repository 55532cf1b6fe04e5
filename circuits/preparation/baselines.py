"""What other ways of preparing a state build, for comparison."""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from circuits.preparation.schmidt import append_schmidt
from circuits.preparation.states import prepare
from qimg.core import Array, integer, vectors


def qiskit_circuit(vector: ArrayLike) -> QuantumCircuit:
    """Qiskit's own `StatePreparation` of a vector (2**n,) of norm 1: 57 CX on 6 qubits."""
    amplitudes = vectors("vector", vector)
    circuit = QuantumCircuit(len(amplitudes).bit_length() - 1, name="qiskit")
    circuit.prepare_state(amplitudes)
    return circuit


def schmidt_circuit(vector: ArrayLike, *, rank: int) -> QuantumCircuit:
    """The Schmidt form of a vector (2**n,) of norm 1, n ≥ 2, truncated to a rank; the global phase is left open.

    Its Schmidt coefficients and product factors are prepared by `prepare`, its bases as Qiskit's isometries.
    """
    amplitudes = vectors("vector", vector)
    n_qubits = len(amplitudes).bit_length() - 1
    integer("rank", rank, 1, 2 ** (n_qubits // 2))
    values = np.linalg.svd(amplitudes.reshape(2 ** (n_qubits // 2), -1), compute_uv=False)
    circuit = QuantumCircuit(n_qubits, name="schmidt")
    # Between what this rank and what one less leaves out.
    infidelity = float((values[rank:] ** 2).sum() + values[rank - 1] ** 2 / 2)
    append = partial(_append, circuit)
    append_schmidt(circuit, list(range(n_qubits)), amplitudes, infidelity=infidelity, append=append)
    return circuit


def _append(circuit: QuantumCircuit, qubits: list[int], amplitudes: Array) -> None:
    circuit.compose(prepare(amplitudes), qubits, inplace=True)
