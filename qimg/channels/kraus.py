"""Channels in Kraus form, the Choi matrix, and its tests of complete positivity and trace preservation.

The Choi matrix is Σ_ij |i⟩⟨j| ⊗ E(|i⟩⟨j|), as in Qiskit; its trace is the input dimension.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments

if TYPE_CHECKING:
    from qiskit.quantum_info import Kraus
    from qiskit.quantum_info.operators.channel.quantum_channel import QuantumChannel


@dataclass(frozen=True, eq=False)
class KrausChannel:
    """E(ρ) = Σ_k K_k ρ K_k†."""

    operators: Array
    """(n, d_out, d_in) Kraus operators."""

    def __post_init__(self) -> None:
        operators = arguments.numeric("operators", self.operators)
        arguments.require_shape(operators.ndim == 3 and operators.size > 0, "operators", "(n, d_out, d_in)", operators)
        object.__setattr__(self, "operators", np.array(operators))

    def __repr__(self) -> str:
        count, rows, columns = self.operators.shape
        return f"KrausChannel({count} operators, {columns} → {rows} levels)"

    @classmethod
    def from_qiskit(cls, channel: "QuantumChannel") -> "KrausChannel":
        """The channel of a Qiskit `Kraus`, `SuperOp`, `Choi`, … that is completely positive."""
        from qiskit.quantum_info import Kraus

        data = Kraus(channel).data
        if isinstance(data, tuple):
            raise ValueError("channel must be completely positive, but has different left and right Kraus operators")
        return cls(np.stack(data))

    def apply(self, rho: ArrayLike) -> Array:
        """E(ρ) for matrices (..., d_in, d_in). Cost: O(n d³)."""
        matrix = arguments.square("rho", rho)
        dimension = self.operators.shape[2]
        same = matrix.shape[-1] == dimension
        arguments.require_shape(same, "rho", f"(..., {dimension}, {dimension})", matrix)
        terms = self.operators @ matrix[..., None, :, :] @ np.swapaxes(self.operators, 1, 2).conj()
        return np.asarray(terms.sum(axis=-3))

    def choi(self) -> Array:
        """Choi matrix (d_in d_out, d_in d_out)."""
        return choi_matrix(self.operators)

    def is_cp(self) -> bool:
        """Whether the map is completely positive: always true in Kraus form."""
        return True

    def is_cptp(self, *, tolerance: float = 1e-10) -> bool:
        """Whether Σ K†K = 1, entrywise to the tolerance."""
        total = np.einsum("kji,kjl->il", self.operators.conj(), self.operators)
        return bool(np.abs(total - np.eye(len(total))).max() <= tolerance)

    def to_qiskit(self) -> "Kraus":
        """The same channel as `qiskit.quantum_info.Kraus`."""
        from qiskit.quantum_info import Kraus

        return Kraus(list(self.operators))


def choi_matrix(operators: ArrayLike) -> Array:
    """Choi matrix of Kraus operators (n, d_out, d_in): the sum of |vec K⟩⟩⟨⟨vec K| with stacked columns."""
    kraus = arguments.numeric("operators", operators)
    stacked = np.swapaxes(kraus, 1, 2).reshape(len(kraus), -1)
    return np.asarray(stacked.T @ stacked.conj())


def is_completely_positive(choi: ArrayLike, *, tolerance: float = 1e-10) -> bool:
    """Whether a Choi matrix is Hermitian and positive semidefinite, relative to its largest entry.

    Cost: one `eigvalsh` of (d_in d_out)². A Schur (entrywise) multiplier is tested at size d instead: see
    `QuantizationChannel.is_cp`.
    """
    matrix = arguments.square("choi", choi)
    arguments.require_shape(matrix.ndim == 2, "choi", "(d, d)", matrix)
    scale = max(float(np.abs(matrix).max()), 1e-300)
    if np.abs(matrix - matrix.conj().T).max() > tolerance * scale:
        return False
    return bool(np.min(np.linalg.eigvalsh(matrix)) >= -tolerance * scale)


def is_trace_preserving(choi: ArrayLike, *, input_dimension: int, tolerance: float = 1e-10) -> bool:
    """Whether the partial trace of a Choi matrix over the output is the identity on the input."""
    matrix = arguments.square("choi", choi)
    arguments.require_shape(matrix.ndim == 2, "choi", "(d, d)", matrix)
    arguments.integer("input_dimension", input_dimension, 1, len(matrix))
    output = len(matrix) // input_dimension
    arguments.dimensions("input_dimension", (input_dimension, output), len(matrix))
    reduced = np.einsum("iaja->ij", matrix.reshape(input_dimension, output, input_dimension, output))
    return bool(np.abs(reduced - np.eye(input_dimension)).max() <= tolerance)
