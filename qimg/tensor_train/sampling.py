"""Samples of the components of a train, with probabilities proportional to their squared magnitudes."""

import numpy as np

from qimg.core import Array, integer, one_blas_thread, require
from qimg.tensor_train.canonical import right_isometries
from qimg.tensor_train.train import TensorTrain


def sample(train: TensorTrain, count: int, *, rng: np.random.Generator) -> Array:
    """Independent exact samples (count, sites) of the digits of a component k, with probability |x_k|² / ‖x‖².

    Each digit is drawn given the previous ones. Cost: O(sites · dims · bond³ + count · sites · dims · bond²).

    Args:
        train: real or complex, not zero; it need not be normalised.
        count: number of samples.
        rng: source of randomness.

    >>> from qimg.tensor_train import product_train
    >>> sample(product_train([[0.0, 2.0], [3.0, 0.0]]), 2, rng=np.random.default_rng(0))
    array([[1, 0],
           [1, 0]])
    """
    integer("count", count, 1)
    cores, _ = right_isometries(train)
    require(bool(cores[0].any()), "train", "must not be zero to be a state", train)
    digits = np.empty((count, len(cores)), np.int64)
    vectors = np.ones((count, 1))
    with one_blas_thread():
        for site, core in enumerate(cores):
            ahead = (vectors @ core.reshape(len(core), -1)).reshape(count, *core.shape[1:])
            edges = (np.abs(ahead) ** 2).sum(axis=2).cumsum(axis=1)
            # The last digit with a positive weight is the limit, as rounding could exceed it.
            drawn = rng.random(count) * edges[:, -1]
            digits[:, site] = np.minimum((drawn[:, None] >= edges).sum(axis=1), edges.argmax(axis=1))
            vectors = ahead[np.arange(count), digits[:, site]]
            vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return digits
