"""The encoder's search: which division, classes and integers cost least, counted in distortion + λ · bits."""

from typing import NamedTuple

import numpy as np
from numba import njit

from qimg.arguments import Array
from qimg.codec.blocks import Bases, Work, predict, reconstruct
from qimg.codec.contexts import (
    GROUP_COUNT,
    GROUPS,
    Scales,
    class_costs,
    level_of,
    log_eighths,
    set_split,
)
from qimg.codec.geometry import gather_ring, interleaved
from qimg.codec.model import Model, probability_of_one
from qimg.codec.quantize import dequantize

Q_COSTS = 16


class Costs(NamedTuple):
    """What the search believes about bits, and single-precision copies of the matrices."""

    magnitude: Array
    """(2, 12, 32, 16) float32 bits of a magnitude with its sign: luma or chroma, nearby, level / 2, magnitude."""
    end: Array
    """(2, 4, 10, 16, 2) float32 bits of "nothing follows" and "more follows": colour, size, group, level / 4."""
    bits: Array
    """(4097,) float32 bits by probability in units of 2⁻¹²."""
    joint: tuple[Array, ...]
    """Sizes 4 and 8: (classes, n, n + m) float32 from block ⊕ ring to coefficients."""
    predictor: tuple[Array, ...]
    """Sizes 16 and 32: (classes, m, 256) float32."""
    rows: tuple[Array, ...]
    columns: tuple[Array, ...]
    upsampling: Array
    """(32, 16) float32."""


class Choice(NamedTuple):
    """What is decided about a superblock."""

    size: Array
    """(64,) int8 size index by cell in the order of decoding."""
    label: Array
    """(64,) int8 class."""
    q: Array
    """(3, 1024) int32 coefficients; a block's begin at 16 · its first cell."""


class Maps(NamedTuple):
    """What neighbours know of the blocks, by cell; row 0 belongs to the superblocks above."""

    size: Array
    """(9, width / 4) int8 size index, 4 where there is none."""
    label: Array
    surprise: Array
    """(3, 9, width / 4) int8."""


def new_maps(cells: int) -> Maps:
    """Maps of a strip so many cells wide, with nothing above it."""
    return Maps(
        size=np.full((9, cells), 4, np.int8),
        label=np.zeros((9, cells), np.int8),
        surprise=np.zeros((3, 9, cells), np.int8),
    )


class Settings(NamedTuple):
    """Numbers that hold for a whole picture."""

    steps: Array
    """(3,) int64 step of each plane in samples' units."""
    log_steps: Array
    """(3,) int64 8 log₂(step / 64)."""
    step_level: int
    """Coarse logarithm of the luma step, 0 to 7."""
    planes: int
    """1 or 3."""
    lagrange: Array
    """(3,) float64 λ of each plane in units of its squared step."""
    weight: Array
    """(3,) float64 squared step · weight of each plane's error, in units of the luma step squared."""
    sizes: Array
    """(4,) uint8 whether a size may be used by the encoder."""
    depths: Array
    """(4,) int64 log₂ of the classes of each size."""
    optimised: bool
    """Whether integers are chosen by cost, or coefficients rounded."""


@njit(cache=True, inline="always")
def neighbour_class(maps: Maps, t: int, row: int, column: int) -> int:
    """1 + class where the neighbouring cell has the same size, 33 where not, 0 where there is none."""
    size = maps.size[row, column]
    if size == 4:
        return 0
    return 1 + maps.label[row, column] if size == t else 33


@njit(cache=True)
def neighbours(maps: Maps, t: int, cy: int, cx: int) -> tuple[int, int]:
    """Class contexts (left, above) of the block at a cell of the maps; cy counts from 1."""
    left = neighbour_class(maps, t, cy, cx - 1) if cx > 0 else 0
    return left, neighbour_class(maps, t, cy - 1, cx)


@njit(cache=True)
def nearby_surprise(maps: Maps, plane: int, t: int, cy: int, cx: int) -> int:
    """Mean surprise around a block, in half octaves from 0 to 11, 6 where all is as expected."""
    cells = 1 << t
    total = int(maps.surprise[plane, cy - 1, cx]) + maps.surprise[plane, cy - 1, cx + cells - 1]
    if cx > 0:
        total += int(maps.surprise[plane, cy, cx - 1]) + maps.surprise[plane, cy + cells - 1, cx - 1]
    else:
        total *= 2
    return min(max(((total + 4) >> 3) + 6, 0), 11)


