"""Conditional expectation under a joint operator: the best linear guess."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg.core import Array
from qimg.operators import CorrelationOperator, LinearEstimator, conditional_expectation

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 5)
NOISE = st.floats(1e-3, 1e3)


def joint_samples(seed: int, observed: int, hidden: int, *, complex_: bool = False) -> tuple[Array, Array]:
    """Correlated vectors z and x, ten times as many as they have components."""
    generator = np.random.default_rng(seed)
    total = observed + hidden
    shape = (10 * total, total)
    vectors = generator.normal(size=shape) + (1j * generator.normal(size=shape) if complex_ else 0.0)
    vectors = vectors @ generator.normal(size=(total, total))
    return vectors[:, :observed], vectors[:, observed:]


def fitted(observed: Array, hidden: Array, noise_variance: float) -> LinearEstimator:
    joint = CorrelationOperator.from_patches(np.hstack([observed, hidden]))
    return conditional_expectation(joint, observed=observed.shape[1], noise_variance=noise_variance)


@given(seed=SEEDS, observed=SIZES, hidden=SIZES, noise=NOISE, complex_=st.booleans())
def test_weights_solve_ridge_regression(seed: int, observed: int, hidden: int, noise: float, complex_: bool) -> None:
    """Least squares on the samples with √(n σ²) 1 appended, which is what noise of variance σ² amounts to."""
    z, x = joint_samples(seed, observed, hidden, complex_=complex_)
    ridge = np.vstack([z, np.sqrt(len(z) * noise) * np.eye(observed)])
    solution = np.linalg.lstsq(ridge, np.vstack([x, np.zeros((observed, hidden))]))[0]
    # The normal equations square a condition number of up to 1e3 or so, hence 1e-16 · 1e6 with room to spare.
    assert_allclose(fitted(z, x, noise).weights, solution.T, rtol=1e-7, atol=1e-8)


@given(seed=SEEDS, observed=SIZES, hidden=SIZES, noise=NOISE, complex_=st.booleans())
def test_residual_is_what_the_estimate_misses(
    seed: int, observed: int, hidden: int, noise: float, complex_: bool
) -> None:
    z, x = joint_samples(seed, observed, hidden, complex_=complex_)
    estimator = fitted(z, x, noise)
    missed = x - estimator.apply(z)
    # The noise is not in the samples: its share W W† σ² is added by hand.
    moments = missed.T @ missed.conj() / len(z) + noise * estimator.weights @ estimator.weights.conj().T
    scale = np.abs(x).max() ** 2
    assert_allclose(estimator.residual, moments, rtol=0, atol=1e-9 * scale)
    assert_array_equal(estimator.residual, estimator.residual.conj().T)
    assert np.linalg.eigvalsh(estimator.residual).min() > -1e-9 * scale


@given(seed=SEEDS, observed=SIZES, hidden=SIZES)
def test_no_linear_map_has_less_error(seed: int, observed: int, hidden: int) -> None:
    z, x = joint_samples(seed, observed, hidden)
    noise = 0.1
    estimator = fitted(z, x, noise)
    change = np.random.default_rng(seed).normal(0, 0.1, estimator.weights.shape)

    def error(weights: Array) -> float:
        return float(np.mean(np.sum((x - z @ weights.T) ** 2, axis=1)) + noise * np.sum(weights**2))

    assert error(estimator.weights) < error(estimator.weights + change)
    assert_allclose(error(estimator.weights), np.trace(estimator.residual), rtol=1e-9)


@given(seed=SEEDS, observed=SIZES, hidden=SIZES)
def test_gaussian_conditional_mean_from_the_precision_matrix(seed: int, observed: int, hidden: int) -> None:
    """E[x | z] = −Λ_xx⁻¹ Λ_xz z and cov(x | z) = Λ_xx⁻¹ with Λ the inverse of the joint covariance."""
    generator = np.random.default_rng(seed)
    total = observed + hidden
    # Eigenvalues above 1 keep the two inverses of the reference accurate.
    factor = generator.normal(size=(total, total))
    covariance = factor @ factor.T + np.eye(total)
    joint = CorrelationOperator(matrix=7 * covariance, sum=np.zeros(total), count=7, weights="energy")
    noise = 0.5
    estimator = conditional_expectation(joint, observed=observed, noise_variance=noise)
    noisy = covariance + np.diag([noise] * observed + [0.0] * hidden)
    precision = np.linalg.inv(noisy)
    spread = np.linalg.inv(precision[observed:, observed:])
    assert_allclose(estimator.weights, -spread @ precision[observed:, :observed], atol=1e-10)
    assert_allclose(estimator.residual, spread, atol=1e-10)


def test_exact_linear_relation_is_found(rng: np.random.Generator) -> None:
    z = rng.normal(size=(500, 4))
    relation = rng.normal(size=(3, 4))
    estimator = fitted(z, z @ relation.T, 1e-12)
    assert_allclose(estimator.weights, relation, atol=1e-9)
    assert_allclose(estimator.residual, 0, atol=1e-9)


def test_noise_keeps_a_degenerate_observation_finite(rng: np.random.Generator) -> None:
    z = np.repeat(rng.normal(size=(200, 1)), 3, axis=1)
    estimator = fitted(z, z[:, :1], 1 / 12)
    variance = np.mean(z[:, 0] ** 2)
    assert_allclose(estimator.weights, np.full((1, 3), variance / (3 * variance + 1 / 12)), rtol=1e-12)


def test_estimates_of_batches(rng: np.random.Generator) -> None:
    z, x = joint_samples(0, 3, 2)
    estimator = fitted(z, x, 1.0)
    batch = rng.normal(size=(4, 5, 3))
    kept = batch.copy()
    estimates = estimator.apply(batch)
    assert estimates.shape == (4, 5, 2)
    for index in np.ndindex(4, 5):
        assert_allclose(estimates[index], estimator.weights @ batch[index], atol=1e-13)
    assert_array_equal(batch, kept)


JOINT = CorrelationOperator.from_patches(np.eye(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conditional_expectation(JOINT, observed=0, noise_variance=1), r"observed must be in \[1, 2\]"),
        (lambda: conditional_expectation(JOINT, observed=3, noise_variance=1), "but observed=3"),
        (
            lambda: conditional_expectation(JOINT, observed=1, noise_variance=-1),
            "noise_variance must not be negative, but",
        ),
        (
            lambda: conditional_expectation(
                CorrelationOperator.from_patches(np.ones((4, 3))), observed=2, noise_variance=0
            ),
            "noise_variance must make the observed part positive definite, but noise_variance=0",
        ),
        (
            lambda: conditional_expectation(
                CorrelationOperator.from_patches(np.eye(3), "uniform"), observed=1, noise_variance=1
            ),
            "weights must be one of energy, but weights='uniform'",
        ),
        (
            lambda: conditional_expectation(
                CorrelationOperator.from_patches(np.zeros((0, 3))), observed=1, noise_variance=1
            ),
            "count must be an integer of at least 1, but count=0",
        ),
        (
            lambda: conditional_expectation(JOINT, observed=1, noise_variance=1).apply(np.ones(2)),
            r"observed must have shape \(\.\.\., 1\), but has shape \(2,\)",
        ),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
