"""Integer arithmetic of libjpeg's encoder: colour conversion, subsampling, DCT, quantization.

Tables, bit widths and roundings are those of libjpeg and libjpeg-turbo with the accurate integer DCT, their default
(`jccolor.c`, `jcsample.c`, `jfdctint.c`, `jcdctmgr.c`). Pillow writes JPEG files with it.
"""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.records import short_repr
from qimg.images.jpeg.blocks import BLOCK

SCALE = 8
"""Scale of integer DCT coefficients: one step is 1/8 of a code value."""
_BITS, _PASS_BITS, _COLOUR_BITS = 13, 2, 16
_WEIGHTS = np.array(
    [[0.29900, 0.58700, 0.11400], [-0.16874, -0.33126, 0.50000], [0.50000, -0.41869, -0.08131]], np.float64
)
_FIXED = np.trunc(np.abs(_WEIGHTS) * (1 << _COLOUR_BITS) + 0.5).astype(np.int32) * np.sign(_WEIGHTS).astype(np.int32)
_HALF = 1 << (_COLOUR_BITS - 1)
_OFFSETS = np.array([_HALF, (128 << _COLOUR_BITS) + _HALF - 1, (128 << _COLOUR_BITS) + _HALF - 1], np.int32)


@short_repr
class QuantizationBins(NamedTuple):
    """Intervals of integer DCT coefficients that are quantized to given values, in units of 1/`SCALE`."""

    low: Array
    """(..., 64) int32 smallest coefficients of the bins."""
    high: Array
    """(..., 64) int32 largest coefficients of the bins."""

    @property
    def middle(self) -> Array:
        """(..., 64) float32 middles."""
        return np.asarray((self.low + self.high) / np.float32(2), np.float32)

    @property
    def half(self) -> Array:
        """(..., 64) float32 half widths."""
        return np.asarray((self.high - self.low) / np.float32(2), np.float32)

    def of(self, selection: Array) -> "QuantizationBins":
        """The bins of a selection of blocks."""
        return QuantizationBins(self.low[selection], self.high[selection])


def to_ycbcr(rgb: Array) -> Array:
    """Integer Y'CbCr (..., 3) int32 of integer R'G'B' (..., 3)."""
    return np.asarray((rgb.astype(np.int32) @ _FIXED.T + _OFFSETS) >> _COLOUR_BITS)


def downsampled(samples: Array, vertical: int, horizontal: int) -> Array:
    """Box means of samples (n, R, C) int32; rounding alternates between up and down from column to column."""
    if vertical == horizontal == 1:
        return samples
    n, rows, columns = samples.shape
    sums = samples.reshape(n, rows // vertical, vertical, columns // horizontal, horizontal).sum(axis=(2, 4))
    size = vertical * horizontal
    # libjpeg alternates only for boxes of two and of four samples.
    bias = (size // 4 + np.arange(sums.shape[2]) % 2) if size in (2, 4) and horizontal == 2 else size // 2
    return np.asarray((sums + bias) // size)


def forward_dct(blocks: Array) -> Array:
    """Coefficients (..., 64) int32, in units of 1/`SCALE`, of blocks (..., 64) of integers from 0 to 255."""
    rows = _pass(blocks.reshape(-1, BLOCK, BLOCK).astype(np.int32) - 128, first=True)
    return _pass(rows.swapaxes(1, 2), first=False).swapaxes(1, 2).reshape(blocks.shape)


def quantization_bins(coefficients: Array, table: Array) -> QuantizationBins:
    """The bins that a table (8, 8) quantizes to coefficients (..., 64); halves are rounded away from zero."""
    steps = SCALE * table.ravel().astype(np.int32)
    levels = coefficients.astype(np.int32)
    size = np.abs(levels)
    largest = size * steps + steps - 1 - steps // 2
    smallest = np.where(size > 0, size * steps - steps // 2, -largest)
    return QuantizationBins(np.where(levels < 0, -largest, smallest), np.where(levels < 0, -smallest, largest))


def _pass(samples: Array, *, first: bool) -> Array:
    """One-dimensional DCTs (Loeffler, Ligtenberg and Moschytz) along the last axis of 8, with libjpeg's roundings."""
    x = [samples[..., k] for k in range(BLOCK)]
    sums = [x[k] + x[7 - k] for k in range(4)]
    s7, s6, s5, s4 = (x[k] - x[7 - k] for k in range(4))
    even, odd = (sums[0] + sums[3], sums[1] + sums[2]), (sums[0] - sums[3], sums[1] - sums[2])
    bits = _BITS - _PASS_BITS if first else _BITS + _PASS_BITS
    out = np.empty_like(samples)
    for place, value in ((0, even[0] + even[1]), (4, even[0] - even[1])):
        out[..., place] = value << _PASS_BITS if first else _descaled(value, _PASS_BITS)
    turned = (odd[0] + odd[1]) * 4433
    out[..., 2] = _descaled(turned + odd[0] * 6270, bits)
    out[..., 6] = _descaled(turned - odd[1] * 15137, bits)
    z5 = (s4 + s6 + s5 + s7) * 9633
    z1, z2 = (s4 + s7) * -7373, (s5 + s6) * -20995
    z3, z4 = (s4 + s6) * -16069 + z5, (s5 + s7) * -3196 + z5
    out[..., 7] = _descaled(s4 * 2446 + z1 + z3, bits)
    out[..., 5] = _descaled(s5 * 16819 + z2 + z4, bits)
    out[..., 3] = _descaled(s6 * 25172 + z2 + z3, bits)
    out[..., 1] = _descaled(s7 * 12299 + z1 + z4, bits)
    return out


def _descaled(values: Array, bits: int) -> Array:
    return np.asarray((values + (1 << (bits - 1))) >> bits)
