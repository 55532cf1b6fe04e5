"""Correlation operators (additive second moments), their density matrices, entropies and coherence."""

from qimg.operators.conditional import LinearEstimator, conditional_expectation
from qimg.operators.correlation import CorrelationOperator
from qimg.operators.files import OperatorFileError
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
from qimg.operators.low_rank import (
    DrawnPatches,
    EntropyEstimate,
    FrequentDirections,
    LowRankOperator,
    RowSample,
    SampledBasis,
    SampleQuery,
    Sketch,
    entropy_estimate,
    length_squared_basis,
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
    "DrawnPatches",
    "EntropyEstimate",
    "FrequentDirections",
    "LinearEstimator",
    "LowRankOperator",
    "OperatorFileError",
    "RowSample",
    "SampleQuery",
    "SampledBasis",
    "Sketch",
    "WidelyLinearEstimator",
    "conditional_expectation",
    "eigenbasis",
    "entropy_estimate",
    "l1_coherence",
    "length_squared_basis",
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
