"""Prediction of a block from its ring, its class eigenbasis, and its reconstruction, in integer arithmetic."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.transform.geometry import LARGEST, SIDES, gather_ring, pair_means
from qimg.codecs.block.transform.matching import Matches, gather_difference, mean_match, new_matches
from qimg.core import Array
from qimg.core.compiled import compiled, inner

PREDICTOR_BITS = 12
BASIS_BITS = 13
LARGEST_GAIN = 31
"""Bound on the sum of the magnitudes of a predictor's weights for one sample; `Tables.check` enforces it."""
LARGEST_COEFFICIENT = 1 << 25
"""Bound on magnitude · step, in samples; an encoder stays below it, and a decoder refuses larger numbers.

Samples and ring are in [0, S], S = 16320, so that a residual is at most S (1 + `LARGEST_GAIN`) = 2⁵ S. A block has up
to 32² samples and unitary bases, so that a coefficient is at most 2⁵ · 2⁵ S < 2²⁴; rounding adds half of a step, < 2¹⁷.
Matched blocks have a residual of at most 2⁵ S + 2 S, but up to 16² samples.
"""


class Bases(NamedTuple):
    """Predictors and unitary bases of the classes, as integers."""

    predictor: tuple[Array, ...]
    """By size: (classes, ring, n) int16 weights, units of 2⁻¹²."""
    full: tuple[Array, ...]
    """Sizes 4 and 8: (classes, n, n) int16, basis vectors as rows, units of 2⁻¹³."""
    rows: tuple[Array, ...]
    """Sizes 16 and 32: (classes, 16, 16) int16, left factor of the separable basis."""
    columns: tuple[Array, ...]
    """The right factor."""
    order: tuple[Array, ...]
    """By size: (classes, n) int16 index 16 u + v of each coefficient; unused for the full bases."""
    upsampling: Array
    """(32, 16) int16 isometry, units of 2⁻¹³."""


class Work(NamedTuple):
    """Workspaces of one block."""

    ring: Array
    """(97,) int32."""
    prediction: Array
    """(256,) int32 samples; for a block of 32, the halved samples of its 16×16 downsampling."""
    coefficients: Array
    """(256,) int64 dequantized."""
    square: Array
    """(32, 32) int64."""
    half: Array
    """(32, 32) int64."""
    before: Array
    """(256,) int32 magnitudes in the plane before the current one."""
    near: Array
    """(20, 20) int8 number of nonzero coefficients nearby, with a margin of two."""
    matches: Matches
    """Places that match the block."""


@compiled(inline="always")
def largest_magnitude(step: int) -> int:
    """The largest magnitude of a quantized coefficient for a step in units of samples."""
    return LARGEST_COEFFICIENT // step


@compiled
def predict(bases: Bases, work: Work, plane: Array, t: int, label: int, y: int, x: int, above: bool) -> int:
    """Write the conditional mean of a block given its ring under its class, level + P (ring − level).

    The mean is written to `work.prediction`; the function returns the level.
    """
    level = gather_ring(plane, y, x, 4 << t, above, work.ring)
    _predict_from_ring(bases, work, t, label, level)
    return level


@compiled
def predict_matched(bases: Bases, work: Work, plane: Array, t: int, label: int, y: int, x: int, above: bool) -> int:
    """Write the mean of the matches of a block plus the conditional mean of the difference, given that of the rings.

    The mean is written to `work.prediction`; the function returns the level of the difference.
    """
    side = 4 << t
    level = gather_difference(plane, work.matches, y, x, side, above, work.ring)
    _predict_from_ring(bases, work, t, label, level)
    for i in range(side):
        for j in range(side):
            work.prediction[side * i + j] += mean_match(plane, work.matches, i, j)
    return level


@compiled
def predict_block(
    bases: Bases, work: Work, plane: Array, t: int, label: int, y: int, x: int, above: bool, matched: int
) -> None:
    """Write the prediction of a block, with its matches if it is matched, to `work.prediction`."""
    if matched:
        predict_matched(bases, work, plane, t, label, y, x, above)
    else:
        predict(bases, work, plane, t, label, y, x, above)


@compiled
def _predict_from_ring(bases: Bases, work: Work, t: int, label: int, level: int) -> None:
    """Write level + P · `work.ring` to `work.prediction`."""
    ring = work.ring
    m = 3 * (4 << t) + 1
    if t == 3:  # means of pairs of the ring, since the block is represented by 16×16 samples
        pair_means(ring)
        m = 49
    weights = bases.predictor[t]
    n = weights.shape[2]
    out = work.prediction
    out[:n] = 1 << (PREDICTOR_BITS - 1)
    for j in range(m):
        value = ring[j]
        if value != 0:
            row = weights[label, j]
            for i in range(n):
                out[i] = np.int32(out[i] + np.int32(value * np.int32(row[i])))
    for i in range(n):
        out[i] = level + (out[i] >> PREDICTOR_BITS)


