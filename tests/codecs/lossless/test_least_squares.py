"""Local least squares in integers: the equations and their solution against NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from qimg.codecs.lossless.least_squares import FRACTION, age, new_moments, observe, solve
from qimg.core.compiled import compiled


@compiled
def _observe(moments, plane: int, tile: int, size: int, neighbours, target: int, weight: int) -> None:
    observe(moments, plane, tile, size, neighbours, target, weight)


@compiled
def _solve(moments, plane: int, tile: int, size: int) -> None:
    solve(moments, plane, tile, size)


@compiled
def _age(moments, plane: int, size: int) -> None:
    age(moments, plane, size)


def observed(neighbours, targets, weights, tiles, **settings):
    moments = new_moments(planes=1, tiles=int(tiles.max()) + 1, size=neighbours.shape[1], **settings)
    for one, target, weight, tile in zip(neighbours, targets, weights, tiles, strict=True):
        _observe(moments, 0, int(tile), len(one), one.astype(float), int(target), int(weight))
    return moments


@pytest.mark.parametrize("scale", [1000, 60, 4])
def test_solution_is_that_of_ridge_regression(scale):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(8, 8)) / 3 + np.eye(8)
    neighbours = np.clip(np.rint(scale / 4 * rng.normal(size=(400, 8)) @ mixing), -1023, 1023)
    targets = np.rint(neighbours @ rng.normal(size=8) * 0.3 + rng.normal(size=400))
    weights, tiles = rng.integers(1, 1024, 400), rng.integers(0, 5, 400)
    moments = observed(neighbours, targets, weights, tiles, decay=(1, 1), reach=2)
    _solve(moments, 0, 2, 8)
    shares = np.array([4, 6, 12, 6, 4])[tiles] * weights
    second = neighbours.T @ (shares[:, None] * neighbours)
    cross = neighbours.T @ (shares * targets)
    scales = 2.0 ** -np.array(moments.shifts)
    ridge = np.diag((2.0**18 + np.diag(second) * scales**2 * 2.0**-10) / scales**2)
    expected = np.linalg.solve(second + ridge, cross)
    # the reciprocals of the pivots have 22 bits or more, the scaled moments 28; five digits of the solution remain
    np.testing.assert_allclose(moments.coefficients / 2**FRACTION, expected, rtol=0, atol=1e-4)


def test_moments_are_exact_integers_in_any_order():
    rng = np.random.default_rng(1)
    neighbours = rng.integers(-1023, 1024, (600, 5))
    targets, weights = rng.integers(-1023, 1024, 600), rng.integers(1, 1025, 600)
    tiles, order = np.zeros(600, int), rng.permutation(600)
    one = observed(neighbours, targets, weights, tiles, decay=(27, 32), reach=0)
    other = observed(neighbours[order], targets[order], weights[order], tiles, decay=(27, 32), reach=0)
    exact = neighbours.T @ (weights[:, None] * neighbours)
    assert_array_equal(one.second[0, 0][np.tril_indices(5)], exact[np.tril_indices(5)])
    assert_array_equal(one.second, other.second)
    assert_array_equal(one.cross[0, 0], neighbours.T @ (weights * targets))
    _age(one, 0, 5)
    assert_array_equal(one.second[0, 0][np.tril_indices(5)], exact[np.tril_indices(5)] * 27 // 32)


def test_nothing_observed_gives_no_coefficients():
    moments = new_moments(planes=2, tiles=3, size=4, decay=(28, 32), reach=3)
    _solve(moments, 1, 2, 4)
    assert_array_equal(moments.coefficients, 0)


def test_equal_neighbours_share_the_weight():
    values = np.random.default_rng(2).integers(-500, 500, 200)
    neighbours = np.stack([values, values], axis=1)
    moments = observed(neighbours, values, np.full(200, 100), np.zeros(200, int), decay=(1, 1), reach=0)
    _solve(moments, 0, 0, 2)
    assert_array_equal(np.abs(moments.coefficients / 2**FRACTION - 0.5) < 1e-3, True)
