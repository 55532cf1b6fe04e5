"""Draws from the conditional distribution, which have more texture than its mean."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK, DCT, from_blocks, to_blocks
from qimg.images.jpeg.coefficients import Component, JpegFile, read_jpeg
from qimg.restoration.jpeg.cascade import Estimate, first_labels
from qimg.restoration.jpeg.natural.consistency import mend

INSIDE = 0.96
"""Share of a bin to which draws are confined, so that rounding to pixels moves fewer coefficients out of the bin."""
WIDTHS = ((0.5, 0.58), (0.68, 0.87), (0.8, 1.11), (0.9, 1.45), (0.95, 1.79), (0.99, 2.7))
"""Pairs of a probability and the half width of its interval about a draw, in deviations from it. Measured on the
pictures `splits.json#holdout`; nearly the same for all qualities from 5 to 95 and both methods."""
_SUBSAMPLINGS = {(1, 1): 0, (1, 2): 1, (2, 2): 2}  # Pillow's numbers by rows and columns of a sample of chroma


def draw(component: Component, estimate: Estimate, shapes: Array, rng: np.random.Generator) -> Array:
    """Draw a plane given its quantized coefficients.

    Coefficients are independent normal variables around the estimate, truncated to their bins. The variance of a block
    is that of the estimator, distributed over the coefficients like the errors of blocks of its class. This is an
    approximation: the true conditional distribution has correlations between coefficients and longer tails.

    Args:
        component: component of the file.
        estimate: values and calibrated variance, (8R, 8C).
        shapes: (classes, 64) distribution of the errors of a block over its coefficients, mean 1, by `first_labels`.
        rng: source of all randomness.

    Returns:
        (8R, 8C) float32.
    """
    from scipy.special import ndtr, ndtri

    steps = component.table.ravel()
    middle = component.coefficients.reshape(-1, BLOCK * BLOCK) * steps
    mean = to_blocks(estimate.values - np.float32(128)) @ DCT.T
    power = to_blocks(estimate.variance).mean(axis=1, keepdims=True)
    deviation = np.sqrt(power * shapes[first_labels(component.coefficients)]).astype(np.float64)
    half = INSIDE / 2 * steps
    low, high = ndtr((middle - half - mean) / deviation), ndtr((middle + half - mean) / deviation)
    drawn = mean + deviation * ndtri(low + (high - low) * rng.random(mean.shape))
    # Where the mean lies many deviations from the bin, the truncated law is concentrated at the nearest boundary.
    drawn = np.clip(np.where(np.isfinite(drawn), drawn, mean), middle - half, middle + half)
    return from_blocks(drawn.astype(np.float32) @ DCT, estimate.values.shape) + np.float32(128)


def error_shape(errors: Array, labels: Array, classes: int) -> tuple[Array, Array]:
    """Sums of squared coefficients (classes, 64) of the errors of blocks (n, 64), and numbers of blocks per class."""
    squares = np.square(errors @ DCT.T, dtype=np.float64)
    total = np.zeros((classes, BLOCK * BLOCK))
    np.add.at(total, labels, squares)
    return total, np.bincount(labels, minlength=classes).astype(np.float64)


class Recompression:
    """Compression of pixels with the tables of a file, for comparison with its coefficients."""

    def __init__(self, file: JpegFile) -> None:
        self.file = file
        tables = [component.table for component in file.components]
        luma, *chroma = [(component.vertical, component.horizontal) for component in file.components]
        alike = tables if file.is_rgb else tables[1:]
        self._options: dict[str, Any] = {"qtables": [one.ravel().astype(int).tolist() for one in tables[:2]]}
        if chroma:
            self._options["subsampling"] = _SUBSAMPLINGS.get(chroma[0])
        if file.is_rgb:
            self._options |= {"keep_rgb": True, "qtables": self._options["qtables"][:1]}
        self.possible = (
            max(table.max() for table in tables) <= 255
            and all(np.array_equal(table, alike[0]) for table in alike)
            and luma == (1, 1)
            and len(set(chroma)) <= 1
            and self._options.get("subsampling", 0) in ((0,) if file.is_rgb else _SUBSAMPLINGS.values())
        )
        """Whether Pillow can write such files: 8-bit steps, one table for Cb and Cr, a supported subsampling."""

    def changed(self, pixels: Array) -> list[Array]:
        """(R, C, 8, 8) for each component, True where a coefficient differs from that of the file."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", **self._options)
        pairs = zip(read_jpeg(buffer.getvalue(), max_pixels=None).components, self.file.components, strict=True)
        return [np.asarray(one.coefficients != other.coefficients) for one, other in pairs]


def consistent(file: JpegFile, planes: list[Array], make: Callable[[list[Array]], Array]) -> tuple[Array, float]:
    """Pixels whose compression reproduces the file's coefficients where possible, and the share of equal coefficients.

    Rounding and clipping of pixels may move a coefficient out of its bin; `consistency.mend` searches for nearby pixels
    that keep it inside. The share is measured by compressing the pixels; it is NaN if Pillow cannot write such files.

    Args:
        file: file with the target coefficients.
        planes: (8R, 8C) for each component.
        make: function from planes to pixels, before rotation by EXIF orientation.
    """
    pixels = make(planes)
    check = Recompression(file)
    if not check.possible:
        return pixels, float("nan")
    changed = check.changed(pixels)
    blocks = [np.asarray(one.any(axis=(2, 3))) for one in changed]
    if any(one.any() for one in blocks):
        mend(file, pixels, blocks)
        changed = check.changed(pixels)
    return pixels, 1 - sum(int(one.sum()) for one in changed) / sum(one.size for one in changed)
