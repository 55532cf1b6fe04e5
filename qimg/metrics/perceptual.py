"""Perceptual measures: GMSD, and SSIMULACRA 2 by the package `ssimulacra2` (extra `peers`)."""

import io
from importlib.util import find_spec

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

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


def ssimulacra2(reference: Array, image: Array) -> float:
    """SSIMULACRA 2 of two `uint8` pictures of equal shape, at most 100.

    NaN without the package `ssimulacra2`, and for pictures with fewer than 8 rows or columns.
    """
    if find_spec("ssimulacra2") is None or min(reference.shape[:2]) < 8:
        return float("nan")
    from ssimulacra2 import compute_ssimulacra2

    files = (io.BytesIO(), io.BytesIO())
    for file, pixels in zip(files, (reference, image), strict=True):
        Image.fromarray(pixels).save(file, "PNG", compress_level=0)
    return float(compute_ssimulacra2(*files))


def _gradient_magnitude(plane: Array) -> Array:
    from scipy.ndimage import prewitt

    return np.asarray(np.hypot(*(prewitt(plane, axis=axis, mode="constant") for axis in (0, 1))) / 3)