@njit(cache=True)
def sizes_around(maps: Maps, cy: int, cx: int) -> tuple[int, int]:
    """Size indices to the left and above, 4 where there is none."""
    left = maps.size[cy, cx - 1] if cx > 0 else 4
    return int(left), int(maps.size[cy - 1, cx])


@njit(cache=True)
def mark(maps: Maps, t: int, cy: int, cx: int, label: int) -> None:
    """Write size and class of a block into the maps."""
    cells = 1 << t
    for i in range(cells):
        for j in range(cells):
            maps.size[cy + i, cx + j] = t
            maps.label[cy + i, cx + j] = label


@njit(cache=True)
def mark_surprise(maps: Maps, plane: int, t: int, cy: int, cx: int, value: int) -> None:
    """Write the surprise of a block, in quarter octaves, into the maps."""
    cells = 1 << t
    for i in range(cells):
        for j in range(cells):
            maps.surprise[plane, cy + i, cx + j] = value


@njit(cache=True, inline="always")
def magnitude_bits(table: Array, size: int) -> np.float32:
    """Bits of a magnitude with its sign, beyond the table by the length of an Elias-gamma code."""
    if size < Q_COSTS:
        return table[size]
    return np.float32(table[Q_COSTS - 1] + 2.0 * np.log2(size - Q_COSTS + 2.0))


@njit(cache=True)
def rate_distortion(
    c: Array,
    n: int,
    t: int,
    colour: int,
    sigma: Array,
    log_step: int,
    inverse: np.float32,
    lagrange: np.float32,
    extra: np.float32,
    nearby: int,
    points: Array,
    costs: Costs,
    bound: np.float32,
    optimised: bool,
    q: Array,
) -> np.float32:
    """Best integers for coefficients, and where they end; returns distortion / step² + λ · bits, or ≥ bound early.

    Args:
        c: (n,) float32 coefficients.
        extra: squared error / step² outside these coefficients plus λ · bits spent before.
        q: (n,) int32, written if the cost stays below the bound.
    """
    energy = np.float32(0.0)
    for k in range(n):
        a = c[k] * inverse
        energy += a * a
    table = costs.magnitude[colour, nearby]
    ends = costs.end[colour, t]
    level = level_of(sigma[0], log_step)
    best = extra + energy + lagrange * ends[0, level >> 2, 0]
    best_end = 0
    spent = extra
    left = energy
    for group in range(GROUP_COUNT[t]):
        first = GROUPS[t, group]
        last = GROUPS[t, group + 1]
        spent += lagrange * ends[group, level_of(sigma[first], log_step) >> 2, 1]
        some = False
        for k in range(first, last):
            level = level_of(sigma[k], log_step)
            a = abs(c[k] * inverse)
            row = table[level >> 1]
            cost = a * a + lagrange * row[0]
            left -= a * a
            chosen = 0
            if a >= 0.5:
                top = int(a + 0.5)
                if not optimised:
                    error = a - (np.float32(top) - np.float32(points[level, min(top, 3) - 1]) * np.float32(1 / 256))
                    cost = error * error + lagrange * magnitude_bits(row, top)
                    chosen = top
                    top = 0
                for size in range(max(top - 1, 1), top + 1):
                    error = a - (np.float32(size) - np.float32(points[level, min(size, 3) - 1]) * np.float32(1 / 256))
                    other = error * error + lagrange * magnitude_bits(row, size)
                    if other < cost:
                        cost = other
                        chosen = size
            if chosen > 0:
                some = True
            q[k] = chosen if c[k] >= 0 else -chosen
            spent += cost
        if spent >= bound and spent >= best:
            break
        if some or not optimised:
            total = spent + max(left, np.float32(0.0))
            if last < n:
                level = level_of(sigma[last], log_step)
                total += lagrange * ends[group + 1, level >> 2, 0]
            if total < best or (some and not optimised):
                best = total
                best_end = last
    for k in range(best_end, n):
        q[k] = 0
    return best


class Space(NamedTuple):
    """Workspaces of the search."""

    block: Array
    """(1024 + 97,) float32 block ⊕ ring, relative to the level."""
    residual: Array
    half: Array
    coefficients: Array
    """(256,) float32."""
    trial: Array
    """(256,) int32."""
    class_bits: Array
    """(64,) float32."""
    stash: Array
    """(4, 3, 32, 32) int16 samples put aside by size."""
    q: Array
    """(4, 3, 1024) int32."""
    size: Array
    label: Array
    surprise: Array
    """(4, 3, 64) int8."""


