"""Pictures and what JPEG makes of them: the pairs, and their joint second moments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import ArrayLike

from qimg import images
from qimg.core import Array, one_of
from qimg.images import LEVEL_SHIFT, RawPicture
from qimg.metrics import bits_per_pixel
from qimg.operators import CorrelationOperator

_SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


@dataclass(frozen=True, eq=False, kw_only=True)
class JpegPair:
    """A picture and one JPEG file made of it."""

    quality: int
    """libjpeg's scale, 1 to 100."""
    subsampling: str
    """Chroma format, such as "4:2:0"."""
    image: Array
    """The picture without alpha, `uint8` or `uint16`, (H, W) or (H, W, 3)."""
    decoded: Array
    """What the file holds, `uint8` of the same shape."""
    bits_per_pixel: float
    """8 · bytes of the whole file / (H · W)."""


def pairs(
    raw: RawPicture | ArrayLike, qualities: Iterable[int], samplings: Iterable[str] = ("4:4:4", "4:2:0")
) -> Iterator[JpegPair]:
    """The JPEG files of a picture at every quality and chroma format, made one by one, qualities fastest.

    Args:
        raw: a developed RAW file, of which the rendered picture is taken, or an image array. 16 bit is rounded to 8
            for the encoder alone.
        qualities: 1 to 100 each.
        samplings: "4:4:4", "4:2:2" or "4:2:0" each. A gray picture has no chroma to sample: equal files for all.
    """
    image = images.without_alpha(raw.rendered if isinstance(raw, RawPicture) else raw)
    qualities = tuple(qualities)
    for subsampling in samplings:
        for quality in qualities:
            yield _pair(image, quality, subsampling)


def joint_operator(
    image: ArrayLike, *, quality: int, subsampling: str = "4:2:0", mirrored: bool = True
) -> CorrelationOperator:
    """Second moments of the vectors z ⊕ (x − z): the decoded patch z of a JPEG and its error, 384 dimensions.

    8×8 patches in level-shifted Y'CbCr, on the grid of the JPEG's blocks. The operators of pictures add, and
    `conditional_expectation(joint, observed=192, noise_variance=…)` is the linear map z ↦ E[x − z | z] that
    restoration adds to z. Exact; cost: one JPEG file and one product, O(384² · patches).

    Args:
        image: an image array; alpha is dropped. x keeps the precision of 16 bit, z comes from its rounding to 8. Gray
            pictures have neutral chroma.
        quality: 1 to 100, libjpeg's scale.
        subsampling: "4:4:4", "4:2:2" or "4:2:0"; nothing depends on it where the picture is gray.
        mirrored: add the mirror images of all patches, upside down, left to right and both, whose errors are as likely:
            three permutations of the operator, four times its count.
    """
    pair = _pair(images.without_alpha(image), quality, subsampling)
    decoded = images.to_ycbcr(pair.decoded)
    error = images.to_ycbcr(pair.image) - decoded
    # `from_planes` takes the level shift off every plane; the error has none.
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
