"""Means over pictures that say what they leave out."""

from collections.abc import Iterable

import numpy as np


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the finite values: pictures kept exactly (infinite PSNR) or too small to be measured do not count."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