def new_space() -> Space:
    """Workspaces for one thread."""
    return Space(
        block=np.zeros(1024 + 97, np.float32),
        residual=np.zeros((16, 16), np.float32),
        half=np.zeros((32, 32), np.float32),
        coefficients=np.zeros(256, np.float32),
        trial=np.zeros(256, np.int32),
        class_bits=np.zeros(64, np.float32),
        stash=np.zeros((4, 3, 32, 32), np.int16),
        q=np.zeros((4, 3, 1024), np.int32),
        size=np.zeros((4, 8, 8), np.int8),
        label=np.zeros((4, 8, 8), np.int8),
        surprise=np.zeros((4, 3, 8, 8), np.int8),
    )


@njit(cache=True, fastmath=True)
def _downsampled(space: Space, costs: Costs, side_source: Array, out: Array) -> None:
    """Adjoint of the upsampling on both axes: (32, 32) in space.block to (16, 16)."""
    half = space.half
    up = costs.upsampling
    for i in range(16):
        for j in range(32):
            half[i, j] = 0
        for r in range(32):
            w = up[r, i]
            for j in range(32):
                half[i, j] += w * side_source[32 * r + j]
    for i in range(16):
        for j in range(16):
            total = np.float32(0.0)
            for r in range(32):
                total += half[i, r] * up[r, j]
            out[i, j] = total


@njit(cache=True, fastmath=True)
def _separable(space: Space, rows: Array, columns: Array, order: Array, out: Array) -> None:
    """Coefficients of space.residual in a separable basis, in the class's order."""
    half = space.half
    r = space.residual
    for u in range(16):
        for j in range(16):
            half[u, j] = 0
        for i in range(16):
            w = rows[u, i]
            for j in range(16):
                half[u, j] += w * r[i, j]
    # columns: half (16, 16) @ columns.T
    for u in range(16):
        for v in range(16):
            total = np.float32(0.0)
            for j in range(16):
                total += half[u, j] * columns[v, j]
            half[16 + u, v] = total
    for k in range(256):
        place = order[k]
        out[k] = half[16 + (place >> 4), place & 15]


@njit(cache=True, fastmath=True)
def _full(matrix: Array, v: Array, length: int, n: int, out: Array) -> None:
    for k in range(n):
        row = matrix[k]
        total = np.float32(0.0)
        for i in range(length):
            total += row[i] * v[i]
        out[k] = total


@njit(cache=True)
def _load(source: Array, plane: int, y: int, x: int, side: int, level: int, block: Array) -> np.float32:
    energy = np.float32(0.0)
    for i in range(side):
        for j in range(side):
            value = np.float32(int(source[plane, y + i, x + j]) - level)
            block[i * side + j] = value
            energy += value * value
    return energy


@njit(cache=True)
def exact_coefficients(
    bases: Bases, work: Work, space: Space, costs: Costs, source: Array, plane: int, t: int, label: int, y: int, x: int
) -> np.float32:
    """Coefficients of source minus `work.prediction`; returns the squared error outside them (blocks of 32)."""
    side = 4 << t
    out = space.coefficients
    block = space.block
    if t < 2:
        n = side * side
        for i in range(side):
            for j in range(side):
                block[i * side + j] = source[plane, y + i, x + j] - work.prediction[i * side + j]
        _full(costs.joint[t][label][:, :n], block, n, n, out)
        return np.float32(0.0)
    outside = np.float32(0.0)
    if t == 2:
        for i in range(16):
            for j in range(16):
                space.residual[i, j] = source[plane, y + i, x + j] - work.prediction[16 * i + j]
    else:
        level = int(source[plane, y, x])
        energy = _load(source, plane, y, x, side, level, block)
        _downsampled(space, costs, block, space.residual)
        kept = np.float32(0.0)
        for i in range(16):
            for j in range(16):
                kept += space.residual[i, j] * space.residual[i, j]
                space.residual[i, j] += 2 * (level - work.prediction[16 * i + j])
        outside = max(energy - kept, np.float32(0.0))
    _separable(space, costs.rows[t - 2][label], costs.columns[t - 2][label], bases.order[t][label], out)
    return outside


