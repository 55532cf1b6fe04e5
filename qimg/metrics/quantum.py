"""Distances between density matrices."""

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments


def fidelity(rho: ArrayLike, sigma: ArrayLike) -> Array:
    """Uhlmann fidelity, squared: F = (tr √(√ρ σ √ρ))² = ‖√ρ √σ‖₁². Cost: two `eigh`, two `eigvalsh` and one SVD, O(d³).

    Args:
        rho: (..., d, d) density matrices.
        sigma: (..., d, d) density matrices.

    >>> round(float(fidelity(np.diag([1.0, 0.0]), np.eye(2) / 2)), 12)
    0.5
    """
    first, second = _pair(rho, sigma)
    for matrix in (first, second):
        _require_positive("a density matrix", matrix)
    return np.minimum(root_overlap(first, second) ** 2, 1.0)


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
    for name, matrix in (("rho", first), ("sigma", second)):
        _require_positive(name, matrix)
    return np.sqrt(bures_squared(first, second))


def bures_squared(first: Array, second: Array) -> Array:
    """The square of `bures_distance`, without checks."""
    traces = [np.trace(matrix, axis1=-2, axis2=-1).real for matrix in (first, second)]
    return np.maximum(traces[0] + traces[1] - 2 * root_overlap(first, second), 0.0)


def root_overlap(first: Array, second: Array) -> Array:
    """‖√ρ √σ‖₁ of (..., d, d) Hermitian matrices whose negative eigenvalues are due to rounding and count as 0."""
    product = _square_root(first) @ _square_root(second)
    return np.asarray(np.linalg.svd(product, compute_uv=False).sum(axis=-1))


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


def _require_positive(name: str, matrix: Array) -> None:
    values = np.linalg.eigvalsh(matrix)
    if values.min() < -arguments.TOLERANCE * max(1.0, values.max()):
        raise ValueError(f"{name} must be positive semidefinite, but has the eigenvalue {values.min():.3g}")


def _square_root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    roots = np.sqrt(np.clip(values, 0.0, None))
    return np.asarray((vectors * roots[..., None, :]) @ np.swapaxes(vectors, -1, -2).conj())
