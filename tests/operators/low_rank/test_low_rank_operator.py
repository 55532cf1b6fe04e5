"""Low-rank operators: they agree with the dense ones, add, truncate, and survive a file."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg.core import Array
from qimg.operators import CorrelationOperator, LowRankOperator, OperatorFileError, von_neumann_entropy

SEEDS = st.integers(0, 2**32 - 1)
METHODS = ("range_finder", "frequent_directions", "length_squared")


def decaying(seed: int, count: int = 80, dimension: int = 20, *, complex_: bool = False, power: float = 1.0) -> Array:
    """Vectors whose standard deviations fall as a power of the component, turned by a random rotation."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, dimension))
    if complex_:
        vectors = vectors + 1j * rng.normal(size=(count, dimension))
    rotation = np.linalg.qr(rng.normal(size=(dimension, dimension)))[0]
    return vectors * np.arange(1, dimension + 1) ** -power @ rotation + 0.1


def weight_left(basis: Array, vectors: Array) -> float:
    """Share of the energy of vectors outside of the span of the rows of a basis, by definition."""
    rest = vectors - vectors @ basis.conj().T @ basis
    return float((np.abs(rest) ** 2).sum() / (np.abs(vectors) ** 2).sum())


@given(seed=SEEDS, rank=st.integers(1, 6), complex_=st.booleans(), method=st.sampled_from(METHODS))
def test_vectors_of_low_rank_are_kept_exactly(seed: int, rank: int, complex_: bool, method: str) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(2, 60, rank)), rng.normal(size=(2, rank, 15))
    vectors = left[0] @ right[0] + (1j * left[1] @ right[0] if complex_ else 0)
    dense = CorrelationOperator.from_patches(vectors)
    operator = LowRankOperator.from_patches(vectors, rank, method)
    rebuilt = operator.to_correlation_operator()
    scale = float(np.abs(dense.matrix).max())
    # Frequent Directions take eigenvalues of Gram matrices, which are right to about 1e-8 of the square root of eps.
    assert_allclose(rebuilt.matrix, dense.matrix, rtol=0, atol=1e-9 * scale)
    assert_allclose(rebuilt.sum, dense.sum, rtol=0, atol=1e-7 * np.sqrt(scale) * 60)
    assert_allclose(operator.sum, dense.sum, atol=1e-11)
    assert_allclose(operator.mean, dense.mean, atol=1e-12)
    assert_allclose(operator.trace, np.trace(dense.matrix).real, rtol=1e-13)
    assert (operator.count, operator.rank, operator.dimension) == (60, rank, 15)
    assert operator.discarded_weight < 1e-9
    assert not operator.discarded_weight_is_estimate


@given(
    seed=SEEDS, complex_=st.booleans(), method=st.sampled_from(METHODS), weights=st.sampled_from(["energy", "uniform"])
)
def test_verified_weight_is_that_of_the_basis(seed: int, complex_: bool, method: str, weights: str) -> None:
    vectors = decaying(seed, complex_=complex_)
    operator = LowRankOperator.from_patches(vectors, 4, method, oversampling=3, weights=weights)
    used = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if weights == "uniform" else vectors
    assert_allclose(operator.discarded_weight, weight_left(operator.basis, used), rtol=1e-9)
    assert operator.discarded_weight_bounds == (operator.discarded_weight, operator.discarded_weight)
    best = CorrelationOperator.from_patches(vectors, weights).spectrum()
    assert operator.discarded_weight >= best[4:].sum() - 1e-12
    matrix = operator.basis.conj() @ (used.T @ used.conj()) @ operator.basis.T
    assert_allclose(matrix, np.diag(operator.eigenvalues), atol=1e-9 * operator.trace)
    assert_allclose(operator.spectrum().sum(), 1 - operator.discarded_weight, rtol=1e-12)


@given(seed=SEEDS, complex_=st.booleans(), method=st.sampled_from(METHODS[:2]), parts=st.integers(1, 4))
def test_interval_of_one_pass_contains_the_weight(seed: int, complex_: bool, method: str, parts: int) -> None:
    vectors = decaying(seed, complex_=complex_)
    operator = LowRankOperator.from_patches(iter(np.array_split(vectors, parts)), 4, method, oversampling=3)
    low, high = operator.discarded_weight_bounds
    weight = weight_left(operator.basis, vectors)
    assert low - 1e-9 <= weight <= high + 1e-9
    assert operator.discarded_weight_is_estimate
    assert low < operator.discarded_weight <= high
    assert_allclose(operator.discarded_weight_of(vectors), weight, rtol=1e-9)


