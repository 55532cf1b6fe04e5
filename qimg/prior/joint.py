"""Joint operators over (causal ring ⊕ block): predictors, residuals, eigenbases, spectra and ranks of the classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.cached import cached_property
from qimg.operators import CorrelationOperator, LinearEstimator, conditional_expectation, eigenbasis
from qimg.prior.mixture import GaussianMixture
from qimg.prior.views import View


@dataclass(frozen=True, eq=False)
class JointMixture:
    """K operators over the vectors of a view. Class k is a Gaussian with covariance C_k = [[C_zz, C_zx], [C_xz, C_xx]].

    z are the ring's coefficients, x the block's. For `patch` views there is no ring and C_k = C_xx.
    """

    view: View
    mixture: GaussianMixture

    @property
    def classes(self) -> int:
        """K."""
        return self.mixture.components

    def __repr__(self) -> str:
        return f"JointMixture({self.view.name}, classes={self.classes}, dimension={self.view.dimension})"

    def restricted(self, view: View) -> "JointMixture":
        """The exact mixture of a view with fewer pixels of the ring; the level is their mean.

        Vectors of the smaller view are linear in those of the larger: z' ⊕ x' = T' S (z ⊕ x).
        """
        arguments.require(view.name == self.view.name, "view", f"must be one of {self.view.name}", view.name)
        whole = 4 * view.size + 1
        ring = list(range(whole)) if self.view.kept is None else list(self.view.kept)
        subset = list(range(whole)) if view.kept is None else list(view.kept)
        arguments.require(set(subset) <= set(ring), "view", "must keep pixels that this one keeps", view.kept)
        if subset == ring:
            return self
        block = view.size**2
        rows = [ring.index(pixel) for pixel in subset] + list(range(len(ring), len(ring) + block))
        width = len(ring) + block
        pixels = [plane * width + row for plane in range(view.planes) for row in rows]
        return JointMixture(view, self.mixture.transformed(view.analysis @ self.view.synthesis[pixels]))

    def estimator(self, k: int) -> LinearEstimator:
        """Conditional mean x̂ = W z and residual covariance of class k, in coefficients.

        Args:
            k: class, 0 to K − 1.
        """
        k = integer("k", k, 0, self.classes - 1)
        arguments.require(self.view.observed > 0, "view", "must have a ring", self.view.name)
        if k not in self._estimators:
            # The covariances include the noise variance of the recipe already.
            self._estimators[k] = conditional_expectation(
                self.operator(k), observed=self.view.observed, noise_variance=0.0
            )
        return self._estimators[k]

    @cached_property
    def _estimators(self) -> dict[int, LinearEstimator]:
        return {}

    def predictor(self, k: int) -> Array:
        """(planes · size², planes · m) weights from the pixels of the ring to the predicted pixels of the block.

        Each plane's rows sum to 1 over that plane's ring and to 0 over the others, so a constant added to the ring is
        added to the prediction.
        """
        weights = self.estimator(k).weights
        view = self.view
        m, block = len(view.ring), view.size**2
        each = np.eye(view.planes)
        ring = np.kron(each, view.analysis[: m - 1, :m])
        back = np.kron(each, view.synthesis[m : m + block, view.observed : view.observed + block])
        return np.asarray(back @ weights @ ring + np.kron(each, np.full((block, m), 1 / m)))

    def residual_covariance(self, k: int) -> Array:
        """(planes · size²)² covariance, in pixels, of block minus prediction; of the block where there is no ring."""
        k = integer("k", k, 0, self.classes - 1)
        view = self.view
        block = view.size**2
        inside = np.kron(np.eye(view.planes), view.synthesis[-block:, -block:])
        middle = self.estimator(k).residual if view.observed else self.mixture.covariances[k]
        return np.asarray(inside @ middle @ inside.T)

    def basis(self, k: int) -> Array:
        """(planes · size²)² eigenvectors of the residual covariance as columns, descending: the class KLT, unitary."""
        return eigenbasis(self.residual_covariance(k))

    def spectrum(self, k: int) -> Array:
        """Eigenvalues of the residual covariance, descending, in squared code values."""
        values: Array = np.linalg.eigvalsh(self.residual_covariance(k))
        return np.clip(values[::-1], 0.0, None)

    def rank(self, k: int, *, energy: float) -> int:
        """Smallest number of eigenvectors that hold this share of the residual's energy."""
        arguments.require(0 < energy <= 1, "energy", "must be in (0, 1]", energy)
        values = self.spectrum(k)
        return int(np.searchsorted(np.cumsum(values), energy * values.sum() * (1 - 1e-12)) + 1)

    @cached_property
    def ring_mixture(self) -> GaussianMixture:
        """The marginal mixture of the ring's coefficients."""
        arguments.require(self.view.observed > 0, "view", "must have a ring", self.view.name)
        return self.mixture.marginal(self.view.observed)

    def gate(self, ring: ArrayLike) -> Array:
        """(n, K) probabilities of the classes given the ring alone.

        Args:
            ring: (n, observed) ring coefficients.
        """
        return self.ring_mixture.responsibilities(ring)

    def conditional_mean(self, ring: ArrayLike) -> Array:
        """(n, planes · size²) E[x | z] = Σ_k p(k | z) W_k z, block coefficients: exact under the mixture."""
        z = arguments.real("ring", ring)
        shares = self.gate(z)
        out = np.zeros((len(z), self.view.dimension - self.view.observed))
        for k in range(self.classes):
            out += shares[:, k, None] * self.estimator(k).apply(z)
        return out

    def conditional_log_likelihood(self, vectors: ArrayLike, *, level: bool = True) -> Array:
        """(n,) ln p(x | z) = ln p(z, x) − ln p(z) in nats, block coefficients in code values.

        Args:
            vectors: (n, dimension) of the view.
            level: False leaves out the first block coefficient of each plane, which gives the likelihood of a block
                without its mean.
        """
        z = np.asarray(vectors)[:, : self.view.observed]
        if level:
            return self.mixture.log_likelihood(vectors) - self.ring_mixture.log_likelihood(z)
        columns = np.ones(self.view.dimension, bool)
        columns[self.view.observed :: self.view.size**2] = False
        without = self.mixture.transformed(np.eye(self.view.dimension)[columns])
        return without.log_likelihood(np.asarray(vectors)[:, columns]) - self.ring_mixture.log_likelihood(z)

    def operator(self, k: int) -> CorrelationOperator:
        """Class k as an operator over its vectors, with count 1."""
        k = integer("k", k, 0, self.classes - 1)
        matrix = self.mixture.covariances[k]
        return CorrelationOperator(matrix=matrix, sum=np.zeros(len(matrix)), count=1, weights="energy")
