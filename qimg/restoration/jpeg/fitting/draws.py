"""Training data of a fit: planes of pictures with random offsets of the grid, and their quantized coefficients."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from qimg import images
from qimg.core import Array
from qimg.images import ImageError
from qimg.images.collections import Source
from qimg.images.jpeg.blocks import BLOCK, DCT, to_blocks

LEAST = 64
"""Smallest number of rows and columns of a picture."""


class Draw(NamedTuple):
    """One plane at one quality."""

    plane: Array
    """(8R, 8C) float32 true samples."""
    coefficients: Array
    """(R, C, 8, 8) int16."""
    table: Array
    """(8, 8) quantization steps."""


def draws(
    sources: Sequence[Source],
    *,
    qualities: Sequence[int],
    pixels: int,
    most: int,
    chroma: bool,
    rounded: bool = True,
    rng: np.random.Generator,
) -> Iterator[Draw]:
    """Draw planes at random places and qualities; JPEG sources are reduced by 2×2 means, which blurs their grid.

    Args:
        sources: pictures; each is read once.
        qualities: libjpeg's qualities, with equal probabilities.
        pixels: target number of luma pixels per picture; small pictures are drawn again at other offsets and qualities.
        most: largest number of draws per picture.
        chroma: draw Cb or Cr, reduced by 2×2 means as in 4:2:0, after every third plane of luma.
        rounded: as in `planes`.
        rng: source of all randomness.
    """
    for source in sources:
        luma, colour = planes(source, rounded=rounded)
        count = int(np.clip(round(pixels / luma.size), 1, most))
        for number in range(count):
            quality = int(rng.choice(np.asarray(qualities)))
            yield drawn(_cut(luma, rng), table(quality, chroma=False), rounded=rounded)
            if chroma and colour and number % 3 == 0:
                plane = colour[int(rng.integers(2))]
                yield drawn(_cut(plane, rng), table(quality, chroma=True), rounded=rounded)


def planes(source: Source, *, rounded: bool = True) -> tuple[Array, list[Array]]:
    """Luma and, at half its size, the two planes of chroma, float32; a gray picture has no chroma.

    Args:
        source: any picture.
        rounded: round planes of full size to whole code values, as in the input of an encoder; otherwise they have the
            precision of the picture.

    Raises:
        ImageError: the file cannot be read, or is too small.
    """
    pixels, _ = source.read()
    image = images.box_mean(pixels, 2 if source.jpeg else 1)
    if min(image.shape[:2]) < LEAST:
        height, width = image.shape[:2]
        reduced = ", reduced by 2×2 means as JPEG files are," if source.jpeg else ""
        raise ImageError(
            f"{source.name}:{reduced} must measure at least {LEAST}×{LEAST} pixels, but measures {height}×{width}"
        )
    if image.ndim == 2:
        return _in_depth(images.luma(image), rounded), []
    ycbcr = _in_depth(images.to_ycbcr(image), rounded)
    rows, columns = (length // 2 * 2 for length in ycbcr.shape[:2])
    halves = ycbcr[:rows, :columns, 1:].reshape(rows // 2, 2, columns // 2, 2, 2).mean(axis=(1, 3))
    return ycbcr[..., 0], [halves[..., 0], halves[..., 1]]


def _in_depth(values: Array, rounded: bool) -> Array:
    return (np.rint(values) if rounded else values).astype(np.float32)


def drawn(plane: Array, steps: Array, *, rounded: bool = True) -> Draw:
    """Quantize a plane whose sides are multiples of 8; if it is not `rounded`, its values are rounded first."""
    rows, columns = (length // BLOCK for length in plane.shape)
    encoder_input = plane if rounded else np.rint(plane)
    scaled = (to_blocks(encoder_input - np.float32(128)) @ DCT.T) / steps.ravel().astype(np.float32)
    return Draw(plane, np.rint(scaled).astype(np.int16).reshape(rows, columns, BLOCK, BLOCK), steps)


@cache
def table(quality: int, *, chroma: bool) -> Array:
    """Quantization table of libjpeg, cached."""
    return images.quantization_table(quality, chroma=chroma)


def _cut(plane: Array, rng: np.random.Generator) -> Array:
    """The largest part of the plane in whole blocks that begins at a random sample of the first 8×8."""
    top, left = rng.integers(BLOCK, size=2)
    height, width = ((length - first) // BLOCK * BLOCK for length, first in zip(plane.shape, (top, left), strict=True))
    return np.ascontiguousarray(plane[top : top + height, left : left + width])
