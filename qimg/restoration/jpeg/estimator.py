"""Estimators of a component from its coefficients, applied in strips and projected onto the quantization bins."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qimg.core import Array, Track, in_one_blas_thread
from qimg.core.cached import cached_property
from qimg.core.records import short_repr
from qimg.images.jpeg.blocks import BLOCK, decoded
from qimg.images.jpeg.coefficients import Component
from qimg.restoration.jpeg.calibration import Calibration, covers
from qimg.restoration.jpeg.cascade import Cascade, Estimate
from qimg.restoration.jpeg.model import Model
from qimg.restoration.jpeg.quantization_bins import project

STRIP = 1 << 20
"""Approximate number of samples in a strip, which bounds the working memory."""


class Estimator(Protocol):
    """An estimator of planes: the explicit cascade or a network."""

    @property
    def reach(self) -> int:
        """Radius of the support of an estimate in rows, a multiple of 8."""

    @property
    def calibration(self) -> Calibration:
        """Calibration of its deviations."""

    def estimate(self, coefficients: Array, table: Array) -> Estimate:
        """Mean and predicted variance (8R, 8C) of a plane from its quantized coefficients (R, C, 8, 8)."""


@short_repr
@dataclass(frozen=True, eq=False)
class Explicit:
    """The explicit estimator: the first stages of a model's cascade."""

    model: Model
    stages: int
    """Number of stages that are applied, 0 to all."""

    @cached_property
    def cascade(self) -> Cascade:
        """The stages."""
        return self.model.cascade.shortened(self.stages)

    @property
    def reach(self) -> int:
        """As in `Estimator`."""
        return self.cascade.reach

    @property
    def calibration(self) -> Calibration:
        """As in `Estimator`."""
        return self.model.calibrations[self.stages]

    def estimate(self, coefficients: Array, table: Array) -> Estimate:
        """As in `Estimator`."""
        *_, estimate = self.cascade.estimates(coefficients, table)
        return estimate


def as_decoded(component: Component) -> Estimate:
    """The decoded component; its variance is NaN, because nothing is known about its errors."""
    plane = decoded(component.coefficients, component.table)
    return Estimate(plane, np.full_like(plane, np.nan))


def _with_neighbours(blocks: Array) -> Array:
    """(R, C) True for blocks that are True, and for the eight around each of them."""
    padded = np.pad(blocks, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return np.asarray(rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:])


def estimated(estimator: Estimator, component: Component, *, track: Track = iter) -> Estimate:
    """The result of `in_strips` for a component; missing rows at its end are left as decoded.

    The variance is NaN where nothing is known about errors: in uncertain blocks and beside them, and for tables that
    the calibration does not cover.
    """
    estimate, rows = as_decoded(component), np.flatnonzero(~component.missing.all(axis=1))
    if len(rows):
        last = min(int(rows[-1]) + 1 + estimator.reach // BLOCK, len(component.coefficients))
        part = in_strips(estimator, component.coefficients[:last], component.table, track=track)
        estimate.values[: BLOCK * last], estimate.variance[: BLOCK * last] = part
        unknown = _with_neighbours(component.uncertain) | (not covers(component.table))
        estimate.variance[unknown.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)] = np.nan
    return estimate


@in_one_blas_thread
def in_strips(estimator: Estimator, coefficients: Array, table: Array, *, track: Track = iter) -> Estimate:
    """The conditional mean of a plane given its quantized coefficients, and its calibrated variance.

    Strips overlap by the reach of the estimator, so that there are no seams. Cost: linear in the samples.

    Args:
        estimator: the estimator to apply.
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
        strip = slice(BLOCK * first, BLOCK * last)
        values[strip] = project(estimate.values[inner], coefficients[first:last], table)
        variance[strip] = estimator.calibration.calibrated(estimate.variance[inner], table)
    return Estimate(values, variance)