def test_interval_of_a_sample_covers() -> None:
    vectors = decaying(0, 400)
    inside = 0
    for seed in range(40):
        operator = LowRankOperator.from_patches(vectors, 2, "length_squared", seed=seed, oversampling=198, verify=False)
        low, high = operator.discarded_weight_bounds
        inside += low <= weight_left(operator.basis, vectors) <= high
    assert 0 <= low < high < 1
    assert inside >= 38  # Chebyshev's inequality promises 95 % and gives more


@pytest.mark.parametrize("method", METHODS)
def test_one_seed_gives_one_operator(method: str) -> None:
    vectors = decaying(3)
    first, again, other = (
        LowRankOperator.from_patches(vectors, 4, method, seed=seed, oversampling=6) for seed in (1, 1, 2)
    )
    assert_array_equal(first.basis, again.basis)
    if method != "frequent_directions":  # which is deterministic
        assert np.abs(first.basis - other.basis).max() > 1e-12


def test_eigenvectors_have_the_phase_of_the_dense_ones() -> None:
    vectors = decaying(1, complex_=True)
    dense = CorrelationOperator.from_patches(vectors)
    exact = LowRankOperator.from_operator(dense, 5)
    found = LowRankOperator.from_patches(vectors, 5, passes=12)
    assert_allclose(exact.eigenbasis(), dense.eigenbasis()[:, :5], atol=1e-12)
    assert_allclose(found.eigenbasis(), exact.eigenbasis(), atol=1e-6)
    assert_allclose(found.eigenvalues, exact.eigenvalues, rtol=1e-9)
    assert_allclose(found.spectrum(), dense.spectrum()[:5], rtol=1e-9)


@given(
    seed=SEEDS, complex_=st.booleans(), one_pass=st.booleans(), ranks=st.tuples(st.integers(1, 6), st.integers(1, 6))
)
def test_operators_add(seed: int, complex_: bool, one_pass: bool, ranks: tuple[int, int]) -> None:
    halves = decaying(seed, complex_=complex_), 2 * decaying(seed + 1, 50, complex_=complex_)
    parts = [
        LowRankOperator.from_patches(iter([half]) if one_pass else half, rank)
        for half, rank in zip(halves, ranks, strict=True)
    ]
    kept = [part.basis.copy() for part in parts]
    total = sum(parts)
    vectors = np.concatenate(halves)
    assert (total.count, total.rank) == (130, max(ranks))
    assert_allclose(total.trace, (np.abs(vectors) ** 2).sum(), rtol=1e-12)
    assert_allclose(total.sum, vectors.sum(axis=0), atol=1e-11)
    low, high = total.discarded_weight_bounds
    assert low - 1e-9 <= weight_left(total.basis, vectors) <= high + 1e-9
    for part, basis in zip(parts, kept, strict=True):
        assert_array_equal(part.basis, basis)


@given(seed=SEEDS, one_pass=st.booleans(), method=st.sampled_from(METHODS[:2]), rank=st.integers(1, 5))
def test_intervals_hold_through_sums_and_truncations(seed: int, one_pass: bool, method: str, rank: int) -> None:
    parts = [scale * decaying(seed + number, 40) for number, scale in enumerate((1, 3, 2, 5))]
    first, *others = [
        LowRankOperator.from_patches(iter([part]) if one_pass else part, 5, method, oversampling=3) for part in parts
    ]
    total = (first + others[0]).truncate(rank=4) + (others[1] + others[2])
    total = total.truncate(rank=min(rank, total.rank))
    low, high = total.discarded_weight_bounds
    assert low - 1e-9 <= weight_left(total.basis, np.concatenate(parts)) <= high + 1e-9


def test_operators_of_the_same_span_add_without_loss() -> None:
    rng = np.random.default_rng(0)
    span = rng.normal(size=(3, 12))
    halves = rng.normal(size=(2, 30, 3)) @ span
    total = sum(LowRankOperator.from_patches(half, 3) for half in halves)
    both = LowRankOperator.from_patches(np.concatenate(halves), 3)
    assert_allclose(total.eigenvalues, both.eigenvalues, rtol=1e-12)
    assert max(total.discarded_weight_bounds) < 1e-6  # the square root of rounding
    assert_allclose(total.basis, both.basis, atol=1e-9)


