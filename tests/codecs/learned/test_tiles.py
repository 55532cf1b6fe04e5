"""Tiles of latents: what is decoded is what was encoded; the rate is the cross entropy of the network."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from qimg.codecs.errors import BitstreamError
from qimg.codecs.learned.design import conditions
from qimg.codecs.learned.latents import predictions, surroundings
from qimg.codecs.learned.quantizer import Quantizer, laplace_bits
from qimg.codecs.learned.tiles import TILE, decoded_tile, encoded_tile, windows
from qimg.codecs.learned.transform import coefficients
from qimg.entropy.distributions import Distribution, bits_of
from qimg.images import bundled
from qimg.integer_networks.coding import latent_bits

RATE = 400


def coded(model, latents, rate=RATE):
    return encoded_tile(model, latents[0], lambda place, _: latents[1:][place[0], place[1], place[2]].ravel(), rate)


def drawn(model, shape, seed=0):
    scale = np.array([20, 3, 2, 1, *[0.5] * (model.design.channels - 4)])[:, None, None]
    return np.rint(np.random.default_rng(seed).normal(size=(model.design.channels, *shape)) * scale).astype(np.int32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 2), (12, 17)])
def test_round_trip(model, shape):
    latents = drawn(model, shape)
    returned, words = coded(model, latents)
    assert_array_equal(returned, latents)
    for dtype in (np.float32, np.float64):
        assert_array_equal(decoded_tile(model, words, shape, RATE, dtype=dtype), latents)


def test_outliers_are_coded(model):
    latents = drawn(model, (3, 3))
    latents[0, 1, 1], latents[2, 0, 0] = 5000, -900
    assert_array_equal(decoded_tile(model, coded(model, latents)[1], (3, 3), RATE), latents)


def test_the_size_is_the_cross_entropy_of_the_model(model):
    picture = np.pad(bundled("coffee")[:192, :240].transpose(2, 0, 1), ((0, 0), (4, 4), (4, 4)), mode="edge")
    latents = np.rint(coefficients(model, picture) / (model.step(RATE) / 64)).astype(np.int32)
    y, described = latents[0][..., None], conditions(model.design, [RATE])
    bits = latent_bits(model.first, (y - predictions(y))[None], conditions=described)
    bits += latent_bits(model.further, latents[1:, ..., None], side=np.stack(surroundings(y)), conditions=described)
    size = 4 * len(coded(model, latents)[1])
    assert bits / 8 - 1e-6 <= size <= 1.01 * bits / 8 + 4


@pytest.mark.parametrize("damage", ["cut", "longer", "noise", "empty"])
def test_words_of_no_encoder_are_refused(model, damage):
    latents = drawn(model, (12, 17))
    words = coded(model, latents)[1]
    wrong = {
        "cut": words[:-3],
        "longer": np.concatenate([words, words]),
        "noise": np.random.default_rng(1).integers(0, 1 << 32, 9, np.uint32),
        "empty": words[:0],
    }[damage]
    with pytest.raises(BitstreamError, match="words of a tile"):
        decoded_tile(model, wrong, (12, 17), RATE)


@pytest.mark.parametrize("shape", [(1, 1), (TILE, TILE + 1), (2 * TILE + 5, 3)])
def test_windows_cover_each_position_once(shape):
    count = np.zeros(shape, int)
    for rows, columns in windows(*shape):
        count[rows, columns] += 1
    assert (count == 1).all()


def test_code_lengths_of_the_quantizer_are_those_of_the_coder():
    symbols = np.arange(-6, 7)
    for mean, index in ((0, 20), (5, 40), (-20, 60)):
        parameters = np.tile(np.array([mean, index], np.int32), (len(symbols), 1))
        widths = Distribution(kind="laplace").intervals(symbols, parameters)[1]
        if len(widths) == len(symbols):  # without escapes
            scale = np.float32(0.04 * 2 ** (index / 8))
            # Every symbol has a least probability, so that rare ones are cheaper than the formula.
            ideal = np.array([bits_of([width]) for width in widths])
            likely = ideal < 15
            np.testing.assert_allclose(laplace_bits(symbols - mean / 16, scale)[likely], ideal[likely], atol=0.02)


def test_the_quantizer_rounds_at_a_small_slope_and_drops_at_a_large_one(model):
    real = np.random.default_rng(0).normal(size=(model.design.channels, 4, 5)).astype(np.float32) * 3
    place = (slice(0, 3), slice(0, 4, 1), slice(0, 5, 1))
    parameters = np.tile(np.array([0, 36], np.int32), (60, 1))
    gains = np.ones(model.design.channels, np.float32)
    fine = Quantizer(coordinates=real, gains=gains, slope=1e-6)(place, parameters)
    assert_array_equal(fine, np.rint(real[1:4]).ravel())
    assert not Quantizer(coordinates=real, gains=gains, slope=1e6)(place, parameters).any()
