"""SSIMULACRA 2 by the package `ssimulacra2` (extra `peers`)."""

import io
from importlib.util import find_spec

from PIL import Image

from qimg.core import Array


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
