"""Quantization tables of libjpeg."""

import io
from functools import cache

import numpy as np
from PIL import Image

from qimg.core import Array, integer


def quantization_table(quality: int, *, chroma: bool = False) -> Array:
    """Libjpeg's 8×8 table of quantization steps at a quality, row-major (ITU-T T.81, annex K, scaled).

    Args:
        quality: 1 to 100.
        chroma: the table of Cb and Cr instead of that of luma.

    Returns:
        (8, 8) `float64`, steps in units of the orthonormal DCT of code values.

    >>> quantization_table(50)[0]
    array([16., 11., 10., 16., 24., 40., 51., 61.])
    """
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=integer("quality", quality, 1, 100))
    with Image.open(buffer) as file:
        table = file.quantization[1 if chroma else 0]  # type: ignore[attr-defined]
    return np.array(table, dtype=np.float64).reshape(8, 8)


def quality_estimate(table: Array) -> int:
    """The quality of libjpeg, 1 to 100, whose luma table is nearest to a table (8, 8).

    Nearest in the mean modulus of the logarithms of the ratios of steps; encoders with other tables have no such
    quality, so that this is a description only.
    """
    return 1 + int(np.abs(_logarithms() - np.log(table.ravel())).mean(axis=1).argmin())


@cache
def _logarithms() -> Array:
    """(100, 64) logarithms of the steps of all qualities."""
    return np.log([quantization_table(quality).ravel() for quality in range(1, 101)])
