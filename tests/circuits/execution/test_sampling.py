"""Batches of patches through one circuit: exact results against the matrix product, counts against its squares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from scipy import stats

import circuits

TRANSFORMS = ["qft", "dct_2d", "haar_2d", "walsh", "klt_2d"]


def vectors(count: int, n_qubits: int, *, seed: int = 0, imaginary: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    batch = rng.normal(scale=40, size=(count, 2**n_qubits))
    return batch + 1j * rng.normal(scale=40, size=batch.shape) if imaginary else batch


def pair(name: str, n_qubits: int) -> tuple[QuantumCircuit, np.ndarray]:
    """A compiled circuit and its matrix."""
    given = {}
    if name.startswith("klt"):
        data = vectors(200, n_qubits, seed=9)
        given["rho"] = data.T @ data / np.trace(data.T @ data)
    circuit = circuits.compile_circuit(circuits.transform_circuit(name, n_qubits, **given))
    return circuit, circuits.transform_unitary(name, n_qubits, **given)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize(("count", "imaginary"), [(1, False), (5, True), (8, False), (37, False)])
def test_one_run_transforms_a_batch_as_the_matrix_product_does(name, count, imaginary):
    circuit, matrix = pair(name, 6)
    batch = vectors(count, 6, seed=count, imaginary=imaginary)
    wanted = batch @ matrix.T
    found = circuits.transform_batch(circuit, batch)
    # Design, section 6: the fast path and the simulator agree to 1e-12 of the largest coefficient.
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@given(st.integers(1, 3), st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_batch_of_any_length_is_each_vector_alone(n_qubits, count, seed):
    circuit, _ = pair("dct", n_qubits)
    batch = vectors(count, n_qubits, seed=seed, imaginary=True)
    looped = np.vstack([circuits.transform_batch(circuit, row[None]) for row in batch])
    # Both are one double-precision simulation of a dozen gates.
    np.testing.assert_allclose(
        circuits.transform_batch(circuit, batch), looped, rtol=0, atol=1e-12 * np.abs(looped).max()
    )


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_circuit_need_not_be_compiled(name, compiled):
    _, matrix = pair(name, 4)
    data = vectors(200, 4, seed=9)
    rho = {"rho": data.T @ data / np.trace(data.T @ data)} if name.startswith("klt") else {}
    circuit = circuits.transform_circuit(name, 4, **rho)
    batch = vectors(3, 4)
    found = circuits.transform_batch(circuits.compile_circuit(circuit) if compiled else circuit, batch)
    np.testing.assert_allclose(found, batch @ matrix.T, rtol=0, atol=1e-12 * np.abs(batch).max() * 4)
    assert circuits.sample_batch(circuit, batch, shots=10, seed=0).sum() == 10


@pytest.mark.parametrize("phase", [0.3, -2.0])
def test_the_global_phase_of_a_circuit_is_kept(phase):
    circuit = QuantumCircuit(2, global_phase=phase)
    circuit.x(0)
    batch = vectors(3, 2)
    wanted = np.exp(1j * phase) * batch[:, [1, 0, 3, 2]]
    np.testing.assert_allclose(circuits.transform_batch(circuit, batch), wanted, rtol=1e-12)
    unit = wanted / np.linalg.norm(batch, axis=1, keepdims=True)
    np.testing.assert_allclose(circuits.run_template(circuit, batch), unit, rtol=0, atol=1e-12)


def test_norms_and_zero_vectors_survive():
    circuit, matrix = pair("haar", 3)
    batch = vectors(3, 3)
    batch[1] = 0
    batch[2] *= 1e-6
    found = circuits.transform_batch(circuit, batch)
    assert not found[1].any()
    # A state vector holds all vectors together, so a small one keeps its digits only relative to the largest.
    np.testing.assert_allclose(found, batch @ matrix.T, rtol=0, atol=1e-12 * np.abs(batch).max())


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("count", [1, 5])
def test_template_runs_each_vector_as_the_matrix_product_does(name, count):
    circuit, matrix = pair(name, 6)
    batch = vectors(count, 6, seed=3)
    states = batch / np.linalg.norm(batch, axis=1, keepdims=True)
    np.testing.assert_allclose(circuits.run_template(circuit, batch), states @ matrix.T, rtol=0, atol=1e-12)


def test_template_takes_a_zero_vector_as_the_first_basis_state():
    circuit, matrix = pair("dct", 2)
    np.testing.assert_allclose(circuits.run_template(circuit, np.zeros((1, 4)))[0], matrix[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("count", [1, 6])
def test_counts_follow_the_squares_of_the_matrix_product(name, count):
    circuit, matrix = pair(name, 4)
    batch = vectors(count, 4, seed=count)
    shots = 20_000 * count
    counts = circuits.sample_batch(circuit, batch, shots=shots, seed=11)
    assert counts.shape == batch.shape
    assert counts.sum() == shots
    expected = np.abs(batch @ matrix.T).ravel() ** 2
    expected *= shots / expected.sum()
    common = expected >= 10  # Pearson's approximation needs some counts in every cell; the rest is one cell
    observed = counts.ravel()
    cells = (
        np.append(observed[common], observed[~common].sum()),
        np.append(expected[common], expected[~common].sum()),
    )
    used = cells[1] > 0
    # A right sampler fails for one seed in 10 000; the seed is fixed.
    assert stats.chisquare(cells[0][used], cells[1][used]).pvalue > 1e-4


def test_counts_of_a_seed_are_repeatable_and_of_two_seeds_are_not():
    circuit, _ = pair("dct", 3)
    first, again, other = (circuits.sample_batch(circuit, vectors(3, 3), shots=500, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_zero_vector_gets_no_shots():
    batch = np.array([[3.0, 4.0], [0.0, 0.0], [5.0, 0.0]])
    counts = circuits.sample_batch(QuantumCircuit(1), batch, shots=1000, seed=0)
    assert counts[1].sum() == 0
    assert counts[2, 1] == 0
    # Energies are 25 : 25; four standard errors of a fair coin over 1000 shots are 63.
    assert abs(counts[0].sum() - 500) <= 63


def test_amplitude_moduli_are_roots_of_frequencies():
    moduli = circuits.amplitude_moduli([[9, 16, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(moduli, [[0.6, 0.8, 0, 0], [0, 0, 0, 0]], rtol=1e-15)


def test_amplitude_moduli_have_the_standard_error_that_they_state():
    state = np.full((1, 8), 8**-0.5)
    shots, repeats = 4000, 60
    found = [
        circuits.amplitude_moduli(circuits.sample_batch(QuantumCircuit(3), state, shots=shots, seed=seed))
        for seed in range(repeats)
    ]
    # Var √f = (1 − p) / 4n exactly to first order; 480 deviations scatter by √(2/480) = 6.5 %, bound 4 of these.
    variance = np.mean((np.array(found) - 8**-0.5) ** 2)
    assert variance == pytest.approx((1 - 1 / 8) / (4 * shots), rel=0.26)


@pytest.mark.parametrize("call", [circuits.transform_batch, circuits.run_template])
@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.ones(4), r"vectors must have shape \(n, "),
        (np.ones((2, 8)), r"vectors must have shape \(n, 4\), but has shape \(2, 8\)"),
        (np.ones((0, 4)), r"vectors must have shape \(n, .*but has shape \(0, 4\)"),
        ([[1.0, np.nan, 0, 0]], "vectors must be finite"),
    ],
)
def test_batches_of_the_wrong_form_are_named(call, batch, message):
    with pytest.raises(ValueError, match=message):
        call(QuantumCircuit(2), batch)


def test_an_empty_picture_has_no_state():
    with pytest.raises(ValueError, match=r"vectors must not all be zero, but vectors=0\.0"):
        circuits.transform_batch(QuantumCircuit(1), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="vectors must be real for the template"):
        circuits.run_template(QuantumCircuit(1), np.ones((2, 2)) * 1j)
    with pytest.raises(ValueError, match="shots must be an integer of at least 1, but shots=0"):
        circuits.sample_batch(QuantumCircuit(1), np.ones((2, 2)), shots=0, seed=0)
