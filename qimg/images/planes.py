"""Image arrays and their planes: alpha, code values, Y'CbCr, box means."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, plain, require_shape

LEVEL_SHIFT = 128.0
"""Subtracted from every Y'CbCr plane before second moments are taken (ITU-T T.81, A.3.1)."""

_YCBCR = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.5],
        [0.5, -0.587 / 1.402, -0.114 / 1.402],
    ]
)
_RGB = np.array(
    [
        [1.0, 0.0, 1.402],
        [1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587],
        [1.0, 1.772, 0.0],
    ]
)
_ALPHA_CHANNELS = {2: 1, 4: 3}


class ImageError(ValueError):
    """A file or an array that is not a valid image; the message names it."""


class PictureWarning(UserWarning):
    """A part of a picture file that is read or written is not kept, or is rounded; the message names file and part."""


def remark(name: str, text: str) -> None:
    """Issue a `PictureWarning` about the file `name`."""
    warnings.warn(f"{name}: {text}", PictureWarning, stacklevel=2)


def check_image(name: str, image: ArrayLike) -> Array:
    """`image` as a valid image array in native byte order; raises `ImageError` with the violated rule."""
    try:
        pixels = plain(name, image)
    except ValueError as error:
        raise ImageError(str(error)) from None
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: pixels must be uint8 or uint16, but are {pixels.dtype}")
    if pixels.ndim not in (2, 3) or pixels.size == 0 or (pixels.ndim == 3 and pixels.shape[2] not in (2, 3, 4)):
        raise ImageError(f"{name}: shape must be (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), but is {pixels.shape}")
    return pixels


def has_alpha(image: Array) -> bool:
    """Whether the last channel is alpha: shapes (H, W, 2) and (H, W, 4)."""
    return image.ndim == 3 and image.shape[2] in _ALPHA_CHANNELS


def colours(image: Array) -> int:
    """Number of colour channels: 1 (gray) or 3 (RGB), alpha not counted."""
    if image.ndim == 2:
        return 1
    channels = int(image.shape[2])
    return _ALPHA_CHANNELS.get(channels, channels)


def without_alpha(image: ArrayLike) -> Array:
    """The colour channels of an image: (H, W) or (H, W, 3). Alpha is dropped, not composited."""
    pixels = check_image("image", image)
    if not has_alpha(pixels):
        return pixels
    return pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3]


def code_values(image: ArrayLike) -> Array:
    """Colour channels as `float64` in 8-bit code values: `uint16` is divided by 257, so that white is 255."""
    pixels = without_alpha(image)
    return pixels / 257.0 if pixels.dtype == np.uint16 else pixels.astype(np.float64)


def to_uint8(values: ArrayLike) -> Array:
    """Code values rounded to nearest and clipped to [0, 255]."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def rgb_to_ycbcr(rgb: ArrayLike) -> Array:
    """Y'CbCr of R'G'B' in code values: ITU-R BT.601 full range, as in JPEG (ITU-T T.871, section 7).

    Args:
        rgb: (..., 3), 0 to 255.

    Returns:
        (..., 3) `float64`, luma 0 to 255, chroma centred on 128, not rounded.
    """
    colour = plain("rgb", rgb).astype(np.float64)
    require_shape(colour.ndim >= 1 and colour.shape[-1] == 3, "rgb", "(..., 3)", colour)
    # One product over contiguous planes is faster than one over interleaved pixels.
    planes = _YCBCR @ colour.reshape(-1, 3).T
    planes[1:] += 128.0
    return np.moveaxis(planes.reshape(3, *colour.shape[:-1]), 0, -1)


def ycbcr_to_rgb(ycbcr: ArrayLike) -> Array:
    """Inverse of `rgb_to_ycbcr`; the result is neither rounded nor clipped."""
    planes = plain("ycbcr", ycbcr).astype(np.float64)
    require_shape(planes.ndim >= 1 and planes.shape[-1] == 3, "ycbcr", "(..., 3)", planes)
    return (planes - np.array([0.0, 128.0, 128.0])) @ _RGB.T


def to_ycbcr(image: ArrayLike) -> Array:
    """Y'CbCr planes (H, W, 3) of any image; gray has neutral chroma (128)."""
    values = code_values(image)
    if values.ndim == 2:
        neutral = np.full_like(values, 128.0)
        return np.stack([values, neutral, neutral], axis=-1)
    return rgb_to_ycbcr(values)


def luma(image: ArrayLike) -> Array:
    """Luma plane (H, W) in code values, `float64`, not rounded."""
    values = code_values(image)
    return values if values.ndim == 2 else values @ _YCBCR[0]


def box_mean(image: ArrayLike, factor: int) -> Array:
    """Downscale by averaging factor×factor boxes; incomplete boxes at the right and bottom are cut.

    Returns an image of the same dtype, rounded to nearest. `factor=1` returns the image itself.
    """
    pixels = check_image("image", image)
    factor = integer("factor", factor, 1, min(pixels.shape[:2]))
    if factor == 1:
        return pixels
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    boxes = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    means = np.rint(boxes.mean(axis=(1, 3))).astype(pixels.dtype)
    return means.reshape(height, width, *pixels.shape[2:])
