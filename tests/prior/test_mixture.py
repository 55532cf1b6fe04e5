"""Mixtures of Gaussians: exact likelihoods against SciPy, and expectation–maximization that does what it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal

from qimg.core import Array
from qimg.prior.fitting.maximization import (
    Updates,
    coarse_classes,
    fit_mixture,
    maximization,
    seeded_moments,
    split_moments,
)
from qimg.prior.fitting.moments import Expectation, Moments, pooled_moments
from qimg.prior.mixture import GaussianMixture

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 5)


def random_mixture(seed: int, classes: int, dimension: int) -> GaussianMixture:
    """Covariances with eigenvalues above 1/2 and condition numbers of at most some hundreds."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(classes, dimension, dimension))
    covariances = factors @ np.swapaxes(factors, 1, 2) + 0.5 * np.eye(dimension)
    weights = rng.uniform(0.2, 1, classes)
    return GaussianMixture.from_covariances(weights / weights.sum(), covariances)


def scipy_log_joint(mixture: GaussianMixture, vectors: Array) -> Array:
    columns = [
        np.log(weight) + np.reshape(multivariate_normal(np.zeros(mixture.dimension), matrix).logpdf(vectors), -1)
        for weight, matrix in zip(mixture.weights, mixture.covariances, strict=True)
    ]
    return np.stack(columns, axis=1)


def sparse_vectors(rng: np.random.Generator, count: int, dimension: int = 4) -> Array:
    """Gaussians of very different lengths and two orientations, as patches are."""
    scales = rng.choice([0.1, 1.0, 8.0], size=(count, 1), p=[0.5, 0.3, 0.2])
    vectors = scales * rng.normal(size=(count, dimension))
    return np.where(rng.random((count, 1)) < 0.5, vectors, vectors * np.linspace(0.1, 2, dimension))


@given(seed=SEEDS, classes=SIZES, dimension=SIZES, count=st.integers(1, 9))
def test_likelihood_is_scipys(seed: int, classes: int, dimension: int, count: int) -> None:
    mixture = random_mixture(seed, classes, dimension)
    vectors = 3 * np.random.default_rng(seed + 1).normal(size=(count, dimension))
    kept = vectors.copy()
    joint = scipy_log_joint(mixture, vectors)
    assert_allclose(mixture.log_joint(vectors), joint, rtol=1e-10, atol=1e-10)
    assert_allclose(mixture.log_likelihood(vectors), logsumexp(joint, axis=1), rtol=1e-10, atol=1e-10)
    assert_allclose(mixture.responsibilities(vectors), softmax(joint, axis=1), atol=1e-9)
    assert_allclose(mixture.responsibilities(vectors).sum(axis=1), 1, rtol=1e-14)
    assert_array_equal(vectors, kept)


def test_far_vectors_have_likelihoods_too() -> None:
    mixture = random_mixture(0, 3, 2)
    far = np.array([[1e6, -1e6], [0.0, 0.0]])
    assert_allclose(mixture.log_likelihood(far), logsumexp(scipy_log_joint(mixture, far), axis=1), rtol=1e-10)
    assert_allclose(mixture.responsibilities(far).sum(axis=1), 1)


