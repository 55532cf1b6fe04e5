"""Refinement of a picture to a third of its step by division of the quantization bins, block by block.

A block keeps its class; its coefficients c belong to the residual of the prediction from the coarse picture. The ring
of the finer picture, as far as it is decoded, gives a better prediction. In the class eigenbasis the two predictions
differ by κ, so c is expected near κ. An integer q at step 3s becomes an integer at step s whose bin lies in the bin of
q: ±m becomes ±(3m − 1), ±3m or ±(3m + 1), and 0 becomes any integer in its bin. The reconstruction of a coefficient
within its bin also depends on κ: a block of zeros becomes the conditional mean given the finer ring.
"""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.encoder.analysis import Target, exact_coefficients
from qimg.codecs.block.encoder.rate_distortion import bits_of, prices_of
from qimg.codecs.block.layers.layer_contexts import Spot, bias_of_zero, set_new
from qimg.codecs.block.layers.ternary_refinement import divide, grow, place_in_bin, worth_coding
from qimg.codecs.block.model.contexts import (
    GROUP_COUNT,
    GROUPS,
    activity,
    block_activity,
    level_of,
    magnitudes,
    mark_near,
    place_in_class,
)
from qimg.codecs.block.model.maps import mean_activity
from qimg.codecs.block.model.strip import Part, Scales, Settings
from qimg.codecs.block.transform.blocks import Bases, Work, forward, largest_magnitude, predict, reconstruct
from qimg.codecs.block.transform.geometry import place_of_block_4x4
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.mixing import Coder, Model, code_bit, probability_of_one
from qimg.entropy.range_coder import has_ended, is_broken


class Layer(NamedTuple):
    """State of the current layer: superblocks row by row, blocks by their first 4×4 block in decoding order."""

    bases: Bases
    scales: Scales
    points: Array
    settings: Settings
    """Settings of the current layer."""
    model: Model
    """Entropy model of the layers."""
    work: Work

    size: Array
    """(superblocks, 64) int8 size index by 4×4 block."""
    label: Array
    """(superblocks, 64) int8 class."""
    q: Array
    """(superblocks, 3, 1024) int32 coefficients; those of a block begin at 16 · its first 4×4 block."""
    actual: Array
    """(superblocks, 3, 64) int64 sum of the magnitudes of a block so far, in units of 1/256."""
    expected: Array
    """(superblocks, 3, 64) int64 expected sum of the magnitudes."""
    activity: Array
    """(3, rows + 2, columns + 2) int8 logarithm of actual over expected in quarter octaves, by 4×4 block."""
    coarse: Array
    """(planes, 1 + rows, width) int16 samples of the coarse picture; the first row is unused."""
    fine: Array
    """Samples at the finer step where they are decoded, elsewhere those of the previous layer."""
    first: Array
    """(256,) int32 workspace: the prediction from the finer picture."""
    shift: Array
    """(3, 256) int64 workspace: κ by plane, in samples."""
    wanted: Array
    """(256,) float32 workspace of the encoder: exact coefficients in steps."""


@inner
def _predict_shift(layer: Layer, plane: int, t: int, label: int, y: int, x: int) -> None:
    """Write the prediction from the coarse picture to `work.prediction`, and κ to `layer.shift`."""
    bases, work, first = layer.bases, layer.work, layer.first
    n = 16 << (2 * min(t, 2))
    predict(bases, work, layer.fine[plane], t, label, y, x, False)
    for i in range(n):
        first[i] = work.prediction[i]
    predict(bases, work, layer.coarse[plane], t, label, y, x, False)
    scale = 2 if t == 3 else 1
    for i in range(n):
        first[i] = scale * (first[i] - work.prediction[i])
    forward(bases, work, first, t, label, layer.shift[plane])


