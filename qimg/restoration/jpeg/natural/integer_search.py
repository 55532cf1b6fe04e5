"""Tabu search for integer samples whose DCT coefficients lie in their bins, for many blocks at a time."""

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK, DCT
from qimg.images.jpeg.libjpeg import SCALE, QuantizationBins, forward_dct

SLACK = np.float32(1.5)
"""Target distance of a coefficient from the boundaries of its bin, in eighths of a code value."""
REST = 4
"""Steps for which a moved sample is not moved again."""
KICKED = 0.5
"""Share of the samples that are moved at random every 64 steps, or more often where fewer samples are free."""
_MODEL_ERROR = np.float32(1)  # bound on the error of incrementally updated coefficients, in eighths of a code value


def inside(blocks: Array, bins: QuantizationBins) -> Array:
    """(...) whether the coefficients of integer blocks (..., 64) lie in their bins."""
    coefficients = forward_dct(blocks)
    return np.asarray(((coefficients >= bins.low) & (coefficients <= bins.high)).all(axis=-1))


def influence(source: Array) -> Array:
    """(64, 64) float32 changes of the coefficients when a sample and those that repeat it increase by 1."""
    changes = np.zeros((BLOCK * BLOCK, BLOCK * BLOCK), np.float32)
    np.add.at(changes, source, SCALE * DCT.T)
    return changes


def search(
    blocks: Array, bins: QuantizationBins, *, lower: Array, upper: Array, source: Array, steps: int, seed: int
) -> tuple[Array, Array]:
    """Change samples of one component by 1 repeatedly until the coefficients of a block lie in their bins.

    Every step takes the move that lowers f(x) = Σ_k max(|c_k(x) - m_k| - h_k, 0)² most, or raises it least, in its
    quadratic model, among samples that were not moved recently; m and h are middles and half widths of bins narrowed by
    `SLACK`. From time to time samples move at random, with a fixed seed. Results are verified in the integer arithmetic
    of libjpeg. Cost: two products with (64, 64) matrices per block and step.

    Args:
        blocks: (n, 64) int32.
        bins: bins of each block.
        lower: (n, 64) smallest allowed change of each sample.
        upper: (n, 64) largest allowed change of each sample.
        source: (64,) index of the sample that each one repeats, its own inside a picture.
        steps: largest number of steps.
        seed: seed of the random moves.

    Returns:
        (n, 64) int32 changes, zero where the search fails, and (n,) whether it succeeded.
    """
    free = source == np.arange(BLOCK * BLOCK)
    active = _ActiveBlocks(blocks, bins, np.where(free, lower, 0), np.where(free, upper, 0))
    moves, rng = influence(source), np.random.default_rng(seed)
    changes, solved = np.zeros(blocks.shape, np.int32), np.zeros(len(blocks), bool)
    until_kick = max(int(free.sum()) ** 2 // (BLOCK * BLOCK), BLOCK)
    for step in range(steps + 1):
        reached = active.inside(source)
        changes[active.index[reached]] = active.changes[reached][:, source]
        solved[active.index[reached]] = True
        active.drop(reached)
        if step == steps or solved.all():
            break
        if step % until_kick == until_kick - 1:
            active.kick(moves, rng)
        active.move(moves, step)
    return changes, solved


class _ActiveBlocks:
    """State of the search for the blocks that are not solved yet."""

    def __init__(self, blocks: Array, bins: QuantizationBins, lower: Array, upper: Array) -> None:
        self.index = np.arange(len(blocks))
        self.blocks, self.lower, self.upper = blocks, lower, upper
        self.changes = np.zeros(blocks.shape, np.int32)
        self.middle, self.half = bins.middle, bins.half
        self.away = forward_dct(blocks).astype(np.float32) - self.middle
        self.rests = np.zeros(blocks.shape, np.int32)

    def inside(self, source: Array) -> Array:
        """(m,) whether blocks lie in their bins, computed in integers for those that do so in the linear model."""
        near = np.flatnonzero((np.abs(self.away) < self.half + _MODEL_ERROR).all(axis=1))
        moved = self.blocks[near] + self.changes[near][:, source]
        self.away[near] = forward_dct(moved).astype(np.float32) - self.middle[near]
        reached = np.zeros(len(self.index), bool)
        reached[near] = (np.abs(self.away[near]) <= self.half[near]).all(axis=1)
        return reached

    def drop(self, reached: Array) -> None:
        """Remove some blocks."""
        if reached.any():
            for name, values in vars(self).items():
                setattr(self, name, values[~reached])

    def move(self, moves: Array, step: int) -> None:
        """Move the best sample of every block."""
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
        """Move random samples of every block up or down."""
        shape = self.changes.shape
        moved = self.changes + rng.integers(0, 2, shape, np.int32) * 2 - 1
        moved = np.where(rng.random(shape, np.float32) < KICKED, moved, self.changes)
        moved = np.clip(moved, self.lower, self.upper).astype(np.int32) - self.changes
        self.changes += moved
        self.away += moved.astype(np.float32) @ moves
