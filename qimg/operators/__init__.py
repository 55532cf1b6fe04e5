"""Correlation operators (mergeable second moments), their density matrices, entropies and coherence."""

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

__all__ = [
    "CorrelationOperator",
    "LinearEstimator",
    "OperatorFileError",
    "conditional_expectation",
    "eigenbasis",
    "l1_coherence",
    "log_negativity",
    "mutual_information",
    "purity",
    "relative_entropy_of_coherence",
    "shannon_entropy",
    "spectrum",
    "von_neumann_entropy",
]
