"""The passes of each method over a stream: which sketch, which basis, and its verification."""

from typing import Any

import numpy as np

from qimg.core import Array, arguments, integer, one_of
from qimg.core.workers import HERE, Workers
from qimg.operators.low_rank.frequent_directions import FrequentDirections
from qimg.operators.low_rank.range_finder import (
    Approximation,
    nystroem,
    power_iteration,
    start_basis,
    test_vectors,
    verified,
)
from qimg.operators.low_rank.row_sample import RowSample
from qimg.operators.low_rank.streams import Stream, batches_of
from qimg.operators.low_rank.sums import Products, accumulate

METHODS = ("range_finder", "frequent_directions", "length_squared")

START_ITERATIONS = 4
"""Power iterations on the vectors of a start, which are in memory."""


def fitted(
    stream: Stream,
    rank: int,
    method: str,
    *,
    seed: int = 0,
    oversampling: int | None = None,
    passes: int | None = None,
    start: int = 0,
    verify: bool | None = None,
    workers: Workers = HERE,
) -> Approximation:
    """The approximation of `LowRankOperator.from_patches`, whose arguments these are."""
    dimension = stream.rule.dimension
    rank, seed = integer("rank", rank, 1, dimension), integer("seed", seed, 0)
    one_of("method", method, METHODS)
    extra = extra_columns(method, rank, oversampling)
    check = stream.repeatable if verify is None else verify
    arguments.require(
        stream.repeatable or not check, "verify", "must be False for an iterator, which can be read once only", verify
    )
    if method != "range_finder":
        arguments.require(passes in (None, 1), "passes", f"must be 1 for {method}, which reads once", passes)
        arguments.require(start == 0, "start", f"must be 0 for {method}", start)
        sketch: Any = FrequentDirections(rank + extra)
        if method == "length_squared":
            sketch = RowSample(rank + extra, seed=seed)
        result = accumulate(stream, sketch, workers)
        if not check:
            return result.approximation(rank)
        # The whole span of the sketch is verified, as far as it is needed for the eigenvectors within it.
        wide = min(dimension, rank + (extra if method == "frequent_directions" else rank))
        return verified(stream, result.approximation(wide).vectors, rank, workers)
    products_needed = _products(stream, passes, integer("start", start, 0))
    test = test_vectors(stream.rule, min(dimension, rank + extra), seed)
    if start:
        test = start_basis(drawn_vectors(stream, start, seed), test, stream.rule, START_ITERATIONS)
    for _ in range(products_needed if check else products_needed - 1):
        test = power_iteration(stream, test, workers)
    if check:
        return verified(stream, test, rank, workers)
    return nystroem(accumulate(stream, Products(test), workers), test, rank)


def extra_columns(method: str, rank: int, oversampling: int | None) -> int:
    """Columns, rows or draws beyond the rank."""
    more = {"range_finder": 32, "frequent_directions": rank, "length_squared": 15 * rank}[method]
    return more if oversampling is None else integer("oversampling", oversampling, 0)


def _products(stream: Stream, passes: int | None, start: int) -> int:
    if not stream.repeatable:
        arguments.require(passes in (None, 1), "passes", "must be 1 for an iterator, which can be read once", passes)
        arguments.require(start == 0, "start", "must be 0 for an iterator, which can be read once only", start)
        return 1
    return integer("passes", (1 if start else 2) if passes is None else passes, 1)


def drawn_vectors(stream: Stream, count: int, seed: int) -> Array:
    """At most `count` vectors drawn without replacement, in the number type of the source.

    A source with a method `sample(count, seed)` draws them itself; any other one is read once, where every vector gets
    a random number and those with the smallest stay.
    """
    integer("start", count, 1)
    sample = getattr(stream.source, "sample", None)
    if sample is not None:
        return arguments.plain("patches", sample(count, seed))
    rng = np.random.default_rng([seed, 1])
    keys, rows = np.empty(0), None
    for item in stream.items():
        for batch in batches_of(item):
            data = arguments.plain("patches", batch)
            own = rng.random(len(data))
            limit = np.partition(keys, count - 1)[count - 1] if len(keys) >= count else 1.0
            keys = np.concatenate([keys, own[own < limit]])
            rows = data[own < limit] if rows is None else np.concatenate([rows, data[own < limit]])
            if len(keys) > count:
                best = np.sort(np.argpartition(keys, count)[:count])
                keys, rows = keys[best], rows[best]
    return np.empty((0, stream.rule.dimension)) if rows is None else rows
