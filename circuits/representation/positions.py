"""Conversion between padded pixels and basis states of a position register, for an order of the qubits."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from circuits.representation.protocol import EncodedImage, Representation
from qimg.core import Array, require
from qimg.patches import order_bits, spread_bits
from qimg.states import qubits_for

MAX_POSITION_QUBITS = 26
"""Largest register of the axes of a picture, 8192×8192 pixels; one table of its angles takes 512 MiB."""


class Positions(NamedTuple):
    """Pixels of a padded picture as basis states."""

    states: Array
    """(2**bits, ...) basis state of each pixel, one axis of the array for each of the picture; with the padding."""
    qubits: int
    """Qubits of the register."""


def axis_qubits(sides: Sequence[int], *, square: bool) -> tuple[int, ...]:
    """Qubits of the register of each axis, the last of which are rows and columns.

    Rows and columns have at least one qubit each; an axis before them has none if it has one pixel, so that a video of
    one frame is a picture.

    Args:
        sides: pixels of each axis, two axes or more.
        square: pad rows and columns to 2ⁿ×2ⁿ; otherwise each to a power of two, as all axes before them are.
    """
    *others, row_bits, column_bits = map(qubits_for, sides)
    row_bits, column_bits = max(row_bits, 1), max(column_bits, 1)
    if square:
        row_bits = column_bits = max(row_bits, column_bits)
    return (*others, row_bits, column_bits)


def positions(*sides: int, order: str, square: bool) -> Positions:
    """Basis states of the pixels of a picture with these sides, padded to powers of two (`axis_qubits`).

    Args:
        sides: pixels of each axis: rows and columns, and further axes before them, such as the frames of a video.
        order: a name in `qimg.patches.ORDERS`; "blocks" needs rows and columns of at least 8 pixels.
        square: as in `axis_qubits`.
    """
    bits = axis_qubits(sides, square=square)
    if order == "blocks":
        require(min(bits[-2:]) >= 3, "image", "must be padded to 8×8 pixels at least for blocks", sides)
    qubits = sum(bits)
    rule = f"must need at most {MAX_POSITION_QUBITS} qubits of positions, as {_fitting(sides, square)} does"
    require(qubits <= MAX_POSITION_QUBITS, "image", rule, f"{'×'.join(map(str, sides))} pixels with {qubits} qubits")
    listed = spread_bits(np.arange(2**qubits), order_bits(order, *bits))
    return Positions(np.argsort(listed).reshape([2**axis for axis in bits]), qubits)


def _fitting(sides: Sequence[int], square: bool) -> str:
    """Sides that fit into the largest register: the longest one is halved until they do."""
    fitting = list(sides)
    while sum(axis_qubits(fitting, square=square)) > MAX_POSITION_QUBITS:
        longest = int(np.argmax(fitting))
        fitting[longest] = 2 ** (qubits_for(fitting[longest]) - 1)
    return "×".join(map(str, fitting))


def levels_of_picture(pixels: Array, representation: Representation, order: str, axes: int = 2) -> Array:
    """Levels (planes, 2**position_qubits) of a picture with this number of axes, with or without channels, padded."""
    sides = pixels.shape[:axes]
    place = positions(*sides, order=order, square=representation.square)
    planes = pixels.reshape(*sides, -1).astype(float)
    missing = [(0, full - length) for full, length in zip(place.states.shape, sides, strict=True)]
    mode: Any = representation.padding
    padded = np.pad(planes, [*missing, (0, 0)], mode=mode)
    levels = np.zeros((padded.shape[-1], 2**place.qubits))
    levels[:, place.states] = np.moveaxis(padded, -1, 0)
    if representation.joint_planes or len(levels) == 1:
        return levels
    return np.pad(levels, [(0, 2 ** qubits_for(len(levels)) - len(levels)), (0, 0)]).reshape(1, -1)


def states_of_picture(representation: Representation, encoded: EncodedImage) -> Array:
    """Basis states of the pixels of all planes, without the padding, if the plane is part of the position."""
    states, qubits = _without_padding(representation, encoded)
    return np.asarray((np.arange(encoded.planes)[:, None] << qubits) + states.ravel())


def picture_of_levels(levels: Array, representation: Representation, encoded: EncodedImage) -> Array:
    """The picture of levels, in the shape of the encoded one and without the padding; not rounded."""
    states, qubits = _without_padding(representation, encoded)
    planes = levels.reshape(-1, 2**qubits)[:, states]
    return np.asarray(np.moveaxis(planes[: encoded.planes], 0, -1).reshape(encoded.shape), float)


def _without_padding(representation: Representation, encoded: EncodedImage) -> tuple[Array, int]:
    sides = encoded.shape[: encoded.axes]
    place = positions(*sides, order=encoded.order, square=representation.square)
    return place.states[tuple(slice(side) for side in sides)], place.qubits
