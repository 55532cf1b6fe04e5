"""Dequantization with steps and reconstruction points, in integer arithmetic."""

from qimg.codecs.block.model.contexts import level_of
from qimg.core import Array
from qimg.core.compiled import compiled

POINT_BITS = 8


@compiled
def dequantize(q: Array, n: int, points: Array, sigma: Array, log_step: int, step: int, out: Array) -> None:
    """Compute coefficients from their integers: sign(q) (|q| − shift) · step; the shift depends on scale / step.

    Args:
        q: (n,) int32 integers.
        n: number of coefficients.
        points: (64, 3) int16 shift of magnitudes 1, 2 and more, by `level_of`, in units of 2⁻⁸.
        sigma: (n,) int16 8 log₂ of the scales.
        log_step: 8 log₂ of the step.
        step: step in units of samples.
        out: (≥ n,) int64, filled.
    """
    for k in range(n):
        value = int(q[k])
        if value == 0:
            out[k] = 0
            continue
        size = abs(value)
        shift = int(points[level_of(sigma[k], log_step), min(size, 3) - 1])
        magnitude = (((size << POINT_BITS) - shift) * step + (1 << (POINT_BITS - 1))) >> POINT_BITS
        out[k] = magnitude if value > 0 else -magnitude


def log_step(step: int) -> int:
    """8 log₂(step / 64), rounded: the logarithm of a step in units of samples, relative to one code value."""
    return int(_eighth(int(step)))


def _eighth(step: int) -> int:
    # Integer comparison of step^8 with 2^e · 64^8; squaring both rounds to the nearest eighth.
    power = step**16
    return power.bit_length() // 2 - 48 if power > 0 else -64
