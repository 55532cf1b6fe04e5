"""Noise of Qiskit's generic device and of IBM's fake devices, and their runs on large registers by trajectories.

Aer simulates noisy circuits of more than about ten qubits shot by shot, which takes minutes for thousands of shots.
"""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from circuits.counts import outcome_counts, successful
from circuits.execution.trajectories import PART, Program
from circuits.execution.trajectory_programs import NotSupported, assemble
from circuits.seeds import drawn_seed
from qimg.core import Track

LARGE = 10
"""Number of qubits of a circuit from which its shots are slow and run in parts."""

_PART_OF_AER = 256
"""Shots of a part of a run on Aer, after which progress is reported; trajectories run `PART` at a time."""

_log = logging.getLogger(__name__)


def model_of(device: BackendV2) -> NoiseModel | None:
    """The noise model of a simulator; that of the generic device follows from its target before its first run, too."""
    model: NoiseModel | None = getattr(device.options, "noise_model", None)
    return NoiseModel.from_backend(device) if model is None and type(device) is GenericBackendV2 else model


def is_large(device: BackendV2, n_qubits: int) -> bool:
    """Whether a circuit of this size is run by `noisy_counts`: `LARGE` qubits or more on a generic or fake device."""
    return _is_simulated(device) and n_qubits >= LARGE


def calibrated_model(device: BackendV2, circuits: Sequence[QuantumCircuit]) -> NoiseModel:
    """The noise model of the gates and measurements of compiled circuits on a device with calibration data.

    Aer takes about half a second for the error of each CX, so that gates of other qubits are left out.

    Raises:
        ValueError: the device has no errors of gates and of readout, so that its noise is not known.
    """
    stored: NoiseModel | None = getattr(device.options, "noise_model", None)
    errors = [getattr(one, "error", None) for places in device.target.values() for one in (places or {}).values()]
    if not any(one is not None for one in errors):
        raise ValueError(
            f"backend must have calibration data for its {len(errors)} instructions, but {device.name} has errors for "
            "0 of them: GenericBackendV2 takes noise_info=True"
        )
    return NoiseModel.from_backend(_Part(device, circuits)) if stored is None else stored


class _Part:
    """A device with those instructions alone that some circuits use, as `NoiseModel.from_backend` reads it."""

    version = 2

    def __init__(self, device: BackendV2, circuits: Sequence[QuantumCircuit]) -> None:
        used = {
            (one.operation.name, tuple(circuit.find_bit(qubit).index for qubit in one.qubits))
            for circuit in circuits
            for one in circuit.data
        }
        self.operation_names, self.dt, whole = device.operation_names, device.dt, device.target
        self.target = Target(num_qubits=whole.num_qubits, dt=whole.dt, qubit_properties=whole.qubit_properties)
        for name in whole.operation_names:
            places = {qubits: one for qubits, one in (whole[name] or {}).items() if (name, qubits) in used}
            if places:
                self.target.add_instruction(whole.operation_from_name(name), places, name=name)


def noisy_counts(
    device: BackendV2,
    circuits: Sequence[QuantumCircuit],
    shots: Sequence[int],
    width: int,
    stream: np.random.SeedSequence,
    track: Track,
) -> NDArray[np.int64]:
    """Counts (n, 2**width) of compiled circuits under the noise of a generic or fake device.

    They are drawn by `trajectories`; circuits that these do not support, such as dynamic ones, run on Aer in parts of
    256 shots. Each part has a stream of its own, spawned from `stream` in the order of the circuits and parts.

    Raises:
        ValueError: the device has no calibration data.
        RuntimeError: Aer could not run a circuit.
    """
    model = calibrated_model(device, circuits)
    counts = np.zeros((len(circuits), 2**width), np.int64)
    jobs: list[tuple[int, int]] = []
    programs: dict[int, Program] = {}
    for k, circuit in enumerate(circuits):
        try:
            programs[k] = assemble(circuit, model)
        except NotSupported as reason:
            _log.info("%s runs on Aer shot by shot: %s", circuit.name, reason)
        part = PART if k in programs else _PART_OF_AER
        jobs += [(k, min(part, shots[k] - start)) for start in range(0, shots[k], part)]
    simulator = AerSimulator(method="statevector", noise_model=model)
    streams = stream.spawn(len(jobs))
    for number in track(range(len(jobs))):
        k, part = jobs[number]
        if k in programs:
            counts[k] += programs[k].counts(part, width, np.random.default_rng(streams[number]))
        else:
            result = simulator.run(circuits[k], shots=part, seed_simulator=drawn_seed(streams[number])).result()
            counts[k] += outcome_counts(successful(result), 2**width)
    return counts


def _is_simulated(device: BackendV2) -> bool:
    """Whether a device is Qiskit's generic one or a fake one of IBM's package, which Aer simulates."""
    fake = type(device).__module__.startswith("qiskit_ibm_runtime.fake_provider")
    return type(device) is GenericBackendV2 or fake
