"""Low-rank correlation operators from streams of vectors: sketches, samples, and their verification."""

from qimg.operators.low_rank.drawn_patches import DrawnPatches
from qimg.operators.low_rank.entropy import EntropyEstimate, entropy_estimate
from qimg.operators.low_rank.frequent_directions import FrequentDirections
from qimg.operators.low_rank.operator import LowRankOperator
from qimg.operators.low_rank.row_sample import RowSample
from qimg.operators.low_rank.sample_and_query import SampledBasis, SampleQuery, length_squared_basis
from qimg.operators.low_rank.sketch import Sketch

__all__ = [
    "DrawnPatches",
    "EntropyEstimate",
    "FrequentDirections",
    "LowRankOperator",
    "RowSample",
    "SampleQuery",
    "SampledBasis",
    "Sketch",
    "entropy_estimate",
    "length_squared_basis",
]
