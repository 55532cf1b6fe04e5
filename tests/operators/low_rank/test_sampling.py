"""Length-squared sampling: draws have their probabilities, samples their error, and the data structure its cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from qimg.core import Array
from qimg.operators import RowSample, SampleQuery, length_squared_basis

SEEDS = st.integers(0, 2**32 - 1)


def uneven(seed: int = 0, count: int = 60, dimension: int = 8) -> Array:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, dimension)) * rng.lognormal(size=(count, 1)) * np.arange(1, dimension + 1) ** -0.5


def sample(vectors: Array, count: int, seed: int, probabilities: str = "length_squared", parts: int = 3) -> RowSample:
    total = RowSample(count, probabilities, seed=seed)  # type: ignore[arg-type]
    for part in np.array_split(vectors, parts):
        one = total.fresh()
        one.add(part)
        total.merge(one)
    return total


@pytest.mark.parametrize("probabilities", ["length_squared", "uniform"])
@pytest.mark.parametrize("parts", [1, 4])
def test_rows_are_drawn_with_their_probabilities(probabilities: str, parts: int) -> None:
    vectors = uneven(count=20)
    drawn = sample(vectors, 20_000, 1, probabilities, parts)
    numbers = np.abs(drawn.rows[:, :1] - vectors[:, 0]).argmin(axis=1)
    counts = np.bincount(numbers, minlength=20)
    shares = (vectors**2).sum(axis=1) if probabilities == "length_squared" else np.ones(20)
    expected = 20_000 * shares / shares.sum()
    assert_array_equal(drawn.rows, vectors[numbers])
    large = expected > 5
    chi = float(((counts - expected)[large] ** 2 / expected[large]).sum())
    assert chi < stats.chi2.ppf(0.9999, large.sum() - 1)


@pytest.mark.parametrize("probabilities", ["length_squared", "uniform"])
def test_sampled_moments_have_the_right_mean_and_error(probabilities: str) -> None:
    vectors, size = uneven(), 40
    exact = vectors.T @ vectors
    trace = float(np.trace(exact))
    moments = []
    for seed in range(300):
        rows = sample(vectors, size, seed, probabilities).scaled_rows()
        moments.append(rows.T @ rows)
    errors = [float(np.linalg.norm(one - exact) ** 2) for one in moments]
    deviation = np.std(moments, axis=0) / np.sqrt(300)
    assert (np.abs(np.mean(moments, axis=0) - exact) < 5 * deviation).all()
    spread = trace**2 if probabilities == "length_squared" else 60 * float(((vectors**2).sum(axis=1) ** 2).sum())
    # E ‖S − M‖² = (spread − ‖M‖²) / s, in both cases.
    expected = (spread - float(np.linalg.norm(exact) ** 2)) / size
    assert abs(np.mean(errors) - expected) < 5 * np.std(errors) / np.sqrt(300)
    if probabilities == "length_squared":
        assert np.mean(errors) < trace**2 / size


def test_energy_of_sampled_vectors_keeps_the_additive_bound() -> None:
    vectors, rank, size = uneven(count=200), 2, 60
    exact = vectors.T @ vectors
    best = np.linalg.eigvalsh(exact)[::-1][:rank].sum()
    losses = []
    for seed in range(60):
        basis = sample(vectors, size, seed).approximation(rank).vectors
        assert_allclose(basis.T @ basis, np.eye(rank), atol=1e-12)
        losses.append((best - np.trace(basis.T @ exact @ basis)) / np.trace(exact))
    assert min(losses) > -1e-12
    assert np.mean(losses) < 2 * np.sqrt(rank / size)


@given(seed=SEEDS, count=st.integers(1, 9), dimension=st.integers(1, 9), complex_=st.booleans())
def test_trees_hold_the_squares_of_the_matrix(seed: int, count: int, dimension: int, complex_: bool) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, dimension)) + (1j * rng.normal(size=(count, dimension)) if complex_ else 0)
    access = SampleQuery(matrix)
    for _ in range(3):
        row, column, value = rng.integers(count), rng.integers(dimension), rng.normal()
        access.update(int(row), int(column), value)
        matrix[row, column] = value
    assert_array_equal(access.query(np.arange(count)[:, None], np.arange(dimension)), matrix)
    assert_allclose(access.squared_norm(np.arange(count)), (np.abs(matrix) ** 2).sum(axis=1), rtol=1e-12)
    assert_allclose(access.squared_norm(), (np.abs(matrix) ** 2).sum(), rtol=1e-12)
    assert access.shape == (count, dimension)
    rows = access.sample_rows(rng, 50)
    columns = access.sample_entries(rows, rng)
    assert (np.abs(matrix[rows, columns]) > 0).all()


def test_entries_are_drawn_by_their_squares() -> None:
    matrix = uneven(3, 11, 5)
    access, rng = SampleQuery(matrix), np.random.default_rng(0)
    rows = access.sample_rows(rng, 40_000)
    columns = access.sample_entries(rows, rng)
    expected = (40_000 * matrix**2 / (matrix**2).sum()).ravel()
    counts = np.bincount(5 * rows + columns, minlength=55)
    large = expected > 5
    chi = float(((counts - expected)[large] ** 2 / expected[large]).sum())
    assert chi < stats.chi2.ppf(0.9999, large.sum() - 1)
    # Two nodes at each of ⌈log₂ 11⌉ + ⌈log₂ 5⌉ levels.
    assert access.nodes_read == 40_000 * 2 * (4 + 3)


@pytest.mark.parametrize("complex_", [False, True])
def test_sampled_basis_approaches_the_singular_vectors(complex_: bool) -> None:
    rng = np.random.default_rng(0)
    matrix = uneven(1, 150, 20) + (1j * uneven(2, 150, 20) if complex_ else 0)
    exact = matrix.T @ matrix.conj()
    values = np.linalg.eigvalsh(exact)[::-1]
    access = SampleQuery(matrix)
    mean_loss = {}
    for size in (10, 40, 240):
        losses = []
        for _ in range(10):
            found = length_squared_basis(access, rank=3, rows=size, columns=size, rng=rng)
            assert_allclose(found.basis @ found.basis.conj().T, np.eye(3), atol=1e-12)
            assert (found.entries_read, found.entries_of_basis) == (size**2, 20 * size)
            kept = np.trace(found.basis.conj() @ exact @ found.basis.T).real
            losses.append((values[:3].sum() - kept) / values.sum())
        mean_loss[size] = np.mean(losses)
        assert mean_loss[size] < 4 * np.sqrt(3 / size)
    assert_allclose(found.singular_values**2, values[:3], rtol=0.3)
    assert mean_loss[240] < 0.2 * mean_loss[10]


def test_impossible_draws_are_refused() -> None:
    access, rng = SampleQuery([[0.0, 0.0], [3.0, 4.0]]), np.random.default_rng(0)
    assert float(access.squared_norm()) == 25.0
    assert (access.sample_rows(rng, 9) == 1).all()
    with pytest.raises(ValueError, match=r"rows must not be zero vectors, but rows=\[0\]"):
        access.sample_entries([0], rng)
    with pytest.raises(ValueError, match="matrix must have an entry that is not zero"):
        SampleQuery(np.zeros((2, 2))).sample_rows(rng, 1)
    with pytest.raises(ValueError, match=r"row must be in \[0, 1\], but row=2"):
        access.update(2, 0, 1.0)
    with pytest.raises(ValueError, match=r"rank must be in \[1, 2\], but rank=3"):
        length_squared_basis(access, rank=3, rows=9, columns=9, rng=rng)
    with pytest.raises(ValueError, match="count must be an integer of at least 1, but count=0"):
        RowSample(0)
