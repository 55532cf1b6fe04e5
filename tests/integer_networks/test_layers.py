"""Layers in integers: equal to integer arithmetic, in any precision and order; accumulators are bounded."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import correlate

from qimg.core import Array
from qimg.integer_networks.layers import IntegerLayer, IntegerNetwork


def layer(rng: np.random.Generator, outputs: int, inputs: int, kernel: int = 0, **changed: Any) -> IntegerLayer:
    shape = (outputs, inputs, kernel, kernel) if kernel else (outputs, inputs)
    arrays = {
        "weight": rng.integers(-127, 128, shape).astype(np.int8),
        "bias": rng.integers(-100_000, 100_000, outputs).astype(np.int32),
        "shift": rng.integers(0, 12, outputs).astype(np.int8),
        "low": np.array(-300, np.int32),
        "high": np.array(400, np.int32),
        "bound": np.array(255, np.int32),
    }
    return IntegerLayer(**arrays | changed)


def exact(one: IntegerLayer, x: Array) -> Array:
    """The definition, in 64-bit integers."""
    if one.weight.ndim == 2:
        y = one.weight.astype(np.int64) @ x.astype(np.int64)
    else:
        weight = one.weight.astype(np.int64)
        parts = [
            [correlate(c, k, "same", "direct") for c, k in zip(x.astype(np.int64), w, strict=True)] for w in weight
        ]
        y = np.array([np.sum(part, axis=0) for part in parts])
    shape = (-1,) + (1,) * (y.ndim - 1)
    shift = one.shift.astype(np.int64).reshape(shape)
    y = y + one.bias.reshape(shape) + np.where(shift > 0, 1 << np.maximum(shift - 1, 0), 0)
    return np.clip(y >> shift, int(one.low), int(one.high))


@given(seed=st.integers(0, 1 << 30), kernel=st.sampled_from([0, 1, 3, 5]), dtype=st.sampled_from(["f4", "f8"]))
def test_results_are_those_of_integers(seed: int, kernel: int, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    one = layer(rng, 4, 3, kernel)
    shape = (3, *rng.integers(1, 8, 2)) if kernel else (3, int(rng.integers(0, 8)))
    x = rng.integers(-255, 256, shape)
    np.testing.assert_array_equal(one(x.astype(dtype)), exact(one, x))


def test_batches_do_not_change_results() -> None:
    rng = np.random.default_rng(0)
    network = IntegerNetwork(
        layers=(
            layer(rng, 40, 30, low=np.array(0, np.int32), high=np.array(255, np.int32)),
            layer(rng, 5, 40),
        )
    )
    x = rng.integers(-255, 256, (30, 50)).astype(np.float32)
    whole = network(x)
    np.testing.assert_array_equal(np.concatenate([network(x[:, k : k + 7]) for k in range(0, 50, 7)], axis=1), whole)
    assert network.multiply_accumulates == 30 * 40 + 40 * 5


def test_files_hold_the_same_layers() -> None:
    rng = np.random.default_rng(0)
    one = layer(rng, 4, 3, 3)
    again = IntegerNetwork.of_arrays(IntegerNetwork(layers=(one,)).arrays("net."), "net.", 1).layers[0]
    x = rng.integers(-255, 256, (3, 5, 6)).astype(np.float32)
    np.testing.assert_array_equal(again(x), one(x))


def test_errors() -> None:
    rng = np.random.default_rng(0)
    many = np.full((1, 600), 127, np.int8)
    with pytest.raises(ValueError, match="weight must keep accumulators below 16777216"):
        layer(rng, 1, 600, weight=many)
    with pytest.raises(ValueError, match=r"shift must be in \[0, 24\], but shift=25"):
        layer(rng, 1, 2, shift=np.array([25], np.int8))
    with pytest.raises(ValueError, match="bias"):
        layer(rng, 2, 2, bias=np.zeros(3, np.int32))
    with pytest.raises(ValueError, match="layers must have outputs of at most 255 in layer 0"):
        IntegerNetwork(layers=(layer(rng, 2, 2), layer(rng, 2, 2)))
    with pytest.raises(ValueError, match="layers must have 3 inputs in layer 1"):
        IntegerNetwork(layers=(layer(rng, 3, 2), layer(rng, 2, 2)))
