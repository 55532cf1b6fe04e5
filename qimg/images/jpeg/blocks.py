"""The 8×8 blocks of JPEG: planes as blocks, their DCT, windows of shifted grids, decoding of coefficients."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import dct

from qimg.core import Array

BLOCK = 8


def cut(plane: Array, offset: tuple[int, int], margin: int = 0) -> Array:
    """Windows (n, (8 + 2 · margin)²) around the patches of a shifted grid that covers the plane, row by row.

    Args:
        plane: (H, W), multiples of 8; its edge samples are repeated outside.
        offset: rows and columns, 0 to 7, from the corner of a block to that of a patch, down and right.
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
    """Add the patches (n, 64) of a shifted grid to the plane (H, W) that they were cut from; modifies `total`."""
    rows, columns = _counts(total.shape, offset)
    plane = patches.reshape(rows, columns, BLOCK, BLOCK).swapaxes(1, 2).reshape(BLOCK * rows, BLOCK * columns)
    top, left = (-shift % BLOCK for shift in offset)
    total += plane[top : top + total.shape[0], left : left + total.shape[1]]


def _firsts(offset: tuple[int, int]) -> list[int]:
    """Row and column of the first patch in a plane that is padded by one block."""
    return [shift or BLOCK for shift in offset]


def _counts(shape: tuple[int, ...], offset: tuple[int, int]) -> list[int]:
    return [length // BLOCK + (shift > 0) for length, shift in zip(shape, offset, strict=True)]


_AXIS = dct(np.eye(BLOCK), norm="ortho").T
DCT = np.kron(_AXIS, _AXIS).astype(np.float32)
"""(64, 64) coefficients of an 8×8 block from its pixels, row-major."""


def decoded(coefficients: Array, table: Array) -> Array:
    """The plane (8R, 8C) float32 of quantized coefficients (R, C, 8, 8), neither rounded nor clipped."""
    rows, columns = coefficients.shape[:2]
    scaled = (coefficients * table).reshape(-1, BLOCK * BLOCK).astype(np.float32)
    return from_blocks(scaled @ DCT, (BLOCK * rows, BLOCK * columns)) + np.float32(128)


def to_blocks(plane: Array) -> Array:
    """The 8×8 blocks (n, 64) of a plane, row by row."""
    return cut(plane, (0, 0))


def from_blocks(blocks: Array, shape: tuple[int, ...]) -> Array:
    """The plane with the blocks (n, 64), the inverse of `to_blocks`."""
    plane = np.zeros(shape, np.float32)
    overlay(plane, blocks, (0, 0))
    return plane
