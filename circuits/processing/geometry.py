"""Flips, transposition, rotations by quarter turns and cyclic shifts of encoded pictures, on their position qubits.

Each is a permutation of the pixels, so it is exact and has the same circuit for every representation whose lowest
qubits are the position, with colour qubits and planes left alone. NumPy moves the pixels of a picture of N pixels in
O(N) operations, without loading.
"""

from dataclasses import replace

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.processing.adders import constant_adder
from circuits.processing.operation import PictureOperation, operation
from circuits.processing.register import BY_POSITION, axes_of, positions_of, representable, with_positions
from circuits.representation.protocol import EncodedImage
from qimg.core import Array, integer, one_of, require

AXES = ("rows", "columns")


def flip_picture(encoded: EncodedImage, axis: str) -> PictureOperation:
    """The picture with its rows, or its columns, in reverse order: `numpy.flip(image, 0)` or `numpy.flip(image, 1)`.

    One X for each qubit of the axis. If the side L is no power of two, an addition of L modulo 2ⁿ moves the picture
    back into its corner, with at most 2n(n − 1) CX. Exact.

    Args:
        encoded: a picture in a representation of `circuits.processing.register.BY_POSITION`.
        axis: "rows" reverses the order of the rows (upside down), "columns" that of the columns (left to right).
    """
    one_of("axis", axis, AXES)
    representable(encoded, BY_POSITION, "flips")
    circuit = QuantumCircuit(encoded.n_qubits)
    pixels = _flipped(circuit, encoded, positions_of(encoded), axis)
    return operation(f"flip of {axis}", encoded, circuit, with_positions(encoded, pixels))


def transpose_picture(encoded: EncodedImage) -> PictureOperation:
    """The picture with rows and columns exchanged: `numpy.swapaxes(image, 0, 1)`.

    Swaps of the qubits of rows and columns, 3 CX each; a compiler may rename the qubits instead. Exact.

    Args:
        encoded: a picture in a representation of `circuits.processing.register.BY_POSITION`.
    """
    representable(encoded, BY_POSITION, "a transposition")
    circuit = QuantumCircuit(encoded.n_qubits)
    turned, pixels = _transposed(circuit, encoded)
    return operation("transposition", encoded, circuit, with_positions(turned, pixels))


def rotate_picture(encoded: EncodedImage, quarter_turns: int) -> PictureOperation:
    """The picture turned counter-clockwise by 90° for each quarter turn: `numpy.rot90(image, quarter_turns)`.

    A quarter turn is a transposition and a flip, a half turn two flips. Exact.

    Args:
        encoded: a picture in a representation of `circuits.processing.register.BY_POSITION`.
        quarter_turns: from −3 to 3.
    """
    representable(encoded, BY_POSITION, "rotations")
    turns = integer("quarter_turns", quarter_turns, -3, 3) % 4
    circuit = QuantumCircuit(encoded.n_qubits)
    turned, pixels = _transposed(circuit, encoded) if turns % 2 else (encoded, positions_of(encoded))
    for axis in {0: (), 1: ("rows",), 2: AXES, 3: ("columns",)}[turns]:
        pixels = _flipped(circuit, turned, pixels, axis)
    return operation(f"rotation by {90 * turns}°", encoded, circuit, with_positions(turned, pixels))


def shift_picture(encoded: EncodedImage, *, rows: int = 0, columns: int = 0) -> PictureOperation:
    """The picture shifted cyclically, down and to the right: `numpy.roll(image, (rows, columns), (0, 1))`.

    An addition to the qubits of each axis (`constant_adder`), with at most 2n(n − 1) CX for an axis of n qubits. Exact.

    Args:
        encoded: a picture in a representation of `circuits.processing.register.BY_POSITION`, which fills its register
            along each shifted axis: the side is a power of two.
        rows: shift of the rows, at most their number, of either sign.
        columns: shift of the columns.
    """
    representable(encoded, BY_POSITION, "shifts")
    circuit = QuantumCircuit(encoded.n_qubits)
    pixels, register = positions_of(encoded), axes_of(encoded)
    for number, (axis, asked) in enumerate(zip(AXES, (rows, columns), strict=True)):
        side, wires = encoded.shape[number], register[number]
        amount = integer(axis, asked, -side, side) % side
        if amount:
            rule = f"must fill the register for a cyclic shift of {axis}: crop or extend them to {2 ** len(wires)}"
            require(side == 2 ** len(wires), "encoded", rule, f"{side} {axis}")
            circuit.compose(constant_adder(len(wires), amount), wires, inplace=True)
            pixels = np.roll(pixels, amount, number)
    return operation(f"shift by ({rows}, {columns})", encoded, circuit, with_positions(encoded, pixels))


def _flipped(circuit: QuantumCircuit, encoded: EncodedImage, pixels: Array, axis: str) -> Array:
    """Append the gates; the positions (rows, columns) of the pixels before, where they are after."""
    number = AXES.index(axis)
    side, wires = encoded.shape[number], axes_of(encoded)[number]
    circuit.x(wires)
    circuit.compose(constant_adder(len(wires), side), wires, inplace=True)
    return np.roll(np.flip(pixels, number), side, number)


def _transposed(circuit: QuantumCircuit, encoded: EncodedImage) -> tuple[EncodedImage, Array]:
    """Append the swaps; the picture with its sides exchanged, but not its table; the positions as in `_flipped`."""
    height, width, *planes = encoded.shape
    turned = replace(encoded, shape=(width, height, *planes))
    before, after = axes_of(encoded), axes_of(turned)
    # The content of each qubit moves to the qubit of the other axis.
    target = dict(zip((*before.rows, *before.columns), (*after.columns, *after.rows), strict=True))
    for wire in sorted(target):
        while target[wire] != wire:
            other = target[wire]
            circuit.swap(wire, other)
            target[wire], target[other] = target[other], target[wire]
    return turned, positions_of(encoded).T
