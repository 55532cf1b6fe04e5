"""Quantized moments of pictures: they add, and their scatter says what an exact channel would leave."""

from functools import reduce
from operator import add

import numpy as np
import pytest

from experiments._run.pictures import bundled
from experiments.operators.quantized_states import density, quantized_moments, sample
from qimg import images, metrics
from qimg.channels import QuantizerMarginals, quantize
from qimg.channels.quantization import RECONSTRUCTIONS

STEP = images.quantization_table(50).ravel()[1:]


@pytest.fixture(scope="module")
def samples():
    return [sample(picture) for picture in bundled(box_mean=2)[:2]]


@pytest.fixture(scope="module")
def moments(samples):
    marginals = [QuantizerMarginals.measure(one.raw(), STEP) for one in samples]
    total = reduce(add, marginals)
    return {
        reconstruction: reduce(
            add,
            (
                quantized_moments(
                    one, one.raw(), same=total, other=total - own, quality=50, reconstruction=reconstruction, seed=0
                )
                for one, own in zip(samples, marginals, strict=True)
            ),
        )
        for reconstruction in RECONSTRUCTIONS
    }


def test_pictures_add_to_the_moments_of_all_coefficients(samples, moments):
    everything = np.vstack([one.raw() for one in samples])
    rebuilt = quantize(everything, STEP, reconstruction="centroid")
    # Sums in another order: rounding of some ten thousand terms.
    np.testing.assert_allclose(moments["centroid"].raw, everything.T @ everything, rtol=1e-9, atol=1e-3)
    np.testing.assert_allclose(moments["centroid"].true, rebuilt.T @ rebuilt, rtol=1e-9, atol=1e-3)


@pytest.mark.parametrize("reconstruction", RECONSTRUCTIONS)
def test_moments_are_positive_and_scatter_keeps_the_populations(moments, reconstruction):
    found = moments[reconstruction]
    # Untouched coherences over shrunk populations need not be positive, so they are left out.
    for matrix in (found.raw, found.true, found.channel["same"], found.channel["other"]):
        assert np.linalg.eigvalsh(density(matrix)).min() >= -1e-12
    np.testing.assert_allclose(np.diagonal(found.scattered), np.diagonal(found.true), rtol=1e-12)
    np.testing.assert_allclose(np.diagonal(found.exact), np.diagonal(found.true), rtol=1e-12)


def test_dither_leaves_what_scatter_says(moments):
    # Dither is exact in expectation, so two independent draws of the same scatter are compared: sums over 63·62/2
    # coherences, whose trace norms agree to a few percent; 20 % is far outside and far below a factor of two.
    found = moments["dithered"]
    left = metrics.trace_distance(density(found.channel["same"]), density(found.true))
    scatter = metrics.trace_distance(density(found.exact), density(found.scattered))
    assert left == pytest.approx(scatter, rel=0.2)


def test_the_channel_stays_between_its_scatter_and_no_model(moments):
    found = moments["centroid"]
    true = density(found.true)
    left = metrics.trace_distance(density(found.channel["same"]), true)
    scatter = metrics.trace_distance(density(found.exact), density(found.scattered))
    assert scatter < left < metrics.trace_distance(density(found.raw), true)
