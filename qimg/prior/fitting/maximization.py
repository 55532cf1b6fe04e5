"""Initial classes, maximization with shrinkage for classes with few vectors, and stepwise updates of a mixture."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.cached import cached_property
from qimg.prior.fitting.moments import Expectation, Moments, pooled_moments
from qimg.prior.mixture import GaussianMixture

SHRINKAGE = 0.5
"""Default number of pseudo-vectors of the pooled covariance per dimension with which classes are shrunk."""

CHILDREN = 8
"""Classes that a coarse class is split into."""
_COARSE_FROM = 32


def seeded_moments(vectors: Array, pooled: Array, components: int, rng: np.random.Generator) -> Moments:
    """Moments of K initial classes, made from the pooled covariance alone.

    Vectors are whitened by the pooled covariance. A vector's class is the pair of its level of length, one of at most 8
    that are a factor of √2 or more apart, and the random axis nearest to its direction, one of K / levels; signs are
    ignored.

    Args:
        vectors: (n, d).
        pooled: (d, d) positive definite covariance of all vectors.
        components: K.
        rng: draws the axes; the same state gives the same classes for every batch.
    """
    from scipy.linalg import solve_triangular

    x = np.asarray(vectors, np.float64)
    white = solve_triangular(np.linalg.cholesky(pooled), x.T, lower=True).T
    levels = int(np.clip(components // 8, 1, 8))
    axes = -(-components // levels)
    directions = rng.standard_normal((axes, x.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    length = np.sqrt((white**2).mean(axis=1))
    # Natural vectors are sparse: most are far shorter than the root of their mean square.
    edges = 2.0 ** (np.arange(1, levels) * 5 / levels - 3.5)
    label = np.searchsorted(edges, length) * axes + np.abs(white @ directions.T).argmax(axis=1)
    label = np.minimum(label, components - 1)
    rows, columns = np.tril_indices(x.shape[1])
    packed = np.zeros((components, len(rows)))
    for k in np.unique(label):
        members = x[label == k]
        packed[k] = (members.T @ members)[rows, columns]
    counts = np.bincount(label, minlength=components).astype(np.float64)
    return Moments(counts=counts, packed=packed, log_likelihood=0.0)


def coarse_classes(components: int) -> int:
    """Number of classes that a mixture starts with: an eighth for 32 classes or more.

    Splitting these classes later gives a better mixture than starting with all of them.
    """
    return -(-components // CHILDREN) if components >= _COARSE_FROM else components


def split_moments(vectors: Array, mixture: GaussianMixture, components: int, rng: np.random.Generator) -> Moments:
    """Moments of K initial classes, made from a coarser mixture.

    Each vector is assigned to its likeliest class. The vectors of a class are then divided among its share of the K
    classes by `seeded_moments` with the class's covariance.

    Args:
        vectors: (n, d).
        mixture: of K' ≤ K classes.
        components: K.
        rng: the same state gives the same classes for every batch.
    """
    x = np.asarray(vectors, np.float64)
    label = mixture.log_joint(x).argmax(axis=1) if len(x) else np.zeros(0, int)
    parents = mixture.components
    shares = [components // parents + (k < components % parents) for k in range(parents)]
    children = [
        seeded_moments(x[label == k], mixture.covariances[k], share, generator)
        for k, (share, generator) in enumerate(zip(shares, rng.spawn(parents), strict=True))
    ]
    return Moments(
        counts=np.concatenate([child.counts for child in children]),
        packed=np.concatenate([child.packed for child in children]),
        log_likelihood=0.0,
    )


def maximization(moments: Moments, pooled: ArrayLike, *, shrinkage: float, noise_variance: float) -> GaussianMixture:
    """Mixture of largest likelihood for fixed responsibilities, with covariances shrunk towards the pooled one.

    C_k = (Σ r x xᵀ + s t_k C_0) / (Σ r + s) + ν·1 and π_k ∝ Σ r + 1: s pseudo-vectors with the pooled covariance C_0,
    scaled by t_k to the mean energy of the class. A class without vectors has the covariance C_0 + ν·1.

    Args:
        moments: of K classes.
        pooled: (d, d) covariance C_0 of all vectors.
        shrinkage: s ≥ 0, in vectors; `SHRINKAGE` · d is a good start.
        noise_variance: ν > 0 in squared units of the vectors.
    """
    arguments.require(bool(0 <= shrinkage < np.inf), "shrinkage", "must not be negative", shrinkage)
    arguments.require(bool(0 < noise_variance < np.inf), "noise_variance", "must be positive", noise_variance)
    centre = arguments.hermitian("pooled", pooled)
    sums, counts = moments.matrices(), moments.counts
    energy = np.trace(sums, axis1=1, axis2=2)
    scale = np.where(counts > 0, energy / np.maximum(counts, 1e-300), np.trace(centre)) / max(np.trace(centre), 1e-300)
    numbers = counts + shrinkage
    prior = (shrinkage * scale)[:, None, None] * centre
    matrices = np.where(
        (numbers > 0)[:, None, None], (sums + prior) / np.maximum(numbers, 1e-300)[:, None, None], centre
    )
    noise = noise_variance * np.eye(moments.dimension)
    weights = (counts + 1) / (counts + 1).sum()
    return GaussianMixture.from_covariances(weights, matrices + noise)


def fit_mixture(
    vectors: ArrayLike,
    components: int,
    *,
    rng: np.random.Generator,
    noise_variance: float,
    shrinkage: float | None = None,
    epochs: int = 12,
    batch: int = 0,
) -> Iterator[GaussianMixture]:
    """Fit a mixture to an array by mini-batch expectation–maximization; yields it after every pass over the vectors.

    This is a generator: arguments are checked when the first mixture is requested.

    Stepwise EM (Cappé & Moulines, J. R. Stat. Soc. B 71, 2009): after batch t the moments are blended with share
    (t + 1)^−0.6, so that the first passes over the data already make many updates. In the second half of the passes
    every update uses all data; apart from shrinkage, it never lowers the likelihood. With 32 classes or more, the first
    third of the passes fits an eighth of the classes, which are then split.

    Args:
        vectors: (n, d), n ≥ 1.
        components: K.
        rng: shuffles the vectors and draws the first classes.
        noise_variance: ν of `maximization`.
        shrinkage: s of `maximization`; d / 2 when left out.
        epochs: passes over the vectors.
        batch: vectors per update in the first half of the passes; 0 takes 300 per class, at least 5000.
    """
    x = arguments.real("vectors", vectors)
    arguments.require_shape(x.ndim == 2 and len(x) > 0, "vectors", "(n, d) with n >= 1", x)
    components = integer("components", components, 1)
    arguments.require(bool(0 < noise_variance < np.inf), "noise_variance", "must be positive", noise_variance)
    epochs = integer("epochs", epochs, 1)
    batch = integer("batch", batch, 0) or max(5000, 300 * components)
    strength = SHRINKAGE * x.shape[1] if shrinkage is None else shrinkage
    x = x[rng.permutation(len(x))].astype(np.float32)
    one = pooled_moments(x)
    pooled = one.matrices()[0] / len(x) + noise_variance * np.eye(x.shape[1])

    def started(first: Moments) -> Updates:
        total = float(len(x))
        return Updates(
            moments=first.scaled(total),
            pooled=pooled,
            total=total,
            shrinkage=strength,
            noise_variance=noise_variance,
        )

    updates = started(seeded_moments(x[: 4 * batch], pooled, coarse_classes(components), rng))
    split = epochs // 3 if coarse_classes(components) < components else -1
    for epoch in range(epochs):
        if epoch == split:
            updates = started(split_moments(x[: 4 * batch], updates.mixture, components, rng))
        step = min(batch, len(x)) if 2 * epoch < epochs else len(x)
        for start in range(0, len(x) - step + 1, step):
            updates.take(Expectation(updates.mixture).moments(x[start : start + step]))
        yield updates.mixture


@dataclass(eq=False)
class Updates:
    """Stepwise maximization: a mixture that is updated with the moments of one batch after the other."""

    moments: Moments
    """Blended moments, initially those of the first classes, scaled to `total` vectors (`Moments.scaled`)."""
    pooled: Array
    """(d, d) covariance of all vectors."""
    total: float
    """Total number of vectors."""
    shrinkage: float
    noise_variance: float
    taken: int = 0
    """Batches so far."""

    @cached_property
    def mixture(self) -> GaussianMixture:
        """The mixture of largest likelihood under the moments so far."""
        return maximization(self.moments, self.pooled, shrinkage=self.shrinkage, noise_variance=self.noise_variance)

    def take(self, batch: Moments) -> None:
        """Blend in the moments of a batch, scaled to `total` vectors; a batch of all vectors replaces them."""
        size = float(batch.counts.sum())
        if size == 0:
            return
        self.taken += 1
        share = 1.0 if size >= 0.999 * self.total else max((self.taken + 1) ** -0.6, size / self.total)
        self.moments = self.moments.blended(batch.scaled(self.total), share)
        vars(self).pop("mixture", None)
