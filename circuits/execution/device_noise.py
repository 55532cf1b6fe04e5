"""Noise of Qiskit's generic device in a form whose simulation is fast on large registers.

A channel E near the identity is p·1 + (1 − p)·R with R a channel: p does not depend on the state, so that a shot seldom
needs the probabilities of Kraus operators, which cost more than the gate itself. The distribution of counts is the
same.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import IGate
from qiskit.providers import BackendV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Choi, Kraus, SuperOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, QuantumError

from qimg.core import Array, Track

LARGE = 10
"""Number of qubits of a circuit from which shots are slow enough for another form of the noise."""

_PART = 256
"""Shots of a part of a run, after which progress is reported."""

_EQUAL = 1e-10
"""Largest difference of a channel from its other form; otherwise it is not changed."""


def model_of(device: BackendV2) -> NoiseModel | None:
    """The noise model of a simulator; that of the generic device follows from its target before its first run, too."""
    model: NoiseModel | None = getattr(device.options, "noise_model", None)
    return NoiseModel.from_backend(device) if model is None and type(device) is GenericBackendV2 else model


def is_large(device: BackendV2, n_qubits: int) -> bool:
    """Whether a circuit of this size is run by `noisy_counts`: one of `LARGE` qubits or more on the generic device."""
    return type(device) is GenericBackendV2 and n_qubits >= LARGE


def noisy_counts(
    device: BackendV2,
    circuits: Sequence[QuantumCircuit],
    shots: Sequence[int],
    width: int,
    stream: np.random.SeedSequence,
    track: Track,
) -> NDArray[np.int64]:
    """Counts (n, 2**width) of compiled circuits under the noise of the generic device, in parts of 256 shots.

    Raises:
        RuntimeError: Aer could not run a circuit.
    """
    model = model_of(device)
    assert model is not None, "the generic device has noise"
    simulator = AerSimulator(method="statevector", noise_model=with_rare_errors(model, circuits))
    parts = [(k, min(_PART, total - start)) for k, total in enumerate(shots) for start in range(0, total, _PART)]
    streams = stream.spawn(len(parts))
    counts = np.zeros((len(circuits), 2**width), np.int64)
    for number in track(range(len(parts))):
        k, part = parts[number]
        own = int(streams[number].generate_state(1)[0] >> 1)
        result = simulator.run(circuits[k], shots=part, seed_simulator=own).result()
        if not result.success:
            raise RuntimeError(f"Aer could not run the circuit: {result.status}")
        for outcome, count in result.data(0)["counts"].items():
            counts[k, int(outcome, 16)] += count
    return counts


def with_rare_errors(model: NoiseModel, circuits: Sequence[QuantumCircuit]) -> NoiseModel:
    """The same noise with the errors of the circuits' gates as mixtures of the identity and a rare remainder."""
    used = {
        (one.operation.name, tuple(circuit.find_bit(bit).index for bit in one.qubits))
        for circuit in circuits
        for one in circuit.data
    }
    result = NoiseModel(basis_gates=model.basis_gates)
    for name, places in model._local_quantum_errors.items():
        for qubits, error in places.items():
            if (name, tuple(qubits)) in used:
                result.add_quantum_error(rare(error), name, qubits, warnings=False)
    for qubits, error in model._local_readout_errors.items():
        result.add_readout_error(error, qubits, warnings=False)
    for noise_pass in model._custom_noise_passes:  # of delays
        result._custom_noise_passes.append(noise_pass)
    return result


def rare(error: QuantumError) -> QuantumError:
    """The channel p·1 + (1 − p)·R with the largest p; unchanged where the identity is no part of it.

    p = 1/⟨1|C⁻¹|1⟩ with C the Choi matrix and |1⟩ the vector of the identity: C − p |1⟩⟨1| is then positive.
    """
    n = error.num_qubits
    choi = np.asarray(Choi(error).data)
    identity = np.eye(2**n).ravel()
    values, vectors = np.linalg.eigh(choi)
    parts = np.abs(vectors.conj().T @ identity) ** 2
    weight = (1 - 1e-9) / float((parts / np.maximum(values, 1e-15)).sum())
    if not 0.5 < weight < 1 - 1e-12:
        return error
    remainder = (choi - weight * np.outer(identity, identity)) / (1 - weight)
    idle = QuantumCircuit(n)
    idle.append(IGate(), [0])
    other = QuantumError([(idle, weight), (Kraus(_operators(remainder)), 1 - weight)])
    same = np.abs(np.asarray(SuperOp(other).data) - np.asarray(SuperOp(error).data)).max() <= _EQUAL
    return other if same else error


def _operators(choi: Array) -> list[Array]:
    """Kraus operators of a Choi matrix, with Σ K†K = 1."""
    values, vectors = np.linalg.eigh(choi)
    size = round(np.sqrt(len(choi)))
    kraus = [
        np.sqrt(value) * vector.reshape(size, size).T
        for value, vector in zip(values, vectors.T, strict=True)
        if value > 1e-12
    ]
    gram = sum(one.conj().T @ one for one in kraus)
    scale, basis = np.linalg.eigh(gram)
    inverse_root = basis @ np.diag(scale**-0.5) @ basis.conj().T
    return [one @ inverse_root for one in kraus]
