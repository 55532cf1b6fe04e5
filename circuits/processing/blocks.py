"""Blocks of a picture that overlap by one pixel, so that every pixel and its next neighbours lie in one block."""

from typing import Any

import numpy as np

from qimg.core import Array, one_of, require, require_shape

MODES = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap", "constant": "constant"}
"""Rules of `scipy.ndimage` for pixels beyond the border, and those of `numpy.pad`; "constant" is 0."""

LARGEST_BLOCK = 2048
"""Largest side of a block, on 22 qubits and an ancilla."""


def with_border(image: Array, mode: str) -> Array:
    """A picture (H + 1, W + 1) with one more row and column, by a rule of `scipy.ndimage`."""
    require_shape(image.ndim == 2 and image.size > 0, "image", "(H, W), of which no side is 0", image)
    rule: Any = MODES[one_of("mode", mode, MODES)]
    return np.pad(image, [(0, 1), (0, 1)], mode=rule)


def overlapping_blocks(bordered: Array, side: int) -> Array:
    """Blocks (rows, columns, side, side) of a picture with a border; the last row and column of a block are the first
    of the next. Zeros fill the last blocks.

    Args:
        bordered: (H + 1, W + 1) of `with_border`.
        side: a power of two, from 2 to 2048.
    """
    power = isinstance(side, int | np.integer) and 2 <= side <= LARGEST_BLOCK and side & (side - 1) == 0
    require(power, "block", f"must be a power of two in [2, {LARGEST_BLOCK}]", side)
    step = int(side) - 1
    missing = [(0, -(-(length - 1) // step) * step + 1 - length) for length in bordered.shape]
    filled = np.pad(bordered, missing)
    windows = np.lib.stride_tricks.sliding_window_view(filled, (side, side))[::step, ::step]
    return np.ascontiguousarray(windows)


def joined_blocks(blocks: Array, shape: tuple[int, int]) -> Array:
    """The picture (H, W) of blocks (rows, columns, side, side) without their last rows and columns."""
    inner = blocks[:, :, :-1, :-1]
    rows, columns, step, _ = inner.shape
    return np.asarray(inner.transpose(0, 2, 1, 3).reshape(rows * step, columns * step)[: shape[0], : shape[1]])
