"""Mixtures of zero-mean Gaussians: weights and covariances, exact likelihood, responsibilities, samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.cached import cached_property

_BATCH = 1 << 21  # numbers of a batch's products: 16 MiB


@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianMixture:
    """A mixture of zero-mean Gaussians, p(x) = Σ_k π_k N(x; 0, C_k)."""

    weights: Array
    """(K,) probabilities π_k, positive, summing to 1."""
    factors: Array
    """(K, d, d) lower-triangular Cholesky factors L_k, C_k = L_k L_kᵀ."""

    def __post_init__(self) -> None:
        weights = arguments.vectors("weights", self.weights)
        factors = arguments.square("factors", self.factors)
        arguments.require_shape(factors.ndim == 3, "factors", "(K, d, d)", factors)
        arguments.require_shape(weights.shape == factors.shape[:1], "weights", f"({len(factors)},)", weights)
        ok = bool(weights.min() > 0) and abs(weights.sum() - 1) < arguments.TOLERANCE
        arguments.require(ok, "weights", "must be positive and sum to 1", weights.tolist()[:4])
        smallest = float(np.diagonal(factors, axis1=1, axis2=2).min())
        arguments.require(smallest > 0, "factors", "must have a positive diagonal", smallest)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "factors", factors)

    @classmethod
    def from_covariances(cls, weights: ArrayLike, covariances: ArrayLike) -> "GaussianMixture":
        """The mixture with these covariances (K, d, d), which must be positive definite."""
        matrices = arguments.hermitian("covariances", arguments.real("covariances", covariances))
        try:
            factors = np.linalg.cholesky(matrices)
        except np.linalg.LinAlgError:
            raise ValueError("covariances must be positive definite, but one is not") from None
        return cls(weights=np.asarray(weights), factors=factors)

    @property
    def components(self) -> int:
        """K."""
        return len(self.weights)

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return self.factors.shape[-1]

    @cached_property
    def covariances(self) -> Array:
        """(K, d, d) C_k."""
        return np.asarray(self.factors @ np.swapaxes(self.factors, 1, 2))

    @cached_property
    def whitening(self) -> Array:
        """(K, d, d) L_k⁻¹, lower triangular: L_k⁻¹ x has unit covariance under class k."""
        from scipy.linalg import solve_triangular

        one = np.eye(self.dimension)
        return np.stack([solve_triangular(factor, one, lower=True) for factor in self.factors])

    @cached_property
    def _constants(self) -> Array:
        determinants = np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1)
        return np.asarray(np.log(self.weights) - determinants - self.dimension / 2 * np.log(2 * np.pi))

    def log_joint(self, vectors: ArrayLike) -> Array:
        """(n, K) ln π_k + ln N(x; 0, C_k) in nats. Double precision; cost O(n K d²).

        Args:
            vectors: (n, d).
        """
        x = self._checked(vectors)
        out = np.empty((len(x), self.components))
        step = max(1, _BATCH // self.dimension)
        for first in range(0, len(x), step):
            rows = slice(first, first + step)
            for k, whitening in enumerate(self.whitening):
                white = x[rows] @ whitening.T
                out[rows, k] = self._constants[k] - np.einsum("nd,nd->n", white, white) / 2
        return out

    def log_likelihood(self, vectors: ArrayLike) -> Array:
        """(n,) ln p(x) in nats. Exact.

        Args:
            vectors: (n, d).
        """
        x = self._checked(vectors)
        rows = max(1, _BATCH // self.components)  # memory does not grow with n beyond the result
        parts = [_log_sum(self.log_joint(x[first : first + rows])) for first in range(0, len(x), rows)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def responsibilities(self, vectors: ArrayLike) -> Array:
        """(n, K) probabilities of the classes given each vector; rows sum to 1."""
        joint = self.log_joint(vectors)
        return np.asarray(np.exp(joint - _log_sum(joint)[:, None]))

    def marginal(self, count: int) -> "GaussianMixture":
        """The mixture of the first `count` components of the vectors."""
        count = integer("count", count, 1, self.dimension)
        return GaussianMixture(weights=self.weights, factors=self.factors[:, :count, :count])

    def __repr__(self) -> str:
        return f"GaussianMixture(components={self.components}, dimension={self.dimension})"

    def transformed(self, matrix: ArrayLike) -> "GaussianMixture":
        """The mixture of A x, for a matrix A (e, d) with independent rows, e ≤ d."""
        a = arguments.real("matrix", matrix)
        arguments.require_shape(a.ndim == 2 and a.shape[1] == self.dimension, "matrix", f"(e, {self.dimension})", a)
        halves = np.swapaxes(a @ self.factors, 1, 2)
        # C = (A L)(A L)ᵀ = RᵀR: the factor of the new covariance without forming it.
        upper = np.linalg.qr(halves, mode="r")
        signs = np.sign(np.diagonal(upper, axis1=1, axis2=2))
        return GaussianMixture(weights=self.weights, factors=np.swapaxes(signs[:, :, None] * upper, 1, 2))

    def covariance(self) -> Array:
        """(d, d) second moments Σ π_k C_k of the whole mixture."""
        return np.asarray(np.tensordot(self.weights, self.covariances, 1))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """(count, d) independent draws."""
        labels = rng.choice(self.components, size=integer("count", count, 0), p=self.weights)
        noise = rng.standard_normal((len(labels), self.dimension))
        out = np.empty_like(noise)
        for k in np.unique(labels):
            out[labels == k] = noise[labels == k] @ self.factors[k].T
        return out

    def _checked(self, vectors: ArrayLike) -> Array:
        x = arguments.real("vectors", vectors)
        arguments.require_shape(x.ndim == 2 and x.shape[1] == self.dimension, "vectors", f"(n, {self.dimension})", x)
        return x


def _log_sum(joint: Array) -> Array:
    top = joint.max(axis=1)
    return np.asarray(top + np.log(np.exp(joint - top[:, None]).sum(axis=1)))
