"""Forward transform of the encoder: coefficients of a block in a class's eigenbasis, in single precision."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.encoder.class_matrices import LEADING
from qimg.codecs.block.encoder.importance import MAPS, PLAIN, Importance
from qimg.codecs.block.encoder.rate_distortion import Costs
from qimg.codecs.block.model.contexts import CLASSES
from qimg.codecs.block.transform.blocks import Bases, Work
from qimg.core import Array
from qimg.core.compiled import inner

EMPTY = np.zeros((0, 0, 0), np.float32)
MOST_CANDIDATES = 4
"""Largest number of classes of a block that are judged with chroma."""


class Space(NamedTuple):
    """Workspaces of the search."""

    block: Array
    """(1024 + 97,) float32 block ⊕ ring, relative to the level."""
    residual: Array
    """(16, 16) float32."""
    half: Array
    """(32, 32) float32."""
    transposed: Array
    """(256,) float32 a block of 16×16, or one of 32×32 after downsampling, column by column."""
    halves: Array
    """(16, 512) float32 that block after the left factors of the bases of all classes."""
    products: Array
    """(8192,) float32 its coefficients in all classes, as from `separable_products`."""
    leading: Array
    """(2048,) float32 leading coefficients k of the residual in all classes c, element k C + c."""
    rest: Array
    """(32,) float32 energy of the other coefficients of the block in each class."""
    coefficients: Array
    """(256,) float32."""
    trial: Array
    """(256,) int32."""
    shortlist: Array
    """(32,) int64 classes of least estimated cost for luma."""
    estimates: Array
    """(32,) float32 their estimated costs."""
    candidates: Array
    """(4,) int64 classes of least cost for luma."""
    candidate_costs: Array
    """(4,) float32."""
    class_bits: Array
    """(64,) float32."""
    side_bits: Array
    """(2, 32) float32 bits of a class and of the flag of matched blocks, by flag and class."""
    stash: Array
    """(4, 3, 32, 32) int16 saved samples by size."""
    q: Array
    """(4, 3, 1024) int32."""
    label: Array
    """(4,) int8."""
    matched: Array
    """(4,) int8."""
    activity: Array
    """(4, 3, 8, 8) int8."""
    cost: Array
    """(2, 4) float32 cost of an undivided square, and of its decided parts, by size."""
    place: Array
    """(3, 4) int64 by size: number of decided parts, row and column of the square."""
    local: Array
    """(5,) float32 mean weight of each map of importance in the block."""
    weights: Array
    """(257,) float32 weights of the squared errors of the coefficients, and of what is outside of the basis at the
    place after the last one."""


def new_space() -> Space:
    """Workspaces for one thread."""
    return Space(
        block=np.zeros(1024 + 97, np.float32),
        residual=np.zeros((16, 16), np.float32),
        half=np.zeros((32, 32), np.float32),
        transposed=np.zeros(256, np.float32),
        halves=np.zeros((16, 16 * CLASSES), np.float32),
        products=np.zeros(256 * CLASSES, np.float32),
        leading=np.zeros(max(LEADING) * CLASSES, np.float32),
        rest=np.zeros(CLASSES, np.float32),
        coefficients=np.zeros(256, np.float32),
        trial=np.zeros(256, np.int32),
        shortlist=np.zeros(CLASSES, np.int64),
        estimates=np.zeros(CLASSES, np.float32),
        candidates=np.zeros(MOST_CANDIDATES, np.int64),
        candidate_costs=np.zeros(MOST_CANDIDATES, np.float32),
        class_bits=np.zeros(64, np.float32),
        side_bits=np.zeros((2, CLASSES), np.float32),
        stash=np.zeros((4, 3, 32, 32), np.int16),
        q=np.zeros((4, 3, 1024), np.int32),
        label=np.zeros(4, np.int8),
        matched=np.zeros(4, np.int8),
        activity=np.zeros((4, 3, 8, 8), np.int8),
        cost=np.zeros((2, 4), np.float32),
        place=np.zeros((3, 4), np.int64),
        local=np.zeros(MAPS, np.float32),
        weights=np.ones(257, np.float32),
    )


@inner(fastmath=True)
def downsampled(space: Space, costs: Costs, block: Array, out: Array) -> None:
    """Apply the adjoint of the upsampling on both axes: from a flat block of 32×32 to (16, 16)."""
    half = space.half
    up = costs.upsampling
    for i in range(16):
        for j in range(32):
            half[i, j] = 0
        for r in range(32):
            w = up[r, i]
            for j in range(32):
                half[i, j] += w * block[32 * r + j]
    for i in range(16):
        for j in range(16):
            total = np.float32(0.0)
            for r in range(32):
                total += half[i, r] * up[r, j]
            out[i, j] = total


@inner(fastmath=True)
def separable(space: Space, rows: Array, columns: Array, order: Array, out: Array) -> None:
    """Compute the coefficients of `space.residual` in a separable basis, in the class's order."""
    half = space.half
    r = space.residual
    for u in range(16):
        for j in range(16):
            half[u, j] = 0
        for i in range(16):
            w = rows[u, i]
            for j in range(16):
                half[u, j] += w * r[i, j]
    # half (16, 16) @ columns.T
    for u in range(16):
        for v in range(16):
            total = np.float32(0.0)
            for j in range(16):
                total += half[u, j] * columns[v, j]
            half[16 + u, v] = total
    for k in range(256):
        place = order[k]
        out[k] = half[16 + (place >> 4), place & 15]


