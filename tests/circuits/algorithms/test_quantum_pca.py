"""Quantum PCA: circuit equals channel equals matrix, orders of convergence, coverage of intervals, refusals."""

import re

import numpy as np
import pytest
from qiskit.quantum_info import Operator
from scipy.linalg import expm

import circuits
from circuits.algorithms.principal_components import _residuals, _slopes, doubling_settings, fit_spectrum
from circuits.execution.backends import aer_result
from qimg.operators import CorrelationOperator
from qimg.states import reduced_what


def density(d: int, seed: int = 0, rank: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(d, rank or d)) + 1j * rng.normal(size=(d, rank or d))
    rho = root @ root.conj().T
    return rho / np.trace(rho).real


def swap(d: int) -> np.ndarray:
    return np.eye(d * d).reshape(d, d, d, d).transpose(1, 0, 2, 3).reshape(d * d, d * d)


def by_partial_traces(sigma: np.ndarray, rho: np.ndarray, delta: float, copies: int) -> np.ndarray:
    d = len(rho)
    unitary = expm(-1j * delta * swap(d))
    for _ in range(copies):
        both = unitary @ np.kron(rho, sigma) @ unitary.conj().T
        sigma = both.reshape(d, d, d, d).trace(axis1=0, axis2=2)
    return sigma


def low_register(circuit, n_qubits: int) -> np.ndarray:
    return reduced_what(circuits.statevectors(circuit)[0].reshape(-1, 2**n_qubits))


def outcome_law(circuit) -> np.ndarray:
    """Exact probabilities of the outcomes of a circuit that resets, from Aer's density matrix."""
    bits = circuit.num_clbits
    measured = sorted(
        (circuit.find_bit(one.clbits[0]).index, circuit.find_bit(one.qubits[0]).index)
        for one in circuit.data
        if one.operation.name == "measure"
    )
    pure = circuit.copy_empty_like()
    for one in circuit.data:
        if one.operation.name != "measure":
            pure.append(one)
    pure.save_probabilities([qubit for _, qubit in measured])
    compiled = circuits.compile_circuit(pure, backend=circuits.backend("density_matrix"))
    return np.asarray(aer_result(compiled, method="density_matrix").data(0)["probabilities"]).reshape(2**bits)


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
@pytest.mark.parametrize("controlled", [False, True])
def test_partial_swap_is_the_exponential_of_the_swap(n_qubits, controlled):
    circuit = circuits.partial_swap(n_qubits, controlled=controlled).assign_parameters([0.7])
    matrix = Operator(circuit).data
    clean = [k for k in range(len(matrix)) if not k >> int(controlled) & 1]
    block = matrix[np.ix_(clean, clean)]
    rotation = expm(-0.7j * swap(2**n_qubits))
    if controlled:
        expected = np.zeros_like(block)
        expected[::2, ::2], expected[1::2, 1::2] = np.eye(len(rotation)), rotation
    else:
        expected = rotation
    assert np.abs(block - expected).max() < 1e-12
    cost = circuits.count_gates(circuit)
    assert cost.cx == 8 * n_qubits + 2 * controlled


@pytest.mark.parametrize("d", [2, 4, 8])
def test_a_swap_step_is_the_partial_trace(d):
    rho, sigma = density(d), density(d, 1)
    step = circuits.swap_step(sigma, rho, delta=0.3, copies=5)
    assert np.abs(step - by_partial_traces(sigma, rho, 0.3, 5)).max() < 1e-12


def trace_distance(rho: np.ndarray, sigma: np.ndarray, time: float, copies: int) -> float:
    turn = expm(-1j * time * rho)
    exact = turn @ sigma @ turn.conj().T
    reached = circuits.swap_step(sigma, rho, delta=time / copies, copies=copies)
    return float(np.abs(np.linalg.eigvalsh(exact - reached)).sum())


