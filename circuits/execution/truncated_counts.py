"""Counts and expectation values of Aer's truncated matrix-product states, drawn from the state itself.

After a truncation, Aer's state is not in canonical form, but its sampler and its expectation values assume one: they
give other probabilities than the squared amplitudes of the state. Here the final state is saved, brought into canonical
form and sampled, or contracted with Pauli strings.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.quantum_info import Pauli
from qiskit_aer import AerSimulator

from circuits.counts import successful
from qimg.core import Array, require
from qimg.tensor_train import TensorTrain, from_aer, inner, normalize, sample

_PAULIS = {letter: Pauli(letter).to_matrix() for letter in "IXYZ"}
_NEGLIGIBLE = 1e-16
"""Aer's own threshold, which discards rounding errors alone."""


def is_truncated(device: BackendV2) -> bool:
    """Whether a device is Aer's matrix-product state without noise and with a limit."""
    if not isinstance(device, AerSimulator):
        return False
    options = device.options
    bond = getattr(options, "matrix_product_state_max_bond_dimension", None)
    threshold = getattr(options, "matrix_product_state_truncation_threshold", None)
    ideal = options.method == "matrix_product_state" and options.noise_model is None
    return ideal and (bond is not None or (threshold or 0.0) > _NEGLIGIBLE)


def truncated_counts(
    device: BackendV2,
    circuits: Sequence[QuantumCircuit],
    shots: Sequence[int],
    width: int,
    stream: np.random.SeedSequence,
) -> NDArray[np.int64]:
    """Counts (n, 2**width) of compiled circuits that measure at the end.

    Raises:
        ValueError: a circuit measures, resets or branches before its end.
    """
    counts = np.zeros((len(circuits), 2**width), np.int64)
    parts = [_split(circuit) for circuit in circuits]
    places = [measured for _, measured in parts]
    trains = final_trains(device, [before for before, _ in parts])
    for k, (measured, own) in enumerate(zip(places, stream.spawn(len(circuits)), strict=True)):
        digits = sample(trains[k], shots[k], rng=np.random.default_rng(own))
        outcomes = np.zeros(shots[k], np.int64)
        for bit, qubit in measured.items():
            outcomes |= digits[:, -1 - qubit].astype(np.int64) << bit
        counts[k] = np.bincount(outcomes, minlength=2**width)
    return counts


def truncated_expectations(
    device: BackendV2,
    circuits: Sequence[QuantumCircuit],
    observables: Sequence[Mapping[str, float]],
    shots: int,
    stream: np.random.SeedSequence,
) -> tuple[Array, Array]:
    """Estimates (circuits, observables) of expectation values, and their standard errors.

    Each Pauli string is measured with `shots` shots of its own, whose outcomes ±1 have the probabilities of the state.

    Args:
        device: Aer's matrix-product state with a limit.
        circuits: compiled, without measurements.
        observables: Pauli strings and their coefficients.
        shots: for each Pauli string.
        stream: of the random numbers.
    """
    values, errors = (np.zeros((len(circuits), len(observables))) for _ in range(2))
    trains = final_trains(device, [circuit.copy() for circuit in circuits])
    for row, (final, own) in enumerate(zip(trains, stream.spawn(len(circuits)), strict=True)):
        state, rng = normalize(final), np.random.default_rng(own)
        for column, observable in enumerate(observables):
            for label, coefficient in observable.items():
                exact = float(np.real(inner(state, _applied(label, state))))
                mean = 2 * rng.binomial(shots, np.clip((1 + exact) / 2, 0, 1)) / shots - 1
                values[row, column] += coefficient * mean
                errors[row, column] += coefficient**2 * (1 - mean**2) / shots
    return values, np.sqrt(errors)


def final_trains(device: BackendV2, circuits: Sequence[QuantumCircuit]) -> list[TensorTrain]:
    """The final states of circuits without measurements, to which the instruction that saves them is added."""
    for circuit in circuits:
        circuit.save_matrix_product_state()
    result = successful(device.run(list(circuits)).result())
    return [from_aer(result.data(k)["matrix_product_state"]) for k in range(len(circuits))]


def _applied(label: str, train: TensorTrain) -> TensorTrain:
    """A Pauli string times a state; its first letter acts on site 0, the highest qubit."""
    pairs = zip(label, train.cores, strict=True)
    return TensorTrain([np.einsum("ij,ljr->lir", _PAULIS[letter], core) for letter, core in pairs])


def _split(circuit: QuantumCircuit) -> tuple[QuantumCircuit, dict[int, int]]:
    """The circuit without its measurements, and the measured qubit of each classical bit."""
    before, measured = circuit.copy_empty_like(), {}
    for instruction in circuit.data:
        qubits = [circuit.find_bit(bit).index for bit in instruction.qubits]
        bits = [circuit.find_bit(bit).index for bit in instruction.clbits]
        if instruction.operation.name == "measure":
            measured[bits[0]] = qubits[0]
        elif instruction.operation.name != "barrier":
            at_the_end = not bits and instruction.operation.name != "reset" and not set(qubits) & set(measured.values())
            rule = "must measure at their end alone on a truncated matrix-product state"
            require(at_the_end, "circuits", rule, circuit.name)
            before.append(instruction)
    return before, measured
