"""Choice of the tiles: the squared error + λ · bits of every tile in both codecs, and the map of least cost."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block import step_of_quality
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder.decorrelation import in_space, space_of
from qimg.codecs.block.encoder.effort import DEFAULT_EFFORT, Search
from qimg.codecs.block.inspection.stages import inspect
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.geometry import SMALLEST
from qimg.codecs.mixed.tile_map import TILE, shape_of
from qimg.core import Array

_BORDER_BITS = 8.0  # of the edge between two tiles of different codecs
_EDGE = 16.0  # code values from which an edge between pixels counts fully
_LEAST = 0.1  # edges of a tile without any
_SWEEPS = 8


class Costs(NamedTuple):
    """A picture in one codec."""

    error: Array
    """(rows, columns) squared error of each tile, summed over the channels."""
    bits: Array
    """(rows, columns) bits of each tile."""

    def weighted(self, weight: float) -> Array:
        """Squared error + λ · bits of each tile."""
        return self.error + weight * self.bits


def block_costs(pixels: Array, quality: float) -> Costs:
    """Costs of the block codec; the bits are those of its decisions.

    Args:
        pixels: (H, W, 1 or 3) `uint8`.
        quality: 1 to 100.
    """
    height, width, channels = pixels.shape
    flat = pixels[..., 0] if channels == 1 else pixels
    parameters = in_space(Parameters(step_of_quality(quality), hidden_signs=True), space_of(flat))
    inspection = inspect(flat, parameters, search=Search.of_effort(DEFAULT_EFFORT))
    decoded = np.empty_like(flat)
    colour.to_pixels(inspection.filtered, decoded, parameters.space)
    rows, columns = shape_of(height, width)
    bits = np.zeros([-(-side // 32) * 32 // SMALLEST for side in (height, width)])
    for block in inspection.blocks:
        top, left, side = block.row // SMALLEST, block.column // SMALLEST, block.side // SMALLEST
        bits[top : top + side, left : left + side] += block.bits / side**2
    per_tile = TILE // SMALLEST
    bits = bits[: rows * per_tile, : columns * per_tile]
    return Costs(_errors(pixels, decoded), bits.reshape(rows, per_tile, columns, per_tile).sum(axis=(1, 3)))


def contour_costs(pixels: Array, decoded: Array, length: int) -> Costs:
    """Costs of the contour codec; the bytes of its file are divided by the edges between pixels of the tiles.

    Args:
        pixels: (H, W, 1 or 3) `uint8`.
        decoded: the same picture in the contour codec.
        length: bytes of its file.
    """
    edges = np.zeros(pixels.shape[:2])
    values = decoded.astype(np.int16)
    for axis, own in ((1, np.s_[:, 1:]), (0, np.s_[1:])):
        edges[own] += np.minimum(np.abs(np.diff(values, axis=axis)).max(axis=2) / _EDGE, 1)
    share = _sums(edges) + _LEAST
    return Costs(_errors(pixels, decoded), 8 * length * share / share.sum())


def best_map(block: Costs, contour: Costs, weight: float) -> Array:
    """The tiles (rows, columns) bool that the block codec codes, of about least total cost.

    An edge between tiles of different codecs costs 8 bits, since neither codec predicts across it. The cost is lowered
    tile by tile (iterated conditional modes), from the choice without these edges.

    Args:
        block: costs of the block codec.
        contour: costs of the contour codec.
        weight: λ, the squared error that a bit is worth.
    """
    difference = block.weighted(weight) - contour.weighted(weight)
    tiles = difference < 0
    for _ in range(_SWEEPS):
        before = tiles.copy()
        for parity in (0, 1):  # no two tiles of a parity are neighbours
            signs = np.pad(np.where(tiles, 1.0, -1.0), 1)
            agreeing = signs[:-2, 1:-1] + signs[2:, 1:-1] + signs[1:-1, :-2] + signs[1:-1, 2:]
            chosen = difference < weight * _BORDER_BITS * agreeing
            turn = np.indices(tiles.shape).sum(axis=0) % 2 == parity
            tiles = np.where(turn, chosen, tiles)
        if (tiles == before).all():
            break
    return tiles


def _errors(pixels: Array, decoded: Array) -> Array:
    difference = pixels.astype(np.int64) - decoded.reshape(pixels.shape)
    return _sums((difference**2).sum(axis=2))


def _sums(values: Array) -> Array:
    """Sums of the tiles of an array (H, W)."""
    starts = [np.arange(0, side, TILE) for side in values.shape]
    sums: Array = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    return sums
