"""Preparation of thousands of vectors: in threads, with a cache, and with small arrays instead of circuits."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from circuits.preparation.ansatz import Preparation
from circuits.preparation.multiplexed import multiplexed
from circuits.preparation.variational import EFFORTS, LARGEST, fewest, growth_path
from qimg.core import Array, arguments, integer
from qimg.states import amplitude_encode

Cache = MutableMapping[str, list[Preparation]]
"""Store of results: a dict, or a `PreparationStore` for files."""

Job: TypeAlias = tuple[str, Array, Callable[[Array], list[Preparation]]]
"""Prefix of the key in the cache, the state, and the function that solves the job."""

EXACT = 1e-12
"""Largest infidelity for a fidelity of 1."""


def prepare_batch(
    vectors: ArrayLike,
    *,
    fidelity: float = 1.0,
    effort: str = "default",
    workers: int = 1,
    cache: Cache | None = None,
    track: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> list[Preparation]:
    """The circuit with the fewest CX found for each of many vectors; `preparation.circuit()` converts it for Qiskit.

    A vector for which no fit reaches the fidelity has the circuit of multiplexed rotations, which is exact. The result
    does not depend on the number of workers.

    Args:
        vectors: (n, 2**q), real or complex, of any norm; a zero vector is |0…0⟩. At most 8 qubits (7 if complex).
        fidelity: least |⟨v|prepared⟩|² in (0, 1]; 1.0 means an infidelity of at most 1e-12.
        effort: "default", or "search" for wider growth and more starts.
        workers: threads; the compiled fits release the global interpreter lock.
        cache: earlier results by hash; new results are added at once, so that an interrupted run can be resumed.
        track: wraps the iteration over the vectors to report progress.

    Raises:
        ValueError: wrong shapes or options.
    """
    arguments.require(bool(0 < fidelity <= 1), "fidelity", "must be in (0, 1]", fidelity)
    infidelity = max(1 - fidelity, EXACT)
    solve = partial(_fewest, infidelity=infidelity, effort=arguments.one_of("effort", effort, EFFORTS))
    jobs = [(f"fewest {infidelity!r} {effort}", state, solve) for state in _states(vectors)]
    return [path[0] for path in _solved(jobs, workers, cache, track)]


def preparation_paths(
    vectors: ArrayLike,
    *,
    max_cx: int,
    infidelity: ArrayLike,
    effort: str = "default",
    workers: int = 1,
    cache: Cache | None = None,
    track: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> list[list[Preparation]]:
    """For each vector the best circuits found with 0, 1, … CX, as input of `equal_slope`.

    A path ends at `max_cx`, at one CX less than suffices for every state, or when the vector's `infidelity` is reached.

    Args:
        vectors: (n, 2**q) as in `prepare_batch`.
        max_cx: largest number of CX of a circuit.
        infidelity: infidelity at which a path ends; one value, or (n,) values such as a squared error divided by the
            energies.
        effort: "default", or "search" for wider growth.
        workers: threads.
        cache: as in `prepare_batch`.
        track: as in `prepare_batch`.
    """
    limit = integer("max_cx", max_cx, 0)
    arguments.one_of("effort", effort, EFFORTS)
    states = _states(vectors)
    ends = arguments.real("infidelity", infidelity)
    arguments.require_shape(ends.shape in ((), (len(states),)), "infidelity", f"() or ({len(states)},)", ends)
    arguments.require(bool(ends.min(initial=1.0) > 0), "infidelity", "must be positive", float(ends.min(initial=1.0)))
    jobs: list[Job] = [
        (f"path {limit} {goal!r} {effort}", state, partial(growth_path, infidelity=goal, effort=effort, max_cx=limit))
        for state, goal in zip(states, np.broadcast_to(ends, len(states)).tolist(), strict=True)
    ]
    return _solved(jobs, workers, cache, track)


def equal_slope(errors: Iterable[ArrayLike], *, mean_cx: float) -> Array:
    """Numbers of CX of the vectors that minimise the sum of errors for a mean number of CX.

    On the lower convex hull of every path the gain per CX decreases, so that repeatedly taking the step of largest gain
    is optimal. At the end all vectors have about the same slope of error against CX.

    Args:
        errors: for each vector its error with 0, 1, … CX: energy times infidelity, for the squared error of a picture.
        mean_cx: CX for each vector on average, at least 0.

    Returns:
        (n,) integers; their mean is at most `mean_cx`, and smaller if further CX do not reduce the errors.

    >>> equal_slope([[4.0, 1.0, 0.5], [9.0, 8.0, 1.0]], mean_cx=1.5)
    array([1, 2])
    """
    curves = [np.ravel(arguments.real("errors", curve)) for curve in errors]
    arguments.require(bool(mean_cx >= 0), "mean_cx", "must not be negative", mean_cx)
    steps = [(gain, vector, first, last) for vector, curve in enumerate(curves) for gain, first, last in _hull(curve)]
    # Gains of one vector decrease strictly along its hull, so its steps keep their order.
    steps.sort(key=lambda step: -step[0])
    chosen = np.zeros(len(curves), dtype=np.int64)
    budget = int(mean_cx * len(curves) + 1e-9)
    closed: set[int] = set()
    for _, vector, first, last in steps:
        if vector not in closed and last - first <= budget:
            chosen[vector] = last
            budget -= last - first
        else:
            closed.add(vector)
    return chosen


def _hull(curve: Array) -> Iterator[tuple[float, int, int]]:
    """Yield the steps (gain per CX, from, to) along the decreasing part of the lower convex hull of a curve."""
    first = 0
    while first < len(curve) - 1:
        gains = (curve[first] - curve[first + 1 :]) / np.arange(1, len(curve) - first)
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            return
        yield float(gains[best]), first, first + 1 + best
        first += 1 + best


def _states(vectors: ArrayLike) -> Array:
    data = arguments.vectors("vectors", vectors)
    length = data.shape[-1]
    ok = data.ndim == 2 and length >= 2 and length & (length - 1) == 0
    arguments.require_shape(ok, "vectors", "(n, 2**q)", data)
    largest = LARGEST // 2 if np.iscomplexobj(data) else LARGEST
    arguments.require(length <= largest, "vectors", f"must have at most {largest} components to be fitted", length)
    return amplitude_encode(data).amplitudes


def _fewest(vector: Array, *, infidelity: float, effort: str) -> list[Preparation]:
    return [fewest(vector, infidelity=infidelity, effort=effort) or multiplexed(vector)]


def _solved(
    jobs: Sequence[Job], workers: int, cache: Cache | None, track: Callable[[Iterable[Any]], Iterable[Any]]
) -> list[list[Preparation]]:
    """The result of every job, from the cache where it has one for the key and the state."""
    results: Cache = {} if cache is None else cache
    digests = [
        hashlib.sha256(key.encode() + str(state.dtype).encode() + state.tobytes()).hexdigest() for key, state, _ in jobs
    ]
    fresh = {digest: job for digest, job in zip(digests, jobs, strict=True) if digest not in results}
    pool = ThreadPoolExecutor(integer("workers", workers, 1))
    try:
        solved = pool.map(lambda job: job[2](job[1]), fresh.values())
        for digest, result in zip(track(list(fresh)), solved, strict=True):
            results[digest] = result
    finally:
        pool.shutdown(cancel_futures=True)
    return [results[digest] for digest in digests]
