"""Complex moments: the same as the real joint operator, and what is lost without the pseudo-covariance."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg.core import Array
from qimg.operators import (
    ComplexMoments,
    CorrelationOperator,
    conditional_expectation,
    strictly_linear_estimator,
    von_neumann_entropy,
    widely_linear_estimator,
)

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 5)
NOISE = st.floats(1e-2, 1e2)


def improper(seed: int, dimension: int, count: int = 0) -> Array:
    """Complex vectors a + ib with a and b correlated at will, ten times as many as they have real components."""
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(2 * dimension, 2 * dimension))
    joint = generator.normal(size=(count or 20 * dimension, 2 * dimension)) @ mixing
    return joint[:, :dimension] + 1j * joint[:, dimension:]


def real_joint(vectors: Array) -> CorrelationOperator:
    return CorrelationOperator.from_patches(np.hstack([vectors.real, vectors.imag]))


def rotated(vectors: Array) -> Array:
    """Every vector at every quarter turn: exactly proper."""
    return np.concatenate([vectors * turn for turn in (1, 1j, -1, -1j)])


@given(seed=SEEDS, dimension=SIZES)
def test_moments_by_definition(seed: int, dimension: int) -> None:
    vectors = improper(seed, dimension)
    for moments in (ComplexMoments.from_patches(vectors), ComplexMoments.from_real_joint(real_joint(vectors))):
        scale = np.abs(moments.hermitian).max()
        assert_allclose(moments.hermitian, sum(np.outer(v, v.conj()) for v in vectors), atol=1e-13 * scale)
        assert_allclose(moments.pseudo, sum(np.outer(v, v) for v in vectors), atol=1e-13 * scale)
        assert_allclose(moments.sum, vectors.sum(axis=0), atol=1e-12 * np.abs(vectors).sum())
        assert (moments.count, moments.dimension) == (len(vectors), dimension)
    operator = CorrelationOperator.from_patches(vectors)
    assert_allclose(moments.hermitian_operator().matrix, operator.matrix, atol=1e-13 * scale)


@given(seed=SEEDS, dimension=SIZES)
def test_there_and_back_is_the_same_operator(seed: int, dimension: int) -> None:
    joint = real_joint(improper(seed, dimension))
    back = ComplexMoments.from_real_joint(joint).to_real_joint()
    # One addition and one subtraction on the scale of the largest entry.
    assert_allclose(back.matrix, joint.matrix, rtol=0, atol=4e-16 * np.abs(joint.matrix).max())
    assert_array_equal(back.matrix, back.matrix.T)
    assert_array_equal(back.sum, joint.sum)
    assert (back.count, back.weights) == (joint.count, "energy")


@given(seed=SEEDS, dimension=SIZES, noise=NOISE)
def test_proper_vectors_have_no_pseudo_covariance(seed: int, dimension: int, noise: float) -> None:
    vectors = improper(seed, dimension)
    moments = ComplexMoments.from_patches(rotated(vectors))
    assert moments.pseudo_ratio < 1e-13
    assert_allclose(moments.circularity_coefficients(noise_variance=noise), 0, atol=1e-11)
    assert moments.improper_bits(noise_variance=noise) < 1e-12
    assert moments.asymmetry_bits() < 1e-12
    # Rotating is what `proper` does, and it leaves the Hermitian operator as it is.
    once = ComplexMoments.from_patches(vectors)
    scale = np.abs(once.hermitian).max()
    assert_allclose(moments.hermitian / 4, once.hermitian, atol=1e-13 * scale)
    assert_allclose(moments.to_real_joint().matrix / 4, once.proper().to_real_joint().matrix, atol=1e-13 * scale)


def test_random_rotations_make_proper(rng: np.random.Generator) -> None:
    vectors = improper(1, 3, count=40_000)
    before = ComplexMoments.from_patches(vectors)
    after = ComplexMoments.from_patches(vectors * np.exp(2j * np.pi * rng.random(len(vectors)))[:, None])
    # Standard error of a mean of 40 000 products, 1/200 of their size; heavy products allow a few times that.
    assert after.pseudo_ratio < 0.02 < 0.1 < before.pseudo_ratio
    scale = np.abs(before.hermitian).max()
    assert_allclose(after.hermitian, before.hermitian, atol=1e-12 * scale)


@given(seed=SEEDS, dimension=SIZES, angle=st.floats(-1.5, 1.5))
def test_real_vectors_are_all_on_one_line(seed: int, dimension: int, angle: float) -> None:
    vectors = improper(seed, dimension).real * np.exp(1j * angle)
    moments = ComplexMoments.from_patches(vectors)
    # Whitening amplifies rounding by the condition number of C: 1e-16 · 1e7 at most for these draws.
    assert_allclose(moments.circularity_coefficients(noise_variance=0), 1, atol=1e-7)
    assert moments.pseudo_ratio == pytest.approx(1, abs=1e-12)
    assert moments.polarization == pytest.approx(1, abs=1e-12)
    assert moments.axis == pytest.approx(angle, abs=1e-9)
    assert moments.asymmetry_bits() == pytest.approx(1, abs=1e-9)
    assert moments.imaginary_ratio < 1e-12


@given(seed=SEEDS, dimension=SIZES, noise=NOISE)
def test_bits_lost_are_a_difference_of_log_determinants(seed: int, dimension: int, noise: float) -> None:
    """½ log₂ det of the real joint operator without P, minus the same with it; and the relative entropy of the two."""
    moments = ComplexMoments.from_patches(improper(seed, dimension))
    bits = moments.improper_bits(noise_variance=noise)
    identity = np.eye(2 * dimension)
    true, model = (
        part.to_real_joint().matrix / moments.count + noise * identity for part in (moments, moments.proper())
    )
    difference = (np.linalg.slogdet(model)[1] - np.linalg.slogdet(true)[1]) / (2 * np.log(2))
    assert bits == pytest.approx(difference, rel=1e-8, abs=1e-9)
    trace = np.trace(np.linalg.solve(model, true)) - 2 * dimension
    assert bits == pytest.approx(difference + trace / (2 * np.log(2)), rel=1e-8, abs=1e-9)
    coefficients = moments.circularity_coefficients(noise_variance=noise)
    assert bits == pytest.approx(-0.5 * np.log2(np.prod(1 - coefficients**2)), rel=1e-8, abs=1e-9)


@given(seed=SEEDS, dimension=SIZES)
def test_circularity_does_not_change_under_invertible_maps(seed: int, dimension: int) -> None:
    generator = np.random.default_rng(seed)
    vectors = improper(seed, dimension)
    # Well conditioned, so that the tolerance is about rounding alone.
    real, imaginary = generator.normal(0, 0.2, size=(2, dimension, dimension))
    change = np.eye(dimension) * np.exp(1j) + real + 1j * imaginary if dimension > 1 else np.array([[2j]])
    if np.linalg.cond(change) > 100:
        return
    first, second = (
        ComplexMoments.from_patches(each).circularity_coefficients(noise_variance=0)
        for each in (vectors, vectors @ change.T)
    )
    assert_allclose(first, second, atol=1e-7)
    assert (np.diff(first) <= 0).all()
    assert first.min() >= 0
    assert first.max() <= 1


@given(seed=SEEDS, dimension=SIZES)
def test_asymmetry_is_the_entropy_that_rotations_add(seed: int, dimension: int) -> None:
    moments = ComplexMoments.from_patches(improper(seed, dimension))
    rho = moments.to_real_joint().density_matrix()
    zero, one = np.zeros((dimension, dimension)), np.eye(dimension)
    quarter = np.block([[zero, -one], [one, zero]])
    mixed = (rho + quarter @ rho @ quarter.T) / 2
    assert_allclose(mixed, moments.proper().to_real_joint().density_matrix(), atol=1e-14)
    added = float(von_neumann_entropy(mixed) - von_neumann_entropy(rho))
    assert moments.asymmetry_bits() == pytest.approx(added, abs=1e-10)
    assert 0 <= moments.asymmetry_bits() <= 1


@given(seed=SEEDS, dimension=SIZES)
def test_axis_and_polarization_are_those_of_the_plane(seed: int, dimension: int) -> None:
    vectors = improper(seed, dimension)
    moments = ComplexMoments.from_patches(vectors)
    plane = np.stack([vectors.real.ravel(), vectors.imag.ravel()])
    values, axes = np.linalg.eigh(plane @ plane.T)
    assert moments.polarization == pytest.approx((values[1] - values[0]) / values.sum(), abs=1e-12)
    if moments.polarization > 1e-3:
        along = abs(np.cos(moments.axis) * axes[0, 1] + np.sin(moments.axis) * axes[1, 1])
        assert along == pytest.approx(1, abs=1e-9)


@given(seed=SEEDS, observed=SIZES, hidden=SIZES, noise=NOISE)
def test_widely_linear_is_the_real_joint_conditional_expectation(
    seed: int, observed: int, hidden: int, noise: float
) -> None:
    vectors = improper(seed, observed + hidden)
    z, x = vectors[:, :observed], vectors[:, observed:]
    widely = widely_linear_estimator(ComplexMoments.from_patches(vectors), observed=observed, noise_variance=noise)
    parts = [np.hstack([part.real, part.imag]) for part in (z, x)]
    joint = CorrelationOperator.from_patches(np.hstack(parts))
    real = conditional_expectation(joint, observed=2 * observed, noise_variance=noise)
    estimates = real.apply(parts[0])
    scale = np.abs(x).max()
    assert_allclose(widely.apply(z), estimates[:, :hidden] + 1j * estimates[:, hidden:], atol=1e-10 * scale)
    missed = real.residual[:hidden, :hidden] + real.residual[hidden:, hidden:]
    assert_allclose(widely.residual.real, missed, atol=1e-10 * scale**2)
    assert_array_equal(widely.residual, widely.residual.conj().T)


@given(seed=SEEDS, observed=SIZES, hidden=SIZES, noise=NOISE)
def test_the_conjugate_never_hurts_and_helps_proper_vectors_nothing(
    seed: int, observed: int, hidden: int, noise: float
) -> None:
    vectors = improper(seed, observed + hidden)
    for data, is_proper in ((vectors, False), (rotated(vectors), True)):
        moments = ComplexMoments.from_patches(data)
        strictly = strictly_linear_estimator(moments, observed=observed, noise_variance=noise)
        widely = widely_linear_estimator(moments, observed=observed, noise_variance=noise)
        scale = float(np.trace(moments.hermitian).real) / moments.count
        gain = float(np.trace(strictly.residual - widely.residual).real)
        assert gain > -1e-11 * scale
        if is_proper:
            assert abs(gain) < 1e-11 * scale
            assert_allclose(widely.weights, strictly.weights, atol=1e-9)
            assert_allclose(widely.conjugate_weights, 0, atol=1e-9)


def test_strictly_linear_weights_are_complex_ridge_regression() -> None:
    vectors = improper(3, 5)
    z, x, noise = vectors[:, :3], vectors[:, 3:], 0.7
    moments = ComplexMoments.from_patches(vectors)
    strictly = strictly_linear_estimator(moments, observed=3, noise_variance=noise)
    # Noise of variance σ² in both parts has E|n|² = 2 σ².
    ridge = np.vstack([z, np.sqrt(2 * noise * len(z)) * np.eye(3)])
    solution = np.linalg.lstsq(ridge, np.vstack([x, np.zeros((3, 2))]))[0]
    assert_allclose(strictly.weights, solution.T, atol=1e-10)


def test_the_conjugate_of_what_is_seen_is_found() -> None:
    """x = z*: a Hermitian operator of circular z knows nothing about it, the pseudo-covariance everything."""
    generator = np.random.default_rng(5)
    z = rotated((generator.normal(size=(50, 2)) + 1j * generator.normal(size=(50, 2))) @ np.diag([1.0, 3.0]))
    moments = ComplexMoments.from_patches(np.hstack([z, z.conj()]))
    strictly = strictly_linear_estimator(moments, observed=2, noise_variance=1e-9)
    widely = widely_linear_estimator(moments, observed=2, noise_variance=1e-9)
    assert_allclose(strictly.weights, 0, atol=1e-12)
    assert_allclose(widely.weights, 0, atol=1e-8)
    assert_allclose(widely.conjugate_weights, np.eye(2), atol=1e-8)
    assert_allclose(widely.apply(z[:7]), z[:7].conj(), atol=1e-7)


@given(seed=SEEDS, observed=SIZES, hidden=SIZES, kappa=st.floats(0, 0.9), angle=st.floats(-3, 3))
def test_the_conjugate_is_no_help_where_one_axis_scales_all(
    seed: int, observed: int, hidden: int, kappa: float, angle: float
) -> None:
    """P = κ e^{2iφ} C with C real: components along and across the axis have the same correlation coefficients."""
    factor = np.random.default_rng(seed).normal(size=(observed + hidden, observed + hidden))
    # Eigenvalues of at least 1: the noise, which must be positive, changes nothing beyond the tolerance.
    hermitian = factor @ factor.T + np.eye(observed + hidden)
    one_axis = ComplexMoments(
        hermitian=hermitian, pseudo=kappa * np.exp(2j * angle) * hermitian, sum=np.zeros(len(hermitian)), count=1
    )
    widely = widely_linear_estimator(one_axis, observed=observed, noise_variance=1e-12)
    assert_allclose(widely.conjugate_weights, 0, atol=1e-8)
    assert one_axis.improper_bits(noise_variance=1e-12) == pytest.approx(
        -0.5 * len(hermitian) * np.log2(1 - kappa**2), rel=1e-6, abs=1e-9
    )


def test_estimates_of_batches(rng: np.random.Generator) -> None:
    widely = widely_linear_estimator(ComplexMoments.from_patches(improper(2, 5)), observed=3, noise_variance=1.0)
    batch = rng.normal(size=(4, 5, 3)) + 1j * rng.normal(size=(4, 5, 3))
    kept = batch.copy()
    estimates = widely.apply(batch)
    assert estimates.shape == (4, 5, 2)
    for index in np.ndindex(4, 5):
        expected = widely.weights @ batch[index] + widely.conjugate_weights @ batch[index].conj()
        assert_allclose(estimates[index], expected, atol=1e-13)
    assert_array_equal(batch, kept)


MOMENTS = ComplexMoments.from_patches(improper(0, 2))
NOTHING = ComplexMoments.from_patches(np.zeros((3, 2), complex))
NONE_AT_ALL = ComplexMoments.from_patches(np.zeros((0, 2), complex))


def moments(**changed: object) -> ComplexMoments:
    return ComplexMoments(
        **{"hermitian": np.eye(2), "pseudo": np.zeros((2, 2)), "sum": np.zeros(2), "count": 1} | changed
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: moments(hermitian=[[1, 1], [0, 1]]), "hermitian must be Hermitian, but deviates by 1"),
        (lambda: moments(pseudo=[[0, 1], [0, 0]]), "pseudo must be symmetric, but deviates by 1 of the scale"),
        (lambda: moments(pseudo=np.eye(3)), r"pseudo must have shape \(2, 2\), but has shape \(3, 3\)"),
        (lambda: moments(sum=np.zeros(3)), r"sum must have shape \(2,\), but has shape \(3,\)"),
        (lambda: moments(count=-1), "count must be an integer of at least 0, but count=-1"),
        (lambda: ComplexMoments.from_patches([1j]), r"patches must have shape \(n, d\), but has shape \(1,\)"),
        (
            lambda: ComplexMoments.from_real_joint(CorrelationOperator.from_patches(np.eye(3))),
            "operator must have an even dimension, but operator=3",
        ),
        (
            lambda: ComplexMoments.from_real_joint(CorrelationOperator.from_patches(np.eye(2) * 1j)),
            "operator must be real, but operator='complex128'",
        ),
        (
            lambda: ComplexMoments.from_real_joint(CorrelationOperator.from_patches(np.eye(2), "uniform")),
            "weights must be one of energy, but weights='uniform'",
        ),
        (lambda: MOMENTS.circularity_coefficients(noise_variance=-1), "noise_variance must not be negative, but"),
        (
            lambda: NOTHING.circularity_coefficients(noise_variance=0),
            "hermitian must have full rank, or noise_variance",
        ),
        (lambda: NONE_AT_ALL.circularity_coefficients(noise_variance=1), "count must be an integer of at least 1"),
        (
            lambda: moments(pseudo=2 * np.eye(2)).circularity_coefficients(noise_variance=0),
            "pseudo must be that of vectors, but pseudo=2.0",
        ),
        (lambda: MOMENTS.improper_bits(noise_variance=0), "noise_variance must be positive, but noise_variance=0"),
        (lambda: NOTHING.pseudo_ratio, "a ratio of moments needs a vector that is not zero"),
        (lambda: widely_linear_estimator(MOMENTS, observed=2, noise_variance=1), r"observed must be in \[1, 1\]"),
        (lambda: widely_linear_estimator(MOMENTS, observed=1, noise_variance=0), "noise_variance must be positive"),
        (
            lambda: strictly_linear_estimator(MOMENTS, observed=1, noise_variance=-1),
            "noise_variance must not be negative",
        ),
        (
            lambda: widely_linear_estimator(MOMENTS, observed=1, noise_variance=1).apply(np.ones(2)),
            r"observed must have shape \(\.\.\., 1\), but has shape \(2,\)",
        ),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
