"""Preparation by the Schmidt form, for registers that are too large for a fit."""

from collections.abc import Callable

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.synthesis import append_matrix
from qimg.core import Array


def append_schmidt(
    circuit: QuantumCircuit,
    qubits: list[int],
    amplitudes: Array,
    *,
    infidelity: float,
    append: Callable[[list[int], Array], None],
) -> None:
    """Append the preparation of a state by its Schmidt form between two halves of the register, up to a global phase.

    ψ = Σ_i s_i |u_i⟩|v_i⟩ is truncated to the lowest Schmidt rank that reaches the infidelity, s is prepared on one
    half, copied by CX to the other, and the two bases are applied as isometries (Plesch and Brukner, 2011; low rank:
    Araujo et al., 2023).

    Args:
        circuit: circuit that is extended.
        qubits: qubits of the state, little-endian, at least 2.
        amplitudes: (2**len(qubits),) of norm 1.
        infidelity: largest discarded weight.
        append: prepares a smaller state exactly on some qubits: s, or the two factors of a product.
    """
    half = (len(qubits) + 1) // 2
    low, high = qubits[:half], qubits[half:]
    left, values, right = np.linalg.svd(amplitudes.reshape(2 ** len(high), 2 ** len(low)))
    tail = np.append(np.cumsum(values[::-1] ** 2)[::-1], 0.0)
    rank = max(1, int(np.argmax(tail <= infidelity)))
    if rank == 1:
        append(low, right[0])
        append(high, left[:, 0])
        return
    bits = (rank - 1).bit_length()
    schmidt = np.zeros(2**bits)
    schmidt[:rank] = values[:rank] / np.linalg.norm(values[:rank])
    append(low[:bits], schmidt)
    for source, copy in zip(low[:bits], high[:bits], strict=True):
        circuit.cx(source, copy)
    append_matrix(circuit, right.T[:, : 2**bits], low)
    append_matrix(circuit, left[:, : 2**bits], high)
