"""The linear transform of the learned codec: analysis in floating point, synthesis in integers."""

import numpy as np
from numpy.typing import DTypeLike

from qimg.codecs.learned.design import (
    BLOCK,
    COLOURS,
    COORDINATE_FRACTION,
    MIDDLE,
    SAMPLE_FRACTION,
    SUPPORT,
    SYNTHESIS_FRACTION,
    conditions,
)
from qimg.codecs.learned.model import LearnedModel
from qimg.core import Array

MARGIN = 3
"""Positions of the latents around a window whose influence on the window is taken into account."""
AROUND = (SUPPORT - BLOCK) // 2
"""Pixels of a basis function on each side of its block."""
_FURTHEST = 1 << 26  # of dequantized latents, so that sums of products stay below 2^53


def real_latents(model: LearnedModel, pixels: Array, rate: int) -> Array:
    """(channels, H / 8, W / 8) float32 latents before quantization.

    Args:
        model: the model.
        pixels: (3, H + 8, W + 8) code values, with a margin of 4 pixels; H and W are multiples of 8.
        rate: index of the rate.
    """
    _, height, width = pixels.shape
    rows, columns = (length // BLOCK - 1 for length in (height, width))
    centred = pixels.astype(np.float32) - MIDDLE
    blocks = centred.reshape(COLOURS, rows + 1, BLOCK, columns + 1, BLOCK)
    windows = np.empty((COLOURS, SUPPORT, SUPPORT, rows, columns), np.float32)
    for i in (0, 1):
        for j in (0, 1):
            part = blocks[:, i : i + rows, :, j : j + columns].transpose(0, 2, 4, 1, 3)
            windows[:, i * BLOCK : (i + 1) * BLOCK, j * BLOCK : (j + 1) * BLOCK] = part
    analysis = model.array("analysis").astype(np.float32).reshape(model.design.channels, -1)
    analysis *= model.analysis_gains(rate).astype(np.float32)[:, None]
    return (analysis @ windows.reshape(analysis.shape[1], -1)).reshape(-1, rows, columns)


def synthesised(model: LearnedModel, latents: Array, rate: int) -> Array:
    """(3, 8H, 8W) int64 code values minus 128 in units of 2^-6, of integer latents (channels, H, W); exact.

    Sums of products are below 2^53, so that double precision is exact in any order.
    """
    channels, rows, columns = latents.shape
    values = np.clip(latents * model.synthesis_gains(rate)[:, None, None], -_FURTHEST, _FURTHEST)
    synthesis = model.array("synthesis").reshape(channels, -1).astype(np.float64)
    windows = (synthesis.T @ values.reshape(channels, -1).astype(np.float64)).reshape(
        COLOURS, SUPPORT, SUPPORT, rows, columns
    )
    total = np.zeros((COLOURS, rows + 1, BLOCK, columns + 1, BLOCK))
    for i in (0, 1):
        for j in (0, 1):
            part = windows[:, i * BLOCK : (i + 1) * BLOCK, j * BLOCK : (j + 1) * BLOCK]
            total[:, i : i + rows, :, j : j + columns] += part.transpose(0, 3, 1, 4, 2)
    drop = COORDINATE_FRACTION + SYNTHESIS_FRACTION - SAMPLE_FRACTION
    whole = (total.reshape(COLOURS, (rows + 1) * BLOCK, -1).astype(np.int64) + (1 << (drop - 1))) >> drop
    return np.ascontiguousarray(whole[:, AROUND:-AROUND, AROUND:-AROUND])


def decoded_window(
    model: LearnedModel, latents: Array, rate: int, window: tuple[slice, slice], *, dtype: DTypeLike = np.float32
) -> Array:
    """(3, 8h, 8w) int64 code values minus 128 in units of 2^-6 of a window of a picture.

    Windows that cover a picture give the same samples as the picture as a whole.

    Args:
        model: the model.
        latents: (channels, H, W) integers.
        rate: index of the rate.
        window: h rows and w columns of the latents.
        dtype: precision of the products of the network, which does not change the result.
    """
    wider, inner = [], []
    for one, length in zip(window, latents.shape[1:], strict=True):
        start, stop = max(one.start - MARGIN, 0), min(one.stop + MARGIN, length)
        wider.append(slice(start, stop))
        inner.append(slice(BLOCK * (one.start - start), BLOCK * (one.stop - start)))
    samples = synthesised(model, latents[:, wider[0], wider[1]].astype(np.int64), rate)
    if model.restoration is not None:
        described = conditions(model.design, [rate])[:, 0]
        samples += model.restoration.changes(samples, model.step(rate), described, dtype=dtype)
    return samples[:, inner[0], inner[1]]
