"""Block encodings: unitaries whose leading block is a density matrix, its root, or any contraction."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate

from circuits.compilation import GateCount, compile_circuit, count_gates
from circuits.preparation.states import prepare
from circuits.synthesis import images, matrix_circuit
from qimg.core import Array, hermitian, numeric, one_of, require, require_shape, vectors
from qimg.core.records import short_repr
from qimg.operators import CorrelationOperator
from qimg.states import pad_matrix_to_register, qubits_for

Method = Literal["purification", "dilation"]

LARGEST_DEVIATION = 1e-10
"""Largest deviation of the block of a circuit from the matrix divided by the subnormalisation (Frobenius norm)."""

LARGEST_PURIFICATION = 12
"""Qubits of the largest encoding from a purification; 16 dimensions need 12, and its CX take minutes above."""

LARGEST_DILATION = 8
"""Qubits of the largest dilation, a dense unitary of 2⁸ × 2⁸."""

LARGEST_GATES = 5
"""Qubits of the largest dilation that is written in CX and one-qubit gates."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class BlockEncoding:
    """A unitary U with A = α (⟨0| ⊗ 1) U (|0⟩ ⊗ 1): α times its block with all ancillas |0⟩ is the matrix A."""

    circuit: QuantumCircuit
    """U on `n_qubits` qubits, of which the system is the lowest and the ancillas are the others."""
    matrix: Array
    """(2**system_qubits, 2**system_qubits) matrix A, padded with zeros to the register."""
    subnormalisation: float
    """α, at least the largest singular value of A."""
    method: Method
    """"purification" (two preparations and a swap) or "dilation" (one ancilla and a dense unitary)."""
    deviation: float
    """Frobenius norm of the difference between the block and A / α, computed from the circuit."""
    power: float = 1.0
    """A = ρ^power: 0.5 where the root of a positive matrix ρ is encoded, whose functions are the even ones of A."""

    @property
    def system_qubits(self) -> int:
        """Qubits that A acts on."""
        return qubits_for(len(self.matrix))

    @property
    def n_qubits(self) -> int:
        """Qubits of the system and the ancillas."""
        return int(self.circuit.num_qubits)

    @property
    def ancilla_qubits(self) -> int:
        """Qubits that begin in |0⟩ and for which 0 is post-selected."""
        return self.n_qubits - self.system_qubits

    def in_gates(self) -> "BlockEncoding":
        """The same encoding in CX and one-qubit gates, checked again; of at most `LARGEST_GATES` qubits."""
        if "unitary" not in self.circuit.count_ops():
            return self
        rule = f"must have at most {LARGEST_GATES} qubits to be written in gates"
        require(self.n_qubits <= LARGEST_GATES, "encoding", rule, self.n_qubits)
        (dense,) = self.circuit.data
        return _checked(
            matrix_circuit(np.asarray(dense.matrix)), self.matrix, self.subnormalisation, "dilation", self.power
        )

    def cost(self) -> GateCount:
        """Gates of the circuit; of a dilation, those of `in_gates`."""
        return count_gates(self.in_gates().circuit, optimization_level=None)


def block_encoding(
    matrix: ArrayLike | CorrelationOperator,
    *,
    method: Method = "purification",
    root: bool = False,
    scale: float | None = None,
) -> BlockEncoding:
    """A block encoding of a positive matrix by its purification, or of any contraction by a unitary dilation.

    "purification": with G|0⟩ = Σ_i √λ_i |i⟩|v_i⟩ / √tr A, a purification of ρ = A / tr A, the circuit G†·SWAP·G has the
    block ρ (Low and Chuang, 2019, lemma 7), and α = tr A. It consists of CX and one-qubit gates. Ancillas: the two
    registers of the purification, 2 ⌈log₂ d⌉. The state of a picture is such a purification without any eigenvectors:
    `picture_block_encoding`.

    "dilation": the unitary [[B, √(1 − BB†)], [√(1 − B†B), −B†]] of the contraction B = A / α (Halmos, 1950) on one
    ancilla. It is one dense gate, which simulators execute as it is; `BlockEncoding.in_gates` writes it in CX.

    The block is computed from the circuit and compared with A / α.

    Args:
        matrix: (d, d), Hermitian and positive semidefinite for "purification" and `root`, otherwise with singular
            values of at most `scale`. Of a correlation operator, its second moments M = Σ x x†, so that α = tr M for
            "purification". Padded with zeros to a register.
        method: "purification" or "dilation".
        root: encode the positive root √A instead (dilation only).
        scale: α of a dilation; by default 1, or the largest singular value for a root or a correlation operator.

    Raises:
        ValueError: not a contraction; the message states the scale that works. Too many qubits, or not positive.
        RuntimeError: the block misses the matrix by more than `LARGEST_DEVIATION`.

    >>> encoding = block_encoding([[0.75, 0.25], [0.25, 0.25]])
    >>> encoding.ancilla_qubits, encoding.subnormalisation
    (2, 1.0)
    """
    one_of("method", method, ("purification", "dilation"))
    operator = isinstance(matrix, CorrelationOperator)
    values = matrix.matrix if isinstance(matrix, CorrelationOperator) else numeric("matrix", matrix)
    square = values.ndim == 2 and values.shape[0] == values.shape[1] and values.size > 0
    require_shape(square, "matrix", "(d, d)", values)
    n = max(1, qubits_for(len(values)))
    padded = pad_matrix_to_register(values, n)
    if method == "purification":
        require(not root, "root", "is encoded by a dilation: method='dilation'", root)
        require(scale is None, "scale", "has no effect on a purification and must be left out", scale)
        return _purification(padded, n)
    require(n < LARGEST_DILATION, "matrix", f"must have at most {2 ** (LARGEST_DILATION - 1)} dimensions", len(values))
    if root:
        eigenvalues, vectors_ = np.linalg.eigh(_positive(padded))
        padded = (vectors_ * np.sqrt(np.maximum(eigenvalues, 0))) @ vectors_.conj().T
    norm = float(np.linalg.norm(padded, 2))
    require(norm > 0, "matrix", "must not be zero", norm)
    alpha = (norm if root or operator else 1.0) if scale is None else float(scale)
    require(bool(0 < alpha < np.inf), "scale", "must be positive", alpha)
    rule = f"must have singular values of at most scale={alpha:g}: scale={norm:.17g} would work"
    require(norm <= alpha * (1 + 1e-12), "matrix", rule, norm)
    return _checked(_dilation(padded / alpha, n), padded, alpha, "dilation", 0.5 if root else 1.0)


