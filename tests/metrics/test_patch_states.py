"""Bures distances: of matrices, and of the patches of two pictures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.linalg import sqrtm

from qimg.core import Array
from qimg.metrics import bures_distance, fidelity, patch_bures
from qimg.metrics.perceptual import patch_states
from qimg.metrics.perceptual.filters import windows

SEEDS = st.integers(0, 2**32 - 1)
STATES = ["diagonal", "full"]


def matrices(seed: int, dimension: int, count: int) -> Array:
    factors = np.random.default_rng(seed).normal(size=(count, dimension, dimension))
    return factors @ np.swapaxes(factors, 1, 2)


def pair(seed: int, shape: tuple[int, ...] = (24, 31)) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    first = rng.uniform(0, 255, shape)
    return first, first + rng.normal(0, 30, shape)


@given(seed=SEEDS, dimension=st.integers(1, 5))
def test_bures_distance_is_a_metric(seed, dimension):
    rho, sigma, tau = matrices(seed, dimension, 3)
    distance = bures_distance(rho, sigma)
    root = sqrtm(rho)
    expected = np.trace(rho + sigma) - 2 * np.trace(sqrtm(root @ sigma @ root)).real
    # Roots of singular values near zero: 1e-8 of the traces.
    assert_allclose(distance**2, expected, rtol=1e-6, atol=1e-6 * np.trace(rho + sigma))
    assert distance <= bures_distance(rho, tau) + bures_distance(tau, sigma) + 1e-6
    assert_allclose(bures_distance(4 * rho, 4 * sigma), 2 * distance, rtol=1e-6, atol=1e-6)
    states = [matrix / np.trace(matrix) for matrix in (rho, sigma)]
    assert_allclose(bures_distance(*states) ** 2, 2 - 2 * np.sqrt(fidelity(*states)), atol=1e-7)


def test_bures_distance_of_batches_and_of_wrong_matrices():
    rho, sigma = matrices(0, 3, 4), matrices(1, 3, 1)[0]
    assert_allclose(bures_distance(rho, sigma), [bures_distance(one, sigma) for one in rho], rtol=1e-12)
    with pytest.raises(ValueError, match="sigma must be positive semidefinite, but has the eigenvalue -2"):
        bures_distance(np.eye(2), np.diag([1.0, -2.0]))
    with pytest.raises(ValueError, match=r"sigma must have shape \(\.\.\., 2, 2\)"):
        bures_distance(np.eye(2), np.eye(3))


@settings(max_examples=6)
@given(seed=SEEDS, states=st.sampled_from(STATES), weight=st.sampled_from([0.0, 0.5]))
def test_laws(seed, states, weight):
    first, second = pair(seed, (24, 32))
    options = {"states": states, "fidelity": weight}
    distance = patch_bures(first, second, data_range=255, **options)
    assert distance > 0
    # Roots of eigenvalues of 1e-13 that cancel.
    assert patch_bures(first, first, data_range=255, **options) == pytest.approx(0, abs=1e-6)
    assert patch_bures(second, first, data_range=255, **options) == pytest.approx(distance, rel=1e-9)
    assert patch_bures(3 * first - 9, 3 * second - 9, data_range=765, **options) == pytest.approx(distance, rel=1e-9)
    turned = patch_bures(first.T, second.T, data_range=255, **options)
    assert turned == pytest.approx(distance, rel=1e-9)


@settings(max_examples=6)
@given(seed=SEEDS)
def test_populations_are_nearer_than_matrices_and_both_than_equal_positions(seed):
    """Pinching lowers the Bures distance, and no coupling of patches is cheaper than the best."""
    first, second = pair(seed)
    diagonal, full = (patch_bures(first, second, data_range=255, states=states) for states in STATES)
    assert diagonal <= full * (1 + 1e-9)
    patches = [patch_states._patches(picture) for picture in (first, second)]
    place = windows(patches[0].shape[1:], 0, slice(None), sigma=patch_states.WINDOW_SIGMA, step=patch_states.STEP)
    (mean, spread), (other, other_spread) = (patch_states._covariances(place, one) for one in patches)
    squared = patch_states._squared_distance(spread, other_spread)[0] + ((mean - other) ** 2).sum(axis=0)
    assert (squared <= place.mean(((patches[0] - patches[1]) ** 2).sum(axis=0)) * (1 + 1e-9)).all()


def test_one_window_by_its_definition():
    """Weighted covariances of patches, and the diagonal of the same matrices in the basis of the DCT."""
    first, second = pair(0, (12, 13))
    patches = [patch_states._patches(picture) for picture in (first, second)]
    place = windows((10, 11), 0, slice(None), sigma=patch_states.WINDOW_SIGMA, step=patch_states.STEP)
    rows, columns = (np.exp(-((np.arange(n) - at) ** 2) / 32) for n, at in ((10, 4), (11, 8)))
    weights = np.outer(rows, columns).ravel() / np.outer(rows, columns).sum()
    covariances = [np.cov(one.reshape(9, -1), aweights=weights, ddof=0) for one in patches]
    statistics = [patch_states._covariances(place, one) for one in patches]
    for (_, found), expected in zip(statistics, covariances, strict=True):
        assert_allclose(found[1, 2], expected, rtol=1e-9, atol=1e-9)
    distance = patch_states._squared_distance(statistics[0][1], statistics[1][1])[0][1, 2]
    assert_allclose(distance, bures_distance(*covariances) ** 2, rtol=1e-9)
    k = np.arange(3)
    dct = np.sqrt(2 / 3) * np.cos(np.pi * np.outer(k, 2 * k + 1) / 6)
    dct[0] /= np.sqrt(2)
    basis = np.kron(dct, dct)
    populations = patch_states._populations(place, patches[0])[1][:, 1, 2]
    assert_allclose(populations, np.diag(basis @ covariances[0] @ basis.T), rtol=1e-9)


@pytest.mark.parametrize("states", STATES)
def test_only_fidelity_tells_a_moved_pattern(states):
    stripes = np.tile(100.0 * (np.arange(64) // 2 % 2), (64, 1))
    moved = np.roll(stripes, 2, axis=1)
    alone, together = (
        patch_bures(stripes, moved, data_range=255, states=states, fidelity=weight) for weight in (0.0, 1.0)
    )
    assert alone < together / 10


def test_channels_are_averaged():
    first, second = pair(2, (16, 16, 2))
    apart = [patch_bures(first[..., k], second[..., k], data_range=255) for k in range(2)]
    # One scale of both channels at a time.
    assert patch_bures(first, second, data_range=255, channel_axis=2) == pytest.approx(np.mean(apart), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"states": "pure"}, "states must be one of diagonal, full"),
        ({"fidelity": -1}, "fidelity must be at least 0 and finite, but fidelity=-1"),
        ({"data_range": None}, "data_range must be given"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        patch_bures(np.zeros((9, 9)), np.ones((9, 9)), **{"data_range": 255, **options})
