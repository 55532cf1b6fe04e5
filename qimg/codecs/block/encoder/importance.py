"""Weights of the encoder's squared errors: maps of importance, and what each map's filter passes of a coefficient.

The tangent error is, for small errors, a quadratic form (`qimg.metrics.perceptual.quadratic_form`). In a block it is
taken as diagonal in the coefficients of each class: the weight of coefficient k is Σ_o m_o g_ok, with the mean
importance m_o of octave o in the block and the part g_ok of the energy of basis vector k that the octave passes.
"""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.encoder.rate_distortion import Costs
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.colour import squared_error
from qimg.codecs.block.transform.geometry import SIDES, SMALLEST, padded
from qimg.core import Array
from qimg.core.compiled import inner
from qimg.metrics import tangent_weights
from qimg.metrics.perceptual import scales
from qimg.metrics.perceptual.octave_weights import octave_matrix, passed_energy, response

MAPS = scales.SCALES + 1
"""The octaves, and the map of squared errors that no filter changes."""
FLOOR = 0.03
"""Weight of plain squared errors, relative to that of errors of low frequencies: no octave sees the finest details."""


class Importance(NamedTuple):
    """The quadratic form of errors that the search minimises."""

    blocks: Array
    """(maps, rows / 4, width / 4) float32 weights by 4×4 block of the padded rows; without maps, all weights are 1."""
    gains: tuple[Array, ...]
    """By size: (classes, maps, n + 1) float32 part of the energy of each basis vector that a map's filter passes, and
    the mean of this part outside the basis."""

    def rows(self, first: int, count: int) -> "Importance":
        """The weights of some rows of the picture; `first` is a multiple of 32."""
        return self._replace(blocks=self.blocks[:, first // SMALLEST : padded(first + count) // SMALLEST])

    def of_noise(self) -> Array:
        """(rows / 4, width / 4) weights of errors that are independent from pixel to pixel."""
        passed = [passed_energy(octave) for octave in range(scales.SCALES)]
        return np.tensordot([*passed, 1.0], self.blocks, axes=1)


PLAIN = Importance(np.zeros((0, 0, 0), np.float32), tuple(np.zeros((0, 0, 0), np.float32) for _ in SIDES))
"""All squared errors weigh 1."""


def importance_of(values: Array, tables: Tables) -> Importance:
    """The weights of errors in a picture; `PLAIN` if it has fewer than 8 rows or columns.

    Their mean over the picture is 1 for errors of low frequencies.

    Args:
        values: (H, W, C) pixels.
        tables: fitted tables.
    """
    height, width = values.shape[:2]
    if min(height, width) < scales.SMALLEST:
        return PLAIN
    blocks = np.zeros((MAPS, padded(height) // SMALLEST, padded(width) // SMALLEST))
    for octave, plane in enumerate(tangent_weights(values, channel_axis=-1)):
        blocks[octave] = _block_means(plane, octave, height, width)
    blocks *= (1 - FLOOR) / blocks.sum(axis=0).mean()
    blocks[-1] = FLOOR
    return Importance(blocks.astype(np.float32), _gains(tables.costs, tables.bases.order))


def weighted_error(importance: Importance, first: Array, second: Array) -> float:
    """Σ over maps of weights · (filtered difference)² of a plane, the squared error if the importance is plain.

    Args:
        importance: of the rows of the planes.
        first: (rows, width).
        second: (rows, width).
    """
    if not len(importance.blocks):
        return squared_error(first, second)
    difference = first.astype(float) - second
    total = float(importance.blocks[-1, 0, 0]) * float(np.vdot(difference, difference))
    for octave, weights in enumerate(importance.blocks[:-1]):
        rows, columns = (octave_matrix(n, octave) for n in difference.shape)
        seen = np.asarray((rows @ difference) @ columns.T)
        down, right = ((np.arange(n) << octave) // SMALLEST for n in seen.shape)
        total += float((weights[down][:, right] * seen**2).sum()) * 4**octave
    return total


@inner(fastmath=True)
def weights_of_block(importance: Importance, t: int, y: int, x: int, local: Array) -> None:
    """Mean weight of each map in a block, written to `local`."""
    first, left, side = y >> 2, x >> 2, 1 << t
    for k in range(importance.blocks.shape[0]):
        total = np.float32(0.0)
        for i in range(first, first + side):
            for j in range(left, left + side):
                total += importance.blocks[k, i, j]
        local[k] = total / np.float32(side * side)


@inner(fastmath=True)
def weigh(importance: Importance, t: int, label: int, local: Array, weights: Array) -> None:
    """Weights of the coefficients of a class, and after them of what is outside its basis; unchanged without maps."""
    gains = importance.gains[t]
    for m in range(importance.blocks.shape[0]):
        weight = local[m]
        row = gains[label, m]
        if m == 0:
            for k in range(row.size):
                weights[k] = weight * row[k]
        else:
            for k in range(row.size):
                weights[k] += weight * row[k]


def _gains(costs: Costs, orders: tuple[Array, ...]) -> tuple[Array, ...]:
    gains = []
    for t, side in enumerate(SIDES):
        n = min(side * side, 256)
        both = np.ones((len(orders[t]), MAPS, n + 1), np.float32)
        for octave in range(scales.SCALES):
            energies = _energies(costs, orders, t, _autocorrelation(octave, side))
            both[:, octave, :n] = energies
            outside = side * side * passed_energy(octave) - energies.sum(axis=1)
            both[:, octave, n] = np.maximum(outside, 0) / max(1, side * side - n)
        gains.append(both)
    return tuple(gains)


def _energies(costs: Costs, orders: tuple[Array, ...], t: int, correlation: Array) -> Array:
    """(classes, n) energy of each filtered basis vector."""
    side = SIDES[t]
    if t < 2:
        basis = costs.joint[t][:, :, : side * side].astype(float).reshape(-1, side * side, side, side)
        filtered = np.einsum("ik,cnkl,jl->cnij", correlation, basis, correlation, optimize=True)
        return np.asarray((filtered * basis).sum(axis=(2, 3)))
    if t == 3:
        up = costs.upsampling.astype(float)
        correlation = up.T @ correlation @ up
    of_rows, of_columns = (
        ((part @ correlation) * part).sum(axis=2) for part in (costs.rows[t - 2], costs.columns[t - 2])
    )
    energies = (of_rows[:, :, None] * of_columns[:, None, :]).reshape(-1, 256)
    return np.take_along_axis(energies, orders[t].astype(np.int64), axis=1)


def _autocorrelation(octave: int, side: int) -> Array:
    """(side, side) inner products of shifted responses of an octave along one axis."""
    taps = response(octave)
    full = np.correlate(taps, taps, mode="full")
    last = len(taps) - 1
    offsets = np.abs(np.subtract.outer(np.arange(side), np.arange(side)))
    return np.where(offsets <= last, full[last + np.minimum(offsets, last)], 0.0)


def _block_means(plane: Array, octave: int, height: int, width: int) -> Array:
    """Means by 4×4 block of the padded picture of a map of an octave."""
    sides = padded(height), padded(width)
    down, right = (
        np.minimum(np.minimum(np.arange(side), inside - 1) >> octave, last - 1)
        for side, inside, last in zip(sides, (height, width), plane.shape, strict=True)
    )
    full = plane[down][:, right].reshape(sides[0] // SMALLEST, SMALLEST, sides[1] // SMALLEST, SMALLEST)
    return np.asarray(full.mean(axis=(1, 3)))
