"""The explicit estimator on whole components: strip by strip, inside the cells, with calibrated deviations."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from qimg.arguments import Array
from qimg.restoration.cascade import Estimate, decoded
from qimg.restoration.cells import project
from qimg.restoration.jpeg_file import Component
from qimg.restoration.model import Model
from qimg.restoration.symmetry import BLOCK
from qimg.restoration.threads import in_one_blas_thread

STRIP = 1 << 20
"""Samples of a strip, about; what it needs beside them is some 200 bytes a sample."""

Track = Callable[[Sequence[Any]], Iterable[Any]]


def as_decoded(component: Component) -> Estimate:
    """A component as its file says, with the variance of errors that are even in every cell."""
    plane = decoded(component.coefficients, component.table)
    variance = np.full_like(plane, np.square(component.table).mean() / 12)
    return Estimate(plane, variance)


@in_one_blas_thread
def restore_component(model: Model, coefficients: Array, table: Array, *, effort: int, track: Track = iter) -> Estimate:
    """The conditional mean of a plane given its quantized coefficients, and its calibrated variance.

    Strips overlap by the reach of the estimator, so they leave no seams. Cost: linear in the samples.

    Args:
        model: the estimator.
        coefficients: (R, C, 8, 8) quantized.
        table: (8, 8) steps.
        effort: stages that are applied, 0 to all.
        track: wraps the list of strips, for a progress bar.

    Returns:
        values and variance, (8R, 8C) float32, code values; values are not clipped to [0, 255].
    """
    rows, columns = coefficients.shape[:2]
    cascade = model.cascade.shortened(effort)
    around = cascade.reach // BLOCK
    height = max(STRIP // (BLOCK * BLOCK * columns), 4 * around)
    values = np.empty((BLOCK * rows, BLOCK * columns), np.float32)
    variance = np.empty_like(values)
    scale = np.float32(model.calibration.scale(table, effort) ** 2)
    for first in track(range(0, rows, height)):
        last = min(first + height, rows)
        top, bottom = max(first - around, 0), min(last + around, rows)
        seen = coefficients[top:bottom]
        *_, estimate = cascade.estimates(seen, table)
        inner = slice(BLOCK * (first - top), BLOCK * (last - top))
        own = slice(BLOCK * first, BLOCK * last)
        values[own] = project(estimate.values[inner], coefficients[first:last], table)
        variance[own] = scale * estimate.variance[inner]
    return Estimate(values, variance)
