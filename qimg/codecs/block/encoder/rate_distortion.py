"""Rate-distortion optimised quantization: the integers of a block that minimise distortion + λ · bits."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.encoder.class_matrices import ClassMatrices
from qimg.codecs.block.model.contexts import GROUP_COUNT, GROUPS, level_of
from qimg.codecs.block.model.strip import Part, Settings
from qimg.core import Array
from qimg.core.compiled import compiled, inner

Q_COSTS = 16


class Costs(NamedTuple):
    """Expected bits, and single-precision copies of the matrices, for the search."""

    magnitude: Array
    """(2, 12, 32, 16) float32 bits of a magnitude with its sign, by luma or chroma, nearby, level / 2, magnitude."""
    end: Array
    """(2, 4, 10, 16, 2) float32 bits of the flag before a group, by luma or chroma, size, group, level / 4, flag."""
    bits: Array
    """(4097,) float32 bits by probability in units of 2⁻¹²."""
    joint: tuple[Array, ...]
    """Sizes 4 and 8: (classes, n, n + m) float32 from block ⊕ ring to coefficients."""
    ring: tuple[Array, ...]
    """Sizes 16 and 32: (classes, m, 256) float32 from the ring to coefficients, to add to those of the block."""
    by_class: ClassMatrices
    rows: tuple[Array, ...]
    columns: tuple[Array, ...]
    upsampling: Array
    """(32, 16) float32."""


class Prices(NamedTuple):
    """Costs of the integers of one plane of a block."""

    t: int
    log_step: int
    inverse: np.float32
    """Reciprocal of the step in samples."""
    lagrange: np.float32
    """λ in units of the plane's squared step."""
    optimised: bool
    magnitude: Array
    """(32, 16) entry of `Costs.magnitude`."""
    end: Array
    """(10, 16, 2) entry of `Costs.end`."""
    points: Array
    """(64, 3) int16 reconstruction points."""
    bits: Array
    """Bits by probability, as `Costs.bits`."""


@compiled(inline="always")
def prices_of(costs: Costs, settings: Settings, step: int, log_step: int, points: Array, part: Part) -> Prices:
    """Select the costs of one plane of a block with a step."""
    colour = 1 if part.plane > 0 else 0
    return Prices(
        part.t,
        log_step,
        np.float32(1.0 / step),
        np.float32(settings.lagrange[part.plane]),
        settings.optimised,
        costs.magnitude[colour, part.nearby],
        costs.end[colour, part.t],
        points,
        costs.bits,
    )


@compiled(inline="always")
def bits_of(bits: Array, p: int, bit: int) -> np.float32:
    """Cost of a bit with probability of one p / 65536, from `Costs.bits`."""
    return bits[p >> 4] if bit else bits[(65536 - p) >> 4]


@compiled(inline="always")
def magnitude_bits(table: Array, size: int) -> np.float32:
    """Bits of a magnitude with its sign; beyond the table, extrapolated by the length of an Elias-gamma code."""
    if size < Q_COSTS:
        return table[size]
    return np.float32(table[Q_COSTS - 1] + 2.0 * np.log2(size - Q_COSTS + 2.0))


@inner
def rate_distortion(
    prices: Prices, weights: Array, sigma: Array, c: Array, extra: np.float32, bound: np.float32, q: Array
) -> np.float32:
    """Choose the integers of coefficients and the group at which they end.

    Args:
        prices: costs of the integers.
        weights: (≥ n,) float32 weights of the squared errors of the coefficients.
        sigma: (n,) int16 8 log₂ of their scales.
        c: (≥ n,) float32 coefficients.
        extra: weighted squared error / step² outside these coefficients plus λ · bits of earlier decisions.
        bound: cost at which the search stops.
        q: (≥ n,) int32, filled if the cost stays below the bound.

    Returns:
        distortion / step² + λ · bits of the chosen integers, or a value ≥ `bound` if the search stops early.
    """
    t, log_step, inverse, lagrange = prices.t, prices.log_step, prices.inverse, prices.lagrange
    table, ends, points, optimised = prices.magnitude, prices.end, prices.points, prices.optimised
    n = GROUPS[t, GROUP_COUNT[t]]
    energy = np.float32(0.0)
    for k in range(n):
        a = c[k] * inverse
        energy += weights[k] * (a * a)
    level = level_of(sigma[0], log_step)
    best = extra + energy + lagrange * ends[0, level >> 2, 0]
    best_end = 0
    spent = extra
    left = energy
    for group in range(GROUP_COUNT[t]):
        first = GROUPS[t, group]
        last = GROUPS[t, group + 1]
        spent += lagrange * ends[group, level_of(sigma[first], log_step) >> 2, 1]
        some = False
        for k in range(first, last):
            level = level_of(sigma[k], log_step)
            a = abs(c[k] * inverse)
            weight = weights[k]
            row = table[level >> 1]
            energy = weight * (a * a)
            cost = energy + lagrange * row[0]
            left -= energy
            chosen = 0
            if a >= 0.5:
                top = int(a + 0.5)
                if not optimised:
                    error = a - (np.float32(top) - np.float32(points[level, min(top, 3) - 1]) * np.float32(1 / 256))
                    cost = weight * (error * error) + lagrange * magnitude_bits(row, top)
                    chosen = top
                    top = 0
                for size in range(max(top - 1, 1), top + 1):
                    error = a - (np.float32(size) - np.float32(points[level, min(size, 3) - 1]) * np.float32(1 / 256))
                    other = weight * (error * error) + lagrange * magnitude_bits(row, size)
                    if other < cost:
                        cost = other
                        chosen = size
            if chosen > 0:
                some = True
            q[k] = chosen if c[k] >= 0 else -chosen
            spent += cost
        if spent >= bound and spent >= best:
            break
        if some or not optimised:
            total = spent + max(left, np.float32(0.0))
            if last < n:
                level = level_of(sigma[last], log_step)
                total += lagrange * ends[group + 1, level >> 2, 0]
            if total < best or (some and not optimised):
                best = total
                best_end = last
    q[best_end:n] = 0
    return best
