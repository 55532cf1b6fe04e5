"""The bits of every decision: a coded strip is written again, and what each part takes is counted."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from qimg.arguments import Array
from qimg.codec.blocks import Bases
from qimg.codec.coding import StripCoder
from qimg.codec.contexts import GROUP_COUNT, GROUPS, Scales, code_class, code_coefficients, code_split
from qimg.codec.geometry import SIDES
from qimg.codec.model import Coder, Model, new_writer
from qimg.codec.search import Maps, Settings, mark, mark_surprise, nearby_surprise, neighbours, new_maps, sizes_around

_KINDS = 5  # divisions, class, coefficients of three planes
_ROOM = 32 * 32 * 3 * 64  # bits of a superblock, at most


@dataclass(frozen=True, kw_only=True)
class Block:
    """One undivided block; its bits are −log₂ of the probability that the entropy model gave to what was coded."""

    row: int
    """Of its first sample."""
    column: int
    side: int
    """4, 8, 16 or 32."""
    label: int
    """Its class."""
    division_bits: float
    """Of the decisions whether to divide the squares that begin with this block."""
    class_bits: float
    magnitude_bits: tuple[float, ...]
    """By plane; where the coefficients end is part of it."""
    sign_bits: tuple[int, ...]
    """By plane, one for each coefficient that is not zero."""

    @property
    def bits(self) -> float:
        """All of them."""
        return self.division_bits + self.class_bits + sum(self.magnitude_bits) + sum(self.sign_bits)


def replayed(coder: StripCoder) -> tuple[tuple[Block, ...], tuple[Array, ...]]:
    """The blocks of a strip that was written with `keep`, in the order of decoding, and the integers of each."""
    model, maps, planes = coder.tables.new_model(), new_maps(coder.width // SIDES[0]), coder.planes
    pen = new_writer(_ROOM)
    blocks: list[Block] = []
    integers: list[Array] = []
    for row, kept in enumerate(coder.decisions):
        count = 64 * len(kept[0])
        places, spent = np.zeros((count, 5), np.int64), np.zeros((count, _KINDS))
        filled = _replay_row(
            pen, (coder.tables.bases, coder.tables.scales), coder.settings, model, maps, *kept, places, spent
        )
        for (y, x, t, label, cell), bits in zip(places[:filled].tolist(), spent[:filled].tolist(), strict=True):
            n = min(SIDES[t] ** 2, 256)
            q = kept[0][x // 32, :planes, 16 * cell : 16 * cell + n].copy()
            signs = np.count_nonzero(q, axis=1).tolist()
            block = Block(
                row=32 * row + y,
                column=x,
                side=SIDES[t],
                label=label,
                division_bits=bits[0],
                class_bits=bits[1],
                magnitude_bits=tuple(bits[2 + plane] - signs[plane] for plane in range(planes)),
                sign_bits=tuple(signs),
            )
            blocks.append(block)
            integers.append(q)
    return tuple(blocks), tuple(integers)


@njit(cache=True)
def _take_bits(pen: Coder) -> float:
    """−log₂ of the probability of all that was written since the last call."""
    total = 0.0
    for k in range(pen.position[0]):
        p = float(pen.probabilities[k])
        total -= np.log2((p if pen.bits[k] else 65536.0 - p) / 65536.0)
    pen.position[0] = 0
    return total


@njit(cache=True)
def _replay_row(
    pen: Coder,
    tables: tuple[Bases, Scales],
    settings: Settings,
    model: Model,
    maps: Maps,
    integers: Array,
    sizes: Array,
    labels: Array,
    places: Array,
    spent: Array,
) -> int:
    """Write the decisions of a row of superblocks; returns how many blocks it has.

    Args:
        integers: (n, 3, 1024).
        sizes: (n, 64) in the order of decoding.
        labels: (n, 64).
        places: (≥ blocks, 5) row in the superblock's row, column, size index, class and cell, written.
        spent: (≥ blocks, 5) bits of divisions, class and the coefficients of each plane, written.
    """
    bases, scales = tables
    near = np.zeros((20, 20), np.int8)
    zeros = np.zeros(256, np.int32)
    other = np.zeros(256, np.int32)
    filled = 0
    for s in range(len(sizes)):
        cell = 0
        while cell < 64:
            row = column = 0
            for bit in range(3):
                column |= ((cell >> (2 * bit)) & 1) << bit
                row |= ((cell >> (2 * bit + 1)) & 1) << bit
            cy, cx = 1 + row, 8 * s + column
            t = 3
            while cell & ((1 << (2 * t)) - 1):
                t -= 1
            while t > 0:
                left, up = sizes_around(maps, cy, cx)
                divided = 1 if sizes[s, cell] < t else 0
                code_split(pen, model, t, left, up, settings.step_level, divided)
                if divided == 0:
                    break
                t -= 1
            spent[filled, 0] = _take_bits(pen)
            left, up = neighbours(maps, t, cy, cx)
            label = code_class(pen, model, t, settings.depths[t], left, up, labels[s, cell])
            spent[filled, 1] = _take_bits(pen)
            n = GROUPS[t, GROUP_COUNT[t]]
            for plane in range(settings.planes):
                q = integers[s, plane, 16 * cell : 16 * cell + n]
                if plane > 0:
                    other[:n] = np.abs(integers[s, plane - 1, 16 * cell : 16 * cell + n])
                value = code_coefficients(
                    pen,
                    model,
                    scales,
                    plane,
                    t,
                    label,
                    bases.order[t][label],
                    settings.log_steps[plane],
                    settings.step_level,
                    nearby_surprise(maps, plane, t, cy, cx),
                    zeros if plane == 0 else other,
                    near,
                    q,
                )
                mark_surprise(maps, plane, t, cy, cx, value)
                spent[filled, 2 + plane] = _take_bits(pen)
            mark(maps, t, cy, cx, label)
            places[filled, 0], places[filled, 1] = 4 * row, 4 * cx
            places[filled, 2], places[filled, 3], places[filled, 4] = t, label, cell
            filled += 1
            cell += 1 << (2 * t)
    maps.size[0] = maps.size[8]
    maps.label[0] = maps.label[8]
    for plane in range(3):
        maps.surprise[plane, 0] = maps.surprise[plane, 8]
    return filled
