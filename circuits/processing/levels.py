"""Negation, thresholds and addition of levels of encoded pictures, on the representations that allow it.

A circuit is linear and cannot apply any function to a level that is an angle or an amplitude; it can to one that is a
basis state. NumPy needs one operation for each pixel, without loading.
"""

from dataclasses import replace

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UCRYGate

from circuits.processing.adders import constant_adder, register_adder
from circuits.processing.operation import PictureOperation, operation
from circuits.processing.register import (
    WITH_COLOUR,
    angles_of_digits,
    axes_of,
    digits_of,
    representable,
    with_angles,
)
from circuits.representation.encodings import decode_state, image_state
from circuits.representation.multiplexed import append_rotation, walsh_angles
from circuits.representation.protocol import EncodedImage
from qimg.core import integer, require, require_shape

BASIS_STATES = ("ineqr", "neqr")
"""Representations whose levels are basis states, on which circuits compute with integers."""

SINGLE_ANGLES = ("frqi", "mcrqi")
"""Representations with one angle, proportional to the level."""


def negate_picture(encoded: EncodedImage) -> PictureOperation:
    """The negative picture, 2ᵇ − 1 − x for every level x of b bits.

    One X for each colour qubit: it flips every bit of a basis state, and takes an angle θ of RY to π − θ. Exact, also
    for real pixels in angles. With an alpha plane, alpha is negated as well.

    Args:
        encoded: a picture in a representation with colour qubits (`circuits.processing.register.WITH_COLOUR`).
    """
    representable(encoded, WITH_COLOUR, "negation")
    circuit = QuantumCircuit(encoded.n_qubits)
    circuit.x(range(encoded.position_qubits, encoded.n_qubits))
    return operation("negation", encoded, circuit, with_angles(encoded, np.pi - walsh_angles(encoded.table)))


def threshold_picture(encoded: EncodedImage, level: int) -> PictureOperation:
    """The binary picture with the largest level where x ≥ level, and 0 elsewhere.

    An addition of 2ᵇ − level to the level and one ancilla carries into the ancilla where x ≥ level; an addition of the
    level to the colour qubits alone then restores them. Trailing zero bits of the level save qubits of both; for 2ᵇ⁻¹
    one CX remains. The ancilla is the colour qubit of the binary picture as FRQI, whose colour qubits before are not
    measured. Exact; at most 4b² CX.

    Args:
        encoded: a picture as "neqr", or as "ineqr" with equally many qubits of rows and columns.
        level: in [1, 2ᵇ − 1].
    """
    representable(encoded, BASIS_STATES, "thresholds")
    rows, columns = axes_of(encoded)
    square = len(rows) == len(columns)  # the register of FRQI
    require(square, "encoded", "must have a square register for a threshold: encode it as neqr", encoded.shape)
    bits = encoded.colour_qubits
    least = integer("level", level, 1, 2**bits - 1)
    colour = range(encoded.position_qubits, encoded.n_qubits)
    ancilla = encoded.n_qubits
    circuit = QuantumCircuit(encoded.n_qubits + 1)
    if least == 2 ** (bits - 1):
        circuit.cx(colour[-1], ancilla)
    else:
        circuit.compose(constant_adder(bits + 1, 2**bits - least), [*colour, ancilla], inplace=True)
        circuit.compose(constant_adder(bits, least), colour, inplace=True)
    above = (digits_of(encoded) >= least) * np.pi
    result = replace(with_angles(encoded, above[None]), representation="frqi")
    wires = (*range(encoded.position_qubits), ancilla)
    return operation(f"threshold at {least}", encoded, circuit, result, wires=wires)


