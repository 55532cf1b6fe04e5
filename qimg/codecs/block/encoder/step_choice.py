"""From weights of pixels to the steps of superblocks.

Squared errors with weights w cost least in total, at equal bytes, where the step is inversely proportional to √w: then
a bit saves as much weighted error everywhere.
"""

import numpy as np
from numpy.typing import ArrayLike

from qimg.codecs.block.bitstream.step_map import map_shape
from qimg.codecs.block.model.local_steps import FURTHEST
from qimg.codecs.block.transform.geometry import SMALLEST, SUPERBLOCK, padded
from qimg.core import Array, arguments


def checked_weights(importance: ArrayLike, height: int, width: int) -> Array:
    """Weights (H, W) float64 of a picture, with mean 1.

    Raises:
        ArgumentError: they have another shape, or are not finite, negative, or all zero.
    """
    weights = np.asarray(importance, np.float64)
    arguments.require_shape(weights.shape == (height, width), "importance", f"({height}, {width})", weights)
    usable = bool(np.isfinite(weights).all() and (weights >= 0).all() and weights.any())
    arguments.allow(usable, "importance", "must have finite weights of at least 0, not all of them 0")
    return np.asarray(weights / weights.mean())


def step_map_of(weights: Array) -> Array | None:
    """Offsets (rows, columns) int8 of the superblocks of a picture with weights (H, W); None if all are 0.

    >>> step_map_of(np.repeat([[1.6, 0.4]], 32, axis=1) * np.ones((32, 1))).tolist()
    [[-3, 5]]
    """
    rows, columns = map_shape(*weights.shape)
    starts = [np.arange(count) * SUPERBLOCK for count in (rows, columns)]
    sums = np.add.reduceat(np.add.reduceat(weights, starts[0], axis=0), starts[1], axis=1)
    sides = [np.diff([*start, side]) for start, side in zip(starts, weights.shape, strict=True)]
    means = np.maximum(sums / np.outer(*sides), 2.0 ** (-FURTHEST / 4))
    offsets = np.clip(np.rint(-4 * np.log2(means)), -FURTHEST, FURTHEST).astype(np.int8)
    return offsets if offsets.any() else None


def block_means(weights: Array) -> Array:
    """(rows / 4, width / 4) mean weights of the 4×4 blocks of the padded picture, whose border is repeated."""
    height, width = weights.shape
    full = np.pad(weights, ((0, padded(height) - height), (0, padded(width) - width)), mode="edge")
    return np.asarray(full.reshape(len(full) // SMALLEST, SMALLEST, -1, SMALLEST).mean(axis=(1, 3)))
