"""Conditional expectation under a joint second-moment operator: the best linear estimate of one part from the other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.records import short_repr
from qimg.operators.correlation import CorrelationOperator


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class LinearEstimator:
    """Linear estimator x̂ = W z with the second moments of its error."""

    weights: Array
    """(k, m) W = C_xz C_zz⁻¹."""
    residual: Array
    """(k, k) Schur complement C_xx − C_xz C_zz⁻¹ C_zx with the noise in C_zz.

    It is the matrix of second moments of x − x̂ (per vector) if noise of that variance is added to z, and an upper bound
    on them if the noise variance only regularises the estimate.
    """

    def apply(self, observed: ArrayLike) -> Array:
        """Estimates (..., k) from observations (..., m). Cost: one matrix product."""
        data = arguments.vectors("observed", observed)
        size = self.weights.shape[1]
        arguments.require_shape(data.shape[-1] == size, "observed", f"(..., {size})", data)
        return np.asarray(data @ self.weights.T)


def conditional_expectation(joint: CorrelationOperator, *, observed: int, noise_variance: float) -> LinearEstimator:
    """The linear map z ↦ x̂ of least mean squared error under the joint operator of vectors z ⊕ x.

    For jointly Gaussian vectors of mean zero it is E[x | z]; for other distributions it is the best linear estimator
    (LMMSE). Not centred: subtract the level shift first. Cost: one Cholesky factor, O(m³).

    Args:
        joint: operator of the concatenated vectors (z, x), energy weights.
        observed: number m of leading components that form z.
        noise_variance: added to the diagonal of C_zz, in squared units of the vectors. At least 1/12 for pixels rounded
            to integers; larger values shrink the estimate towards zero, which helps with operators of few pictures.
            0 if the operator already contains noise.

    Raises:
        ValueError: C_zz is not positive definite with the noise on its diagonal.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    m = integer("observed", observed, 1, joint.dimension - 1)
    arguments.require(noise_variance >= 0, "noise_variance", "must not be negative", noise_variance)
    arguments.one_of("weights", joint.weights, ["energy"])
    integer("count", joint.count, 1)
    moments = joint.matrix / joint.count
    observed_moments = moments[:m, :m] + noise_variance * np.eye(m)
    try:
        weights = cho_solve(cho_factor(observed_moments, lower=True), moments[:m, m:]).conj().T
    except LinAlgError:
        rule = "must make the observed part positive definite"
        raise ValueError(f"noise_variance {rule}, but noise_variance={noise_variance!r}") from None
    residual = moments[m:, m:] - weights @ moments[:m, m:]
    return LinearEstimator(weights=weights, residual=(residual + residual.conj().T) / 2)