def test_the_error_of_the_exponential_is_inversely_proportional_to_copies():
    rho, sigma = density(4, rank=2), density(4, 1, rank=1)
    errors = np.array([trace_distance(rho, sigma, 1.5, copies) for copies in (100, 200, 400, 800)])
    # The next order is 1/n² of the error, 2 % at 100 copies.
    assert np.log2(errors[:-1] / errors[1:]) == pytest.approx([1, 1, 1], abs=0.03)
    # At equal copies it grows with t².
    assert np.log2(trace_distance(rho, rho @ rho, 0.04, 500) + 1) < 1e-3
    short, long = (trace_distance(rho, sigma, time, 4000) for time in (0.1, 0.2))
    assert 1.5 < np.log2(long / short) < 2.1


@pytest.mark.parametrize("seed", range(5))
def test_the_number_of_copies_keeps_the_error(seed):
    rng = np.random.default_rng(seed)
    rho, sigma = density(4, seed, rank=1 + seed % 4), density(4, seed + 10, rank=1)
    time, error = rng.uniform(0.1, 4), rng.uniform(0.01, 0.5)
    assert trace_distance(rho, sigma, time, circuits.exponentiation_copies(time, error=error)) <= error


@pytest.mark.parametrize("d", [2, 4])
@pytest.mark.parametrize("load", [circuits.purification_circuit, circuits.superoperator_copy])
def test_the_hadamard_test_has_the_signal_of_the_power(d, load):
    rho, sigma = density(d), density(d, 1)
    n, delta, copies = d.bit_length() - 1, 0.4, 3
    power = np.linalg.matrix_power(np.cos(delta) * np.eye(d) - 1j * np.sin(delta) * rho, copies)
    for probe, initial in ((None, rho), (circuits.purification_circuit(sigma), sigma)):
        signal = np.trace(initial @ power)
        for quadrature, expected in (("x", signal.real), ("y", signal.imag)):
            circuit = circuits.exponentiation_circuit(
                load(rho), n, delta=delta, copies=copies, quadrature=quadrature, probe=probe
            )
            law = outcome_law(circuit)
            assert law[0] - law[1] == pytest.approx(expected, abs=1e-10)
    weights = np.linalg.eigvalsh(rho)
    assert circuits.hadamard_signal(weights, weights, delta=[delta], copies=[copies])[0] == pytest.approx(
        np.trace(rho @ power), abs=1e-12
    )


def test_the_register_of_ancillas_equals_its_circuit():
    rho, sigma = density(2), density(2, 1)
    for probe, load in ((None, None), (sigma, circuits.superoperator_copy(sigma))):
        register = circuits.phase_register(rho, ancillas=2, swaps=4, probe=probe)
        circuit = circuits.phase_register_circuit(circuits.superoperator_copy(rho), 1, ancillas=2, swaps=4, probe=load)
        assert outcome_law(circuit) == pytest.approx(register.probabilities, abs=1e-10)
        assert register.copies == 12 + (probe is None)
        # The data after all outcomes together is what swaps without a control leave, averaged over the ancillas.
        mean = np.einsum("y,yij->ij", register.probabilities, register.states)
        start = rho if probe is None else probe
        delta = 2 * np.pi * 3 / 4 / 4
        parts = [circuits.swap_step(start, rho, delta=delta, copies=4 * number) for number in range(4)]
        assert np.abs(mean - np.mean(parts, axis=0)).max() < 1e-12


def test_the_diagonal_and_the_full_simulation_agree():
    rho = density(4)
    short, full = (circuits.phase_register(rho, ancillas=3, swaps=6, probe=probe) for probe in (None, rho))
    assert np.abs(short.probabilities - full.probabilities).max() < 1e-12
    assert np.abs(short.states - full.states).max() < 1e-10


def test_swaps_approach_the_exact_register_and_select_eigenstates():
    rho = np.diag([22.0, 9.0, 0.0, 0.0]) / 31  # eigenvalues on the grid of 5 ancillas
    exact = circuits.phase_register(rho, ancillas=5, swaps=8, exact=True)
    assert exact.probabilities[[22, 9]] == pytest.approx([22 / 31, 9 / 31], abs=1e-12)
    assert exact.states[22][0, 0] == pytest.approx(1, abs=1e-12)
    away = [
        np.abs(circuits.phase_register(rho, ancillas=5, swaps=swaps).probabilities - exact.probabilities).sum()
        for swaps in (4000, 8000, 16000)
    ]
    # The error of the channel is of order t²/n; the next order is a few per cent here.
    assert np.log2(np.array(away[:-1]) / away[1:]) == pytest.approx([1, 1], abs=0.1)
    assert circuits.phase_register(rho, ancillas=5, swaps=8000).states[22][0, 0].real > 0.99


