"""What neighbours know of a block: maps of size, class and surprise by cell, a row of superblocks and what is above."""

from typing import NamedTuple

import numpy as np

from qimg.core.arguments import Array
from qimg.core.compiled import compiled, inner


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


@compiled(inline="always")
def neighbour_class(maps: Maps, t: int, row: int, column: int) -> int:
    """1 + class where the neighbouring cell has the same size, 33 where not, 0 where there is none."""
    size = int(maps.size[row, column])
    if size == 4:
        return 0
    return 1 + int(maps.label[row, column]) if size == t else 33


@inner
def neighbours(maps: Maps, t: int, cy: int, cx: int) -> tuple[int, int]:
    """Class contexts (left, above) of the block at a cell of the maps; cy counts from 1."""
    left = neighbour_class(maps, t, cy, cx - 1) if cx > 0 else 0
    return left, neighbour_class(maps, t, cy - 1, cx)


@compiled(inline="always")
def mean_surprise(total: int) -> int:
    """Mean of four surprises in quarter octaves, given their sum: in half octaves from 0 to 11, 6 where it is 0."""
    return min(max(((total + 4) >> 3) + 6, 0), 11)


@inner
def nearby_surprise(maps: Maps, plane: int, t: int, cy: int, cx: int) -> int:
    """Mean surprise around a block, in half octaves from 0 to 11, 6 where all is as expected."""
    cells = 1 << t
    total = int(maps.surprise[plane, cy - 1, cx]) + int(maps.surprise[plane, cy - 1, cx + cells - 1])
    if cx > 0:
        total += int(maps.surprise[plane, cy, cx - 1]) + int(maps.surprise[plane, cy + cells - 1, cx - 1])
    else:
        total *= 2
    return mean_surprise(total)


@inner
def sizes_around(maps: Maps, cy: int, cx: int) -> tuple[int, int]:
    """Size indices to the left and above, 4 where there is none."""
    left = maps.size[cy, cx - 1] if cx > 0 else 4
    return int(left), int(maps.size[cy - 1, cx])


@inner
def mark(maps: Maps, t: int, cy: int, cx: int, label: int) -> None:
    """Write size and class of a block into the maps."""
    cells = 1 << t
    for i in range(cells):
        for j in range(cells):
            maps.size[cy + i, cx + j] = t
            maps.label[cy + i, cx + j] = label


@inner
def mark_surprise(maps: Maps, plane: int, t: int, cy: int, cx: int, value: int) -> None:
    """Write the surprise of a block, in quarter octaves, into the maps."""
    cells = 1 << t
    for i in range(cells):
        for j in range(cells):
            maps.surprise[plane, cy + i, cx + j] = value


@inner
def next_row(maps: Maps) -> None:
    """The last row of cells becomes what is above the next row of superblocks."""
    for x in range(maps.size.shape[1]):
        maps.size[0, x] = maps.size[8, x]
        maps.label[0, x] = maps.label[8, x]
        for plane in range(3):
            maps.surprise[plane, 0, x] = maps.surprise[plane, 8, x]
