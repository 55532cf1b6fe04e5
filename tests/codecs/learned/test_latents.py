"""The prediction of the first channel: it is causal, exact, and the same for NumPy and PyTorch."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from qimg.codecs.learned.latents import predictions, restored, surroundings

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 3), (5, 13), (16, 16), (17, 30)]


@pytest.mark.parametrize("shape", SHAPES)
def test_residuals_give_the_values_back(shape):
    y = np.random.default_rng(0).integers(-300, 300, (*shape, 2)).astype(np.int32)
    residuals = y - predictions(y)
    assert_array_equal(restored(residuals), y)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_array_of_residuals_gives_values_with_these_residuals(shape):
    residuals = np.random.default_rng(1).integers(-300, 300, (*shape, 1)).astype(np.int32)
    y = restored(residuals)
    assert_array_equal(y - predictions(y), residuals)


@pytest.mark.parametrize("shape", SHAPES)
def test_pytorch_predicts_the_same(shape):
    y = np.random.default_rng(2).integers(-300, 300, (*shape, 2)).astype(np.int32)
    tensor = torch.from_numpy(y).float()
    assert_array_equal(predictions(tensor).numpy(), predictions(y))
    for ours, theirs in zip(surroundings(y), surroundings(tensor), strict=True):
        assert_array_equal(ours, theirs.numpy())


def test_a_plane_is_predicted_except_at_the_edges_and_the_coarse_lattice():
    rows, columns = np.mgrid[:33, :33]
    y = (8 * rows + 16 * columns)[..., None]
    wrong = (y - predictions(y))[1:-1, 1:-1, 0]
    wrong[7::8, 7::8] = 0
    assert not wrong.any()


def test_differences_from_neighbours_outside_are_zero():
    y = np.arange(6).reshape(2, 3, 1)
    first, *_, last = surroundings(y)[:8]
    assert_array_equal(first[..., 0], [[0, -1, -1], [-3, -4, -4]])
    assert_array_equal(last[..., 0], [[4, 4, 3], [1, 1, 0]])
