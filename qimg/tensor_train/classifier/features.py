"""The vector of each pixel that a tensor-train classifier multiplies by the core of its site."""

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, plain, require, require_shape

FEATURES = ("linear", "trigonometric")
"""Names of the maps of a pixel t in [0, 1]: (1, t), and (cos πt/2, sin πt/2)."""

LEVELS = 2
"""Components of the vector of a pixel."""


def site_vectors(pixels: Array, features: str) -> Array:
    """Vectors (..., 2) of pixels (...) in [0, 1], of the type of the pixels."""
    if features == "linear":
        return np.stack([np.ones_like(pixels), pixels], axis=-1)
    angles = pixels * pixels.dtype.type(np.pi / 2)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def constant_weights(columns: Array, features: str) -> Array:
    """Weights (sites, 2) whose product with the vectors of a site's pixels is closest to 1 in the mean square.

    With them, cores w₁ · 1 and w₂ · 1 multiply the vectors of the samples by about 1 at every site. For the linear map
    they are (1, 0), and the product is 1 exactly.

    Args:
        columns: (sites, n) pixels in [0, 1].
        features: one of `FEATURES`.
    """
    if features == "linear":
        return np.tile(np.array([1.0, 0.0]), (len(columns), 1))
    vectors = site_vectors(columns.astype(float), features)
    # A hundredth of a sample that is black and one that is white keep the equations regular.
    moments = np.einsum("kni,knj->kij", vectors, vectors) + 0.01 * np.eye(LEVELS)
    return np.asarray(np.linalg.solve(moments, (vectors.sum(axis=1) + 0.01)[..., None])[..., 0])


def pixel_columns(name: str, images: ArrayLike, *, data_range: float, pixels: int | None, dtype: type) -> Array:
    """Pictures (n, pixels) as columns (pixels, n) in [0, 1].

    Raises:
        ValueError: another shape, NaN, or pixels outside [0, data_range]; the message has the range that would do.
    """
    array = plain(name, images)
    require(array.dtype.kind in "biuf", name, "must hold real numbers", array.dtype.name)
    fits = array.ndim == 2 and array.size > 0 and pixels in (None, array.shape[1])
    require_shape(fits, name, f"(n, {'pixels' if pixels is None else pixels}) with n >= 1", array)
    low, high = float(array.min()), float(array.max())
    require(bool(np.isfinite(low) and np.isfinite(high)), name, "must be finite", (low, high))
    rule = f"must be in [0, {data_range:g}], the data_range"
    rule += f" (data_range={high:g} would do)" if low >= 0 else ""
    require(low >= 0 and high <= data_range, name, rule, (low, high))
    return np.ascontiguousarray(array.T).astype(dtype) / dtype(data_range)
