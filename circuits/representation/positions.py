"""Conversion between padded pixels and basis states of a position register, for an order of the qubits."""

from typing import Any, NamedTuple

import numpy as np

from circuits.representation.protocol import EncodedImage, Representation
from qimg.core import Array, require
from qimg.patches import order_bits, spread_bits
from qimg.states import qubits_for


class Positions(NamedTuple):
    """Pixels of a padded picture as basis states."""

    states: Array
    """(2**row_bits, 2**column_bits) basis state of each pixel, including the padding."""
    qubits: int
    """Qubits of the register."""


def positions(height: int, width: int, *, order: str, square: bool) -> Positions:
    """Basis states of the pixels of a height×width picture, padded to powers of two.

    Args:
        height: rows.
        width: columns.
        order: a name in `qimg.patches.ORDERS`; "blocks" needs at least 8×8 pixels.
        square: pad to 2ⁿ×2ⁿ; otherwise pad each side separately to a power of two. A side has at least one bit.
    """
    row_bits, column_bits = (max(qubits_for(side), 1) for side in (height, width))
    if square:
        row_bits = column_bits = max(row_bits, column_bits)
    if order == "blocks":
        shape = (height, width)
        require(min(row_bits, column_bits) >= 3, "image", "must be padded to 8×8 pixels at least for blocks", shape)
    qubits = row_bits + column_bits
    listed = spread_bits(np.arange(2**qubits), order_bits(order, row_bits, column_bits))
    return Positions(np.argsort(listed).reshape(2**row_bits, 2**column_bits), qubits)


def levels_of_picture(pixels: Array, representation: Representation, order: str) -> Array:
    """Levels (planes, 2**position_qubits) of a picture (H, W) or (H, W, C), padded."""
    place = positions(*pixels.shape[:2], order=order, square=representation.square)
    planes = pixels.reshape(*pixels.shape[:2], -1).astype(float)
    missing = [(0, full - length) for full, length in zip(place.states.shape, planes.shape[:2], strict=True)]
    mode: Any = representation.padding
    padded = np.pad(planes, [*missing, (0, 0)], mode=mode)
    levels = np.zeros((padded.shape[-1], 2**place.qubits))
    levels[:, place.states] = np.moveaxis(padded, -1, 0)
    if representation.joint_planes or len(levels) == 1:
        return levels
    return np.pad(levels, [(0, 4 - len(levels)), (0, 0)]).reshape(1, -1)


def states_of_picture(representation: Representation, encoded: EncodedImage) -> Array:
    """Basis states of the pixels of all planes, without the padding, if the plane is part of the position."""
    height, width = encoded.shape[:2]
    place = positions(height, width, order=encoded.order, square=representation.square)
    planes = encoded.shape[2] if len(encoded.shape) == 3 else 1
    return np.asarray((np.arange(planes)[:, None] << place.qubits) + place.states[:height, :width].ravel())


def picture_of_levels(levels: Array, representation: Representation, encoded: EncodedImage) -> Array:
    """The picture (H, W) or (H, W, C) of levels, without the padding; not rounded."""
    height, width = encoded.shape[:2]
    place = positions(height, width, order=encoded.order, square=representation.square)
    planes = levels.reshape(-1, 2**place.qubits)[:, place.states[:height, :width]]
    return np.asarray(planes[0] if len(encoded.shape) == 2 else np.moveaxis(planes[: encoded.shape[2]], 0, -1), float)
