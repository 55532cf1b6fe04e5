"""Samples of pictures that are slow to encode: tiles from all over the picture, in one small picture."""

import numpy as np

from qimg.core import Array

_MOST_CHANGES = 1 << 17
_TILE = 32
_TILES = 6  # in a row and in a column


def is_slow(image: Array) -> bool:
    """Whether more than 2¹⁷ pixels differ from the one to the left and from the one above, as in photographs.

    Args:
        image: (H, W) or (H, W, channels).
    """
    pixels = image.reshape(*image.shape[:2], -1)
    left = (pixels[1:, 1:] != pixels[1:, :-1]).any(axis=2)
    above = (pixels[1:, 1:] != pixels[:-1, 1:]).any(axis=2)
    return int(np.count_nonzero(left & above)) > _MOST_CHANGES


def sample(image: Array) -> Array:
    """36 tiles of 32 × 32 pixels at regular distances, as a picture of 192 × 192; smaller sides are taken whole.

    Args:
        image: as for `is_slow`.

    >>> sample(np.zeros((1000, 40, 3), np.uint8)).shape
    (192, 40, 3)
    """
    rows, columns = (_places(side) for side in image.shape[:2])
    tiles: Array = image[np.ix_(rows, columns)]
    return tiles


def _places(side: int) -> Array:
    if side <= _TILE * _TILES:
        return np.arange(side)
    starts = np.linspace(0, side - _TILE, _TILES).astype(np.int64)
    return (starts[:, None] + np.arange(_TILE)).ravel()