def test_batches_do_not_show(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    mixture, vectors = random_mixture(1, 3, 4), rng.normal(size=(101, 4))
    whole, moments = mixture.log_likelihood(vectors), Expectation(mixture).moments(vectors)
    for module in ("mixture", "fitting.moments"):
        monkeypatch.setattr(f"qimg.prior.{module}._BATCH", 1)
    assert_allclose(mixture.log_likelihood(vectors), whole, rtol=1e-13)
    # Sums of 101 numbers in single precision, in another order.
    assert_allclose(Expectation(mixture).moments(vectors).packed, moments.packed, rtol=1e-5, atol=1e-4)


def test_no_vectors_have_no_likelihood_and_no_moments() -> None:
    mixture = random_mixture(2, 3, 4)
    assert mixture.log_likelihood(np.zeros((0, 4))).shape == (0,)
    assert mixture.responsibilities(np.zeros((0, 4))).shape == (0, 3)
    assert mixture.sample(0, np.random.default_rng(0)).shape == (0, 4)
    empty = Expectation(mixture).moments(np.zeros((0, 4)))
    assert_array_equal(empty.counts, np.zeros(3))
    assert_array_equal(empty.matrices(), np.zeros((3, 4, 4)))
    assert empty.log_likelihood == 0.0


@given(seed=SEEDS, classes=SIZES, dimension=SIZES)
def test_expectation_in_single_precision(seed: int, classes: int, dimension: int) -> None:
    mixture = random_mixture(seed, classes, dimension)
    # Scales that differ by 10⁴ between components change nothing, because vectors are whitened first.
    spread = np.diag(np.logspace(-2, 2, dimension))
    mixture = mixture.transformed(spread)
    vectors = mixture.sample(200, np.random.default_rng(seed + 1))
    shares = mixture.responsibilities(vectors)
    moments = Expectation(mixture).moments(vectors)
    reference = np.einsum("nk,ni,nj->kij", shares, vectors, vectors)
    # An exponent is a sum of products that may be some hundred times larger than itself (the condition numbers);
    # in single precision that makes 6e-8 · 1e3, and as much in each share.
    size = np.sqrt(np.diagonal(np.einsum("ni,nj->ij", vectors, vectors)))
    assert_allclose(moments.counts, shares.sum(axis=0), rtol=1e-3, atol=1e-3)
    assert_allclose(moments.matrices() / np.outer(size, size), reference / np.outer(size, size), atol=1e-3)
    assert_allclose(moments.log_likelihood, mixture.log_likelihood(vectors).sum(), rtol=1e-4, atol=1e-1)
    assert_allclose(moments.counts.sum(), 200, rtol=1e-5)


def test_expectation_of_a_well_conditioned_mixture_keeps_six_digits(rng: np.random.Generator) -> None:
    mixture = GaussianMixture.from_covariances([0.3, 0.7], [np.eye(3), 4 * np.eye(3)])
    vectors = mixture.sample(500, rng)
    shares = mixture.responsibilities(vectors)
    moments = Expectation(mixture).moments(vectors)
    # Every step rounds to 6e-8 and none cancels; off the diagonal, sums of both signs have the diagonal's error.
    reference = np.einsum("nk,ni,nj->kij", shares, vectors, vectors)
    assert_allclose(moments.matrices(), reference, atol=3e-6 * reference.max())
    assert_allclose(moments.counts, shares.sum(axis=0), rtol=3e-6)


def test_moments_add(rng: np.random.Generator) -> None:
    mixture, vectors = random_mixture(3, 3, 4), rng.normal(size=(90, 4))
    expectation = Expectation(mixture)
    whole = expectation.moments(vectors)
    total = expectation.moments(vectors[:20]) + expectation.moments(vectors[20:])
    assert_allclose(total.counts, whole.counts, rtol=1e-5)
    assert_allclose(total.packed, whole.packed, rtol=1e-5, atol=1e-4)
    assert_allclose(total.log_likelihood, whole.log_likelihood, rtol=1e-6)


def test_scaled_and_blended_moments_by_hand() -> None:
    first = Moments(counts=np.array([1.0, 3.0]), packed=np.array([[2.0], [8.0]]), log_likelihood=-4.0)
    second = Moments(counts=np.array([0.0, 8.0]), packed=np.array([[0.0], [4.0]]), log_likelihood=-8.0)
    doubled = first.scaled(8.0)
    assert (doubled.counts.tolist(), doubled.packed.tolist()) == ([2.0, 6.0], [[4.0], [16.0]])
    assert doubled.log_likelihood == -8.0
    mixed = first.blended(second, 0.25)
    assert (mixed.counts.tolist(), mixed.packed.tolist()) == ([0.75, 4.25], [[1.5], [7.0]])
    assert mixed.log_likelihood == -5.0


def test_pooled_moments_are_the_second_moments(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(30, 4)).astype(np.float32)
    pooled = pooled_moments(vectors)
    double = vectors.astype(np.float64)
    assert_allclose(pooled.matrices()[0], double.T @ double, rtol=1e-13)
    assert pooled.counts.tolist() == [30.0]
    assert pooled.dimension == 4


@pytest.mark.parametrize("components", [1, 2, 5, 8, 30, 64])
def test_first_classes_share_out_the_vectors(rng: np.random.Generator, components: int) -> None:
    vectors = sparse_vectors(rng, 500)
    pooled = vectors.T @ vectors / 500
    seeded = seeded_moments(vectors, pooled, components, np.random.default_rng(5))
    assert seeded.counts.shape == (components,)
    assert seeded.counts.sum() == 500
    assert_allclose(seeded.matrices().sum(axis=0), 500 * pooled, rtol=1e-12)
    # The same axes for every batch: parts add to the whole.
    parts = [seeded_moments(part, pooled, components, np.random.default_rng(5)) for part in np.split(vectors, [123])]
    assert_array_equal((parts[0] + parts[1]).counts, seeded.counts)
    # Neither the sign of a vector nor the units matter.
    other = seeded_moments(-3 * vectors, 9 * pooled, components, np.random.default_rng(5))
    assert_array_equal(other.counts, seeded.counts)


def test_large_mixtures_start_with_an_eighth_of_their_classes() -> None:
    assert [coarse_classes(classes) for classes in (1, 31, 32, 33, 200)] == [1, 31, 4, 5, 25]


@pytest.mark.parametrize("components", [3, 8, 40])
def test_split_classes_share_out_the_vectors_of_their_parents(rng: np.random.Generator, components: int) -> None:
    vectors, mixture = sparse_vectors(rng, 400), random_mixture(6, 3, 4)
    split = split_moments(vectors, mixture, components, np.random.default_rng(5))
    assert split.counts.shape == (components,)
    shares = [components // 3 + (k < components % 3) for k in range(3)]
    parents = mixture.responsibilities(vectors).argmax(axis=1)
    for k, own in enumerate(np.split(np.arange(components), np.cumsum(shares)[:-1])):
        assert split.counts[own].sum() == (parents == k).sum()
        expected = vectors[parents == k].T @ vectors[parents == k]
        assert_allclose(split.matrices()[own].sum(axis=0), expected, rtol=1e-12, atol=1e-9)
    parts = [split_moments(part, mixture, components, np.random.default_rng(5)) for part in np.split(vectors, [0, 150])]
    assert_array_equal((parts[0] + parts[1] + parts[2]).counts, split.counts)
    assert parts[0].counts.sum() == 0


def test_large_mixtures_are_split_after_a_third_of_the_passes(rng: np.random.Generator) -> None:
    vectors = sparse_vectors(rng, 1500)
    mixtures = list(fit_mixture(vectors, 33, rng=rng, noise_variance=0.01, epochs=6))
    assert [mixture.components for mixture in mixtures] == [5, 5, 33, 33, 33, 33]
    assert mixtures[-1].log_likelihood(vectors).mean() > mixtures[1].log_likelihood(vectors).mean()


@given(seed=SEEDS, classes=SIZES, dimension=SIZES, shrinkage=st.floats(0, 50), noise=st.floats(1e-3, 1))
def test_maximization_is_its_formula(seed: int, classes: int, dimension: int, shrinkage: float, noise: float) -> None:
    rng = np.random.default_rng(seed)
    vectors, shares = rng.normal(size=(40, dimension)), rng.dirichlet(np.ones(classes), size=40)
    pooled = random_mixture(seed, 1, dimension).covariances[0]
    sums = np.einsum("nk,ni,nj->kij", shares, vectors, vectors)
    rows, columns = np.tril_indices(dimension)
    moments = Moments(counts=shares.sum(axis=0), packed=sums[:, rows, columns], log_likelihood=0.0)
    mixture = maximization(moments, pooled, shrinkage=shrinkage, noise_variance=noise)
    for k in range(classes):
        count = shares[:, k].sum()
        scale = np.trace(sums[k]) / count / np.trace(pooled)
        expected = (sums[k] + shrinkage * scale * pooled) / (count + shrinkage) + noise * np.eye(dimension)
        assert_allclose(mixture.covariances[k], expected, rtol=1e-9, atol=1e-9)
        assert_allclose(mixture.weights[k], (count + 1) / (40 + classes), rtol=1e-12)
        # Shrinkage changes the shape of a class, never its energy.
        energy = np.trace(sums[k]) / count + noise * dimension
        assert_allclose(np.trace(mixture.covariances[k]), energy, rtol=1e-9)


@pytest.mark.parametrize("shrinkage", [0.0, 4.0])
def test_an_empty_class_has_the_pooled_covariance(shrinkage: float) -> None:
    pooled = np.array([[4.0, 1.0], [1.0, 2.0]])
    moments = Moments(counts=np.array([0.0, 8.0]), packed=np.array([[0.0] * 3, [8.0, 0.0, 8.0]]), log_likelihood=0.0)
    mixture = maximization(moments, pooled, shrinkage=shrinkage, noise_variance=0.5)
    assert_allclose(mixture.covariances[0], pooled + 0.5 * np.eye(2), rtol=1e-14)
    assert_allclose(mixture.weights, [0.1, 0.9], rtol=1e-14)


def test_classes_and_pictures_without_energy_have_the_noise_alone() -> None:
    moments = Moments(counts=np.array([5.0, 0.0]), packed=np.zeros((2, 3)), log_likelihood=0.0)
    mixture = maximization(moments, np.zeros((2, 2)), shrinkage=2.0, noise_variance=0.25)
    assert_allclose(mixture.covariances, [0.25 * np.eye(2)] * 2, rtol=1e-14)


def test_full_batches_never_lower_the_likelihood(rng: np.random.Generator) -> None:
    vectors = sparse_vectors(rng, 1500)
    pooled = vectors.T @ vectors / len(vectors)
    first = seeded_moments(vectors, pooled, 4, rng)
    updates = Updates(first, pooled, total=len(vectors), shrinkage=0.0, noise_variance=1e-9)
    objectives = []
    for _ in range(25):
        # Weights ∝ Σ r + 1 are those of largest Σ ln p + Σ_k ln π_k (one vector more in each class).
        penalty = float(np.log(updates.mixture.weights).sum())
        objectives.append(float(updates.mixture.log_likelihood(vectors).sum()) + penalty)
        updates.take(Expectation(updates.mixture).moments(vectors))
    # Near the maximum, moments in single precision are off by 1e-6 of their size, and the objective by the square of
    # that; 1e-6 of its own size is ample.
    assert np.diff(objectives).min() > -1e-6 * abs(objectives[-1])
    assert objectives[-1] > objectives[0] + 20
    assert updates.taken == 25


def test_small_batches_are_blended_and_empty_ones_are_not_counted(rng: np.random.Generator) -> None:
    vectors = sparse_vectors(rng, 200)
    pooled = vectors.T @ vectors / 200
    first = seeded_moments(vectors, pooled, 2, rng)
    updates = Updates(first, pooled, total=200, shrinkage=1.0, noise_variance=0.1)
    before = updates.mixture
    expectation = Expectation(before)
    updates.take(expectation.moments(vectors[:0]))
    assert updates.taken == 0
    assert updates.mixture is before
    batch = expectation.moments(vectors[:50])
    updates.take(batch)
    share = 2**-0.6
    # Responsibilities add to 1 in single precision.
    assert_allclose(updates.moments.counts, (1 - share) * first.counts + share * 4 * batch.counts, rtol=1e-6)
    assert_allclose(updates.moments.counts.sum(), 200, rtol=1e-12)


def test_a_known_mixture_is_found(rng: np.random.Generator) -> None:
    known = GaussianMixture.from_covariances(
        [0.4, 0.6], [0.01 * np.eye(3), [[9.0, 6.0, 0.0], [6.0, 9.0, 0.0], [0.0, 0.0, 4.0]]]
    )
    vectors = known.sample(4000, rng)
    options: dict[str, Any] = {"noise_variance": 1e-8, "shrinkage": 0.0, "epochs": 20}
    *_, found = fit_mixture(vectors, 2, rng=rng, **options)
    order = np.argsort(np.trace(found.covariances, axis1=1, axis2=2))
    # Two classes whose lengths differ by 25 hardly overlap: entries of a sample covariance of n Gaussian vectors have
    # the variance (C_ii C_jj + C_ij²) / n.
    for k, own in enumerate(order):
        count = 4000 * known.weights[k]
        spread = np.sqrt(np.outer(*[np.diagonal(known.covariances[k])] * 2) + known.covariances[k] ** 2)
        assert (np.abs(found.covariances[own] - known.covariances[k]) < 5 * spread / np.sqrt(count)).all()
        assert abs(found.weights[own] - known.weights[k]) < 5 * np.sqrt(0.24 / 4000)


def test_fitted_mixture_is_yielded_after_every_pass_and_repeats(rng: np.random.Generator) -> None:
    vectors = sparse_vectors(rng, 300)
    kept = vectors.copy()
    runs = [
        list(fit_mixture(vectors, 3, rng=np.random.default_rng(8), noise_variance=0.01, epochs=5, batch=50))
        for _ in range(2)
    ]
    assert [len(run) for run in runs] == [5, 5]
    for first, second in zip(*runs, strict=True):
        assert_array_equal(first.factors, second.factors)
    assert not np.array_equal(runs[0][0].factors, runs[0][1].factors)
    assert_array_equal(vectors, kept)


def test_a_mixture_beats_one_gaussian_on_sparse_vectors(rng: np.random.Generator) -> None:
    training, unseen = sparse_vectors(rng, 3000), sparse_vectors(rng, 1000)
    *_, one = fit_mixture(training, 1, rng=rng, noise_variance=1e-6, epochs=2)
    *_, many = fit_mixture(training, 6, rng=rng, noise_variance=1e-6, epochs=12)
    assert_allclose(one.covariances[0], training.T @ training / 3000, rtol=1e-3, atol=1e-2)
    gain = many.log_likelihood(unseen) - one.log_likelihood(unseen)
    # Half of the vectors are 80 times shorter than others: worth more than a nat per vector, by five standard errors.
    assert gain.mean() - 5 * gain.std() / np.sqrt(len(gain)) > 1.0


def test_as_good_as_scikit_learns_on_unseen_vectors(rng: np.random.Generator) -> None:
    peer = pytest.importorskip("sklearn.mixture")
    half, unseen = sparse_vectors(rng, 1500, 3), sparse_vectors(rng, 1000, 3)
    # With x and −x both present, classes whose means begin at zero keep them there.
    training = np.vstack([half, -half])
    *_, ours = fit_mixture(training, 4, rng=rng, noise_variance=1e-6, shrinkage=0.0, epochs=40)
    start = maximization(
        seeded_moments(training, ours.covariance(), 4, rng), ours.covariance(), shrinkage=0, noise_variance=1e-6
    )
    theirs = peer.GaussianMixture(
        4,
        means_init=np.zeros((4, 3)),
        weights_init=start.weights,
        precisions_init=np.linalg.inv(start.covariances),
        max_iter=1000,
        tol=1e-5,
        reg_covar=1e-6,
    ).fit(training)
    assert np.abs(theirs.means_).max() < 1e-6
    # Starts differ, and so may the maxima that are found; both lie many tenths of a nat above one Gaussian.
    assert ours.log_likelihood(unseen).mean() > theirs.score(unseen) - 0.03
    # One step of theirs from our mixture is one step of ours, but for the vector that each class is given.
    again = peer.GaussianMixture(
        4,
        means_init=np.zeros((4, 3)),
        weights_init=ours.weights,
        precisions_init=np.linalg.inv(ours.covariances),
        max_iter=1000,
        tol=1e-7,
        reg_covar=1e-6,
    ).fit(training)
    assert_allclose(ours.log_likelihood(training).mean(), again.score(training), atol=5e-3)


@given(seed=SEEDS, classes=SIZES, dimension=SIZES, data=st.data())
def test_transformed_is_the_mixture_of_transformed_vectors(
    seed: int, classes: int, dimension: int, data: st.DataObject
) -> None:
    mixture = random_mixture(seed, classes, dimension)
    rows = data.draw(st.integers(1, dimension))
    # Orthonormal rows times 1 … 2: independent, and no digits are lost.
    matrix = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))[0][:rows]
    matrix = np.linspace(1, 2, rows)[:, None] * matrix
    other = mixture.transformed(matrix)
    assert_allclose(other.covariances, matrix @ mixture.covariances @ matrix.T, rtol=1e-10, atol=1e-10)
    assert_array_equal(other.factors, np.tril(other.factors))
    assert_array_equal(other.weights, mixture.weights)
    if rows == dimension:
        vectors = np.random.default_rng(seed).normal(size=(5, dimension))
        volume = np.log(np.linspace(1, 2, rows)).sum()
        assert_allclose(other.log_likelihood(vectors @ matrix.T), mixture.log_likelihood(vectors) - volume, atol=1e-9)


