"""Correlation operators (additive second moments), their density matrices, entropies and coherence."""

from qimg.operators.conditional import LinearEstimator, conditional_expectation
from qimg.operators.correlation import CorrelationOperator, OperatorFileError
from qimg.operators.information import (
    eigenbasis,
    l1_coherence,
    log_negativity,
    mutual_information,
    purity,
    relative_entropy_of_coherence,
    shannon_entropy,
    spectrum,
    von_neumann_entropy,
)
from qimg.operators.widely_linear import (
    ComplexMoments,
    WidelyLinearEstimator,
    strictly_linear_estimator,
    widely_linear_estimator,
)

__all__ = [
    "ComplexMoments",
    "CorrelationOperator",
    "LinearEstimator",
    "OperatorFileError",
    "WidelyLinearEstimator",
    "conditional_expectation",
    "eigenbasis",
    "l1_coherence",
    "log_negativity",
    "mutual_information",
    "purity",
    "relative_entropy_of_coherence",
    "shannon_entropy",
    "spectrum",
    "strictly_linear_estimator",
    "von_neumann_entropy",
    "widely_linear_estimator",
]
