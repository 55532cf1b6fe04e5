"""Vectors drawn in one pass with probabilities proportional to their squared norms, or with equal ones."""

from typing import Any, Literal

import numpy as np

from qimg.core import Array, integer, one_of
from qimg.operators.low_rank.range_finder import Approximation
from qimg.operators.low_rank.streams import Rule, rule_of
from qimg.operators.low_rank.sums import Totals

Probabilities = Literal["length_squared", "uniform"]

CONFIDENCE = 0.95
"""Probability of the interval of the energy (Chebyshev's inequality)."""


class RowSample:
    """s vectors drawn with replacement in one pass (Frieze, Kannan and Vempala, 2004; Drineas and others, 2006).

    With p = ‖x‖² / tr M the operator S = (tr M / s) Σ x̂ x̂† of the drawn unit vectors has the mean M, and

        E ‖S − M‖² ≤ (tr M)² / s   (Frobenius norm),

    so that the energy of its k leading eigenvectors falls short of the best by at most 2 √(k/s) tr M on average.
    "uniform" draws with p = 1/n and weights each vector by n / s. Each of the s places is a reservoir of its own, which
    takes a vector of a new batch with the batch's share of the weight so far: samples of parts merge. Cost: one reading
    of the norms; memory for s vectors.

    Args:
        count: s ≥ 1.
        probabilities: "length_squared" or "uniform".
        seed: of the draws. Parts draw from streams of their own, by the count and trace of their vectors.
    """

    def __init__(self, count: int, probabilities: Probabilities = "length_squared", *, seed: int = 0) -> None:
        self.size = integer("count", count, 1)
        self.probabilities = one_of("probabilities", probabilities, ("length_squared", "uniform"))
        self.seed = integer("seed", seed, 0)
        self.totals = Totals()
        self.rows: Any = None
        """(s, d) drawn vectors; None before the first vector with a weight."""
        self.weight = 0.0
        """Sum of the weights ‖x‖², or the number of vectors."""

    def fresh(self) -> "RowSample":
        """A sample of the same size without vectors."""
        return RowSample(self.size, self.probabilities, seed=self.seed)  # type: ignore[arg-type]

    def add(self, vectors: Array, rule: Rule | None = None) -> None:
        """Add vectors (n, d), which were prepared by the rule, if there is one."""
        rule = rule or rule_of(vectors, shift=0.0, weights="energy")
        norms = self.totals.add(vectors, rule)
        weights = norms if self.probabilities == "length_squared" else np.ones(len(vectors))
        total = float(weights.sum())
        if total > 0:
            rng = self._rng(total)
            replaced = self._replaced(total, rng)
            ends = np.cumsum(weights)
            drawn = np.searchsorted(ends, rng.random(int(replaced.sum())) * ends[-1], side="right")
            self._take(replaced, vectors[np.minimum(drawn, len(vectors) - 1)], total)

    def merge(self, other: "RowSample") -> None:
        """Add the sample of other vectors."""
        if other.rows is not None:
            replaced = self._replaced(other.weight, self._rng(other.weight))
            self._take(replaced, other.rows[replaced], other.weight)
        self.totals.merge(other.totals)

    def approximation(self, rank: int) -> Approximation:
        """The leading eigenvectors of S; cost: the Gram matrix of the drawn vectors, O(s² d + s³).

        The interval of the energy holds with `CONFIDENCE` for length-squared draws, and is [0, tr M] for uniform ones.
        """
        if self.rows is None:
            raise ValueError("patches must hold a vector that is not zero, so that vectors can be drawn, but hold none")
        scaled = self.scaled_rows()
        gram = scaled.conj() @ scaled.T
        squares, inner = np.linalg.eigh(gram)
        terms = min(rank, len(squares))
        squares, inner = np.maximum(squares[::-1][:terms], 0.0), inner[:, ::-1][:, :terms]
        filled = np.concatenate([scaled.T @ inner, np.eye(scaled.shape[1], rank)], axis=1)
        values = np.zeros(rank)
        values[:terms] = squares
        trace = self.totals.trace
        kept = min(float(values.sum()), trace)
        certain = self.probabilities == "length_squared"
        spread = float(np.sqrt(rank / (self.size * (1 - CONFIDENCE)))) * trace if certain else trace
        return Approximation(
            values=values,
            vectors=np.linalg.qr(filled)[0][:, :rank],
            energy=(max(kept - spread, 0.0), min(kept + spread, trace)),
            totals=self.totals,
        )

    def scaled_rows(self) -> Array:
        """(s, d) vectors in double precision whose second moments are S: with length-squared draws, of equal norm."""
        wide = np.complex128 if self.rows.dtype.kind == "c" else np.float64
        rows: Array = self.rows.astype(wide)
        if self.probabilities == "uniform":
            return rows * np.sqrt(self.weight / self.size)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / norms * np.sqrt(self.weight / self.size))

    def _rng(self, weight: float) -> np.random.Generator:
        # A stream for every state, so that parts of one pass are drawn independently, whoever draws them.
        state = np.array([self.weight, weight, self.totals.trace, self.totals.count], np.float64)
        return np.random.default_rng([self.seed, *state.view(np.uint64).tolist()])

    def _replaced(self, weight: float, rng: np.random.Generator) -> Array:
        """Which places take a vector of the new weight."""
        if self.rows is None:
            return np.ones(self.size, bool)
        return rng.random(self.size) * (self.weight + weight) < weight

    def _take(self, replaced: Array, rows: Array, weight: float) -> None:
        if self.rows is None:
            self.rows = np.array(rows)
        else:
            self.rows[replaced] = rows
        self.weight += weight
