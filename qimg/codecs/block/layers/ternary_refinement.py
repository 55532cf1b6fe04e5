"""Refinement of one coefficient: its quantization bin is divided into three, and it is reconstructed within a third."""

import numpy as np

from qimg.codecs.block.encoder.rate_distortion import Prices, bits_of, magnitude_bits
from qimg.codecs.block.layers.layer_contexts import BINS, Spot, bias_of, bias_of_zero, set_half, set_sign, set_zero
from qimg.codecs.block.model.contexts import level_of
from qimg.codecs.block.model.strip import Part
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.mixing import Coder, Model, at_most, code_bit, code_bypass, probability_of_one

RATIO = 3
"""Ratio of the steps of two layers; it nests the bins of the finer layer in those of the coarser one."""
UNARY = 12
"""Magnitude of a former zero up to which it is coded in unary; an Elias-gamma code of bypass bits follows."""
TRUST = np.array(
    [
        253, 252, 252, 251, 250, 249, 248, 246, 245, 242, 240, 237, 234, 230, 226, 221, 216, 209, 202, 195, 186, 177,
        167, 157, 146, 135, 124, 113, 102, 92, 82, 73, 64, 56, 49, 42, 37, 31, 27, 23, 20, 17, 14, 12, 10, 9, 7, 6, 5,
        4, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0,
    ]
)  # fmt: skip
"""(64,) weight of κ against the middle of a bin, by `level_of`, in units of 2⁻⁸."""
HALF_BIN = 128
HALF_BIN_OF_ZERO = 160
"""Half the widths of the bins, in units of 2⁻⁸ steps."""


@compiled(inline="always")
def place_in_bin(q: int, shift: int, level: int) -> int:
    """Reconstruction of a coefficient in steps · 256: the middle of its bin, shifted towards κ within the bin.

    Args:
        q: integer of the coefficient.
        shift: κ in steps · 256.
        level: log₂(scale / step) as from `level_of`.
    """
    middle = q << 8
    half = HALF_BIN if q != 0 else HALF_BIN_OF_ZERO
    inside = min(max(shift, middle - half), middle + half) - middle
    return middle + ((inside * TRUST[level] + 128) >> 8)


@compiled(inline="always")
def _error(a: np.float32, q: int, shift: int, level: int) -> np.float32:
    e = a - np.float32(place_in_bin(q, shift, level)) * np.float32(1 / 256)
    return e * e


@inner
def worth_coding(prices: Prices, step: int, wanted: Array, shift: Array, sigma: Array, flag_bits: np.float32) -> int:
    """Decide whether to code a group of zeros: 1 if the saved distortion exceeds λ · bits.

    Args:
        prices: costs of the plane of the block.
        step: step of the plane.
        wanted: (n,) float32 exact coefficients of the group, in steps.
        shift: (n,) κ in samples.
        sigma: (n,) 8 log₂ of their scales.
        flag_bits: additional bits of the flag.
    """
    lagrange, table, log_step = prices.lagrange, prices.magnitude, prices.log_step
    gain = -lagrange * flag_bits
    some = 0
    for k in range(len(wanted)):
        a = wanted[k]
        level = level_of(sigma[k], log_step)
        row = table[level >> 1]
        relative_shift = (shift[k] << 8) // step
        zero = _error(a, 0, relative_shift, level)
        best = lagrange * row[0]
        sign = 1 if a >= 0 else -1
        top = int(abs(a) + np.float32(0.5))
        for size in range(max(top - 1, 1), top + 1):
            cost = _error(a, sign * size, relative_shift, level) - zero + lagrange * magnitude_bits(row, size)
            if cost < best:
                best = cost
                some = 1
        gain -= best
    return 1 if some and gain > 0 else 0


