"""Rows of superblocks: what the encoder writes and the decoder reads, in the same words."""

import numpy as np
from numba import njit

from qimg.arguments import Array
from qimg.codec.blocks import Bases, Work, predict, reconstruct
from qimg.codec.contexts import GROUP_COUNT, GROUPS, Scales, code_class, code_coefficients, code_split
from qimg.codec.geometry import interleaved
from qimg.codec.model import Coder, Model
from qimg.codec.quantize import dequantize
from qimg.codec.range_coder import POSITION
from qimg.codec.search import (
    Choice,
    Costs,
    Maps,
    Settings,
    Space,
    mark,
    mark_surprise,
    nearby_surprise,
    neighbours,
    search,
    sizes_around,
)


@njit(cache=True)
def code_block(
    coder: Coder,
    tables: tuple[Bases, Scales],
    points: Array,
    settings: Settings,
    model: Model,
    maps: Maps,
    work: Work,
    rec: Array,
    choice: Choice,
    near: Array,
    zeros: Array,
    others: Array,
    t: int,
    y: int,
    x: int,
    above: bool,
) -> None:
    """One undivided block: class and coefficients of all planes; a coder that reads also writes its samples."""
    bases, scales = tables
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    cell = interleaved(cy - 1, cx & 7)
    left, up = neighbours(maps, t, cy, cx)
    label = code_class(coder, model, t, settings.depths[t], left, up, choice.label[cell])
    choice.label[cell] = label
    choice.size[cell] = t
    n = GROUPS[t, GROUP_COUNT[t]]
    for plane in range(settings.planes):
        nearby = nearby_surprise(maps, plane, t, cy, cx)
        q = choice.q[plane, 16 * cell : 16 * cell + n]
        if plane == 0:
            other = zeros
        else:
            for k in range(n):
                others[k] = abs(choice.q[plane - 1, 16 * cell + k])
            other = others
        value = code_coefficients(
            coder,
            model,
            scales,
            plane,
            t,
            label,
            bases.order[t][label],
            settings.log_steps[plane],
            settings.step_level,
            nearby,
            other,
            near,
            q,
        )
        mark_surprise(maps, plane, t, cy, cx, value)
        if not coder.writing:
            predict(bases, work, rec[plane], t, label, y, x, above)
            dequantize(
                q,
                n,
                points,
                scales.log_sigma[t][plane, label],
                settings.log_steps[plane],
                settings.steps[plane],
                work.coefficients,
            )
            reconstruct(bases, work, rec[plane], t, label, y, x)
    mark(maps, t, cy, cx, label)


@njit(cache=True)
def code_quadtree(
    coder: Coder,
    tables: tuple[Bases, Scales],
    points: Array,
    settings: Settings,
    model: Model,
    maps: Maps,
    work: Work,
    rec: Array,
    choice: Choice,
    near: Array,
    zeros: Array,
    others: Array,
    y: int,
    x: int,
    above: bool,
) -> None:
    """A superblock at row y of the strip, column x."""
    cell = 0
    while cell < 64:
        # a cell opens every square that it is the first of, from the largest down
        row = 0
        column = 0
        for bit in range(3):
            column |= ((cell >> (2 * bit)) & 1) << bit
            row |= ((cell >> (2 * bit + 1)) & 1) << bit
        t = 3
        while cell & ((1 << (2 * t)) - 1):
            t -= 1
        cy, cx = 1 + row, (x >> 2) + column
        while t > 0:
            left, up = sizes_around(maps, cy, cx)
            bit = code_split(coder, model, t, left, up, settings.step_level, 1 if choice.size[cell] < t else 0)
            if bit == 0:
                break
            t -= 1
        code_block(
            coder,
            tables,
            points,
            settings,
            model,
            maps,
            work,
            rec,
            choice,
            near,
            zeros,
            others,
            t,
            y + 4 * row,
            x + 4 * column,
            above,
        )
        cell += 1 << (2 * t)


@njit(cache=True)
def _next_row(maps: Maps) -> None:
    maps.size[0] = maps.size[8]
    maps.label[0] = maps.label[8]
    for plane in range(3):
        maps.surprise[plane, 0] = maps.surprise[plane, 8]


@njit(cache=True)
def write_row(
    coder: Coder,
    tables: tuple[Bases, Scales],
    points: Array,
    costs: Costs,
    settings: Settings,
    model: Model,
    maps: Maps,
    work: Work,
    space: Space,
    source: Array,
    rec: Array,
    choice: Choice,
    kept: tuple[Array, Array, Array],
    y: int,
    above: bool,
) -> None:
    """Decide and write a row of superblocks.

    Args:
        source: (planes, rows, width) int16 samples of the strip.
        rec: (planes, 1 + rows, width) int16 decoded samples, the row above the strip first.
        choice: what is decided about one superblock.
        kept: decisions of the row's n superblocks are written to it unless it is empty: integers (n, 3, 1024), size
            indices (n, 64), classes (n, 64).
        y: first row in the strip.
        above: whether the strip lies below another one.
    """
    near = np.zeros((20, 20), np.int8)
    zeros = np.zeros(256, np.int32)
    others = np.zeros(256, np.int32)
    for x in range(0, rec.shape[2], 32):
        search(tables, points, costs, settings, model, maps, work, space, source, rec, choice, y, x, above)
        code_quadtree(coder, tables, points, settings, model, maps, work, rec, choice, near, zeros, others, y, x, above)
        if kept[0].shape[0] > 0:
            kept[0][x >> 5] = choice.q
            kept[1][x >> 5] = choice.size
            kept[2][x >> 5] = choice.label
    _next_row(maps)


@njit(cache=True)
def read_row(
    coder: Coder,
    tables: tuple[Bases, Scales],
    points: Array,
    settings: Settings,
    model: Model,
    maps: Maps,
    work: Work,
    rec: Array,
    choice: Choice,
    kept: tuple[Array, Array, Array],
    y: int,
    above: bool,
    cut: bool,
) -> int:
    """Read a row of superblocks into `rec`; returns how many of them are whole.

    Args:
        kept: as for `write_row`.
        cut: whether the words may end anywhere: what is read after that is worth nothing.
    """
    near = np.zeros((20, 20), np.int8)
    zeros = np.zeros(256, np.int32)
    others = np.zeros(256, np.int32)
    available = np.uint64(coder.words.size)
    for x in range(0, rec.shape[2], 32):
        code_quadtree(coder, tables, points, settings, model, maps, work, rec, choice, near, zeros, others, y, x, above)
        if cut and coder.state[POSITION] > available:
            return x >> 5
        if kept[0].shape[0] > 0:
            kept[0][x >> 5] = choice.q
            kept[1][x >> 5] = choice.size
            kept[2][x >> 5] = choice.label
    _next_row(maps)
    return rec.shape[2] >> 5
