"""Pictures as planes to be restored one by one: gray, or three orthogonal ones in which white noise stays white."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from qimg import images
from qimg.core.arguments import Array

OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.array([[3.0], [np.sqrt(6)], [np.sqrt(18)]])
"""Rows of one length, 1/√3, at right angles: the mean of R', G', B', and two differences. Noise of deviation σ in each
of R', G', B' becomes σ/√3 in each plane, uncorrelated; in Y'CbCr it would be correlated."""

NOISE = 1 / np.sqrt(3)
"""Deviation of the noise in the planes of a colour picture, as a share of that in R', G' and B'."""


def checked(image: ArrayLike) -> Array:
    """A gray or RGB picture without alpha.

    Raises:
        ImageError: it is none.
    """
    pixels = images.check_image("image", image)
    if images.has_alpha(pixels):
        rule = "must have no alpha channel (qimg.images.without_alpha drops it)"
        raise images.ImageError(f"image {rule}, but has shape {pixels.shape}")
    return pixels


def plane_by_plane(image: Array, restore: Callable[[Array, float], Array]) -> Array:
    """A picture of the same type from `restore(plane, noise)`; noise is the plane's share of the deviation."""
    values = images.code_values(image)
    if values.ndim == 2:
        return as_image(restore(values, 1.0), image)
    planes = np.moveaxis(values @ OPPONENT.T, -1, 0)
    restored = np.stack([restore(plane, NOISE) for plane in planes], axis=-1)
    # The rows are orthogonal and have length 1/√3.
    return as_image(restored @ (3 * OPPONENT), image)


def as_image(values: Array, like: Array) -> Array:
    """Code values as pixels of a picture's type: rounded, clipped."""
    scale, white = (257, 65535) if like.dtype == np.uint16 else (1, 255)
    return np.clip(np.rint(values * scale), 0, white).astype(like.dtype)
