"""Counts of Aer's truncated matrix-product states, drawn from the state itself.

After a truncation, Aer's state is not in canonical form, but its sampler and its expectation values assume one: they
give other probabilities than the squared amplitudes of the state. Here the final state is saved, brought into canonical
form and sampled.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator

from qimg.core import require
from qimg.tensor_train import from_aer, sample

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
    places, saved = [], []
    for circuit in circuits:
        before, measured = _split(circuit)
        before.save_matrix_product_state()
        places.append(measured)
        saved.append(before)
    result = device.run(saved).result()
    if not result.success:
        raise RuntimeError(f"Aer could not run the circuit: {result.status}")
    for k, (measured, own) in enumerate(zip(places, stream.spawn(len(circuits)), strict=True)):
        train = from_aer(result.data(k)["matrix_product_state"])
        digits = sample(train, shots[k], rng=np.random.default_rng(own))
        outcomes = np.zeros(shots[k], np.int64)
        for bit, qubit in measured.items():
            outcomes |= digits[:, -1 - qubit].astype(np.int64) << bit
        counts[k] = np.bincount(outcomes, minlength=2**width)
    return counts


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
