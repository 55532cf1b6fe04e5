"""A correlation operator of any dimension, held by its leading eigenvectors and never formed as a matrix."""

import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer, one_of, sentence
from qimg.core.workers import HERE, Workers
from qimg.operators.correlation import CorrelationOperator, Weights, permutation
from qimg.operators.files import OperatorFileError, read_operator, write_operator
from qimg.operators.low_rank.combination import Part, combined, phased
from qimg.operators.low_rank.evaluation import energies_of, error_psnr_db
from qimg.operators.low_rank.fitting import fitted
from qimg.operators.low_rank.range_finder import Approximation
from qimg.operators.low_rank.streams import Patches, Stream
from qimg.operators.low_rank.sums import Totals

if TYPE_CHECKING:
    from qiskit.quantum_info import DensityMatrix

Method = Literal["range_finder", "frequent_directions", "length_squared"]

LARGEST_MATRIX = 4096
"""Largest dimension of which a matrix (d, d) is formed: 128 MiB in double precision."""

_FORM = ("qimg low-rank operator", 1)
_ARRAYS = ("eigenvalues", "basis", "sum", "trace", "count", "energy")


@dataclass(frozen=True, eq=False, kw_only=True)
class LowRankOperator:
    """The leading eigenvectors of M = Σ x x†, with its exact trace, its count and the sum of its vectors.

    M ≈ V† diag(λ) V for the rows V of `basis`. What the basis leaves, tr M − Σ λ, is known by a pass that verifies it
    or lies in an interval; see `discarded_weight_bounds`. Memory is that of a few times rank · d numbers, whatever the
    number of vectors.
    """

    eigenvalues: Array
    """(k,) approximate leading eigenvalues of M, descending, not normalised."""
    basis: Array
    """(k, d) orthonormal rows: the approximate eigenvectors."""
    trace: float
    """tr M = Σ ‖x‖², summed over all vectors."""
    sum: Array
    """(d,) Σ x, of unit vectors with "uniform" weights."""
    count: int
    """Number of vectors, zero vectors included."""
    weights: Weights = "energy"
    """Contribution of a vector: x x† ("energy") or x x† / ‖x‖² ("uniform")."""
    energy: tuple[float, float]
    """Interval that contains tr V M V†, the energy of the vectors in the span of the basis."""

    @classmethod
    def from_patches(
        cls,
        patches: Patches,
        rank: int = 64,
        method: Method = "range_finder",
        *,
        seed: int = 0,
        oversampling: int | None = None,
        passes: int | None = None,
        start: int = 0,
        verify: bool | None = None,
        shift: float = 0.0,
        weights: Weights = "energy",
        workers: Workers = HERE,
    ) -> "LowRankOperator":
        """The leading eigenvectors of M from a stream of vectors, in constant memory.

        | method | passes | operations | interval of the weight without verification |
        |---|---|---|---|
        | `range_finder` | 1 (iterator) or `passes` | 4 n d ℓ per pass | from the trace of the Nyström approximation |
        | `frequent_directions` | 1 | about 8 n d ℓ | from Δ, whatever the data |
        | `length_squared` | 1 | 2 n d for the norms, 2 s² d | holds with a probability of 0.95 |

        The verification is one more pass, of 2 n d ℓ operations: it takes the eigenvectors of M within the span found,
        and measures their energy. An iterator is read once and is never verified: `discarded_weight` is then a biased
        estimate, which `discarded_weight_is_estimate` marks.

        Products of 8-bit, 16-bit and single-precision vectors are taken in single precision, those of others in double
        precision. Rounding changes the energy of a basis by less than 1e-6 of the trace. The trace is summed in double
        precision, and without rounding for 8-bit integers with the shift of 128.

        Args:
            patches: an array (n, d), real or complex; an iterator of batches, read once; an iterable of batches or a
                function without arguments that returns one, read several times. A batch is an array (b, d), or a
                function that returns one or several, which is called where it is used: in a worker.
            rank: k, 1 to d.
            method: "range_finder" (Halko and others, 2011; Tropp and others, 2017), "frequent_directions" (Liberty,
                2013) or "length_squared" (Frieze and others, 2004).
            seed: of the random test vectors and draws. Sketches of one seed and size add.
            oversampling: columns, rows or draws ℓ beyond the rank: 32 (`range_finder`), the rank
                (`frequent_directions`), 15 times the rank (`length_squared`) when left out.
            passes: products with M of the range finder: one for an iterator, two otherwise, one with a `start`.
            start: number of vectors, drawn in a pass without products, on which the range finder iterates in memory to
                find the test vectors of its first pass; 0 takes random ones. The vectors stay in their own number type.
            verify: whether a further pass verifies the basis: where patches can be read again, when left out.
            shift: subtracted from all components, such as `qimg.images.LEVEL_SHIFT` for pixels.
            weights: "energy" or "uniform".
            workers: they read batches and return sums, which are added in the order of the batches.

        >>> patches = np.random.default_rng(0).normal(size=(500, 3)) @ np.diag([3.0, 1.0, 0.1])
        >>> operator = LowRankOperator.from_patches(patches, rank=2)
        >>> operator.basis.shape, round(operator.discarded_weight, 3)
        ((2, 3), 0.001)
        """
        stream = Stream(patches, shift=shift, weights=weights)
        approximation = fitted(
            stream, rank, method, seed=seed, oversampling=oversampling, passes=passes, start=start, verify=verify,
            workers=workers,
        )  # fmt: skip
        return cls.of_approximation(approximation, weights)

    @classmethod
    def of_approximation(cls, approximation: Approximation, weights: Weights = "energy") -> "LowRankOperator":
        """The operator of eigenvalues, eigenvectors and totals that a sketch gives."""
        vectors, totals = approximation.vectors, approximation.totals
        wide = np.complex128 if vectors.dtype.kind == "c" else np.float64
        return cls(
            eigenvalues=approximation.values,
            basis=phased(vectors.T.astype(wide)),
            trace=totals.trace,
            sum=np.broadcast_to(totals.sum, vectors.shape[:1]),
            count=totals.count,
            weights=weights,
            energy=approximation.energy,
        )

    @classmethod
    def from_operator(cls, operator: CorrelationOperator, rank: int = 64) -> "LowRankOperator":
        """The exact leading eigenvectors of a dense operator. Cost: one `eigh`, O(d³)."""
        rank = integer("rank", rank, 1, operator.dimension)
        values, vectors = np.linalg.eigh(operator.matrix)
        kept = np.maximum(values[::-1][:rank], 0.0)
        totals = Totals(count=operator.count, trace=float(np.trace(operator.matrix).real), sum=operator.sum)
        energy = min(float(kept.sum()), totals.trace)
        best = Approximation(values=kept, vectors=vectors[:, ::-1][:, :rank], energy=(energy, energy), totals=totals)
        return cls.of_approximation(best, operator.weights)

    def __post_init__(self) -> None:
        one_of("weights", self.weights, ("energy", "uniform"))
        integer("count", self.count, 0)
        basis = np.array(arguments.numeric("basis", self.basis))
        shaped = basis.ndim == 2 and 1 <= basis.shape[0] <= basis.shape[1]
        arguments.require_shape(shaped, "basis", "(k, d) with 1 ≤ k ≤ d", basis)
        deviation = float(np.abs(basis @ basis.conj().T - np.eye(len(basis))).max())
        if deviation > 1e-5:  # single precision
            raise ValueError(f"basis must have orthonormal rows, but V V† deviates from 1 by {deviation:.3g}")
        values = np.array(arguments.real("eigenvalues", self.eigenvalues))
        arguments.require_shape(values.shape == basis.shape[:1], "eigenvalues", f"({len(basis)},)", values)
        ordered = bool((np.diff(values) <= 0).all() and values[-1] >= 0)
        arguments.require(ordered, "eigenvalues", "must be descending and not negative", values[:3].tolist())
        total = np.array(arguments.numeric("sum", self.sum))
        arguments.require_shape(total.shape == basis.shape[1:], "sum", f"({basis.shape[1]},)", total)
        low, high = (float(end) for end in self.energy)
        inside = 0 <= low <= high <= self.trace * (1 + 1e-9)
        arguments.require(inside, "energy", f"must be an interval within [0, {self.trace:g}]", (low, high))
        for name, value in {"basis": basis, "eigenvalues": values, "sum": total, "energy": (low, high)}.items():
            object.__setattr__(self, name, value)

    def __add__(self, other: "LowRankOperator") -> "LowRankOperator":
        """The operator of both sets together, of the larger rank.

        Count, trace and sum add exactly. The eigenvectors are those of the sum of both approximations: what either
        leaves out stays left out, and the discarded weight becomes an estimate with an interval that holds for any
        vectors. Sketches (`qimg.operators.Sketch`) add without that loss.
        """
        if not isinstance(other, LowRankOperator):
            return NotImplemented
        if self.weights != other.weights:
            raise ValueError(f"operators of different weights do not add: {self.weights} and {other.weights}")
        if self.dimension != other.dimension:
            raise ValueError(f"operators of different dimensions do not add: {self.dimension} and {other.dimension}")
        parts = [Part(one.eigenvalues, one.basis, one.trace, one.energy) for one in (self, other)]
        total = combined(*parts)
        return LowRankOperator(
            eigenvalues=total.values,
            basis=total.basis,
            trace=total.trace,
            sum=self.sum + other.sum,
            count=self.count + other.count,
            weights=self.weights,
            energy=total.energy,
        )

    def __radd__(self, other: object) -> "LowRankOperator":
        """Support `sum`, which starts from 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    @property
    def rank(self) -> int:
        """Number k of eigenvectors."""
        return len(self.basis)

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return self.basis.shape[1]

    @property
    def mean(self) -> Array:
        """(d,) mean vector Σ x / count."""
        arguments.require(self.count > 0, "count", "must be at least 1 for a mean", self.count)
        return np.asarray(self.sum / self.count)

    @property
    def discarded_weight(self) -> float:
        """1 − Σ λ / tr M: the share of the energy that the basis leaves; an estimate without verification."""
        return 1 - min(float(self.eigenvalues.sum()) / self._positive_trace(), 1.0)

    @property
    def discarded_weight_bounds(self) -> tuple[float, float]:
        """Interval of the weight that the basis discards; both ends are `discarded_weight` after a verification."""
        trace = self._positive_trace()
        low, high = self.energy
        return max(1 - high / trace, 0.0), max(1 - low / trace, 0.0)

    @property
    def discarded_weight_is_estimate(self) -> bool:
        """Whether no pass has verified the basis, so that only the interval is certain."""
        return self.energy[0] < self.energy[1]

    def discarded_weight_of(self, patches: Patches, *, shift: float = 0.0, workers: Workers = HERE) -> float:
        """Share of the energy of other vectors, such as those of held-out pictures, that the basis leaves.

        Cost: one pass, 2 n d k operations.

        Args:
            patches: as in `from_patches`.
            shift: as in `from_patches`.
            workers: as in `from_patches`.
        """
        return 1 - min(float(self.populations_of(patches, shift=shift, workers=workers).sum()), 1.0)

    def populations_of(self, patches: Patches, *, shift: float = 0.0, workers: Workers = HERE) -> Array:
        """(k,) share of the energy of other vectors in each vector of the basis. Cost: one pass, 2 n d k operations."""
        energies = energies_of(self.basis, patches, shift=shift, weights=self.weights, workers=workers)
        return np.asarray(energies.matrix.diagonal().real / energies.totals.trace)

    def psnr_db_of(
        self, patches: Patches, *, shift: float = 0.0, data_range: float = 255.0, workers: Workers = HERE
    ) -> Array:
        """(k,) PSNR in dB of vectors that are projected on the 1, 2, …, k leading vectors of the basis.

        Args:
            patches: as in `from_patches`.
            shift: as in `from_patches`.
            data_range: largest possible difference of a component.
            workers: as in `from_patches`.
        """
        energies = energies_of(self.basis, patches, shift=shift, weights=self.weights, workers=workers)
        left = energies.totals.trace - np.cumsum(energies.matrix.diagonal().real)
        return error_psnr_db(left / (energies.totals.count * self.dimension), data_range)

    def psnr_db(self, *, data_range: float = 255.0) -> Array:
        """(k,) the same for the vectors that the operator was made of, from its eigenvalues."""
        arguments.require(self.weights == "energy", "weights", "must be energy for errors of pixels", self.weights)
        left = self.trace - np.cumsum(self.eigenvalues)
        return error_psnr_db(left / (max(self.count, 1) * self.dimension), data_range)

    def coefficients(self, patches: ArrayLike) -> Array:
        """(..., k) components of vectors (..., d) along the basis."""
        return np.asarray(self._vectors(patches) @ self.basis.conj().T)

    def project(self, patches: ArrayLike) -> Array:
        """(..., d) vectors projected on the span of the basis."""
        return np.asarray(self.coefficients(patches) @ self.basis)

    def spectrum(self) -> Array:
        """(k,) leading eigenvalues of ρ = M / tr M, descending; they sum to 1 − `discarded_weight`."""
        return np.asarray(self.eigenvalues / self._positive_trace())

    def eigenbasis(self) -> Array:
        """(d, k) the eigenvectors as columns, as those of `CorrelationOperator.eigenbasis`."""
        return self.basis.T.copy()

    def entropy_bounds(self) -> tuple[float, float]:
        """Interval of the von Neumann entropy of ρ in bits, from the leading eigenvalues and the weight of the rest.

        S is smallest where the rest is as concentrated as eigenvalues of at most λ_k allow, and largest where it is
        spread over all d − k dimensions. Exact for exact eigenvalues; `qimg.operators.entropy_estimate` narrows it.
        """
        weights = self.spectrum()
        rest = max(1 - float(weights.sum()), 0.0)
        positive = weights[weights > 0]
        head = float(-(positive * np.log2(positive)).sum())
        levels = min(self.dimension, max(self.count, 1)) - self.rank
        if rest <= 0 or levels <= 0:
            return head, head
        last = min(float(weights[-1]), rest)
        full = math.floor(rest / last) if last > 0 else 0
        parts = [(full, last), (1, rest - full * last)] if last > 0 else []
        low = sum(-times * value * math.log2(value) for times, value in parts if value > 1e-300)
        high = rest * math.log2(levels / rest)
        return head + min(low, high), head + high

    def truncate(self, *, rank: int) -> "LowRankOperator":
        """The operator of the leading `rank` eigenvectors, 1 to k; the weight of the others is discarded."""
        rank = integer("rank", rank, 1, self.rank)
        lost = float(self.eigenvalues[rank:].sum())
        low, high = self.energy
        certain = low == high
        ends = (max(low - lost, 0.0), max(high - lost, 0.0))
        if not certain:  # how the interval divides among the vectors is not known
            kept = float(self.eigenvalues[:rank].sum())
            ends = (min(ends[0], kept), min(high, self.trace))
        return replace(self, eigenvalues=self.eigenvalues[:rank], basis=self.basis[:rank], energy=ends)

    def permuted(self, order: ArrayLike) -> "LowRankOperator":
        """The operator of the same vectors with reordered components x[order].

        Args:
            order: (d,) permutation of 0 … d − 1.
        """
        index = permutation(order, self.dimension)
        return replace(self, basis=self.basis[:, index], sum=self.sum[index])

    def density_matrix(self) -> Array:
        """(d, d) the density matrix of the projected vectors, V† diag(λ) V / Σ λ, for d ≤ 4096.

        Raises:
            ValueError: the matrix would be larger than 128 MiB; the message gives its size.
        """
        self._require_matrix()
        kept = float(self.eigenvalues.sum())
        arguments.require(kept > 0, "eigenvalues", "must not all be zero for a density matrix", kept)
        return np.asarray((self.basis.T * (self.eigenvalues / kept)) @ self.basis.conj())

    def to_correlation_operator(self) -> CorrelationOperator:
        """The dense operator of the projected vectors, as `CorrelationOperator.truncate` gives it, for d ≤ 4096."""
        self._require_matrix()
        matrix = (self.basis.T * self.eigenvalues) @ self.basis.conj()
        total = self.project(self.sum)
        return CorrelationOperator(
            matrix=(matrix + matrix.conj().T) / 2, sum=total, count=self.count, weights=self.weights
        )

    def to_qiskit(self) -> "DensityMatrix":
        """`density_matrix` on ⌈log₂ d⌉ qubits as a Qiskit object, padded with zeros, for d ≤ 4096."""
        return self.to_correlation_operator().to_qiskit()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the operator as an `.npz` file without pickled objects; all of it or nothing."""
        write_operator(path, _FORM, self.weights, {name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "LowRankOperator":
        """Read a file of `save`.

        Raises:
            OperatorFileError: the file is missing, damaged or of another format, or its numbers are no operator.
        """
        arrays, weights = read_operator(path, _FORM, _ARRAYS)
        try:
            low, high = arrays["energy"].tolist()
            return cls(
                eigenvalues=arrays["eigenvalues"],
                basis=arrays["basis"],
                trace=float(arrays["trace"].item()),
                sum=arrays["sum"],
                count=arrays["count"].item(),
                weights=weights,  # type: ignore[arg-type]
                energy=(low, high),
            )
        except (ValueError, TypeError, OverflowError) as error:
            raise OperatorFileError(f"{path}: {sentence(error)}") from None

    def __repr__(self) -> str:
        field = "complex" if np.iscomplexobj(self.basis) else "real"
        weight = "all vectors zero"
        if self.trace > 0:
            low, high = self.discarded_weight_bounds
            marked = f"{self.discarded_weight:.4g} (estimate, in [{low:.3g}, {high:.3g}])"
            weight = (
                f"discarded_weight={marked if self.discarded_weight_is_estimate else f'{self.discarded_weight:.4g}'}"
            )
        return (
            f"LowRankOperator(rank={self.rank}, dimension={self.dimension}, count={self.count}, "
            f"weights={self.weights!r}, {field}, {weight})"
        )

    def _repr_html_(self) -> str:
        from qimg.operators.display import low_rank_html

        return low_rank_html(self)

    def _vectors(self, patches: ArrayLike) -> Array:
        vectors = arguments.vectors("patches", patches)
        arguments.require_shape(vectors.shape[-1] == self.dimension, "patches", f"(..., {self.dimension})", vectors)
        return vectors

    def _positive_trace(self) -> float:
        if not self.trace > 0:
            raise ValueError("a density matrix needs a vector that is not zero, but all vectors are zero")
        return self.trace

    def _require_matrix(self) -> None:
        size = 8 * self.dimension**2 * (2 if np.iscomplexobj(self.basis) else 1) / 2**20
        rule = f"must be at most {LARGEST_MATRIX} for a matrix (d, d), which would take {size:.0f} MiB here"
        arguments.require(self.dimension <= LARGEST_MATRIX, "dimension", rule, self.dimension)
