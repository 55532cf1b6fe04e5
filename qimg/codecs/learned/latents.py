"""The first channel of the latents, which has large values: its prediction, and what other channels learn from it.

Arrays are (H, W, n), NumPy's or PyTorch's, whose values are integers.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from qimg.core import Array

COARSEST = 8
"""Distance of the positions that are not predicted from others; they are predicted from each other row by row."""
_BOUND = 127


def _lattices(height: int, width: int) -> Iterator[tuple[Array, Array, tuple[tuple[int, int], ...]]]:
    """Rows, columns, and offsets of the neighbours of positions, in the order of prediction."""
    step = COARSEST
    while step > 1:
        half = step // 2
        diagonal = tuple((i * half, j * half) for i in (-1, 1) for j in (-1, 1))
        straight = ((-half, 0), (half, 0), (0, -half), (0, half))
        for row, column, offsets in ((half, half, diagonal), (0, half, straight), (half, 0, straight)):
            yield np.arange(row, height, step), np.arange(column, width, step), offsets
        step = half


def _mean(y: Any, rows: Array, columns: Array, offsets: tuple[tuple[int, int], ...]) -> Any:
    """Rounded mean of the neighbours inside the array."""
    height, width = y.shape[:2]
    total: Any = 0
    count = np.zeros((len(rows), len(columns), 1), np.int64)
    for by_row, by_column in offsets:
        i, j = rows + by_row, columns + by_column
        inside = ((i >= 0) & (i < height))[:, None, None] & ((j >= 0) & (j < width))[None, :, None]
        values = y[np.clip(i, 0, height - 1)][:, np.clip(j, 0, width - 1)]
        total = total + values * _like(y, inside)
        count += inside
    count = _like(y, count)
    return (2 * total + count) // (2 * count)


def _like(y: Any, values: Array) -> Any:
    """Integers as an array of the type of y."""
    if isinstance(y, np.ndarray):
        return values.astype(y.dtype)
    return y.new_tensor(values.astype(np.float32))


def predictions(y: Any) -> Any:
    """The prediction of each value from values before it in the order of prediction; (H, W, n).

    The values at multiples of 8 are predicted from the one to the left, or above. Every other value is predicted by the
    mean of its four neighbours on the lattice that is coded before it.
    """
    predicted = y * 0
    coarse = y[::COARSEST, ::COARSEST]
    predicted[::COARSEST, COARSEST::COARSEST] = coarse[:, :-1]
    predicted[COARSEST::COARSEST, :1] = coarse[:-1, :1]
    for rows, columns, offsets in _lattices(*y.shape[:2]):
        if len(rows) and len(columns):
            step = COARSEST if len(rows) < 2 and len(columns) < 2 else _step(rows, columns)
            predicted[rows[0] :: step, columns[0] :: step] = _mean(y, rows, columns, offsets)
    return predicted


def _step(rows: Array, columns: Array) -> int:
    return int(rows[1] - rows[0]) if len(rows) > 1 else int(columns[1] - columns[0])


def restored(residuals: Array) -> Array:
    """The values whose differences from `predictions` are residuals (H, W, n)."""
    y = residuals.copy()
    coarse = y[::COARSEST, ::COARSEST]
    np.cumsum(coarse[:, :1], axis=0, out=coarse[:, :1])
    np.cumsum(coarse, axis=1, out=coarse)
    for rows, columns, offsets in _lattices(*y.shape[:2]):
        if len(rows) and len(columns):
            y[rows[:, None], columns] += _mean(y, rows, columns, offsets)
    return y


def surroundings(y: Any) -> list[Any]:
    """Side information for the other channels: differences of the eight neighbours from each value, and magnitudes.

    Returns 16 arrays (H, W, n), clamped to ±127; neighbours outside of the array count as equal.
    """
    height, width = y.shape[:2]
    rows, columns = np.arange(height), np.arange(width)
    differences = []
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            if i or j:
                values = y[np.clip(rows + i, 0, height - 1)][:, np.clip(columns + j, 0, width - 1)]
                differences.append((values - y).clip(-_BOUND, _BOUND))
    return differences + [abs(one) for one in differences]
