"""Noise of Qiskit's generic device, and its runs on large registers in parts, whose progress can be reported.

Aer simulates noisy circuits of more than about ten qubits shot by shot, which takes minutes for thousands of shots.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from circuits.counts import outcome_counts, successful
from circuits.seeds import drawn_seed
from qimg.core import Track

LARGE = 10
"""Number of qubits of a circuit from which its shots are slow and run in parts."""

_PART = 256
"""Shots of a part of a run, after which progress is reported."""


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
    simulator = AerSimulator(method="statevector", noise_model=model)
    parts = [(k, min(_PART, total - start)) for k, total in enumerate(shots) for start in range(0, total, _PART)]
    streams = stream.spawn(len(parts))
    counts = np.zeros((len(circuits), 2**width), np.int64)
    for number in track(range(len(parts))):
        k, part = parts[number]
        result = simulator.run(circuits[k], shots=part, seed_simulator=drawn_seed(streams[number])).result()
        counts[k] += outcome_counts(successful(result), 2**width)
    return counts