def add_level(encoded: EncodedImage, amount: float) -> PictureOperation:
    """The picture x + amount.

    "neqr" and "ineqr": the adder of a constant (`constant_adder`), modulo 2ᵇ as for unsigned integers of NumPy.
    "frqi" and "mcrqi": one RY of the colour qubit by π · amount / (2ᵇ − 1), if no level leaves [0, 2ᵇ − 1]. Exact.

    Args:
        encoded: a picture in one of these representations.
        amount: a whole number for "neqr" and "ineqr" and for pictures of integers, in [−(2ᵇ − 1), 2ᵇ − 1].
    """
    representable(encoded, (*BASIS_STATES, *SINGLE_ANGLES), "the addition of a level")
    most = 2**encoded.bits - 1
    rule = f"must be in [{-most}, {most}]" + ("" if encoded.dtype.kind == "f" else " and a whole number")
    whole = encoded.dtype.kind == "f" or float(amount).is_integer()
    require(bool(-most <= amount <= most) and whole, "amount", rule, amount)
    circuit = QuantumCircuit(encoded.n_qubits)
    if encoded.representation in BASIS_STATES:
        colour = range(encoded.position_qubits, encoded.n_qubits)
        circuit.compose(constant_adder(len(colour), int(amount)), colour, inplace=True)
        levels = (digits_of(encoded) + int(amount)) % 2 ** len(colour)
        result = with_angles(encoded, angles_of_digits(levels, len(colour)))
    else:
        picture = decode_state(encoded, image_state(encoded)).astype(float)
        least, largest = float(picture.min()), float(picture.max())
        fits = least + amount >= 0 and largest + amount <= most
        require(fits, "amount", f"must be in [{-least:g}, {most - largest:g}] for this picture", amount)
        turn = np.pi * amount / most
        circuit.ry(turn, encoded.position_qubits)
        result = with_angles(encoded, walsh_angles(encoded.table) + turn)
    return operation(f"addition of {amount}", encoded, circuit, result)


def add_pictures(first: EncodedImage, second: EncodedImage) -> PictureOperation:
    """The sum of two pictures of the same shape, type, order and representation.

    "neqr" and "ineqr": the second picture is loaded on b ancillas by multiplexed rotations of the same position qubits,
    and the adder of registers adds it modulo 2ᵇ, as for unsigned integers of NumPy; 3b² − b CX besides loading.
    "frqi" and "mcrqi": a multiplexed RY by the angles of the second picture, 2ᵖ CX for p position qubits, if no sum
    exceeds 2ᵇ − 1; add halves of both otherwise. Exact.

    Args:
        first: a picture in one of these representations, to which the circuit is applied.
        second: the other picture.
    """
    representable(first, (*BASIS_STATES, *SINGLE_ANGLES), "the addition of pictures")
    require_same(first, second)
    positions = list(range(first.position_qubits))
    if first.representation in SINGLE_ANGLES:
        sums = walsh_angles(first.table) + walsh_angles(second.table)
        picture = decode_state(first, image_state(first)).astype(float)
        largest = float((picture + decode_state(second, image_state(second))).max())
        most = 2**first.bits - 1
        require(largest <= most, "second", f"must have sums of at most {most} with first: add halves of both", largest)
        circuit = QuantumCircuit(first.n_qubits)
        circuit.append(UCRYGate(walsh_angles(second.table)[0].tolist()), [first.position_qubits, *positions])
        return operation("addition of a picture", first, circuit, with_angles(first, sums))
    bits = first.colour_qubits
    colour = list(range(first.position_qubits, first.n_qubits))
    ancillas = list(range(first.n_qubits, first.n_qubits + bits))
    circuit = QuantumCircuit(first.n_qubits + bits)
    for coefficients, ancilla in zip(second.table, ancillas, strict=True):
        append_rotation(circuit, coefficients, positions, ancilla)
    circuit.compose(register_adder(bits), [*ancillas, *colour], inplace=True)
    levels = (digits_of(first) + digits_of(second)) % 2**bits
    return operation("addition of a picture", first, circuit, with_angles(first, angles_of_digits(levels, bits)))


def require_same(first: EncodedImage, second: EncodedImage) -> None:
    """Require that two pictures have the same representation, order, type and shape."""
    for name in ("representation", "order", "dtype"):
        expected, actual = getattr(first, name), getattr(second, name)
        require(expected == actual, "second", f"must have the {name} of first, {expected}", str(actual))
    require_shape(first.shape == second.shape, "second", f"{first.shape}, that of first", np.empty(second.shape))
