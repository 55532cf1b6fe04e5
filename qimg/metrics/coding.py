"""Excess length of codes that were built for other second moments than those of the data."""

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments


def excess_code_length(
    model: ArrayLike, truth: ArrayLike, *, noise_variance: float, trace_normalised: bool = False
) -> Array:
    """Excess bits per vector of a Gaussian code for `model` over one for `truth`, on vectors of `truth`.

    The relative entropy of zero-mean Gaussians with P = model + ν·1 and Q = truth + ν·1:
    D = ½ [ln det P − ln det Q + tr P⁻¹Q − d] / ln 2. Only second moments enter, so for Gaussian codes it is exact for
    vectors of any distribution with the second moments Q. Never negative, 0 for equal moments, not symmetric, the
    same in every orthonormal basis. Cost: two Cholesky factors and one solve, O(d³) per pair.

    Args:
        model: (..., d, d) real symmetric second moments per vector that the code was built for.
        truth: (..., d, d) second moments per vector of the coded vectors; leading axes broadcast.
        noise_variance: ν, added to both diagonals, in squared units of the vectors: 1/12 for whole code values. May
            be 0 where both are positive definite.
        trace_normalised: scale `model` to the trace of `truth` first, so that differences in contrast do not count.

    Raises:
        ValueError: one of the two is not positive definite with ν on its diagonal.

    >>> excess = excess_code_length([[4.0]], [[1.0]], noise_variance=0.0)  # ½ [log₂ 4 − (1 − ¼) / ln 2]
    >>> round(float(excess), 12)
    0.458989359667
    >>> moments = np.diag([9.0, 1.0])
    >>> float(excess_code_length(moments, moments, noise_variance=1 / 12))
    0.0
    """
    arguments.require(bool(0 <= noise_variance < np.inf), "noise_variance", "must not be negative", noise_variance)
    if trace_normalised:
        traces = [np.trace(np.asarray(matrix), axis1=-2, axis2=-1) for matrix in (model, truth)]
        arguments.require(bool((traces[0] > 0).all()), "model", "must have a positive trace", traces[0])
        model = np.asarray(model) * (traces[1] / traces[0])[..., None, None]
    first, second = _factor("model", model, noise_variance), _factor("truth", truth, noise_variance)
    dimension = first.shape[-1]
    arguments.require_shape(second.shape[-1] == dimension, "truth", f"(..., {dimension}, {dimension})", second)
    # tr P⁻¹Q = ‖L_P⁻¹ L_Q‖², and ln det = 2 Σ ln of a factor's diagonal.
    trace = (np.linalg.solve(first, second) ** 2).sum(axis=(-2, -1))
    nats = _half_log_det(first) - _half_log_det(second) + (trace - dimension) / 2
    return np.asarray(np.maximum(nats, 0.0) / np.log(2))


def _factor(name: str, value: ArrayLike, noise_variance: float) -> Array:
    moments = arguments.hermitian(name, arguments.real(name, value))
    try:
        return np.linalg.cholesky(moments + noise_variance * np.eye(moments.shape[-1]))
    except np.linalg.LinAlgError:
        raise ValueError(f"{name} must be positive definite with noise_variance={noise_variance} added") from None


def _half_log_det(factor: Array) -> Array:
    return np.asarray(np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1))
