"""Effects that a noisy circuit measures, for any number of input states at once."""

from dataclasses import dataclass

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.compilation import compile_circuit
from circuits.execution.backends import aer_result
from circuits.noise.models import noise_model
from qimg.core import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Effects:
    """What a noisy circuit measures: p_k(x) = x† O_k x / ‖x‖² for pixel k with all ancillas 0."""

    operators: Array
    """(d, d, d) O_k."""

    def probabilities(self, vectors: Array) -> Array:
        """(n, d) joint probabilities of pixel and success for each vector; zeros for zero vectors."""
        joint = np.einsum("ni,kij,nj->nk", vectors, self.operators, vectors, optimize=True).real
        squares = (vectors**2).sum(axis=1, keepdims=True)
        return np.asarray(np.maximum(joint, 0.0) / np.where(squares > 0, squares, 1.0))


def effects(circuit: QuantumCircuit, system: int, strength: float) -> Effects:
    """The effects of a compiled circuit under depolarizing noise of its gates, exactly, for any number of vectors.

    The projector of each result runs backwards through the adjoint circuit. Depolarizing noise is its own adjoint and
    commutes with the gate on the same qubits, so the noise of the inverse circuit is that of the circuit.

    Args:
        circuit: of `BASIS_GATES`.
        system: qubits of the pixels, the lowest ones.
        strength: error weight of a CX; a tenth of it on gates of one qubit except RZ.
    """
    d, total = 2**system, 2**circuit.num_qubits
    # Gates are inverted one by one: what a compiler merges would have less noise.
    backwards = compile_circuit(circuit.inverse(), optimization_level=0)
    runs = []
    for pixel in range(d):
        projector = np.zeros((total, total), complex)
        projector[pixel, pixel] = 1.0
        whole = QuantumCircuit(circuit.num_qubits)
        whole.set_density_matrix(projector)
        whole.compose(backwards, inplace=True)
        whole.save_density_matrix()
        runs.append(whole)
    model = noise_model("depolarizing", strength)
    result = aer_result(runs, method="density_matrix", noise_model=model)
    evolved = [np.asarray(result.data(k)["density_matrix"])[:d, :d] for k in range(d)]
    return Effects(operators=np.stack(evolved))
