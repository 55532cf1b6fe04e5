"""Fidelity of pixels to a reference: PSNR, PSNR-B, SSIM and MS-SSIM.

The tests compare PSNR and SSIM with those of scikit-image. SSIM is implemented here because MS-SSIM needs its
contrast–structure factor, which scikit-image's `structural_similarity` does not return.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer

MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first (Wang, Simoncelli and Bovik, 2003)."""

_SIGMA = 1.5
_RADIUS = 5  # an 11×11 window


def mean_squared_error(reference: ArrayLike, image: ArrayLike) -> float:
    """Mean of the squared differences over all pixels and channels."""
    first, second = _pair(reference, image)
    return float(np.mean((first - second) ** 2))


def psnr_db(reference: ArrayLike, image: ArrayLike, *, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio 10 log₁₀(data_range² / MSE) in dB; infinite for equal pictures.

    Args:
        reference: picture of any shape.
        image: picture of the same shape.
        data_range: distance from black to white. May be omitted for two `uint8` (255) or two `uint16` (65535) arrays.

    Raises:
        ValueError: the shapes differ, or `data_range` is omitted for other types.

    >>> round(psnr_db(np.zeros((8, 8)), np.ones((8, 8)), data_range=255), 3)
    48.131
    """
    return psnr_of_error(mean_squared_error(reference, image), data_range=range_of(reference, image, data_range))


def psnr_of_error(error: float, *, data_range: float) -> float:
    """Peak signal-to-noise ratio of a mean squared error in dB, as for `psnr_db`; infinite for 0."""
    return math.inf if error == 0 else 10.0 * math.log10(data_range**2 / error)


def ssim(
    reference: ArrayLike, image: ArrayLike, *, data_range: float | None = None, channel_axis: int | None = None
) -> float:
    """Structural similarity: 11×11 Gaussian window, σ = 1.5, mean over the valid region (Wang et al., 2004).

    Args:
        reference: (H, W), or with channels along `channel_axis`, which are averaged; H, W ≥ 11.
        image: picture of the same shape.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.
    """
    pairs = planes(reference, image, channel_axis, smallest=2 * _RADIUS + 1)
    span = range_of(reference, image, data_range)
    return float(np.mean([_ssim_terms(first, second, span)[0] for first, second in pairs]))


def ms_ssim(
    reference: ArrayLike, image: ArrayLike, *, data_range: float | None = None, channel_axis: int | None = None
) -> float:
    """Multi-scale SSIM over five dyadic scales (Wang, Simoncelli and Bovik, 2003).

    Product of the contrast–structure terms of the four finer scales and the full SSIM of the coarsest, each a mean over
    the valid region, with the exponents `MS_SSIM_WEIGHTS`; negative terms count as 0. Each scale is the 2×2 means of
    the finer one.

    Args:
        reference: (H, W), or with channels along `channel_axis`, which are averaged; H, W ≥ 176.
        image: picture of the same shape.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.
    """
    scales = len(MS_SSIM_WEIGHTS)
    pairs = planes(reference, image, channel_axis, smallest=(2 * _RADIUS + 1) * 2 ** (scales - 1))
    span = range_of(reference, image, data_range)
    values = []
    for first, second in pairs:
        product = 1.0
        for scale, weight in enumerate(MS_SSIM_WEIGHTS):
            similarity, contrast_structure = _ssim_terms(first, second, span)
            term = similarity if scale == scales - 1 else contrast_structure
            product *= max(term, 0.0) ** weight
            first, second = halved(first), halved(second)
        values.append(product)
    return float(np.mean(values))


def psnr_b(reference: ArrayLike, image: ArrayLike, *, data_range: float | None = None, block: int = 8) -> float:
    """PSNR with the blocking effect of `image` added to the squared error (Yim and Bovik, 2011), in dB.

    The blocking effect is η (D_B − D_C) if D_B, the mean squared difference across block boundaries, exceeds D_C, that
    of all other neighbours, and 0 otherwise; η = log₂ B / log₂ min(H, W). Not symmetric: it depends on `image` only.

    Args:
        reference: (H, W) one plane.
        image: (H, W) one plane, whose block grid starts in the corner.
        data_range: as in `psnr_db`.
        block: side B of the blocks in pixels.
    """
    first, second = _pair(reference, image)
    block = integer("block", block, 2)
    ok = second.ndim == 2 and min(second.shape) > block
    arguments.require_shape(ok, "image", f"(H, W) with both sides above {block}", second)
    steps = [np.diff(plane, axis=1) ** 2 for plane in (second, second.T)]
    at_boundary = [square[:, block - 1 :: block].ravel() for square in steps]
    elsewhere = [np.delete(square, np.s_[block - 1 :: block], axis=1).ravel() for square in steps]
    excess = float(np.concatenate(at_boundary).mean() - np.concatenate(elsewhere).mean())
    factor = math.log2(block) / math.log2(min(second.shape))
    error = float(np.mean((first - second) ** 2)) + factor * max(excess, 0.0)
    return psnr_of_error(error, data_range=range_of(reference, image, data_range))


def _pair(reference: ArrayLike, image: ArrayLike) -> tuple[Array, Array]:
    first, second = arguments.real("reference", reference), arguments.real("image", image)
    arguments.require_shape(first.shape == second.shape, "image", f"{first.shape} as reference", second)
    arguments.require_shape(first.size > 0, "reference", "with at least one pixel", first)
    return first, second


def range_of(reference: ArrayLike, image: ArrayLike, data_range: float | None) -> float:
    """`data_range`, inferred from the types if omitted; see `psnr_db`."""
    if data_range is not None:
        arguments.require(data_range > 0, "data_range", "must be positive", data_range)
        return float(data_range)
    types = [arguments.plain("image", array).dtype for array in (reference, image)]
    if types[0] != types[1] or types[0] not in (np.uint8, np.uint16):
        kinds = f"{types[0]} and {types[1]}"
        raise ValueError(
            f"data_range must be given unless both pictures are uint8 or both uint16, but they are {kinds}"
        )
    return float(np.iinfo(types[0]).max)


def planes(
    reference: ArrayLike, image: ArrayLike, channel_axis: int | None, *, smallest: int
) -> list[tuple[Array, Array]]:
    """Pairs of planes, one per channel, both sides at least `smallest`."""
    first, second = _pair(reference, image)
    if channel_axis is None:
        first, second = first[None], second[None]
    else:
        first, second = np.moveaxis(first, channel_axis, 0), np.moveaxis(second, channel_axis, 0)
    ok = first.ndim == 3 and min(first.shape[1:]) >= smallest
    arguments.require_shape(ok, "image", f"(H, W) per channel with both sides at least {smallest}", second)
    return list(zip(first, second, strict=True))


def _ssim_terms(first: Array, second: Array, span: float) -> tuple[float, float]:
    """Means over the valid region of SSIM and of its contrast–structure factor."""
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    mean1, mean2 = _smooth(first), _smooth(second)
    variances = _smooth(first**2) - mean1**2 + _smooth(second**2) - mean2**2
    covariance = _smooth(first * second) - mean1 * mean2
    contrast_structure = (2 * covariance + c2) / (variances + c2)
    luminance = (2 * mean1 * mean2 + c1) / (mean1**2 + mean2**2 + c1)
    return float(np.mean(luminance * contrast_structure)), float(np.mean(contrast_structure))


def _smooth(plane: Array) -> Array:
    """The plane smoothed by the Gaussian window, valid region only."""
    from scipy.ndimage import correlate1d

    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    window = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    window /= window.sum()
    smooth = correlate1d(correlate1d(plane, window, axis=0), window, axis=1)
    return np.asarray(smooth[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS])


def halved(plane: Array) -> Array:
    """2×2 means; an odd last row or column is dropped."""
    rows, columns = plane.shape[0] // 2, plane.shape[1] // 2
    return np.asarray(plane[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3)))
