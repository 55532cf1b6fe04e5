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
    product = _square_root(first) @ _square_root(second)
    overlap = np.linalg.svd(product, compute_uv=False).sum(axis=-1)
    return np.minimum(overlap**2, 1.0)


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
    dimension = first.shape[-1]
    same = second.shape[-1] == dimension
    arguments.require_shape(same, "sigma", f"(..., {dimension}, {dimension})", second)
    return first, second


def _square_root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < -arguments.TOLERANCE:
        raise ValueError(f"a density matrix must be positive semidefinite, but has the eigenvalue {values.min():.3g}")
    roots = np.sqrt(np.clip(values, 0.0, None))
    return np.asarray((vectors * roots[..., None, :]) @ np.swapaxes(vectors, -1, -2).conj())
