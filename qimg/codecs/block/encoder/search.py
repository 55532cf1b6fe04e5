"""The encoder's search for the division and classes of least distortion + λ · bits."""

import numpy as np

from qimg.codecs.block.encoder.analysis import Space, Target
from qimg.codecs.block.encoder.class_search import best_class, plane_cost
from qimg.codecs.block.encoder.rate_distortion import Costs, bits_of
from qimg.codecs.block.model.contexts import block_activity, magnitudes, set_split
from qimg.codecs.block.model.local_steps import localise
from qimg.codecs.block.model.maps import mark, mark_activity, mark_matched, neighbour_sizes
from qimg.codecs.block.model.strip import Part, Strip
from qimg.codecs.block.transform.blocks import reconstruct
from qimg.codecs.block.transform.dequantization import dequantize
from qimg.codecs.block.transform.geometry import interleaved
from qimg.core import Array
from qimg.core.compiled import inner
from qimg.entropy.mixing import probability_of_one


@inner
def code_leaf(strip: Strip, target: Target, t: int, y: int, x: int) -> np.float32:
    """Decide one undivided block and write its samples, integers and maps; returns its cost."""
    bases, settings, maps, work, choice = strip.bases, strip.settings, strip.maps, strip.work, strip.choice
    label, matched = best_class(strip, target, t, y, x)
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    block_4x4 = interleaved(cy - 1, cx & 7)
    n = min(16 << (2 * t), 256)
    total = np.float32(settings.lagrange[0] * target.space.side_bits[matched, label])
    choice.size[block_4x4] = t
    choice.label[block_4x4] = label
    choice.matched[block_4x4] = matched
    for plane in range(settings.planes):
        q = choice.q[plane, 16 * block_4x4 : 16 * block_4x4 + n]
        cost = plane_cost(strip, target, plane, t, label, y, x, matched, np.float32(1e30), q)
        total += np.float32(settings.weight[plane]) * cost
        sigma, log_step = strip.scales.log_sigma[t][plane, label], strip.local.log_steps[plane]
        dequantize(q, n, strip.points, sigma, log_step, strip.local.steps[plane], work.coefficients)
        reconstruct(bases, work, strip.rec[plane], t, label, y, x)
        actual, expected = magnitudes(strip.scales, Part(plane, t, label, 0), log_step, q)
        mark_activity(maps, plane, t, cy, cx, block_activity(actual, expected))
    mark(maps, t, cy, cx, label)
    mark_matched(maps, t, cy, cx, matched)
    return total


@inner
def _stash(space: Space, strip: Strip, t: int, y: int, x: int, restore: bool) -> None:
    """Save the decisions on a square in the workspaces, or restore them."""
    side, blocks_4x4, choice = 4 << t, 1 << t, strip.choice
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    block_4x4 = interleaved(cy - 1, cx & 7)
    for p in range(strip.settings.planes):
        for i in range(side):
            for j in range(side):
                _copy(strip.rec[p], y + 1 + i, x + j, space.stash[t, p], i, j, restore)
                _copy(choice.q, p, 16 * block_4x4 + side * i + j, space.q[t], p, side * i + j, restore)
        for i in range(blocks_4x4):
            for j in range(blocks_4x4):
                _copy(strip.maps.activity[p], cy + i, cx + j, space.activity[t, p], i, j, restore)
    if restore:
        choice.size[block_4x4] = t
        choice.label[block_4x4] = space.label[t]
        choice.matched[block_4x4] = space.matched[t]
        mark(strip.maps, t, cy, cx, int(space.label[t]))
        mark_matched(strip.maps, t, cy, cx, int(space.matched[t]))
    else:
        space.label[t] = choice.label[block_4x4]
        space.matched[t] = choice.matched[block_4x4]


@inner
def _copy(state: Array, row: int, column: int, saved: Array, i: int, j: int, restore: bool) -> None:
    if restore:
        state[row, column] = saved[i, j]
    else:
        saved[i, j] = state[row, column]


@inner
def divide_bits(strip: Strip, costs: Costs, t: int, cy: int, cx: int, bit: bool) -> np.float32:
    """Bits of the split flag of a block under the model's current state."""
    left, up = neighbour_sizes(strip.maps, cy, cx)
    p = probability_of_one(strip.model, set_split(strip.model, t, left, up, strip.local.level[0]))
    return bits_of(costs.bits, p, 1 if bit else 0)


@inner
def search(strip: Strip, target: Target, y: int, x: int) -> np.float32:
    """Decide a superblock and write the samples in `rec` and the maps of the decision; returns its cost.

    Each square is first coded undivided and saved, then divided as long as its parts together cost less. Squares are
    visited in decoding order, so that every trial has the neighbours of the decoder.
    """
    localise(strip.local, strip.ladder, strip.offsets[y >> 5, x >> 5])
    settings = strip.settings
    lagrange = np.float32(settings.lagrange[0])
    whole, divided = target.space.cost[0], target.space.cost[1]
    parts, rows, columns = target.space.place[0], target.space.place[1], target.space.place[2]
    rows[3], columns[3] = y, x
    smallest = 0
    while settings.sizes[smallest] == 0:
        smallest += 1
    t = 3
    cost = np.float32(0.0)
    entering = True
    while True:
        top, left = rows[t], columns[t]
        cy, cx = 1 + ((top % 32) >> 2), left >> 2
        if entering:
            whole[t] = np.float32(1e30)
            divided[t] = 0.0
            parts[t] = 0
            if t > 0:
                divided[t] = lagrange * divide_bits(strip, target.costs, t, cy, cx, True)
            if settings.sizes[t]:
                whole[t] = 0.0
                if t > 0:
                    whole[t] = lagrange * divide_bits(strip, target.costs, t, cy, cx, False)
                whole[t] += code_leaf(strip, target, t, top, left)
                if t > smallest:
                    _stash(target.space, strip, t, top, left, False)
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
                _stash(target.space, strip, t, top, left, True)
            else:
                cost = divided[t]
        if t == 3:
            return cost
        t += 1
        entering = False