def test_the_ensemble_average_is_the_operator_or_the_covariance():
    patches = np.random.default_rng(0).normal(1, 2, (7, 5))
    operator = CorrelationOperator.from_patches(patches)
    assert circuits.ensemble_average(patches) == pytest.approx(operator.density_matrix(), abs=1e-12)
    covariance = np.cov(patches.T, bias=True)
    centred = circuits.ensemble_average(operator, centred=True)
    assert centred == pytest.approx(covariance / np.trace(covariance), abs=1e-12)
    for flag in (False, True):
        copy = low_register(circuits.ensemble_circuit(patches, centred=flag), 3)
        # The preparation has an infidelity of 1e-12, whose root bounds the deviation.
        assert copy[:5, :5] == pytest.approx(circuits.ensemble_average(patches, centred=flag), abs=2e-6)
    # Copies by single patches, drawn with their weights, have the same mean.
    norms = (patches**2).sum(axis=1)
    drawn = np.random.default_rng(1).choice(7, 200_000, p=norms / norms.sum())
    states = patches / np.sqrt(norms)[:, None]
    # Entries of states are below 1, so the standard error is below 1/√200000.
    assert np.abs(states[drawn].T @ states[drawn] / 200_000 - operator.density_matrix()).max() < 5 / np.sqrt(200_000)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_a_purification_holds_the_state_with_its_least_environment(rank):
    rho = density(4, rank=rank)
    circuit = circuits.purification_circuit(rho)
    assert circuit.num_qubits == 2 + (rank - 1).bit_length()
    assert np.abs(low_register(circuit, 2) - rho).max() < 2e-6


def test_the_slopes_of_the_fit_are_those_of_its_residuals():
    settings = doubling_settings(3, 100)
    rng = np.random.default_rng(0)
    logs, signals, errors = rng.normal(size=4), rng.normal(size=(3, 2)), rng.uniform(1, 2, (3, 2))
    rest = (settings.delta, settings.copies, signals, errors, np.zeros(4))
    slopes = _slopes(logs, *rest)
    step = 1e-6
    for k in range(4):
        shift = step * np.eye(4)[k]
        difference = (_residuals(logs + shift, *rest) - _residuals(logs - shift, *rest)) / (2 * step)
        assert np.abs(difference - slopes[:, k]).max() < 1e-8


SPECTRUM = np.array([0.62, 0.22, 0.1, 0.06])


def test_intervals_cover_over_seeds():
    runs = 60
    held = []
    for seed in range(runs):
        result = circuits.quantum_pca(np.diag(SPECTRUM), components=4, stages=6, shots=40_000, ancillas=2, seed=seed)
        held.append((result.low <= SPECTRUM) & (result.high >= SPECTRUM))
    # Three standard errors of 60 runs for each eigenvalue.
    assert np.mean(held, axis=0).min() >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)
    assert result.low[0] == pytest.approx(result.high[0], abs=0.01)


@pytest.mark.slow
def test_the_error_falls_with_the_root_of_the_shots():
    errors = []
    for shots in (10_000, 160_000):
        runs = [
            circuits.quantum_pca(np.diag(SPECTRUM), stages=5, shots=shots, ancillas=2, seed=seed).eigenvalues[0]
            for seed in range(60)
        ]
        errors.append(np.sqrt(np.mean((np.array(runs) - SPECTRUM[0]) ** 2)))
    # A factor of 4; the standard error of a root mean square of 60 runs is 9 %, of a ratio 13 %.
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.4)


