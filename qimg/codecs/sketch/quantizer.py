"""Quantization of a fitted sketch: number after number, each error compensated by all numbers that are still free.

The error of a rounded number is spread over the free parameters by their Gauss-Newton matrix (the successive rounding
of Babai's nearest plane): within an ellipse in closed form, over later ellipses by steps of the fit. Sweeps over the
numbers then minimise error + slope · bits.
"""

import numpy as np

from qimg.codecs.sketch import fit as fitting
from qimg.codecs.sketch import geometry
from qimg.codecs.sketch.fit import Cuts, Fit
from qimg.codecs.sketch.geometry import (
    AMPLITUDE,
    HEIGHT,
    LARGEST_AMPLITUDE,
    LEVEL_FRACTION,
    LOG_UNIT,
    MEAN_LOG,
    RATIO_FRACTION,
    RIM,
    RIMS,
    ROW,
    SHEAR,
    SLOPE_U,
    UNIT,
    WIDTH,
)
from qimg.codecs.sketch.jacobian import LEVEL, add, parameters
from qimg.codecs.sketch.numbers import Frame, magnitude_before
from qimg.core import Array

_CODED = (5, LEVEL, 2, 3, 4, 0, 1)
"""Parameters in the order of coding; slopes and other planes follow."""
SLOPE = 0.12
"""Squared error that a bit is worth, in squared steps."""


def quantize_base(fit: Fit, frame: Frame) -> Array:
    """Numbers (planes, coefficients) of the base, to which the fit's base is set."""
    numbers = np.rint(fit.base * (1 << LEVEL_FRACTION) / geometry.coefficient(1, frame.step)).astype(np.int64)
    fit.base = np.array([[geometry.coefficient(int(one), frame.step) for one in row] for row in numbers], float)
    fit.base /= 1 << LEVEL_FRACTION
    return numbers


def quantize_ellipse(fit: Fit, index: int, frame: Frame, cuts: Cuts) -> Array:
    """Numbers of an ellipse, to which the fit's is set; those before it are fixed, those after it follow its error."""
    hessian, gradient = fitting.normal_equations(fit, cuts, first=index, with_base=False)
    each, before = fit.ellipses.shape[1], fit.ellipses[index].copy()
    own = _schur_complement(hessian + np.diag(1e-3 * np.diag(hessian) + 1e-6), each)
    numbers = _rounded(before.copy(), own, frame)
    fit.ellipses[index] = _values(numbers, frame)
    if len(hessian) > each:
        rest = gradient[each:] - hessian[each:, :each] @ (fit.ellipses[index] - before)
        fit.damping = fitting.DAMPING
        fitting.step(fit, hessian[each:, each:], rest, cuts, first=index + 1, with_base=False)
    return numbers


def _values(numbers: Array, frame: Frame) -> Array:
    """Parameters of the numbers of an ellipse."""
    return parameters(geometry.ellipse(numbers, frame.step, frame.extent))


def _positions(numbers: Array, axis: int, frame: Frame) -> tuple[int, int]:
    """Step of rows or columns, and how many there are, by the numbers of an ellipse up to the shear."""
    fine = geometry.shape([int(number) for number in numbers])[3][axis]
    return fine, geometry.places(frame.extent[axis], fine)


def _schur_complement(matrix: Array, count: int) -> Array:
    """The matrix of the first parameters when the others follow them."""
    if len(matrix) == count:
        return matrix
    rest = np.linalg.solve(matrix[count:, count:], matrix[count:, :count])
    return matrix[:count, :count] - matrix[:count, count:] @ rest


def _rounded(values: Array, matrix: Array, frame: Frame) -> Array:
    """Round the parameters of an ellipse in the order of coding; each error is compensated by those that follow."""
    # Amplitudes are coded times √(height · width), so that the logarithms of these carry them along.
    change = np.eye(len(values))
    root = np.exp((values[2] + values[3]) / 2)
    change[LEVEL:, LEVEL:] /= root
    change[LEVEL:, 2:4] = -values[LEVEL:, None] / 2
    matrix = change.T @ matrix @ change
    values[LEVEL:] *= root
    order = [*_CODED, *range(LEVEL + 1, len(values))]
    numbers = np.zeros(len(values), np.int64)
    for place, parameter in enumerate(order):
        numbers[place], value = _nearest(place, values[parameter], numbers, frame)
        later = order[place + 1 :]
        if later:
            error = value - values[parameter]
            # An error of more than the linear range would move the others too far.
            moved = np.linalg.solve(matrix[np.ix_(later, later)], matrix[later, parameter]) * error
            moved = np.where(np.isin(later, (2, 3, 4)), np.clip(moved, -0.5, 0.5), moved)
            values[later] -= moved
        values[parameter] = value
    return numbers


