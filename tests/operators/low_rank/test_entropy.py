"""Entropies by stochastic Lanczos quadrature, beside those of the dense operator."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from qimg.core import Array
from qimg.operators import CorrelationOperator, LowRankOperator, entropy_estimate, von_neumann_entropy


def vectors_of(seed: int, dimension: int = 40, *, complex_: bool = False) -> Array:
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(300, dimension)) + (1j * rng.normal(size=(300, dimension)) if complex_ else 0)
    return data * np.arange(1, dimension + 1) ** -1.0


def exact(vectors: Array) -> float:
    return float(von_neumann_entropy(CorrelationOperator.from_patches(vectors).density_matrix()))


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("rank", [0, 8])
def test_intervals_cover_the_entropy(rank: int, complex_: bool) -> None:
    vectors = vectors_of(0, complex_=complex_)
    entropy = exact(vectors)
    basis = LowRankOperator.from_operator(CorrelationOperator.from_patches(vectors), rank) if rank else None
    estimates = [entropy_estimate(vectors, basis=basis, probes=8, steps=12, seed=seed) for seed in range(40)]
    inside = sum(one.interval[0] <= entropy <= one.interval[1] for one in estimates)
    assert inside >= stats.binom.ppf(1e-3, 40, 0.95)
    bits = [one.bits for one in estimates]
    assert abs(np.mean(bits) - entropy) < 4 * np.std(bits) / np.sqrt(40)
    assert all(one.interval[0] < one.bits < one.interval[1] for one in estimates)


def test_a_basis_narrows_the_interval() -> None:
    vectors = vectors_of(1)
    basis = LowRankOperator.from_patches(vectors, 10, passes=6)
    plain, deflated = entropy_estimate(vectors), entropy_estimate(vectors, basis=basis)
    assert np.ptp(deflated.interval) < 0.5 * np.ptp(plain.interval)
    assert abs(deflated.bits - exact(vectors)) < np.ptp(deflated.interval)
    low, high = basis.entropy_bounds()
    assert np.ptp(deflated.interval) < high - low


def test_quadrature_converges_with_the_steps() -> None:
    vectors = vectors_of(2)
    converged = entropy_estimate(vectors, steps=40)
    errors = [abs(entropy_estimate(vectors, steps=steps).bits - converged.bits) for steps in (3, 6, 12)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4
    change = entropy_estimate(vectors, steps=6).quadrature_change
    assert errors[1] / 3 < change < 30 * errors[1]


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_equal_weights_need_one_step(dimension: int) -> None:
    estimate = entropy_estimate(np.eye(dimension), steps=dimension)
    assert_allclose(estimate.bits, np.log2(dimension), atol=1e-12)
    assert_allclose(np.ptp(estimate.interval), 0, atol=1e-12)
    assert estimate.passes == 1


def test_a_full_basis_leaves_nothing_to_estimate() -> None:
    vectors = vectors_of(3, 6)
    basis = LowRankOperator.from_operator(CorrelationOperator.from_patches(vectors), 6)
    estimate = entropy_estimate(vectors, basis=basis, steps=3)
    assert_allclose(estimate.bits, exact(vectors), rtol=1e-10)
    assert estimate.passes == 0


def test_single_precision_and_batches() -> None:
    vectors = vectors_of(4).astype(np.float32)
    whole = entropy_estimate(vectors, seed=1)
    parts = entropy_estimate(lambda: iter(np.split(vectors, 3)), seed=1)
    assert_allclose(parts.bits, whole.bits, rtol=1e-5)
    assert abs(whole.bits - exact(vectors)) < np.ptp(whole.interval)


def test_impossible_estimates_are_refused() -> None:
    vectors = vectors_of(0)
    with pytest.raises(ValueError, match="patches must be readable once for each step, but are an iterator"):
        entropy_estimate(iter([vectors]))
    with pytest.raises(ValueError, match=r"steps must be in \[1, 40\], but steps=41"):
        entropy_estimate(vectors, steps=41)
    with pytest.raises(ValueError, match="probes must be an integer of at least 2, but probes=1"):
        entropy_estimate(vectors, probes=1)
    with pytest.raises(ValueError, match="basis must have 40 components, but basis=6"):
        entropy_estimate(vectors, basis=LowRankOperator.from_patches(vectors_of(0, 6), 2))
    with pytest.raises(ValueError, match="patches must hold a vector that is not zero"):
        entropy_estimate(np.zeros((3, 4)), steps=2)
