"""The circuits of encoded pictures, and what they cost."""

from functools import cache
from typing import NamedTuple

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.preparation.states import prepare, template, template_angles
from circuits.preparation.variational import LARGEST
from circuits.representation.encodings import EncodedImage
from circuits.representation.multiplexed import append_rotation, rotation_cost
from circuits.transforms.unitaries import GateCount, count_gates, transform_circuit


class ImageCost(NamedTuple):
    """Size of a picture's circuit."""

    qubits: int
    """The whole register."""
    cx: int
    """CX gates."""
    one_qubit: int
    """Gates on one qubit."""


def image_circuit(encoded: EncodedImage) -> QuantumCircuit:
    """The circuit that takes |0…0⟩ to the picture's state (`image_state`).

    Amplitudes are loaded by `prepare` up to 8 qubits and by `template` above; "dct" applies the inverse DCT of the
    blocks after it, one circuit for all of them. Colour qubits get one multiplexed rotation each (`append_rotation`).
    """
    circuit = QuantumCircuit(encoded.n_qubits, name=encoded.representation)
    if encoded.colour_qubits == 0:
        circuit.compose(_loading(encoded), encoded.loaded, inplace=True)
        if encoded.representation == "dct":
            circuit.compose(transform_circuit("dct_2d", 6).inverse(), range(6), inplace=True)
        return circuit
    controls = list(range(encoded.position_qubits))
    for qubit in controls:
        circuit.ry(np.pi / 2, qubit)
    for number, coefficients in enumerate(encoded.table):
        append_rotation(circuit, coefficients, controls, encoded.position_qubits + number)
    return circuit


def image_cost(encoded: EncodedImage) -> ImageCost:
    """Gates of `image_circuit` without building it, whatever the size; a compiler may join a few one-qubit gates more.

    Amplitudes on more than 8 qubits take 2ⁿ − 2 CX; colour qubits what the path through their parities takes.
    """
    if encoded.colour_qubits > 0:
        costs = [rotation_cost(coefficients) for coefficients in encoded.table]
        rotations = encoded.position_qubits + sum(cost.rotations for cost in costs)
        return ImageCost(encoded.n_qubits, sum(cost.cx for cost in costs), rotations)
    amplitudes = encoded.table.shape[-1]
    if amplitudes <= LARGEST:
        loading = _loading(encoded).count_ops()
        cx = int(loading.get("cx", 0))
        one_qubit = sum(loading.values()) - cx
    else:
        cx, one_qubit = amplitudes - 2, amplitudes - 1
    if encoded.representation == "dct":
        transform = _transform_cost()
        cx, one_qubit = cx + transform.cx, one_qubit + transform.one_qubit
    return ImageCost(encoded.n_qubits, cx, one_qubit)


@cache
def _transform_cost() -> GateCount:
    return count_gates(transform_circuit("dct_2d", 6).inverse())


def _loading(encoded: EncodedImage) -> QuantumCircuit:
    amplitudes = encoded.table[0]
    if len(amplitudes) <= LARGEST:
        return prepare(amplitudes)
    return template(len(encoded.loaded)).assign_parameters(template_angles(amplitudes))