def picture_block_encoding(state: ArrayLike) -> BlockEncoding:
    """The block encoding of the density matrix of the patches, from the state of their picture: G†·SWAP·G.

    G prepares |I⟩ = Σ x_{b,p} |b⟩|p⟩ (`qimg.states.picture_state`), a purification of ρ = M / tr M. Ancillas: ⌈log₂ d⌉
    of a "what" register and ⌈log₂ B⌉ of the "where" register.

    Args:
        state: (B, d) of Frobenius norm 1, padded with zeros to registers; ⌈log₂ B⌉ + 2 ⌈log₂ d⌉ is at most
            `LARGEST_PURIFICATION`.

    Raises:
        ValueError: wrong shape or norm, or too many qubits; the message states the number that works.
        RuntimeError: the block misses the matrix by more than `LARGEST_DEVIATION`.
    """
    psi = vectors("state", state)
    require_shape(psi.ndim == 2, "state", "(B, d)", psi)
    norm = float(np.linalg.norm(psi))
    require(abs(norm - 1) <= 1e-6, "state", "must have norm 1 (see qimg.picture_state)", norm)
    n, places = max(1, qubits_for(psi.shape[1])), qubits_for(psi.shape[0])
    _small_enough(n, places, "state")
    padded: Array = np.zeros((2**places, 2**n), psi.dtype)
    padded[: psi.shape[0], : psi.shape[1]] = psi / norm
    return _swapped(padded, padded.T @ padded.conj(), 1.0)


def _purification(matrix: Array, n: int) -> BlockEncoding:
    _small_enough(n, n, "matrix")
    values, basis = np.linalg.eigh(_positive(matrix))
    trace = float(values.sum())
    require(trace > 0, "matrix", "must have a positive trace", trace)
    return _swapped(np.sqrt(np.maximum(values, 0) / trace)[:, None] * basis.T, matrix, trace)


def _small_enough(n: int, places: int, name: str) -> None:
    total = 2 * n + places
    fits = f"{LARGEST_PURIFICATION} qubits, such as 16 dimensions with 16 vectors"
    more = "the dilation of the root (method='dilation', root=True) takes up to 128 dimensions"
    require(total <= LARGEST_PURIFICATION, name, f"must need at most {fits}, and {more}", f"{total} qubits")


def _positive(matrix: Array) -> Array:
    symmetric = hermitian("matrix", matrix)
    values = np.linalg.eigvalsh(symmetric)
    enough = values[0] >= -1e-9 * max(float(np.abs(values).max()), 1e-300)
    require(bool(enough), "matrix", "must be positive semidefinite", f"with the eigenvalue {values[0]:.3g}")
    return symmetric


def _swapped(state: Array, matrix: Array, alpha: float) -> BlockEncoding:
    """G†·SWAP·G on the system, the "what" register above it, and the "where" register above that."""
    places, n = (qubits_for(size) for size in state.shape)
    circuit = QuantumCircuit(2 * n + places, name="block encoding")
    loading = prepare(state.ravel())
    copy = range(n, 2 * n + places)
    circuit.compose(loading, copy, inplace=True)
    for qubit in range(n):
        circuit.swap(qubit, n + qubit)
    circuit.compose(loading.inverse(), copy, inplace=True)
    return _checked(compile_circuit(circuit), matrix, alpha, "purification", 1.0)


def _dilation(contraction: Array, n: int) -> QuantumCircuit:
    left, values, right = np.linalg.svd(contraction)
    rest = np.sqrt(np.maximum(1 - np.minimum(values, 1) ** 2, 0))
    unitary = np.block(
        [
            [contraction, (left * rest) @ left.conj().T],
            [(right.conj().T * rest) @ right, -contraction.conj().T],
        ]
    )
    circuit = QuantumCircuit(n + 1, name="block encoding")
    circuit.append(UnitaryGate(unitary, check_input=False, label="dilation"), circuit.qubits)
    return circuit


def _checked(circuit: QuantumCircuit, matrix: Array, alpha: float, method: Method, power: float) -> BlockEncoding:
    size = len(matrix)
    if "unitary" in circuit.count_ops():
        dense = np.asarray(circuit.data[0].matrix)
        block = dense[:size, :size]
        unitary = float(np.linalg.norm(dense @ dense.conj().T - np.eye(len(dense))))
    else:
        block, unitary = images(circuit, size)[:size], 0.0
    deviation = max(float(np.linalg.norm(block - matrix / alpha)), unitary)
    if not deviation <= LARGEST_DEVIATION:
        raise RuntimeError(f"the block deviates from the matrix by {deviation:.3g}, more than {LARGEST_DEVIATION:.0e}")
    return BlockEncoding(
        circuit=circuit, matrix=matrix, subnormalisation=alpha, method=method, deviation=deviation, power=power
    )
