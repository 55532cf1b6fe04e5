"""Polynomials of definite parity, bounded by 1, that approximate functions of singular values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike
from scipy.fft import dct
from scipy.optimize import linprog

from qimg.core import Array, integer, one_of, real, require, require_shape
from qimg.core.records import short_repr

Parity = Literal["even", "odd"]
Function = Callable[[Array], Array]

LARGEST_DEGREE = 4000
"""Largest degree; the phase angles of it take minutes and a few hundred megabytes."""

LARGEST_MODULUS = 1 - 1e-3
"""Largest modulus of a polynomial on [0, 1]; others are scaled down to it."""

_MINIMAX_DEGREE = 200  # above it, the linear program takes longer than all other steps


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Polynomial:
    """P(s) = factor · f(s) up to an error, on singular values s in [0, 1], with |P| < 1 there."""

    coefficients: Array
    """(degree + 1,) coefficients of Chebyshev polynomials; those of the other parity are 0."""
    factor: float
    """P approximates factor · f; below 1 where f or its approximation is too large."""
    error: float
    """max |P/factor − f| over the points of the fit."""

    @property
    def degree(self) -> int:
        """Degree, which is the number of calls of the block encoding."""
        return len(self.coefficients) - 1

    @property
    def parity(self) -> Parity:
        """Parity of the degree."""
        return "odd" if self.degree % 2 else "even"

    def __call__(self, x: ArrayLike) -> Array:
        """P(x), elementwise."""
        return np.asarray(chebyshev.chebval(real("x", x), self.coefficients))


def approximate(
    function: Function,
    *,
    parity: Parity,
    degree: int | None = None,
    error: float | None = None,
    interval: tuple[float, float] = (0.0, 1.0),
    points: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Polynomial:
    """The polynomial of a parity that is close to a function on an interval and bounded by 1 on [0, 1].

    Up to degree 200 it is the minimax polynomial on the points under the bound, from a linear program (Dong, Meng,
    Whaley and Lin, 2021). Above it is the Chebyshev series of the function continued by its parity, which takes the
    whole interval [0, 1] without weights.

    Args:
        function: real function of an array of singular values in [0, 1].
        parity: "even" or "odd".
        degree: degree of this parity, 1 to `LARGEST_DEGREE`.
        error: instead of a degree, the largest error; the least even or odd degree within 5 % that reaches it is taken.
        interval: part (a, b) of [0, 1] where the function is approximated, sampled at Chebyshev nodes.
        points: (n,) singular values instead of an interval, such as the spectrum of the operator.
        weights: (n,) weights of the error at the points.

    Raises:
        ValueError: a degree of the other parity, or an error that no degree reaches; the message states the error that
            is reached.
    """
    one_of("parity", parity, ("even", "odd"))
    require((degree is None) != (error is None), "degree and error", "must be given one at a time", (degree, error))
    if degree is not None:
        odd = parity == "odd"
        require(integer("degree", degree, 1, LARGEST_DEGREE) % 2 == odd, "degree", f"must be {parity}", degree)
        return _of_degree(function, degree, interval, points, weights)
    require(bool(error is not None and error > 0), "error", "must be positive", error)
    return _within(function, parity, float(error or 0.0), interval, points, weights)


def _within(
    function: Function,
    parity: Parity,
    error: float,
    interval: tuple[float, float],
    points: ArrayLike | None,
    weights: ArrayLike | None,
) -> Polynomial:
    """Doubling, then bisection of the degree."""
    too_low, high = 0, 1 if parity == "odd" else 2
    best = _of_degree(function, high, interval, points, weights)
    while best.error > error:
        too_low = high
        high = min(2 * high + (parity == "odd"), LARGEST_DEGREE - (parity == "odd"))
        require(high > too_low, "error", f"must be at least {best.error:.3g}, that of degree {too_low}", error)
        best = _of_degree(function, high, interval, points, weights)
    while high - too_low > max(2, high // 20):
        middle = too_low + (high - too_low) // 4 * 2
        candidate = _of_degree(function, middle, interval, points, weights)
        if candidate.error > error:
            too_low = middle
        else:
            high, best = middle, candidate
    return best


def _of_degree(
    function: Function,
    degree: int,
    interval: tuple[float, float],
    points: ArrayLike | None,
    weights: ArrayLike | None,
) -> Polynomial:
    where = _points(interval, degree) if points is None else real("points", points)
    inside = where.ndim == 1 and where.size > 0 and where.min() >= 0 and where.max() <= 1 + 1e-12
    require(bool(inside), "points", "must be one or more singular values in [0, 1]", where)
    values = real("function(points)", function(where))
    require_shape(values.shape == where.shape, "function(points)", str(where.shape), values)
    scales = np.ones_like(where) if weights is None else real("weights", weights)
    require_shape(scales.shape == where.shape, "weights", str(where.shape), scales)
    if degree <= _MINIMAX_DEGREE:
        coefficients, factor = _minimax(where, values, scales, degree)
    else:
        coefficients, factor = _series(function, degree), 1.0
    largest = _largest(coefficients)
    if largest > LARGEST_MODULUS:
        coefficients, factor = coefficients * (LARGEST_MODULUS / largest), factor * LARGEST_MODULUS / largest
    miss = np.abs(chebyshev.chebval(where, coefficients) / factor - values)
    return Polynomial(coefficients=coefficients, factor=factor, error=float(miss.max()))


def _points(interval: tuple[float, float], degree: int) -> Array:
    low, high = (float(one) for one in interval)
    require(0 <= low < high <= 1, "interval", "must be 0 <= a < b <= 1", interval)
    count = 8 * degree + 32
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * np.arange(count + 1) / count)


def _columns(x: Array, degree: int) -> Array:
    """Chebyshev polynomials of the degree's parity at the points."""
    return np.cos(np.outer(np.arccos(np.clip(x, -1, 1)), np.arange(degree % 2, degree + 1, 2)))


