"""Moments of regions, and the squared errors that follow from them: of the mean colour, and of a plane.

The moments of a region are its pixels, the sums of rows, columns and their products, and for each channel the sums of
its values, their squares, and their products with rows and columns. The plane of least squares removes bᵀ S⁻¹ b of
the error of the mean, where S is the scatter of rows and columns and b that of a channel with them.
"""

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner

PLANE_BITS = 36.0
"""Bits of a plane in addition to a colour."""
PIXELS, ROWS, COLUMNS = 0, 1, 2
"""Places of the number of pixels and the sums of rows and columns."""
VALUES = 6
"""First place of the moments of the first channel: values, squares, products with rows and with columns."""
PER_CHANNEL = 4
_LEAST_PIXELS = 16.0
_LEAST_SCATTER = 1e-6


def moments_of(pixels: Array, zones: Array, importance: Array) -> Array:
    """The moments (R, 6 + 4 channels) of the zones of a picture.

    Args:
        pixels: (H, W, channels) `uint8`.
        zones: (H, W) int64 zone of each pixel, from 0 without gaps.
        importance: (H, W) weight of each pixel, which counts as so many.
    """
    flat, (height, width) = zones.ravel(), zones.shape
    rows, columns = (axis.ravel().astype(np.float64) for axis in np.indices((height, width)))
    rows, columns = rows - height // 2, columns - width // 2
    weight = importance.ravel()
    rows_of, columns_of = weight * rows, weight * columns
    weights = [weight, rows_of, columns_of, rows_of * rows, rows_of * columns, columns_of * columns]
    for channel in np.moveaxis(pixels, 2, 0):
        values = channel.ravel().astype(np.float64)
        weights += [weight * values, weight * values * values, rows_of * values, columns_of * values]
    return np.stack([np.bincount(flat, one) for one in weights], axis=1)


def means_of(moments: Array) -> Array:
    """The mean colours (R, channels) of regions."""
    means: Array = moments[:, VALUES::PER_CHANNEL] / moments[:, :1]
    return means


@inner
def _error(moments: Array, one: int, other: int, both: float, weight: float, planes: bool) -> float:
    """The error of one region with `both` 0, of two together with `both` 1."""
    pixels = moments[one, 0] + both * moments[other, 0]
    rows, columns = moments[one, 1] + both * moments[other, 1], moments[one, 2] + both * moments[other, 2]
    plane = planes and pixels >= _LEAST_PIXELS
    s_rr, s_rc, s_cc, scatter = 0.0, 0.0, 0.0, 0.0
    if plane:
        s_rr = moments[one, 3] + both * moments[other, 3] - rows * rows / pixels
        s_rc = moments[one, 4] + both * moments[other, 4] - rows * columns / pixels
        s_cc = moments[one, 5] + both * moments[other, 5] - columns * columns / pixels
        scatter = s_rr * s_cc - s_rc * s_rc
        plane = scatter > _LEAST_SCATTER * (s_rr + s_cc) ** 2
    error, gain = 0.0, 0.0
    for at in range(VALUES, moments.shape[1], PER_CHANNEL):
        value = moments[one, at] + both * moments[other, at]
        error += moments[one, at + 1] + both * moments[other, at + 1] - value * value / pixels
        if plane:
            b_r = moments[one, at + 2] + both * moments[other, at + 2] - rows * value / pixels
            b_c = moments[one, at + 3] + both * moments[other, at + 3] - columns * value / pixels
            gain += (b_r * b_r * s_cc - 2.0 * b_r * b_c * s_rc + b_c * b_c * s_rr) / scatter
    return error - max(gain - weight * PLANE_BITS, 0.0)


@inner
def error_of(moments: Array, one: int, weight: float, planes: bool) -> float:
    """Squared error of a region's colour, or of its plane with λ · bits where that is less."""
    return float(_error(moments, one, one, 0.0, weight, planes))


@inner
def error_of_both(moments: Array, one: int, other: int, weight: float, planes: bool) -> float:
    """As `error_of`, for two regions that become one."""
    return float(_error(moments, one, other, 1.0, weight, planes))


def planes_of(moments: Array, weight: float) -> tuple[Array, Array]:
    """Which regions are planes, and the values of all regions as functions of rows and columns.

    Args:
        moments: (R, M).
        weight: λ.

    Returns:
        (R,) bool, and (R, channels, 3): value at row 0 and column 0, slopes along rows and columns; slopes of regions
        that are no planes are 0.
    """
    pixels = moments[:, 0]
    rows, columns = moments[:, 1] / pixels, moments[:, 2] / pixels
    s_rr = moments[:, 3] - pixels * rows**2
    s_rc = moments[:, 4] - pixels * rows * columns
    s_cc = moments[:, 5] - pixels * columns**2
    scatter = s_rr * s_cc - s_rc**2
    means = means_of(moments)
    b_r = moments[:, VALUES + 2 :: PER_CHANNEL] - moments[:, 1:2] * means
    b_c = moments[:, VALUES + 3 :: PER_CHANNEL] - moments[:, 2:3] * means
    sound = (pixels >= _LEAST_PIXELS) & (scatter > _LEAST_SCATTER * (s_rr + s_cc) ** 2)
    safe = np.where(sound, scatter, 1.0)[:, None]
    slopes = np.stack([b_r * s_cc[:, None] - b_c * s_rc[:, None], b_c * s_rr[:, None] - b_r * s_rc[:, None]], axis=2)
    slopes /= safe[..., None]
    gain = np.where(sound, (slopes[..., 0] * b_r + slopes[..., 1] * b_c).sum(axis=1), 0.0)
    plane = gain > weight * PLANE_BITS
    slopes[~plane] = 0.0
    values = means - slopes[..., 0] * rows[:, None] - slopes[..., 1] * columns[:, None]
    return plane, np.concatenate([values[..., None], slopes], axis=2)