def _nearest(place: int, value: float, numbers: Array, frame: Frame) -> tuple[int, float]:
    """The number nearest to a value, given those before it, and the value of that number."""
    rim, amplitude = int(numbers[RIM]), int(numbers[AMPLITUDE])
    if place == RIM:
        number = round(float(np.clip(1 - 2 * value / np.log(2), 0, RIMS - 1)))
        return number, np.log(2) * (1 - number) / 2
    if place == AMPLITUDE or place >= SLOPE_U:
        slope = place in (SLOPE_U, SLOPE_U + 1)
        step = geometry.level(1 << 12, frame.step, 0, 0, slope=slope) / (1 << (12 + LEVEL_FRACTION))
        number = round(float(np.clip(value / step, -LARGEST_AMPLITUDE + 1, LARGEST_AMPLITUDE - 1)))
        if place == AMPLITUDE and number == 0:
            number = 1 if value > 0 else -1
        return number, number * step
    if place in (HEIGHT, WIDTH):
        fine = geometry.size_step(amplitude, rim)
        number = round((value / np.log(2) * LOG_UNIT - MEAN_LOG) / fine)
        return number, np.log(2) * geometry.log_size(number, fine) / LOG_UNIT
    if place == SHEAR:
        fine = geometry.shear_step(amplitude, rim)
        number = round(value * (1 << RATIO_FRACTION) / fine)
        return number, geometry.shear_of(number, fine) / (1 << RATIO_FRACTION)
    axis = place - ROW
    fine, count = _positions(numbers, axis, frame)
    number = min(max(int(value * UNIT // fine), 0), count - 1)
    return number, min(number * fine + fine // 2, frame.extent[axis] - 1) / UNIT


def sweep(fit: Fit, numbers: list[Array], frame: Frame, slope: float, *, first: int = 0) -> None:
    """Change numbers by one where error + slope · bits falls, ellipse by ellipse from `first`."""
    residual = fit.target - fitting.picture(fit)
    for index in range(first, len(numbers)):
        _improve_numbers(fit, residual, numbers, index, frame, slope)


def _improve_numbers(fit: Fit, residual: Array, numbers: list[Array], index: int, frame: Frame, slope: float) -> None:
    """As `sweep`, for one ellipse; the residual is updated."""
    add(fit.grid, fit.ellipses[index], residual)
    best, one, before = numbers[index], fit.ellipses[index], magnitude_before(numbers, index)
    cost = _cost(fit, residual, one) + slope * frame.ellipse_bits(best, index, before)
    for place in (*range(SLOPE_U, len(best)), ROW, ROW + 1, SHEAR, WIDTH, HEIGHT, AMPLITUDE, RIM):
        for change in (-1, 1):
            tried = _changed(best, place, change, one, frame)
            if tried is None:
                continue
            candidate = _values(tried, frame)
            its = _cost(fit, residual, candidate) + slope * frame.ellipse_bits(tried, index, before)
            if its < cost:
                best, one, cost = tried, candidate, its
    numbers[index], fit.ellipses[index] = best, one
    add(fit.grid, one, residual, sign=-1.0)


def _cost(fit: Fit, residual: Array, one: Array) -> float:
    rest = residual.copy()
    add(fit.grid, one, rest, sign=-1.0)
    return float(np.square(rest).sum())


def _changed(numbers: Array, place: int, change: int, values: Array, frame: Frame) -> Array | None:
    """The numbers with one of them changed and those whose step depends on it rounded again; None if out of range."""
    tried = numbers.copy()
    tried[place] += change
    if place == RIM and not 0 <= tried[RIM] < RIMS:
        return None
    if place == AMPLITUDE and (tried[place] == 0 or abs(tried[place]) >= LARGEST_AMPLITUDE):
        return None
    if place >= SLOPE_U:
        return tried
    scaled = values.copy()
    scaled[LEVEL:] *= np.exp((values[2] + values[3]) / 2)
    order = [*_CODED, *range(LEVEL + 1, len(values))]
    for later in range(max(place + 1, HEIGHT), SLOPE_U):
        tried[later], _ = _nearest(later, scaled[order[later]], tried, frame)
    if place in (ROW, ROW + 1):
        _, count = _positions(tried, place - ROW, frame)
        if not 0 <= tried[place] < count:
            return None
    return tried