@njit(cache=True)
def best_class(
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
    t: int,
    y: int,
    x: int,
    above: bool,
) -> tuple[int, np.float32]:
    """The class of least cost for luma; returns it and its cost in units of the luma step squared."""
    bases, scales = tables
    side = 4 << t
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    left, up = neighbours(maps, t, cy, cx)
    depth = settings.depths[t]
    class_costs(model, t, depth, left, up, costs.bits, space.class_bits)
    nearby = nearby_surprise(maps, 0, t, cy, cx)
    level = gather_ring(rec[0], y, x, side, above, work.ring)
    inverse = np.float32(1.0 / settings.steps[0])
    lagrange = np.float32(settings.lagrange[0])
    block = space.block
    energy = _load(source, 0, y, x, side, level, block)
    n = min(side * side, 256)
    m = 3 * side + 1
    if t < 2:
        for j in range(m):
            block[n + j] = work.ring[j]
    else:
        if t == 3:
            m = 49
            for j in range(48):
                work.ring[1 + j] = (work.ring[1 + 2 * j] + work.ring[2 + 2 * j] + 1) >> 1
    outside = np.float32(0.0)
    best = np.float32(1e30)
    chosen = 0
    z = np.empty((16, 16), np.float32)
    if t == 3:
        _downsampled(space, costs, block, z)
        kept = np.float32(0.0)
        for i in range(16):
            for j in range(16):
                kept += z[i, j] * z[i, j]
        outside = max(energy - kept, np.float32(0.0)) * inverse * inverse
    prediction = np.empty(256, np.float32)
    scale = np.float32(2.0) if t == 3 else np.float32(1.0)
    for label in range(1 << depth):
        extra = outside + lagrange * space.class_bits[(1 << depth) + label]
        if extra >= best:
            continue
        if t < 2:
            _full(costs.joint[t][label], block, n + m, n, space.coefficients)
        else:
            weights = costs.predictor[t - 2][label]
            prediction[:] = 0
            for j in range(m):
                w = np.float32(work.ring[j])
                for i in range(256):
                    prediction[i] += w * weights[j, i]
            if t == 2:
                for i in range(16):
                    for j in range(16):
                        space.residual[i, j] = block[16 * i + j] - prediction[16 * i + j]
            else:
                for i in range(16):
                    for j in range(16):
                        space.residual[i, j] = z[i, j] - scale * prediction[16 * i + j]
            _separable(
                space, costs.rows[t - 2][label], costs.columns[t - 2][label], bases.order[t][label], space.coefficients
            )
        cost = rate_distortion(
            space.coefficients,
            n,
            t,
            0,
            scales.log_sigma[t][0, label],
            settings.log_steps[0],
            inverse,
            lagrange,
            extra,
            nearby,
            points,
            costs,
            best,
            settings.optimised,
            space.trial,
        )
        if cost < best:
            best = cost
            chosen = label
    return chosen, best


@njit(cache=True)
def code_leaf(
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
    t: int,
    y: int,
    x: int,
    above: bool,
) -> np.float32:
    """Decide one undivided block: samples, integers and maps are written; returns its cost."""
    bases, scales = tables
    label, cost = best_class(tables, points, costs, settings, model, maps, work, space, source, rec, t, y, x, above)
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    cell = interleaved(cy - 1, cx & 7)
    n = min(16 << (2 * t), 256)
    total = np.float32(settings.lagrange[0] * space.class_bits[(1 << settings.depths[t]) + label])
    choice.size[cell] = t
    choice.label[cell] = label
    for plane in range(settings.planes):
        predict(bases, work, rec[plane], t, label, y, x, above)
        outside = exact_coefficients(bases, work, space, costs, source, plane, t, label, y, x)
        inverse = np.float32(1.0 / settings.steps[plane])
        q = choice.q[plane, 16 * cell : 16 * cell + n]
        sigma = scales.log_sigma[t][plane, label]
        nearby = nearby_surprise(maps, plane, t, cy, cx)
        cost = rate_distortion(
            space.coefficients,
            n,
            t,
            1 if plane > 0 else 0,
            sigma,
            settings.log_steps[plane],
            inverse,
            np.float32(settings.lagrange[plane]),
            outside * inverse * inverse,
            nearby,
            points,
            costs,
            np.float32(1e30),
            settings.optimised,
            q,
        )
        total += np.float32(settings.weight[plane]) * cost
        dequantize(q, n, points, sigma, settings.log_steps[plane], settings.steps[plane], work.coefficients)
        reconstruct(bases, work, rec[plane], t, label, y, x)
        actual = 0
        expected = 0
        for k in range(n):
            actual += abs(q[k]) << 8
            expected += scales.expected[level_of(sigma[k], settings.log_steps[plane])]
        value = (log_eighths(actual + 96) - log_eighths(expected + 96)) >> 1
        mark_surprise(maps, plane, t, cy, cx, min(max(value, -24), 24))
    mark(maps, t, cy, cx, label)
    return total


