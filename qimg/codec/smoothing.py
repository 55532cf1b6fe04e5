"""The decoder's filter: conditional expectation of a sample given its decoded neighbours, by class; integers alone.

A 4×4 cell has a class: how strong its second differences are beside the step, and which direction they prefer. A
sample's filter also depends on which sides of its cell are borders of blocks. The estimate is linear in the differences
to the neighbours, each split at two thresholds, so that an edge does not weigh like noise.
"""

import numpy as np
from numba import njit

from qimg.arguments import Array
from qimg.codec.geometry import LARGEST

TAPS = np.array([(u, v) for u in range(-3, 4) for v in range(-3, 4) if 0 < abs(u) + abs(v) <= 3])
"""(24, 2) rows and columns of the neighbours: a diamond."""
FEATURES = 2 * len(TAPS)
LEVELS = 7
DIRECTIONS = 9
PLACES = 9
CLASSES = LEVELS * DIRECTIONS
WEIGHT_BITS = 12
_REACH = 3


@njit(cache=True)
def cell_class(padded: Array, y: int, x: int, step: int) -> int:
    """Class of the cell whose first sample is `padded[y + 3, x + 3]`.

    Second differences along four directions are summed over the 6×6 samples around it.
    """
    horizontal = vertical = rising = falling = 0
    for i in range(y + _REACH - 1, y + _REACH + 5):
        for j in range(x + _REACH - 1, x + _REACH + 5):
            twice = 2 * np.int32(padded[i, j])
            horizontal += abs(twice - padded[i, j - 1] - padded[i, j + 1])
            vertical += abs(twice - padded[i - 1, j] - padded[i + 1, j])
            rising += abs(twice - padded[i + 1, j - 1] - padded[i - 1, j + 1])
            falling += abs(twice - padded[i - 1, j - 1] - padded[i + 1, j + 1])
    # 72 second differences of the size of step / 16 divide level 0 from level 1
    strength = (horizontal + vertical) // 9
    level = 0
    threshold = step >> 1
    while level < LEVELS - 1 and strength > threshold:
        level += 1
        threshold <<= 1
    straight = int(max(horizontal, vertical)) + 1
    straight_less = int(min(horizontal, vertical)) + 1
    slanted = int(max(rising, falling)) + 1
    slanted_less = int(min(rising, falling)) + 1
    if straight * slanted_less > slanted * straight_less:
        more, less = straight, straight_less
        direction = 1 if horizontal > vertical else 3
    else:
        more, less = slanted, slanted_less
        direction = 5 if rising > falling else 7
    if 2 * more <= 3 * less:
        direction = 0
    elif more > 3 * less:
        direction += 1
    return level * DIRECTIONS + direction


@njit(cache=True)
def features(padded: Array, i: int, j: int, small: int, large: int, out: Array) -> None:
    """Differences to the neighbours of sample (i, j) up to `small`, then what they have between that and `large`."""
    here = np.int32(padded[i, j])
    n = len(TAPS)
    for k in range(n):
        difference = padded[i + TAPS[k, 0], j + TAPS[k, 1]] - here
        near = min(max(difference, -small), small)
        out[k] = near
        out[n + k] = min(max(difference, -large), large) - near


@njit(cache=True)
def thresholds(step: int) -> tuple[int, int]:
    """Where differences are split, in samples' units, for a step."""
    return max(step >> 2, 1), max(step, 2)


@njit(cache=True)
def place_of(sizes: Array, cy: int, cx: int, i: int, j: int) -> int:
    """Which sides of the block a sample (i, j) of a cell lies at: 3 · (0, 1 top, 2 bottom) + (0, 1 left, 2 right)."""
    cells = 1 << sizes[cy, cx]
    row = 0
    if i == 0 and cy % cells == 0:
        row = 1
    elif i == 3 and (cy + 1) % cells == 0:
        row = 2
    column = 0
    if j == 0 and cx % cells == 0:
        column = 1
    elif j == 3 and (cx + 1) % cells == 0:
        column = 2
    return 3 * row + column


@njit(cache=True)
def smooth(padded: Array, sizes: Array, step: int, weights: Array, out: Array) -> None:
    """Filter a plane.

    Args:
        padded: (rows + 6, width + 6) int16 samples with three on every side.
        sizes: (rows / 4, width / 4) int8 size index of the block of each cell.
        step: of the plane.
        weights: (CLASSES, PLACES, FEATURES) int16, units of 2⁻¹².
        out: (rows, width) int16, written.
    """
    small, large = thresholds(step)
    said = np.zeros(FEATURES, np.int32)
    for cy in range(sizes.shape[0]):
        for cx in range(sizes.shape[1]):
            label = cell_class(padded, 4 * cy, 4 * cx, step)
            for i in range(4):
                for j in range(4):
                    y, x = 4 * cy + i, 4 * cx + j
                    features(padded, y + _REACH, x + _REACH, small, large, said)
                    row = weights[label, place_of(sizes, cy, cx, i, j)]
                    total = np.int32(1 << (WEIGHT_BITS - 1))
                    for k in range(FEATURES):
                        total = np.int32(total + np.int32(said[k] * np.int32(row[k])))
                    value = padded[y + _REACH, x + _REACH] + (total >> WEIGHT_BITS)
                    out[y, x] = min(max(value, 0), LARGEST)


@njit(cache=True)
def add_moments(padded: Array, sizes: Array, step: int, source: Array, moments: Array, counts: Array) -> None:
    """Add the second moments of features ⊕ error of every sample to those of its class, in units of the step.

    Args:
        source: (rows, width) int16.
        moments: (CLASSES, PLACES, FEATURES + 1, FEATURES + 1) float64, changed.
        counts: (CLASSES, PLACES) float64, changed.
    """
    small, large = thresholds(step)
    said = np.zeros(FEATURES, np.int32)
    vector = np.zeros(FEATURES + 1, np.float64)
    for cy in range(sizes.shape[0]):
        for cx in range(sizes.shape[1]):
            label = cell_class(padded, 4 * cy, 4 * cx, step)
            for i in range(4):
                for j in range(4):
                    y, x = 4 * cy + i, 4 * cx + j
                    features(padded, y + _REACH, x + _REACH, small, large, said)
                    for k in range(FEATURES):
                        vector[k] = said[k] / step
                    vector[FEATURES] = (np.int64(source[y, x]) - padded[y + _REACH, x + _REACH]) / step
                    place = place_of(sizes, cy, cx, i, j)
                    counts[label, place] += 1
                    target = moments[label, place]
                    for a in range(FEATURES + 1):
                        if vector[a] != 0:
                            for b in range(a + 1):
                                target[a, b] += vector[a] * vector[b]


def smoothed(plane: Array, sizes: Array, step: int, weights: Array, *, above: int = 0) -> Array:
    """The plane filtered, its outer samples repeated beyond it.

    Args:
        plane: (above + rows, width) int16.
        sizes: (rows / 4, width / 4) int8 as for `smooth`.
        step: of the plane.
        weights: of the plane, as for `smooth`.
        above: rows of `plane` that are seen but not part of the outcome, up to 3.
    """
    out = np.empty((len(plane) - above, plane.shape[1]), np.int16)
    margin = np.pad(plane, ((_REACH - above, _REACH), (_REACH, _REACH)), mode="edge")
    smooth(margin, sizes, step, weights, out)
    return out


def with_margin(plane: Array) -> Array:
    """The plane with three samples repeated on every side."""
    return np.pad(plane, _REACH, mode="edge")
