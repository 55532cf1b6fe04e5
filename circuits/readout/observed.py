"""Mitigation of readout errors for any number of bits, in the subspace of the outcomes that were observed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, gmres

from circuits.counts import outcome_index
from circuits.readout.intervals import normal_quantile
from circuits.readout.mitigation import ReadoutCalibration
from circuits.readout.simplex import nearest_distribution
from qimg.core import Array, real, require, require_shape
from qimg.core.compiled import compiled
from qimg.core.records import short_repr

MAX_BITS = 62
"""Largest number of bits of an outcome."""
MAX_OBSERVED = 2**15
"""Largest number of different outcomes; a product with the matrix between them takes seconds."""

_TABLE_BITS = 7
_TOLERANCE = 1e-10


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class MitigatedOutcomes:
    """Probabilities of observed outcomes corrected for readout errors."""

    outcomes: NDArray[np.int64]
    """(d,) observed outcomes, ascending."""
    probabilities: Array
    """(d,) not negative, with sum 1."""
    quasi: Array
    """(d,) with sum 1, but not without negative entries: the solution in the subspace."""
    low: Array
    """(d,) lower ends of intervals for each probability separately, within [0, 1]."""
    high: Array
    """(d,) upper ends."""


def mitigate_observed(
    counts: Mapping[str, float] | Mapping[int, float], calibration: ReadoutCalibration, *, level: float = 0.95
) -> MitigatedOutcomes:
    """Correct counts of any number of bits for readout errors, without arrays of all outcomes.

    The quasi-probabilities solve A' q = f on the d observed outcomes, where A' holds their entries of A with columns
    scaled to the sum 1, by GMRES with products that are computed from the small matrices (Nation and others, 2021).
    They neglect outcomes that were not observed; `probabilities` are the nearest probability vector.

    The intervals do not neglect them. They are centred on (A⁻¹ f)_k = Σ_j ∏_g A_g⁻¹[k_g, j_g] f_j, the unbiased
    estimate, which needs the observed j alone. Half their width is z standard errors, those of the counts exactly and
    those of the calibration to first order, plus the term for rare outcomes of `mitigate`. Cost: O(d²) for each product
    and O(bits · d²) in all: seconds for 4096 outcomes of 14 bits.

    Args:
        counts: counts by outcome: strings of bits, hexadecimal numbers or integers.
        calibration: calibration of these bits, at most 62.
        level: level of the intervals, in (0, 1).
    """
    z, bits = normal_quantile(level), calibration.bits
    require(bits <= MAX_BITS, "calibration", f"must have at most {MAX_BITS} bits", bits)
    outcomes, numbers = _sorted(counts, bits)
    shots = float(numbers.sum())
    matrices = calibration.matrices()
    worst = max(float(np.linalg.cond(one)) for one in matrices)
    require(worst < 1e6, "calibration", "must have matrices with a condition number below 1e6", worst)
    product = _Products(outcomes, [len(one) for one in matrices])
    quasi = _in_the_subspace(product, matrices, numbers / shots)
    inverses = [np.linalg.inv(one) for one in matrices]
    centre = product(inverses, numbers) / shots
    variance = _of_counts(product, inverses, numbers) + _of_calibration(product, inverses, calibration, numbers)
    fewest = [shots, *(np.sum(table, axis=1).min() for table in calibration.counts)]
    rare = float(np.log(2 / (1 - level))) * sum(1 / one for one in fewest)
    half = z * np.sqrt(np.maximum(variance, 0)) + rare * product.spread(inverses)
    return MitigatedOutcomes(
        outcomes=outcomes,
        probabilities=nearest_distribution(quasi),
        quasi=quasi,
        low=np.clip(centre - half, 0, 1),
        high=np.clip(centre + half, 0, 1),
    )


class _Products:
    """Products of vectors over observed outcomes with Kronecker products, computed from tables of a few bits each."""

    def __init__(self, outcomes: NDArray[np.int64], sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._tables: list[list[int]] = []
        """The groups of bits of each table, lowest first."""
        width = _TABLE_BITS + 1
        for group, size in enumerate(sizes):
            width += size.bit_length() - 1
            if width > _TABLE_BITS:
                self._tables.append([])
                width = size.bit_length() - 1
            self._tables[-1].append(group)
        self._digits = np.empty((len(self._tables), len(outcomes)), np.int64)
        self.groups = np.empty((len(sizes), len(outcomes)), np.int64)
        """Digit of each outcome in each group."""
        shift = 0
        for row, table in enumerate(self._tables):
            start = shift
            for group in table:
                bits = sizes[group].bit_length() - 1
                self.groups[group] = outcomes >> shift & sizes[group] - 1
                shift += bits
            self._digits[row] = outcomes >> start & (1 << shift - start) - 1

    def __call__(self, matrices: Sequence[Array], vector: Array) -> Array:
        """Σ_j ∏_g M_g[k_g, j_g] v_j for the observed k and j."""
        widest = max(int(np.prod([self._sizes[group] for group in table])) for table in self._tables)
        tables = np.zeros((len(self._tables), widest, widest))
        for row, table in enumerate(self._tables):
            whole: Array = np.ones((1, 1))
            for group in table:
                whole = np.kron(matrices[group], whole)
            tables[row, : len(whole), : len(whole)] = whole
        out = np.empty(len(vector))
        _multiply(tables, self._digits, np.asarray(vector, float), out)
        return out

    def rows(self, vectors: Sequence[Array]) -> Array:
        """∏_g v_g[k_g] for the observed k."""
        return np.asarray(np.prod([one[digit] for one, digit in zip(vectors, self.groups, strict=True)], axis=0))

    def spread(self, matrices: Sequence[Array]) -> Array:
        """Range of the entries of each observed row over all columns."""
        low, high = np.ones(self.groups.shape[1]), np.ones(self.groups.shape[1])
        for one, digit in zip(matrices, self.groups, strict=True):
            ends = [edge[digit] * side for edge in (one.min(axis=1), one.max(axis=1)) for side in (low, high)]
            low, high = np.min(ends, axis=0), np.max(ends, axis=0)
        return np.asarray(high - low)


def _in_the_subspace(product: _Products, matrices: Sequence[Array], shares: Array) -> Array:
    """The solution on the observed outcomes, whose columns are scaled to the sum 1."""
    columns = product([one.T for one in matrices], np.ones(len(shares)))

    def forward(vector: Array) -> Array:
        return product(matrices, vector.ravel() / columns)

    operator = LinearOperator((len(shares),) * 2, matvec=forward, dtype=float)
    start = shares.copy()
    quasi, failed = gmres(operator, shares, x0=start, rtol=_TOLERANCE, atol=0.0, restart=40, maxiter=20)
    residual = float(np.linalg.norm(forward(quasi) - shares) / np.linalg.norm(shares))
    if failed or residual > 10 * _TOLERANCE:
        raise RuntimeError(f"the readings of {len(shares)} outcomes were solved to a residual of {residual:.1e} only")
    return np.asarray(quasi)


def _of_counts(product: _Products, inverses: Sequence[Array], numbers: Array) -> Array:
    """Variance of A⁻¹ f by the counts, with two outcomes spread over all, as in `mitigate`."""
    shots, everywhere = numbers.sum(), 2.0 / np.prod([float(len(one)) for one in inverses])
    first, second = (
        (product([one**power for one in inverses], numbers))
        + everywhere * product.rows([(one**power).sum(axis=1) for one in inverses])
        for power in (1, 2)
    )
    return np.asarray((second / (shots + 2) - (first / (shots + 2)) ** 2) / shots)


def _of_calibration(
    product: _Products, inverses: Sequence[Array], calibration: ReadoutCalibration, numbers: Array
) -> Array:
    """Variance of A⁻¹ f by the calibration: δ(A⁻¹ f) = −A⁻¹ δA A⁻¹ f, for each column of each small matrix."""
    variance, shares = np.zeros(len(numbers)), numbers / numbers.sum()
    for group, (inverse, table) in enumerate(zip(inverses, calibration.counts, strict=True)):
        rows, size = np.asarray(table), len(inverse)
        for step in range(size):  # the digit of this group is changed by `step` in the estimate A⁻¹ f
            moved = list(inverses)
            moved[group] = inverse[np.arange(size) ^ step]
            estimate = product(moved, shares)
            prepared = product.groups[group] ^ step
            smooth = (rows + 2 / size) / (rows.sum(axis=1, keepdims=True) + 2)
            first, second = inverse @ smooth.T, inverse**2 @ smooth.T  # (digit, prepared)
            each = (second - first**2) / rows.sum(axis=1)
            variance += each[product.groups[group], prepared] * estimate**2
    return variance


def _sorted(counts: Mapping[str, float] | Mapping[int, float], bits: int) -> tuple[NDArray[np.int64], Array]:
    """Observed outcomes in ascending order, and their counts; outcomes without counts are left out."""
    by_outcome = isinstance(counts, Mapping) and len(counts) > 0
    require(by_outcome, "counts", "must be counts by outcome", type(counts).__name__)
    numbers = real("counts", list(counts.values()))
    require_shape(numbers.shape == (len(counts),), "counts", "one number for each outcome", numbers)
    require(bool(numbers.min() >= 0), "counts", "must not be negative", float(numbers.min()))
    require(bool(numbers.sum() > 0), "counts", "must not all be zero", float(numbers.sum()))
    keys = [outcome_index(one) for one in counts]
    require(min(keys) >= 0 and max(keys) < 2**bits, "counts", f"must have outcomes of {bits} bits", max(keys))
    outcomes, inverse = np.unique(np.array(keys, np.int64), return_inverse=True)
    summed = np.bincount(inverse, numbers)
    outcomes, summed = outcomes[summed > 0], summed[summed > 0]
    rule = f"must have at most {MAX_OBSERVED} different outcomes: fewer shots, or `mitigate` up to 20 bits"
    require(len(outcomes) <= MAX_OBSERVED, "counts", rule, len(outcomes))
    return outcomes, summed


@compiled
def _multiply(tables: Array, digits: Array, vector: Array, out: Array) -> None:
    """out_k = Σ_j ∏_t tables[t, digits[t, k], digits[t, j]] v_j."""
    for k in range(out.shape[0]):
        total = 0.0
        for j in range(vector.shape[0]):
            entry = vector[j]
            for t in range(tables.shape[0]):
                entry *= tables[t, digits[t, k], digits[t, j]]
            total += entry
        out[k] = total
