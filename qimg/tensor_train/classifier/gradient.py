"""Training of all cores of a classifier at once, by minibatches and Adam, in single precision.

The label is an index of its own between the two halves of the train. The vectors of a batch are carried from both ends
to the middle, in stacked products of both halves; the gradients are carried back from the middle to the ends. A batch
takes three matrix products at each site: one forth, and two back. All cores begin near multiples of the identity, which
carry the vectors through hundreds of sites without growth or decay.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qimg.core import Array, Track, one_blas_thread, require
from qimg.tensor_train.classifier.features import LEVELS, constant_weights, site_vectors
from qimg.tensor_train.train import TensorTrain

BETAS = (0.9, 0.99)
"""Decay of Adam's first and second moments."""

EPSILON = 1e-8
"""Adam's smallest denominator."""

CLIP = 1.0
"""Largest norm of a gradient; longer ones are scaled to it."""

NOISE = 0.01
"""Standard deviation of the initial cores about multiples of the identity."""


@dataclass(eq=False, kw_only=True)
class Halves:
    """The numbers of a classifier in training: cores of both halves, from the ends to the middle, and the label."""

    ends: Array
    """(2, 1, D) vectors before the first site of each half."""
    cores: Array
    """(half, 2, D, 2 D): for site k of each half, the matrices of the two components side by side."""
    label: Array
    """(D, labels · D) between the halves."""

    def arrays(self) -> list[Array]:
        """The arrays, which are updated in place."""
        return [self.ends, self.cores, self.label]


def initial(columns: Array, *, bond: int, labels: int, features: str, rng: np.random.Generator) -> Halves:
    """Cores near multiples of the identity, with noise of standard deviation `NOISE`, for columns (2 · half, n)."""
    half = len(columns) // 2
    weights = _of_both(constant_weights(columns, features))  # (half, 2, components)
    cores = rng.normal(0, NOISE, (half, 2, bond, LEVELS, bond))
    cores[:, :, np.arange(bond), :, np.arange(bond)] += weights
    return Halves(
        ends=np.full((2, 1, bond), 1 / math.sqrt(bond), np.float32),
        cores=cores.reshape(half, 2, bond, LEVELS * bond).astype(np.float32),
        label=rng.normal(0, 1 / bond, (bond, labels * bond)).astype(np.float32),
    )