@given(seed=SEEDS, classes=SIZES, dimension=SIZES, data=st.data())
def test_marginal_is_that_of_the_first_components(seed: int, classes: int, dimension: int, data: st.DataObject) -> None:
    mixture = random_mixture(seed, classes, dimension)
    count = data.draw(st.integers(1, dimension))
    assert_allclose(mixture.marginal(count).covariances, mixture.covariances[:, :count, :count], rtol=1e-12, atol=1e-12)
    assert_allclose(
        mixture.marginal(count).covariances, mixture.transformed(np.eye(dimension)[:count]).covariances, atol=1e-12
    )


def test_covariance_and_whitening() -> None:
    mixture = random_mixture(4, 3, 4)
    expected = sum(w * c for w, c in zip(mixture.weights, mixture.covariances, strict=True))
    assert_allclose(mixture.covariance(), expected, rtol=1e-13)
    for white, covariance in zip(mixture.whitening, mixture.covariances, strict=True):
        assert_allclose(white @ covariance @ white.T, np.eye(4), atol=1e-11)


def test_samples_have_the_moments_of_the_mixture(rng: np.random.Generator) -> None:
    mixture, count = random_mixture(5, 3, 4), 20000
    vectors = mixture.sample(count, rng)
    diagonals = np.diagonal(mixture.covariances, axis1=1, axis2=2)
    # E[x_i² x_j²] = C_ii C_jj + 2 C_ij² within a class (Isserlis).
    fourth = np.einsum("k,ki,kj->ij", mixture.weights, diagonals, diagonals)
    fourth += 2 * np.tensordot(mixture.weights, mixture.covariances**2, 1)
    error = np.sqrt((fourth - mixture.covariance() ** 2) / count)
    assert (np.abs(vectors.T @ vectors / count - mixture.covariance()) < 5 * error).all()
    mean_error = np.sqrt(np.diagonal(mixture.covariance()) / count)
    assert (np.abs(vectors.mean(axis=0)) < 5 * mean_error).all()


