"""Least squares over probability vectors: min ‖A p − f‖² with p ≥ 0 and Σ p = 1."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

from qimg.core import Array

LARGEST_GAP = 1e-14
"""Duality gap of ½‖A p − f‖² at which the iteration ends; ‖A (p − p*)‖² is at most twice the gap."""

_ITERATIONS = 20_000


def by_active_set(matrix: Array, shares: Array) -> Array:
    """The minimum for a matrix that is stored, exactly.

    With M = A − f 1ᵀ it equals min ‖M p‖, whose solution is proportional to that of min ‖M u‖² + (1ᵀu − 1)², u ≥ 0.
    """
    stacked = np.vstack([matrix - shares[:, None], np.ones(len(matrix))])
    direction, _ = nnls(stacked, np.eye(len(stacked))[-1])
    return np.asarray(direction / direction.sum())


def by_gradients(
    forward: Callable[[Array], Array], backward: Callable[[Array], Array], norm: float, shares: Array
) -> Array:
    """The minimum for a matrix that is applied, by accelerated projected gradients with restarts.

    It ends where the duality gap ∇·(p − s), with the vertex s that minimises ∇·s, is at most `LARGEST_GAP`.

    Args:
        forward: p ↦ A p.
        backward: r ↦ Aᵀ r.
        norm: at least the largest singular value of A.
        shares: f.

    Raises:
        RuntimeError: the gap remained larger.
    """
    step = 1 / norm**2
    current = nearest_distribution(shares)
    ahead, momentum, gap = current, 1.0, np.inf
    for iteration in range(_ITERATIONS):
        if iteration % 5 == 0:
            slope = backward(forward(current) - shares)
            gap = float(slope @ current - slope.min())
            if gap <= LARGEST_GAP:
                return current
        slope = backward(forward(ahead) - shares)
        following = nearest_distribution(ahead - step * slope)
        # The momentum is dropped where it points uphill (O'Donoghue and Candès, 2015).
        if (ahead - following) @ (following - current) > 0:
            momentum = 1.0
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / grown * (following - current)
        current, momentum = following, grown
    raise RuntimeError(f"the duality gap of the mitigated probabilities remained at {gap:.1e}")


def nearest_distribution(values: Array) -> Array:
    """The nearest probability vector in Euclidean distance. Cost: one sort.

    >>> nearest_distribution(np.array([0.75, 0.5, -0.25]))
    array([0.625, 0.375, 0.   ])
    """
    descending = np.sort(values)[::-1]
    excess = (descending.cumsum() - 1) / np.arange(1, len(values) + 1)
    kept = np.flatnonzero(descending > excess)[-1]
    return np.asarray(np.maximum(values - excess[kept], 0))
