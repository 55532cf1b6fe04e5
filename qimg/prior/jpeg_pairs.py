"""Pairs of a picture and a JPEG file made from it, and their joint second moments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import ArrayLike

from qimg import images
from qimg.core import Array, one_of
from qimg.core.records import short_repr
from qimg.images import LEVEL_SHIFT, RawPicture
from qimg.metrics import bits_per_pixel
from qimg.operators import CorrelationOperator

_SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class JpegPair:
    """A picture and one JPEG file made from it."""

    quality: int
    """libjpeg's scale, 1 to 100."""
    subsampling: str
    """Chroma format, such as "4:2:0"."""
    image: Array
    """The picture without alpha, `uint8` or `uint16`, (H, W) or (H, W, 3)."""
    decoded: Array
    """The decoded file, `uint8` of the same shape."""
    bits_per_pixel: float
    """8 · bytes of the whole file / (H · W)."""


def pairs(
    raw: RawPicture | ArrayLike, qualities: Iterable[int], samplings: Iterable[str] = ("4:4:4", "4:2:0")
) -> Iterator[JpegPair]:
    """Yield the JPEG files of a picture at every quality and chroma format; qualities vary fastest.

    Args:
        raw: a developed RAW file, whose rendered picture is used, or an image array. 16-bit values are rounded to 8
            bits for the encoder only.
        qualities: 1 to 100 each.
        samplings: "4:4:4", "4:2:2" or "4:2:0" each. A gray picture has no chroma, so its files are the same for all.
    """
    image = images.without_alpha(raw.rendered if isinstance(raw, RawPicture) else raw)
    qualities = tuple(qualities)
    for subsampling in samplings:
        for quality in qualities:
            yield _pair(image, quality, subsampling)


def joint_operator(
    image: ArrayLike, *, quality: int, subsampling: str = "4:2:0", mirrored: bool = True
) -> CorrelationOperator:
    """Second moments of the vectors z ⊕ (x − z), a decoded JPEG patch and its error, in 384 dimensions.

    8×8 patches in level-shifted Y'CbCr, on the grid of the JPEG's blocks. The operators of pictures add, and
    `conditional_expectation(joint, observed=192, noise_variance=…)` is the linear map z ↦ E[x − z | z]; restoration
    adds its result to z. Exact; cost: one JPEG file and one product, O(384² · patches).

    Args:
        image: an image array; alpha is dropped. x has the full precision of 16-bit values; z is made from values
            rounded to 8 bits. Gray pictures have neutral chroma.
        quality: 1 to 100, libjpeg's scale.
        subsampling: "4:4:4", "4:2:2" or "4:2:0"; without effect on gray pictures.
        mirrored: add the mirror images of all patches (upside down, left to right, and both), whose errors are equally
            likely. They are three permutations of the operator; the count is four times as large.
    """
    pair = _pair(images.without_alpha(image), quality, subsampling)
    decoded = images.to_ycbcr(pair.decoded)
    error = images.to_ycbcr(pair.image) - decoded
    # `from_planes` subtracts the level shift from every plane; the error has none.
    joint = CorrelationOperator.from_planes(np.concatenate([decoded, error + LEVEL_SHIFT], axis=2))
    if not mirrored:
        return joint
    pixels = np.arange(384).reshape(6, 8, 8)
    orders = (pixels[:, ::-1], pixels[:, :, ::-1], pixels[:, ::-1, ::-1])
    return reduce(add, (joint.permuted(order.ravel()) for order in orders), joint)


def _pair(image: Array, quality: int, subsampling: str) -> JpegPair:
    one_of("subsampling", subsampling, _SUBSAMPLINGS)
    coded = images.jpeg_round_trip(image, quality=quality, subsampling=subsampling if image.ndim == 3 else None)
    return JpegPair(
        quality=quality,
        subsampling=subsampling,
        image=image,
        decoded=coded.image,
        bits_per_pixel=bits_per_pixel(len(coded.file), image.shape),
    )
