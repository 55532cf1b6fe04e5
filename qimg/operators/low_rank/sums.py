"""Sums over a pass that add across parts: totals, products with a test matrix, energies in a basis."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from qimg.core import Array
from qimg.core.workers import HERE, Workers
from qimg.operators.low_rank.streams import Rule, Stream, batches_of, squared_norms


@dataclass(eq=False, kw_only=True)
class Totals:
    """Count, trace Σ ‖x‖² and sum Σ x of the vectors so far, in double precision."""

    count: int = 0
    trace: float = 0.0
    sum: Any = 0.0

    def add(self, vectors: Array, rule: Rule) -> Array:
        """Add vectors that were prepared by the rule; their squared norms (b,)."""
        norms = squared_norms(vectors, exact=rule.exact)
        energy = float(norms.sum())
        # NaN and infinity in a vector appear in its norm.
        if not np.isfinite(energy):
            raise ValueError("patches must be finite, but hold NaN, infinity or values whose squares overflow")
        self.count += len(vectors)
        self.trace += energy
        if rule.exact and len(vectors) < 1 << 16:  # sums of fewer integers of 8 bits are exact in single precision
            self.sum = self.sum + (np.ones(len(vectors), vectors.dtype) @ vectors).astype(rule.accumulator)
        else:
            self.sum = self.sum + vectors.sum(axis=0, dtype=rule.accumulator)
        return norms

    def merge(self, other: "Totals") -> None:
        """Add the totals of other vectors."""
        self.count += other.count
        self.trace += other.trace
        self.sum = self.sum + other.sum


class Sum(Protocol):
    """A sum over vectors that adds across parts of a pass."""

    def fresh(self) -> "Sum":
        """A sum of the same kind over no vectors."""
        ...

    def add(self, vectors: Array, rule: Rule) -> None:
        """Add prepared vectors."""
        ...

    def merge(self, other: Any) -> None:
        """Add the sum over other vectors, which has no need of the inputs of `add` any more."""
        ...


S = TypeVar("S", bound=Sum)


class Products:
    """Y = Σ x (x† Q): the product of M with test vectors, in one reading. Cost: 4 n d ℓ operations.

    Products are taken in the precision of the vectors, sums of batches in double precision.

    Args:
        test: Q (d, ℓ).
        with_totals: whether to sum norms and vectors as well, of which a pass before a verification has no need.
    """

    def __init__(self, test: Array, *, with_totals: bool = True) -> None:
        self.test = test
        self.with_totals = with_totals
        self.totals = Totals()
        self.product: Any = None

    def fresh(self) -> "Products":
        """The same test vectors, without any product."""
        return Products(self.test, with_totals=self.with_totals)

    def add(self, vectors: Array, rule: Rule) -> None:
        """Add vectors."""
        if self.with_totals:
            self.totals.add(vectors, rule)
        coefficients = vectors.conj() @ self.test if vectors.dtype.kind == "c" else vectors @ self.test
        self._take(vectors.T @ coefficients, rule)

    def merge(self, other: "Products") -> None:
        """Add the products of other vectors."""
        self.totals.merge(other.totals)
        if other.product is not None:
            self._take(other.product, None)

    def _take(self, product: Array, rule: Rule | None) -> None:
        if self.product is None:
            self.product = product
        else:
            wide = np.complex128 if product.dtype.kind == "c" else np.float64
            if self.product.dtype != wide:
                self.product = self.product.astype(wide)
            self.product += product

    def __getstate__(self) -> dict[str, Any]:
        """A filled sum travels without its test vectors, an empty one with them."""
        return self.__dict__ | ({} if self.product is None else {"test": None})


class Energies:
    """H = Q† M Q for the orthonormal columns of Q, in one reading. Cost: 2 n d ℓ operations."""

    def __init__(self, basis: Array) -> None:
        self.basis = basis
        self.totals = Totals()
        self.matrix: Any = None

    def fresh(self) -> "Energies":
        """The same basis, without any vector."""
        return Energies(self.basis)

    def add(self, vectors: Array, rule: Rule) -> None:
        """Add vectors."""
        self.totals.add(vectors, rule)
        coefficients = (vectors @ self.basis.conj()).astype(rule.accumulator, copy=False)
        part = coefficients.T @ coefficients.conj()
        self.matrix = part if self.matrix is None else self.matrix + part

    def merge(self, other: "Energies") -> None:
        """Add the energies of other vectors."""
        self.totals.merge(other.totals)
        if other.matrix is not None:
            self.matrix = other.matrix if self.matrix is None else self.matrix + other.matrix

    def __getstate__(self) -> dict[str, Any]:
        """A filled sum travels without its basis, an empty one with it."""
        return self.__dict__ | ({} if self.matrix is None else {"basis": None})


def accumulate(stream: Stream, empty: S, workers: Workers = HERE) -> S:
    """The sum over one pass of a stream. Parts are added in the order of the batches, whatever the workers.

    Args:
        stream: source of the vectors.
        empty: sum over no vectors.
        workers: they read and add one batch each; only sums return from them.
    """
    result = empty.fresh()
    for part in workers.map(_part, stream.items(), (empty, stream.rule)):
        result.merge(part)
    return result  # type: ignore[return-value]


def _part(item: Any, shared: tuple[S, Rule]) -> S:
    empty, rule = shared
    result = empty.fresh()
    for batch in batches_of(item):
        result.add(rule.prepared(batch), rule)
    return result  # type: ignore[return-value]
