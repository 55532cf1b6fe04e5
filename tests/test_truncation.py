"""Low rank: what is kept and what is discarded."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg import transforms, truncation
from qimg.core import Array
from qimg.metrics import trace_distance
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches
from qimg.states import picture_state
from qimg.truncation import discarded_weight, low_rank

SEEDS = st.integers(0, 2**32 - 1)


def random_matrix(seed: int, rows: int, columns: int) -> Array:
    real, imaginary = np.random.default_rng(seed).normal(size=(2, rows, columns))
    return real + 1j * imaginary


@given(seed=SEEDS, rows=st.integers(1, 7), columns=st.integers(1, 7), data=st.data())
def test_discarded_weight_is_the_relative_squared_error(
    seed: int, rows: int, columns: int, data: st.DataObject
) -> None:
    matrix = random_matrix(seed, rows, columns)
    kept = matrix.copy()
    rank = data.draw(st.integers(1, min(rows, columns)))
    result = low_rank(matrix, rank=rank)
    error = np.linalg.norm(matrix - result.matrix()) ** 2 / np.linalg.norm(matrix) ** 2
    assert_allclose(result.discarded_weight, error, atol=1e-14)
    assert result.rank == rank == np.linalg.matrix_rank(result.matrix())
    assert_allclose(result.left.conj().T @ result.left, np.eye(rank), atol=1e-13)
    assert_allclose(result.right @ result.right.conj().T, np.eye(rank), atol=1e-13)
    # Eckart–Young: no other matrix of the rank, a projection for instance, comes closer.
    basis = np.linalg.qr(random_matrix(seed + 1, rows, rank))[0]
    other = np.linalg.norm(matrix - basis @ (basis.conj().T @ matrix)) ** 2 / np.linalg.norm(matrix) ** 2
    assert error <= other + 1e-14
    assert_array_equal(matrix, kept)


@given(seed=SEEDS, rows=st.integers(1, 7), columns=st.integers(1, 7), energy=st.floats(1e-3, 1))
def test_energy_keeps_the_fewest_terms_that_reach_it(seed: int, rows: int, columns: int, energy: float) -> None:
    matrix = random_matrix(seed, rows, columns)
    result = low_rank(matrix, energy=energy)
    assert 1 - result.discarded_weight >= energy - 1e-12
    if result.rank > 1:
        assert 1 - low_rank(matrix, rank=result.rank - 1).discarded_weight < energy


@given(seed=SEEDS, rows=st.integers(1, 7), columns=st.integers(1, 7), threshold=st.floats(1e-3, 1))
def test_threshold_is_a_share_of_the_largest(seed: int, rows: int, columns: int, threshold: float) -> None:
    matrix = random_matrix(seed, rows, columns)
    values = np.linalg.svd(matrix, compute_uv=False)
    result = low_rank(matrix, threshold=threshold)
    assert_allclose(result.singular_values, values[values >= threshold * values[0]])


def test_zero_matrix_has_nothing_to_discard() -> None:
    assert low_rank(np.zeros((3, 2)), rank=1).discarded_weight == 0.0
    assert low_rank(np.zeros((3, 2)), energy=0.9).rank == 1


@pytest.mark.parametrize(("energy", "rank"), [(0.4, 1), (0.5, 1), (0.51, 2), (0.75, 2), (1.0, 3)])
def test_rank_for_energy_at_its_edges(energy: float, rank: int) -> None:
    assert truncation.rank_for_energy([4.0, 2.0, 2.0, 0.0], energy=energy) == rank


@given(seed=SEEDS, dimension=st.integers(1, 7), data=st.data())
def test_discarded_weight_is_the_trace_distance_to_the_truncation(
    density_matrices: Callable[..., Array], seed: int, dimension: int, data: st.DataObject
) -> None:
    rank = data.draw(st.integers(1, dimension))
    batch = density_matrices(seed, dimension, batch=(3,))
    weights = discarded_weight(batch, rank=rank)
    assert weights.shape == (3,)
    for rho, weight in zip(batch, weights, strict=True):
        operator = CorrelationOperator(matrix=rho, sum=np.zeros(dimension), count=1, weights="energy")
        truncated = operator.truncate(rank=rank).density_matrix()
        assert_allclose(weight, trace_distance(rho, truncated), atol=1e-13)
        assert_allclose(weight, discarded_weight(rho, rank=rank), atol=1e-15)


@pytest.mark.parametrize("rank", [1, 4, 16, 64])
def test_schmidt_truncation_of_a_picture_is_truncation_of_its_operator(bundled_luma: Array, rank: int) -> None:
    patches = extract_patches(bundled_luma[100:200, 100:200]) - 128.0
    rho = CorrelationOperator.from_patches(patches).density_matrix()
    schmidt = low_rank(picture_state(patches), rank=rank)
    assert_allclose(schmidt.discarded_weight, discarded_weight(rho, rank=rank), atol=1e-13)
    kept = truncation.keep_coefficients(patches, transforms.klt(rho), range(rank))
    error = np.sum((patches - kept) ** 2) / np.sum(patches**2)
    assert_allclose(error, schmidt.discarded_weight, atol=1e-13)


@given(seed=SEEDS, dimension=st.integers(1, 7), data=st.data())
def test_error_is_the_energy_of_what_is_dropped(
    unitaries: Callable[[int, int], Array], seed: int, dimension: int, data: st.DataObject
) -> None:
    vectors, unitary = random_matrix(seed, 9, dimension), unitaries(seed, dimension)
    before = vectors.copy()
    rho = CorrelationOperator.from_patches(vectors).density_matrix()
    order = truncation.energy_order(rho, unitary)
    energies = np.sum(np.abs(transforms.apply(unitary, vectors)) ** 2, axis=0)
    assert sorted(order) == list(range(dimension))
    assert (np.diff(energies[order]) <= 1e-12 * energies.sum()).all()
    rank = data.draw(st.integers(0, dimension))
    rebuilt = truncation.keep_coefficients(vectors, unitary, order[:rank])
    error = np.sum(np.abs(vectors - rebuilt) ** 2)
    assert_allclose(error, energies[order[rank:]].sum(), atol=1e-12 * energies.sum())
    assert_allclose(truncation.keep_coefficients(vectors[4], unitary, order[:rank]), rebuilt[4], atol=1e-13)
    assert_array_equal(vectors, before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: low_rank(np.eye(3)), r"exactly one of rank, energy and threshold must be given, but 0 are: \[\]"),
        (lambda: low_rank(np.eye(3), rank=1, energy=0.5), r"but 2 are: \['rank', 'energy'\]"),
        (lambda: low_rank(np.eye(3), rank=0), r"rank must be in \[1, 3\], but rank=0"),
        (lambda: low_rank(np.ones((3, 2)), rank=3), r"rank must be in \[1, 2\], but rank=3"),
        (lambda: low_rank(np.eye(3), energy=0), r"energy must be in \(0, 1\], but energy=0"),
        (lambda: low_rank(np.eye(3), energy=1.1), r"energy must be in \(0, 1\], but energy=1.1"),
        (lambda: low_rank(np.eye(3), threshold=2), r"threshold must be in \(0, 1\], but threshold=2"),
        (lambda: low_rank(np.ones(3), rank=1), r"matrix must have shape \(m, n\), but has shape \(3,\)"),
        (lambda: low_rank([[np.nan]], rank=1), "matrix must be finite"),
        (lambda: discarded_weight(np.eye(2) / 2, rank=3), r"rank must be in \[1, 2\], but rank=3"),
        (lambda: discarded_weight(np.eye(2), rank=1), "rho must have trace 1, but its trace is 2"),
        (lambda: truncation.energy_order(np.eye(2) / 2, np.ones((2, 2))), "unitary_matrix must be unitary"),
        (lambda: truncation.keep_coefficients(np.ones(3), np.eye(2), [0]), r"unitary_matrix must have shape \(d, d\)"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
