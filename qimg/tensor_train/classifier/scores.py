"""Class scores of pictures: a train with the label at one of its sites, applied to the vectors of the pixels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qimg.core import Array, one_blas_thread
from qimg.tensor_train.canonical import reverse
from qimg.tensor_train.classifier.features import LEVELS, site_vectors
from qimg.tensor_train.train import TensorTrain
from qimg.tensor_train.training.passes import unit

CHUNK = 1000
"""Pictures per batch; the vectors of a batch fit into the cache."""

LARGEST = 600.0
"""Largest natural logarithm of a score's scale: beyond it, the softmax is that of an infinite score."""


class Scaled(NamedTuple):
    """Vectors of samples as unit vectors and natural logarithms of their norms, which never over- or underflow."""

    vectors: Array
    """(n, bond)."""
    logs: Array
    """(n,)."""


def start(count: int) -> Scaled:
    """The vectors before the first site."""
    return Scaled(np.ones((count, 1)), np.zeros(count))


def step(before: Scaled, core: Array, vectors: Array) -> Scaled:
    """The samples' vectors behind a core (left, 2, right), given the vectors (n, 2) of their pixels."""
    after = sum(vectors[:, i, None] * (before.vectors @ core[:, i]) for i in range(LEVELS))
    units, norms = unit(np.asarray(after))
    return Scaled(units, before.logs + np.log(np.maximum(norms, np.finfo(float).tiny)))


def class_scores(train: TensorTrain, label_site: int, columns: Array, features: str) -> Array:
    """Scores (n, labels) of pictures given as columns (sites, n). Cost: O(n · sites · bond²), plus labels at one site.

    Scores beyond e^±600 are returned with this modulus.
    """
    result = [
        _chunk(train, label_site, columns[:, first : first + CHUNK], features)
        for first in range(0, columns.shape[1], CHUNK)
    ]
    return np.concatenate(result)


def _chunk(train: TensorTrain, label_site: int, columns: Array, features: str) -> Array:
    vectors = site_vectors(columns.astype(float), features)
    with one_blas_thread():
        left = carried(train.cores[:label_site], vectors[:label_site])
        right = carried(reverse(train).cores[: -label_site - 1], vectors[:label_site:-1])
        return _at_label(left, train.cores[label_site], vectors[label_site], right)


def carried(cores: Sequence[Array], vectors: Array) -> Scaled:
    """The samples' vectors behind several cores, given the vectors (sites, n, 2) of their pixels."""
    behind = start(vectors.shape[1])
    for core, one in zip(cores, vectors, strict=True):
        behind = step(behind, core, one)
    return behind


def _at_label(left: Scaled, centre: Array, vectors: Array, right: Scaled) -> Array:
    before, levels, after = centre.shape
    labels = levels // LEVELS
    cores = centre.reshape(before, LEVELS, labels * after)
    matrices = sum(vectors[:, i, None] * (left.vectors @ cores[:, i]) for i in range(LEVELS))
    scores = np.einsum("nlr,nr->nl", np.asarray(matrices).reshape(-1, labels, after), right.vectors)
    return scores * np.exp(np.clip(left.logs + right.logs, -LARGEST, LARGEST))[:, None]


def log_softmax(scores: Array) -> Array:
    """Logarithms of the probabilities (n, labels) of scores."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
