"""Quantization cells: what a JPEG file says for certain, as a constraint on estimates."""

import numpy as np

from qimg.core.arguments import Array
from qimg.images.jpeg.blocks import BLOCK, DCT, from_blocks, to_blocks

WIDTH = 0.7
"""Share of a cell, around its middle, to which estimates are confined.

The truth lies anywhere in the cell, an estimate of it seldom near the wall: an error of the estimate that crosses the
wall is cut back to where the mean of what remains possible lies."""


def project(plane: Array, coefficients: Array, table: Array, *, width: float = WIDTH) -> Array:
    """The plane nearest to `plane` whose coefficients lie in their cells, each narrowed to a share of itself.

    Exact: the cells are a box in the coefficients of an orthonormal transform.

    Args:
        plane: (8R, 8C) code values.
        coefficients: (R, C, 8, 8) quantized.
        table: (8, 8) steps.
        width: share of a cell, in [0, 1].
    """
    steps = table.ravel().astype(np.float32)
    middle = coefficients.reshape(-1, BLOCK * BLOCK) * steps
    half = np.float32(width / 2) * steps
    found = to_blocks(plane - np.float32(128)) @ DCT.T
    inside = np.clip(found, middle - half, middle + half).astype(np.float32)
    return from_blocks(inside @ DCT, plane.shape) + np.float32(128)
