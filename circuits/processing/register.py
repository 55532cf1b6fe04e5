"""Qubits of rows and columns in the register of an encoded picture, and its table after a change."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from circuits.representation.multiplexed import walsh_angles, walsh_coefficients
from circuits.representation.protocol import EncodedImage
from qimg.core import Array, allow, require
from qimg.patches import order_bits, spread_bits
from qimg.states import qubits_for

BY_POSITION = ("amplitude", "frqci", "frqi", "ifrqi", "ineqr", "mcrqi", "neqr")
"""Representations whose lowest qubits are the position of a pixel."""

WITH_COLOUR = tuple(name for name in BY_POSITION if name != "amplitude")
"""Representations whose levels are angles of colour qubits."""


class Axes(NamedTuple):
    """Qubits of the position of a pixel, lowest first."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]


def representable(encoded: EncodedImage, names: Iterable[str], purpose: str) -> EncodedImage:
    """The picture, which must have rows and columns and be in one of these representations."""
    require(encoded.axes == 2, "encoded", f"must have 2 axes for {purpose}: encode one picture at a time", encoded.axes)
    allowed = sorted(names)
    rule = f"must be in a representation that allows {purpose}: {', '.join(allowed)}"
    require(encoded.representation in allowed, "encoded", rule, encoded.representation)
    return encoded


def axes_of(encoded: EncodedImage) -> Axes:
    """Qubits of the rows and of the columns; planes, where they are part of the position, are the highest qubits."""
    rows, columns = (max(qubits_for(side), 1) for side in encoded.shape[:2])
    square = 2 * max(rows, columns)
    if encoded.position_qubits != rows + columns:  # a square, with two qubits for planes or without
        expected = (square, square + 2) if len(encoded.shape) == 3 else (square,)
        allow(encoded.position_qubits in expected, "encoded", "must have a register of rows, columns and planes")
        rows = columns = square // 2
    places = order_bits(encoded.order, rows, columns)
    wires = [places.index(bit) for bit in range(rows + columns)]
    return Axes(tuple(wires[columns:]), tuple(wires[:columns]))


def positions_of(encoded: EncodedImage) -> Array:
    """Positions (2**row_qubits, 2**column_qubits) of the pixels, with those of the padding, in the lowest plane."""
    rows, columns = axes_of(encoded)
    across = spread_bits(np.arange(2 ** len(columns)), columns)
    return np.asarray(spread_bits(np.arange(2 ** len(rows)), rows)[:, None] + across)


def with_positions(encoded: EncodedImage, pixels: Array) -> EncodedImage:
    """The picture whose pixel (r, c) has the level that was at position `pixels[r, c]`, in every plane.

    Args:
        encoded: has the shape after the change, and the table before.
        pixels: of the shape of `positions_of(encoded)`.
    """
    sources = np.empty(2**encoded.position_qubits, np.int64)
    for first in range(0, len(sources), pixels.size):
        sources[first + positions_of(encoded)] = first + pixels
    if not encoded.colour_qubits:
        return replace(encoded, table=encoded.table[:, sources])
    return with_angles(encoded, walsh_angles(encoded.table)[:, sources])


def with_angles(encoded: EncodedImage, angles: Array) -> EncodedImage:
    """The picture whose colour qubits have these angles (colour_qubits, 2**position_qubits)."""
    return replace(encoded, table=walsh_coefficients(angles), colour_qubits=len(angles))


def digits_of(encoded: EncodedImage) -> Array:
    """Levels (2**position_qubits,) of a picture with one qubit for each bit, which must not be compressed."""
    shares = walsh_angles(encoded.table) / np.pi
    bits = np.rint(shares).astype(np.int64)
    rule = "must not be compressed: its colour qubits must be 0 or 1 at every pixel"
    # Walsh transforms round to about 1e-16 for each of at most 24 stages.
    allow(bool(np.abs(shares - bits).max() < 1e-9), "encoded", rule)
    return np.asarray(sum(one << bit for bit, one in enumerate(bits)))


def angles_of_digits(levels: Array, bits: int) -> Array:
    """Angles (bits, positions) of levels, 0 or π for each bit."""
    return np.pi * (levels >> np.arange(bits)[:, None] & 1)
