"""Matrices of all classes side by side, which turn a block into its coefficients in every class at once.

The class is the last axis, so that loops over it are loops over consecutive numbers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner

LEADING = (8, 24, 64, 64)
"""Coefficients by size from which the cost of a class is estimated."""


class ClassMatrices(NamedTuple):
    """The matrices by size, in single precision; C is the number of classes, K that of leading coefficients."""

    block: tuple[Array, ...]
    """Sizes 4 and 8: (n, K C) from the block to leading coefficients. Sizes 16 and 32: (16, 16 C), element (i, u C + c)
    is element (u, i) of the left factor of the basis of class c."""
    columns: tuple[Array, ...]
    """Sizes 16 and 32: (16, 16, C) right factors, element (v, j) of class c."""
    ring: tuple[Array, ...]
    """(m, K C) from the ring to leading coefficients, to add to those of the block."""


def from_ring(predictor: Array, rows: Array, columns: Array, order: Array, size: int) -> Array:
    """(classes, m, 256) float32 from the ring to minus the coefficients of the prediction in a separable basis.

    Args:
        predictor: (classes, m, 256) weights.
        rows: (classes, 16, 16) left factor of the basis.
        columns: (classes, 16, 16) right factor.
        order: (classes, 256) index 16 u + v of each coefficient.
        size: size index; in blocks of 32, a sample of the prediction stands for 2×2 samples, and has twice their norm.
    """
    square = predictor.reshape(*predictor.shape[:2], 16, 16) * (2 if size == 3 else 1)
    coefficients = (rows[:, None] @ square @ columns.transpose(0, 2, 1)[:, None]).reshape(predictor.shape)
    return np.ascontiguousarray(-np.take_along_axis(coefficients, order[:, None].astype(np.int64), axis=2), np.float32)


def class_matrices(
    joint: Sequence[Array], ring: Sequence[Array], rows: Sequence[Array], columns: Sequence[Array]
) -> ClassMatrices:
    """The matrices of tables, from those of each class, as in `Costs`."""
    full = [matrix.shape[1] for matrix in joint]
    blocks = [_side_by_side(matrix[:, :k, :n]) for matrix, k, n in zip(joint, LEADING, full, strict=False)]
    of_ring = [_side_by_side(matrix[:, :k, n:]) for matrix, k, n in zip(joint, LEADING, full, strict=False)]
    of_ring += [_side_by_side(m[:, :, :k].transpose(0, 2, 1)) for m, k in zip(ring, LEADING[2:], strict=True)]
    return ClassMatrices(
        block=(*blocks, *(_side_by_side(left) for left in rows)),
        columns=tuple(np.ascontiguousarray(right.transpose(1, 2, 0)) for right in columns),
        ring=tuple(of_ring),
    )


def _side_by_side(matrices: Array) -> Array:
    """(inputs, outputs · classes) of (classes, outputs, inputs)."""
    return np.ascontiguousarray(matrices.transpose(2, 1, 0).reshape(matrices.shape[2], -1))


@inner(fastmath=True)
def add_products(matrix: Array, values: Array, first: int, out: Array) -> None:
    """Add `matrix`.T @ values[first : first + len(matrix)] to `out`; the matrix has 4 k or 4 k + 1 rows."""
    count, width = matrix.shape
    for row in range(0, count - 3, 4):
        a, b, c, d = values[first + row], values[first + row + 1], values[first + row + 2], values[first + row + 3]
        for q in range(width):
            out[q] += (a * matrix[row, q] + b * matrix[row + 1, q]) + (c * matrix[row + 2, q] + d * matrix[row + 3, q])
    if count & 3:
        a = values[first + count - 1]
        for q in range(width):
            out[q] += a * matrix[count - 1, q]


@inner(fastmath=True)
def separable_products(matrices: ClassMatrices, t: int, transposed: Array, halves: Array, out: Array) -> None:
    """Compute the coefficients of a square of 16×16 in the separable bases of all classes.

    Args:
        matrices: matrices.
        t: size index, 2 or 3.
        transposed: (≥ 256,) float32 the square, column by column.
        halves: (16, ≥ 512) float32 workspace.
        out: (≥ 256 C,) float32, element (16 u + v) C + c becomes coefficient (u, v) of class c.
    """
    rows, columns = matrices.block[t], matrices.columns[t - 2]
    classes = columns.shape[2]
    for j in range(16):
        half = halves[j]
        for q in range(rows.shape[1]):
            half[q] = 0
        add_products(rows, transposed, 16 * j, half)
    for u in range(16):
        for v in range(16):
            place = (16 * u + v) * classes
            for c in range(classes):
                total = np.float32(0.0)
                for j in range(16):
                    total += halves[j, u * classes + c] * columns[v, j, c]
                out[place + c] = total
