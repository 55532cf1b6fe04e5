"""Bjøntegaard rates between codecs over pictures, for mean curves with intervals and picture by picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qimg import metrics
from qimg.core import Array
from qimg.core.records import short_repr
from qimg.evaluation.summary import LEAST_PICTURES, comparable, finite_mean, finite_quantiles

RANGES = {
    "psnr_rgb_db": (28.0, 37.0),
    "psnr_y_db": (28.0, 37.0),
    "ms_ssim": (12.0, 20.0),
    "ssimulacra2": (30.0, 80.0),
}
"""Quality ranges of the averages: PSNR in dB, MS-SSIM as −10 log₁₀(1 − x) in dB, SSIMULACRA 2 in points."""

LEAST_SHARE = 1 / 3
"""Least share of the range that both curves of a picture must cover for the picture to count."""


@short_repr
@dataclass(frozen=True, kw_only=True, eq=False)
class RateCurve:
    """Rates and qualities of one codec on every picture."""

    rates: Array
    """(pictures, settings) bits per pixel."""
    qualities: Array
    """(pictures, settings) values of a measure."""

    def mean(self, weights: Array) -> tuple[Array, Array]:
        """Mean rates and qualities with weights (pictures,), which are normalised."""
        share = weights / weights.sum()
        return share @ self.rates, share @ self.qualities


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Rate of a codec against an anchor, in percent; negative if the codec needs less."""

    percent: float
    """Rate of the mean curves; NaN if they are not comparable."""
    low: float
    """5 % quantile over resamples of the pictures; NaN without comparable resamples."""
    high: float
    """95 % quantile."""
    resamples: int
    """Number of resamples in the interval, those in which both curves cover the range."""
    own: float
    """Mean of the rates of single pictures, each over the part of the range that both of its curves cover."""
    own_pictures: int
    """Number of pictures in this mean."""
    reason: str
    """Reason why `percent` is NaN; empty otherwise."""


def curves(rows: Sequence[Any], measure: str) -> dict[str, RateCurve]:
    """Rate curve of every codec on the pictures with a finite measure in every row.

    Codecs without any value of the measure, such as those of which only PSNR is known, have no curve.
    """
    usable = comparable(valued(rows, measure), measure)
    by_codec = {}
    for codec in dict.fromkeys(row.codec for row in usable):
        by_picture: dict[str, list[tuple[float, float]]] = {}
        for row in usable:
            if row.codec == codec:
                by_picture.setdefault(row.image, []).append((row.bits_per_pixel, getattr(row, measure)))
        rates, qualities = np.moveaxis(np.array(list(by_picture.values())), -1, 0)
        if measure == "ms_ssim":
            qualities = -10 * np.log10(1 - qualities)
        by_codec[codec] = RateCurve(rates=rates, qualities=qualities)
    return by_codec


def valued(rows: Sequence[Any], measure: str) -> list[Any]:
    """Rows of the codecs that have some value of a measure."""
    codecs = {row.codec for row in rows if not np.isnan(getattr(row, measure))}
    return [row for row in rows if row.codec in codecs]


def compare(anchor: RateCurve, test: RateCurve, measure: str, *, draws: int = 0, seed: int = 0) -> Comparison:
    """Compare the rates of two codecs, with an interval over `draws` resamples of at least eight pictures."""
    ends = RANGES[measure]
    count = len(anchor.rates)
    percent, reason = _rate_of_means(anchor, test, np.ones(count), ends)
    draws = draws if count >= LEAST_PICTURES else 0
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), draws).astype(float)
    resampled = [_rate_of_means(anchor, test, one, ends)[0] for one in weights]
    low, _, high = finite_quantiles(resampled)
    single = [_rate_of_picture(anchor, test, k, ends) for k in range(count)]
    return Comparison(
        percent=percent,
        low=low,
        high=high,
        resamples=int(np.isfinite(resampled).sum()),
        own=finite_mean(single),
        own_pictures=int(np.isfinite(single).sum()),
        reason=reason,
    )


def _rate_of_means(anchor: RateCurve, test: RateCurve, weights: Array, ends: tuple[float, float]) -> tuple[float, str]:
    try:
        return metrics.bd_rate(*anchor.mean(weights), *test.mean(weights), quality_range=ends), ""
    except ValueError as error:  # too few points, a curve that is not monotonic, or a range that is not covered
        return float("nan"), str(error)


def _rate_of_picture(anchor: RateCurve, test: RateCurve, k: int, ends: tuple[float, float]) -> float:
    """Rate on one picture; NaN if its curves share too little of the range or are not comparable."""
    qualities = [anchor.qualities[k], test.qualities[k]]
    low, high = max(ends[0], *(q.min() for q in qualities)), min(ends[1], *(q.max() for q in qualities))
    if high - low < LEAST_SHARE * (ends[1] - ends[0]):
        return float("nan")
    try:
        return metrics.bd_rate(anchor.rates[k], qualities[0], test.rates[k], qualities[1], quality_range=(low, high))
    except ValueError:
        return float("nan")
