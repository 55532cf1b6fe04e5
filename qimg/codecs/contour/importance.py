"""Weights of the squared errors of pixels, by which the encoder minimises the tangent error instead of the squared one."""

import numpy as np

from qimg.core import Array
from qimg.metrics import TangentForm
from qimg.metrics.perceptual.scales import SMALLEST

FLOOR = 0.03
"""Weight of plain squared errors, in units of the mean weight."""


def plain(pixels: Array) -> Array:
    """(H, W) ones: the weights of the squared error."""
    return np.ones(pixels.shape[:2])


def importance_of(pixels: Array) -> Array:
    """(H, W) weights of the errors of pixels in the tangent error without deformation, of mean 1.

    The diagonal of its quadratic form, which falls with the variance that masks errors, and a floor. Ones where the
    picture has fewer than 8 rows or columns.

    Args:
        pixels: (H, W, channels) `uint8`.
    """
    if min(pixels.shape[:2]) < SMALLEST:
        return plain(pixels)
    weights = TangentForm(pixels, channel_axis=-1, deformation="none").diagonal()
    return np.asarray(FLOOR + (1 - FLOOR) * weights / weights.mean())
