"""Trajectories of noisy circuits: their distribution is that of Aer's density matrix, for all errors of a model."""

import numpy as np
import pytest
from qiskit import transpile
from qiskit.circuit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    amplitude_damping_error,
    depolarizing_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)
from scipy import stats

import circuits
from circuits.execution import device_noise
from circuits.execution.trajectory_programs import NotSupported, assemble, without_identity
from qimg import images


def random_circuit(n: int, gates: int, seed: int) -> QuantumCircuit:
    rng, circuit = np.random.default_rng(seed), QuantumCircuit(n)
    for _ in range(gates):
        first, second = (int(one) for one in rng.permutation(n)[:2])
        circuit.ry(float(rng.uniform(0, np.pi)), first)
        circuit.sx(second)
        circuit.cx(first, second)
        circuit.rz(float(rng.uniform(0, np.pi)), second)
    return circuit


def model_of(*errors, readout: float = 0.0) -> NoiseModel:
    model = NoiseModel(basis_gates=["cx", "rz", "sx", "x", "ry"])
    for gates, error in errors:
        model.add_all_qubit_quantum_error(error, gates)
    if readout:
        model.add_all_qubit_readout_error(ReadoutError([[1 - readout, readout], [2 * readout, 1 - 2 * readout]]))
    return model


MODELS = {
    "depolarizing": model_of((["cx"], depolarizing_error(0.1, 2)), (["sx", "ry"], depolarizing_error(0.05, 1))),
    "damping": model_of((["cx"], amplitude_damping_error(0.2).tensor(amplitude_damping_error(0.1)))),
    "relaxation, T2 above T1": model_of((["sx", "ry"], thermal_relaxation_error(50.0, 80.0, 10.0))),
    "relaxation, T2 below T1": model_of((["sx", "ry"], thermal_relaxation_error(50.0, 30.0, 10.0, 0.2))),
    "relaxation after depolarizing": model_of(
        (["cx"], depolarizing_error(0.1, 2).compose(
            thermal_relaxation_error(50.0, 70.0, 9.0).expand(thermal_relaxation_error(40.0, 60.0, 9.0))
        )),
    ),
    "resets and readout": model_of(
        (["sx"], reset_error(0.1, 0.05)), (["cx"], pauli_error([("XY", 0.1), ("II", 0.9)])), readout=0.1
    ),
}  # fmt: skip


def exact(circuit: QuantumCircuit, model: NoiseModel) -> np.ndarray:
    """Probabilities of the outcomes by Aer's density matrix, with the readout errors of the model."""
    copy = circuit.copy()
    copy.save_density_matrix()
    rho = AerSimulator(method="density_matrix", noise_model=model).run(copy).result().data(0)["density_matrix"]
    found = np.real(np.diagonal(np.asarray(rho)))
    for one in model.to_dict()["errors"]:
        if one["type"] == "roerror":
            reading = np.asarray(one["probabilities"]).T
            for qubit in range(circuit.num_qubits):
                found = np.einsum("ij,ajb->aib", reading, found.reshape(-1, 2, 2**qubit)).ravel()
    return found


@pytest.mark.parametrize("name", MODELS)
def test_counts_have_the_distribution_of_the_density_matrix(name):
    circuit, model, shots = random_circuit(3, 5, seed=1), MODELS[name], 40_000
    wanted = exact(circuit, model)
    measured = circuit.copy()
    measured.measure_all()
    counts = assemble(measured, model).counts(shots, 3, np.random.default_rng(2))
    assert counts.sum() == shots
    expected = wanted * shots
    chi2 = ((counts - expected) ** 2 / np.maximum(expected, 1e-9)).sum()
    # One in a million at the fixed seed, for each of six models.
    assert chi2 < stats.chi2.isf(1e-6, len(wanted) - 1)


@pytest.mark.parametrize("name", MODELS)
def test_sparse_states_have_the_distribution_of_the_density_matrix(name):
    """2×2 pixels of 5 bits have 4 amplitudes of 128, of which up to 32 are stored one by one."""
    model, shots, circuit = MODELS[name], 8000, QuantumCircuit(7)
    circuit.h([0, 1])
    for colour, bits in enumerate((0b0001, 0b1000, 0b0110, 0b1001, 0b0000)):  # of the four pixels
        for pixel in (one for one in range(4) if bits >> one & 1):
            absent = [k for k in range(2) if not pixel >> k & 1]
            circuit.x(absent) if absent else None
            circuit.ccx(0, 1, 2 + colour)
            circuit.x(absent) if absent else None
    circuit = transpile(circuit, basis_gates=["cx", "rz", "sx", "x"], optimization_level=1)
    wanted = exact(circuit, model)
    measured = circuit.copy()
    measured.measure_all()
    counts = assemble(measured, model).counts(shots, circuit.num_qubits, np.random.default_rng(3))
    # Outcomes of fewer than ten expected counts are counted together, so that the statistic has its distribution.
    rare = wanted * shots < 10
    both = [np.append(one[~rare], one[rare].sum()) for one in (counts, wanted * shots)]
    chi2 = ((both[0] - both[1]) ** 2 / np.maximum(both[1], 1e-9)).sum()
    assert chi2 < stats.chi2.isf(1e-6, len(both[0]) - 1)


