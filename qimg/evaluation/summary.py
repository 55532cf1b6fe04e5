"""Means and quantiles of measures that may not be finite."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

LEAST_PICTURES = 8
"""Least number of pictures from which an interval over pictures is shown."""


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the finite values; NaN if there are none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def finite_quantiles(values: Iterable[float]) -> tuple[float, float, float]:
    """5 %, 50 % and 95 % quantiles of the finite values; NaN if there are none."""
    finite = [value for value in values if np.isfinite(value)]
    low, middle, high = np.quantile(finite, [0.05, 0.5, 0.95]) if finite else [np.nan] * 3
    return float(low), float(middle), float(high)


def picture_interval(values: Iterable[float], pictures: int) -> tuple[float, float]:
    """5 % and 95 % quantiles of resamples of pictures, or of their own values; NaN for fewer than `LEAST_PICTURES`."""
    if pictures < LEAST_PICTURES:
        return float("nan"), float("nan")
    low, _, high = finite_quantiles(values)
    return low, high


def comparable(rows: Sequence[Any], measure: str) -> list[Any]:
    """Rows of the pictures whose measure is finite in every row, so that means compare the same pictures.

    A picture that is decoded exactly at some setting has an infinite PSNR, and a picture that is too small for SSIM has
    no value.
    """
    excluded = {row.image for row in rows if not np.isfinite(getattr(row, measure))}
    return [row for row in rows if row.image not in excluded]


def pictures_counted(rows: Sequence[Any], measure: str) -> str:
    """Number of pictures in the means of `comparable` rows, as a phrase for captions."""
    counted = len({row.image for row in comparable(rows, measure)})
    total = len({row.image for row in rows})
    if counted == total:
        return counted_pictures(total)
    return f"{counted} of {total} pictures (the others are decoded exactly at some setting or too small)"


def counted_pictures(count: int) -> str:
    """`1 picture`, `12 pictures`."""
    return f"{count} picture{'' if count == 1 else 's'}"
