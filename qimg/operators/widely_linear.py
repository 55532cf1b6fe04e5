"""Second moments of complex vectors ψ = a + ib: the Hermitian operator E[ψψ†] and the pseudo-covariance E[ψψᵀ]."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.records import short_repr
from qimg.operators.conditional import LinearEstimator, conditional_expectation
from qimg.operators.correlation import CorrelationOperator
from qimg.operators.information import von_neumann_entropy


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ComplexMoments:
    """All second moments of complex vectors ψ = a + ib, not centred, with their count and their sum.

    The pair C = E[ψψ†] (Hermitian) and P = E[ψψᵀ] (complex symmetric, the pseudo-covariance) is equivalent to the real
    joint operator of a ⊕ b. Independent random rotations ψ → e^{iθ}ψ of the vectors leave C unchanged and make P = 0;
    vectors with P = 0 are called proper. Source: Schreier and Scharf, 2010, chapter 2.
    """

    hermitian: Array
    """(d, d) Σ ψψ†: `count` times C, not normalised."""
    pseudo: Array
    """(d, d) Σ ψψᵀ: `count` times P."""
    sum: Array
    """(d,) Σ ψ."""
    count: int
    """Number of vectors."""

    def __post_init__(self) -> None:
        integer("count", self.count, 0)
        hermitian = np.array(arguments.hermitian("hermitian", self.hermitian), complex)
        arguments.require_shape(hermitian.ndim == 2, "hermitian", "(d, d)", hermitian)
        pseudo = np.array(arguments.square("pseudo", self.pseudo), complex)
        arguments.require_shape(pseudo.shape == hermitian.shape, "pseudo", f"{hermitian.shape}", pseudo)
        # The same tolerance as for Hermiticity, relative to the scale of both: P may consist of rounding errors only.
        scale = max(float(np.abs(hermitian).max()), float(np.abs(pseudo).max()), 1e-300)
        deviation = float(np.abs(pseudo - pseudo.T).max()) / scale
        if deviation > arguments.TOLERANCE:
            raise ValueError(f"pseudo must be symmetric, but deviates by {deviation:.3g} of the scale")
        total = np.array(arguments.numeric("sum", self.sum), complex)
        arguments.require_shape(total.shape == hermitian.shape[:1], "sum", f"({len(hermitian)},)", total)
        for name, value in (("hermitian", hermitian), ("pseudo", pseudo), ("sum", total)):
            object.__setattr__(self, name, value)

    @classmethod
    def from_patches(cls, patches: ArrayLike) -> "ComplexMoments":
        """Second moments of the rows of an array. Exact; cost: one BLAS product, O(n d²).

        Args:
            patches: (n, d) complex, n ≥ 0.

        >>> moments = ComplexMoments.from_patches([[1 + 1j], [2 - 1j]])
        >>> moments.hermitian, moments.pseudo
        (array([[7.+0.j]]), array([[3.-2.j]]))
        """
        data = arguments.numeric("patches", patches)
        arguments.require_shape(data.ndim == 2 and data.shape[1] >= 1, "patches", "(n, d)", data)
        return cls.from_real_joint(CorrelationOperator.from_patches(np.hstack([data.real, data.imag])))

    @classmethod
    def from_real_joint(cls, operator: CorrelationOperator) -> "ComplexMoments":
        """The moments of ψ = a + ib from the operator of the real vectors a ⊕ b.

        With blocks A = E[aaᵀ], B = E[bbᵀ], X = E[abᵀ]: C = A + B + i(Xᵀ − X), P = A − B + i(X + Xᵀ). Exact up to
        rounding; cost O(d²).

        Args:
            operator: (2d, 2d) real, energy weights; for the 8×8 patches of planes Cb and Cr,
                `CorrelationOperator.from_planes(planes[..., 1:])`.
        """
        arguments.one_of("weights", operator.weights, ["energy"])
        even = operator.dimension % 2 == 0
        arguments.require(even, "operator", "must have an even dimension", operator.dimension)
        matrix = arguments.real("operator", operator.matrix)
        d = operator.dimension // 2
        first, second, cross = matrix[:d, :d], matrix[d:, d:], matrix[:d, d:]
        return cls(
            hermitian=first + second + 1j * (cross.T - cross),
            pseudo=first - second + 1j * (cross + cross.T),
            sum=operator.sum[:d] + 1j * operator.sum[d:],
            count=operator.count,
        )

    def to_real_joint(self) -> CorrelationOperator:
        """The operator of the real vectors a ⊕ b: the inverse of `from_real_joint`, exact up to rounding."""
        first = (self.hermitian.real + self.pseudo.real) / 2
        second = (self.hermitian.real - self.pseudo.real) / 2
        cross = (self.pseudo.imag - self.hermitian.imag) / 2
        return CorrelationOperator(
            matrix=np.block([[first, cross], [cross.T, second]]),
            sum=np.concatenate([self.sum.real, self.sum.imag]),
            count=self.count,
            weights="energy",
        )

    def hermitian_operator(self) -> CorrelationOperator:
        """The operator of the complex vectors without P, equal to `CorrelationOperator.from_patches` of them."""
        return CorrelationOperator(matrix=self.hermitian, sum=self.sum, count=self.count, weights="energy")

    def proper(self) -> "ComplexMoments":
        """The moments with P = 0 and zero mean, which random rotations ψ → e^{iθ}ψ of the vectors would produce."""
        return replace(self, pseudo=np.zeros_like(self.pseudo), sum=np.zeros_like(self.sum))

    @property
    def dimension(self) -> int:
        """Length d of the complex vectors."""
        return len(self.hermitian)

    @property
    def pseudo_ratio(self) -> float:
        """‖P‖_F / ‖C‖_F: 0 for proper vectors, 1 at most (for real vectors)."""
        return float(np.linalg.norm(self.pseudo) / self._scale(self.hermitian))

    @property
    def imaginary_ratio(self) -> float:
        """‖Im C‖_F / ‖Re C‖_F: relative size of the imaginary part of the Hermitian operator."""
        return float(np.linalg.norm(self.hermitian.imag) / self._scale(self.hermitian.real))

    @property
    def axis(self) -> float:
        """Angle of the common principal axis of all components in the plane (a, b): ½ arg tr P, in (−π/2, π/2].

        It is the direction of the leading eigenvector of the 2×2 second moments Σ_k (a_k, b_k)(a_k, b_k)ᵀ.
        """
        return float(np.angle(np.trace(self.pseudo)) / 2)

    @property
    def polarization(self) -> float:
        """|tr P| / tr C in [0, 1]: 0 if no axis of the plane (a, b) is preferred, 1 if all energy lies on one axis.

        With λ₁ ≥ λ₂ the eigenvalues of the 2×2 second moments of `axis`, it is (λ₁ − λ₂) / (λ₁ + λ₂).
        """
        return float(np.abs(np.trace(self.pseudo)) / self._scale(np.trace(self.hermitian)))

    def asymmetry_bits(self) -> float:
        """Increase of entropy by randomised phases: S(ρ_proper) − S(ρ_joint) = 1 + S(C / tr C) − S(ρ_joint).

        ρ_joint is the 2d-dimensional density matrix of a ⊕ b. ρ_proper is the mean of ρ_joint and of its rotation by a
        quarter turn, which is the result of random rotations. The value lies between 0 (proper vectors) and 1 bit (one
        phase and its opposite for all components, for instance real vectors). Exact; cost: two `eigvalsh`. Source:
        asymmetry of Vaccaro et al., 2008.
        """
        hermitian = von_neumann_entropy(self.hermitian_operator().density_matrix())
        joint = von_neumann_entropy(self.to_real_joint().density_matrix())
        return float(np.clip(1.0 + hermitian - joint, 0.0, 1.0))

    def circularity_coefficients(self, *, noise_variance: float) -> Array:
        """(d,) canonical correlations k of ψ with ψ*, descending: the singular values of C^{−1/2} P C^{−T/2}.

        All 0 for proper vectors, all 1 for real ones. Without noise they are invariant under ψ → T ψ, T invertible.
        Exact; cost: one `eigh` and one SVD, O(d³). Source: Schreier and Scharf, 2010, section 3.2.

        Args:
            noise_variance: added to the variance of every real component, which adds twice this value to the diagonal
                of C; may be 0 if C has full rank.

        Raises:
            ValueError: C with the noise is not positive definite, or the moments are inconsistent.
        """
        arguments.require(noise_variance >= 0, "noise_variance", "must not be negative", noise_variance)
        values, vectors = np.linalg.eigh(self._mean(self.hermitian) + 2 * noise_variance * np.eye(self.dimension))
        lowest = float(values[0] / max(values[-1], 1e-300))
        arguments.require(lowest > 1e-14, "hermitian", "must have full rank, or noise_variance be positive", lowest)
        whitening = (vectors / np.sqrt(values)).conj().T
        whitened = whitening @ self._mean(self.pseudo) @ whitening.T
        coefficients = np.linalg.svd(whitened, compute_uv=False)
        largest = float(coefficients[0])
        # Whitening amplifies rounding by the condition number of C.
        arguments.require(largest <= 1 + 1e-15 / lowest + 1e-9, "pseudo", "must be that of vectors", largest)
        return np.minimum(coefficients, 1.0)

    def improper_bits(self, *, noise_variance: float) -> float:
        """Excess bits per vector of a Gaussian code based on C alone: −½ log₂ Π (1 − k²).

        It is log₂ det(πe C) minus the differential entropy of a Gaussian with the same C and its P. It is also the
        excess length of the code for the first on data with the moments of the second, because the traces agree.
        Schreier and Scharf (2010) interpret it as mutual information between ψ and ψ*. It refers to a model of Gaussian
        data, not to a file.

        Args:
            noise_variance: as in `circularity_coefficients`, but positive: without noise the excess is infinite for
                real vectors.
        """
        arguments.require(noise_variance > 0, "noise_variance", "must be positive", noise_variance)
        coefficients = self.circularity_coefficients(noise_variance=noise_variance)
        return float(-0.5 * np.log2((1 - coefficients) * (1 + coefficients)).sum())

    def _mean(self, moments: Array) -> Array:
        return np.asarray(moments / integer("count", self.count, 1))

    def _scale(self, of: Array) -> float:
        size = float(np.linalg.norm(of))
        if not size > 0:
            raise ValueError("a ratio of moments needs a vector that is not zero, but all vectors are zero")
        return size


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class WidelyLinearEstimator:
    """Widely linear estimator ψ̂ = W z + V z* with the second moments of its error."""

    weights: Array
    """(k, m) W."""
    conjugate_weights: Array
    """(k, m) V; 0 for proper vectors."""
    residual: Array
    """(k, k) E[(ψ − ψ̂)(ψ − ψ̂)†] per vector, with the noise in z, as in `LinearEstimator.residual`."""

    def apply(self, observed: ArrayLike) -> Array:
        """Estimates (..., k) from observations (..., m). Cost: two matrix products."""
        data = arguments.vectors("observed", observed)
        size = self.weights.shape[1]
        arguments.require_shape(data.shape[-1] == size, "observed", f"(..., {size})", data)
        return np.asarray(data @ self.weights.T + data.conj() @ self.conjugate_weights.T)


def strictly_linear_estimator(moments: ComplexMoments, *, observed: int, noise_variance: float) -> LinearEstimator:
    """The map z ↦ W z of least mean squared error among the complex linear ones, which depends on C alone.

    W = C_xz C_zz⁻¹, which commutes with rotations ψ → e^{iθ}ψ. Cost: one Cholesky factor, O(m³).

    Args:
        moments: of the concatenated complex vectors (z, x).
        observed: number m of leading components that form z.
        noise_variance: added to the variance of every real component of z: 2 noise_variance on the diagonal of C_zz.
    """
    return conditional_expectation(moments.hermitian_operator(), observed=observed, noise_variance=2 * noise_variance)


def widely_linear_estimator(moments: ComplexMoments, *, observed: int, noise_variance: float) -> WidelyLinearEstimator:
    """The map z ↦ W z + V z* of least mean squared error: the real joint conditional expectation in complex form.

    (W V) solves (W V) [[C_zz, P_zz], [P_zz*, C_zz*]] = (C_xz, P_xz). Exact; never worse than the strictly linear
    estimator on the moments of the fit. Cost: one complex Cholesky factor of twice the size, O(8 m³).
    Source: Picinbono and Chevalier, 1995.

    Args:
        moments: of the concatenated complex vectors (z, x).
        observed: number m of leading components that form z.
        noise_variance: added to the variance of every real component of z, as in `conditional_expectation`.
    """
    from scipy.linalg import cho_factor, cho_solve

    m = integer("observed", observed, 1, moments.dimension - 1)
    arguments.require(noise_variance > 0, "noise_variance", "must be positive", noise_variance)
    count = integer("count", moments.count, 1)
    hermitian, pseudo = moments.hermitian / count, moments.pseudo / count
    # Independent noise of equal variance in a and b is proper: P does not change.
    noisy = hermitian[:m, :m] + 2 * noise_variance * np.eye(m)
    augmented = np.block([[noisy, pseudo[:m, :m]], [pseudo[:m, :m].conj(), noisy.conj()]])
    cross = np.hstack([hermitian[m:, :m], pseudo[m:, :m]])
    both = cho_solve(cho_factor(augmented, lower=True), cross.conj().T).conj().T
    residual = hermitian[m:, m:] - both @ cross.conj().T
    return WidelyLinearEstimator(
        weights=both[:, :m], conjugate_weights=both[:, m:], residual=(residual + residual.conj().T) / 2
    )
