"""The decoder's filter: conditional expectation of a sample given its decoded neighbours, in integer arithmetic.

The class of a 4×4 block depends on the strength of its second differences relative to the step and on their preferred
direction. A sample's filter depends on this class and on which sides of the sample are borders of its block. The
estimate is linear in the differences to the neighbours, each split at two thresholds, so that edges and noise have
different weights.
"""

import numpy as np

from qimg.codecs.block.transform.geometry import LARGEST
from qimg.core import Array
from qimg.core.compiled import compiled, inner

TAPS = np.array([(u, v) for u in range(-3, 4) for v in range(-3, 4) if 0 < abs(u) + abs(v) <= 3])
"""(24, 2) row and column offsets of the neighbours, which form a diamond."""
FEATURES = 2 * len(TAPS)
LEVELS = 7
DIRECTIONS = 9
PLACES = 9
CLASSES = LEVELS * DIRECTIONS
WEIGHT_BITS = 12
REACH = 3
"""Rows and columns around a sample that its filter reads."""
_HEIGHT = 4 + 2 * REACH  # height of a row of 4×4 blocks with its margin
_HERE = REACH * _HEIGHT  # elements from the left end of the diamond to its centre
_LANES = 64  # 2 · _HERE + 1, rounded up to whole vectors; past the last sample there are 2 · REACH more elements


@compiled
def block_4x4_classes(padded: Array, y: int, steps: Array, sums: Array, labels: Array) -> None:
    """Classify a row of 4×4 blocks, whose first sample is `padded[y + 3, 3]`.

    Second differences along four directions are summed over the 6×6 samples around each 4×4 block.

    Args:
        padded: (rows + 6, width + 6) int16.
        y: row of the first samples of the 4×4 blocks, without the margin.
        steps: (width / 32,) int64 steps of the superblocks.
        sums: (4, width + 2) int32 workspace.
        labels: (width / 4,) int64, filled.
    """
    end = sums.shape[1]
    sums[:] = 0
    for i in range(y + REACH - 1, y + REACH + 5):
        above, here, below = padded[i - 1], padded[i], padded[i + 1]
        middle = here[2 : 2 + end]
        _add_second_differences(here[1 : 1 + end], middle, here[3 : 3 + end], sums[0])
        _add_second_differences(above[2 : 2 + end], middle, below[2 : 2 + end], sums[1])
        _add_second_differences(below[1 : 1 + end], middle, above[3 : 3 + end], sums[2])
        _add_second_differences(above[1 : 1 + end], middle, below[3 : 3 + end], sums[3])
    for cx in range(len(labels)):
        horizontal = vertical = rising = falling = 0
        for j in range(4 * cx, 4 * cx + 6):
            horizontal += sums[0, j]
            vertical += sums[1, j]
            rising += sums[2, j]
            falling += sums[3, j]
        labels[cx] = _class_of(horizontal, vertical, rising, falling, steps[cx >> 3])


@inner
def _add_second_differences(before: Array, here: Array, after: Array, sums: Array) -> None:
    for j in range(len(sums)):
        sums[j] += np.int32(abs(np.int32(2 * np.int32(here[j]) - before[j] - after[j])))


@inner
def _class_of(horizontal: int, vertical: int, rising: int, falling: int, step: int) -> int:
    # The border between levels 0 and 1 is 72 second differences of step / 16.
    strength = (horizontal + vertical) // 9
    level = 0
    threshold = step >> 1
    while level < LEVELS - 1 and strength > threshold:
        level += 1
        threshold <<= 1
    straight = int(max(horizontal, vertical)) + 1
    straight_min = int(min(horizontal, vertical)) + 1
    diagonal = int(max(rising, falling)) + 1
    diagonal_min = int(min(rising, falling)) + 1
    if straight * diagonal_min > diagonal * straight_min:
        more, less = straight, straight_min
        direction = 1 if horizontal > vertical else 3
    else:
        more, less = diagonal, diagonal_min
        direction = 5 if rising > falling else 7
    if 2 * more <= 3 * less:
        direction = 0
    elif more > 3 * less:
        direction += 1
    return level * DIRECTIONS + direction


