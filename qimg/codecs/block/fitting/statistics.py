"""Sums over the blocks of coded pictures: second moments, magnitudes and ends of the coefficients, by class."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.strips import StripWriter, padded_samples
from qimg.codecs.block.fitting.classes import Classes
from qimg.codecs.block.model.contexts import GROUP_COUNT, GROUPS, block_activity, level_of
from qimg.codecs.block.model.maps import Maps, mark, mark_activity, nearby_activity, new_maps, next_row
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import smoothing
from qimg.codecs.block.transform.geometry import (
    SAMPLE_SCALE,
    SIDES,
    gather_ring,
    pair_means,
    place_of_block_4x4,
    upsampling,
)
from qimg.core import Array
from qimg.core.compiled import compiled

LARGEST = 15
"""Magnitudes from this one on are counted together."""


@dataclass(eq=False, kw_only=True)
class Statistics:
    """Sums over coded pictures."""

    moments: list[Array]
    """By size: (K, m + n, m + n) Σ v vᵀ of luma's ring ⊕ block."""
    blocks: list[Array]
    """By size: (K,) number of blocks."""
    amplitudes: list[Array]
    """By size: (3, K, n) Σ |c|."""
    magnitudes: Array
    """(2, 12, 64, 16) occurrences by luma or chroma, nearby activity, level and magnitude."""
    ends: Array
    """(2, 4, 10, 16, 2) occurrences of the flag before a group by luma or chroma, size, group, level / 4 and flag."""
    shifts: Array
    """(2, 64, 3) Σ (magnitude − |c| / step) by level for magnitudes 1, 2 and more, and the numbers of summands."""
    errors: Array
    """(3, classes, places, F + 1, F + 1) second moments of the filter's features ⊕ error, lower triangles."""
    samples: Array
    """(3, classes, places) number of samples."""
    pixels: float = 0.0
    bits: float = 0.0
    squared_error: float = 0.0

    @classmethod
    def none(cls, classes: list[Classes], *, filters: bool) -> "Statistics":
        """Sums of zero."""
        width = smoothing.FEATURES + 1
        shape = (3, smoothing.CLASSES, smoothing.PLACES) if filters else (0, 0, 0)
        return cls(
            moments=[
                np.zeros((size.count, sum(size.predictor.shape[1:]), sum(size.predictor.shape[1:]))) for size in classes
            ],
            blocks=[np.zeros(size.count) for size in classes],
            amplitudes=[np.zeros_like(size.sigma) for size in classes],
            magnitudes=np.zeros((2, 12, 64, LARGEST + 1)),
            ends=np.zeros((2, 4, 10, 16, 2)),
            shifts=np.zeros((2, 64, 3)),
            errors=np.zeros((*shape, width, width)),
            samples=np.zeros(shape),
        )

    def __add__(self, other: "Statistics") -> "Statistics":
        """Sums over the pictures of both."""
        sums: dict[str, Any] = {}
        for field in fields(self):
            first, second = getattr(self, field.name), getattr(other, field.name)
            sums[field.name] = (
                [a + b for a, b in zip(first, second, strict=True)] if isinstance(first, list) else first + second
            )
        return Statistics(**sums)


def code_picture(
    samples: Array, tables: Tables, parameters: Parameters, model: tuple[Array, ...] | None
) -> tuple[StripWriter, Array, bytes]:
    """Encode a picture as one strip and keep the decisions; returns the coder, the padded source and the payload.

    Args:
        samples: (3, H, W) int16.
        model: initial probabilities, counts and weights; None uses those of the tables.
    """
    coder = StripWriter(3, samples.shape[2], tables, parameters, Search(filtered=False), keep=True)
    if model is not None:
        coder.model = coder.model._replace(probability=model[0], counts=model[1], weights=model[2])
    payload, _ = coder.write(samples)
    return coder, padded_samples(samples), payload


def add_picture(total: Statistics, classes: list[Classes], coder: StripWriter, source: Array, payload: bytes) -> None:
    """Add the blocks of a coded picture."""
    decoded, settings, tables = coder.unfiltered, coder.settings, coder.tables
    total.pixels += source[0].size
    total.bits += 8 * len(payload)
    _add_magnitudes(total, coder)
    ring = np.zeros(97, np.int32)
    for t, size in enumerate(classes):
        capacity = source[0].size // SIDES[t] ** 2 + 1
        m, n = size.predictor.shape[1:]
        for plane in range(3):
            vectors, integers = np.zeros((capacity, m + n), np.float32), np.zeros((capacity, n), np.int32)
            labels, filled = np.zeros(capacity, np.int64), 0
            for row, decision in enumerate(coder.decisions):
                filled = _collect(
                    decision.q,
                    decision.size,
                    decision.label,
                    32 * row,
                    source[plane],
                    decoded[plane],
                    t,
                    plane,
                    vectors,
                    integers,
                    labels,
                    filled,
                    ring,
                    _UP,
                )
            for k in np.unique(labels[:filled]):
                members = labels[:filled] == k
                chosen = vectors[:filled][members]
                c = size.coefficients(int(k), chosen)
                total.amplitudes[t][plane, k] += np.abs(c).sum(axis=0)
                if plane == 0:
                    total.moments[t][k] += chosen.T @ chosen
                    total.blocks[t][k] += len(chosen)
                levels = np.clip(tables.scales.log_sigma[t][plane, k] - settings.log_steps[plane] + 40, 0, 63)
                _add_shifts(total.shifts, c, integers[:filled][members], levels, SAMPLE_SCALE / settings.steps[plane])
    for plane in range(len(total.samples)):
        smoothing.add_moments(
            smoothing.with_margin(decoded[plane, 1:]),
            coder.sizes,
            int(settings.steps[plane]),
            source[plane],
            total.errors[plane],
            total.samples[plane],
        )


