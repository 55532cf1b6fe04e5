"""Streams of vectors: every form of a source gives the same operator, in constant memory, on any workers."""

import tracemalloc
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from qimg.core import Array
from qimg.core.workers import Threads, dask_cluster, processes
from qimg.operators import DrawnPatches, LowRankOperator
from qimg.operators.low_rank.streams import Rule, squared_norms

BYTES = np.random.default_rng(0).integers(0, 256, size=(90, 30)).astype(np.uint8)


def thirds() -> Iterator[Array]:
    return iter(np.split(BYTES, 3))


def third(number: int) -> Array:
    return BYTES[30 * number : 30 * number + 30]


class Source:
    def __iter__(self) -> Iterator[Array]:
        return thirds()


def operator(patches: object, **options: object) -> LowRankOperator:
    return LowRankOperator.from_patches(patches, 4, shift=128.0, **{"oversampling": 6, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["range_finder", "frequent_directions", "length_squared"])
def test_forms_of_a_source_agree(method: str) -> None:
    reference = operator(list(thirds()), method=method)
    forms = [thirds, Source(), tuple(thirds()), [partial(third, k) for k in range(3)], [lambda: thirds()]]
    for form in forms:
        result = operator(form, method=method)
        assert_allclose(result.discarded_weight, reference.discarded_weight, rtol=0.3)
        if form is not forms[-1]:  # one part instead of three draws otherwise
            assert_allclose(result.eigenvalues, reference.eigenvalues, rtol=1e-6)
        assert (result.trace, result.count) == (reference.trace, 90)
        assert not result.discarded_weight_is_estimate


def test_an_iterator_is_read_once() -> None:
    once = operator(thirds())
    again = operator(thirds, passes=1, verify=False)
    assert_allclose(once.eigenvalues, again.eigenvalues, rtol=1e-6)
    assert once.discarded_weight_is_estimate
    with pytest.raises(ValueError, match="passes must be 1 for an iterator, which can be read once, but passes=2"):
        operator(thirds(), passes=2)
    with pytest.raises(ValueError, match="start must be 0 for an iterator, which can be read once only, but start=9"):
        operator(thirds(), start=9)
    with pytest.raises(ValueError, match="verify must be False for an iterator, which can be read once only"):
        operator(thirds(), verify=True)


def test_bytes_have_an_exact_trace_and_sum() -> None:
    wide = np.random.default_rng(1).integers(0, 256, size=(700, 3000)).astype(np.uint8)
    result = LowRankOperator.from_patches(wide, 2, shift=128.0, passes=1)
    integers = wide.astype(np.int64) - 128
    assert result.trace == (integers**2).sum()
    assert_array_equal(result.sum, integers.sum(axis=0))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.float16, np.float32, np.complex64, np.bool_])
def test_single_precision_agrees_with_double(dtype: type) -> None:
    vectors = np.random.default_rng(2).integers(0, 100, size=(400, 50)).astype(dtype)
    wide = vectors.astype(np.complex128 if dtype == np.complex64 else np.float64)
    single, double = (LowRankOperator.from_patches(one, 5) for one in (vectors, wide))
    # Rounding of single precision is 6e-8 of a product, of a sum of 50 a few times that; the test vectors are the same.
    assert_allclose(single.discarded_weight, double.discarded_weight, rtol=0, atol=1e-6)
    assert_allclose(single.trace, double.trace, rtol=1e-14)
    assert_allclose(single.sum, double.sum, rtol=1e-12)


def test_a_shift_that_single_precision_does_not_hold_is_taken_in_double() -> None:
    vectors = np.zeros((3, 4), np.uint8)
    assert LowRankOperator.from_patches(vectors, 1, shift=0.1).trace == pytest.approx(0.12, rel=1e-14)


@pytest.mark.parametrize("exact", [False, True])
def test_squared_norms(exact: bool) -> None:
    vectors = np.random.default_rng(3).integers(-128, 128, size=(5, 2500)).astype(np.float32)
    assert_array_equal(squared_norms(vectors, exact=exact), (vectors.astype(np.int64) ** 2).sum(axis=1))


def test_exactness_depends_on_the_range_of_integers() -> None:
    def exact(source: str, shift: float) -> bool:
        return Rule(dimension=1, dtype="f4", source=source, shift=shift).exact

    assert exact("u1", 128.0)
    assert exact("i1", 0.0)
    assert not exact("u1", 0.0)  # squares of 255
    assert not exact("i1", 128.0)
    assert not exact("u1", 127.5)
    assert not exact("f4", 0.0)


@pytest.mark.parametrize("method", ["range_finder", "frequent_directions", "length_squared"])
def test_threads_give_the_same_bits(method: str) -> None:
    alone = operator([partial(third, k) for k in range(3)], method=method)
    threads = operator([partial(third, k) for k in range(3)], method=method, workers=Threads(3))
    assert_array_equal(alone.basis, threads.basis)
    assert alone.discarded_weight == threads.discarded_weight


