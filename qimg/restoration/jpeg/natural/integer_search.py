"""Integer samples whose DCT lies in given bins: a tabu search, many blocks at a time."""

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK, DCT
from qimg.images.jpeg.libjpeg import SCALE, QuantizationBins, forward_dct

SLACK = np.float32(1.5)
"""How far inside its walls, in units of 1/8 of a code value, the search wants a coefficient to be."""
REST = 4
"""Steps for which a sample stays as it was moved."""
KICKED = 0.5
"""Share of the samples that are moved at random every 64 steps, or sooner where fewer are free."""
_MODEL_ERROR = np.float32(1)  # of coefficients that moves are added to, at most, in units of 1/8


def inside(blocks: Array, bins: QuantizationBins) -> Array:
    """(...) whether the coefficients of integer blocks (..., 64) lie in their bins."""
    found = forward_dct(blocks)
    return np.asarray(((found >= bins.low) & (found <= bins.high)).all(axis=-1))


def influence(source: Array) -> Array:
    """(64, 64) float32: what adding 1 to a sample, and to those that repeat it, adds to the coefficients."""
    found = np.zeros((BLOCK * BLOCK, BLOCK * BLOCK), np.float32)
    np.add.at(found, source, SCALE * DCT.T)
    return found


def search(
    blocks: Array, bins: QuantizationBins, *, lower: Array, upper: Array, source: Array, steps: int, seed: int
) -> tuple[Array, Array]:
    """Move samples of one component by 1, again and again, until the coefficients of a block lie in their bins.

    Every step takes the move that lowers f(x) = Σ_k max(|c_k(x) - m_k| - h_k, 0)² most, or raises it least, by its
    quadratic model, among samples that have rested; m and h are middles and half widths of bins narrowed by `SLACK`.
    Now and then samples move at random, always in the same way. What is found is exact in libjpeg's arithmetic. Cost:
    two products with (64, 64) matrices per block and step.

    Args:
        blocks: (n, 64) int32.
        bins: of each.
        lower: (n, 64) least change allowed of each sample.
        upper: (n, 64) largest.
        source: (64,) the sample that each one repeats, itself inside a picture.
        steps: at most.
        seed: of random moves.

    Returns:
        (n, 64) int32 changes, zero where nothing is found, and (n,) whether something is.
    """
    free = source == np.arange(BLOCK * BLOCK)
    run = _Run(blocks, bins, np.where(free, lower, 0), np.where(free, upper, 0))
    moves, rng = influence(source), np.random.default_rng(seed)
    changes, solved = np.zeros(blocks.shape, np.int32), np.zeros(len(blocks), bool)
    until_kick = max(int(free.sum()) ** 2 // (BLOCK * BLOCK), BLOCK)
    for step in range(steps + 1):
        found = run.found(source)
        changes[run.index[found]] = run.changes[found][:, source]
        solved[run.index[found]] = True
        run.drop(found)
        if step == steps or solved.all():
            break
        if step % until_kick == until_kick - 1:
            run.kick(moves, rng)
        run.move(moves, step)
    return changes, solved


class _Run:
    """The blocks that are still searched."""

    def __init__(self, blocks: Array, bins: QuantizationBins, lower: Array, upper: Array) -> None:
        self.index = np.arange(len(blocks))
        self.blocks, self.lower, self.upper = blocks, lower, upper
        self.changes = np.zeros(blocks.shape, np.int32)
        self.middle, self.half = bins.middle, bins.half
        self.away = forward_dct(blocks).astype(np.float32) - self.middle
        self.rests = np.zeros(blocks.shape, np.int32)

    def found(self, source: Array) -> Array:
        """(m,) which blocks are in their bins: in integers, where the linear model says that they may be."""
        near = np.flatnonzero((np.abs(self.away) < self.half + _MODEL_ERROR).all(axis=1))
        moved = self.blocks[near] + self.changes[near][:, source]
        self.away[near] = forward_dct(moved).astype(np.float32) - self.middle[near]
        found = np.zeros(len(self.index), bool)
        found[near] = (np.abs(self.away[near]) <= self.half[near]).all(axis=1)
        return found

    def drop(self, found: Array) -> None:
        """Go on without some blocks."""
        if found.any():
            for name, values in vars(self).items():
                setattr(self, name, values[~found])

    def move(self, moves: Array, step: int) -> None:
        """The best sample of every block."""
        inner = np.maximum(self.half - SLACK, 0)
        outside = self.away - np.clip(self.away, -inner, inner)
        slope = outside @ moves.T
        signs = -np.sign(slope).astype(np.int32)
        gain = 2 * np.abs(slope) - (outside != 0).astype(np.float32) @ np.square(moves).T
        moved = self.changes + signs
        gain[(moved < self.lower) | (moved > self.upper) | (self.rests > step)] = -np.inf
        sample, rows = gain.argmax(axis=1), np.arange(len(gain))
        sign = np.where(np.isfinite(gain[rows, sample]), signs[rows, sample], 0)
        self.changes[rows, sample] += sign
        self.away += sign[:, None] * moves[sample]
        self.rests[rows, sample] = step + 1 + REST

    def kick(self, moves: Array, rng: np.random.Generator) -> None:
        """Some samples of every block up or down."""
        shape = self.changes.shape
        moved = self.changes + rng.integers(0, 2, shape, np.int32) * 2 - 1
        moved = np.where(rng.random(shape, np.float32) < KICKED, moved, self.changes)
        moved = np.clip(moved, self.lower, self.upper).astype(np.int32) - self.changes
        self.changes += moved
        self.away += moved.astype(np.float32) @ moves
