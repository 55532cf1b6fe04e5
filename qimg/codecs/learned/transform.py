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

ROUNDS = 2
"""Further rounds of the analysis."""
MARGIN = 3
"""Positions of the latents around a window whose influence on the window is taken into account."""
AROUND = (SUPPORT - BLOCK) // 2
"""Pixels of a basis function on each side of its block."""
_FURTHEST = 1 << 26  # of dequantized latents, so that sums of products stay below 2^53


def coefficients(model: LearnedModel, pixels: Array, *, rounds: int = ROUNDS) -> Array:
    """(channels, H / 8, W / 8) float32 coefficients of a picture, for the encoder.

    The analysis is not quite inverse to the synthesis. Each further round adds the analysis of what the synthesis
    leaves out, c ← c + A (x − S c), which converges since A S is near the identity.

    Args:
        model: the model.
        pixels: (3, H + 8, W + 8) code values, with a margin of 4 pixels; H and W are multiples of 8.
        rounds: further rounds.
    """
    channels = model.design.channels
    analysis = model.array("analysis").astype(np.float32).reshape(channels, -1)
    synthesis = model.array("synthesis").reshape(channels, -1).astype(np.float32) / (1 << SYNTHESIS_FRACTION)
    centred = pixels.astype(np.float32) - MIDDLE
    shape = tuple(length // BLOCK - 1 for length in pixels.shape[1:])
    total = (analysis @ _windows(centred)).reshape(-1, *shape)
    inner = (slice(None), slice(AROUND, -AROUND), slice(AROUND, -AROUND))
    error = np.zeros_like(centred)
    for _ in range(rounds):
        error[inner] = (centred - _overlapped(synthesis.T @ total.reshape(channels, -1), shape))[inner]
        total += (analysis @ _windows(error)).reshape(total.shape)
    return total


def _windows(planes: Array) -> Array:
    """(768, positions) the 16×16 pixels around each block of planes (3, H + 8, W + 8)."""
    _, height, width = planes.shape
    rows, columns = (length // BLOCK - 1 for length in (height, width))
    blocks = planes.reshape(COLOURS, rows + 1, BLOCK, columns + 1, BLOCK)
    windows = np.empty((COLOURS, SUPPORT, SUPPORT, rows, columns), planes.dtype)
    for i in (0, 1):
        for j in (0, 1):
            part = blocks[:, i : i + rows, :, j : j + columns].transpose(0, 2, 4, 1, 3)
            windows[:, i * BLOCK : (i + 1) * BLOCK, j * BLOCK : (j + 1) * BLOCK] = part
    return windows.reshape(-1, rows * columns)


def _overlapped(windows: Array, shape: tuple[int, ...]) -> Array:
    """(3, H + 8, W + 8) sums of windows (768, positions), the transpose of `_windows`."""
    rows, columns = shape
    apart = windows.reshape(COLOURS, SUPPORT, SUPPORT, rows, columns)
    total = np.zeros((COLOURS, rows + 1, BLOCK, columns + 1, BLOCK), windows.dtype)
    for i in (0, 1):
        for j in (0, 1):
            part = apart[:, i * BLOCK : (i + 1) * BLOCK, j * BLOCK : (j + 1) * BLOCK]
            total[:, i : i + rows, :, j : j + columns] += part.transpose(0, 3, 1, 4, 2)
    return total.reshape(COLOURS, (rows + 1) * BLOCK, (columns + 1) * BLOCK)


def synthesised(model: LearnedModel, latents: Array, rate: int) -> Array:
    """(3, 8H, 8W) int64 code values minus 128 in units of 2^-6, of integer latents (channels, H, W); exact.

    Sums of products are below 2^53, so that double precision is exact in any order.
    """
    channels, rows, columns = latents.shape
    values = np.clip(latents * model.synthesis_gains(rate)[:, None, None], -_FURTHEST, _FURTHEST)
    synthesis = model.array("synthesis").reshape(channels, -1).astype(np.float64)
    total = _overlapped(synthesis.T @ values.reshape(channels, -1).astype(np.float64), (rows, columns))
    drop = COORDINATE_FRACTION + SYNTHESIS_FRACTION - SAMPLE_FRACTION
    whole = (total.astype(np.int64) + (1 << (drop - 1))) >> drop
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
