"""Projection of pixels towards quantization bins within [0, 255]: starting points of the integer search."""

import numpy as np

from qimg import images
from qimg.core import Array
from qimg.images.jpeg.blocks import DCT
from qimg.images.jpeg.libjpeg import SCALE, forward_dct, to_ycbcr
from qimg.images.jpeg.mcu import Frame, Layer

MARGIN = 1.0
"""Largest distance, in code values, of projections from the boundaries of bins; a margin for rounding errors."""
_ROUNDS = 40
_WEIGHTS = (images.rgb_to_ycbcr(np.eye(3)) - np.array([0, 128, 128])).T.astype(np.float32)  # (component, channel)


def projected(layers: list[Layer], frame: Frame, values: Array, *, share: float, colour: bool) -> Array:
    """Values near `values` whose rounding has coefficients in narrowed bins, or near them.

    Projected gradients with Nesterov's momentum on the squared distance from the narrowed bins. The rounding errors of
    the coefficients of `values` are assumed for the new values as well; at saturated pixels they are the same. Cost:
    two products with (64, 64) matrices per block and round.

    Args:
        layers: the components.
        frame: frame of the MCUs.
        values: (n, h, w, k) float32, in [0, 255].
        share: smallest share of a bin's half width that remains after narrowing it by `MARGIN`.
        colour: whether the layers are Y', Cb, Cr of R'G'B' values.

    Returns:
        (n, h, w, k) float32 in [0, 255].
    """
    axes = _WEIGHTS if colour else np.eye(values.shape[-1], dtype=np.float32)
    rate = np.float32(1 / np.linalg.norm(axes, 2) ** 2)
    pixels = images.to_uint8(values)
    whole = to_ycbcr(pixels) if colour else pixels.astype(np.int32)
    middles = []
    for place, layer in enumerate(layers):
        rounded = forward_dct(layer.sampled(whole[..., place])) / np.float32(SCALE)
        middles.append(layer.bins.middle / SCALE - rounded + layer.coefficients(values @ axes[place]))
    out, before, live = values.copy(), values.copy(), np.arange(len(values))
    for step in range(_ROUNDS):
        here = out[live] + np.float32(step / (step + 3)) * (out[live] - before[live])
        before[live] = out[live]
        slope, far = np.zeros_like(here), np.zeros(len(live), bool)
        for place, layer in enumerate(layers):
            some = layer.of(live)
            changes, outside = _into_bins(some, here @ axes[place], middles[place][live], share)
            slope += some.spread(changes)[..., None] * axes[place]
            far |= outside
        out[live] = frame.of(live).repeated(np.clip(here + rate * slope, 0, 255))
        live = live[far]
        if not len(live):
            break
    return out


def _into_bins(layer: Layer, values: Array, middles: Array, share: float) -> tuple[Array, Array]:
    """Changes (n, rows, columns, 64) of samples into narrowed bins, and (n,) MCUs outside of slightly wider bins."""
    half = (layer.bins.half + np.float32(0.5)) / SCALE
    narrowed = np.maximum(half - np.float32(MARGIN), half * np.float32(share))
    away = layer.coefficients(values) - middles
    outside = layer.real & (np.abs(away) > (half + narrowed) / 2).any(axis=-1)
    changes = (np.clip(away, -narrowed, narrowed) - away) @ DCT
    changes[~layer.real] = 0
    return layer.shared(changes), outside.any(axis=(1, 2))
