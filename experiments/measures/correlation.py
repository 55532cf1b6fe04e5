"""Rank correlation with opinion scores: over everything, within levels, and its interval over references."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments._run import LEAST_PICTURES, Array, finite_mean, finite_quantiles

DRAWS = 400
"""Resamples of the references."""


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rank correlation, and 5 % and 95 % quantiles over resamples of the references."""

    all: float
    all_interval: tuple[float, float]
    within: float
    """Mean over the levels of the correlation among the pairs of a level."""
    within_interval: tuple[float, float]


def correlation(measured: Array, opinion: Array, level: Array, references: Sequence[str]) -> Correlation:
    """Correlation of a measure with opinions.

    Pictures of one reference are not independent, so that references are resampled as a whole. Intervals are NaN for
    fewer than eight references.

    Args:
        measured: (n,) values of a measure, larger is better.
        opinion: (n,) mean opinion scores.
        level: (n,) levels of the distortions.
        references: name of the reference of each pair.
    """
    names = list(dict.fromkeys(references))
    places = [np.flatnonzero(np.array(references) == name) for name in names]

    def both(chosen: Array) -> tuple[float, float]:
        within = [
            _spearman(measured[chosen[level[chosen] == one]], opinion[chosen[level[chosen] == one]])
            for one in np.unique(level)
        ]
        return _spearman(measured[chosen], opinion[chosen]), finite_mean(within)

    everything = both(np.concatenate(places))
    intervals = [(float("nan"), float("nan"))] * 2
    if len(names) >= LEAST_PICTURES:
        rng = np.random.default_rng(0)
        draws = [
            both(np.concatenate([places[k] for k in rng.integers(0, len(names), len(names))])) for _ in range(DRAWS)
        ]
        quantiles = [finite_quantiles(values) for values in zip(*draws, strict=True)]
        intervals = [(low, high) for low, _, high in quantiles]
    return Correlation(all=everything[0], all_interval=intervals[0], within=everything[1], within_interval=intervals[1])


def _spearman(first: Array, second: Array) -> float:
    """Correlation of ranks, ties having their mean rank; NaN if one does not vary."""
    from scipy.stats import rankdata

    ranks = rankdata(first), rankdata(second)
    if min(np.ptp(one) if one.size else 0 for one in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
