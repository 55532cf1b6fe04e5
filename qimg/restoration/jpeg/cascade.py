"""The explicit estimator: a cascade of conditional means under mixtures of joint (JPEG ⊕ raw) operators.

All vectors are divided by the scale of the quantization table (`table_scale`), so that one set of operators applies to
all qualities: relative to it, the errors of a detailed picture at high quality resemble those of a coarse one at low
quality.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qimg.core import Array, integer
from qimg.core.cached import cached_property
from qimg.core.records import short_repr
from qimg.images.jpeg.blocks import BLOCK, DCT, cut, decoded, from_blocks, overlay
from qimg.prior import GaussianMixture
from qimg.prior.fitting.moments import Expectation
from qimg.restoration.jpeg.experts import Experts, groups
from qimg.restoration.jpeg.symmetry import ELEMENTS, orders, orientation, turned_offset

GATED = np.array([8 * u + v for u in range(8) for v in range(8) if 0 < u + v < 8])
"""Indices of the 35 coefficients by which a class is chosen."""
FIRST_MARGIN = 4
COUNTS = np.array([1, 2, 3, 4, 6, 9, 13, 19, 28])
"""Numbers of nonzero AC coefficients at which classes 1, 2, … of the first stage begin."""


class Estimate(NamedTuple):
    """An estimated plane and its predicted variance."""

    values: Array
    """(H, W) float32 conditional mean, code values."""
    variance: Array
    """(H, W) float32 squared code values, not calibrated."""


def table_scale(table: Array) -> float:
    """Scale of a quantization table (8, 8): an eighth of the root mean square of its steps, in code values."""
    return float(np.sqrt(np.square(table, dtype=np.float64).mean())) / BLOCK


def first_labels(coefficients: Array) -> Array:
    """(n,) classes of the first stage, by the number of nonzero AC coefficients of each block."""
    flat = coefficients.reshape(-1, BLOCK * BLOCK)
    return np.searchsorted(COUNTS, np.count_nonzero(flat[:, 1:], axis=1), side="right")


def first_inputs(plane: Array, scale: float) -> Array:
    """(n, 256) windows of 16×16 samples around each block, minus the block's mean, in table scales."""
    windows = cut(plane, (0, 0), FIRST_MARGIN)
    side = BLOCK + 2 * FIRST_MARGIN
    inner = windows.reshape(-1, side, side)[:, FIRST_MARGIN:-FIRST_MARGIN, FIRST_MARGIN:-FIRST_MARGIN]
    return np.asarray((windows - inner.mean(axis=(1, 2))[:, None]) / np.float32(scale))


class Turned(NamedTuple):
    """Patches of one shifted grid in their standard orientation."""

    inputs: Array
    """(n, m) float32 window of the decoded plane ⊕ that of the estimate, minus the patch's mean, in table scales."""
    elements: Array
    """(n,) symmetry element applied to each patch."""
    phases: Array
    """(n,) index, among the stage's offsets, of the offset of the turned patch in the turned grid."""

    def back(self, patches: Array) -> Array:
        """Patches (n, 64) turned back to their original orientation."""
        return self._permuted(patches, np.argsort(orders(BLOCK), axis=1))

    def turn(self, patches: Array) -> Array:
        """Other patches (n, 64) at the same places, turned in the same way."""
        return self._permuted(patches, orders(BLOCK))

    def _permuted(self, patches: Array, orders_of: Array) -> Array:
        """Patches (n, 64) with pixels reordered by the row of `orders_of` (8, 64) for their elements."""
        return np.take_along_axis(patches, orders_of[self.elements], axis=1)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """One stage: a gate on the previous estimate, and experts that map (decoded window ⊕ estimate) to its error."""

    gate: GaussianMixture
    """Zero-mean mixture over the coefficients `GATED` of a turned patch, in table scales."""
    experts: Experts
    """K for each offset, offset by offset."""
    offsets: tuple[tuple[int, int], ...]
    """Shifts of the grid, closed under the symmetries of the square."""
    margins: tuple[int, int]
    """Samples around a patch in an expert's input, for the decoded plane and for the estimate."""

    @cached_property
    def expectation(self) -> Expectation:
        """The expectation step of the gate."""
        return Expectation(self.gate)

    def turned(self, plane: Array, estimate: Array, scale: float, offset: tuple[int, int]) -> Turned:
        """The patches of a grid in their standard orientation."""
        return turned_patches(plane, estimate, scale, offset, offsets=self.offsets, margins=self.margins)

    def labels(self, turned: Turned) -> Array:
        """(n,) index of each patch's expert, by its phase and its likeliest class."""
        vectors = gated(turned.inputs, self.margins[1])
        return self.gate.components * turned.phases + self.expectation.labels(vectors)

    def apply(self, plane: Array, estimate: Array, scale: float) -> Estimate:
        """The next estimate: the average of the patches of all grids, weighted by the precisions of their experts."""
        total = np.zeros(plane.shape, np.float32)
        precision = np.zeros(plane.shape, np.float32)
        spread = np.zeros(plane.shape, np.float32)
        weights = 1 / self.experts.variances
        deviations = np.sqrt(weights)
        for offset in self.offsets:
            turned = self.turned(plane, estimate, scale, offset)
            labels = self.labels(turned)
            weight = weights[labels]
            missing = self.experts.estimate(turned.inputs, labels) * weight
            overlay(total, turned.back(missing), offset)
            overlay(precision, turned.back(weight), offset)
            overlay(spread, turned.back(deviations[labels]), offset)
        # Errors of overlapping patches are almost fully correlated, so deviations are averaged.
        return Estimate(
            estimate + np.float32(scale) * total / precision, np.square(np.float32(scale) * spread / precision)
        )


