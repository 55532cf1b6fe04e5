"""Mixing in the logistic domain: its tables against the definition, and weights that adapt to better predictions."""

import numpy as np

from qimg.core.compiled import compiled
from qimg.entropy.logistic_mixing import (
    LOGIT,
    ONE,
    adapt_mixture,
    distribution_table,
    logistic_tables,
    mixed_probability,
    new_mixture,
)


@compiled
def _bit(mixture, bit: int) -> int:
    probability = mixed_probability(mixture, mixture.logits.size, mixture.inputs.size)
    adapt_mixture(mixture, bit, mixture.logits.size, mixture.inputs.size)
    return probability


def test_tables_are_the_logistic_function_and_its_inverse():
    logits = np.arange(-LOGIT, LOGIT + 1) / 256
    exact = 1 / (1 + np.exp(-logits))
    stretch, squash = logistic_tables()
    assert np.abs(squash - 65536 * exact).max() <= 1.0
    assert np.abs(distribution_table() - ONE * exact).max() <= 1.0
    inner = np.arange(2000, 63536)
    assert np.abs(stretch[inner] - 256 * np.log(inner / (65536 - inner))).max() <= 1.0


def test_the_distribution_is_symmetric_and_increases():
    table = distribution_table()
    assert (np.diff(table) > 0).all()
    assert (table + table[::-1] == ONE).all()


def test_equal_weights_add_the_logits():
    mixture = new_mixture(sets=2, selectors=3, inputs=2, weight=1 << 15, rate=14)
    mixture.inputs[:] = 300, 100
    mixture.selected[:] = 1, 2, 0
    expected = 65536 / (1 + np.exp(-200 / 256))
    # linear interpolation between the nodes of the correction, 11/16 nat apart: below 1/2 % of certainty
    assert abs(_bit(mixture, 1) - expected) < 0.005 * 65536


def test_weights_follow_the_better_prediction():
    rng = np.random.default_rng(0)
    mixture = new_mixture(sets=1, selectors=1, inputs=2, weight=1 << 15, rate=14)
    bits = 0.0
    for step in range(4000):
        bit = int(rng.random() < 0.9)
        mixture.inputs[:] = 562, int(rng.integers(-600, 600))  # the first is the logit of 0.9
        p = _bit(mixture, bit) / 65536
        if step >= 2000:
            bits -= np.log2(p if bit else 1 - p) / 2000
    assert bits < 0.469 + 0.05  # the entropy of 0.9, four standard errors of 2000 bits
    assert mixture.weights[0, 0, 0] > 5 * abs(mixture.weights[0, 0, 1])
