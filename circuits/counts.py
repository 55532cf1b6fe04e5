"""Counts of outcomes: conversion of Aer's results, and checks of arguments."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qimg.core import Array, real, require, require_shape


def outcome_counts(result: Any, size: int) -> NDArray[np.int64]:
    """Counts (size,) of the outcomes of the first circuit of an Aer result."""
    counts = np.zeros(size, dtype=np.int64)
    for outcome, count in result.data(0)["counts"].items():
        counts[int(outcome, 16)] = count
    return counts


def checked_counts(counts: ArrayLike, size: int) -> Array:
    """Counts (size,), not negative and not all zero, as real numbers."""
    numbers = real("counts", counts)
    require_shape(numbers.shape == (size,), "counts", f"({size},)", numbers)
    require(bool(numbers.min() >= 0), "counts", "must not be negative", float(numbers.min()))
    require(bool(numbers.sum() > 0), "counts", "must not all be zero", float(numbers.sum()))
    return numbers
