"""Conversion of operators and mixtures to the integers of a file and back."""

import numpy as np

from qimg.core import Array, require
from qimg.operators import CorrelationOperator
from qimg.prior.mixture import GaussianMixture

_MOMENTS = 256  # second moments of planes in sixteenths are multiples of 1/256
_SUMS = 16
_WEIGHT_BITS = 30
_MANTISSA = 32767


def operator_to_integers(operator: CorrelationOperator) -> dict[str, Array]:
    """Moments, sum and count of an operator as integers.

    Exact where the operator was fitted on planes in sixteenths of a code value; otherwise the moments are rounded to
    multiples of 1/256 and the sum to sixteenths.
    """
    rows, columns = np.tril_indices(operator.dimension)
    return {
        "moments": np.rint(operator.matrix[rows, columns] * _MOMENTS).astype(np.int64),
        "sum": np.rint(operator.sum * _SUMS).astype(np.int64),
        "count": np.array([operator.count], np.int64),
    }


def operator_from_integers(arrays: dict[str, Array]) -> CorrelationOperator:
    """The operator of `operator_to_integers`."""
    d = len(arrays["sum"])
    matrix = np.zeros((d, d))
    rows, columns = np.tril_indices(d)
    matrix[rows, columns] = matrix[columns, rows] = arrays["moments"] / _MOMENTS
    count = int(arrays["count"][0])
    return CorrelationOperator(matrix=matrix, sum=arrays["sum"] / _SUMS, count=count, weights="energy")


def mixture_to_integers(mixture: GaussianMixture) -> dict[str, Array]:
    """Weights as multiples of 2⁻³⁰, and Cholesky factors row by row as 16-bit numbers times a power of two.

    The largest number of a row is between 16384 and 32767, so that a covariance keeps its smallest eigenvalues to
    about one part in 10⁸ of its largest.
    """
    weights = np.maximum(np.rint(mixture.weights * 2.0**_WEIGHT_BITS), 1).astype(np.int64)
    top = np.abs(mixture.factors).max(axis=2)
    exponents = np.ceil(np.log2(top / _MANTISSA)).astype(np.int8)
    rows, columns = np.tril_indices(mixture.dimension)
    scaled = np.ldexp(mixture.factors, -exponents.astype(np.int32)[:, :, None])[:, rows, columns]
    factors = np.rint(scaled).astype(np.int16)
    # Keeps a factor regular where a diagonal entry is too small for 16 bits at the scale of its row.
    factors[:, rows == columns] = np.maximum(factors[:, rows == columns], 1)
    return {"weights": weights, "exponents": exponents, "factors": factors}


def mixture_arrays(name: str, classes: int, dimension: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shapes and types of the arrays of a mixture in a file, for `Artifact.require_arrays`."""
    require(classes > 0, name, "must have classes", classes)
    return {
        f"{name}/weights": ((classes,), "<i8"),
        f"{name}/exponents": ((classes, dimension), "<i1"),
        f"{name}/factors": ((classes, dimension * (dimension + 1) // 2), "<i2"),
    }


def require_mixture(name: str, arrays: dict[str, Array]) -> None:
    """Raise an error unless the integers are those of a mixture: positive weights and regular factors."""
    weights, factors = arrays["weights"], arrays["factors"]
    most = 1 << (_WEIGHT_BITS + 2)
    sound = int(weights.min()) >= 1 and int(weights.max()) <= most and int(weights.astype(object).sum()) <= most
    require(sound, f"{name}/weights", f"must be positive and sum to at most {most}", weights.tolist()[:8])
    rows, columns = np.tril_indices(arrays["exponents"].shape[1])
    least = int(factors[:, rows == columns].min())
    require(least >= 1, f"{name}/factors", "must have a positive diagonal", least)


def mixture_from_integers(arrays: dict[str, Array]) -> GaussianMixture:
    """The mixture of `mixture_to_integers`."""
    exponents = arrays["exponents"].astype(np.int32)
    classes, d = exponents.shape
    factors = np.zeros((classes, d, d))
    rows, columns = np.tril_indices(d)
    factors[:, rows, columns] = np.ldexp(arrays["factors"].astype(np.float64), exponents[:, rows])
    return GaussianMixture(weights=arrays["weights"] / arrays["weights"].sum(), factors=factors)