_UP = upsampling()


def _add_shifts(shifts: Array, c: Array, q: Array, levels: Array, inverse: float) -> None:
    row, k = np.nonzero(q)
    size = np.abs(q[row, k])
    away = size - c[row, k] * np.sign(q[row, k]) * inverse
    place = (np.broadcast_to(levels, q.shape)[row, k], np.minimum(size, 3) - 1)
    np.add.at(shifts[0], place, away)
    np.add.at(shifts[1], place, 1)


def _add_magnitudes(total: Statistics, coder: StripWriter) -> None:
    blocks_4x4 = coder.width // 4
    maps = new_maps(blocks_4x4)
    for decision in coder.decisions:
        _count_row(
            decision.q,
            decision.size,
            decision.label,
            coder.tables.scales.log_sigma,
            coder.settings.log_steps,
            coder.tables.scales.expected,
            maps,
            total.magnitudes,
            total.ends,
        )


@compiled(allocates=True)
def _collect(
    q: Array,
    sizes: Array,
    labels: Array,
    y: int,
    source: Array,
    decoded: Array,
    t: int,
    plane: int,
    vectors: Array,
    integers: Array,
    chosen: Array,
    filled: int,
    ring: Array,
    up: Array,
) -> int:
    """Append the windows of the blocks of one size in a row of superblocks; returns the new number of windows."""
    side = 4 << t
    n = min(side * side, 256)
    for s in range(len(sizes)):
        block_4x4 = 0
        while block_4x4 < 64:
            if sizes[s, block_4x4] == t:
                row, column = place_of_block_4x4(block_4x4)
                top, left = y + 4 * row, 32 * s + 4 * column
                level = gather_ring(decoded, top, left, side, False, ring)
                m = 3 * side + 1
                if t == 3:
                    m = 49
                    pair_means(ring)
                for j in range(m):
                    vectors[filled, j] = ring[j] / 64
                if t < 3:
                    for i in range(side):
                        for j in range(side):
                            vectors[filled, m + side * i + j] = (source[top + i, left + j] - level) / 64
                else:
                    half = np.zeros((16, 32))
                    for i in range(32):
                        for a in range(16):
                            for j in range(32):
                                half[a, j] += up[i, a] * (source[top + i, left + j] - level)
                    for a in range(16):
                        for b in range(16):
                            value = 0.0
                            for j in range(32):
                                value += half[a, j] * up[j, b]
                            vectors[filled, m + 16 * a + b] = value / 128
                for k in range(n):
                    integers[filled, k] = q[s, plane, 16 * block_4x4 + k]
                chosen[filled] = labels[s, block_4x4]
                filled += 1
            block_4x4 += 1 << (2 * sizes[s, block_4x4])
    return filled


@compiled
def _count_row(
    q: Array,
    sizes: Array,
    labels: Array,
    log_sigma: tuple[Array, ...],
    log_steps: Array,
    expected: Array,
    maps: Maps,
    magnitudes: Array,
    ends: Array,
) -> None:
    """Count magnitudes and ends with the contexts of the entropy model."""
    for s in range(len(sizes)):
        block_4x4 = 0
        while block_4x4 < 64:
            t, label = sizes[s, block_4x4], labels[s, block_4x4]
            row, column = place_of_block_4x4(block_4x4)
            cy, cx = 1 + row, 8 * s + column
            n = min(16 << (2 * t), 256)
            for plane in range(3):
                colour = 1 if plane > 0 else 0
                sigma = log_sigma[t][plane, label]
                nearby = nearby_activity(maps, plane, t, cy, cx)
                last = -1
                actual = expected_sum = 0
                for k in range(n):
                    size = abs(q[s, plane, 16 * block_4x4 + k])
                    if size > 0:
                        last = k
                    actual += size << 8
                    expected_sum += expected[level_of(sigma[k], log_steps[plane])]
                for group in range(GROUP_COUNT[t]):
                    first = GROUPS[t, group]
                    more = 1 if last >= first else 0
                    ends[colour, t, group, level_of(sigma[first], log_steps[plane]) >> 2, more] += 1
                    if more == 0:
                        break
                    for k in range(first, GROUPS[t, group + 1]):
                        size = min(abs(q[s, plane, 16 * block_4x4 + k]), LARGEST)
                        magnitudes[colour, nearby, level_of(sigma[k], log_steps[plane]), size] += 1
                mark_activity(maps, plane, t, cy, cx, block_activity(actual, expected_sum))
            mark(maps, t, cy, cx, label)
            block_4x4 += 1 << (2 * t)
    next_row(maps)
