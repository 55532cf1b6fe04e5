"""An operation on an encoded picture as a circuit, with its matrix and cost, and its execution exactly or by shots."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import ClassicalRegister, QuantumCircuit
from qiskit.providers import BackendV2

from circuits.compilation import GateCount, compile_circuit, count_gates
from circuits.execution.backends import sample
from circuits.execution.sampling import transform_batch
from circuits.readout.intervals import decode_intervals
from circuits.representation.encodings import decode_counts, decode_state, image_circuit, image_state
from circuits.representation.protocol import EncodedImage
from circuits.synthesis import images
from qimg.core import Array, integer, require
from qimg.core.records import short_repr
from qimg.states import pad_to_register

MATRIX_QUBITS = 12
"""Largest circuit whose matrix is computed; it takes 256 MiB."""

STATE_QUBITS = 24
"""Largest register that is simulated; its state vector takes 256 MiB."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class PictureOperation:
    """A circuit that acts on the state of an encoded picture, and the picture that it makes."""

    name: str
    source: EncodedImage
    """The picture to which the circuit is applied, on the lowest qubits."""
    circuit: QuantumCircuit
    """The circuit; qubits above the register of the picture begin in |0⟩."""
    result: EncodedImage
    """The processed picture: what its circuit prepares is the state on `wires` after the operation."""
    wires: tuple[int, ...]
    """Qubits that hold the processed picture, lowest first; the others are not measured."""

    @property
    def ancillas(self) -> int:
        """Qubits beyond those of the picture."""
        return self.circuit.num_qubits - self.source.n_qubits

    def matrix(self) -> Array:
        """The unitary (2**n, 2**n) of the circuit with its global phase, for at most 12 qubits.

        Cost: O(4ⁿ) for each gate.
        """
        n = self.circuit.num_qubits
        require(n <= MATRIX_QUBITS, "circuit", f"must have at most {MATRIX_QUBITS} qubits for its matrix", n)
        return images(compile_circuit(self.circuit), 2**n)

    def cost(self, *, optimization_level: int = 1) -> GateCount:
        """CX, one-qubit gates and depth of the circuit, without those that prepare the picture (`image_cost`).

        Args:
            optimization_level: of `compile_circuit`.
        """
        return count_gates(self.circuit, optimization_level=optimization_level)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ProcessedPicture:
    """The picture after an operation, read from the state or by shots."""

    picture: Array
    """(H, W) or (H, W, C) in the type of the encoded picture."""
    low: Array
    """Lower ends of the pixels' intervals, not rounded; equal to the picture where the state itself is read."""
    high: Array
    """Upper ends."""
    shots: int
    """0 where the state itself is read."""


def operation(
    name: str,
    source: EncodedImage,
    circuit: QuantumCircuit,
    result: EncodedImage,
    *,
    wires: Sequence[int] | None = None,
) -> PictureOperation:
    """A `PictureOperation`; without `wires`, the result is on the lowest qubits."""
    circuit.name = name
    used = tuple(range(result.n_qubits) if wires is None else wires)
    return PictureOperation(name=name, source=source, circuit=circuit, result=result, wires=used)


def process_picture(
    operation: PictureOperation,
    *,
    shots: int | None = None,
    backend: str | BackendV2 = "statevector",
    level: float = 0.95,
    seed: int | None = 0,
) -> ProcessedPicture:
    """The picture after an operation, exactly from the state or by shots with an interval for each pixel.

    Exact: Aer applies the circuit to `image_state` of the source. Without ancillas the state is decoded by
    `decode_state`, with ancillas its probabilities by `decode_counts`. By shots: `image_circuit` and the operation run
    together, the wires of the result are measured and decoded by `decode_counts` and `decode_intervals`.

    Args:
        operation: from `flip_picture`, `negate_picture` and the others, with at most 24 qubits.
        shots: shots; the state itself is read when left out.
        backend: a name for `circuits.backend`, or any `BackendV2`; no effect without shots.
        level: of the intervals, in (0, 1), for each pixel separately.
        seed: seed of a simulator's shots (`circuits.seeds`).
    """
    total = operation.circuit.num_qubits
    rule = f"must have at most {STATE_QUBITS} qubits: crop the picture, each half of a side saves one qubit"
    require(total <= STATE_QUBITS, "operation", rule, total)
    if shots is None:
        picture = _exact(operation)
        ends = picture.astype(float)
        return ProcessedPicture(picture=picture, low=ends, high=ends, shots=0)
    count = integer("shots", shots, 1)
    whole = QuantumCircuit(total, name=operation.name)
    whole.compose(image_circuit(operation.source), range(operation.source.n_qubits), inplace=True)
    whole.compose(operation.circuit, range(total), inplace=True)
    whole.add_register(ClassicalRegister(len(operation.wires), "picture"))
    whole.measure(operation.wires, range(len(operation.wires)))
    counts = sample("process_picture", whole, backend, shots=count, seed=seed)[0]
    low, high = decode_intervals(operation.result, counts, level=level)
    return ProcessedPicture(picture=decode_counts(operation.result, counts), low=low, high=high, shots=count)


def _exact(operation: PictureOperation) -> Array:
    total = operation.circuit.num_qubits
    before = pad_to_register(image_state(operation.source), total)
    after = transform_batch(operation.circuit, before[None])[0]
    if operation.wires == tuple(range(total)):
        return decode_state(operation.result, after)
    return decode_counts(operation.result, marginal(np.abs(after) ** 2, operation.wires))


def marginal(probabilities: Array, wires: Sequence[int]) -> Array:
    """Probabilities (2**len(wires),) of the outcomes of some qubits, lowest first, from those (2**n,) of all."""
    n = len(probabilities).bit_length() - 1
    axes = [n - 1 - wire for wire in wires][::-1]  # axis 0 is the highest qubit
    others = tuple(axis for axis in range(n) if axis not in axes)
    kept = probabilities.reshape((2,) * n).transpose((*axes, *others))
    return np.asarray(kept.reshape(2 ** len(wires), -1).sum(axis=1))
