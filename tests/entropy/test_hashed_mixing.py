"""Hashed context mixing: its tables, its streams, what it learns."""

import numpy as np
from numba import njit
from numpy.testing import assert_array_equal

from qimg.entropy import range_coder
from qimg.entropy.hashed_mixing import SETS, code_hashed_bit, hashed, new_model
from qimg.entropy.logistic_mixing import logistic_tables
from qimg.entropy.mixing import new_reader, new_writer


@njit
def code_all(coder, model, bits):
    """Bits with three contexts: none, the bit before, and the last eight bits."""
    last = 0
    for i in range(bits.size):
        model.hashes[0] = 0
        model.hashes[1] = hashed(1, last & 1)
        model.hashes[2] = hashed(2, last & 255)
        bits[i] = code_hashed_bit(coder, model, 0, 0, bits[i])
        last = last << 1 | bits[i]


def model(slots: int = 1024):
    return new_model(contexts=3, slots=slots, kinds=1, selectors=8)


def coded(bits, slots: int = 1024):
    writer = new_writer(len(bits))
    code_all(writer, model(slots), np.array(bits, np.int64))
    return writer.coded


def ideal_bits(bits, probabilities) -> float:
    p = probabilities / 65536
    return float(-np.log2(np.where(bits, p, 1 - p)).sum())


def test_tables_are_the_logistic_function_and_its_inverse():
    stretch, squash = logistic_tables()
    logits = np.arange(-2815, 2816) / 256
    assert np.abs(squash - 65536 / (1 + np.exp(-logits))).max() <= 1  # rounded, and at most 65535
    assert_array_equal(squash + squash[::-1], 65536)
    assert (np.diff(stretch) >= 0).all()
    reached = squash[stretch.astype(int) + 2815]
    inside = slice(64, 65536 - 64)  # where the table of squash is dense
    assert np.abs(reached - np.arange(65536))[inside].max() <= 65536 / 256 / 4 / 2 + 1  # half of the largest spacing


def test_reader_follows_the_writer():
    rng = np.random.default_rng(0)
    bits = (rng.random(5000) < 0.2).astype(np.int64)
    for slots in (4, 1024):  # slots that many contexts share too
        words = range_coder.encode_bits(*coded(bits, slots))
        read, reader = np.zeros_like(bits), new_reader(words)
        code_all(reader, model(slots), read)
        assert_array_equal(read, bits)
        assert range_coder.is_complete(reader.state, words)


def test_rates_of_random_and_of_regular_bits():
    rng = np.random.default_rng(1)
    bits = (rng.random(20000) < 0.1).astype(np.int64)
    entropy = 20000 * 0.469  # of a bit that is one with probability 0.1
    assert ideal_bits(*coded(bits)) < 1.05 * entropy
    period = np.tile([0, 1, 1, 0, 1, 0, 0], 500)
    assert ideal_bits(*coded(period)) < 0.05 * len(period)


def test_sets_of_weights():
    assert model().mixture.weights.shape == (SETS, 8, 6)
    assert model().mixture.correction.shape == (8, 33)
