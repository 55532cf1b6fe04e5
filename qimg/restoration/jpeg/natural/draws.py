"""A draw from the conditional distribution instead of its mean: as much texture as there was."""

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
"""Share of a bin that draws are confined to: rounding to pixels carries fewer coefficients out of it."""
_SUBSAMPLINGS = {(1, 1): 0, (1, 2): 1, (2, 2): 2}  # Pillow's numbers by rows and columns of a sample of chroma


def draw(component: Component, estimate: Estimate, shapes: Array, rng: np.random.Generator) -> Array:
    """A plane drawn given its quantized coefficients.

    Coefficients are independent normal variables around the estimate, truncated to their bins; a block's variance is
    what the estimator expects there, distributed over its coefficients as errors of such blocks are. Approximate: the
    true conditional distribution has correlations between coefficients and longer tails.

    Args:
        component: of the file.
        estimate: values and calibrated variance, (8R, 8C).
        shapes: (classes, 64) how errors of a block spread over its coefficients, mean 1, by `first_labels`.
        rng: draws.

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
    # where the mean lies many deviations from the bin, the truncated law is its nearest wall
    drawn = np.clip(np.where(np.isfinite(drawn), drawn, mean), middle - half, middle + half)
    return from_blocks(drawn.astype(np.float32) @ DCT, estimate.values.shape) + np.float32(128)


def error_shape(errors: Array, labels: Array, classes: int) -> tuple[Array, Array]:
    """Σ of squared coefficients (classes, 64) of the errors of blocks (n, 64), and how many blocks there are."""
    squares = np.square(errors @ DCT.T, dtype=np.float64)
    total = np.zeros((classes, BLOCK * BLOCK))
    np.add.at(total, labels, squares)
    return total, np.bincount(labels, minlength=classes).astype(np.float64)


class Recompression:
    """What a JPEG encoder with the file's own tables makes of pixels, beside what the file holds."""

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
        """Whether Pillow can write such files: steps of a byte, one table for Cb and Cr, a sampling that it knows."""

    def changed(self, pixels: Array) -> list[Array]:
        """(R, C, 8, 8) of each component: whether a coefficient is not that of the file."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", **self._options)
        pairs = zip(read_jpeg(buffer.getvalue(), max_pixels=None).components, self.file.components, strict=True)
        return [np.asarray(one.coefficients != other.coefficients) for one, other in pairs]


def consistent(file: JpegFile, planes: list[Array], make: Callable[[list[Array]], Array]) -> tuple[Array, float]:
    """Pixels that give the file's coefficients again, as far as that can be had, and the share of coefficients that do.

    Pixels are rounded and clipped, which may carry a coefficient over the wall of its bin; `consistency.mend` looks
    for others nearby that stay inside. The share is that of a real compression, NaN where Pillow writes no such files.

    Args:
        file: whose coefficients are wanted.
        planes: (8R, 8C) of its components.
        make: pixels from planes, before any turning.
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
