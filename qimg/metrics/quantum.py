"""Distances between density matrices."""

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments


def fidelity(rho: ArrayLike, sigma: ArrayLike) -> Array:
    """Uhlmann fidelity, squared: F = (tr √(√ρ σ √ρ))² = ‖√ρ √σ‖₁². Cost: two `eigh` and one SVD, O(d³).

    Args:
        rho: (..., d, d) density matrices.
        sigma: (..., d, d) density matrices.

    >>> round(float(fidelity(np.diag([1.0, 0.0]), np.eye(2) / 2)), 12)
    0.5
    """
    first, second = _pair(rho, sigma)
    roots = [_square_root(matrix, "a density matrix") for matrix in (first, second)]
    return np.minimum(_overlap(*roots) ** 2, 1.0)


def bures_distance(rho: ArrayLike, sigma: ArrayLike) -> Array:
    """Bures distance B = (tr ρ + tr σ − 2 ‖√ρ √σ‖₁)^½ of positive semidefinite matrices of any trace.

    For density matrices B² = 2 − 2 √F with the fidelity F; for covariances, B is the Wasserstein-2 distance of
    Gaussians of equal mean. Cost: as `fidelity`.

    Args:
        rho: (..., d, d) Hermitian, positive semidefinite.
        sigma: (..., d, d) Hermitian, positive semidefinite.

    Raises:
        ValueError: a matrix is not Hermitian or has a negative eigenvalue.

    >>> round(float(bures_distance(np.diag([4.0, 0.0]), np.diag([1.0, 1.0]))), 12)
    1.414213562373
    """
    first, second = arguments.hermitian("rho", rho), arguments.hermitian("sigma", sigma)
    _require_equal_dimensions(first, second)
    return np.sqrt(bures_squared(first, second, names=("rho", "sigma")))


def bures_squared(first: Array, second: Array, *, names: tuple[str | None, str | None] = (None, None)) -> Array:
    """The square of `bures_distance`; negative eigenvalues of matrices without a name count as 0."""
    traces = [np.trace(matrix, axis1=-2, axis2=-1).real for matrix in (first, second)]
    overlap = _overlap(_square_root(first, names[0]), _square_root(second, names[1]))
    return np.maximum(traces[0] + traces[1] - 2 * overlap, 0.0)


def _overlap(first: Array, second: Array) -> Array:
    """‖√ρ √σ‖₁ of the square roots."""
    return np.asarray(np.linalg.svd(first @ second, compute_uv=False).sum(axis=-1))


def trace_distance(rho: ArrayLike, sigma: ArrayLike) -> Array:
    """Trace distance T = ½ ‖ρ − σ‖₁. Cost: one `eigvalsh`.

    The two states, with equal priors, are distinguished with probability ½ + T/2 at best.

    Args:
        rho: (..., d, d) density matrices.
        sigma: (..., d, d) density matrices.

    >>> float(trace_distance(np.diag([1.0, 0.0]), np.diag([0.0, 1.0])))
    1.0
    """
    first, second = _pair(rho, sigma)
    return np.asarray(np.abs(np.linalg.eigvalsh(first - second)).sum(axis=-1) / 2)


def _pair(rho: ArrayLike, sigma: ArrayLike) -> tuple[Array, Array]:
    first, second = arguments.density_matrix("rho", rho), arguments.density_matrix("sigma", sigma)
    _require_equal_dimensions(first, second)
    return first, second


def _require_equal_dimensions(first: Array, second: Array) -> None:
    dimension = first.shape[-1]
    same = second.shape[-1] == dimension
    arguments.require_shape(same, "sigma", f"(..., {dimension}, {dimension})", second)


def _square_root(matrix: Array, name: str | None) -> Array:
    """√ρ of (..., d, d) Hermitian matrices; with a name, negative eigenvalues beyond rounding are an error."""
    values, vectors = np.linalg.eigh(matrix)
    if name and values.min() < -arguments.TOLERANCE * max(1.0, values.max()):
        raise ValueError(f"{name} must be positive semidefinite, but has the eigenvalue {values.min():.3g}")
    roots = np.sqrt(np.clip(values, 0.0, None))
    return np.asarray((vectors * roots[..., None, :]) @ np.swapaxes(vectors, -1, -2).conj())
