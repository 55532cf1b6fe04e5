"""Vectors that arrive in batches: how often a source can be read, and the number type in which it is computed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, one_of
from qimg.operators.correlation import Weights

Patches: TypeAlias = ArrayLike | Iterable[Any] | Callable[[], Iterable[Any]]
"""An array (n, d), an iterable of batches, or a function without arguments that returns one.

A batch is an array (b, d), or a function without arguments that returns one or an iterable of several; such a function
is called where the batch is used, in a worker if there are any.
"""

BATCH_BYTES = 1 << 25
"""Size of the batches that arrays are cut into, in single precision."""

_EXACT_SEGMENT, _EXACT_LIMIT = 1 << 10, 128  # so many squares of integers up to 128 sum exactly in single precision
_SINGLE = ("u1", "i1", "u2", "i2", "b1", "f2", "f4")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is done with each vector before it is used."""

    dimension: int
    dtype: str
    """Number type of products: "f4", "f8", "c8" or "c16"."""
    source: str
    """Number type of the batches, such as "u1" for 8-bit integers without sign."""
    shift: float = 0.0
    weights: Weights = "energy"

    @property
    def accumulator(self) -> str:
        """Number type of sums: double precision."""
        return "c16" if self.dtype[0] == "c" else "f8"

    def prepared(self, batch: ArrayLike) -> Array:
        """(b, d) vectors in `dtype`, shifted and weighted."""
        data = arguments.plain("patches", batch)
        _check_batch(data)
        shape = f"(n, {self.dimension})"
        arguments.require_shape(data.shape[1] == self.dimension, "patches", shape, data)
        if data.dtype.str[1:] != self.source:
            first = np.dtype(self.source)
            raise ValueError(f"patches must have one dtype, but a batch of {data.dtype} follows one of {first}")
        vectors: Array = (
            np.subtract(data, self.shift, dtype=self.dtype) if self.shift else data.astype(self.dtype, copy=False)
        )
        if self.weights == "uniform":
            norms = np.sqrt(squared_norms(vectors))
            with np.errstate(invalid="ignore", over="ignore"):
                vectors = vectors / np.where(norms > 0, norms, 1)[:, None].astype(self.dtype)
        return vectors

    @property
    def exact(self) -> bool:
        """Whether the trace is a sum of integers without rounding."""
        if self.source not in ("u1", "i1") or self.weights == "uniform" or self.shift != round(self.shift):
            return False
        limits = np.iinfo(self.source)
        return max(abs(limits.min - self.shift), abs(limits.max - self.shift)) <= _EXACT_LIMIT


def squared_norms(vectors: Array, *, exact: bool = False) -> Array:
    """(b,) ‖x‖² in double precision.

    Args:
        vectors: (b, d).
        exact: the components are integers of modulus at most 128 in single precision: sums over 1024 of their squares
            have no rounding error, so that no copy in double precision is needed.
    """
    if exact:
        count, dimension = vectors.shape
        whole = dimension // _EXACT_SEGMENT * _EXACT_SEGMENT
        parts = vectors[:, :whole].reshape(count, -1, _EXACT_SEGMENT)
        rest = vectors[:, whole:]
        norms = np.einsum("nij,nij->ni", parts, parts).astype(np.float64).sum(axis=1)
        return np.asarray(norms + np.einsum("nj,nj->n", rest, rest))
    result = np.empty(len(vectors))
    step = max(1, (1 << 17) // vectors.shape[1])
    for first in range(0, len(vectors), step):
        part = vectors[first : first + step]
        wide = part.astype(np.complex128 if part.dtype.kind == "c" else np.float64, copy=False)
        result[first : first + step] = np.einsum("ij,ij->i", wide, wide.conj()).real
    return result


class Stream:
    """A source of vectors that is read once or several times.

    Args:
        patches: an array (n, d), batches, or a function that returns batches.
        shift: number that is subtracted from every component.
        weights: "energy" or "uniform".
    """

    def __init__(self, patches: Patches, *, shift: float = 0.0, weights: Weights = "energy") -> None:
        one_of("weights", weights, ("energy", "uniform"))
        arguments.require(bool(np.isfinite(shift)), "shift", "must be finite", shift)
        self.source: Any = patches
        """What the vectors come from."""
        self._first_pass: Iterator[Any] | None = None
        self._source: Callable[[], Iterable[Any]]
        self.repeatable = True
        """Whether more than one pass is possible."""
        if _is_batches(patches):
            if callable(patches):
                self._source = patches
            elif hasattr(patches, "__next__"):
                self.repeatable = False
                self._first_pass = iter(patches)  # type: ignore[arg-type]
            else:
                self._source = lambda: patches  # type: ignore[assignment, return-value]
        else:
            data = arguments.plain("patches", patches)  # type: ignore[arg-type]
            _check_batch(data)
            self._source = lambda: _slices(data)
        self.rule = self._rule(float(shift), weights)

    def items(self) -> Iterator[Any]:
        """The batches of a new pass."""
        if self.repeatable:
            return iter(self._source())
        batches, self._first_pass = self._first_pass, None
        if batches is None:
            raise ValueError(
                "patches must be an array, a re-iterable or a function that returns batches for a second pass, but "
                "this iterator is exhausted after one"
            )
        return batches

    def batches(self) -> Iterator[Array]:
        """The prepared vectors of a new pass, in this process."""
        return (self.rule.prepared(batch) for item in self.items() for batch in batches_of(item))

    def _rule(self, shift: float, weights: Weights) -> Rule:
        items = self.items()
        item = next(items, None)
        if item is None:
            raise ValueError("patches must hold at least one batch, so that their dimension is defined, but hold none")
        batches = iter(batches_of(item))
        first = next(batches, None)
        if first is None:
            raise ValueError("patches must begin with a batch of at least one array, but the first batch is empty")
        if not self.repeatable:
            self._first_pass = chain([first], batches, items)
        return rule_of(first, shift=shift, weights=weights)


def rule_of(batch: ArrayLike, *, shift: float, weights: Weights) -> Rule:
    """The rule for a stream that begins with a batch (b, d): its dimension and number types."""
    data = arguments.plain("patches", batch)
    _check_batch(data)
    kind = data.dtype.str[1:]
    dtype = "f4" if kind in _SINGLE else "c8" if kind == "c8" else "c16" if data.dtype.kind == "c" else "f8"
    if dtype == "f4" and shift != float(np.float32(shift)):
        dtype = "f8"
    return Rule(dimension=data.shape[1], dtype=dtype, source=kind, shift=shift, weights=weights)


def batches_of(item: Any) -> Iterable[Any]:
    """The arrays of one batch, which may be a function."""
    content = item() if callable(item) else item
    return content if _is_batches(content) else (content,)


def _is_batches(patches: Any) -> bool:
    """Whether a source holds batches, and is no array (n, d) itself."""
    if isinstance(patches, np.ndarray) or hasattr(patches, "__array__"):
        return False
    if isinstance(patches, list | tuple):
        return bool(patches) and (callable(patches[0]) or np.ndim(patches[0]) == 2)
    return callable(patches) or hasattr(patches, "__iter__")


def _slices(data: Array) -> Iterator[Array]:
    step = max(1, BATCH_BYTES // (4 * data.shape[1]))
    return (data[first : first + step] for first in range(0, max(1, len(data)), step))


def _check_batch(data: Array) -> None:
    if data.dtype.kind not in "biufc":
        raise ValueError(f"patches must be numeric, but have dtype {data.dtype}")
    arguments.require_shape(data.ndim == 2 and data.shape[1] >= 1, "patches", "(n, d)", data)
