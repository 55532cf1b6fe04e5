"""Picture quality against a reference: PSNR, SSIM, MS-SSIM and PSNR-B."""

import math

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import arguments
from qimg.core.arguments import Array, integer

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
        data_range: distance from black to white; 65535 for two `uint16` arrays and 255 otherwise when left out.

    >>> round(psnr_db(np.zeros((8, 8)), np.ones((8, 8))), 3)
    48.131
    """
    return psnr_of_error(mean_squared_error(reference, image), data_range=_range(reference, image, data_range))


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
    planes = _planes(reference, image, channel_axis, smallest=2 * _RADIUS + 1)
    span = _range(reference, image, data_range)
    return float(np.mean([_ssim_terms(first, second, span)[0] for first, second in planes]))


def ms_ssim(
    reference: ArrayLike, image: ArrayLike, *, data_range: float | None = None, channel_axis: int | None = None
) -> float:
    """Multi-scale SSIM over five dyadic scales (Wang, Simoncelli and Bovik, 2003).

    Contrast–structure of the four finer scales and the full SSIM of the coarsest, each a mean over the valid region,
    multiplied with the exponents `MS_SSIM_WEIGHTS`; negative terms count as 0. Scales differ by 2×2 means.

    Args:
        reference: (H, W), or with channels along `channel_axis`, which are averaged; H, W ≥ 176.
        image: picture of the same shape.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.
    """
    scales = len(MS_SSIM_WEIGHTS)
    planes = _planes(reference, image, channel_axis, smallest=(2 * _RADIUS + 1) * 2 ** (scales - 1))
    span = _range(reference, image, data_range)
    values = []
    for first, second in planes:
        product = 1.0
        for scale, weight in enumerate(MS_SSIM_WEIGHTS):
            similarity, contrast_structure = _ssim_terms(first, second, span)
            term = similarity if scale == scales - 1 else contrast_structure
            product *= max(term, 0.0) ** weight
            first, second = _halve(first), _halve(second)
        values.append(product)
    return float(np.mean(values))


def gmsd(reference: ArrayLike, image: ArrayLike, *, data_range: float | None = None) -> float:
    """Gradient magnitude similarity deviation (Xue, Zhang, Mou and Bovik, 2014): 0 for equal pictures, larger is worse.

    The standard deviation over pixels of (2 g₁g₂ + c) / (g₁² + g₂² + c), with Prewitt gradients g of 2×2 means and
    c = 170 for a range of 255.

    Args:
        reference: (H, W) one plane; H, W ≥ 4.
        image: plane of the same shape.
        data_range: as in `psnr_db`.
    """
    (first, second), *_ = _planes(reference, image, None, smallest=4)
    constant = 170 * (_range(reference, image, data_range) / 255) ** 2
    steep = [_gradient_magnitude(_halve(plane)) for plane in (first, second)]
    similarity = (2 * steep[0] * steep[1] + constant) / (steep[0] ** 2 + steep[1] ** 2 + constant)
    return float(np.std(similarity))


def psnr_b(reference: ArrayLike, image: ArrayLike, *, data_range: float | None = None, block: int = 8) -> float:
    """PSNR with the blocking effect of `image` added to the squared error (Yim and Bovik, 2011), in dB.

    BEF = η (D_B − D_C) where D_B, the mean squared difference across block boundaries, exceeds D_C, that of all other
    neighbours; η = log₂ B / log₂ min(H, W). Not symmetric: only `image` is searched for blocks.

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
    at_boundary: list[Array] = []
    elsewhere: list[Array] = []
    for plane in (second, second.T):
        steps = np.diff(plane, axis=1) ** 2
        boundary = np.arange(1, plane.shape[1]) % block == 0
        at_boundary.append(steps[:, boundary].ravel())
        elsewhere.append(steps[:, ~boundary].ravel())
    excess = float(np.concatenate(at_boundary).mean() - np.concatenate(elsewhere).mean())
    factor = math.log2(block) / math.log2(min(second.shape))
    error = float(np.mean((first - second) ** 2)) + factor * max(excess, 0.0)
    return psnr_of_error(error, data_range=_range(reference, image, data_range))


def _pair(reference: ArrayLike, image: ArrayLike) -> tuple[Array, Array]:
    first, second = arguments.real("reference", reference), arguments.real("image", image)
    arguments.require_shape(first.shape == second.shape, "image", f"{first.shape} as reference", second)
    arguments.require_shape(first.size > 0, "reference", "with at least one pixel", first)
    return first, second


def _range(reference: ArrayLike, image: ArrayLike, data_range: float | None) -> float:
    if data_range is not None:
        arguments.require(data_range > 0, "data_range", "must be positive", data_range)
        return float(data_range)
    deep = [np.asarray(array).dtype == np.uint16 for array in (reference, image)]
    if deep[0] != deep[1]:
        raise ValueError("data_range must be given where one picture is uint16 and the other is not")
    return 65535.0 if deep[0] else 255.0


def _planes(
    reference: ArrayLike, image: ArrayLike, channel_axis: int | None, *, smallest: int
) -> list[tuple[Array, Array]]:
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
    """Gaussian window, only where it fits into the plane."""
    from scipy.ndimage import correlate1d

    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    window = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    window /= window.sum()
    smooth = correlate1d(correlate1d(plane, window, axis=0), window, axis=1)
    return np.asarray(smooth[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS])


def _gradient_magnitude(plane: Array) -> Array:
    from scipy.ndimage import prewitt

    return np.asarray(np.hypot(*(prewitt(plane, axis=axis, mode="constant") for axis in (0, 1))) / 3)


def _halve(plane: Array) -> Array:
    rows, columns = plane.shape[0] // 2, plane.shape[1] // 2
    return np.asarray(plane[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3)))