@given(seed=SEEDS, rank=st.integers(1, 8))
def test_truncation_keeps_the_leading_eigenvectors(seed: int, rank: int) -> None:
    vectors = decaying(seed)
    exact = LowRankOperator.from_operator(CorrelationOperator.from_patches(vectors), 8)
    part = exact.truncate(rank=rank)
    dense = CorrelationOperator.from_patches(vectors).truncate(rank=rank)
    assert_allclose(part.to_correlation_operator().matrix, dense.matrix, atol=1e-11 * exact.trace)
    assert_allclose(part.to_correlation_operator().sum, dense.sum, atol=1e-9)
    assert_allclose(part.discarded_weight, weight_left(part.basis, vectors), rtol=1e-9)
    assert_allclose(part.discarded_weight_bounds, 2 * [part.discarded_weight], rtol=1e-9)
    once = LowRankOperator.from_patches(iter([vectors]), 8, oversampling=4).truncate(rank=rank)
    low, high = once.discarded_weight_bounds
    assert low - 1e-9 <= weight_left(once.basis, vectors) <= high + 1e-9


def test_permuted_components() -> None:
    vectors = decaying(5)
    order = np.random.default_rng(0).permutation(20)
    operator = LowRankOperator.from_patches(vectors, 4)
    turned = operator.permuted(order)
    assert_allclose(turned.discarded_weight_of(vectors[:, order]), operator.discarded_weight, rtol=1e-10)
    assert_array_equal(turned.sum, operator.sum[order])


def test_held_out_weight_and_psnr_by_definition() -> None:
    operator = LowRankOperator.from_patches(decaying(0), 5)
    unseen = decaying(9, 33)
    assert_allclose(operator.discarded_weight_of(unseen), weight_left(operator.basis, unseen), rtol=1e-10)
    assert_allclose(operator.populations_of(iter([unseen])).sum(), 1 - weight_left(operator.basis, unseen), rtol=1e-10)
    errors = [np.mean((unseen - operator.truncate(rank=k).project(unseen)) ** 2) for k in range(1, 6)]
    assert_allclose(operator.psnr_db_of(unseen, data_range=2.0), 10 * np.log10(4 / np.array(errors)), rtol=1e-9)
    assert_allclose(operator.psnr_db(), operator.psnr_db_of(decaying(0)), rtol=1e-9)
    assert_allclose(operator.coefficients(unseen) @ operator.basis, operator.project(unseen), atol=1e-12)


@given(seed=SEEDS, rank=st.integers(1, 20))
def test_interval_of_the_entropy_contains_it(seed: int, rank: int) -> None:
    dense = CorrelationOperator.from_patches(decaying(seed))
    low, high = LowRankOperator.from_operator(dense, rank).entropy_bounds()
    assert low - 1e-9 <= float(von_neumann_entropy(dense.density_matrix())) <= high + 1e-9


def test_density_matrix_and_qiskit() -> None:
    operator = LowRankOperator.from_patches(decaying(2, complex_=True), 4)
    rho = operator.density_matrix()
    assert_allclose(np.trace(rho), 1, rtol=1e-12)
    assert_allclose(np.linalg.eigvalsh(rho)[::-1][:4], operator.eigenvalues / operator.eigenvalues.sum(), atol=1e-12)
    state = operator.to_qiskit()
    assert state.num_qubits == 5
    assert_allclose(state.data[:20, :20], rho, atol=1e-12)


def test_a_large_operator_is_never_a_matrix() -> None:
    operator = LowRankOperator.from_patches(np.eye(3, 12_288), 2)
    for form in (operator.density_matrix, operator.to_correlation_operator, operator.to_qiskit):
        with pytest.raises(ValueError, match=r"dimension must be at most 4096 .* 1152 MiB here, but dimension=12288"):
            form()


@pytest.mark.parametrize("complex_", [False, True])
def test_a_file_gives_the_operator_back(tmp_path: Path, complex_: bool) -> None:
    operator = LowRankOperator.from_patches(iter([decaying(0, complex_=complex_)]), 4, weights="uniform")
    operator.save(tmp_path / "operator.npz")
    again = LowRankOperator.load(tmp_path / "operator.npz")
    for name in ("eigenvalues", "basis", "sum"):
        assert_array_equal(getattr(again, name), getattr(operator, name))
    assert (again.trace, again.count, again.weights, again.energy) == (
        operator.trace, operator.count, operator.weights, operator.energy
    )  # fmt: skip


