"""A sketch that takes batches as they come, merges with others, and ends in a low-rank operator."""

from typing import Any

from numpy.typing import ArrayLike

from qimg.core import Array, integer, one_of
from qimg.operators.correlation import Weights
from qimg.operators.low_rank.fitting import METHODS, extra_columns
from qimg.operators.low_rank.frequent_directions import FrequentDirections
from qimg.operators.low_rank.operator import LowRankOperator, Method
from qimg.operators.low_rank.range_finder import nystroem, test_vectors
from qimg.operators.low_rank.row_sample import RowSample
from qimg.operators.low_rank.streams import Rule, rule_of
from qimg.operators.low_rank.sums import Products


class Sketch:
    """A one-pass sketch of M = Σ x x†, for vectors that are never seen together: `add`, `+`, `operator`.

    Two sketches with the same arguments add to the sketch of both sets: products with the same test vectors are sums
    (`range_finder`), Frequent Directions merge within their bound, and samples merge by drawing between them. A sketch
    can be pickled; test vectors are made again from their seed.

    Args:
        rank: eigenvectors of the operator at the end.
        method: as in `LowRankOperator.from_patches`.
        seed: of test vectors and draws. Sketches of parts of a sample should have the same seed.
        oversampling: as in `LowRankOperator.from_patches`.
        shift: as there.
        weights: as there.

    >>> import numpy as np
    >>> halves = np.split(np.random.default_rng(0).normal(size=(400, 20)), 2)
    >>> sketch = sum(Sketch(rank=3).add(half) for half in halves)
    >>> sketch.operator().count
    400
    """

    def __init__(
        self,
        rank: int = 64,
        method: Method = "range_finder",
        *,
        seed: int = 0,
        oversampling: int | None = None,
        shift: float = 0.0,
        weights: Weights = "energy",
    ) -> None:
        self._rank = integer("rank", rank, 1)
        one_of("method", method, METHODS)
        self._method: Method = method
        self._seed = integer("seed", seed, 0)
        one_of("weights", weights, ("energy", "uniform"))
        self._extra = extra_columns(method, rank, oversampling)
        self._shift, self._weights = float(shift), weights
        self._rule: Rule | None = None
        self._sum: Any = None

    @property
    def count(self) -> int:
        """Number of vectors so far."""
        return 0 if self._sum is None else int(self._sum.totals.count)

    def add(self, patches: ArrayLike) -> "Sketch":
        """Add vectors (n, d) to this sketch, and return it."""
        if self._rule is None:
            self._begin(rule_of(patches, shift=self._shift, weights=self._weights))
        assert self._rule is not None
        self._sum.add(self._rule.prepared(patches), self._rule)
        return self

    def __add__(self, other: "Sketch") -> "Sketch":
        """The sketch of both sets of vectors; both stay as they are."""
        if not isinstance(other, Sketch):
            return NotImplemented
        if self._arguments() != other._arguments():
            raise ValueError(
                f"sketches of different arguments do not add: {self._arguments()} and {other._arguments()}"
            )
        result = Sketch(
            self._rank, self._method, seed=self._seed, oversampling=self._extra, shift=self._shift,
            weights=self._weights,
        )  # fmt: skip
        for part in (self, other):
            if part._rule is None:
                continue
            if result._rule is None:
                result._begin(part._rule)
            if result._rule != part._rule:
                raise ValueError(f"sketches of different vectors do not add: {result._rule} and {part._rule}")
            result._sum.merge(part._sum)
        return result

    def __radd__(self, other: object) -> "Sketch":
        """Support `sum`, which starts from 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def operator(self) -> LowRankOperator:
        """The operator of the vectors so far; its discarded weight is an estimate with an interval."""
        if self._rule is None:
            raise ValueError("a sketch needs at least one batch of vectors, but none was added")
        rank = integer("rank", self._rank, 1, self._rule.dimension)
        if isinstance(self._sum, Products):
            approximation = nystroem(self._sum, self._test(self._rule), rank)
        else:
            approximation = self._sum.approximation(rank)
        return LowRankOperator.of_approximation(approximation, self._weights)

    def _begin(self, rule: Rule) -> None:
        self._rule = rule
        if self._method == "range_finder":
            self._sum = Products(self._test(rule))
        elif self._method == "frequent_directions":
            self._sum = FrequentDirections(self._rank + self._extra)
        else:
            self._sum = RowSample(self._rank + self._extra, seed=self._seed)

    def _test(self, rule: Rule) -> Array:
        return test_vectors(rule, min(rule.dimension, self._rank + self._extra), self._seed)

    def _arguments(self) -> tuple[Any, ...]:
        return self._rank, self._method, self._seed, self._extra, self._shift, self._weights

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Test vectors, which do not travel with their products, are made again."""
        self.__dict__ |= state
        if isinstance(self._sum, Products) and self._sum.test is None and self._rule is not None:
            self._sum.test = self._test(self._rule)
