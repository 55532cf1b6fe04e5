"""Conditional mean and expected magnitude of the coefficients of a block, from what is known around them.

Both are linear in features of the neighbourhood, with weights for each frequency: regressions under the joint operator
over neighbourhood and block, in integers. What the neighbouring blocks contribute is computed for all coefficients at
once; the coded part of the block is added to it when a coefficient is next.
"""

from typing import NamedTuple

import numpy as np

from qimg.codecs.jpeg_recompression.surroundings import CURRENT, FRACTION, PADDED, Surroundings
from qimg.core import Array
from qimg.core.compiled import inner

FEATURES = 16
"""Of the mean, and of the magnitude."""
KNOWN = 4
"""Features of the mean that come from the coded part of the block: its profiles at the left and at the top, twice."""
INSIDE = 6
"""Features of the magnitude that come from the coded part of the block."""
AVAILABLE = 4
"""Cases of neighbours: none, left, above, both."""
BITS = 14
"""Bits after the point of the weights."""
MOST = 1 << 18
"""Largest mean and magnitude, in eighths of a step."""


class Prediction(NamedTuple):
    """Weights of the features, and what neighbouring blocks contribute."""

    mean: Array
    """(AVAILABLE, FEATURES, 64) int32 weights for the mean, in units of 2⁻¹⁴."""
    magnitude: Array
    """(AVAILABLE, FEATURES, 64) int32 weights for the magnitude."""
    means: Array
    """(64,) int64 workspace: contributions to the mean, with `FRACTION + BITS` bits after the point."""
    magnitudes: Array
    """(64,) int64 workspace: contributions to the magnitude, with `BITS` bits."""
    edges: Array
    """(2, 8) int64 workspace: profiles of the neighbours continued to the edge, at the left and at the top."""


def new_prediction(mean: Array, magnitude: Array) -> Prediction:
    """Prediction with weights, as in `Prediction`."""
    nothing = np.zeros(64, np.int64)
    return Prediction(mean, magnitude, nothing, nothing.copy(), np.zeros((2, 8), np.int64))


@inner
def predict_block(prediction: Prediction, around: Surroundings, at: int, available: int) -> None:
    """Set the contributions of the neighbouring blocks."""
    means, magnitudes, edges = prediction.means, prediction.magnitudes, prediction.edges
    w, m = prediction.mean[available], prediction.magnitude[available]
    left, above = around.profiles[1, at - 1], around.profiles[0, at]
    for i in range(8):
        edges[0, i] = 3 * left[0, i] - left[1, i] >> 1
        edges[1, i] = 3 * above[2, i] - above[3, i] >> 1
    for row in range(8):
        for column in range(8):
            place = 8 * row + column
            total = np.int64(w[4, place]) * left[0, row] + np.int64(w[5, place]) * left[1, row]
            total += np.int64(w[6, place]) * above[2, column] + np.int64(w[7, place]) * above[3, column]
            means[place] = total
    values, others, sums = around.values, around.others, around.sums
    beside, over = values[CURRENT, at - 1], values[CURRENT - 1, at]
    corner, ahead = values[CURRENT - 1, at - 1], values[CURRENT - 1, at + 1]
    farther, higher = values[CURRENT, at - 2], values[CURRENT - 2, at]
    for k in range(64):
        total = np.int64(w[8, k]) * np.int64(beside[k]) + np.int64(w[9, k]) * np.int64(over[k])
        total += np.int64(w[10, k]) * np.int64(corner[k]) + np.int64(w[11, k]) * np.int64(ahead[k])
        means[k] += total << FRACTION
        total = np.int64(m[6, k]) * abs(np.int64(beside[k])) + np.int64(m[7, k]) * abs(np.int64(over[k]))
        total += np.int64(m[8, k]) * (abs(np.int64(corner[k])) + abs(np.int64(ahead[k])))
        total += np.int64(m[9, k]) * abs(np.int64(farther[k])) + np.int64(m[10, k]) * abs(np.int64(higher[k]))
        total += np.int64(m[11, k]) * np.int64(sums[1, at - 1, k]) + np.int64(m[12, k]) * np.int64(sums[0, at, k])
        magnitudes[k] = total + np.int64(m[15, k]) * around.steps[k]
    first, second, before, earlier = others[0, at], others[1, at], others[0, at - 1], others[1, at - 1]
    for k in range(64):
        total = np.int64(w[12, k]) * np.int64(first[k]) + np.int64(w[13, k]) * np.int64(second[k])
        total += np.int64(w[14, k]) * np.int64(before[k]) + np.int64(w[15, k]) * np.int64(earlier[k])
        means[k] += total << FRACTION
        magnitudes[k] += np.int64(m[13, k]) * abs(np.int64(first[k])) + np.int64(m[14, k]) * abs(np.int64(second[k]))


@inner
def expected(prediction: Prediction, around: Surroundings, place: int, available: int) -> tuple[int, int]:
    """Conditional mean and expected magnitude of a coefficient, in eighths of a step."""
    row, column, known = place >> 3, place & 7, around.known
    w, m = prediction.mean[available], prediction.magnitude[available]
    mean = prediction.means[place] + np.int64(w[0, place]) * known[0, row] + np.int64(w[1, place]) * known[1, row]
    mean += np.int64(w[2, place]) * known[2, column] + np.int64(w[3, place]) * known[3, column]
    block, at = around.block, PADDED * row + column + 1
    size = prediction.magnitudes[place] + np.int64(m[0, place]) * block[at + 1]
    size += np.int64(m[1, place]) * block[at + PADDED]
    size += np.int64(m[2, place]) * block[at + PADDED + 1] + np.int64(m[3, place]) * block[at + 2]
    size += np.int64(m[4, place]) * block[at + 2 * PADDED]
    size += np.int64(m[5, place]) * block[at + PADDED - 1]
    if row > 0:
        size += np.int64(m[5, place]) * block[at - PADDED + 1]
    inverse = around.inverse[place]
    mean = (mean >> BITS) * inverse >> 20
    size = (size >> BITS - FRACTION) * inverse >> 20
    return int(min(max(mean, -MOST), MOST)), int(min(max(size, 0), MOST))
