"""Linear filters as banded matrices, one for each axis: a plane X becomes R X Cᵀ, and the adjoint of this is Rᵀ Y C.

The smoothing is the one of three taps that Farid and Simoncelli (2004) match with the central difference: the ratio of
both is the derivative of the smoothed plane, up to higher frequencies than that of a central difference alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from qimg.core import Array
from qimg.core.records import short_repr

Banded = Any
"""A sparse matrix of SciPy, (rows of the result, n)."""

SMOOTHING = (0.229879, 0.540242, 0.229879)
"""Taps of the smoothing filter. Its response at the highest frequency is 0.08: no difference of pictures vanishes."""
DERIVATIVE = (-0.5, 0.0, 0.5)
"""Taps of the derivative, of response 1 for a ramp."""
HALVING = (0.125, 0.375, 0.375, 0.125)
"""Taps before every second sample is kept. Means of two taps alias: errors would depend on the parity of a shift."""


@lru_cache(maxsize=64)
def smoothing(n: int) -> Banded:
    """(n, n) smoothing; the plane is continued by its mirror image."""
    return _banded(n, n, 1, -1, SMOOTHING)


@lru_cache(maxsize=64)
def derivative(n: int) -> Banded:
    """(n, n) derivative per sample, to be followed by `smoothing` along the other axis."""
    return _banded(n, n, 1, -1, DERIVATIVE)


@lru_cache(maxsize=64)
def halving(n: int) -> Banded:
    """(n // 2, n) smoothing before every second sample is kept, symmetric about the middle of each pair."""
    return _banded(n, n // 2, 2, -1, HALVING)


@lru_cache(maxsize=64)
def window(n: int, order: int, sigma: float, step: int) -> Banded:
    """(⌈n / step⌉, n) Gaussian means of (u/σ)^order · x, where u is the distance to the centre of the window.

    Windows are centred on every `step`-th sample, end at the border and at 3σ, and have unit mass at order 0.
    """
    radius = int(3 * sigma)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    centres = np.arange(0, n, step)
    mass = _inside(n, centres, offsets) @ weights
    return _banded(n, len(centres), step, -radius, weights * (offsets / sigma) ** order, scale=1 / mass)


@short_repr
@dataclass(frozen=True, kw_only=True)
class Windows:
    """Gaussian windows around the pixels of some rows."""

    rows: tuple[Banded, ...]
    """Matrices of the orders 0, 1, … along the rows."""
    columns: tuple[Banded, ...]
    """The same along the columns."""

    def mean(self, plane: Array, orders: tuple[int, int] = (0, 0)) -> Array:
        """Mean of ρ^a γ^b · plane in each window, ρ and γ being the offsets of rows and columns divided by σ."""
        return np.asarray((self.rows[orders[0]] @ plane) @ self.columns[orders[1]].T)

    def adjoint(self, means: Array, orders: tuple[int, int] = (0, 0)) -> Array:
        """The adjoint of `mean`: a plane from one number for each window."""
        return np.asarray((self.rows[orders[0]].T @ means) @ self.columns[orders[1]])


def windows(shape: tuple[int, ...], orders: int, strip: slice, *, sigma: float, step: int = 1) -> Windows:
    """The windows of a strip of rows of windows.

    Args:
        shape: (H, W) of the planes.
        orders: highest power of an offset.
        strip: rows of windows.
        sigma: standard deviation of the windows in pixels.
        step: distance of neighbouring windows.
    """
    rows, columns = (tuple(window(n, order, sigma, step) for order in range(orders + 1)) for n in shape)
    return Windows(rows=tuple(matrix[strip] for matrix in rows), columns=columns)


def separable(of_rows: Callable[[int], Banded], planes: Array, of_columns: Callable[[int], Banded]) -> Array:
    """R X Cᵀ of each plane X, for matrices by their number of columns.

    Args:
        of_rows: for example `smoothing`.
        planes: (C, H, W).
        of_columns: for example `derivative`.
    """
    rows, columns = of_rows(planes.shape[1]), of_columns(planes.shape[2])
    return np.stack([(rows @ plane) @ columns.T for plane in planes])


def separable_adjoint(
    of_rows: Callable[[int], Banded], planes: Array, of_columns: Callable[[int], Banded], shape: tuple[int, ...]
) -> Array:
    """Rᵀ Y C of each plane Y: the adjoint of `separable` on planes of a shape (H, W)."""
    rows, columns = of_rows(shape[0]), of_columns(shape[1])
    return np.stack([(rows.T @ plane) @ columns for plane in planes])


def _inside(n: int, centres: Array, offsets: Array) -> Array:
    at = centres[:, None] + offsets
    return (at >= 0) & (at < n)


def _banded(n: int, rows: int, step: int, first: int, taps: Any, scale: Array | None = None) -> Banded:
    """The (rows, n) matrix with `taps` from column step·i + first of row i on.

    Without `scale`, columns beyond the border are mirrored; with it, they are left out and row i is multiplied by
    scale[i].
    """
    from scipy.sparse import coo_array

    at = step * np.arange(rows)[:, None] + first + np.arange(len(taps))
    values = np.broadcast_to(np.asarray(taps, np.float64), at.shape)
    if scale is None:
        period = np.mod(at, 2 * n)
        at = np.minimum(period, 2 * n - 1 - period)
        used = np.ones(at.shape, bool)
    else:
        values = values * scale[:, None]
        used = (at >= 0) & (at < n)
    row = np.broadcast_to(np.arange(rows)[:, None], at.shape)
    return coo_array((values[used], (row[used], at[used])), shape=(rows, n)).tocsr()
