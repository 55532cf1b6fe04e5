"""Weights of the squared errors of pixels, for encoding at a low tangent error."""

import numpy as np

from qimg.core import Array
from qimg.metrics import TangentForm
from qimg.metrics.perceptual.scales import SMALLEST


def plain(pixels: Array) -> Array:
    """(H, W) ones: the weights of the squared error."""
    return np.ones(pixels.shape[:2])


def importance_of(pixels: Array) -> Array:
    """(H, W) weights of the errors of pixels, of mean 1: roots of those of the tangent error at low frequencies.

    The tangent error without deformation weights an error that is constant nearby by W 1, the sums of the rows of its
    quadratic form W. These weights fall with the variance that masks errors, by factors of hundreds beside an edge;
    errors of areas and contours hang together, and of those W counts more. The root lies between both. Ones where the
    picture has fewer than 8 rows or columns.

    Args:
        pixels: (H, W, channels) `uint8`.
    """
    if min(pixels.shape[:2]) < SMALLEST:
        return plain(pixels)
    form = TangentForm(pixels, channel_axis=-1, deformation="none")
    weights = np.sqrt(form.apply(np.ones(pixels.shape))[..., 0])
    return np.asarray(weights / weights.mean())