@compiled
def reconstruct(bases: Bases, work: Work, plane: Array, t: int, label: int, y: int, x: int) -> None:
    """Write the samples of a block: prediction + adjoint of the class basis applied to `work.coefficients`, clipped."""
    c = work.coefficients
    out = work.square
    if t < 2:
        side = 4 << t
        n = side * side
        flat = out.reshape(-1)
        flat[:n] = 1 << (BASIS_BITS - 1)
        basis = bases.full[t]
        for k in range(n):
            value = c[k]
            if value != 0:
                row = basis[label, k]
                for i in range(n):
                    flat[i] += value * row[i]
        for i in range(side):
            for j in range(side):
                value = (flat[side * i + j] >> BASIS_BITS) + work.prediction[side * i + j]
                plane[y + 1 + i, x + j] = min(max(value, 0), LARGEST)
        return
    half = work.half
    rows = bases.rows[t - 2]
    columns = bases.columns[t - 2]
    order = bases.order[t]
    some = False
    half[:16, :16] = 0
    for k in range(256):
        value = c[k]
        if value != 0:
            some = True
            u = order[label, k] >> 4
            row = columns[label, order[label, k] & 15]
            for j in range(16):
                half[u, j] += value * row[j]
    out[:16, :16] = 1 << (BASIS_BITS - 1)
    if some:
        for u in range(16):
            row = rows[label, u]
            for j in range(16):
                half[u, j] = (half[u, j] + (1 << (BASIS_BITS - 5))) >> (BASIS_BITS - 4)
            for i in range(16):
                value = row[i]
                for j in range(16):
                    out[i, j] += (value * half[u, j] + 8) >> 4
    if t == 2:
        for i in range(16):
            for j in range(16):
                value = (out[i, j] >> BASIS_BITS) + work.prediction[16 * i + j]
                plane[y + 1 + i, x + j] = min(max(value, 0), LARGEST)
        return
    up = bases.upsampling
    level = work.prediction[0]  # subtracted, so that the isometry's rounding does not scale it
    for i in range(16):
        for j in range(16):
            half[i, j] = (out[i, j] >> BASIS_BITS) + 2 * (work.prediction[16 * i + j] - level)
    # rows, then columns; four bits of precision between them
    for i in range(32):
        for j in range(16):
            total = 1 << (BASIS_BITS - 5)
            for u in range(16):
                total += up[i, u] * half[u, j]
            out[i, j] = total >> (BASIS_BITS - 4)
    for i in range(32):
        for j in range(32):
            total = 1 << (BASIS_BITS + 3)
            for v in range(16):
                total += up[j, v] * out[i, v]
            plane[y + 1 + i, x + j] = min(max((total >> (BASIS_BITS + 4)) + level, 0), LARGEST)


@inner
def forward(bases: Bases, work: Work, samples: Array, t: int, label: int, out: Array) -> None:
    """Compute the rounded coefficients of a block in the class basis; a block of 32 is passed as its 16×16 samples.

    Args:
        samples: (≥ n,) int32, row by row.
        out: (≥ n,) int64, written.
    """
    if t < 2:
        n = 16 << (2 * t)
        basis = bases.full[t]
        for k in range(n):
            row = basis[label, k]
            total = 1 << (BASIS_BITS - 1)
            for i in range(n):
                total += np.int64(row[i]) * samples[i]
            out[k] = total >> BASIS_BITS
        return
    half = work.half
    rows, columns, order = bases.rows[t - 2], bases.columns[t - 2], bases.order[t]
    for u in range(16):
        half[u, :16] = 1 << (BASIS_BITS - 5)
        for i in range(16):
            value = np.int64(rows[label, u, i])
            for j in range(16):
                half[u, j] += value * samples[16 * i + j]
        for j in range(16):
            half[u, j] >>= BASIS_BITS - 4
    for k in range(256):
        u = order[label, k] >> 4
        row = columns[label, order[label, k] & 15]
        total = 1 << (BASIS_BITS + 3)
        for j in range(16):
            total += half[u, j] * row[j]
        out[k] = total >> (BASIS_BITS + 4)


def new_work() -> Work:
    """Workspaces for one thread."""
    return Work(
        ring=np.zeros(97, np.int32),
        prediction=np.zeros(256, np.int32),
        coefficients=np.zeros(256, np.int64),
        square=np.zeros((32, 32), np.int64),
        half=np.zeros((32, 32), np.int64),
        before=np.zeros(256, np.int32),
        near=np.zeros((20, 20), np.int8),
        matches=new_matches(),
    )


assert SIDES[3] == 32