ONE = GaussianMixture.from_covariances([1.0], [np.eye(2)])
RNG = np.random.default_rng(0)
SHARED = Moments(counts=np.ones(1), packed=np.ones((1, 3)), log_likelihood=0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GaussianMixture.from_covariances([1.0], [[[1.0, 2.0], [2.0, 1.0]]]), "covariances must be positive"),
        (lambda: GaussianMixture.from_covariances([1.0], [[[1.0, 2.0], [0.0, 1.0]]]), "covariances must be Hermitian"),
        (lambda: GaussianMixture.from_covariances([1.0], 1j * np.eye(2)[None]), "covariances must be real"),
        (lambda: GaussianMixture.from_covariances([1.0], np.eye(2)), r"factors must have shape \(K, d, d\)"),
        (lambda: GaussianMixture.from_covariances([0.5, 0.5], [np.eye(2)]), r"weights must have shape \(1,\), but has"),
        (lambda: GaussianMixture.from_covariances([0.5], [np.eye(2)]), "weights must be positive and sum to 1"),
        (lambda: GaussianMixture.from_covariances([1.0, 0.0], [np.eye(2)] * 2), "weights must be positive and sum"),
        (lambda: GaussianMixture.from_covariances([np.nan], [np.eye(2)]), "weights must be finite"),
        (lambda: GaussianMixture(weights=np.ones(1), factors=-np.eye(2)[None]), "factors must have a positive diag"),
        (lambda: ONE.log_likelihood(np.ones(2)), r"vectors must have shape \(n, 2\), but has shape \(2,\)"),
        (lambda: ONE.log_likelihood(np.ones((1, 3))), r"vectors must have shape \(n, 2\), but has shape \(1, 3\)"),
        (lambda: ONE.log_likelihood([[np.nan, 1.0]]), "vectors must be finite"),
        (lambda: ONE.responsibilities([[1j, 1.0]]), "vectors must be real"),
        (lambda: ONE.marginal(0), r"count must be in \[1, 2\], but count=0"),
        (lambda: ONE.marginal(3), r"count must be in \[1, 2\], but count=3"),
        (lambda: ONE.transformed(np.eye(3)), r"matrix must have shape \(e, 2\), but has shape \(3, 3\)"),
        (lambda: ONE.sample(-1, RNG), "count must be an integer of at least 0, but count=-1"),
        (lambda: next(fit_mixture(np.zeros((0, 2)), 1, rng=RNG, noise_variance=1)), "vectors must have shape"),
        (lambda: next(fit_mixture(np.ones((2, 2)), 0, rng=RNG, noise_variance=1)), "components must be an integer"),
        (lambda: next(fit_mixture(np.ones((2, 2)), 1, rng=RNG, noise_variance=0)), "noise_variance must be positive"),
        (
            lambda: next(fit_mixture(np.ones((2, 2)), 1, rng=RNG, noise_variance=1, epochs=0)),
            "epochs must be an integer of at least 1",
        ),
        (
            lambda: maximization(SHARED, np.eye(2), shrinkage=-1, noise_variance=1),
            "shrinkage must not be negative, but shrinkage=-1",
        ),
        (
            lambda: maximization(SHARED, np.eye(2), shrinkage=0, noise_variance=np.nan),
            "noise_variance must be positive, but noise_variance=nan",
        ),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