@pytest.mark.slow
@pytest.mark.parametrize("method", ["range_finder", "frequent_directions", "length_squared"])
def test_processes_give_the_same_bits(method: str) -> None:
    parts = [partial(thirds_of, k) for k in range(3)]
    alone = operator(parts, method=method)
    with processes(2) as pool:
        result = operator(parts, method=method, workers=pool)
    assert_array_equal(alone.basis, result.basis)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bits() -> None:
    parts = [partial(thirds_of, k) for k in range(3)]
    with dask_cluster(None, workers=2) as cluster:
        assert_array_equal(operator(parts).basis, operator(parts, workers=cluster).basis)


def thirds_of(number: int) -> Array:
    """A batch that a process makes itself."""
    return np.random.default_rng(number).integers(0, 256, size=(30, 30)).astype(np.uint8)


def test_memory_does_not_grow_with_the_vectors() -> None:
    def peak(batches: int) -> int:
        source = [partial(np.random.default_rng(k).normal, size=(50, 200)) for k in range(batches)]
        tracemalloc.start()
        LowRankOperator.from_patches(source, 4, oversampling=4)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(2)
    assert peak(60) < 1.2 * peak(6)


def test_a_start_saves_a_pass() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2000, 100)) * np.arange(1, 101) ** -1.0
    best = 1 - np.linalg.svd(vectors, compute_uv=False)[:10].__pow__(2).sum() / (vectors**2).sum()
    passes = {
        start: LowRankOperator.from_patches(vectors, 10, passes=1, oversampling=5, start=start) for start in (0, 400)
    }
    excess = {start: result.discarded_weight / best - 1 for start, result in passes.items()}
    assert 0 <= excess[400] < 0.1 * excess[0]
    reread = [partial(np.array, part) for part in np.split(vectors, 20)]
    again = LowRankOperator.from_patches(reread, 10, passes=1, oversampling=5, start=400)
    assert again.discarded_weight / best - 1 < 0.1 * excess[0]


def test_sources_that_are_none_are_refused() -> None:
    for empty, message in (([], "must have shape"), (iter([]), "at least one batch"), ([lambda: iter([])], "is empty")):
        with pytest.raises(ValueError, match=message):
            operator(empty)
    with pytest.raises(ValueError, match=r"patches must have shape \(n, 30\), but has shape \(2, 5\)"):
        operator([BYTES, np.ones((2, 5), np.uint8)])
    with pytest.raises(ValueError, match="one dtype, but a batch of float64 follows one of uint8"):
        operator([BYTES, np.ones((2, 30))])
    with pytest.raises(ValueError, match="patches must be numeric, but have dtype <U1"):
        operator(np.array([["a"]]))
    with pytest.raises(ValueError, match="patches must be finite"):
        operator(np.array([[np.nan, 1.0]]).repeat(20, axis=1))
    with pytest.raises(ValueError, match=r"patches must have shape \(n, d\), but has shape \(3,\)"):
        operator(np.ones(3))


def test_drawn_patches_are_those_of_the_pictures() -> None:
    pictures = [np.arange(300, dtype=np.uint8).reshape(10, 10, 3), np.arange(600).astype(np.uint8).reshape(20, 10, 3)]
    source = DrawnPatches(pictures, size=4, count=50, seed=3)
    batches = np.concatenate(list(source))
    assert_array_equal(batches, np.concatenate(list(source)))
    assert (batches.shape, source.dimension, len(source)) == ((50, 48), 48, 1)
    windows = {
        pictures[k][r : r + 4, c : c + 4].transpose(2, 0, 1).tobytes()
        for k, (rows, columns) in enumerate([(7, 7), (17, 7)])
        for r in range(rows)
        for c in range(columns)
    }
    assert all(patch.tobytes() in windows for patch in batches)
    assert all(patch.tobytes() in {one.tobytes() for one in batches} for patch in source.sample(20, 0))
    assert len(source.sample(80, 0)) == 50


def test_every_position_is_equally_likely() -> None:
    pictures = [np.array([[0, 1], [2, 3]]), np.arange(4, 10).reshape(2, 3)]
    counts = np.bincount(np.concatenate(list(DrawnPatches(pictures, size=1, count=20_000, seed=0))).ravel())
    # Standard deviation of a count: √(2000 · 0.9) = 42.
    assert np.abs(counts - 2000).max() < 5 * 42


def test_patches_that_cannot_be_drawn_are_refused() -> None:
    picture = np.zeros((5, 9), np.uint8)
    with pytest.raises(ValueError, match="size must be at most 5 for these pictures, but size=6"):
        DrawnPatches([picture], size=6, count=1)
    with pytest.raises(ValueError, match="pictures must have one number of planes and one number type"):
        DrawnPatches([picture, picture.astype(float)], size=2, count=1)
    with pytest.raises(ValueError, match="pictures must hold at least one picture"):
        DrawnPatches([], size=2, count=1)
