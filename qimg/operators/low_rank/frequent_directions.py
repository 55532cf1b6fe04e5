"""Frequent Directions: a deterministic sketch of ℓ rows with a bound in the order of operators."""

from typing import Any

import numpy as np

from qimg.core import Array, integer
from qimg.operators.low_rank.range_finder import Approximation
from qimg.operators.low_rank.streams import Rule, rule_of
from qimg.operators.low_rank.sums import Totals


class FrequentDirections:
    """Rows B (ℓ, d) with 0 ≤ M − Bᵀ B* ≤ Δ in the order of operators (Liberty, 2013; Ghashami and others, 2016).

    Every step takes the singular value decomposition of the rows and new vectors, and subtracts the square of the
    (ℓ + 1)-th singular value from all squares. Δ, the sum of what was subtracted, is `shrinkage`, and

        Δ ≤ ‖A − A_k‖² / (ℓ + 1 − k)  for every k ≤ ℓ,

    with the Frobenius norm of what the best approximation of rank k leaves. Sketches of parts merge within the same
    bound. Cost: about 8 n d ℓ operations and memory for 2ℓ rows, in double precision.

    Args:
        rows: ℓ ≥ 1.
    """

    def __init__(self, rows: int) -> None:
        self.size = integer("rows", rows, 1)
        self.totals = Totals()
        self.rows: Any = None
        """(m, d) rows of the sketch, m ≤ ℓ, orthogonal; None before the first vector."""
        self.shrinkage = 0.0
        """Δ."""

    def fresh(self) -> "FrequentDirections":
        """A sketch of the same size without vectors."""
        return FrequentDirections(self.size)

    def add(self, vectors: Array, rule: Rule | None = None) -> None:
        """Add vectors (n, d), which were prepared by the rule, if there is one, in blocks of ℓ."""
        rule = rule or rule_of(vectors, shift=0.0, weights="energy")
        self.totals.add(vectors, rule)
        for first in range(0, len(vectors), self.size):
            self._insert(vectors[first : first + self.size].astype(rule.accumulator, copy=False))

    def merge(self, other: "FrequentDirections") -> None:
        """Add the sketch of other vectors."""
        self.totals.merge(other.totals)
        self.shrinkage += other.shrinkage
        if other.rows is not None:
            self._insert(other.rows)

    def approximation(self, rank: int) -> Approximation:
        """The leading singular vectors of the rows; the energy that they hold lies within k Δ above their sum."""
        energies = np.zeros(rank)
        squares = (np.abs(self.rows) ** 2).sum(axis=1)
        energies[: len(squares)] = squares[:rank]
        vectors = _completed(self.rows[:rank], squares[:rank], rank)
        kept = min(float(energies.sum()), self.totals.trace)
        more = min(rank * self.shrinkage, self.totals.trace - float(squares.sum()))
        return Approximation(
            values=energies,
            vectors=vectors,
            energy=(kept, max(kept, min(kept + more, self.totals.trace))),
            totals=self.totals,
        )

    def _insert(self, block: Array) -> None:
        stack = block if self.rows is None else np.concatenate([self.rows, block])
        squares, inner = np.linalg.eigh(stack.conj() @ stack.T)
        squares, inner = np.maximum(squares[::-1], 0.0), inner[:, ::-1]
        subtracted = squares[self.size] if len(squares) > self.size else 0.0
        squares, inner = squares[: self.size], inner[:, : self.size]
        # Rows of relative size 1e-7 are rounding of the Gram matrix.
        large = squares > 1e-14 * max(float(squares[0]), 1e-300) if len(squares) else squares > 0
        squares, inner = squares[large], inner[:, large]
        scales = np.sqrt(np.maximum(squares - subtracted, 0.0) / squares)
        self.rows = (inner * scales).T @ stack
        self.shrinkage += float(subtracted)


def _completed(rows: Array, squares: Array, rank: int) -> Array:
    """(d, k) orthonormal columns: the normalised rows, and any others where rows are missing."""
    directions = (rows[squares > 0] / np.sqrt(squares[squares > 0])[:, None]).T
    filled = np.concatenate([directions, np.eye(len(directions), rank)], axis=1)
    return np.asarray(np.linalg.qr(filled)[0][:, :rank])
