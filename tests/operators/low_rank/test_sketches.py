"""Sketches of one pass: the range finder converges, Frequent Directions keep their bound, both merge."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse.linalg import svds

from qimg.core import Array
from qimg.operators import FrequentDirections, LowRankOperator, Sketch
from qimg.operators.low_rank.range_finder import test_vectors as drawn_test_vectors
from qimg.operators.low_rank.streams import rule_of

SEEDS = st.integers(0, 2**32 - 1)


def vectors_of(seed: int, *, complex_: bool = False, count: int = 120, dimension: int = 25) -> Array:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, dimension)) * np.arange(1, dimension + 1) ** -0.7
    return vectors * np.exp(2j * np.pi * rng.random(size=(count, 1))) + 0.1j if complex_ else vectors


def directions(vectors: Array, rows: int, parts: int = 1) -> FrequentDirections:
    total = FrequentDirections(rows)
    for part in np.array_split(vectors, parts):
        sketch = FrequentDirections(rows)
        sketch.add(part)
        total.merge(sketch)
    return total


@given(seed=SEEDS, rows=st.integers(2, 24), parts=st.integers(1, 5), complex_=st.booleans())
def test_frequent_directions_keep_their_bound(seed: int, rows: int, parts: int, complex_: bool) -> None:
    vectors = vectors_of(seed, complex_=complex_)
    sketch = directions(vectors, rows, parts)
    exact, approximate = (data.T @ data.conj() for data in (vectors, sketch.rows))
    gap = np.linalg.eigvalsh(exact - approximate)
    trace = float(np.trace(exact).real)
    assert len(sketch.rows) <= rows
    # 0 ≤ M − Bᵀ B* ≤ Δ, up to the rounding of Gram matrices.
    assert gap[0] >= -1e-12 * trace
    assert gap[-1] <= sketch.shrinkage + 1e-12 * trace
    energies = np.linalg.eigvalsh(exact)[::-1]
    for k in range(min(rows, len(energies))):
        assert sketch.shrinkage <= (energies[k:].sum() / (rows + 1 - k)) * (1 + 1e-9)
    assert trace - float((np.abs(sketch.rows) ** 2).sum()) >= (rows + 1) * sketch.shrinkage * (1 - 1e-9)


def test_frequent_directions_of_few_vectors_are_exact() -> None:
    vectors = vectors_of(0, count=7)
    sketch = directions(vectors, 7)
    assert sketch.shrinkage == 0
    assert_allclose(sketch.rows.T @ sketch.rows, vectors.T @ vectors, atol=1e-13)
    more = sketch.approximation(9)
    assert_allclose(more.vectors.T @ more.vectors, np.eye(9), atol=1e-12)
    assert_array_equal(more.values[7:], 0)


@pytest.mark.parametrize("complex_", [False, True])
def test_power_iterations_converge_at_the_ratio_of_eigenvalues(complex_: bool) -> None:
    dimension, rank, columns, ratio = 40, 3, 6, 0.8
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(
        rng.normal(size=(dimension, dimension)) + (1j * rng.normal(size=(dimension, dimension)) if complex_ else 0)
    )[0]
    energies = ratio ** np.arange(dimension)
    vectors = np.sqrt(energies)[:, None] * rotation
    best = energies[rank:].sum() / energies.sum()
    passes = np.arange(1, 9)
    excess = [
        LowRankOperator.from_patches(vectors, rank, passes=int(p), oversampling=columns - rank).discarded_weight - best
        for p in passes
    ]
    # The angle to the k-th eigenvector shrinks with λ_{ℓ+1} / λ_k in each pass, the energy with its square.
    rate = np.exp(np.polyfit(passes[3:], np.log(excess[3:]), 1)[0])
    assert_allclose(rate, ratio ** (2 * (columns - rank + 1)), rtol=0.25)
    assert (np.diff(excess) < 0).all()


def test_eigenvalues_agree_with_svds_and_scikit_learn() -> None:
    utilities = pytest.importorskip("sklearn.utils.extmath")
    vectors = vectors_of(1, count=300, dimension=60)
    operator = LowRankOperator.from_patches(vectors, 8, passes=10)
    assert_allclose(operator.eigenvalues, np.sort(svds(vectors, 8)[1])[::-1] ** 2, rtol=1e-8)
    _, values, rows = utilities.randomized_svd(vectors, 8, n_oversamples=32, n_iter=10, random_state=0)
    assert_allclose(operator.eigenvalues, values**2, rtol=1e-8)
    assert_allclose(np.abs((operator.basis * rows).sum(axis=1)), 1, atol=1e-6)


@pytest.mark.parametrize("method", ["range_finder", "frequent_directions", "length_squared"])
@pytest.mark.parametrize("complex_", [False, True])
def test_sketches_of_parts_add(method: str, complex_: bool) -> None:
    vectors = vectors_of(2, complex_=complex_)
    sketches = [Sketch(5, method, seed=3).add(part) for part in np.split(vectors, 4)]
    kept = [sketch.operator().eigenvalues for sketch in sketches]
    sent = [pickle.loads(pickle.dumps(sketch)) for sketch in sketches]
    total = sum(sent).operator()
    assert_allclose(total.trace, (np.abs(vectors) ** 2).sum(), rtol=1e-13)
    assert_allclose(total.sum, vectors.sum(axis=0), atol=1e-11)
    whole = Sketch(5, method, seed=3).add(vectors)
    assert whole.count == total.count == 120
    if method == "range_finder":
        assert_allclose(total.eigenvalues, whole.operator().eigenvalues, rtol=1e-9)
        once = LowRankOperator.from_patches(iter([vectors]), 5, seed=3)
        assert_allclose(total.eigenvalues, once.eigenvalues, rtol=1e-9)
    low, high = total.discarded_weight_bounds
    assert low - 1e-9 <= total.discarded_weight_of(vectors) <= high + 1e-9
    for sketch, values in zip(sketches, kept, strict=True):
        assert_array_equal(sketch.operator().eigenvalues, values)


def test_a_sketch_goes_on_after_a_file() -> None:
    vectors = vectors_of(4)
    halves = np.split(vectors, 2)
    sketch = pickle.loads(pickle.dumps(Sketch(5).add(halves[0])))
    assert_allclose(
        sketch.add(halves[1]).operator().eigenvalues, Sketch(5).add(vectors).operator().eigenvalues, rtol=1e-9
    )


def test_sketches_that_do_not_add_are_refused() -> None:
    vectors = vectors_of(0)
    with pytest.raises(ValueError, match="sketches of different arguments do not add"):
        Sketch(5, seed=0).add(vectors) + Sketch(5, seed=1).add(vectors)
    with pytest.raises(ValueError, match="sketches of different vectors do not add"):
        Sketch(5).add(vectors) + Sketch(5).add(vectors.astype(np.float32))
    with pytest.raises(ValueError, match="at least one batch of vectors, but none was added"):
        Sketch(5).operator()
    with pytest.raises(ValueError, match=r"rank must be in \[1, 25\], but rank=30"):
        Sketch(30).add(vectors).operator()


def test_test_vectors_depend_on_the_seed_alone() -> None:
    rule = rule_of(np.zeros((1, 50), np.float32), shift=0.0, weights="energy")
    first, again, other = (drawn_test_vectors(rule, 7, seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert first.dtype == np.float32
    assert_allclose(first.T @ first, np.eye(7), atol=1e-6)  # single precision
