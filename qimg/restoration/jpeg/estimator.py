"""What estimates a component from its coefficients, and how it is applied: strip by strip, inside the cells."""

from typing import Protocol

import numpy as np

from qimg.core.arguments import Array
from qimg.core.blas import in_one_blas_thread
from qimg.core.progress import Track
from qimg.images.jpeg.blocks import BLOCK, decoded
from qimg.images.jpeg.coefficients import Component
from qimg.restoration.jpeg.calibration import Calibration
from qimg.restoration.jpeg.cascade import Estimate
from qimg.restoration.jpeg.cells import project

STRIP = 1 << 20
"""Samples of a strip, about; what it needs beside them is some 200 bytes a sample."""


class Estimator(Protocol):
    """The explicit cascade at an effort, or a network."""

    @property
    def reach(self) -> int:
        """Rows, a multiple of 8, beyond which nothing changes an estimate."""

    @property
    def calibration(self) -> Calibration:
        """What makes its deviations true."""

    def estimate(self, coefficients: Array, table: Array) -> Estimate:
        """Mean and predicted variance (8R, 8C) of a plane from its quantized coefficients (R, C, 8, 8)."""


def as_decoded(component: Component) -> Estimate:
    """A component as its file says, with the variance of errors that are even in every cell."""
    plane = decoded(component.coefficients, component.table)
    variance = np.full_like(plane, np.square(component.table).mean() / 12)
    return Estimate(plane, variance)


@in_one_blas_thread
def in_strips(estimator: Estimator, coefficients: Array, table: Array, *, track: Track = iter) -> Estimate:
    """The conditional mean of a plane given its quantized coefficients, and its calibrated variance.

    Strips overlap by the reach of the estimator, so they leave no seams. Cost: linear in the samples.

    Args:
        estimator: what to apply.
        coefficients: (R, C, 8, 8) quantized.
        table: (8, 8) steps.
        track: wraps the list of strips, for a progress bar.

    Returns:
        values and variance, (8R, 8C) float32, code values; values are not clipped to [0, 255].
    """
    rows, columns = coefficients.shape[:2]
    around = estimator.reach // BLOCK
    height = max(STRIP // (BLOCK * BLOCK * columns), 4 * around)
    values = np.empty((BLOCK * rows, BLOCK * columns), np.float32)
    variance = np.empty_like(values)
    for first in track(range(0, rows, height)):
        last = min(first + height, rows)
        top, bottom = max(first - around, 0), min(last + around, rows)
        estimate = estimator.estimate(coefficients[top:bottom], table)
        inner = slice(BLOCK * (first - top), BLOCK * (last - top))
        own = slice(BLOCK * first, BLOCK * last)
        values[own] = project(estimate.values[inner], coefficients[first:last], table)
        variance[own] = estimator.calibration.calibrated(estimate.variance[inner], table)
    return Estimate(values, variance)
