"""Means and quantiles of measures that may not be finite."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the finite values; NaN if there are none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def finite_quantiles(values: Iterable[float]) -> tuple[float, float, float]:
    """5 %, 50 % and 95 % quantiles of the finite values; NaN if there are none."""
    finite = [value for value in values if np.isfinite(value)]
    low, middle, high = np.quantile(finite, [0.05, 0.5, 0.95]) if finite else [np.nan] * 3
    return float(low), float(middle), float(high)


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
        return f"{total} picture(s)"
    return f"{counted} of {total} pictures (the others are decoded exactly at some setting or too small)"
