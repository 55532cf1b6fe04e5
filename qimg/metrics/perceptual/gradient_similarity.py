"""Gradient magnitude similarity deviation."""

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array
from qimg.metrics.pixels import halved, planes, range_of


def gmsd(reference: ArrayLike, image: ArrayLike, *, data_range: float | None = None) -> float:
    """Gradient magnitude similarity deviation (Xue, Zhang, Mou and Bovik, 2014): 0 for equal pictures, larger is worse.

    The standard deviation over pixels of (2 g₁g₂ + c) / (g₁² + g₂² + c), with Prewitt gradients g of 2×2 means and
    c = 170 for a range of 255.

    Args:
        reference: (H, W) one plane; H, W ≥ 4.
        image: plane of the same shape.
        data_range: as in `psnr_db`.
    """
    (first, second), *_ = planes(reference, image, None, smallest=4)
    constant = 170 * (range_of(reference, image, data_range) / 255) ** 2
    g1, g2 = (_gradient_magnitude(halved(plane)) for plane in (first, second))
    similarity = (2 * g1 * g2 + constant) / (g1**2 + g2**2 + constant)
    return float(np.std(similarity))


def _gradient_magnitude(plane: Array) -> Array:
    from scipy.ndimage import prewitt

    return np.asarray(np.hypot(*(prewitt(plane, axis=axis, mode="constant") for axis in (0, 1))) / 3)
