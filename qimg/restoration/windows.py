"""Patches of a plane on a grid that is shifted against its 8×8 blocks, with a margin around them, and their overlay."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from qimg.arguments import Array
from qimg.restoration.symmetry import BLOCK


def cut(plane: Array, offset: tuple[int, int], margin: int = 0) -> Array:
    """Windows (n, (8 + 2 · margin)²) around the patches of a shifted grid that covers the plane, row by row.

    Args:
        plane: (H, W), multiples of 8; its outer samples are repeated beyond it.
        offset: rows and columns, 0 to 7, by which a patch lies below and right of the corner of a block.
        margin: samples on every side of a patch.
    """
    side = BLOCK + 2 * margin
    padded = np.pad(plane, BLOCK + margin, mode="edge")
    (top, bottom), (left, right) = (
        (first, first + BLOCK * count)
        for first, count in zip(_firsts(offset), _counts(plane.shape, offset), strict=True)
    )
    windows = sliding_window_view(padded, (side, side))[top:bottom:BLOCK, left:right:BLOCK]
    return np.ascontiguousarray(windows).reshape(-1, side * side)


def overlay(total: Array, patches: Array, offset: tuple[int, int]) -> None:
    """Add the patches (n, 64) of a shifted grid to the plane (H, W) they were cut from; `total` is changed."""
    rows, columns = _counts(total.shape, offset)
    plane = patches.reshape(rows, columns, BLOCK, BLOCK).swapaxes(1, 2).reshape(BLOCK * rows, BLOCK * columns)
    top, left = (-shift % BLOCK for shift in offset)
    total += plane[top : top + total.shape[0], left : left + total.shape[1]]


def _firsts(offset: tuple[int, int]) -> list[int]:
    """Where the first patch begins in a plane that is padded by a block."""
    return [shift or BLOCK for shift in offset]


def _counts(shape: tuple[int, ...], offset: tuple[int, int]) -> list[int]:
    return [length // BLOCK + (shift > 0) for length, shift in zip(shape, offset, strict=True)]