@inner
def _nearby_activity(activities: Array, t: int, cy: int, cx: int) -> int:
    """Mean activity of the four neighbouring 4×4 blocks at the middle of each side, as from `mean_activity`."""
    blocks_4x4 = 1 << t
    middle = blocks_4x4 >> 1
    total = int(activities[cy, cx + 1 + middle]) + int(activities[cy + blocks_4x4 + 1, cx + 1 + middle])
    total += int(activities[cy + 1 + middle, cx]) + int(activities[cy + 1 + middle, cx + blocks_4x4 + 1])
    return mean_activity(total)


@inner
def _record(layer: Layer, plane: int, s: int, block_4x4: int, cy: int, cx: int, actual: int, expected: int) -> None:
    """Record the sums of magnitudes of a plane of a block and its activity."""
    blocks_4x4 = 1 << layer.size[s, block_4x4]
    layer.actual[s, plane, block_4x4] = actual
    layer.expected[s, plane, block_4x4] = expected
    value = block_activity(actual, expected)
    layer.activity[plane, cy + 1 : cy + 1 + blocks_4x4, cx + 1 : cx + 1 + blocks_4x4] = value


@inner
def _code_plane(
    coder: Coder, layer: Layer, target: Target, s: int, block_4x4: int, cy: int, cx: int, plane: int
) -> None:
    """Code the coefficients of a plane of a block."""
    model, scales, settings, near = layer.model, layer.scales, layer.settings, layer.work.near
    t, label = int(layer.size[s, block_4x4]), int(layer.label[s, block_4x4])
    n = GROUPS[t, GROUP_COUNT[t]]
    q = layer.q[s, plane, 16 * block_4x4 : 16 * block_4x4 + n]
    below = layer.q[s, max(plane - 1, 0), 16 * block_4x4 : 16 * block_4x4 + n]
    sigma = scales.log_sigma[t][plane, label]
    step, log_step = int(settings.steps[plane]), settings.log_steps[plane]
    largest = largest_magnitude(step)
    wanted, shift = layer.wanted, layer.shift[plane]
    part = Part(plane, t, label, _nearby_activity(layer.activity[plane], t, cy, cx))
    prices = prices_of(target.costs, settings, step, log_step, layer.points, part)
    actual = int(layer.actual[s, plane, block_4x4]) >> 1
    expected = int(layer.expected[s, plane, block_4x4]) >> 1
    order = layer.bases.order[t][label]
    if t >= 2:
        near[:] = 0
        for k in range(n):
            if q[k] != 0:
                mark_near(near, order[k])
    for group in range(GROUP_COUNT[t]):
        first, last = GROUPS[t, group], GROUPS[t, group + 1]
        empty = True
        bias = 0
        other = 0
        for k in range(first, last):
            if q[k] != 0:
                empty = False
            if plane > 0 and below[k] != 0:
                other += 1
            bias = max(bias, bias_of_zero((shift[k] << 8) // step))
        if empty:
            some = 0
            if group > 0:
                for k in range(GROUPS[t, group - 1], first):
                    if q[k] != 0:
                        some += 1
            level = level_of(sigma[first], log_step)
            running = activity(actual, expected)
            mixer = set_new(model, part, group, level, running, min(other, 3), min(some, 3), bias)
            coded = 1
            if coder.writing:
                p = probability_of_one(model, mixer)
                coded = worth_coding(
                    prices,
                    step,
                    wanted[first:last],
                    shift[first:last],
                    sigma[first:last],
                    bits_of(prices.bits, p, 1) - bits_of(prices.bits, p, 0),
                )
            if code_bit(coder, model, mixer, coded) == 0:
                for k in range(first, last):
                    expected += scales.expected[level_of(sigma[k], log_step)]
                continue
        for k in range(first, last):
            level = level_of(sigma[k], log_step)
            running = activity(actual, expected)
            relative_shift = (shift[k] << 8) // step
            around = 0
            for j in range(max(k - 2, 0), min(k + 3, n)):
                if q[j] != 0:
                    around += 1
            beside = min(int(near[(order[k] >> 4) + 2, (order[k] & 15) + 2]), 3) if t >= 2 else min(other, 3)
            under = min(int(abs(below[k])), 3) if plane > 0 else 0
            spot = Spot(place_in_class(k), level, running, min(around, 3), beside, under)
            if q[k] == 0:
                q[k] = grow(coder, model, prices, part, spot, relative_shift, largest, wanted[k])
                if q[k] != 0 and t >= 2:
                    mark_near(near, order[k])
            else:
                q[k] = divide(coder, model, prices, part, spot, int(q[k]), relative_shift, wanted[k])
            actual += abs(int(q[k])) << 8
            expected += scales.expected[level]
    _record(layer, plane, s, block_4x4, cy, cx, actual, expected)


@compiled
def code_layer_row(coder: Coder, layer: Layer, target: Target, row: int, cut: bool) -> bool:
    """Code a row of superblocks of a layer; returns False at the first block after the end of the words.

    A block is either refined in all planes or unchanged from the previous layer. With `cut` the words may end anywhere,
    and the first missing word is the end.
    """
    bases, scales, settings, work = layer.bases, layer.scales, layer.settings, layer.work
    columns = layer.fine.shape[2] // 32
    planes = layer.fine.shape[0]
    for s in range(row * columns, (row + 1) * columns):
        block_4x4 = 0
        while block_4x4 < 64:
            t, label = int(layer.size[s, block_4x4]), int(layer.label[s, block_4x4])
            n = GROUPS[t, GROUP_COUNT[t]]
            down, right = place_of_block_4x4(block_4x4)
            cy, cx = 8 * row + down, 8 * (s % columns) + right
            for plane in range(planes):
                _predict_shift(layer, plane, t, label, 4 * cy, 4 * cx)
                if coder.writing:
                    exact_coefficients(bases, work, target, plane, t, label, 4 * cy, 4 * cx)
                    inverse = np.float32(1.0 / settings.steps[plane])
                    for k in range(n):
                        layer.wanted[k] = target.space.coefficients[k] * inverse
                _code_plane(coder, layer, target, s, block_4x4, cy, cx, plane)
            if is_broken(coder.state, coder.words) or (cut and has_ended(coder.state, coder.words)):
                return False
            for plane in range(planes):
                predict(bases, work, layer.coarse[plane], t, label, 4 * cy, 4 * cx, False)
                step = int(settings.steps[plane])
                sigma = scales.log_sigma[t][plane, label]
                for k in range(n):
                    level = level_of(sigma[k], settings.log_steps[plane])
                    relative_shift = (layer.shift[plane, k] << 8) // step
                    value = place_in_bin(int(layer.q[s, plane, 16 * block_4x4 + k]), relative_shift, level)
                    work.coefficients[k] = (value * step + 128) >> 8
                reconstruct(bases, work, layer.fine[plane], t, label, 4 * cy, 4 * cx)
            block_4x4 += 1 << (2 * t)
    return True


@compiled
def count_coarse(layer: Layer) -> None:
    """Compute `actual`, `expected` and `activity` of every block from the coefficients of the coarse picture."""
    columns = layer.fine.shape[2] // 32
    for s in range(layer.size.shape[0]):
        block_4x4 = 0
        while block_4x4 < 64:
            t, label = int(layer.size[s, block_4x4]), int(layer.label[s, block_4x4])
            n = GROUPS[t, GROUP_COUNT[t]]
            down, right = place_of_block_4x4(block_4x4)
            cy, cx = 8 * (s // columns) + down, 8 * (s % columns) + right
            for plane in range(layer.fine.shape[0]):
                q = layer.q[s, plane, 16 * block_4x4 : 16 * block_4x4 + n]
                part = Part(plane, t, label, 0)
                actual, expected = magnitudes(layer.scales, part, layer.settings.log_steps[plane], q)
                _record(layer, plane, s, block_4x4, cy, cx, actual, expected)
            block_4x4 += 1 << (2 * t)
