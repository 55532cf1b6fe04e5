"""Steps and reconstruction points: the quantization channel of the codec, in integers."""

from qimg.codecs.block.model.contexts import level_of
from qimg.core import Array
from qimg.core.compiled import compiled

POINT_BITS = 8


@compiled
def dequantize(q: Array, n: int, points: Array, sigma: Array, log_step: int, step: int, out: Array) -> None:
    """Coefficients from their integers: sign(q) (|q| − shift) · step, the shift by how large they were expected to be.

    Args:
        q: (n,) int32.
        n: how many.
        points: (64, 3) int16 shift of magnitudes 1, 2 and more, by log₂(scale / step), units of 2⁻⁸.
        sigma: (n,) int16 log₂ of the scales, in eighths.
        log_step: that of the step.
        step: in samples' units.
        out: (≥ n,) int64, written.
    """
    for k in range(n):
        value = q[k]
        if value == 0:
            out[k] = 0
            continue
        size = abs(value)
        shift = points[level_of(sigma[k], log_step), min(size, 3) - 1]
        magnitude = (((size << POINT_BITS) - shift) * step + (1 << (POINT_BITS - 1))) >> POINT_BITS
        out[k] = magnitude if value > 0 else -magnitude


def log_step(step: int) -> int:
    """8 log₂(step / 64) rounded: the step, given in samples' units, in eighths of an octave of code values."""
    return int(_eighth(int(step)))


def _eighth(step: int) -> int:
    # 2^(e/8) compared in integers: step^8 against 2^e · 64^8, with half an eighth added by squaring.
    power = step**16
    return power.bit_length() // 2 - 48 if power > 0 else -64
