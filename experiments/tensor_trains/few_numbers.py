"""Pictures of few numbers without a tensor train: a KLT, the largest coefficients of a block DCT, JPEG."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qimg import images, metrics
from qimg.core import Array
from qimg.images import LEVEL_SHIFT
from qimg.patches import assemble_patches, extract_patches
from qimg.transforms import unitary

OTHERS = ("KLT of the picture", "block DCT", "block DCT with positions", "JPEG coefficients")
"""Names of the models."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Jpeg:
    """A gray JPEG file."""

    coefficients: int
    """Quantized coefficients that are not zero."""
    bits_per_pixel: float
    psnr_db: float
    shown: Array


def jpegs(plane: Array) -> list[Jpeg]:
    """Gray JPEG files of every third quality, optimised."""
    coefficients = extract_patches(plane.astype(float) - LEVEL_SHIFT) @ unitary("dct_2d", 64).T
    found = []
    for quality in range(1, 101, 3):
        pair = images.jpeg_round_trip(plane, quality=quality)
        steps = images.quantization_table(quality).reshape(-1)
        found.append(
            Jpeg(
                coefficients=int(np.count_nonzero(np.rint(coefficients / steps))),
                bits_per_pixel=metrics.bits_per_pixel(len(pair.file), plane.shape),
                psnr_db=metrics.psnr_db(plane, pair.image, data_range=255),
                shown=pair.image.astype(float),
            )
        )
    return found


def others(plane: Array, budget: int, files: Sequence[Jpeg]) -> dict[str, tuple[int, Array]]:
    """Model → numbers, and the picture they keep; a model without a picture of so few numbers is left out."""
    patches = extract_patches(plane.astype(float))
    coefficients = patches @ unitary("dct_2d", 64).T
    kept = {
        OTHERS[1]: (min(budget, coefficients.size), _largest(coefficients, budget, plane.shape)),
        # A position is a number as well, so half as many coefficients are kept.
        OTHERS[2]: (min(budget, 2 * coefficients.size), _largest(coefficients, budget // 2, plane.shape)),
    }
    if budget >= sum(patches.shape):
        kept[OTHERS[0]] = _klt(patches, budget, plane.shape)
    fitting = [one for one in files if one.coefficients <= budget]
    if fitting:
        jpeg = max(fitting, key=lambda one: one.psnr_db)
        kept[OTHERS[3]] = (jpeg.coefficients, jpeg.shown)
    return kept


def _klt(patches: Array, budget: int, shape: tuple[int, ...]) -> tuple[int, Array]:
    """Coefficients of the leading singular vectors of the patches and the vectors themselves."""
    each = sum(patches.shape)
    rank = min(budget // each, *patches.shape)
    left, values, right = np.linalg.svd(patches, full_matrices=False)
    return rank * each, assemble_patches((left[:, :rank] * values[:rank]) @ right[:rank], shape)


def _largest(coefficients: Array, count: int, shape: tuple[int, ...]) -> Array:
    """The picture of the `count` largest coefficients."""
    kept = np.zeros_like(coefficients)
    chosen = np.argsort(-np.abs(coefficients), axis=None, kind="stable")[:count]
    kept.flat[chosen] = coefficients.flat[chosen]
    return np.asarray(assemble_patches(kept @ unitary("dct_2d", 64), shape))
