"""Entropy coding by tables: the frequencies of each channel's values in other pictures, or in the picture itself."""

from collections.abc import Sequence

import numpy as np

from experiments._run import Array
from qimg.entropy import range_coder

LARGEST = 2047
"""Magnitudes of quantized coefficients in a JPEG file of 8 bits are at most this."""


def counts_of(pictures: Sequence[Array]) -> Array:
    """(channels, 2 · `LARGEST` + 1) occurrences of each value of each channel in pictures (channels, …)."""
    channels, size = len(pictures[0]), 2 * LARGEST + 1
    total = np.zeros((channels, size), np.int64)
    for symbols in pictures:
        offsets = np.arange(channels)[:, None] * size + symbols.reshape(channels, -1) + LARGEST
        total += np.bincount(offsets.ravel(), minlength=channels * size).reshape(channels, size)
    return total


def widths_of(counts: Array) -> Array:
    """Sizes of the intervals of all values in units of 2^-24: shares of the occurrences, at least one unit for each."""
    free = range_coder.TOTAL - 2 - counts.shape[1]
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return np.asarray(1 + counts * free // totals)


def coded_by_tables(symbols: Array, widths: Array) -> tuple[int, float]:
    """Bytes, and the code length in bits, of a picture (channels, …) by tables of `widths_of`."""
    lefts = 1 + np.cumsum(widths, axis=1) - widths
    rows = np.repeat(np.arange(len(symbols)), symbols[0].size)
    places = symbols.ravel() + LARGEST
    own = widths[rows, places]
    words = range_coder.encode_intervals(lefts[rows, places], own)
    return 4 * len(words), float(-np.log2(own / range_coder.TOTAL).sum())


def table_bits(counts: Array) -> int:
    """Bits for the counts of a picture: Elias's gamma code of each count plus one, between the outermost values.

    The two outermost values of each channel take 12 bits each.
    """
    total = 0
    for row in counts:
        values = np.flatnonzero(row)
        between = row[values[0] : values[-1] + 1] + 1
        total += 24 + int((2 * np.floor(np.log2(between)) + 1).sum())
    return total
