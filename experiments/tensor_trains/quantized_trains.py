"""Tensor trains with integer cores, and the length of an adaptive code for them."""

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from qimg.core import Array
from qimg.tensor_train import TensorTrain, compress, schmidt_values

BITS_FOR_A_VALUE = 16
"""Bits of each Schmidt value that is sent: its logarithm in half precision, which both sides use."""

BITS_FOR_A_BOND = 16
BITS_FOR_THE_STEP = 32
BITS_FOR_A_RANGE = 32
"""Smallest and largest number of a class."""

PRECISION = 2
"""Bits below the expected size of a number that are worth a model."""


class QuantizedTrain(NamedTuple):
    """A train of integers."""

    train: TensorTrain
    """As the decoder builds it."""
    ideal_bits: float
    """Length of an adaptive code for the integers, with Schmidt values, bonds and step; not a file."""


def quantize(train: TensorTrain, step: float) -> QuantizedTrain:
    """Round every core where the others are isometries, so that its error is that of the picture.

    With left-canonical cores A and Schmidt values λ, the core that has the norm when its neighbours are isometries is
    A λ. That is rounded to whole steps, and the decoder divides by λ again: errors of all cores add up to first order.
    The Schmidt values are sent first and say how large each entry will be; an adaptive code with one table of counts
    for each size is what the bits are counted for.

    Args:
        train: not zero.
        step: width of a step in code values.
    """
    left = compress(train).train
    schmidt = [_as_sent(values) for values in schmidt_values(left)]
    total = float(np.sum(schmidt[0] ** 2)) if schmidt else 1.0
    cores, numbers, sizes = [], [], []
    for k, core in enumerate(left.cores):
        before = schmidt[k - 1] if k else np.array([np.sqrt(total)])
        behind = schmidt[k] if k < len(schmidt) else np.array([np.sqrt(total)])
        weight = behind if k < len(schmidt) else np.ones(1)
        integers = np.rint(core * weight / step)
        expected = before[:, None, None] * behind / np.sqrt(total * core.shape[1])
        cores.append(integers * step / weight)
        numbers.append(integers.ravel())
        sizes.append(np.broadcast_to(expected / step, core.shape).ravel())
    bits = _code_length(np.concatenate(numbers), np.concatenate(sizes))
    side = BITS_FOR_A_VALUE * sum(left.bonds) + BITS_FOR_A_BOND * len(left.bonds) + BITS_FOR_THE_STEP
    return QuantizedTrain(TensorTrain(cores), bits + side)


def _as_sent(values: Array) -> Array:
    """Positive values with their logarithms in half precision."""
    floor = values[0] * 1e-6
    return np.exp(np.float16(np.log(np.maximum(values, floor))).astype(float))


def _code_length(numbers: Array, sizes: Array) -> float:
    """Bits of an adaptive code, exactly: each number by the counts of those before it in its class of expected size.

    With S symbols that start at a count of 1/2 each (Krichevsky and Trofimov, 1981) the product of all probabilities
    is Γ(S/2) / Γ(n + S/2) · Π Γ(count + 1/2) / Γ(1/2). Numbers expected to be large are split: their low bits are sent
    as they are, so that few symbols have to be learnt.
    """
    classes = np.clip(np.rint(2 * np.log2(np.maximum(sizes, 2.0**-8))), -16, 64).astype(int)
    bits = 0.0
    for one in np.unique(classes):
        plain = max(0, one // 2 - PRECISION)
        chosen = numbers[classes == one].astype(np.int64) >> plain
        low, high = int(chosen.min()), int(chosen.max())
        symbols = high - low + 1
        counts = np.bincount(chosen - low, minlength=symbols)
        nats = gammaln(len(chosen) + symbols / 2) - gammaln(symbols / 2)
        nats -= float((gammaln(counts + 0.5) - gammaln(0.5)).sum())
        bits += float(nats) / float(np.log(2)) + plain * len(chosen) + BITS_FOR_A_RANGE
    return bits
