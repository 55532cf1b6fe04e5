"""Thin pictures as the codec sees them: pieces of 32 pixels below each other, which fill its blocks."""

import numpy as np

from qimg.core import Array

PIECE = 32
"""Columns of a piece: the side of a superblock."""
THIN = 12
"""Largest shorter side of a thin picture; its longer side exceeds a superblock."""


def is_thin(height: int, width: int) -> bool:
    """Whether a picture is folded before it is divided into blocks."""
    return min(height, width) <= THIN and max(height, width) > PIECE


def folded_shape(height: int, width: int) -> tuple[int, int]:
    """Height and width of a folded picture."""
    short, long = sorted((height, width))
    return short * -(-long // PIECE), PIECE


def folded(pixels: Array) -> Array:
    """Fold a thin picture (H, W) or (H, W, channels).

    A tall picture is transposed. The columns are divided into pieces of 32, the last one extended by its last column.
    The pieces lie below each other; every second one is rotated by 180°, so that pieces continue each other.
    """
    wide = pixels if pixels.shape[0] <= pixels.shape[1] else pixels.swapaxes(0, 1)
    short, long = wide.shape[:2]
    shape, width = folded_shape(short, long)
    more = shape // short * width - long
    extended = np.concatenate([wide, np.repeat(wide[:, -1:], more, axis=1)], axis=1)
    pieces = extended.reshape(short, -1, width, *pixels.shape[2:]).swapaxes(0, 1).copy()
    pieces[1::2] = pieces[1::2, ::-1, ::-1].copy()
    return pieces.reshape(shape, width, *pixels.shape[2:])


def unfolded(pixels: Array, height: int, width: int) -> Array:
    """Inverse of `folded` for a picture of a height and a width."""
    short, long = sorted((height, width))
    pieces = pixels.reshape(-1, short, PIECE, *pixels.shape[2:]).copy()
    pieces[1::2] = pieces[1::2, ::-1, ::-1].copy()
    wide = pieces.swapaxes(0, 1).reshape(short, -1, *pixels.shape[2:])[:, :long]
    return np.ascontiguousarray(wide if height <= width else wide.swapaxes(0, 1))
