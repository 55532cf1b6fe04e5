"""Runs on the generic device in parts, and the identity of the device."""

import numpy as np
from qiskit.circuit import QuantumCircuit

import circuits
from circuits.execution import device_noise
from circuits.execution.trajectories import PART


def test_counts_have_the_distribution_of_the_device(monkeypatch):
    circuit = QuantumCircuit(3)
    for _ in range(10):
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.cx(1, 2)
        circuit.sx(2)
    device, shots = circuits.backend("generic", n_qubits=3), 20_000
    usual = circuits.run(circuit, device, shots=shots, seed=1)[0]
    monkeypatch.setattr(device_noise, "LARGE", 3)
    parts = []
    (other,) = circuits.run(
        circuit, device, shots=shots, seed=2, track=lambda items: parts.extend(items) or iter(parts)
    )
    assert len(parts) == -(-shots // PART)
    assert other.sum() == shots
    # Five standard errors of a difference of two frequencies.
    assert (np.abs(usual - other) / shots <= 5 * np.sqrt(2 * 0.25 / shots)).all()


def test_a_device_is_the_same_before_and_after_its_first_run(tmp_path):
    circuit, device = QuantumCircuit(1), circuits.backend("generic", n_qubits=2)
    circuit.x(0)
    first = circuits.run_jobs(circuit, device, shots=50, file=tmp_path / "jobs")
    circuits.run(circuit, device, shots=1)  # which stores the noise model in the options of the device
    np.testing.assert_array_equal(circuits.run_jobs(circuit, device, shots=50, file=tmp_path / "jobs"), first)
    assert circuits.jobs_done(tmp_path / "jobs") == 1
