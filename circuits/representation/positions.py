"""Which basis state of a position register stands for which pixel: an order of pixels is an order of qubits."""

from typing import NamedTuple

import numpy as np

from qimg.core.arguments import Array, one_of, require

ORDERS = ("row-major", "morton", "blocks")


class Positions(NamedTuple):
    """Pixels of a padded picture as basis states."""

    states: Array
    """(2**row_bits, 2**column_bits) basis state of each pixel, the padding included."""
    qubits: int
    """Qubits of the register."""


def positions(height: int, width: int, *, order: str, square: bool) -> Positions:
    """Basis states of the pixels of a height×width picture, padded to powers of two.

    | order | bits of the basis state, lowest first |
    |---|---|
    | `row-major` | column, then row: pixel (r, c) of an 8×8 patch is 8r + c |
    | `morton` | column and row in turn, from their lowest bits on (Z order) |
    | `blocks` | 3 of the column, 3 of the row (a pixel in its 8×8 block), then the rest: the block in row-major order |

    Args:
        height: rows.
        width: columns.
        order: a name of the table; "blocks" from 8×8 pixels on.
        square: pad to 2ⁿ×2ⁿ; otherwise each side to its own power of two. A side has at least one bit.
    """
    one_of("order", order, ORDERS)
    row_bits, column_bits = (max((side - 1).bit_length(), 1) for side in (height, width))
    if square:
        row_bits = column_bits = max(row_bits, column_bits)
    if order == "blocks":
        shape = (height, width)
        require(min(row_bits, column_bits) >= 3, "image", "must be padded to 8×8 pixels at least for blocks", shape)
    place = _bit_places(order, row_bits, column_bits)
    sides = []
    for bits, places in ((row_bits, place[0]), (column_bits, place[1])):
        values = np.arange(2**bits)
        sides.append(sum(((values >> bit) & 1) << places[bit] for bit in range(bits)))
    return Positions(np.asarray(sides[0])[:, None] + np.asarray(sides[1])[None, :], row_bits + column_bits)


def _bit_places(order: str, row_bits: int, column_bits: int) -> tuple[list[int], list[int]]:
    """Qubits of the row's and of the column's bits."""
    named = {"r": row_bits, "c": column_bits}
    if order == "row-major":
        sequence = "c" * column_bits + "r" * row_bits
    elif order == "blocks":
        sequence = "cccrrr" + "c" * (column_bits - 3) + "r" * (row_bits - 3)
    else:
        both = min(named.values())
        longer = "r" if row_bits > column_bits else "c"
        sequence = "cr" * both + longer * (max(named.values()) - both)
    rows = [place for place, side in enumerate(sequence) if side == "r"]
    columns = [place for place, side in enumerate(sequence) if side == "c"]
    return rows, columns
