"""Bjøntegaard rates between codecs over pictures: of curves of means, with their scatter, and picture by picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qimg import metrics
from qimg.core import Array
from qimg.evaluation.summary import LEAST_PICTURES, comparable, finite_mean, finite_quantiles

RANGES = {
    "psnr_rgb_db": (28.0, 37.0),
    "psnr_y_db": (28.0, 37.0),
    "ms_ssim": (12.0, 20.0),
    "ssimulacra2": (30.0, 80.0),
}
"""What rates are averaged over: PSNR in dB, MS-SSIM as −10 log₁₀(1 − x) in dB, SSIMULACRA 2 in points."""

LEAST_SHARE = 1 / 3
"""Share of the range that the curves of one picture must have in common for it to count."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RateCurve:
    """One codec's rates and qualities on every picture."""

    rates: Array
    """(pictures, settings) bits per pixel."""
    qualities: Array
    """(pictures, settings)."""

    def mean(self, weights: Array) -> tuple[Array, Array]:
        """The curve of means under weights (pictures,) that need not sum to 1."""
        share = weights / weights.sum()
        return share @ self.rates, share @ self.qualities


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The rate of a codec against an anchor, in percent; negative where the codec needs less."""

    percent: float
    """Of the curves of means; NaN where they cannot be compared."""
    low: float
    """5 % over resamples of the pictures; NaN where no resample was asked for or could be compared."""
    high: float
    """95 %."""
    resamples: int
    """Resamples in which both curves cover the range: those that the interval is over."""
    own: float
    """Mean of the pictures' own rates, over the part of the range that both curves of a picture cover."""
    own_pictures: int
    """Pictures that it goes over."""
    reason: str
    """Why `percent` is NaN; empty where it is a number."""


def curves(rows: Sequence[Any], measure: str) -> dict[str, RateCurve]:
    """The curve of every codec, on the pictures that could be measured everywhere."""
    kept = comparable(rows, measure)
    found = {}
    for codec in dict.fromkeys(row.codec for row in kept):
        by_picture: dict[str, list[tuple[float, float]]] = {}
        for row in kept:
            if row.codec == codec:
                by_picture.setdefault(row.image, []).append((row.bits_per_pixel, getattr(row, measure)))
        rates, qualities = np.moveaxis(np.array(list(by_picture.values())), -1, 0)
        if measure == "ms_ssim":
            qualities = -10 * np.log10(1 - qualities)
        found[codec] = RateCurve(rates=rates, qualities=qualities)
    return found


def compare(anchor: RateCurve, test: RateCurve, measure: str, *, draws: int = 0, seed: int = 0) -> Comparison:
    """The rate of one curve against another, with an interval over `draws` resamples of eight pictures or more."""
    ends = RANGES[measure]
    count = len(anchor.rates)
    percent, reason = _rate_of_means(anchor, test, np.ones(count), ends)
    draws = draws if count >= LEAST_PICTURES else 0
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), draws).astype(float)
    resampled = [_rate_of_means(anchor, test, one, ends)[0] for one in weights]
    low, _, high = finite_quantiles(resampled)
    own = [_own_rate(anchor, test, k, ends) for k in range(count)]
    return Comparison(
        percent=percent,
        low=low,
        high=high,
        resamples=int(np.isfinite(resampled).sum()),
        own=finite_mean(own),
        own_pictures=int(np.isfinite(own).sum()),
        reason=reason,
    )


def _rate_of_means(anchor: RateCurve, test: RateCurve, weights: Array, ends: tuple[float, float]) -> tuple[float, str]:
    try:
        return metrics.bd_rate(*anchor.mean(weights), *test.mean(weights), quality_range=ends), ""
    except ValueError as error:  # too few points, a curve that turns back, or a range that is not covered
        return float("nan"), str(error)


def _own_rate(anchor: RateCurve, test: RateCurve, k: int, ends: tuple[float, float]) -> float:
    """The rate on one picture; NaN where its curves share too little of the range, or cannot be compared."""
    qualities = [anchor.qualities[k], test.qualities[k]]
    low, high = max(ends[0], *(q.min() for q in qualities)), min(ends[1], *(q.max() for q in qualities))
    if high - low < LEAST_SHARE * (ends[1] - ends[0]):
        return float("nan")
    try:
        return metrics.bd_rate(anchor.rates[k], qualities[0], test.rates[k], qualities[1], quality_range=(low, high))
    except ValueError:
        return float("nan")