def train_by_gradient(
    columns: Array,
    targets: Array,
    *,
    bond: int,
    labels: int,
    features: str,
    epochs: int,
    batch: int,
    learning_rate: float,
    rng: np.random.Generator,
    track: Track,
) -> tuple[TensorTrain, int, list[float]]:
    """Minimise the mean cross-entropy; the train, the site of its label and the mean loss of each epoch.

    Adam with the learning rate falling to zero along half a cosine.

    Args:
        columns: (sites, n) pixels in [0, 1], `float32`.
        targets: (n,) labels from 0.
        bond: of every cut.
        labels: number of labels.
        features: one of `FEATURES`.
        epochs: passes over all samples.
        batch: samples of a step; the last step of an epoch takes what is left.
        learning_rate: of the first step.
        rng: draws the initial cores and the batches.
        track: wraps the epochs.
    """
    sites, count = columns.shape
    if sites % 2:  # a site with a black pixel, which is multiplied into its neighbour at the end
        columns = np.concatenate([columns, np.zeros((1, count), columns.dtype)])
    model = initial(columns, bond=bond, labels=labels, features=features, rng=rng)
    batch = min(batch, count)
    total = epochs * -(-count // batch)
    moments = [(np.zeros_like(one), np.zeros_like(one)) for one in model.arrays()]
    losses: list[float] = []
    number = 0
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        for _ in track(range(epochs)):
            lost = 0.0
            for chosen in _batches(count, batch, rng):
                loss, gradients = loss_and_gradient(model, columns[:, chosen], targets[chosen], features)
                rule = f"must keep the scores finite: {learning_rate / 10:g} may do"
                require(math.isfinite(loss), "learning_rate", rule, learning_rate)
                rate = learning_rate * 0.5 * (1 + math.cos(math.pi * number / total))
                number += 1
                _adam(model.arrays(), gradients, moments, number, rate)
                lost += loss * len(chosen)
            losses.append(lost / count)
    return _train_of(model, sites, features), (len(columns) // 2) - 1, losses


def _batches(count: int, batch: int, rng: np.random.Generator) -> Iterator[Array]:
    order = rng.permutation(count)
    for first in range(0, count, batch):
        yield order[first : first + batch]


def loss_and_gradient(model: Halves, columns: Array, targets: Array, features: str) -> tuple[float, list[Array]]:
    """Mean cross-entropy of a batch, and its gradient by the arrays of the model.

    Args:
        model: numbers of the classifier.
        columns: (2 · half, n) pixels.
        targets: (n,) labels.
        features: one of `FEATURES`.
    """
    half, _, bond, _ = model.cores.shape
    count = len(targets)
    vectors = _of_both(site_vectors(columns, features))  # (half, 2, n, components)
    carried = [np.broadcast_to(model.ends, (2, count, bond))]
    for k in range(half):
        carried.append(_forth(carried[-1], model.cores[k], vectors[k]))
    left, right = carried[-1]
    matrices = (left @ model.label).reshape(count, -1, bond)
    scores = np.matmul(matrices, right[:, :, None])[:, :, 0]
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(axis=1, keepdims=True)
    rows = np.arange(count)
    loss = float((np.log(sums[:, 0]) - shifted[rows, targets]).mean())
    slopes = powers / sums
    slopes[rows, targets] -= 1
    slopes /= count

    outer = (slopes[:, :, None] * right[:, None, :]).reshape(count, -1)
    behind = np.stack([outer @ model.label.T, np.matmul(slopes[:, None], matrices)[:, 0]])
    by_cores = np.empty_like(model.cores)
    for k in range(half - 1, -1, -1):
        weighted = (vectors[k][..., None] * behind[:, :, None]).reshape(2, count, LEVELS * bond)
        np.matmul(carried[k].transpose(0, 2, 1), weighted, out=by_cores[k])
        behind = weighted @ model.cores[k].transpose(0, 2, 1)
    return loss, [behind.sum(axis=1, keepdims=True), by_cores, left.T @ outer]


def _forth(carried: Array, cores: Array, vectors: Array) -> Array:
    """Vectors (2, n, D) of both halves behind a site."""
    products = carried @ cores
    bond = carried.shape[2]
    first = products[..., :bond] * vectors[..., :1]
    first += products[..., bond:] * vectors[..., 1:]
    return first


def _of_both(values: Array) -> Array:
    """Values (2 · half, ...) of all sites as (half, 2, ...), both halves from the ends to the middle."""
    half = len(values) // 2
    return np.stack([values[:half], values[: half - 1 : -1]], axis=1)


def _adam(
    arrays: list[Array], gradients: list[Array], moments: list[tuple[Array, Array]], number: int, rate: float
) -> None:
    length = math.sqrt(sum(float(np.vdot(one, one)) for one in gradients))
    scale = min(1.0, CLIP / length) if length > 0 else 1.0
    bias, bias_of_squares = (1 - beta**number for beta in BETAS)
    for array, gradient, (mean, square) in zip(arrays, gradients, moments, strict=True):
        gradient *= scale
        mean += (1 - BETAS[0]) * (gradient - mean)
        gradient *= gradient
        square += (1 - BETAS[1]) * (gradient - square)
        root = np.sqrt(square / bias_of_squares)
        root += EPSILON
        array -= (rate / bias) * (mean / root)


def _train_of(model: Halves, sites: int, features: str) -> TensorTrain:
    """The train over the sites, with the label as the minor digit of the last site of the first half."""
    half, _, bond, _ = model.cores.shape
    cores = model.cores.astype(float).reshape(half, 2, bond, LEVELS, bond)
    label = model.label.astype(float).reshape(bond, -1, bond)
    left = list(cores[:, 0])
    left[0] = np.tensordot(model.ends[0].astype(float), left[0], axes=1)
    left[-1] = np.tensordot(left[-1], label, axes=1).reshape(len(left[-1]), -1, bond)
    right = list(cores[:, 1])
    right[0] = np.tensordot(model.ends[1].astype(float), right[0], axes=1)
    if sites % 2:
        black = site_vectors(np.zeros(1), features)[0]
        closing = np.tensordot(right.pop(0), black, axes=([1], [0]))  # (1, D)
        if right:
            right[0] = np.tensordot(closing, right[0], axes=1)
        else:
            left[-1] = np.tensordot(left[-1], closing.T, axes=1)
    return TensorTrain([*left, *(core.transpose(2, 1, 0) for core in right[::-1])])
