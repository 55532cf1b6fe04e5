"""Search for R'G'B' pixels whose Y'CbCr blocks lie in their bins, where the limits of R'G'B' couple the components."""

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK
from qimg.images.jpeg.libjpeg import QuantizationBins, forward_dct, to_ycbcr
from qimg.restoration.jpeg.natural.integer_search import REST, SLACK, influence

_MOVES = np.concatenate([np.eye(3, dtype=np.int32), -np.eye(3, dtype=np.int32)])


def search_colours(pixels: Array, bins: QuantizationBins, *, source: Array, steps: int) -> tuple[Array, Array]:
    """Change single channels of pixels by 1 until the coefficients of all three components lie in their bins.

    The method is that of `integer_search.search`, with the exact changes of Y', Cb and Cr by each move, including
    rounding. Cost: six products with (64, 64) matrices per block and step, and the colours of 384 neighbours.

    Args:
        pixels: (n, 64, 3) int32.
        bins: (n, 3, 64) of the components.
        source: (64,) index of the pixel that each one repeats, its own inside a picture.
        steps: largest number of steps.

    Returns:
        (n, 64, 3) int32 pixels, unchanged where the search fails, and (n,) whether it succeeded.
    """
    moves = influence(source)
    fixed = source != np.arange(BLOCK * BLOCK)
    out, solved = pixels.copy(), np.zeros(len(pixels), bool)
    live, now, rests = np.arange(len(pixels)), pixels.copy(), np.zeros(pixels.shape[:2], np.int32)
    for step in range(steps + 1):
        ycbcr = to_ycbcr(now)
        away = forward_dct(np.moveaxis(ycbcr, -1, 1)).astype(np.float32) - bins.middle[live]
        reached = (np.abs(away) <= bins.half[live]).all(axis=(1, 2))
        out[live[reached]], solved[live[reached]] = now[reached], True
        if reached.any():
            live, now, rests = live[~reached], now[~reached], rests[~reached]
            ycbcr, away = ycbcr[~reached], away[~reached]
        if step == steps or not len(live):
            break
        inner = np.maximum(bins.half[live] - SLACK, 0)
        outside = away - np.clip(away, -inner, inner)
        moved = now[:, :, None] + _MOVES
        change = to_ycbcr(moved) - ycbcr[:, :, None]
        rise = np.einsum("npmk,nkp->npm", 2 * change, outside @ moves.T)
        rise += np.einsum("npmk,nkp->npm", np.square(change), (outside != 0) @ np.square(moves).T)
        rise[((moved < 0) | (moved > 255)).any(axis=-1) | (fixed | (rests > step))[:, :, None]] = np.inf
        rows, best = np.arange(len(live)), rise.reshape(len(live), -1).argmin(axis=1)
        pixel, move = np.divmod(best, len(_MOVES))
        now[rows, pixel] = moved[rows, pixel, move]
        now = now[:, source]
        rests[rows, pixel] = step + 1 + REST
    return out, solved