def test_the_circuit_gives_the_eigenvalue_within_two_per_cent():
    rho = density(4, rank=2)
    leading = np.linalg.eigvalsh(rho)[-1]
    result = circuits.quantum_pca(rho, stages=2, shots=20_000, backend="density_matrix", ancillas=3)
    assert result.eigenvalues[0] == pytest.approx(leading, rel=0.02)
    assert result.low[0] <= leading <= result.high[0]
    assert (result.qubits, result.shots, result.copies) == (6, 80_000, 2 * 20_000 * (3 + 9))
    assert result.cost.cx == 18


def test_sources_are_pictures_operators_and_matrices():
    picture = np.random.default_rng(0).uniform(0, 255, (16, 24)).cumsum(axis=1) % 255
    operator = CorrelationOperator.from_planes(picture, size=2)
    of_picture = circuits.quantum_pca(picture, patch=2, ancillas=2)
    assert of_picture.eigenvalues == pytest.approx(circuits.quantum_pca(operator, ancillas=2).eigenvalues)
    matrix = operator.density_matrix()
    assert of_picture.eigenvalues == pytest.approx(circuits.quantum_pca(matrix, ancillas=2).eigenvalues)
    centred = circuits.quantum_pca(operator, centred=True, ancillas=2)
    covariance = np.linalg.eigvalsh(operator.covariance())
    assert centred.low[0] <= covariance[-1] / covariance.sum() <= centred.high[0]


def test_states_are_eigenvectors_where_the_register_resolves_them():
    values, vectors = np.array([22.0, 9.0, 0.0, 0.0]) / 31, np.linalg.qr(density(4))[0]
    rho = (vectors * values) @ vectors.conj().T
    result = circuits.quantum_pca(rho, components=2, stages=5, shots=100_000, ancillas=5, swaps=2000)
    for k in range(2):
        assert (vectors[:, k].conj() @ result.states[k] @ vectors[:, k]).real > 0.95
    assert (result.copies_per_state > 2000 * 31).all()


def refused(message: str, call, *arguments, **options) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call(*arguments, **options)


def test_refusals_have_the_number_that_works():
    with pytest.raises(ValueError, match=r"shots must be at least .* but shots=20") as error:
        circuits.quantum_pca(np.diag(SPECTRUM), components=4, stages=6, shots=20)
    needed = int(re.search(r"at least (\d+)", str(error.value))[1])
    assert circuits.quantum_pca(np.diag(SPECTRUM), components=4, stages=6, shots=needed, ancillas=2).low.min() > 0
    neighbours = np.diag([0.5, 0.3, 0.12, 0.08])
    with pytest.raises(ValueError, match=r"stages must be at least .* but stages=1") as error:
        circuits.quantum_pca(neighbours, components=4, stages=1, shots=1000)
    stages, needed = map(int, re.search(r"at least (\d+), with shots of at least (\d+)", str(error.value)).groups())
    assert circuits.quantum_pca(neighbours, components=4, stages=stages, shots=needed, ancillas=2).low.min() > 0
    refused("source must have at most 64 dimensions", circuits.quantum_pca, np.eye(65) / 65)
    refused("components must be in [1, 4], but components=5", circuits.quantum_pca, np.diag(SPECTRUM), components=5)
    refused("centred has no effect", circuits.quantum_pca, np.diag(SPECTRUM), centred=True)
    refused("swaps must be an integer of at least 4", circuits.phase_register, np.eye(2) / 2, ancillas=3, swaps=2)
    refused("536870912 bytes of memory", circuits.phase_register, np.eye(64) / 64, ancillas=10, swaps=8)
    refused("at most 32 dimensions", circuits.superoperator_copy, np.eye(64) / 64)
    refused(
        "quadrature must be x or y, but quadrature='z'",
        circuits.exponentiation_circuit,
        circuits.purification_circuit(np.eye(2) / 2),
        1,
        delta=0.1,
        copies=1,
        quadrature="z",
    )
    refused("must hold vectors that differ", circuits.ensemble_average, np.ones((3, 2)), centred=True)
    refused("must not all be zero", circuits.ensemble_circuit, np.zeros((3, 2)))
    assert fit_spectrum(np.full((1, 2), 50), doubling_settings(1, 100), 2)[0].sum() == pytest.approx(1)
