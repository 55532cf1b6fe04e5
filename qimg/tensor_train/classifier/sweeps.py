"""Training of a classifier in sweeps over centres of two sites, as in DMRG (Stoudenmire and Schwab, 2016).

The label is an index of the centre and moves with it. The scores are linear in the centre, so that the mean
cross-entropy is convex in it: softmax regression on the products of the vectors on both sides and of both pixels. Each
centre is improved by conjugate gradients with exact line searches, truncated in the metric of the samples' vectors, and
split. The passes and the descent are those of the Born machine (`qimg.tensor_train.training`).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import brentq

from qimg.core import Array, Track
from qimg.tensor_train.canonical import right_isometries
from qimg.tensor_train.classifier.features import LEVELS, constant_weights, site_vectors
from qimg.tensor_train.classifier.scores import LARGEST, Scaled, log_softmax, start, step
from qimg.tensor_train.ranks import up_to
from qimg.tensor_train.sweeps import split
from qimg.tensor_train.train import TensorTrain
from qimg.tensor_train.training.descent import descend
from qimg.tensor_train.training.passes import forth_and_back

CHUNK = 512
"""Samples whose features are formed at a time."""

FLAT = 1e-9
"""Share of the first derivative along a line below which the line counts as flat, where no minimum is finite."""

NOISE = 0.1
"""Standard deviation of the initial cores about multiples of the identity."""

RIDGE = 1e-6
"""Share of the mean second moment that is added to every direction."""

CUTOFF = 1e-12
"""Squared Schmidt values below this share of the largest are dropped."""


def initial(columns: Array, *, bond: int, labels: int, features: str, rng: np.random.Generator) -> TensorTrain:
    """A right-canonical train with the label at its first site, from cores near multiples of the identity."""
    weights = constant_weights(columns, features)
    cores = rng.normal(0, NOISE, (len(columns), bond, LEVELS, bond))
    cores[:, np.arange(bond), :, np.arange(bond)] += weights
    first = rng.normal(0, 1, (1, labels, bond))
    closing = np.full((bond, 1), 1 / np.sqrt(bond))
    with_label = np.einsum("alr,rid->aild", first, cores[0]).reshape(1, LEVELS * labels, bond)
    chain = [with_label, *cores[1:]]
    chain[-1] = np.tensordot(chain[-1], closing, axes=1)
    isometries, _ = right_isometries(TensorTrain(chain))
    centre = isometries[0]
    return TensorTrain([centre / np.linalg.norm(centre), *isometries[1:]])


def train_by_sweeps(
    columns: Array,
    targets: Array,
    *,
    bond: int,
    labels: int,
    features: str,
    sweeps: int,
    steps: int,
    rng: np.random.Generator,
    track: Track,
) -> tuple[TensorTrain, int, list[float]]:
    """Minimise the mean cross-entropy; the train, the site of its label and the loss at the last centre of each sweep.

    Cost of a sweep: O(n · sites · bond² · labels · steps) and an eigenproblem of size 2 · bond at each cut; memory for
    the vectors of all samples at all sites, 8 · n · sites · bond bytes.

    Args:
        columns: (sites, n) pixels in [0, 1], at least two sites.
        targets: (n,) labels from 0.
        bond: largest bond dimension.
        labels: number of labels.
        features: one of `FEATURES`.
        sweeps: each forth and back.
        steps: conjugate gradient steps at each centre.
        rng: draws the initial cores.
        track: wraps the sweeps.
    """
    values = list(site_vectors(columns.astype(float), features))
    train = initial(columns, bond=bond, labels=labels, features=features, rng=rng)
    keep = up_to(bond, CUTOFF)
    losses: list[float] = []

    def move(cores: list[Array], k: int, left: Scaled, right: Scaled, vectors: Sequence[Array]) -> None:
        before, after = len(cores[k]), cores[k + 1].shape[2]
        centre = cores[k].reshape(before, LEVELS, labels, -1)
        pair = np.einsum("ailr,rjb->aijbl", centre, cores[k + 1])
        problem = Softmax(left, vectors[k], vectors[k + 1], right, targets)
        pair = descend(problem, pair.reshape(-1, labels), steps=steps, rate=1.0)
        last[0] = problem.loss(problem.outputs(pair))
        pair = problem.truncated(pair, bond).reshape(before, LEVELS, LEVELS, after, labels).transpose(0, 1, 2, 4, 3)
        basis, rest, _ = split(pair.reshape(before * LEVELS, -1), k, before, 0.0, keep, precise=False)
        cores[k] = basis.reshape(before, LEVELS, -1)
        cores[k + 1] = rest.reshape(-1, LEVELS * labels, after)

    last = [0.0]
    for _ in track(range(sweeps)):
        train = forth_and_back(train, values, width=2, start=start(len(targets)), step=step, move=move)
        losses.append(last[0])
    return train, 0, losses


class Softmax:
    """Mean cross-entropy of scores Φ(x) · C: the `Objective` of a centre C (left · 2 · 2 · right, labels).

    Φ(x) is the outer product of the vectors on both sides and of both pixels, formed for a part of the samples at a
    time.
    """

    def __init__(self, left: Scaled, first: Array, second: Array, right: Scaled, targets: Array) -> None:
        """Store the vectors (n, …) of all samples and their labels (n,)."""
        scales = np.exp(np.clip(left.logs + right.logs, -LARGEST, LARGEST))
        self._left, self._right = left.vectors * scales[:, None], right.vectors
        self._units, self._first, self._second = left.vectors, first, second
        self._scales = scales / scales.max()
        self._pixels = (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)
        self._targets = targets

    def _features(self) -> Iterator[tuple[slice, Array]]:
        for begin in range(0, len(self._left), CHUNK):
            rows = slice(begin, begin + CHUNK)
            outer = self._left[rows, :, None] * self._pixels[rows, None, :]
            wide = outer.reshape(len(outer), -1, 1) * self._right[rows, None, :]
            yield rows, wide.reshape(len(outer), -1)

    def truncated(self, centre: Array, bond: int) -> Array:
        """A centre of at most the rank `bond` between its sites that gives the samples nearly the same scores.

        Schmidt values weigh all vectors alike, those of no sample included. Here the vectors on both sides are
        weighted by their second moments over the samples: where both sides are independent, no centre of this rank has
        a smaller mean squared change of the scores.
        """
        count, labels = len(self._scales), centre.shape[1]
        before = (self._units[:, :, None] * self._first[:, None, :]).reshape(count, -1)
        after = (self._second[:, :, None] * self._right[:, None, :]).reshape(count, -1)
        (left, left_inverse), (right, right_inverse) = self._root(before), self._root(after)
        matrices = centre.reshape(len(left), len(right), labels).transpose(2, 0, 1)
        weighted = (left @ matrices @ right).transpose(1, 0, 2).reshape(len(left), -1)
        u, values, v = np.linalg.svd(weighted, full_matrices=False)
        kept = ((u[:, :bond] * values[:bond]) @ v[:bond]).reshape(len(left), labels, -1).transpose(1, 0, 2)
        return np.asarray((left_inverse @ kept @ right_inverse).transpose(1, 2, 0)).reshape(-1, labels)

    def _root(self, vectors: Array) -> tuple[Array, Array]:
        """The root of the vectors' second moments, weighted by the samples' scales, and its inverse."""
        moments = vectors.T @ (vectors * self._scales[:, None])
        values, basis = np.linalg.eigh(moments)
        values = np.sqrt(np.maximum(values, 0) + RIDGE * np.trace(moments) / len(moments))
        return (basis * values) @ basis.T, (basis / values) @ basis.T

    def outputs(self, centre: Array) -> Array:
        """Scores (n, labels)."""
        return np.concatenate([features @ centre for _, features in self._features()])

    def loss(self, outputs: Array) -> float:
        """Mean cross-entropy of scores."""
        return -float(log_softmax(outputs)[np.arange(len(outputs)), self._targets].mean())

    def downhill(self, centre: Array, outputs: Array) -> Array:
        """The negative gradient."""
        slopes = -np.exp(log_softmax(outputs))
        slopes[np.arange(len(slopes)), self._targets] += 1
        slopes /= len(slopes)
        result = np.zeros_like(centre)
        for rows, features in self._features():
            result += features.T @ slopes[rows]
        return result

    def best_step(self, centre: Array, direction: Array, outputs: Array, slopes: Array) -> float:
        """The minimum along a direction, where the derivative vanishes or falls below a billionth of the first one.

        The third derivative along the line is at most the second times the largest spread r of the slopes of a sample.
        The first derivative therefore vanishes no earlier than after log(1 + r s) / r, with s the step of Newton. From
        there the step is doubled until the derivative has changed its sign, and the root is found by Brent's method.
        """
        rows = np.arange(len(outputs))
        own = slopes[rows, self._targets]
        spread = float(np.ptp(slopes, axis=1).max())

        def derivatives(t: float) -> tuple[float, float]:
            p = np.exp(log_softmax(outputs + t * slopes))
            means = (p * slopes).sum(axis=1)
            curvature = float((p * (slopes - means[:, None]) ** 2).sum(axis=1).mean())
            return float((means - own).mean()), curvature

        first, curvature = derivatives(0.0)
        if first >= 0 or curvature <= 0:  # a minimum up to rounding
            return 0.0
        before, t = 0.0, float(np.log1p(-spread * first / curvature)) / spread
        while (slope := derivatives(t)[0]) < -FLAT * abs(first):
            before, t = t, 2 * t
        return t if slope <= 0 else float(brentq(lambda one: derivatives(one)[0], before, t, rtol=1e-3))
