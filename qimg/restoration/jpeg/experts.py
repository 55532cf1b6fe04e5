"""Experts: one linear estimator for each class, applied to all vectors of the class at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qimg.core import Array, require_shape
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Experts:
    """x̂ = W_kᵀ z for vectors z of class k: conditional means under the joint operators of the classes."""

    weights: Array
    """(E, m, o) float32."""
    variances: Array
    """(E, o) float32 second moments of the error of each expert, positive."""

    def __post_init__(self) -> None:
        classes, _, outputs = self.weights.shape
        require_shape(
            self.variances.shape == (classes, outputs), "variances", f"({classes}, {outputs})", self.variances
        )

    @property
    def count(self) -> int:
        """E."""
        return len(self.weights)

    def estimate(self, vectors: Array, labels: Array) -> Array:
        """(n, o) estimates of vectors (n, m), each by the expert of its label. Cost: m · o products per vector."""
        out = np.empty((len(vectors), self.weights.shape[2]), np.float32)
        for label, rows in groups(labels, self.count):
            out[rows] = vectors[rows] @ self.weights[label]
        return out


def groups(labels: Array, count: int) -> Iterator[tuple[int, Array]]:
    """Yield every label that occurs among (n,) labels in [0, count), with the indices where it occurs."""
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(count + 1))
    for label in range(count):
        if bounds[label + 1] > bounds[label]:
            yield label, order[bounds[label] : bounds[label + 1]]
