"""The correlation operator M = Σ x x† of a set of vectors, which is additive; M / tr M is a density matrix."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import TOLERANCE, Array, arguments, integer, one_of, sentence
from qimg.images import LEVEL_SHIFT
from qimg.operators.files import OperatorFileError, read_operator, write_operator
from qimg.operators.information import eigenbasis, spectrum
from qimg.patches import iterate_patches
from qimg.states import amplitude_encode, pad_matrix_to_register

if TYPE_CHECKING:
    from qiskit.quantum_info import DensityMatrix

Weights = Literal["energy", "uniform"]

_FORM = ("qimg correlation operator", 1)
_LARGEST = 1e140  # moments whose squares can still be summed
_BATCH_BYTES = 1 << 20  # a batch of vectors is used twice and fits into the second-level cache


@dataclass(frozen=True, eq=False, kw_only=True)
class CorrelationOperator:
    """Second moments of a set of vectors, not centred, with their count and their sum.

    M = Σ x x†. The operators of two disjoint sets add to the operator of the union, exactly up to rounding, so that
    one pass over any number of pictures is enough. M / tr M weights the vectors by energy ("energy"); operators with
    "uniform" weights average unit vectors x/‖x‖ instead, without the zero vectors.
    """

    matrix: Array
    """(d, d) Hermitian positive semidefinite M, not normalised."""
    sum: Array
    """(d,) Σ x, of unit vectors with "uniform" weights."""
    count: int
    """Number of vectors, zero vectors included."""
    weights: Weights
    """Contribution of a vector: x x† ("energy") or x x† / ‖x‖² ("uniform")."""

    @classmethod
    def from_patches(cls, patches: ArrayLike, weights: Weights = "energy") -> "CorrelationOperator":
        """Second moments of the rows of an array. Exact; cost: one BLAS product, O(n d²), in constant memory.

        Args:
            patches: (n, d) real or complex, n ≥ 0. Subtract 128 from pixels first (`qimg.images.LEVEL_SHIFT`).
            weights: "energy" or "uniform".

        >>> CorrelationOperator.from_patches([[3.0, 4.0], [0.0, 1.0]]).matrix
        array([[ 9., 12.],
               [12., 17.]])
        """
        data = arguments.plain("patches", patches)
        if data.dtype.kind not in "biufc":
            raise ValueError(f"patches must be numeric, but have dtype {data.dtype}")
        arguments.require_shape(data.ndim == 2 and data.shape[1] >= 1, "patches", "(n, d)", data)
        step = max(1, _BATCH_BYTES // (8 * data.shape[1]))
        batches = (data[first : first + step] for first in range(0, len(data), step))
        return cls._accumulate(batches, data.shape[1], np.iscomplexobj(data), weights, "patches")

    @classmethod
    def from_planes(cls, planes: ArrayLike, *, size: int = 8, weights: Weights = "energy") -> "CorrelationOperator":
        """Second moments of the non-overlapping patches of planes, level-shifted by 128, in constant memory.

        The same as `from_patches(extract_patches(planes, size) - 128.0, weights)`.

        Args:
            planes: (H, W), or (H, W, C) for the joint operator of C planes (192-dimensional for 8×8 Y'CbCr), real, in
                8-bit code values: those of a 16-bit image are `qimg.images.code_values` or `to_ycbcr` of it.
            size: side of a patch in pixels.
            weights: "energy" or "uniform".
        """
        pixels = arguments.plain("planes", planes)
        real = pixels.dtype.kind in "biuf" and pixels.dtype != np.uint16
        arguments.require(real, "planes", "must be real and in 8-bit code values", pixels.dtype.name)
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        dimension = channels * integer("size", size, 1) ** 2
        batches = iterate_patches(pixels, size, batch=max(1, _BATCH_BYTES // (8 * dimension)))
        shifted = (np.subtract(batch, LEVEL_SHIFT, dtype=np.float64) for batch in batches)
        return cls._accumulate(shifted, dimension, False, weights, "planes")

    @classmethod
    def _accumulate(
        cls, batches: Iterable[Array], dimension: int, is_complex: bool, weights: Weights, name: str
    ) -> "CorrelationOperator":
        one_of("weights", weights, ("energy", "uniform"))
        dtype = np.complex128 if is_complex else np.float64
        matrix: Array = np.zeros((dimension, dimension), dtype)
        total: Array = np.zeros(dimension, dtype)
        count = 0
        for batch in batches:
            count += len(batch)
            data = np.ascontiguousarray(batch, dtype)
            if weights == "uniform":
                states, norms = amplitude_encode(arguments.numeric(name, data))
                data = states[norms > 0]
            matrix += data.T @ (data.conj() if is_complex else data)
            total += np.ones(len(data)) @ data
        # NaN and infinity in a vector appear on the diagonal, so only the diagonal is checked.
        if not np.isfinite(matrix.diagonal()).all():
            raise ValueError(f"{name} must be finite, but hold NaN, infinity or values whose squares overflow")
        return cls(matrix=matrix, sum=total, count=count, weights=weights)

    def __post_init__(self) -> None:
        one_of("weights", self.weights, ("energy", "uniform"))
        integer("count", self.count, 0)
        # Copies in double precision, so that later changes of the caller's arrays do not affect the operator.
        matrix = np.array(arguments.hermitian("matrix", self.matrix))
        arguments.require_shape(matrix.ndim == 2, "matrix", "(d, d)", matrix)
        total = np.array(arguments.numeric("sum", self.sum))
        arguments.require_shape(total.shape == matrix.shape[:1], "sum", f"({len(matrix)},)", total)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "sum", total)

    def __add__(self, other: "CorrelationOperator") -> "CorrelationOperator":
        """The operator of both sets together."""
        return self._combined(other, 1) if isinstance(other, CorrelationOperator) else NotImplemented

    def __radd__(self, other: object) -> "CorrelationOperator":
        """Support `sum`, which starts from 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: "CorrelationOperator") -> "CorrelationOperator":
        """The operator without a subset of its vectors, exact up to rounding: leave-one-out in one subtraction."""
        if not isinstance(other, CorrelationOperator):
            return NotImplemented
        part = other.count <= self.count
        arguments.require(part, "other", f"must be part of the {self.count} vectors it is taken from", other.count)
        return self._combined(other, -1)

    def _combined(self, other: "CorrelationOperator", sign: int) -> "CorrelationOperator":
        if self.weights != other.weights:
            raise ValueError(f"operators of different weights do not add: {self.weights} and {other.weights}")
        if self.dimension != other.dimension:
            raise ValueError(f"operators of different dimensions do not add: {self.dimension} and {other.dimension}")
        return CorrelationOperator(
            matrix=self.matrix + sign * other.matrix,
            sum=self.sum + sign * other.sum,
            count=self.count + sign * other.count,
            weights=self.weights,
        )

    def permuted(self, order: ArrayLike) -> "CorrelationOperator":
        """The operator of the same vectors with reordered components x[order], for instance of flipped patches.

        Args:
            order: (d,) permutation of 0 … d − 1.
        """
        index = permutation(order, self.dimension)
        return CorrelationOperator(
            matrix=self.matrix[np.ix_(index, index)], sum=self.sum[index], count=self.count, weights=self.weights
        )

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return len(self.matrix)

    @property
    def mean(self) -> Array:
        """(d,) mean vector Σ x / count."""
        return np.asarray(self.sum / self._counted())

    def covariance(self) -> Array:
        """(d, d) covariance M / count − mean mean†: the second moments about the mean (divided by count)."""
        mean = self.mean
        return np.asarray(self.matrix / self._counted() - np.outer(mean, mean.conj()))

    def density_matrix(self) -> Array:
        """(d, d) density matrix ρ = M / tr M."""
        trace = float(np.trace(self.matrix).real)
        if trace <= 0:
            raise ValueError("a density matrix needs a vector that is not zero, but all vectors are zero")
        return np.asarray(self.matrix / trace)

    def spectrum(self) -> Array:
        """(d,) eigenvalues of the density matrix, descending; they sum to 1."""
        return spectrum(self.density_matrix())

    def eigenbasis(self) -> Array:
        """(d, d) unitary with the eigenvectors as columns, eigenvalues descending (the uncentred KLT basis)."""
        return eigenbasis(self.matrix)

    def truncate(self, *, rank: int) -> "CorrelationOperator":
        """The operator of the vectors projected on the leading `rank` eigenvectors.

        Its matrix is the best approximation of M of that rank; the trace lost is the energy discarded.

        Args:
            rank: 1 to d.
        """
        basis = self.eigenbasis()[:, : integer("rank", rank, 1, self.dimension)]
        projector = basis @ basis.conj().T
        matrix = projector @ self.matrix @ projector
        return CorrelationOperator(
            matrix=(matrix + matrix.conj().T) / 2,
            sum=projector @ self.sum,
            count=self.count,
            weights=self.weights,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the operator as an `.npz` file without pickled objects; all of it or nothing."""
        arrays = {"matrix": self.matrix, "sum": self.sum, "count": np.int64(self.count)}
        write_operator(path, _FORM, self.weights, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "CorrelationOperator":
        """Read a file of `save`.

        Raises:
            OperatorFileError: the file is missing, damaged or of another format, or no set of vectors has such moments.
        """
        arrays, weights = read_operator(path, _FORM, ("matrix", "sum", "count"))
        try:
            count = arrays["count"].item()
            operator = cls(matrix=arrays["matrix"], sum=arrays["sum"], count=count, weights=weights)  # type: ignore[arg-type]
            operator.require_moments()
        except (ValueError, OverflowError) as error:
            raise OperatorFileError(f"{path}: {sentence(error)}") from None
        return operator

    def require_moments(self) -> None:
        """Raise `ValueError` where no set of vectors has these moments, up to rounding.

        The matrix must be positive semidefinite, and ‖Σ x‖² at most the count times its trace (Cauchy–Schwarz). Sums
        and differences of operators are not checked, since rounding can make a matrix slightly negative.
        """
        largest = max(float(np.abs(self.matrix).max()), float(np.abs(self.sum).max()))
        arguments.require(largest <= _LARGEST, "matrix and sum", f"must be at most {_LARGEST:g}", largest)
        values = np.linalg.eigvalsh(self.matrix)
        scale = max(float(values[-1]), 0.0)
        positive = values[0] >= -TOLERANCE * max(scale, 1.0)
        arguments.require(positive, "matrix", "must be positive semidefinite", f"with the eigenvalue {values[0]:.3g}")
        norm, most = float(np.linalg.norm(self.sum)), math.sqrt(self.count * max(float(values.sum()), 0.0))
        enough = norm <= (1 + TOLERANCE) * most + TOLERANCE * max(most, 1.0)
        arguments.require(enough, "sum", f"must have a norm of at most {most:.6g} with {self.count} vectors", norm)

    def to_qiskit(self) -> "DensityMatrix":
        """The density matrix on ⌈log₂ d⌉ qubits as a Qiskit object, padded with zeros (192 → 256)."""
        from qiskit.quantum_info import DensityMatrix

        rho = self.density_matrix()
        return DensityMatrix(pad_matrix_to_register(rho))

    def __repr__(self) -> str:
        field = "complex" if np.iscomplexobj(self.matrix) else "real"
        return f"CorrelationOperator(dimension={self.dimension}, count={self.count}, weights={self.weights!r}, {field})"

    def _repr_html_(self) -> str:
        from qimg.operators.display import operator_html

        return operator_html(self)

    def _counted(self) -> int:
        if self.count == 0:
            raise ValueError("a mean needs at least one vector, but count=0")
        return self.count


def permutation(order: ArrayLike, dimension: int) -> Array:
    """A permutation of the components 0 … dimension − 1 as an array; anything else is a `ValueError`."""
    index = np.asarray(order)
    valid = index.shape == (dimension,) and bool((np.sort(index) == np.arange(dimension)).all())
    if not valid:
        raise ValueError(f"order must be a permutation of {dimension} components, but has shape {index.shape}")
    return index
