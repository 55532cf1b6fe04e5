"""The quantization bins of a JPEG file as a constraint on estimates."""

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK, DCT, from_blocks, to_blocks

WIDTH = 0.7
"""Share of a bin, around its middle, to which estimates are confined.

The true value may lie anywhere in the bin, but its conditional mean is rarely near a boundary. An estimate outside of
this share is moved to its boundary."""


def project(plane: Array, coefficients: Array, table: Array, *, width: float = WIDTH) -> Array:
    """The plane nearest to `plane` whose coefficients lie in their bins, narrowed to the share `width`.

    Exact, since the bins form a box in the coefficients of an orthonormal transform.

    Args:
        plane: (8R, 8C) code values.
        coefficients: (R, C, 8, 8) quantized.
        table: (8, 8) steps.
        width: share of a bin, in [0, 1].
    """
    steps = table.ravel().astype(np.float32)
    middle = coefficients.reshape(-1, BLOCK * BLOCK) * steps
    half = np.float32(width / 2) * steps
    transformed = to_blocks(plane - np.float32(128)) @ DCT.T
    inside = np.clip(transformed, middle - half, middle + half).astype(np.float32)
    return from_blocks(inside @ DCT, plane.shape) + np.float32(128)
