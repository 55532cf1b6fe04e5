"""Rounded trains: errors and bits are those that were predicted."""

import math

import numpy as np
import pytest

from experiments.tensor_trains.quantized_trains import _code_length, quantize
from qimg import images
from qimg import tensor_train as tt


def test_errors_of_rounding_add_up() -> None:
    plane = images.luma(images.box_mean(images.bundled("astronaut"), 4))
    train = tt.picture_train(plane, order="morton", bond=16).train
    exact = train.dense()
    for step in (2.0, 8.0):
        rounded = quantize(train, step)
        error = float(((rounded.train.dense() - exact) ** 2).sum())
        # Δ²/12 for each of 3752 numbers, fewer where entries are below half a step; second order at coarse steps.
        assert 0.5 < error / (step**2 / 12 * train.parameters) < 1.05
        assert rounded.train.bonds == train.bonds
    fine, coarse = (quantize(train, step).ideal_bits for step in (4.0, 8.0))
    # Half the step costs nearly a bit for each number, and something for learning a larger alphabet.
    assert 0.6 < (fine - coarse) / train.parameters < 1.1


def test_code_length_is_the_product_of_adaptive_probabilities() -> None:
    numbers = np.random.default_rng(0).integers(-2, 3, size=200)
    counts = dict.fromkeys(range(numbers.min(), numbers.max() + 1), 0.5)
    bits = 32.0
    for number in numbers:
        bits -= math.log2(counts[number] / sum(counts.values()))
        counts[number] += 1
    assert _code_length(numbers, np.ones(200)) == pytest.approx(bits, rel=1e-12)
    # Of numbers expected at 2⁴ the lowest two bits are sent as they are.
    assert _code_length(4 * numbers + 1, np.full(200, 16.0)) == pytest.approx(bits + 2 * 200, rel=1e-12)
    # No shorter than the entropy of the counts, and longer by what learning them costs.
    shares = np.unique(numbers, return_counts=True)[1] / 200
    assert bits > -200 * float((shares * np.log2(shares)).sum())
