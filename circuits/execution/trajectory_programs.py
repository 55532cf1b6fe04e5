"""Programs of `trajectory_loop` for compiled circuits and the noise models of Aer.

A channel of one qubit is divided into the identity, with the largest probability p for which the rest is a channel, and
that rest: p does not depend on the state, and most shots remain unchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit.circuit import Instruction, QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit_aer.noise import NoiseModel

from circuits.compilation import compile_circuit
from circuits.execution.trajectories import Program
from circuits.execution.trajectory_loop import APPLY, CHOICE, CNOT, END, KRAUS, RETURN, UNITARY
from qimg.core import Array

MAX_QUBITS = 20
"""Largest number of qubits with gates; the states of 16 384 shots take 0.4 GiB at most."""

_RANK = 1e-10
"""Eigenvalue of a Choi matrix below which it counts as zero."""

_PAULIS = {
    "X": np.array([[0, 1], [1, 0]], complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0 + 0j, -1]),
}
_RESET = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], complex)
"""Kraus operators of a reset: |0⟩⟨0| and |0⟩⟨1|."""


class NotSupported(Exception):
    """The circuit or its noise is none of `Program`; the message names what."""


def assemble(circuit: QuantumCircuit, model: NoiseModel) -> Program:
    """The instructions of a compiled circuit under a noise model.

    Args:
        circuit: gates, and measurements after the last gate of their qubits.
        model: errors of gates, of Pauli operators, resets, and unitary and Kraus operators of one qubit; readout errors
            of single qubits.

    Raises:
        NotSupported: anything else.
    """
    errors = _Errors.of(model)
    instructions = [one for one in circuit.data if one.operation.name != "barrier"]
    used = sorted({circuit.find_bit(qubit).index for one in instructions for qubit in one.qubits})
    if len(used) > MAX_QUBITS:
        raise NotSupported(f"{len(used)} qubits, more than {MAX_QUBITS}")
    place = {qubit: k for k, qubit in enumerate(used)}
    made = _Assembler()
    measured: dict[int, int] = {}
    misread: dict[int, Array] = {}
    last = {qubit: k for k, one in enumerate(instructions) if one.operation.name != "measure" for qubit in one.qubits}
    for number, instruction in enumerate(instructions):
        operation, name = instruction.operation, instruction.operation.name
        device = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        qubits = [place[qubit] for qubit in device]
        if set(qubits) & set(measured.values()):
            raise NotSupported(f"{name} after a measurement")
        if name == "measure":
            bit = circuit.find_bit(instruction.clbits[0]).index
            measured[bit] = qubits[0]
            if errors.readout_of(device) is not None:
                misread[bit] = np.asarray(errors.readout_of(device))
            continue
        if instruction.clbits or name == "delay" or getattr(operation, "blocks", ()):
            raise NotSupported(name)
        made.gate(operation, qubits)
        error = errors.of_gate(operation.label if operation.label in errors.gates else name, device)
        if error is not None:
            made.error(error, qubits)
        made.apply(
            [place[there] for there, qubit in zip(device, instruction.qubits, strict=True) if last[qubit] == number]
        )
    return made.program(len(used), measured, misread)


@dataclass(frozen=True, eq=False)
class _Errors:
    """The errors of a noise model by gate and qubits; those of all qubits stand at `()`."""

    gates: dict[str, dict[tuple[int, ...], dict[str, Any]]] = field(default_factory=dict)
    readout: dict[tuple[int, ...], Array] = field(default_factory=dict)

    @classmethod
    def of(cls, model: NoiseModel) -> "_Errors":
        one = cls()
        for error in model.to_dict()["errors"]:
            places = [tuple(qubits) for qubits in error.get("gate_qubits", [()])]
            for qubits in places:
                if error["type"] == "roerror":
                    if len(qubits) > 1 or np.shape(error["probabilities"]) != (2, 2):
                        raise NotSupported("readout errors of several qubits")
                    one.readout[qubits] = np.asarray(error["probabilities"], float)
                    continue
                for gate in error["operations"]:
                    if gate in ("measure", "delay") or qubits in one.gates.get(gate, {}):
                        raise NotSupported(f"errors of {gate}" if gate in ("measure", "delay") else f"two of {gate}")
                    one.gates.setdefault(gate, {})[qubits] = error
        return one

    def of_gate(self, name: str, qubits: tuple[int, ...]) -> dict[str, Any] | None:
        named = self.gates.get(name, {})
        return named.get(qubits, named.get(()))

    def readout_of(self, qubits: tuple[int, ...]) -> Array | None:
        return self.readout.get(qubits, self.readout.get(()))


class _Assembler:
    """Instructions of the circuit, and the subprograms of its errors, which are placed behind it."""

    def __init__(self) -> None:
        self._code: list[tuple[int, int, int, int]] = []
        self._matrices: list[Array] = []
        self._places: dict[bytes, int] = {}
        self._probabilities: list[float] = []
        self._addresses: list[int] = []
        self._subprograms: list[list[tuple[int, int, int, int]]] = []
        self._choices: dict[tuple[int, ...], tuple[int, int]] = {}
        self._decompositions: dict[tuple[Any, ...], QuantumCircuit] = {}

    def gate(self, operation: Instruction, qubits: Sequence[int]) -> None:
        """Append a gate, decomposed into CX and one-qubit gates where it has another form."""
        name = operation.name
        if name == "cx":
            self._code.append((CNOT, qubits[0], qubits[1], 0))
        elif name == "reset":
            self._code.append(self._kraus(_RESET, qubits[0]))
        elif len(qubits) == 1:
            if name != "id":
                self._code.append(self._unitary(_matrix(operation), qubits[0]))
        else:
            key = (name, *(float(one) for one in operation.params if np.ndim(one) == 0))
            if key not in self._decompositions or len(key) <= len(operation.params):  # parameters that are arrays
                alone = QuantumCircuit(len(qubits))
                alone.append(operation, alone.qubits)
                self._decompositions[key] = compile_circuit(alone)
            inside = self._decompositions[key]
            for one in inside.data:
                self.gate(one.operation, [qubits[inside.find_bit(qubit).index] for qubit in one.qubits])

    def error(self, error: Mapping[str, Any], qubits: Sequence[int]) -> None:
        """Append the choice between the terms of an error after a gate of these qubits."""
        key = (id(error), *qubits)
        if key not in self._choices:
            self._choices[key] = self._choice(error, qubits)
        first, count = self._choices[key]
        if count:
            self._code.append((CHOICE, first, count, 0))

    def apply(self, qubits: Sequence[int]) -> None:
        """Append the delayed gates of qubits without further gates, which often remove amplitudes."""
        self._code += [(APPLY, qubit, 0, 0) for qubit in qubits]

    def program(self, n_qubits: int, measured: Mapping[int, int], misread: Mapping[int, Array]) -> Program:
        """The program; addresses of subprograms become places in the code."""
        code = [*self._code, (END, 0, 0, 0)]
        starts = []
        for subprogram in self._subprograms:
            starts.append(len(code))
            code += [*subprogram, (RETURN, 0, 0, 0)]
        return Program(
            code=np.array(code, np.int64),
            matrices=np.array(self._matrices, complex).reshape(-1, 2, 2),
            probabilities=np.array(self._probabilities, float),
            addresses=np.array([starts[k] for k in self._addresses], np.int64),
            n_qubits=n_qubits,
            measured=measured,
            misread=misread,
        )

    def _choice(self, error: Mapping[str, Any], qubits: Sequence[int]) -> tuple[int, int]:
        """The place and the number of the terms; no term where all are the identity."""
        terms: dict[tuple[Any, ...], float] = {}
        for instructions, weight in zip(error["instructions"], error["probabilities"], strict=True):
            parts: list[tuple[float, tuple[Any, ...]]] = [(float(weight), ())]
            for each in instructions:
                options = self._of_error(each, qubits)
                parts = [(share * one, (*before, *made)) for share, before in parts for one, made in options]
            for share, made in parts:
                if share > 0:
                    terms[made] = terms.get(made, 0.0) + share
        first = len(self._probabilities)
        if list(terms) == [()]:
            return first, 0
        for made, weight in sorted(terms.items(), key=lambda pair: -pair[1]):  # the most probable is found first
            self._addresses.append(len(self._subprograms))
            self._probabilities.append(weight)
            self._subprograms.append(list(made))
        return first, len(terms)

    def _of_error(self, one: Mapping[str, Any], qubits: Sequence[int]) -> list[tuple[float, list[Any]]]:
        """The instructions of one operation of a term, in several options with their probabilities."""
        name, places = one["name"], [qubits[k] for k in one["qubits"]]
        if name == "id":
            return [(1.0, [])]
        if name == "pauli":
            letters = zip(reversed(one["params"][0]), places, strict=True)
            return [(1.0, [self._unitary(_PAULIS[letter], place) for letter, place in letters if letter != "I"])]
        if name in ("x", "y", "z"):
            return [(1.0, [self._unitary(_PAULIS[name.upper()], places[0])])]
        if name == "reset":
            return [(1.0, [self._kraus(_RESET, place) for place in places])]
        if name not in ("kraus", "unitary") or len(places) > 1:
            raise NotSupported(f"the error {name} of {len(places)} qubits")
        operators = np.asarray(one["params"], complex).reshape(-1, 2, 2)
        if name == "unitary":
            return [(1.0, [self._unitary(operators[0], places[0])])]
        unchanged, rest = without_identity(operators)
        return [(unchanged, []), (1 - unchanged, [self._kraus(rest, places[0])])]

    def _unitary(self, matrix: Array, qubit: int) -> tuple[int, int, int, int]:
        return UNITARY, qubit, self._stored(matrix[None]), 0

    def _kraus(self, operators: Array, qubit: int) -> tuple[int, int, int, int]:
        return KRAUS, qubit, self._stored(operators), len(operators)

    def _stored(self, matrices: Array) -> int:
        """The place of matrices in the list; equal ones are stored once."""
        own = matrices.tobytes()
        if own not in self._places:
            self._places[own] = len(self._matrices)
            self._matrices.extend(np.asarray(one, complex) for one in matrices)
        return self._places[own]


def without_identity(operators: Array) -> tuple[float, Array]:
    """The largest p for which a channel is p times the identity and 1 − p times another, and the other's operators.

    With the Choi matrix C and the vector v of the identity, C − p v v† is positive up to p = 1 / (v† C⁻¹ v). If v is
    outside of the range of C, as for amplitude damping alone, p is 0.

    Args:
        operators: (k, d, d) Kraus operators.
    """
    size = operators.shape[-1]
    columns = operators.reshape(len(operators), -1).T
    choi = columns @ columns.conj().T
    identity = np.eye(size).ravel()
    values, vectors = np.linalg.eigh(choi)
    overlaps, large = np.abs(vectors.conj().T @ identity) ** 2, values > _RANK * values[-1]
    if overlaps[~large].sum() > _RANK:
        return 0.0, operators
    unchanged = min(float(1 / (overlaps[large] / values[large]).sum()), 1.0)
    if 1 - unchanged < _RANK:
        return 1.0, operators
    values, vectors = np.linalg.eigh((choi - unchanged * np.outer(identity, identity)) / (1 - unchanged))
    rest = (vectors * np.sqrt(np.maximum(values, 0))).T[values > _RANK]
    return unchanged, rest.reshape(-1, size, size)


def _matrix(operation: Instruction) -> Array:
    try:
        return np.asarray(operation.to_matrix(), complex)  # type: ignore[attr-defined]
    except (AttributeError, TypeError, QiskitError):  # no matrix, or one of parameters that are not bound
        raise NotSupported(operation.name) from None
