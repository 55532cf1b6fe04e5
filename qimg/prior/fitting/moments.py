"""Counts and second moments of the classes of a mixture: the expectation step, whose results workers send."""

from dataclasses import dataclass

import numpy as np

from qimg.core import Array
from qimg.prior.mixture import GaussianMixture

_BATCH = 1 << 20  # numbers of a batch's products: 4 MiB in single precision


@dataclass(frozen=True, eq=False, kw_only=True)
class Moments:
    """Result of the expectation step: counts and second moments of the classes. Moments add."""

    counts: Array
    """(K,) Σ r_k."""
    packed: Array
    """(K, d (d + 1) / 2) Σ r_k x xᵀ, lower triangles row by row."""
    log_likelihood: float
    """Σ ln p(x) under the mixture that the responsibilities come from, in nats."""

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both sets of vectors."""
        return Moments(
            counts=self.counts + other.counts,
            packed=self.packed + other.packed,
            log_likelihood=self.log_likelihood + other.log_likelihood,
        )

    def scaled(self, total: float) -> "Moments":
        """The same proportions, as if there were `total` vectors."""
        factor = total / max(float(self.counts.sum()), 1e-300)
        return Moments(
            counts=factor * self.counts, packed=factor * self.packed, log_likelihood=factor * self.log_likelihood
        )

    def blended(self, new: "Moments", share: float) -> "Moments":
        """(1 − share) · these + share · new ones."""
        return Moments(
            counts=(1 - share) * self.counts + share * new.counts,
            packed=(1 - share) * self.packed + share * new.packed,
            log_likelihood=(1 - share) * self.log_likelihood + share * new.log_likelihood,
        )

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return int((np.sqrt(8 * self.packed.shape[1] + 1) - 1) / 2)

    def matrices(self) -> Array:
        """(K, d, d) Σ r_k x xᵀ, not normalised."""
        d = self.dimension
        full = np.zeros((len(self.packed), d, d))
        rows, columns = np.tril_indices(d)
        full[:, rows, columns] = self.packed
        full[:, columns, rows] = self.packed
        return full


class Expectation:
    """The expectation step of one mixture in single precision, for any number of batches.

    The exponent −½ xᵀ C_k⁻¹ x is linear in the products x_i x_j, so one matrix product gives the exponents of all
    classes and a second one their second moments. Vectors are first whitened by the covariance of the mixture, so that
    single precision suffices for the responsibilities. Cost: 2 K d (d + 1) operations per vector.
    """

    def __init__(self, mixture: GaussianMixture) -> None:
        from scipy.linalg import solve_triangular

        d = mixture.dimension
        self._factor = np.linalg.cholesky(mixture.covariance())
        self._white = solve_triangular(self._factor, np.eye(d), lower=True).astype(np.float32)
        relative = mixture.whitening @ self._factor
        precision = np.swapaxes(relative, 1, 2) @ relative
        self._rows, self._columns = np.tril_indices(d)
        twice = np.where(self._rows == self._columns, -0.5, -1.0)
        self._exponents = (precision[:, self._rows, self._columns] * twice).astype(np.float32).T.copy()
        self._constants = mixture._constants.astype(np.float32)
        self._step = max(32, _BATCH // len(self._rows))

    def moments(self, vectors: Array) -> Moments:
        """Counts and second moments of the classes over the vectors (n, d), n ≥ 0."""
        classes = len(self._constants)
        counts = np.zeros(classes)
        total = np.zeros((classes, len(self._rows)))
        likelihood = 0.0
        for first in range(0, len(vectors), self._step):
            products = self._products(vectors[first : first + self._step])
            joint = products @ self._exponents + self._constants
            top = joint.max(axis=1, keepdims=True)
            shares = np.exp(joint - top)
            sums = shares.sum(axis=1, keepdims=True)
            shares /= sums
            likelihood += float((top + np.log(sums)).sum(dtype=np.float64))
            counts += shares.sum(axis=0, dtype=np.float64)
            total += shares.T @ products
        return self._unwhitened(counts, total, likelihood)

    def labels(self, vectors: Array) -> Array:
        """(n,) int64 likeliest class of each of the vectors (n, d), n ≥ 0."""
        labels = np.empty(len(vectors), np.int64)
        for first in range(0, len(vectors), self._step):
            products = self._products(vectors[first : first + self._step])
            labels[first : first + self._step] = (products @ self._exponents + self._constants).argmax(axis=1)
        return labels

    def _products(self, vectors: Array) -> Array:
        white = vectors.astype(np.float32) @ self._white.T
        return _pairs(white)

    def _unwhitened(self, counts: Array, total: Array, likelihood: float) -> Moments:
        white = Moments(counts=counts, packed=total, log_likelihood=likelihood).matrices()
        full = self._factor @ white @ self._factor.T
        return Moments(counts=counts, packed=full[:, self._rows, self._columns], log_likelihood=likelihood)


def _pairs(x: Array) -> Array:
    """(n, d (d + 1) / 2) products x_i x_j, j ≤ i, row by row of the lower triangle."""
    d = x.shape[1]
    out = np.empty((len(x), d * (d + 1) // 2), x.dtype)
    first = 0
    for i in range(d):
        np.multiply(x[:, i, None], x[:, : i + 1], out=out[:, first : first + i + 1])
        first += i + 1
    return out


def pooled_moments(vectors: Array) -> Moments:
    """The moments of one class that holds all vectors (n, d)."""
    x = np.asarray(vectors, np.float64)
    matrix = x.T @ x
    rows, columns = np.tril_indices(x.shape[1])
    return Moments(counts=np.array([float(len(x))]), packed=matrix[None, rows, columns], log_likelihood=0.0)