@pytest.mark.parametrize("seed", range(3))
def test_shots_are_independent(seed):
    """The variance of a count over runs is binomial, although shots share trajectories."""
    circuit, model, shots = random_circuit(2, 4, seed), MODELS["depolarizing"], 60
    wanted = exact(circuit, model)
    circuit.measure_all()
    program, rng = assemble(circuit, model), np.random.default_rng(seed)
    runs = np.array([program.counts(shots, 2, rng) for _ in range(600)])
    ratio = runs.var(axis=0, ddof=1) / (shots * wanted * (1 - wanted))
    # The relative standard error of a variance from 600 runs is √(2/599) = 0.058.
    assert (np.abs(ratio - 1) < 5 * 0.06).all()


@pytest.mark.parametrize("t2", [60.0, 75.0, 99.0])
def test_a_channel_is_the_identity_and_a_rest(t2):
    (instructions,) = [
        one["instructions"] for one in model_of((["x"], thermal_relaxation_error(50.0, t2, 5.0))).to_dict()["errors"]
    ]
    assert len(instructions) == 1  # Kraus operators instead of a mixture of unitary operators and resets
    operators = np.asarray(instructions[0][0]["params"], complex).reshape(-1, 2, 2)
    share, rest = without_identity(operators)

    def choi(many):
        flat = np.asarray(many).reshape(-1, 4)
        return flat.T @ flat.conj()

    identity = np.outer(np.eye(2).ravel(), np.eye(2).ravel())
    assert 0 < share < 1
    # Eigenvalues below 1e-10 are dropped, and the rest is divided by 1 − p, at most 0.3 here.
    np.testing.assert_allclose(share * identity + (1 - share) * choi(rest), choi(operators), atol=1e-9)
    np.testing.assert_allclose(np.einsum("kji,kjl->il", rest.conj(), rest), np.eye(2), atol=1e-8)
    assert np.linalg.eigvalsh(choi(operators) - (share + 1e-6) * identity)[0] < 0


def test_damping_alone_holds_no_identity():
    damping = np.array([[[1, 0], [0, np.sqrt(0.9)]], [[0, np.sqrt(0.1)], [0, 0]]])
    share, rest = without_identity(damping)
    assert share == 0
    np.testing.assert_array_equal(rest, damping)


def test_what_is_not_supported_is_named():
    early = QuantumCircuit(1, 1)
    early.measure(0, 0)
    early.x(0)
    wide = QuantumCircuit(21)
    wide.h(range(21))
    wide.measure_all()
    for circuit, reason in ((early, "x after a measurement"), (wide, "21 qubits, more than 20")):
        with pytest.raises(NotSupported, match=reason):
            assemble(circuit, NoiseModel())


def test_dynamic_circuits_run_on_aer(monkeypatch):
    monkeypatch.setattr(device_noise, "LARGE", 2)
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 1)
    counts = circuits.run(circuit, circuits.backend("generic", n_qubits=2), shots=400, seed=0)[0]
    assert counts.sum() == 400
    assert counts[1] > 300


def test_devices_without_calibration_are_refused():
    device = GenericBackendV2(10, noise_info=False)
    with pytest.raises(ValueError, match=r"backend must have calibration data for its \d+ instructions, but .* 0 of"):
        circuits.run(QuantumCircuit(10), device, shots=10)


@pytest.mark.slow
def test_a_picture_in_neqr_is_read_with_noise_and_mitigation():
    photograph = images.bundled("coffee")
    patch = photograph[200:208, 240:248, 1]
    encoded = circuits.encode_image(patch, "neqr")
    circuit, device = circuits.image_circuit(encoded), circuits.backend("generic", n_qubits=14)
    counts = circuits.run(circuit, device, shots=4096, seed=0)[0]
    calibration = circuits.calibrate_readout(circuit, device, shots=4096)
    found = circuits.mitigate(counts, calibration, repeats=20, rng=np.random.default_rng(0))
    assert (circuits.decode_counts(encoded, found.probabilities) == patch).mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fake_manila", "fake_guadalupe"])
def test_fake_devices_have_the_counts_of_aer(name, monkeypatch):
    pytest.importorskip("qiskit_ibm_runtime", reason=f"{name} needs the ibm extra")
    circuit = random_circuit(3, 3, seed=4)
    device, shots = circuits.backend(name), 20_000
    usual = circuits.run(circuit, device, shots=shots, seed=1)[0]
    monkeypatch.setattr(device_noise, "LARGE", 3)
    other = circuits.run(circuit, device, shots=shots, seed=2)[0]
    # Five standard errors of a difference of two frequencies.
    assert (np.abs(usual - other) / shots <= 5 * np.sqrt(2 * 0.25 / shots)).all()
