"""Densities of independent components, DCT coefficients or those of ICA, to stand beside mixtures of Gaussians."""

from dataclasses import dataclass

import numpy as np

from qimg.core import Array, arguments, integer

EXPONENTS = np.geomspace(0.25, 2.0, 61)
"""Exponents of generalised Gaussians that a fit chooses from; the last is the Gaussian's."""

_TOLERANCE = 1e-5
_BATCH = 20_000


@dataclass(frozen=True, eq=False, kw_only=True)
class IndependentDensity:
    """p(x) = |det W| ∏ᵢ g((W x)ᵢ; αᵢ, βᵢ) with generalised Gaussians g(s; α, β) = β exp(−|s/α|^β) / (2 α Γ(1/β)).

    β = 1 is Laplace's law, β = 2 the Gaussian. At s = 0 the density is β / (2 α Γ(1/β)): finite, also on constant
    patches, as long as no α is zero, which the fits see to.
    """

    matrix: Array
    """(d, d) W, from vectors to components."""
    scales: Array
    """(d,) α > 0."""
    exponents: Array
    """(d,) β > 0."""

    def log_likelihood(self, vectors: Array) -> Array:
        """(n,) ln p(x) in nats. Exact; cost O(n d²).

        Args:
            vectors: (n, d).
        """
        from scipy.special import gammaln

        beta, alpha = self.exponents, self.scales
        constant = np.log(beta) - np.log(2 * alpha) - gammaln(1 / beta)
        volume = np.linalg.slogdet(self.matrix).logabsdet
        tails = (np.abs(vectors @ self.matrix.T / alpha) ** beta).sum(axis=1)
        return np.asarray(constant.sum() + volume - tails)


def fit_laplace(vectors: Array, *, noise_variance: float) -> IndependentDensity:
    """Independent Laplace laws of the coefficients as they are, scales of largest likelihood: the mean of |x|.

    Args:
        vectors: (n, d), n ≥ 1.
        noise_variance: variance, in squared units of the vectors, that no coefficient's law falls below: 2 α² ≥ ν.
    """
    scales = np.maximum(np.abs(vectors).mean(axis=0), np.sqrt(noise_variance / 2))
    return IndependentDensity(matrix=np.eye(vectors.shape[1]), scales=scales, exponents=np.ones(vectors.shape[1]))


def fit_ica(
    vectors: Array, *, rng: np.random.Generator, noise_variance: float, iterations: int = 200
) -> IndependentDensity:
    """Independent component analysis with a generalised Gaussian for every component.

    FastICA with tanh and symmetric decorrelation (Hyvärinen, IEEE Trans. Neural Netw. 10, 1999) on vectors whitened
    by their covariance + ν·1; then exponent and scale of largest likelihood, one component at a time.

    Args:
        vectors: (n, d), n ≥ 1; their mean is taken to be zero.
        rng: draws the first rotation.
        noise_variance: ν > 0 in squared units of the vectors. No component's law has a variance below ν |w|².
        iterations: of the rotation at most; it ends where no component turns any more.
    """
    arguments.require(bool(0 < noise_variance < np.inf), "noise_variance", "must be positive", noise_variance)
    d = vectors.shape[1]
    values, basis = np.linalg.eigh(vectors.T @ vectors / len(vectors) + noise_variance * np.eye(d))
    whitening = (basis / np.sqrt(values)) @ basis.T
    white = vectors @ whitening.T
    rotation = _orthonormal(rng.standard_normal((d, d)))
    for _ in range(integer("iterations", iterations, 1)):
        before, rotation = rotation, _orthonormal(_turned(rotation, white))
        if np.abs(np.abs(np.einsum("ij,ij->i", before, rotation)) - 1).max() < _TOLERANCE:
            break
    matrix = rotation @ whitening
    floors = noise_variance * np.einsum("ij,ij->i", matrix, matrix)
    scales, exponents = fit_marginals(vectors @ matrix.T, floors)
    return IndependentDensity(matrix=matrix, scales=scales, exponents=exponents)


def fit_marginals(components: Array, floors: Array) -> tuple[Array, Array]:
    """Scales and exponents (d,) of largest likelihood of generalised Gaussians; exponents out of `EXPONENTS`.

    Args:
        components: (n, d).
        floors: (d,) least variance of each law.
    """
    from scipy.special import gammaln

    magnitudes = np.abs(components)
    best = np.full(components.shape[1], -np.inf)
    scales, exponents = np.ones_like(best), np.ones_like(best)
    for beta in EXPONENTS:
        least = np.sqrt(floors * np.exp(gammaln(1 / beta) - gammaln(3 / beta)))
        power = (magnitudes**beta).mean(axis=0)
        alpha = np.maximum((beta * power) ** (1 / beta), least)
        likelihood = np.log(beta) - np.log(2 * alpha) - gammaln(1 / beta) - power / alpha**beta
        better = likelihood > best
        best = np.where(better, likelihood, best)
        scales, exponents = np.where(better, alpha, scales), np.where(better, beta, exponents)
    return scales, exponents


def _turned(rotation: Array, white: Array) -> Array:
    """One fixed-point step E[g(s) zᵀ] − E[g′(s)] W for all components."""
    moved, slopes = np.zeros_like(rotation), np.zeros(len(rotation))
    for first in range(0, len(white), _BATCH):
        rows = white[first : first + _BATCH]
        bent = np.tanh(rows @ rotation.T)
        moved += bent.T @ rows
        slopes += (1 - bent**2).sum(axis=0)
    return (moved - slopes[:, None] * rotation) / len(white)


def _orthonormal(matrix: Array) -> Array:
    """(W Wᵀ)^(−1/2) W: the nearest orthogonal matrix."""
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)