def test_files_that_hold_no_operator_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    with pytest.raises(OperatorFileError, match="no such file"):
        LowRankOperator.load(path)
    CorrelationOperator.from_patches(decaying(0)).save(path)
    with pytest.raises(OperatorFileError, match=r"file.npz: is no low-rank operator, or damaged"):
        LowRankOperator.load(path)
    LowRankOperator.from_patches(decaying(0), 3).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(OperatorFileError, match="damaged"):
        LowRankOperator.load(path)
    arrays = {"eigenvalues": np.ones(2), "basis": np.ones((2, 3)), "sum": np.ones(3), "trace": 9.0, "count": 3}
    header = np.array(["qimg low-rank operator", "1", "energy"])
    np.savez(path, header=header, energy=np.array([1.0, 1.0]), **arrays)
    with pytest.raises(OperatorFileError, match=r"basis must have orthonormal rows, but V V† deviates from 1 by 3"):
        LowRankOperator.load(path)
    np.savez(path, header=np.array(["qimg low-rank operator", "7", "energy"]), energy=np.array([1.0, 1.0]), **arrays)
    with pytest.raises(OperatorFileError, match=r"expected qimg low-rank operator version 1, but found .* 7"):
        LowRankOperator.load(path)


def test_texts_name_rank_weight_and_estimate() -> None:
    vectors = decaying(0, dimension=48)
    exact, once = LowRankOperator.from_patches(vectors, 3), LowRankOperator.from_patches(iter([vectors]), 3)
    assert re.search(r"rank=3, dimension=48, count=80, .* real, discarded_weight=0\.\d+\)$", repr(exact))
    assert re.search(r"\(estimate, in \[0\.\d+, 0\.\d+\]\)\)$", repr(once))
    html = once._repr_html_()
    assert html.count("<img") == 3
    assert "rank 3 of 48" in html
    assert "(estimate, in [" in html
    assert "<img" not in LowRankOperator.from_patches(decaying(0, dimension=13), 3)._repr_html_()
    assert "all vectors are zero" in LowRankOperator.from_patches(np.zeros((4, 9)), 3)._repr_html_()


def test_zero_vectors_have_no_density_matrix() -> None:
    operator = LowRankOperator.from_patches(np.zeros((4, 9)), 3)
    assert_array_equal(operator.eigenvalues, 0)
    for ask in (operator.spectrum, operator.density_matrix, lambda: operator.discarded_weight):
        with pytest.raises(ValueError, match=r"must not all be zero|all vectors are zero"):
            ask()
    with pytest.raises(ValueError, match="hold a vector that is not zero"):
        LowRankOperator.from_patches(np.zeros((4, 9)), 3, "length_squared")


def test_wrong_arguments_are_named() -> None:
    vectors = decaying(0)
    operator = LowRankOperator.from_patches(vectors, 3)
    with pytest.raises(ValueError, match=r"rank must be in \[1, 20\], but rank=21"):
        LowRankOperator.from_patches(vectors, 21)
    with pytest.raises(
        ValueError, match="method must be one of frequent_directions, length_squared, range_finder, but"
    ):
        LowRankOperator.from_patches(vectors, 3, "svd")
    with pytest.raises(ValueError, match="passes must be 1 for frequent_directions, which reads once, but passes=2"):
        LowRankOperator.from_patches(vectors, 3, "frequent_directions", passes=2)
    with pytest.raises(ValueError, match="start must be 0 for length_squared, but start=5"):
        LowRankOperator.from_patches(vectors, 3, "length_squared", start=5)
    with pytest.raises(ValueError, match=r"rank must be in \[1, 3\], but rank=4"):
        operator.truncate(rank=4)
    with pytest.raises(ValueError, match="order must be a permutation of 20 components"):
        operator.permuted([0, 1])
    with pytest.raises(ValueError, match="patches must have 20 components, but patches=5"):
        operator.discarded_weight_of(np.ones((2, 5)))
    with pytest.raises(ValueError, match="operators of different weights do not add: energy and uniform"):
        operator + LowRankOperator.from_patches(vectors, 3, weights="uniform")
    with pytest.raises(ValueError, match="operators of different dimensions do not add: 20 and 5"):
        operator + LowRankOperator.from_patches(np.ones((2, 5)), 3)
    with pytest.raises(ValueError, match=r"energy must be an interval within \[0, .*\], but energy=\(2.0, 1.0\)"):
        LowRankOperator(eigenvalues=[1.0], basis=[[1.0]], trace=3.0, sum=[1.0], count=1, energy=(2.0, 1.0))
