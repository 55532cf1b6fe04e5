"""Functions of density matrices whose eigenvectors are known, without steps: the baseline of other circuits."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UCRYGate

from circuits.compilation import compile_circuit
from circuits.synthesis import matrix_circuit
from qimg.core import Array, require, square
from qimg.states import pad_matrix_to_register


def eigenbasis_circuit(rho: ArrayLike, function: Callable[[Array], Array]) -> QuantumCircuit:
    """The circuit that multiplies a register by f(ρ) where its ancilla, the highest qubit, ends as 0.

    The inverse basis, one rotation of the ancilla for each eigenvector, and the basis: exact for any real f with values
    in [−1, 1]. It takes the eigenvectors and two dense unitaries, of O(4ⁿ) CX each for n qubits of the register.

    Args:
        rho: (d, d) real, symmetric and positive; padded with zeros to a register.
        function: f, of the eigenvalues (2**n,).
    """
    values, basis = np.linalg.eigh(pad_matrix_to_register(square("rho", rho).real))
    gains = np.asarray(function(np.maximum(values, 0.0)))
    largest = float(np.abs(gains).max())
    require(largest <= 1 + 1e-12, "function", "must have values in [-1, 1]: divide by the largest", largest)
    to_basis = matrix_circuit(basis.T)
    n = to_basis.num_qubits
    circuit = QuantumCircuit(n + 1, name="eigenbasis")
    circuit.compose(to_basis, range(n), inplace=True)
    circuit.append(UCRYGate((2 * np.arccos(np.clip(gains, -1, 1))).tolist()), [n, *range(n)])
    circuit.compose(to_basis.inverse(), range(n), inplace=True)
    return compile_circuit(circuit)
