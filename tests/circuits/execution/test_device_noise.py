"""Noise of the generic device on large registers: the same channels, in a form with rare errors."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SuperOp
from qiskit_aer.noise import depolarizing_error, pauli_error

import circuits
from circuits.execution import device_noise


def test_the_channels_are_the_same_and_errors_are_rare():
    model = device_noise.model_of(circuits.backend("generic", n_qubits=2))
    for name in ("cx", "sx"):
        for error in model._local_quantum_errors[name].values():
            other = device_noise.rare(error)
            # The documented difference is 1e-10.
            np.testing.assert_allclose(SuperOp(other).data, SuperOp(error).data, rtol=0, atol=1e-10)
            assert max(other.probabilities) > 0.9
    depolarizing = device_noise.rare(depolarizing_error(0.1, 1))
    assert max(depolarizing.probabilities) == pytest.approx(1 - 0.1 * 3 / 4)


def test_an_error_without_the_identity_is_unchanged():
    flip = pauli_error([("X", 1.0)])
    assert device_noise.rare(flip) is flip


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
    other = circuits.run(circuit, device, shots=shots, seed=2, track=lambda items: parts.extend(items) or iter(parts))[
        0
    ]
    assert len(parts) == -(-shots // 256)
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
