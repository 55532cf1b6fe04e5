"""Low-rank truncation of matrices, density matrices and patches, with the discarded weight."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class LowRank:
    """A truncated singular value decomposition."""

    left: Array
    """(m, r) orthonormal columns."""
    singular_values: Array
    """(r,) retained singular values, descending."""
    right: Array
    """(r, n) orthonormal rows."""
    discarded_weight: float
    """Sum of the discarded squared singular values as a share of all: the relative squared error."""

    @property
    def rank(self) -> int:
        """Number r of terms."""
        return len(self.singular_values)

    def matrix(self) -> Array:
        """(m, n) the best approximation of this rank in the Frobenius norm (Eckart and Young, 1936)."""
        return np.asarray((self.left * self.singular_values) @ self.right)


def low_rank(
    matrix: ArrayLike, *, rank: int | None = None, energy: float | None = None, threshold: float | None = None
) -> LowRank:
    """Truncated SVD by exactly one criterion. Applied to a picture's state, it is Schmidt truncation.

    Args:
        matrix: (m, n).
        rank: keep this many terms, 1 to min(m, n).
        energy: keep the fewest terms whose squared singular values sum to at least this share, 0 < energy ≤ 1.
        threshold: keep singular values of at least this share of the largest, 0 < threshold ≤ 1.

    >>> low_rank(np.diag([3.0, 4.0]), rank=1).discarded_weight
    0.36
    """
    data = arguments.numeric("matrix", matrix)
    arguments.require_shape(data.ndim == 2 and data.size > 0, "matrix", "(m, n)", data)
    criteria = {"rank": rank, "energy": energy, "threshold": threshold}
    named = [name for name, value in criteria.items() if value is not None]
    if len(named) != 1:
        raise ValueError(f"exactly one of rank, energy and threshold must be given, but {len(named)} are: {named}")
    left, values, right = np.linalg.svd(data, full_matrices=False)
    if rank is not None:
        terms = integer("rank", rank, 1, len(values))
    elif energy is not None:
        terms = rank_for_energy(values**2, energy=energy)
    else:
        assert threshold is not None
        arguments.require(0 < threshold <= 1, "threshold", "must be in (0, 1]", threshold)
        terms = max(1, int((values >= threshold * values[0]).sum()))
    total = float((values**2).sum())
    discarded = float((values[terms:] ** 2).sum()) / total if total > 0 else 0.0
    return LowRank(
        left=left[:, :terms], singular_values=values[:terms], right=right[:terms], discarded_weight=discarded
    )


def rank_for_energy(weights: ArrayLike, *, energy: float) -> int:
    """Smallest number of leading weights that sum to at least `energy` of all weights.

    Args:
        weights: (d,) not negative, descending: a spectrum, or squared singular values.
        energy: share in (0, 1].
    """
    values = arguments.vectors("weights", weights)
    arguments.require(bool(values.min() >= 0), "weights", "must not be negative", float(values.min()))
    arguments.require(0 < energy <= 1, "energy", "must be in (0, 1]", energy)
    sums = np.cumsum(values)
    # Without the tolerance, rounding of the sum could require one term more than there are.
    return min(int(np.searchsorted(sums, energy * sums[-1] * (1 - 1e-15))) + 1, len(values))


def discarded_weight(rho: ArrayLike, *, rank: int) -> Array:
    """Sum of the eigenvalues of ρ that a truncation to `rank` discards.

    It is the trace distance between ρ and its renormalised truncation and, where ρ weights patches by energy, the
    relative squared error of patches projected on the leading eigenvectors. Cost: one `eigvalsh`.

    Args:
        rho: (..., d, d) density matrices.
        rank: number of retained eigenvectors, 1 ≤ rank ≤ d.
    """
    populations = arguments.populations("rho", rho)
    dimension = populations.shape[-1]
    return np.asarray(populations[..., : dimension - integer("rank", rank, 1, dimension)].sum(axis=-1))


def energy_order(rho: ArrayLike, unitary_matrix: ArrayLike) -> Array:
    """Indices of the coefficients of a transform in descending order of their energy under ρ.

    Args:
        rho: (d, d) density matrix of the vectors.
        unitary_matrix: (d, d), coefficients are U x.

    Returns:
        (d,) indices of coefficients.
    """
    matrix = arguments.unitary("unitary_matrix", unitary_matrix)
    energies = np.einsum("ij,jk,ik->i", matrix, arguments.density_matrix("rho", rho), matrix.conj()).real
    return np.argsort(-energies, kind="stable")


def keep_coefficients(vectors: ArrayLike, unitary_matrix: ArrayLike, indices: ArrayLike) -> Array:
    """Vectors reconstructed from the coefficients at `indices`; the others are set to zero.

    Args:
        vectors: (..., d).
        unitary_matrix: (d, d), coefficients are U x.
        indices: (r,) of coefficients.
    """
    batch = arguments.vectors("vectors", vectors)
    rows = np.asarray(unitary_matrix)[np.asarray(indices, dtype=int)]
    arguments.require_shape(rows.shape[-1] == batch.shape[-1], "unitary_matrix", "(d, d) as the vectors", rows)
    return np.asarray((batch @ rows.T) @ rows.conj())
