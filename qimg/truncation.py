"""Low rank: how much of a matrix or a set of patches a few terms keep, and what is discarded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer


@dataclass(frozen=True, eq=False, kw_only=True)
class LowRank:
    """A truncated singular value decomposition."""

    left: Array
    """(m, r) orthonormal columns."""
    singular_values: Array
    """(r,) kept singular values, descending."""
    right: Array
    """(r, n) orthonormal rows."""
    discarded_weight: float
    """Sum of the squared singular values left out, as a share of all: the relative squared error."""

    @property
    def rank(self) -> int:
        """Number r of terms kept."""
        return len(self.singular_values)

    def matrix(self) -> Array:
        """(m, n) the best approximation of this rank in the Frobenius norm (Eckart and Young, 1936)."""
        return np.asarray((self.left * self.singular_values) @ self.right)


def low_rank(
    matrix: ArrayLike, *, rank: int | None = None, energy: float | None = None, threshold: float | None = None
) -> LowRank:
    """Truncated SVD; exactly one criterion is given. Applied to a picture's state this is Schmidt truncation.

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
    given = {"rank": rank, "energy": energy, "threshold": threshold}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise ValueError(f"exactly one of rank, energy and threshold must be given, but {len(named)} are: {named}")
    left, values, right = np.linalg.svd(data, full_matrices=False)
    if rank is not None:
        kept = integer("rank", rank, 1, len(values))
    elif energy is not None:
        kept = rank_for_energy(values**2, energy=energy)
    else:
        assert threshold is not None
        arguments.require(0 < threshold <= 1, "threshold", "must be in (0, 1]", threshold)
        kept = max(1, int((values >= threshold * values[0]).sum()))
    total = float((values**2).sum())
    discarded = float((values[kept:] ** 2).sum()) / total if total > 0 else 0.0
    return LowRank(left=left[:, :kept], singular_values=values[:kept], right=right[:kept], discarded_weight=discarded)


def rank_for_energy(weights: ArrayLike, *, energy: float) -> int:
    """Fewest of the leading weights that sum to at least `energy` of all of them.

    Args:
        weights: (d,) not negative, descending: a spectrum, or squared singular values.
        energy: share in (0, 1].
    """
    values = arguments.vectors("weights", weights)
    arguments.require(bool(values.min() >= 0), "weights", "must not be negative", float(values.min()))
    arguments.require(0 < energy <= 1, "energy", "must be in (0, 1]", energy)
    kept = np.cumsum(values)
    # Rounding of the sum must not ask for one term more than there are.
    return min(int(np.searchsorted(kept, energy * kept[-1] * (1 - 1e-15))) + 1, len(values))


def discarded_weight(rho: ArrayLike, *, rank: int) -> Array:
    """Sum of the eigenvalues of ρ left out by a truncation to `rank`.

    It is the trace distance between ρ and its renormalised truncation and, where ρ weights patches by energy, the
    relative squared error of patches projected on the leading eigenvectors. Cost: one `eigvalsh`.

    Args:
        rho: (..., d, d) density matrices.
        rank: eigenvectors kept, 1 ≤ rank ≤ d.
    """
    populations = arguments.populations("rho", rho)
    dimension = populations.shape[-1]
    return np.asarray(populations[..., : dimension - integer("rank", rank, 1, dimension)].sum(axis=-1))


def energy_order(rho: ArrayLike, unitary_matrix: ArrayLike) -> Array:
    """Coefficients of a transform in descending order of their energy under ρ: the order in which to keep them.

    Args:
        rho: (d, d) density matrix of the vectors.
        unitary_matrix: (d, d), coefficients are U x.

    Returns:
        (d,) indices of coefficients.
    """
    matrix = arguments.unitary("unitary_matrix", unitary_matrix)
    energies = np.einsum("ij,jk,ik->i", matrix, arguments.density_matrix("rho", rho), matrix.conj()).real
    return np.argsort(-energies, kind="stable")


def keep_coefficients(vectors: ArrayLike, unitary_matrix: ArrayLike, kept: ArrayLike) -> Array:
    """Vectors rebuilt from the coefficients in `kept` alone; the others are set to zero.

    Args:
        vectors: (..., d).
        unitary_matrix: (d, d), coefficients are U x.
        kept: (r,) indices of coefficients.
    """
    batch = arguments.vectors("vectors", vectors)
    rows = np.asarray(unitary_matrix)[np.asarray(kept, dtype=int)]
    arguments.require_shape(rows.shape[-1] == batch.shape[-1], "unitary_matrix", "(d, d) as the vectors", rows)
    return np.asarray((batch @ rows.T) @ rows.conj())