@compiled
def features(padded: Array, i: int, j: int, small: int, large: int, out: Array) -> None:
    """Compute the features of sample (i, j).

    These are its differences to the neighbours, clipped to ±`small`, then the remainders of the differences clipped to
    ±`large`.
    """
    here = np.int32(padded[i, j])
    n = len(TAPS)
    for k in range(n):
        difference = padded[i + TAPS[k, 0], j + TAPS[k, 1]] - here
        near = min(max(difference, -small), small)
        out[k] = near
        out[n + k] = min(max(difference, -large), large) - near


@compiled
def thresholds(step: int) -> tuple[int, int]:
    """Thresholds (small, large) of the differences for a step, in units of samples."""
    return max(step >> 2, 1), max(step, 2)


@compiled
def place_of(sizes: Array, cy: int, cx: int, i: int, j: int) -> int:
    """Borders of the block at sample (i, j) of a 4×4 block: 3 · (0, 1 top, 2 bottom) + (0, 1 left, 2 right)."""
    last = (1 << sizes[cy, cx]) - 1
    row = 0
    if i == 0 and cy & last == 0:
        row = 1
    elif i == 3 and cy & last == last:
        row = 2
    column = 0
    if j == 0 and cx & last == 0:
        column = 1
    elif j == 3 and cx & last == last:
        column = 2
    return 3 * row + column


@compiled(allocates=True)
def smooth(padded: Array, sizes: Array, steps: Array, weights: Array, out: Array) -> None:
    """Filter a plane.

    Args:
        padded: (rows + 6, width + 6) int16 samples with a margin of three.
        sizes: (rows / 4, width / 4) int8 size index of the block of each 4×4 block.
        steps: (rows / 32, width / 32) int64 steps of the plane by superblock, both sides rounded up.
        weights: (CLASSES, PLACES, FEATURES) int16, units of 2⁻¹².
        out: (rows, width) int16, filled.
    """
    smooth_rows(padded, 0, sizes, steps, by_lane(weights), out)


@compiled(allocates=True)
def smooth_rows(padded: Array, first: int, sizes: Array, steps: Array, lane_weights: Array, out: Array) -> None:
    """Filter rows of a plane.

    Args:
        padded: (rows + 6, width + 6) int16 samples of these rows with a margin of three.
        first: number of the first row of 4×4 blocks in the plane.
        sizes: of the plane, as for `smooth`.
        steps: of the plane, as for `smooth`.
        lane_weights: as from `by_lane`.
        out: (rows, width) int16, filled.
    """
    columns = sizes.shape[1]
    sums = np.empty((4, 4 * columns + 2), np.int32)
    labels = np.empty(columns, np.int64)
    # A row of 4×4 blocks with its margin, transposed: the neighbours of a sample lie in _LANES consecutive elements.
    transposed = np.empty((padded.shape[1], _HEIGHT), np.int16)
    samples = transposed.reshape(-1)
    for row in range(out.shape[0] >> 2):
        cy = first + row
        block_4x4_classes(padded, 4 * row, steps[cy >> 3], sums, labels)
        for i in range(_HEIGHT):
            line = padded[4 * row + i]
            for x in range(len(line)):
                transposed[x, i] = line[x]
        for cx in range(columns):
            small, large = thresholds(steps[cy >> 3, cx >> 3])
            for j in range(4):
                for i in range(4):
                    x = 4 * cx + j
                    nearby = samples[_HEIGHT * x + REACH + i :]
                    filter_weights = lane_weights[labels[cx], place_of(sizes, cy, cx, i, j)]
                    value = nearby[_HERE] + _correction(nearby, filter_weights, np.int32(small), np.int32(large))
                    out[4 * row + i, x] = min(max(value, 0), LARGEST)


