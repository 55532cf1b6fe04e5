"""Maps of block size, class and activity by 4×4 block, for a row of superblocks and the row of 4×4 blocks above it."""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled, inner


class Maps(NamedTuple):
    """Properties of neighbouring blocks, by 4×4 block, for the contexts; row 0 belongs to the superblocks above."""

    size: Array
    """(9, width / 4) int8 size index; 4 means no block."""
    label: Array
    activity: Array
    """(3, 9, width / 4) int8."""
    matched: Array
    """(9, width / 4) int8 1 for matched blocks."""


def new_maps(blocks_4x4: int) -> Maps:
    """Maps of a strip that is `blocks_4x4` 4×4 blocks wide and has no strip above it."""
    return Maps(
        size=np.full((9, blocks_4x4), 4, np.int8),
        label=np.zeros((9, blocks_4x4), np.int8),
        activity=np.zeros((3, 9, blocks_4x4), np.int8),
        matched=np.zeros((9, blocks_4x4), np.int8),
    )


@compiled(inline="always")
def neighbour_class(maps: Maps, t: int, row: int, column: int) -> int:
    """Class context of a neighbouring 4×4 block: 1 + class if its block has size index t, otherwise 33; 0 if none."""
    size = int(maps.size[row, column])
    if size == 4:
        return 0
    return 1 + int(maps.label[row, column]) if size == t else 33


@inner
def neighbours(maps: Maps, t: int, cy: int, cx: int) -> tuple[int, int]:
    """Class contexts (left, above) of the block whose first 4×4 block is at (cy, cx) of the maps; cy counts from 1."""
    left = neighbour_class(maps, t, cy, cx - 1) if cx > 0 else 0
    return left, neighbour_class(maps, t, cy - 1, cx)


@compiled(inline="always")
def mean_activity(total: int) -> int:
    """Mean of four activities from their sum in quarter octaves: in half octaves from 0 to 11; 6 means a sum of 0."""
    return min(max(((total + 4) >> 3) + 6, 0), 11)


@inner
def nearby_activity(maps: Maps, plane: int, t: int, cy: int, cx: int) -> int:
    """Mean activity of the neighbours of a block, in half octaves from 0 to 11; 6 means the expected magnitudes."""
    blocks_4x4 = 1 << t
    total = int(maps.activity[plane, cy - 1, cx]) + int(maps.activity[plane, cy - 1, cx + blocks_4x4 - 1])
    if cx > 0:
        total += int(maps.activity[plane, cy, cx - 1]) + int(maps.activity[plane, cy + blocks_4x4 - 1, cx - 1])
    else:
        total *= 2
    return mean_activity(total)


@inner
def neighbour_sizes(maps: Maps, cy: int, cx: int) -> tuple[int, int]:
    """Size indices of the blocks to the left and above; 4 means no block."""
    left = maps.size[cy, cx - 1] if cx > 0 else 4
    return int(left), int(maps.size[cy - 1, cx])


@inner
def mark(maps: Maps, t: int, cy: int, cx: int, label: int) -> None:
    """Record size and class of a block in the maps."""
    blocks_4x4 = 1 << t
    maps.size[cy : cy + blocks_4x4, cx : cx + blocks_4x4] = t
    maps.label[cy : cy + blocks_4x4, cx : cx + blocks_4x4] = label


@inner
def mark_activity(maps: Maps, plane: int, t: int, cy: int, cx: int, value: int) -> None:
    """Record the activity of a block, in quarter octaves, in the maps."""
    blocks_4x4 = 1 << t
    maps.activity[plane, cy : cy + blocks_4x4, cx : cx + blocks_4x4] = value


@inner
def mark_matched(maps: Maps, t: int, cy: int, cx: int, matched: int) -> None:
    """Record in the maps whether a block is matched."""
    blocks_4x4 = 1 << t
    maps.matched[cy : cy + blocks_4x4, cx : cx + blocks_4x4] = matched


@inner
def next_row(maps: Maps) -> None:
    """Move the last row of 4×4 blocks to row 0, above the next row of superblocks."""
    for x in range(maps.size.shape[1]):
        maps.size[0, x] = maps.size[8, x]
        maps.label[0, x] = maps.label[8, x]
        maps.matched[0, x] = maps.matched[8, x]
        for plane in range(3):
            maps.activity[plane, 0, x] = maps.activity[plane, 8, x]
