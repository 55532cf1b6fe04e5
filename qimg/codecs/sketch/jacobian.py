"""Values and derivatives of a sketch on a grid, in floating point; for the encoder only."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.sketch.geometry import (
    BASE_FREQUENCIES,
    LENGTH_FRACTION,
    LEVEL_FRACTION,
    LOG_UNIT,
    RATIO_FRACTION,
    Ellipse,
)
from qimg.core import Array
from qimg.core.compiled import compiled
from qimg.core.records import short_repr

LEVEL = 6
"""Parameters of an ellipse: row, column, ln height, ln width, shear and ln softness, then the amplitude of the first
plane, two slopes, and the amplitudes of the other planes."""
_NEGLIGIBLE = 12.0  # exponent of the profile beyond which an ellipse is 0


@short_repr
class Grid(NamedTuple):
    """Where a sketch is evaluated."""

    rows: Array
    """(H,) coordinates, in fractions of the longer side of the picture."""
    columns: Array
    """(W,) coordinates."""
    cosines: Array
    """(coefficients, H, W) float32 functions of the base."""


def grid(shape: tuple[int, int], sides: tuple[float, float]) -> Grid:
    """A grid of (H, W) cells that cover a picture.

    Args:
        shape: numbers of cells.
        sides: height and width of the picture in fractions of the longer side.
    """
    places = [(np.arange(count) + 0.5) / count for count in shape]
    waves = [
        np.stack([np.cos(np.pi * pair[axis] * place) * (2**0.5 if pair[axis] else 1) for pair in BASE_FREQUENCIES])
        for axis, place in enumerate(places)
    ]
    cosines = np.einsum("kr,kc->krc", *waves).astype(np.float32)
    return Grid(places[0] * sides[0], places[1] * sides[1], cosines)


def parameters(ellipse: Ellipse) -> Array:
    """The parameters of an ellipse of integers."""
    lengths = np.array([ellipse.row, ellipse.column]) / (1 << LENGTH_FRACTION)
    logs = np.log(2) * np.array([ellipse.log_height, ellipse.log_width]) / LOG_UNIT
    softness = np.log(2) * (1 - ellipse.rim) / 2
    levels = np.array(ellipse.levels) / (1 << LEVEL_FRACTION)
    return np.concatenate([lengths, logs, [ellipse.shear / (1 << RATIO_FRACTION), softness], levels])


def add(grid: Grid, ellipse: Array, planes: Array, slopes: Array | None = None, *, sign: float = 1.0) -> None:
    """Add an ellipse to planes (p, H, W) float32; `slopes` (parameters, p, H, W) float32 zeros gets its derivatives."""
    _add(ellipse, grid.rows, grid.columns, planes, _NONE if slopes is None else slopes, sign)


_NONE = np.zeros((0, 3, 1, 1), np.float32)


@compiled(fastmath=True)
def _add(one: Array, rows: Array, columns: Array, planes: Array, slopes: Array, sign: float) -> None:
    """With u = (r − r₀)/h, v = (c − c₀)/w − k u and ρ² = u² + v²: (a₀ + a₁ u + a₂ v)/(1 + e^((ρ² − 1)/s))."""
    by_height, by_width, shear, by_softness = np.exp(-one[2]), np.exp(-one[3]), one[4], np.exp(-one[5])
    reach = 1 + _NEGLIGIBLE / by_softness
    for i in range(rows.size):
        u = (rows[i] - one[0]) * by_height
        if u * u > reach:
            continue
        for j in range(columns.size):
            v = (columns[j] - one[1]) * by_width - shear * u
            radius = u * u + v * v
            if radius > reach:
                continue
            profile = 1 / (1 + np.exp((radius - 1) * by_softness))
            fall = -profile * (1 - profile) * by_softness
            for p in range(planes.shape[0]):
                level, along_u, along_v = 0.0, 0.0, 0.0
                if p == 0:
                    along_u, along_v = one[7], one[8]
                    level = one[6] + along_u * u + along_v * v
                else:
                    level = one[8 + p]
                planes[p, i, j] += sign * level * profile
                if slopes.shape[0] == 0:
                    continue
                by_u = 2 * level * fall * u + profile * along_u
                by_v = 2 * level * fall * v + profile * along_v
                slopes[0, p, i, j] = (shear * by_v - by_u) * by_height
                slopes[1, p, i, j] = -by_v * by_width
                slopes[2, p, i, j] = u * (shear * by_v - by_u)
                slopes[3, p, i, j] = -(v + shear * u) * by_v
                slopes[4, p, i, j] = -u * by_v
                slopes[5, p, i, j] = -level * fall * (radius - 1)
                if p == 0:
                    slopes[6, p, i, j] = profile
                    slopes[7, p, i, j] = profile * u
                    slopes[8, p, i, j] = profile * v
                else:
                    slopes[8 + p, p, i, j] = profile
