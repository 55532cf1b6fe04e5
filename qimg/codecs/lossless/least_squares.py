"""Local least squares: weighted second moments of the neighbourhood of each tile of a row, and their normal equations.

The moments are integers, held in `float64` below 2⁵³, so that every sum is exact in any order. The equations are solved
by an LDLᵀ decomposition in fixed point. Both are the same on every machine.
"""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner

FRACTION = 20
"""Binary digits after the point of coefficients."""
_LOWER = 24  # of the entries of L
_RECIPROCAL = 52
_DIAGONAL = 30  # bits of the scaled diagonal
_RIDGE = 10  # the diagonal grows by 2^-10 of itself
_SHARES = (12, 6, 4, 3)  # of the moments of tiles at distances 0, 1, 2, 3
_MOST = 1 << 27  # of a coefficient
_MOST_RIGHT = 1 << 33


class Moments(NamedTuple):
    """Second moments of neighbourhoods, and workspace for the equations."""

    second: Array
    """(planes, tiles, n, n) float64: integers, the lower triangle."""
    cross: Array
    """(planes, tiles, n) float64: integers."""
    decay: Array
    """(2,) float64: after each row moments are multiplied by the first number, divided by the second, rounded down."""
    reach: int
    """Tiles on each side that count."""
    sum_second: Array
    """(n, n) float64 workspace."""
    sum_cross: Array
    """(n,) float64 workspace."""
    scaled: Array
    """(n, n) int64 workspace: the scaled matrix, then L · D."""
    lower: Array
    """(n, n) int64 workspace: L."""
    shifts: Array
    """(n,) int64 workspace."""
    solution: Array
    """(n,) int64 workspace."""
    coefficients: Array
    """(n,) int64 the solution of the last equations, in units of 2⁻²⁰."""


def new_moments(*, planes: int, tiles: int, size: int, decay: tuple[int, int], reach: int) -> Moments:
    """Moments without observations.

    Args:
        planes: planes of the picture.
        tiles: of a row.
        size: most neighbours of a pixel.
        decay: numerator and denominator, a power of two.
        reach: tiles on each side that count, up to 3.
    """
    return Moments(
        second=np.zeros((planes, tiles, size, size)),
        cross=np.zeros((planes, tiles, size)),
        decay=np.array(decay, np.float64),
        reach=reach,
        sum_second=np.zeros((size, size)),
        sum_cross=np.zeros(size),
        scaled=np.zeros((size, size), np.int64),
        lower=np.zeros((size, size), np.int64),
        shifts=np.zeros(size, np.int64),
        solution=np.zeros(size, np.int64),
        coefficients=np.zeros(size, np.int64),
    )


@inner
def age(moments: Moments, plane: int, size: int) -> None:
    """Let the moments of a plane decay by one row."""
    factor, divisor = moments.decay[0], moments.decay[1]
    for tile in range(moments.cross.shape[1]):
        for i in range(size):
            moments.cross[plane, tile, i] = np.floor(moments.cross[plane, tile, i] * factor / divisor)
            for j in range(i + 1):
                moments.second[plane, tile, i, j] = np.floor(moments.second[plane, tile, i, j] * factor / divisor)


@inner
def observe(moments: Moments, plane: int, tile: int, size: int, neighbours: Array, target: int, weight: int) -> None:
    """Add a pixel.

    Args:
        moments: modified.
        plane: of the pixel.
        tile: as for `plane`.
        size: its neighbours.
        neighbours: (n,) float64 integers up to 2¹¹.
        target: the pixel's value, likewise.
        weight: up to 2¹⁰.
    """
    for i in range(size):
        weighted = neighbours[i] * weight
        moments.cross[plane, tile, i] += weighted * target
        for j in range(i + 1):
            moments.second[plane, tile, i, j] += weighted * neighbours[j]


@inner
def solve(moments: Moments, plane: int, tile: int, size: int) -> None:
    """Set `moments.coefficients` for a tile, from its own moments and those of the tiles around it."""
    second, cross = moments.sum_second, moments.sum_cross
    for i in range(size):
        cross[i] = 0.0
        for j in range(i + 1):
            second[i, j] = 0.0
    first, last = max(0, tile - moments.reach), min(moments.cross.shape[1], tile + moments.reach + 1)
    for other in range(first, last):
        share = float(_SHARES[abs(other - tile)])
        for i in range(size):
            cross[i] += share * moments.cross[plane, other, i]
            for j in range(i + 1):
                second[i, j] += share * moments.second[plane, other, i, j]
    _scale(moments, size)
    _decompose(moments, size)
    _substitute(moments, size)


@inner
def _scale(moments: Moments, size: int) -> None:
    """Scale rows and columns by powers of two, so that the diagonal has 29 or 30 bits, and add the ridge."""
    for i in range(size):
        diagonal, shift = int(moments.sum_second[i, i]), 0
        while diagonal >> (2 * shift) >= 1 << _DIAGONAL:
            shift += 1
        while shift <= 0 and diagonal << (-2 * shift + 2) < 1 << _DIAGONAL and shift > -14:
            shift -= 1
        moments.shifts[i] = shift
    for i in range(size):
        for j in range(i + 1):
            value = int(moments.sum_second[i, j])
            moments.scaled[i, j] = _shifted(value, moments.shifts[i] + moments.shifts[j])
        moments.scaled[i, i] += (moments.scaled[i, i] >> _RIDGE) + (1 << _DIAGONAL - 2 - _RIDGE)


@inner
def _shifted(value: int, shift: int) -> int:
    return int(value >> shift if shift >= 0 else value << -shift)


@inner
def _decompose(moments: Moments, size: int) -> None:
    """Decompose the scaled matrix: `lower` is L, `scaled` L · D, `solution` the reciprocals of D."""
    scaled, lower, reciprocals = moments.scaled, moments.lower, moments.solution
    for i in range(size):
        for j in range(i + 1):
            total = scaled[i, j]
            for k in range(j):
                total -= (scaled[i, k] * lower[j, k]) >> _LOWER
            scaled[i, j] = total
            if j < i:
                lower[i, j] = (total * reciprocals[j]) >> (_RECIPROCAL - _LOWER)
        pivot = max(scaled[i, i], 1 << _DIAGONAL - 3 - _RIDGE)
        scaled[i, i] = pivot
        reciprocals[i] = (1 << _RECIPROCAL) // pivot


@inner
def _substitute(moments: Moments, size: int) -> None:
    """Solve the decomposed equations and undo the scaling."""
    scaled, lower, solution = moments.scaled, moments.lower, moments.solution
    coefficients = moments.coefficients
    largest = moments.shifts[0]
    for i in range(size):
        largest = max(largest, moments.shifts[i])
    for i in range(size):
        right = _shifted(int(moments.sum_cross[i]), moments.shifts[i] + largest)
        total = min(max(right, -_MOST_RIGHT), _MOST_RIGHT)
        for k in range(i):
            total -= (lower[i, k] * coefficients[k]) >> _LOWER
        coefficients[i] = min(max(total, -_MOST_RIGHT), _MOST_RIGHT)
    for i in range(size):
        solution[i] = min(max((coefficients[i] << FRACTION) // scaled[i, i], -_MOST), _MOST)
    for i in range(size - 1, -1, -1):
        total = solution[i]
        for k in range(i + 1, size):
            total -= (lower[k, i] * solution[k]) >> _LOWER
        solution[i] = min(max(total, -_MOST), _MOST)
    for i in range(size):
        coefficients[i] = min(max(_shifted(solution[i], moments.shifts[i] - largest), -_MOST), _MOST)
