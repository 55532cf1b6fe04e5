"""The transform and the restoration in integers: those of the network in PyTorch, window by window, exactly."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from qimg.codecs.learned.design import SAMPLE_FRACTION, Design, conditions
from qimg.codecs.learned.model import default
from qimg.codecs.learned.transform import AROUND, MARGIN, coefficients, decoded_window, synthesised
from qimg.images import bundled

RATES = (0, 300, 768)
ONE = 1 << SAMPLE_FRACTION


@pytest.fixture
def latents(model):
    scale = np.array([10, 8, 4, 4, *[2] * (model.design.channels - 4)])[:, None, None]
    return np.rint(np.random.default_rng(0).normal(size=(model.design.channels, 9, 12)) * scale).astype(np.int32)


def rate_tensors(model, rate):
    shares = torch.from_numpy(conditions(model.design, [rate]).astype(np.float32) / 32)
    return torch.tensor([model.step(rate) / 64]), shares


def padded(pixels):
    return np.pad(pixels.transpose(2, 0, 1), ((0, 0), (AROUND, AROUND), (AROUND, AROUND)), mode="edge")


def test_analysis_is_that_of_the_network(model, network):
    crop = np.ascontiguousarray(bundled("coffee")[:64, :96].transpose(2, 0, 1))
    with torch.no_grad():
        expected = network.coefficients(torch.from_numpy(crop)[None].float() - 128)
    # Half precision of the basis: a relative error of 2^-11 of each of 768 products of up to 128, which add at random.
    assert_allclose(coefficients(model, padded(bundled("coffee")[:64, :96]), rounds=0), expected[0].numpy(), atol=0.3)


def test_rounds_of_the_analysis_approach_what_the_synthesis_can_represent():
    model = default()
    pixels = bundled("astronaut")[:64, :96]
    step, gains = model.step(0) / 64, model.synthesis_gains(0)[:, None, None] / 4096
    assert step == 4
    errors = []
    for rounds in (0, 1, 2, 6):
        latents = coefficients(model, padded(pixels), rounds=rounds) / gains
        # A fine grid instead of integers: latents are multiplied by 8, and samples divided.
        samples = synthesised(model, np.rint(8 * latents).astype(np.int64), 0) / 8 / ONE
        errors.append(np.mean((samples - (pixels.transpose(2, 0, 1) - 128.0)) ** 2))
    assert errors[1] < 0.5 * errors[0]
    assert errors[2] < 1.2 * errors[3]


@pytest.mark.parametrize("rate", RATES)
def test_synthesis_is_that_of_the_network_up_to_its_rounding(model, network, latents, rate):
    steps, shares = rate_tensors(model, rate)
    gains = (network.decoder_gains(shares) * steps[:, None])[:, :, None, None]
    with torch.no_grad():
        expected = network.synthesised(torch.from_numpy(latents)[None].float() * gains)[0].numpy()
    scale = 1 + np.abs(expected).max()
    assert_allclose(synthesised(model, latents, rate) / ONE, expected, atol=0.5 / ONE + 1e-3 * scale)


@pytest.mark.parametrize("rate", RATES)
def test_restoration_is_that_of_the_network_exactly(model, network, latents, rate):
    samples = synthesised(model, latents, rate)
    described = conditions(model.design, [rate])[:, 0]
    changes = model.restoration.changes(samples, model.step(rate), described)
    with torch.no_grad():
        steps, shares = rate_tensors(model, rate)
        # Samples are multiples of 2^-6, so that only the division by the step may round differently.
        network.double()
        given = torch.from_numpy(samples / ONE)[None]
        expected = network.restoration(given, steps.double(), shares.double())[0].numpy() * model.step(rate) / 64
        network.float()
    assert_allclose(changes / ONE, expected, atol=0.5 / ONE + 1e-9)
    assert np.abs(changes).max() > ONE / 4


@pytest.mark.parametrize("rate", RATES)
def test_windows_are_those_of_the_whole_picture(model, latents, rate):
    whole = decoded_window(model, latents, rate, (slice(0, 9), slice(0, 12)))
    assert whole.shape == (3, 72, 96)
    for rows, columns in ((slice(0, 4), slice(5, 12)), (slice(4, 9), slice(0, 5)), (slice(3, 4), slice(7, 8))):
        part = decoded_window(model, latents, rate, (rows, columns))
        assert_array_equal(part, whole[:, 8 * rows.start : 8 * rows.stop, 8 * columns.start : 8 * columns.stop])


def test_the_margin_covers_the_reach_of_the_shipped_design(model):
    blocks = Design().blocks
    reach = AROUND + 2 * (1 + 2 * blocks) + 3  # the last term: other pixels of a square whose mean is used
    assert reach <= 8 * MARGIN
    assert model.restoration.reach <= 8 * MARGIN


def test_precision_does_not_change_the_result(model, latents):
    window = (slice(0, 9), slice(0, 12))
    single = decoded_window(model, latents, 200, window, dtype=np.float32)
    assert_array_equal(decoded_window(model, latents, 200, window, dtype=np.float64), single)


def test_latents_of_any_size_give_samples(model):
    latents = np.full((model.design.channels, 2, 2), 1 << 20, np.int32)
    assert np.isfinite(decoded_window(model, latents, 768, (slice(0, 2), slice(0, 2)))).all()