def gated(inputs: Array, margin: int) -> Array:
    """(n, 35) the coefficients by which a class is chosen, from inputs that end in a window of the estimate."""
    side = BLOCK + 2 * margin
    places = np.arange(side * side).reshape(side, side)[margin : margin + BLOCK, margin : margin + BLOCK].ravel()
    return np.asarray(inputs[:, places - side * side] @ DCT[GATED].T)


def turned_patches(
    plane: Array,
    estimate: Array,
    scale: float,
    offset: tuple[int, int],
    *,
    offsets: tuple[tuple[int, int], ...],
    margins: tuple[int, int],
) -> Turned:
    """The patches of one shifted grid in their standard orientation; see `Stage`."""
    patches = cut(estimate, offset)
    mean = patches.mean(axis=1, keepdims=True)
    elements = orientation(patches - mean)
    place = {shift: index for index, shift in enumerate(offsets)}
    phases = np.array([place[turned_offset(offset, g)] for g in range(ELEMENTS)])[elements]
    windows = [cut(one, offset, margin) for one, margin in zip((plane, estimate), margins, strict=True)]
    turns = [orders(BLOCK + 2 * margin) for margin in margins]
    first = windows[0].shape[1]
    inputs = np.empty((len(patches), first + windows[1].shape[1]), np.float32)
    for g, rows in groups(elements, ELEMENTS):
        inputs[rows, :first] = windows[0][rows][:, turns[0][g]]
        inputs[rows, first:] = windows[1][rows][:, turns[1][g]]
    inputs -= mean
    inputs *= np.float32(1 / scale)
    return Turned(inputs, elements, phases)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Cascade:
    """A first linear estimate and stages that refine it."""

    first: Experts
    """(10, 256, 64) experts, one for each class of `first_labels`."""
    stages: tuple[Stage, ...]

    @property
    def reach(self) -> int:
        """Radius of the support of an estimate in rows and columns, rounded up to a multiple of 8."""
        patch = BLOCK - 1
        return -(-(patch + FIRST_MARGIN + sum(patch + max(stage.margins) for stage in self.stages)) // BLOCK) * BLOCK

    def shortened(self, count: int) -> "Cascade":
        """The cascade of the first estimate and `count` stages."""
        return Cascade(first=self.first, stages=self.stages[: integer("effort", count, 0, len(self.stages))])

    def estimates(self, coefficients: Array, table: Array) -> Iterable[Estimate]:
        """Yield the estimates of a plane: the first one and one after each stage.

        Args:
            coefficients: (R, C, 8, 8) quantized, as a JPEG file holds them.
            table: (8, 8) quantization steps.
        """
        plane, scale = decoded(coefficients, table), table_scale(table)
        labels = first_labels(coefficients)
        missing = np.float32(scale) * self.first.estimate(first_inputs(plane, scale), labels)
        variance = np.float32(scale * scale) * self.first.variances[labels]
        estimate = Estimate(plane + from_blocks(missing, plane.shape), from_blocks(variance, plane.shape))
        yield estimate
        for stage in self.stages:
            estimate = stage.apply(plane, estimate.values, scale)
            yield estimate
