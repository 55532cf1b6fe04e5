"""Predictions of a sample from earlier ones: by two local least-squares operators and by fixed rules, and their blend.

Predictions and errors are in units of 1/32 code value.
"""

from typing import NamedTuple

import numpy as np

from qimg.codecs.lossless.least_squares import Moments, age, new_moments, observe, solve
from qimg.core import Array
from qimg.core.compiled import compiled, inner

MARGIN = 8
"""Columns on each side of the window."""
ROWS = 4
"""Rows of the window; the last one is coded."""
CURRENT = ROWS - 1
UNIT = 5
"""Binary digits after the point of predictions."""
SIMPLE = 3
"""Predictions by fixed rules."""
PREDICTIONS = 2 + SIMPLE
"""Predictions that are blended: two by least squares, and the simple ones."""
CLASSES = 16
"""Classes of expected errors."""
SCALES = CLASSES + 2
"""Rows of the table of scales: classes of errors, raised by the error of the plane before."""
_OWN = ((0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (0, -3), (-3, 0))
_BEFORE = ((0, 0), (0, -1), (0, 1), (-1, 0), (-1, -1), (-1, 1))
_SECOND = ((0, 0), (0, -1), (0, 1), (-1, 0))
_SUPPORTS = ((12, 6, 4), (6, 3, 1))  # of own plane, the plane before and the one before that, for both operators
_DECAYS, _REACHES = ((28, 32), (24, 32)), (3, 3)
_LARGEST = 22  # neighbours of a sample
_THRESHOLDS = (1, 3, 7, 15, 27, 48, 82, 139, 234, 393, 656, 1099, 1830, 3057, 5100)
_SMALLEST_TILE, _MOST_TILES = 4, 4096  # columns of a tile, unless more tiles than these would be needed
_BLEND = 2048  # entries of the table of weights
_BIASES = 1000
_SMALLEST_SCALE = 245
_ERROR_SHARES = 15


class Predictors(NamedTuple):
    """State of the predictions."""

    window: Array
    """(planes, 4, W + 16) int64 samples of the current row and of three rows above."""
    taps: Array
    """(2, planes, n, 3) int64 plane, row and column of each neighbour, relative to the sample."""
    sizes: Array
    """(2, planes) int64 neighbours."""
    long: Moments
    """Of the operator with many neighbours."""
    short: Moments
    """Of the one with few neighbours."""
    neighbours: Array
    """(2, n) float64 workspace: twice the neighbours, less those to the left of them and above."""
    errors: Array
    """(planes, predictions, 2, W + 16) int64 absolute errors in the row above and in the current one."""
    residuals: Array
    """(planes, 2, W + 16) int64 errors of the blend, likewise."""
    values: Array
    """(predictions + 1,) int64 workspace: predictions; the last is the corrected blend."""
    classes: Array
    """(predictions + 1,) int64 workspace: row of `scales` of each prediction."""
    scales: Array
    """(planes, predictions + 1, SCALES) int64 mean absolute error in units of 2⁻¹¹."""
    scale_counts: Array
    """Of the same shape: observations, up to 400."""
    biases: Array
    """(planes, 1000, 2) int64 sum of errors of the blend in a context, and their number."""
    blend: Array
    """(2048,) int64 weights by local errors."""
    levels: Array
    """(8192,) int64 class by expected error."""
    shift: int
    """Bits of a sample beyond eight."""
    most: int
    """Largest sample."""
    tile: int
    """Columns of a tile."""


def new_predictors(*, planes: int, width: int, bits: int) -> Predictors:
    """Predictors at the first row.

    Args:
        planes: 1 to 4.
        width: columns.
        bits: of a sample, 8 to 16.
    """
    columns, tile = width + 2 * MARGIN, _SMALLEST_TILE
    while tile * _MOST_TILES < width:
        tile *= 2
    taps, sizes = np.zeros((2, planes, _LARGEST, 3), np.int64), np.zeros((2, planes), np.int64)
    for operator, counts in enumerate(_SUPPORTS):
        for plane in range(planes):
            lists = zip((_OWN, _BEFORE, _SECOND)[: plane + 1], counts, strict=False)
            chosen = [(-back, *place) for back, (places, count) in enumerate(lists) for place in places[:count]]
            taps[operator, plane, : len(chosen)] = chosen
            sizes[operator, plane] = len(chosen)
    moments = [
        new_moments(planes=planes, tiles=-(-width // tile), size=int(sizes[one].max()), decay=decay, reach=reach)
        for one, (decay, reach) in enumerate(zip(_DECAYS, _REACHES, strict=True))
    ]
    squares = 10 * np.arange(_BLEND, dtype=np.int64) ** 2 + 48
    first = np.array([614 * 27**k // 20**k for k in range(SCALES)], np.int64)
    return Predictors(
        window=np.zeros((planes, ROWS, columns), np.int64),
        taps=taps,
        sizes=sizes,
        long=moments[0],
        short=moments[1],
        neighbours=np.zeros((2, _LARGEST)),
        errors=np.zeros((planes, PREDICTIONS, 2, columns), np.int64),
        residuals=np.zeros((planes, 2, columns), np.int64),
        values=np.zeros(PREDICTIONS + 1, np.int64),
        classes=np.zeros(PREDICTIONS + 1, np.int64),
        scales=np.tile(first << bits - 8, (planes, PREDICTIONS + 1, 1)),
        scale_counts=np.zeros((planes, PREDICTIONS + 1, SCALES), np.int64),
        biases=np.zeros((planes, _BIASES, 2), np.int64),
        blend=np.maximum((160 << 24) // squares, 1),
        levels=np.searchsorted(np.array(_THRESHOLDS), np.arange(8192), side="right").astype(np.int64),
        shift=bits - 8,
        most=(1 << bits) - 1,
        tile=tile,
    )


@inner
def signed_class(error: int) -> int:
    """One of nine classes of a signed difference, 0 to 8."""
    size = abs(error)
    level = (size >= 16) + (size >= 48) + (size >= 128) + (size >= 320)
    return int(level if error >= 0 else (9 - level) % 9)


@compiled
def begin_row(state: Predictors, plane: int) -> None:
    """Prepare a plane for its next row: the errors of the current row become those of the row above."""
    for prediction in range(PREDICTIONS):
        _next_row(state.errors[plane, prediction])
    _next_row(state.residuals[plane])
    age(state.long, plane, state.sizes[0, plane])
    age(state.short, plane, state.sizes[1, plane])


@inner
def _next_row(errors: Array) -> None:
    """Make the current row the one above, and set the margins: (2, W + 16)."""
    end = errors.shape[1] - MARGIN
    for column in range(MARGIN, end):
        errors[0, column] = errors[1, column]
    for column in range(MARGIN):
        errors[0, end + column] = errors[0, end - 1]
        errors[0, column] = errors[0, MARGIN]
        errors[1, column] = errors[0, MARGIN]


@inner
def begin_tile(state: Predictors, plane: int, tile: int) -> None:
    """Solve the equations of a tile."""
    solve(state.long, plane, tile, state.sizes[0, plane])
    solve(state.short, plane, tile, state.sizes[1, plane])


@inner
def _by_operator(state: Predictors, plane: int, column: int, operator: int, coefficients: Array) -> int:
    """The prediction of a local operator; its neighbours are stored."""
    window, taps = state.window, state.taps
    total = np.int64(0)
    for i in range(state.sizes[operator, plane]):
        other = plane + taps[operator, plane, i, 0]
        base = window[other, CURRENT, column - 1] + window[other, CURRENT - 1, column]
        row, place = CURRENT + taps[operator, plane, i, 1], column + taps[operator, plane, i, 2]
        value = 2 * window[other, row, place] - base
        state.neighbours[operator, i] = value >> state.shift
        total += value * coefficients[i]
    base = window[plane, CURRENT, column - 1] + window[plane, CURRENT - 1, column]
    return int((base << UNIT - 1) + (total >> 20 + 1 - UNIT))


@inner
def _median(left: int, above: int, corner: int) -> int:
    return max(min(left, above), min(max(left, above), left + above - corner))


@inner
def _simple(state: Predictors, plane: int, column: int) -> None:
    """The predictions by fixed rules, times 32."""
    own = state.window[plane]
    left, above = own[CURRENT, column - 1], own[CURRENT - 1, column]
    corner, right = own[CURRENT - 1, column - 1], own[CURRENT - 1, column + 1]
    values = state.values
    values[2] = _median(left, above, corner) << UNIT
    if plane == 0:
        values[3] = (3 * (left + above) - 2 * corner) << UNIT - 2
        values[4] = (4 * left + 2 * (right - above) + above - corner) << UNIT - 2
    else:
        other = state.window[plane - 1]
        here = other[CURRENT, column]
        difference = _median(
            left - other[CURRENT, column - 1],
            above - other[CURRENT - 1, column],
            corner - other[CURRENT - 1, column - 1],
        )
        values[3] = (difference + here) << UNIT
        values[4] = (left + above + 2 * here - other[CURRENT, column - 1] - other[CURRENT - 1, column]) << UNIT - 1


@inner
def predict(state: Predictors, plane: int, column: int) -> tuple[int, int, int]:
    """Predict a sample.

    Args:
        state: `values` and `classes` are set.
        plane: of the sample.
        column: of the sample in the window.

    Returns:
        Expected absolute error of the blend, class of that error, and context of the bias.
    """
    values = state.values
    values[0] = _by_operator(state, plane, column, 0, state.long.coefficients)
    values[1] = _by_operator(state, plane, column, 1, state.short.coefficients)
    _simple(state, plane, column)
    total, weights = np.int64(0), np.int64(0)
    for prediction in range(PREDICTIONS):
        values[prediction] = min(max(values[prediction], 0), state.most << UNIT)
        local = _local(state.errors[plane, prediction], column) >> state.shift
        weight = state.blend[min(local >> 4, _BLEND - 1)]
        total += weight * values[prediction]
        weights += weight
        state.classes[prediction] = state.levels[min(local // _ERROR_SHARES, 8191)]
    mean = total // weights
    residuals = state.residuals
    expected = _local_size(residuals[plane], column) // _ERROR_SHARES
    before, before_size = 0, 0
    if plane > 0:
        before = residuals[plane - 1, 1, column]
        before_size = abs(before)
        if plane > 1:
            before_size = (before_size + abs(residuals[plane - 2, 1, column])) >> 1
        beside = abs(residuals[plane - 1, 1, column - 1]) + abs(residuals[plane - 1, 1, column + 1])
        expected = (9 * expected + 6 * ((6 * before_size + beside) >> 3)) // 15
    expected >>= state.shift
    raised = (before_size >> state.shift >= 64) + (before_size >> state.shift >= 256) if plane > 0 else 0
    own = state.window[plane]
    left, above = own[CURRENT, column - 1] << UNIT, own[CURRENT - 1, column] << UNIT
    context = 81 * signed_class((left - mean) >> state.shift) + 9 * signed_class((above - mean) >> state.shift)
    context += signed_class(before >> state.shift)
    count = state.biases[plane, context, 1]
    if count > 0:
        mean += 7 * state.biases[plane, context, 0] // (10 * (count + 4))
    values[PREDICTIONS] = min(max(mean, 0), state.most << UNIT)
    state.classes[PREDICTIONS] = state.levels[min(3 * expected // 2, 8191)]
    for prediction in range(PREDICTIONS + 1):
        state.classes[prediction] += raised
    return int(expected), int(state.levels[min(expected, 8191)]), int(context)


@inner
def _local(errors: Array, column: int) -> int:
    """Fifteen times the mean of errors near a sample: (2, W + 16) absolute errors."""
    now, above = errors[1], errors[0]
    total = 4 * (now[column - 1] + above[column]) + 2 * (above[column - 1] + above[column + 1] + now[column - 2])
    return int(total + above[column + 2])


@inner
def _local_size(errors: Array, column: int) -> int:
    """As `_local`, of signed errors."""
    now, above = errors[1], errors[0]
    total = 4 * (abs(now[column - 1]) + abs(above[column])) + abs(above[column + 2])
    return int(total + 2 * (abs(above[column - 1]) + abs(above[column + 1]) + abs(now[column - 2])))


@inner
def learn(state: Predictors, plane: int, column: int, sample: int, expected: int, context: int) -> None:
    """Adapt all statistics to a sample.

    Args:
        state: modified.
        plane: of the sample.
        column: of the sample in the window, which holds it.
        sample: its value.
        expected: from `predict`, as is `context`.
        context: of the bias.
    """
    values, exact = state.values, sample << UNIT
    for prediction in range(PREDICTIONS + 1):
        error = abs(exact - values[prediction])
        if prediction < PREDICTIONS:
            state.errors[plane, prediction, 1, column] = error
        row = state.classes[prediction]
        count = min(state.scale_counts[plane, prediction, row] + 1, 400)
        state.scale_counts[plane, prediction, row] = count
        scale = state.scales[plane, prediction, row]
        scale += ((error << 6) - scale) // (count + 8)
        state.scales[plane, prediction, row] = max(scale, _SMALLEST_SCALE)
    difference = exact - values[PREDICTIONS]
    state.residuals[plane, 1, column] = difference
    bias = state.biases[plane, context]
    bias[0] += difference
    bias[1] += 1
    if bias[1] > 64:
        bias[0] >>= 1
        bias[1] >>= 1
    weight = min(max((1 << 22) // (8192 + expected * expected), 1), 1 << 10)
    base = state.window[plane, CURRENT, column - 1] + state.window[plane, CURRENT - 1, column]
    target = (2 * sample - base) >> state.shift
    tile = (column - MARGIN) // state.tile
    observe(state.long, plane, tile, state.sizes[0, plane], state.neighbours[0], target, weight)
    observe(state.short, plane, tile, state.sizes[1, plane], state.neighbours[1], target, weight)