@inner(fastmath=True)
def full(matrix: Array, v: Array, length: int, n: int, out: Array) -> None:
    """Multiply the first n rows of a matrix with a vector of `length` elements."""
    for k in range(n):
        row = matrix[k]
        total = np.float32(0.0)
        for i in range(length):
            total += row[i] * v[i]
        out[k] = total


@inner
def load(source: Array, plane: int, y: int, x: int, side: int, level: int, block: Array) -> np.float32:
    """Copy a block of the source, relative to a level, to the flat `block`; returns its energy."""
    energy = np.float32(0.0)
    for i in range(side):
        for j in range(side):
            value = np.float32(int(source[plane, y + i, x + j]) - level)
            block[i * side + j] = value
            energy += value * value
    return energy


class Target(NamedTuple):
    """Input of the search: the source, with expected bits and workspaces."""

    source: Array
    """(planes, rows, width) int16 samples to encode; unused by a coder that reads."""
    costs: Costs
    space: Space
    expected: Array = EMPTY
    """(12, 32, 64) expected costs of coefficients, as from `expected_costs`; unused without a search."""
    importance: Importance = PLAIN
    """Weights of errors in the rows of `source`."""


@inner
def exact_coefficients(
    bases: Bases, work: Work, target: Target, plane: int, t: int, label: int, y: int, x: int
) -> np.float32:
    """Compute the coefficients of the source minus `work.prediction`.

    Returns:
        Squared error outside the basis, which is zero except for blocks of 32.
    """
    source, costs, space = target.source, target.costs, target.space
    side = 4 << t
    out = space.coefficients
    block = space.block
    if t < 2:
        n = side * side
        for i in range(side):
            for j in range(side):
                block[i * side + j] = source[plane, y + i, x + j] - work.prediction[i * side + j]
        full(costs.joint[t][label], block, n, n, out)
        return np.float32(0.0)
    outside = np.float32(0.0)
    if t == 2:
        for i in range(16):
            for j in range(16):
                space.residual[i, j] = source[plane, y + i, x + j] - work.prediction[16 * i + j]
    else:
        level = int(source[plane, y, x])
        energy = load(source, plane, y, x, side, level, block)
        downsampled(space, costs, block, space.residual)
        inside = np.float32(0.0)
        for i in range(16):
            for j in range(16):
                inside += space.residual[i, j] * space.residual[i, j]
                space.residual[i, j] += 2 * (level - work.prediction[16 * i + j])
        outside = max(energy - inside, np.float32(0.0))
    separable(space, costs.rows[t - 2][label], costs.columns[t - 2][label], bases.order[t][label], out)
    return outside