@inner
def _correction(nearby: Array, weights: Array, small: np.int32, large: np.int32) -> np.int32:
    """Correction of a sample by the filter; all numbers have 32 bits, so that the compiler can vectorise the loop.

    Args:
        nearby: (≥ _LANES,) int16 samples; the sample to filter is at _HERE.
        weights: (2, _LANES) int32 weights of both features of each difference.
        small: threshold.
        large: threshold.
    """
    here = np.int32(nearby[_HERE])
    total = np.int32(1 << (WEIGHT_BITS - 1))
    for k in range(_LANES):
        difference = np.int32(np.int32(nearby[k]) - here)
        near = np.int32(min(max(difference, np.int32(-small)), small))
        far = np.int32(np.int32(min(max(difference, np.int32(-large)), large)) - near)
        total = np.int32(total + np.int32(near * weights[0, k]) + np.int32(far * weights[1, k]))
    return np.int32(total >> WEIGHT_BITS)


@compiled(allocates=True)
def by_lane(weights: Array) -> Array:
    """(CLASSES, PLACES, 2, _LANES) int32 weights in the order of `transposed` samples, zero outside the diamond."""
    out = np.zeros((CLASSES, PLACES, 2, _LANES), np.int32)
    n = len(TAPS)
    for k in range(n):
        lane = _HERE + _HEIGHT * TAPS[k, 1] + TAPS[k, 0]
        for label in range(CLASSES):
            for place in range(PLACES):
                out[label, place, 0, lane] = weights[label, place, k]
                out[label, place, 1, lane] = weights[label, place, n + k]
    return out


@compiled(allocates=True)
def add_moments(padded: Array, sizes: Array, step: int, source: Array, moments: Array, counts: Array) -> None:
    """Add the second moments of features ⊕ error of every sample to those of its class, in units of the step.

    Args:
        source: (rows, width) int16.
        moments: (CLASSES, PLACES, FEATURES + 1, FEATURES + 1) float64, modified.
        counts: (CLASSES, PLACES) float64, modified.
    """
    small, large = thresholds(step)
    values = np.zeros(FEATURES, np.int32)
    vector = np.zeros(FEATURES + 1, np.float64)
    rows, columns = sizes.shape
    sums = np.empty((4, 4 * columns + 2), np.int32)
    labels = np.empty(columns, np.int64)
    steps = np.full((columns + 7) >> 3, step, np.int64)
    for cy in range(rows):
        block_4x4_classes(padded, 4 * cy, steps, sums, labels)
        for cx in range(columns):
            label = labels[cx]
            for i in range(4):
                for j in range(4):
                    y, x = 4 * cy + i, 4 * cx + j
                    features(padded, y + REACH, x + REACH, small, large, values)
                    for k in range(FEATURES):
                        vector[k] = values[k] / step
                    vector[FEATURES] = (np.int64(source[y, x]) - padded[y + REACH, x + REACH]) / step
                    place = place_of(sizes, cy, cx, i, j)
                    counts[label, place] += 1
                    target = moments[label, place]
                    for a in range(FEATURES + 1):
                        if vector[a] != 0:
                            for b in range(a + 1):
                                target[a, b] += vector[a] * vector[b]


def smoothed(plane: Array, sizes: Array, steps: int | Array, weights: Array, *, above: int = 0) -> Array:
    """The filtered plane; its outer samples are repeated beyond its border.

    Args:
        plane: (above + rows, width) int16.
        sizes: (rows / 4, width / 4) int8 as for `smooth`.
        steps: step of the plane, or steps as for `smooth`.
        weights: weights of the plane, as for `smooth`.
        above: rows at the top of `plane`, up to 3, that are input only.
    """
    out = np.empty((len(plane) - above, plane.shape[1]), np.int16)
    margin = np.pad(plane, ((REACH - above, REACH), (REACH, REACH)), mode="edge")
    shape = [-(-side // 8) for side in sizes.shape]
    smooth(margin, sizes, np.array(np.broadcast_to(steps, shape), np.int64), weights, out)
    return out


def with_margin(plane: Array) -> Array:
    """The plane with its outer samples repeated three times on every side."""
    return np.pad(plane, REACH, mode="edge")
