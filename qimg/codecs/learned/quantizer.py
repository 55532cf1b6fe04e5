"""The quantizer of the learned codec: each latent is rounded to the integer of the least rate-distortion cost."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from qimg.core import Array
from qimg.entropy.distributions import MEAN_FRACTION, SCALE_FRACTION, SCALES, SMALLEST

SLOPE = 0.13
"""Squared error that is worth a bit, in squared steps."""
_MOST_BITS = 40.0
_SCALES = SMALLEST * 2.0 ** (np.arange(SCALES) / (1 << SCALE_FRACTION))


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantizer:
    """Rate-distortion optimised rounding, greedy in the order of coding.

    The cost of an integer k is its code length plus g² (y / g − k)² / `slope`, with the decoder's gain g: a squared
    error in squared steps, because the basis is nearly orthonormal.
    """

    coordinates: Array
    """(channels, H, W) coefficients in steps."""
    gains: Array
    """(channels,) the decoder's gains."""
    slope: float = SLOPE

    def __call__(self, place: Any, parameters: Array) -> Array:
        """The integers of a group of further channels; see `qimg.codecs.learned.tiles.Choice`."""
        channels, rows, columns = place
        gains = self.gains[1:][channels][:, None, None]
        y = self.coordinates[1:][channels, rows, columns] / gains
        weights = np.broadcast_to(gains**2 / self.slope, y.shape).ravel()
        y = y.ravel()
        mean = parameters[:, 0] / np.float32(1 << MEAN_FRACTION)
        scale = _SCALES[np.clip(parameters[:, 1], 0, SCALES - 1)].astype(np.float32)
        best = np.rint(y)
        cost = weights * (y - best) ** 2 + laplace_bits(best - mean, scale)
        for candidate in (best - np.sign(best), np.zeros_like(best)):
            other = weights * (y - candidate) ** 2 + laplace_bits(candidate - mean, scale)
            better = other < cost
            best, cost = np.where(better, candidate, best), np.where(better, other, cost)
        return best.astype(np.int32)


def laplace_bits(x: Array, scale: Array) -> Array:
    """Code lengths in bits of integers at distances x from the mean, approximately."""
    distance = np.abs(x)
    near, far = (distance - 0.5) / scale, (distance + 0.5) / scale
    tail = near - np.log(-0.5 * np.expm1(-1 / scale))
    inside = -np.log1p(-0.5 * (np.exp(np.minimum(near, 0)) + np.exp(-far)))
    return np.minimum(np.where(near > 0, tail, inside) / np.log(2), _MOST_BITS)
