"""BlurHash (Wolt, https://github.com/woltapp/blurhash): a few cosines of linear light as a text in base 83."""

import numpy as np

from qimg import images
from qimg.core import Array

_LEVELS = 19  # of a coefficient


def round_trip(image: Array, components: tuple[int, int]) -> tuple[Array, int]:
    """The picture that a hash shows, and the length of the hash in characters.

    Args:
        image: (H, W) or (H, W, 3) `uint8`.
        components: cosines along rows and along columns, 1 to 9 each.
    """
    linear = _to_linear(np.dstack([image] * 3) if image.ndim == 2 else image)
    waves = [
        np.cos(np.pi * np.outer(np.arange(count), np.arange(length)) / length)
        for count, length in zip(components, image.shape[:2], strict=True)
    ]
    values = np.einsum("ir,jc,rcp->ijp", *waves, linear) / linear[..., 0].size
    values *= 2
    values[0, 0] /= 2
    coarse = np.zeros_like(values)
    coarse[0, 0] = _to_linear(images.to_uint8(255 * _to_code_values(values[0, 0])))
    others = np.ones(values.shape, bool)
    others[0, 0] = False
    if others.any():
        largest = (np.clip(np.floor(np.abs(values[others]).max() * 166 - 0.5), 0, 82) + 1) / 166
        share = values[others] / largest
        numbers = np.clip(np.floor(np.sign(share) * np.sqrt(np.abs(share)) * 9 + 9.5), 0, _LEVELS - 1)
        coarse[others] = np.sign(numbers - 9) * ((numbers - 9) / 9) ** 2 * largest
    shown = images.to_uint8(255 * _to_code_values(np.einsum("ir,jc,ijp->rcp", *waves, coarse)))
    return (images.to_uint8(images.luma(shown)) if image.ndim == 2 else shown), 4 + 2 * components[0] * components[1]


def _to_linear(code_values: Array) -> Array:
    """Linear light of sRGB."""
    share = code_values / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def _to_code_values(linear: Array) -> Array:
    """Shares of 255 in sRGB, clipped to [0, 1]."""
    share = np.clip(linear, 0, 1)
    return np.where(share <= 0.0031308, 12.92 * share, 1.055 * share ** (1 / 2.4) - 0.055)