@njit(cache=True)
def _put_aside(
    space: Space, rec: Array, choice: Choice, maps: Maps, t: int, y: int, x: int, cell: int, planes: int
) -> None:
    side, cells = 4 << t, 1 << t
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    for p in range(planes):
        space.stash[t, p, :side, :side] = rec[p, y + 1 : y + 1 + side, x : x + side]
        space.q[t, p, : side * side] = choice.q[p, 16 * cell : 16 * cell + side * side]
        space.surprise[t, p, :cells, :cells] = maps.surprise[p, cy : cy + cells, cx : cx + cells]
    space.label[t, 0, 0] = choice.label[cell]


@njit(cache=True)
def _take_back(
    space: Space, rec: Array, choice: Choice, maps: Maps, t: int, y: int, x: int, cell: int, planes: int
) -> None:
    side, cells = 4 << t, 1 << t
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    for p in range(planes):
        rec[p, y + 1 : y + 1 + side, x : x + side] = space.stash[t, p, :side, :side]
        choice.q[p, 16 * cell : 16 * cell + side * side] = space.q[t, p, : side * side]
        maps.surprise[p, cy : cy + cells, cx : cx + cells] = space.surprise[t, p, :cells, :cells]
    choice.size[cell] = t
    choice.label[cell] = space.label[t, 0, 0]
    mark(maps, t, cy, cx, int(space.label[t, 0, 0]))


@njit(cache=True)
def divide_bits(
    costs: Costs, settings: Settings, model: Model, maps: Maps, t: int, cy: int, cx: int, bit: bool
) -> np.float32:
    """Bits of whether a block is divided, by what the model says now."""
    left, up = sizes_around(maps, cy, cx)
    p = probability_of_one(model, set_split(model, t, left, up, settings.step_level))
    return costs.bits[p >> 4] if bit else costs.bits[(65536 - p) >> 4]


@njit(cache=True)
def search(
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
    y: int,
    x: int,
    above: bool,
) -> np.float32:
    """Decide a superblock: samples in `rec` and maps are those of the decision; returns its cost.

    A square is coded whole, put aside, and divided while its parts together cost less; the order is that of decoding,
    so that every trial sees the neighbours it would have.
    """
    lagrange = np.float32(settings.lagrange[0])
    whole = np.full(4, np.float32(1e30), np.float32)
    divided = np.zeros(4, np.float32)
    parts = np.zeros(4, np.int64)
    rows = np.full(4, y, np.int64)
    columns = np.full(4, x, np.int64)
    smallest = 0
    while settings.sizes[smallest] == 0:
        smallest += 1
    t = 3
    cost = np.float32(0.0)
    entering = True
    while True:
        top, left = rows[t], columns[t]
        cy, cx = 1 + ((top % 32) >> 2), left >> 2
        cell = interleaved(cy - 1, cx & 7)
        if entering:
            whole[t] = np.float32(1e30)
            divided[t] = 0.0
            parts[t] = 0
            if t > 0:
                divided[t] = lagrange * divide_bits(costs, settings, model, maps, t, cy, cx, True)
            if settings.sizes[t]:
                whole[t] = 0.0
                if t > 0:
                    whole[t] = lagrange * divide_bits(costs, settings, model, maps, t, cy, cx, False)
                whole[t] += code_leaf(
                    tables, points, costs, settings, model, maps, work, space, source, rec, choice, t, top, left, above
                )
                if t > smallest:
                    _put_aside(space, rec, choice, maps, t, top, left, cell, settings.planes)
        else:
            divided[t] += cost
            parts[t] += 1
        if t > smallest and parts[t] < 4 and divided[t] < whole[t]:
            half = 2 << t
            rows[t - 1] = top + (parts[t] >> 1) * half
            columns[t - 1] = left + (parts[t] & 1) * half
            t -= 1
            entering = True
            continue
        cost = whole[t]
        if t > smallest:
            if whole[t] <= divided[t]:
                _take_back(space, rec, choice, maps, t, top, left, cell, settings.planes)
            else:
                cost = divided[t]
        if t == 3:
            return cost
        t += 1
        entering = False
