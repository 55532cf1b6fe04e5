"""The encoder of hidden signs: changes of magnitudes by one that give the right parities at the least cost."""

import numpy as np

from qimg.codecs.block.encoder.rate_distortion import Prices, magnitude_bits
from qimg.codecs.block.model.contexts import level_of
from qimg.codecs.block.model.hidden_signs import LEAST, SET, set_total
from qimg.core import Array
from qimg.core.compiled import compiled, inner


@compiled
def hide_signs(prices: Prices, weights: Array, sigma: Array, c: Array, q: Array) -> np.float32:
    """Make the parity of every set with a hidden sign that of the sign.

    Args:
        prices: costs of the integers.
        weights: (≥ n,) float32 weights of the squared errors of the coefficients.
        sigma: (n,) int16 8 log₂ of their scales.
        c: (≥ n,) float32 coefficients.
        q: (n,) int32, changed.

    Returns:
        The change of distortion / step² + λ · bits.
    """
    change = np.float32(0.0)
    for begin in range(0, len(q), SET):
        total = set_total(q, begin)
        if total < LEAST:
            continue
        change -= prices.lagrange
        first = begin
        while q[first] == 0:
            first += 1
        if (q[first] < 0) != (total & 1 == 1):
            change += _change_one(prices, weights, sigma, c, q, begin, total, first)
    return change


@inner
def _change_one(
    prices: Prices, weights: Array, sigma: Array, c: Array, q: Array, begin: int, total: int, first: int
) -> np.float32:
    """Change the magnitude of least cost in a set by one; returns the cost."""
    best = np.float32(1e30)
    place = first
    chosen = abs(int(q[first])) + 1  # always allowed
    last = begin + SET - 1
    while q[last] == 0:
        last -= 1
    for k in range(begin, last + 1):
        before = abs(int(q[k]))
        for size in range(max(before - 1, 0), before + 2, 1 if before == 0 else 2):
            if (
                size == before
                or total + size - before < LEAST
                or _hidden_sign(c, q, k, size, first) != ((total + size - before) & 1 == 1)
            ):
                continue
            cost = _cost(prices, weights[k], sigma[k], c[k], size) - _cost(prices, weights[k], sigma[k], c[k], before)
            if cost < best:
                best = cost
                place = k
                chosen = size
    negative = q[place] < 0 if q[place] != 0 else c[place] < 0
    q[place] = -chosen if negative else chosen
    return best


@compiled
def _hidden_sign(c: Array, q: Array, k: int, size: int, first: int) -> bool:
    """Whether the first nonzero coefficient of a set is negative after a change of the magnitude of coefficient k."""
    if k < first:
        return bool(c[k] < 0)
    while size == 0 and first == k:
        first += 1
        while q[first] == 0:
            first += 1
    return bool(q[first] < 0)


@compiled
def _cost(prices: Prices, weight: np.float32, sigma: int, c: np.float32, size: int) -> np.float32:
    """Distortion / step² + λ · bits of a coefficient with a magnitude."""
    level = level_of(sigma, prices.log_step)
    error = abs(c * prices.inverse) - np.float32(size)
    if size > 0:
        error += np.float32(prices.points[level, min(size, 3) - 1]) * np.float32(1 / 256)
    return weight * (error * error) + prices.lagrange * magnitude_bits(prices.magnitude[level >> 1], size)
