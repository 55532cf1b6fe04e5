"""Quantized states of pictures: sums of their parts, and scatter that says what an exact channel would leave."""

import numpy as np
import pytest

from experiments.pictures import bundled
from experiments.quantized_states import Part, density, quantized_state, sample
from qimg import images, metrics
from qimg.channels import QuantizerMarginals, quantize
from qimg.channels.quantization import RECONSTRUCTIONS

STEP = images.quantization_table(50).ravel()[1:]


@pytest.fixture(scope="module")
def parts():
    samples = [sample(picture) for picture in bundled(box_mean=2)[:2]]
    marginals = [QuantizerMarginals.measure(one.raw, STEP) for one in samples]
    total = marginals[0] + marginals[1]
    return [Part(sample=one, same=total, other=total - own) for one, own in zip(samples, marginals, strict=True)]


def test_parts_add_to_the_state_of_all_coefficients(parts):
    everything = np.vstack([part.sample.raw for part in parts])
    state = quantized_state(parts, 50, "centroid", 0)
    rebuilt = quantize(everything, STEP, reconstruction="centroid")
    # Sums in another order: rounding of the largest of some ten thousand terms.
    np.testing.assert_allclose(state.raw, density(everything.T @ everything), atol=1e-13)
    np.testing.assert_allclose(state.true, density(rebuilt.T @ rebuilt), atol=1e-13)


@pytest.mark.parametrize("reconstruction", RECONSTRUCTIONS)
def test_states_are_density_matrices_and_scatter_keeps_the_populations(parts, reconstruction):
    state = quantized_state(parts, 50, reconstruction, 0)
    # Untouched coherences over shrunk populations need not be a state, so the second of each pair is left out.
    for matrix in (state.raw, state.true, state.models["same"][0], state.models["other"][0], state.scattered):
        assert np.trace(matrix) == pytest.approx(1)
        assert np.linalg.eigvalsh(matrix).min() >= -1e-12
    np.testing.assert_allclose(np.diagonal(state.scattered), np.diagonal(state.true), atol=1e-13)
    np.testing.assert_allclose(np.diagonal(state.exact), np.diagonal(state.true), atol=1e-13)


def test_dither_leaves_what_scatter_says(parts):
    # Dither is exact in expectation, so two independent draws of the same scatter are compared: sums over 63·62/2
    # coherences, whose trace norms agree to a few percent; 20 % is far outside and far below a factor of two.
    state = quantized_state(parts, 50, "dithered", 0)
    left = metrics.trace_distance(state.models["same"][0], state.true)
    scatter = metrics.trace_distance(state.exact, state.scattered)
    assert left == pytest.approx(scatter, rel=0.2)


def test_the_channel_stays_between_its_scatter_and_no_model(parts):
    state = quantized_state(parts, 50, "centroid", 0)
    left = metrics.trace_distance(state.models["same"][0], state.true)
    assert metrics.trace_distance(state.exact, state.scattered) < left < metrics.trace_distance(state.raw, state.true)