def _minimax(x: Array, values: Array, weights: Array, degree: int) -> tuple[Array, float]:
    """Least maximum of weight · |P − factor · f| with |P| bounded, as a linear program."""
    # A function above 1 is scaled down first, since no bounded polynomial is close to it.
    factor = min(1.0, LARGEST_MODULUS / max(float(np.abs(values).max()), 1e-300))
    matrix = _columns(x, degree) * weights[:, None]
    target = factor * values * weights
    grid = _columns(np.cos(np.pi * np.arange(4 * degree + 17) / (8 * degree + 32)), degree)
    free = matrix.shape[1]
    unit = float(weights.max())
    rows = np.block(
        [
            [matrix / unit, -np.ones((len(x), 1))],
            [-matrix / unit, -np.ones((len(x), 1))],
            [grid, np.zeros((len(grid), 1))],
            [-grid, np.zeros((len(grid), 1))],
        ]
    )
    limits = np.concatenate([target / unit, -target / unit, np.full(2 * len(grid), LARGEST_MODULUS)])
    solution = linprog(
        np.eye(free + 1)[-1], A_ub=rows, b_ub=limits, bounds=[(None, None)] * free + [(0, None)], method="highs"
    )
    if solution.x is None:
        raise RuntimeError(f"the linear program of degree {degree} has no solution: {solution.message}")
    coefficients = np.zeros(degree + 1)
    coefficients[degree % 2 :: 2] = solution.x[:-1]
    return coefficients, factor


def _series(function: Function, degree: int) -> Array:
    """Chebyshev coefficients of the function, continued to [−1, 1] by the parity of the degree."""
    count = 4 * (degree + 2)
    x = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    values = real("function(points)", function(np.abs(x)))
    coefficients = dct(values * (np.sign(x) if degree % 2 else 1.0), type=2)[: degree + 1] / count
    coefficients[0] /= 2
    coefficients[1 - degree % 2 :: 2] = 0.0
    return np.asarray(coefficients)


def _largest(coefficients: Array) -> float:
    """Max |P| on [0, 1], on a grid whose maximum is at most a factor of 1.0004 less (Ehlich and Zeller, 1964)."""
    count = 64 * len(coefficients)
    padded = np.zeros(count + 1)
    padded[: len(coefficients)] = coefficients
    padded[1:-1] /= 2
    return float(np.abs(dct(padded, type=1)).max())