@inner
def grow(
    coder: Coder, model: Model, prices: Prices, part: Part, spot: Spot, shift: int, largest: int, wanted: np.float32
) -> int:
    """Code a coefficient that was 0: a flag that it is nonzero, its sign relative to κ, its magnitude in unary.

    Args:
        coder: writer or reader.
        model: the entropy model of the layers.
        prices: costs that determine the value if `coder` writes.
        part: the plane of the block.
        spot: the coefficient.
        shift: κ in steps · 256.
        largest: largest magnitude, as from `largest_magnitude`.
        wanted: the exact coefficient in steps, if `coder` writes.
    """
    bias = bias_of_zero(shift)
    ahead = 1 if shift >= 0 else -1
    value = 0
    if coder.writing:
        sign = 1 if wanted >= 0 else -1
        top = int(abs(wanted) + np.float32(0.5))
        if top > 0:
            p = probability_of_one(model, set_zero(model, part, spot, 0, bias))
            against = probability_of_one(model, set_sign(model, part, spot, bias))
            best = _error(wanted, 0, shift, spot.level) + prices.lagrange * bits_of(prices.bits, p, 0)
            flag_bits = bits_of(prices.bits, p, 1) + bits_of(prices.bits, against, 1 if sign != ahead else 0)
            for size in range(max(top - 1, 1), top + 1):
                cost = _error(wanted, sign * size, shift, spot.level) + prices.lagrange * (
                    flag_bits + np.float32(1.5 * size - 1.0)
                )
                if cost < best:
                    best = cost
                    value = sign * size
    mixer = set_zero(model, part, spot, 0, bias)
    if code_bit(coder, model, mixer, 1 if value != 0 else 0) == 0:
        return 0
    mixer = set_sign(model, part, spot, bias)
    sign = -ahead if code_bit(coder, model, mixer, 1 if value * ahead < 0 else 0) else ahead
    if sign != ahead:
        bias = 0
    coded = 1
    while coded < UNARY:
        mixer = set_zero(model, part, spot, min(coded, BINS - 1), bias)
        if code_bit(coder, model, mixer, 1 if abs(value) > coded else 0) == 0:
            break
        coded += 1
    if coded == UNARY:
        rest = abs(value) - UNARY + 1
        length = 0
        if coder.writing:
            while (rest >> (length + 1)) > 0:
                length += 1
        digits = 0
        while digits < 17 and code_bypass(coder, 1 if length > digits else 0):
            digits += 1
        out = 1
        for digit in range(digits - 1, -1, -1):
            out = 2 * out + code_bypass(coder, (rest >> digit) & 1)
        coded = at_most(coder, coded + out - 1, largest)
    return sign * coded


@inner
def divide(
    coder: Coder, model: Model, prices: Prices, part: Part, spot: Spot, old: int, shift: int, wanted: np.float32
) -> int:
    """Code the refinement of a nonzero coefficient `old` to one of three integers. Other arguments as for `grow`."""
    sign = 1 if old > 0 else -1
    m = abs(old)
    middle = RATIO * m
    bias = bias_of(sign * shift - (middle << 8))
    change = 0
    if coder.writing:
        p = probability_of_one(model, set_half(model, part, spot, 0, m, bias))
        out = probability_of_one(model, set_half(model, part, spot, 1, m, bias))
        best = _error(wanted, sign * middle, shift, spot.level) + prices.lagrange * bits_of(prices.bits, p, 0)
        for by in (-1, 1):
            cost = _error(wanted, sign * (middle + by), shift, spot.level)
            cost += prices.lagrange * (bits_of(prices.bits, p, 1) + bits_of(prices.bits, out, 1 if by > 0 else 0))
            if cost < best:
                best = cost
                change = by
    mixer = set_half(model, part, spot, 0, m, bias)
    if code_bit(coder, model, mixer, 1 if change != 0 else 0):
        mixer = set_half(model, part, spot, 1, m, bias)
        middle += 1 if code_bit(coder, model, mixer, 1 if change > 0 else 0) else -1
    return sign * middle
