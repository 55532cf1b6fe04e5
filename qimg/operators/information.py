"""Spectrum, entropies, correlations between registers, and coherence of density matrices. Entropies are in bits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.states import partial_trace


def spectrum(rho: ArrayLike) -> Array:
    """Eigenvalues (..., d) of density matrices, descending. Cost: one `eigvalsh`, O(d³)."""
    return arguments.populations("rho", rho)[..., ::-1]


def eigenbasis(matrix: ArrayLike) -> Array:
    """(d, d) unitary with the eigenvectors of a Hermitian matrix as columns, eigenvalues descending.

    The phase is fixed: the component of largest modulus in each column is real and positive. Cost: one `eigh`.
    """
    hermitian = arguments.hermitian("matrix", matrix)
    arguments.require_shape(hermitian.ndim == 2, "matrix", "(d, d)", hermitian)
    vectors = np.linalg.eigh(hermitian)[1][:, ::-1]
    pivots = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(vectors))]
    return np.asarray(vectors * (np.abs(pivots) / pivots))


def purity(rho: ArrayLike) -> Array:
    """Tr ρ²: 1 for a pure state, 1/d for the maximally mixed one. Cost: O(d²).

    Args:
        rho: (..., d, d) density matrices.

    >>> float(purity(np.eye(4) / 4))
    0.25
    """
    matrix = arguments.density_matrix("rho", rho)
    return np.asarray((np.abs(matrix) ** 2).sum(axis=(-2, -1)))


def von_neumann_entropy(rho: ArrayLike) -> Array:
    """S(ρ) = −tr ρ log₂ ρ in bits. Cost: one `eigvalsh`.

    Args:
        rho: (..., d, d) density matrices.

    >>> float(von_neumann_entropy(np.eye(4) / 4))
    2.0
    """
    return shannon_entropy(arguments.populations("rho", rho))


def mutual_information(rho: ArrayLike, dims: Sequence[int], *, between: tuple[int, int] = (0, 1)) -> Array:
    """I(A:B) = S(A) + S(B) − S(AB) in bits between two registers; all others are traced out.

    For mixed states it contains classical and quantum correlations.

    Args:
        rho: (..., d, d) density matrices.
        dims: dimensions of the registers, most significant first (see `qimg.partial_trace`).
        between: the two registers, counted from 0.

    >>> bell = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]]) / 2
    >>> round(float(mutual_information(bell, (2, 2))), 12)
    2.0
    """
    first, second, pair = _two_registers(rho, dims, between)
    marginals = [partial_trace(pair, (first, second), keep=side) for side in (0, 1)]
    return np.asarray(sum(von_neumann_entropy(side) for side in marginals) - von_neumann_entropy(pair))


def log_negativity(rho: ArrayLike, dims: Sequence[int], *, between: tuple[int, int] = (0, 1)) -> Array:
    """E_N = log₂ ‖ρ^{T_B}‖₁ between two registers: zero for every separable state (Vidal and Werner, 2002).

    Args:
        rho: (..., d, d) density matrices.
        dims: dimensions of the registers, most significant first.
        between: the two registers, counted from 0; all others are traced out.
    """
    first, second, pair = _two_registers(rho, dims, between)
    batch = pair.shape[:-2]
    split = pair.reshape(*batch, first, second, first, second)
    transposed = np.swapaxes(split, -1, -3).reshape(*batch, first * second, first * second)
    norm = np.abs(np.linalg.eigvalsh(transposed)).sum(axis=-1)
    return np.asarray(np.log2(np.maximum(norm, 1.0)))


def l1_coherence(rho: ArrayLike, *, basis: str | ArrayLike) -> Array:
    """Σ_{i≠j} |⟨i|ρ|j⟩| in a named basis (Baumgratz, Cramer and Plenio, 2014). Cost: O(d³), or O(d²) for "pixel".

    Args:
        rho: (..., d, d) density matrices.
        basis: "pixel" (the components of the vectors), or a unitary (d, d) with the basis vectors as **columns**, such
            as `CorrelationOperator.eigenbasis()` or `qimg.transforms.basis("dct_2d", 64)`.

    >>> float(l1_coherence([[0.5, 0.5], [0.5, 0.5]], basis="pixel"))
    1.0
    """
    matrix = _in_basis(rho, basis)
    populations = np.abs(np.diagonal(matrix, axis1=-2, axis2=-1)).sum(axis=-1)
    return np.asarray(np.abs(matrix).sum(axis=(-2, -1)) - populations)


def relative_entropy_of_coherence(rho: ArrayLike, *, basis: str | ArrayLike) -> Array:
    """S(diag ρ) − S(ρ) in bits in a named basis: the entropy that dephasing in that basis would add.

    Args:
        rho: (..., d, d) density matrices.
        basis: as in `l1_coherence`.
    """
    matrix = _in_basis(rho, basis)
    diagonal = np.clip(np.diagonal(matrix, axis1=-2, axis2=-1).real, 0.0, None)
    return np.asarray(shannon_entropy(diagonal) - von_neumann_entropy(matrix))


def shannon_entropy(weights: ArrayLike) -> Array:
    """H(w) = −Σ w log₂ w in bits of weights (..., d), not negative, that sum to 1; 0 log₂ 0 counts as 0.

    >>> float(shannon_entropy([0.5, 0.25, 0.25]))
    1.5
    """
    weights = arguments.vectors("weights", weights)
    arguments.require(bool(weights.min() >= 0), "weights", "must not be negative", float(weights.min()))
    terms = np.zeros_like(weights)
    np.log2(weights, out=terms, where=weights > 0)
    # A weight above 1 by rounding would make the entropy negative.
    return np.maximum(-(weights * terms).sum(axis=-1), 0.0)


def _in_basis(rho: ArrayLike, basis: str | ArrayLike) -> Array:
    matrix = arguments.density_matrix("rho", rho)
    if isinstance(basis, str):
        arguments.one_of("basis", basis, ["pixel"])
        return matrix
    columns = arguments.unitary("basis", basis)
    expected = matrix.shape[-2:]
    arguments.require_shape(columns.shape == expected, "basis", f"{expected}", columns)
    return np.asarray(columns.conj().T @ matrix @ columns)


def _two_registers(rho: ArrayLike, dims: Sequence[int], between: tuple[int, int]) -> tuple[int, int, Array]:
    matrix = arguments.density_matrix("rho", rho)
    sizes = arguments.dimensions("dims", dims, matrix.shape[-1])
    pair = sorted(integer("between", side, 0, len(sizes) - 1) for side in between)
    arguments.require(len(set(pair)) == 2, "between", "must name two different registers", between)
    return sizes[pair[0]], sizes[pair[1]], partial_trace(matrix, sizes, keep=pair)
