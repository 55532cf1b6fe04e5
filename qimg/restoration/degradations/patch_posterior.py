"""Posterior of patches observed through a linear map and white noise, under the prior's mixture of operators.

y = A x + n. Class k of the prior, with covariance C_k, gives the joint operator of y ⊕ x,

    [[A C_k Aᵀ, A C_k], [C_k Aᵀ, C_k]],   σ² added to the diagonal of its first part,

whose conditional expectation is x̂_k = W_k y (`qimg.operators.conditional_expectation`). The weights of the classes are
p(k | y) ∝ π_k N(y; 0, S_k) with S_k = A C_k Aᵀ + σ² 1. Since S_k⁻¹ = (1 − A W_k) / σ², gate and estimate follow from
one matrix. Many eigenvalues of A W_k are near 0; the gate of a class omits these directions (Parameswaran et al., 2018,
accelerate the EPLL of Zoran and Weiss, 2011, in the same way).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qimg.core import Array, arguments, in_one_blas_thread
from qimg.core.records import short_repr
from qimg.operators import CorrelationOperator, conditional_expectation
from qimg.prior import GaussianMixture, JointMixture, load

NEGLIGIBLE = 0.1
"""Directions in which the share of signal in y is smaller are omitted from the gate of a class."""

SHARE = 0.02
"""Classes of lower probability are omitted from the estimate of a patch; the others are renormalised."""

_ROWS = 1024  # patches at a time, which bounds the memory of their projections


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class PatchPosterior:
    """Conditional expectations of all classes for one linear map and one noise variance. Made by `condition`."""

    weights: Array
    """(K, d, m) float32 W_k."""
    residual: Array
    """(K, p) float32 variances of the error of the conditional expectation of each class, pixel by pixel."""
    probes: Array
    """(m, R) float32 square roots of A W_k side by side; the squared length of their products with y is yᵀ A W_k y."""
    starts: Array
    """(K,) first column of each class in `probes`."""
    constants: Array
    """(K,) float32 ln π_k − ½ ln det S_k, up to a common constant."""
    noise_variance: float

    def gate(self, observed: Array) -> Array:
        """(n, K) float32 p(k | y) without the directions that are `NEGLIGIBLE`. Cost: O(n m R).

        Args:
            observed: (n, m).
        """
        scores = np.empty((len(observed), len(self.starts)), np.float32)
        for first in range(0, len(observed), _ROWS):
            rows = slice(first, first + _ROWS)
            explained = observed[rows].astype(np.float32) @ self.probes
            np.square(explained, out=explained)
            scores[rows] = np.add.reduceat(explained, self.starts, axis=1)
        scores *= np.float32(0.5 / self.noise_variance)
        scores += self.constants
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def estimate(self, observed: Array, shares: Array) -> tuple[Array, Array]:
        """Mean Σ_k s_k W_k y, (n, d), and mean over the classes of their error variances, (n, p); float32.

        Args:
            observed: (n, m) y.
            shares: (n, K) probabilities s_k of the classes, from `gate` applied to y or to a better estimate.
        """
        y = observed.astype(np.float32)
        selected = np.where(shares >= min(SHARE, 1 / shares.shape[1]), shares, np.float32(0))
        selected /= selected.sum(axis=1, keepdims=True)
        values = np.zeros((len(y), self.weights.shape[1]), np.float32)
        for k in np.flatnonzero(selected.any(axis=0)):
            members = np.flatnonzero(selected[:, k])
            values[members] += selected[members, k, None] * (y[members] @ self.weights[k].T)
        return values, selected @ self.residual


@in_one_blas_thread
def condition(mixture: GaussianMixture, *, matrix: Array, noise_variance: float, pixels: Array) -> PatchPosterior:
    """The posterior of x under a mixture, given y = A x + n with white noise n. Cost: K factorisations, O(K d³).

    Args:
        mixture: the prior over vectors x (d).
        matrix: (m, d) A.
        noise_variance: σ² of each component of n, positive.
        pixels: (p, d) map from x to the pixels of a patch, for their variances.
    """
    arguments.require(noise_variance > 0, "noise_variance", "must be positive", noise_variance)
    both = np.vstack([matrix, np.eye(mixture.dimension)])
    weights, residual, probes, constants = [], [], [], []
    for share, covariance in zip(mixture.weights, mixture.covariances, strict=True):
        joint = operator(both @ covariance @ both.T)
        estimator = conditional_expectation(joint, observed=len(matrix), noise_variance=noise_variance)
        explained = matrix @ estimator.weights
        values, vectors = np.linalg.eigh((explained + explained.T) / 2)
        # The largest direction is retained even where noise dominates all, so that every class has a column.
        significant = values >= min(NEGLIGIBLE, values[-1])
        values, vectors = np.clip(values[significant], 0.0, 1 - 1e-12), vectors[:, significant]
        probes.append(vectors * np.sqrt(values))
        constants.append(np.log(share) + np.log1p(-values).sum() / 2)
        weights.append(estimator.weights)
        residual.append(((pixels @ estimator.residual) * pixels).sum(axis=1))
    return PatchPosterior(
        weights=np.array(weights, np.float32),
        residual=np.array(residual, np.float32),
        probes=np.concatenate(probes, axis=1).astype(np.float32),
        starts=np.cumsum([0, *(probe.shape[1] for probe in probes[:-1])]),
        constants=np.array(constants, np.float32),
        noise_variance=float(noise_variance),
    )


@lru_cache(maxsize=24)  # the noise levels of one plane are used again for the next plane and picture
def noisy(model: JointMixture, noise_variance: float) -> PatchPosterior:
    """The posterior of patches observed with white noise alone, A = 1.

    Args:
        model: mixture of view `patch8`.
        noise_variance: σ², positive.
    """
    return condition(
        model.mixture,
        matrix=np.eye(model.view.dimension),
        noise_variance=noise_variance,
        pixels=model.view.synthesis,
    )


@lru_cache(maxsize=1)
def _shipped() -> JointMixture:
    return load().mixtures["patch8"]


def patch_model(model: JointMixture | None) -> JointMixture:
    """`model`, which must be a mixture of view `patch8`; that of the shipped prior for None."""
    if model is None:
        return _shipped()
    arguments.require(model.view.name == "patch8", "model", "must be a mixture of view patch8", model)
    return model


def operator(moments: Array) -> CorrelationOperator:
    """Second moments as an operator with count 1."""
    return CorrelationOperator(matrix=moments, sum=np.zeros(len(moments)), count=1, weights="energy")
