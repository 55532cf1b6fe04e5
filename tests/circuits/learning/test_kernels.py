"""Fidelity kernels: the definition, the law of the shots, circuits on backends, scikit-learn's SVC, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from qiskit.quantum_info import Statevector, state_fidelity
from sklearn.svm import SVC

import circuits
from circuits.learning.kernels import MAX_CIRCUITS
from qimg.core import Array

SEEDS = st.integers(0, 2**32 - 1)


def vectors(count: int, d: int, seed: int, *, imaginary: bool = False) -> Array:
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(count, d))
    return real + 1j * rng.normal(size=(count, d)) if imaginary else real


@given(seed=SEEDS, n=st.integers(1, 5), m=st.integers(1, 4), qubits=st.integers(0, 4), imaginary=st.booleans())
def test_the_kernel_is_the_fidelity_of_qiskit(seed: int, n: int, m: int, qubits: int, imaginary: bool):
    a, b = vectors(n, 2**qubits, seed, imaginary=imaginary), vectors(m, 2**qubits, seed + 1, imaginary=imaginary)
    kernel = circuits.fidelity_kernel(3 * a, b)
    states = [[Statevector(one / np.linalg.norm(one)) for one in many] for many in (a, b)]
    expected = [[state_fidelity(x, y) for y in states[1]] for x in states[0]]
    # Inner products of at most 16 components.
    assert_allclose(kernel, expected, atol=1e-13)


@given(seed=SEEDS, n=st.integers(1, 12), d=st.integers(1, 9))
def test_the_kernel_of_one_set_is_positive_with_a_diagonal_of_one(seed: int, n: int, d: int):
    a = vectors(n, d, seed, imaginary=True)
    kernel = circuits.fidelity_kernel(a)
    assert_array_equal(np.diag(kernel), np.ones(n))
    assert_allclose(kernel, kernel.T, atol=1e-15)
    assert np.linalg.eigvalsh(kernel).min() > -1e-12
    assert_allclose(kernel, circuits.fidelity_kernel(a, a), atol=1e-14)


def test_a_zero_vector_is_the_state_zero():
    assert_allclose(circuits.fidelity_kernel([[0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]), [[1.0, 0.0]])


def test_outcome_zero_of_the_circuit_has_the_probability_of_the_fidelity():
    for d, imaginary in ((2, False), (8, False), (8, True), (5, True), (1, False)):
        a, b = vectors(2, d, d, imaginary=imaginary)
        amplitude = circuits.statevectors(circuits.overlap_circuit(a, b))[0][0]
        # Each preparation has an infidelity of at most 1e-12, whose root enters the overlap.
        assert abs(amplitude) ** 2 == pytest.approx(circuits.fidelity_kernel([a], [b])[0, 0], abs=4e-6)


def test_shots_scatter_as_the_binomial_law():
    a, b = vectors(30, 4, 0), vectors(40, 4, 1)
    exact, shots = circuits.fidelity_kernel(a, b), 500
    drawn = circuits.fidelity_kernel(a, b, shots=shots, seed=2)
    assert np.abs(drawn * shots - np.round(drawn * shots)).max() < 1e-9
    scores = (drawn - exact) / np.sqrt(np.maximum(exact * (1 - exact), 1e-6) / shots)
    # Mean and variance of 1200 standard scores: five standard errors, 1/√1200 and √(2/1200).
    assert abs(scores.mean()) < 5 / np.sqrt(scores.size)
    assert abs((scores**2).mean() - 1) < 5 * np.sqrt(2 / scores.size)


def test_a_gram_matrix_from_shots_is_symmetric_with_a_diagonal_of_one():
    drawn = circuits.fidelity_kernel(vectors(9, 4, 3), shots=50, seed=1)
    assert_array_equal(drawn, drawn.T)
    assert_array_equal(np.diag(drawn), np.ones(9))


def test_circuits_on_a_backend_agree_within_the_standard_error():
    a, b = vectors(3, 4, 5), vectors(2, 4, 6)
    exact, shots = circuits.fidelity_kernel(a, b), 4000
    measured = circuits.fidelity_kernel(a, b, shots=shots, backend="statevector", seed=0)
    # Five standard errors of each of six shares; the seed is fixed.
    assert (np.abs(measured - exact) <= 5 * np.sqrt(exact * (1 - exact) / shots) + 1e-5).all()
    alone = circuits.fidelity_kernel(a, shots=shots, backend="statevector", seed=0)
    assert_array_equal(alone, alone.T)
    assert circuits.fidelity_kernel(a[:1], shots=5, backend="statevector").tolist() == [[1.0]]


def test_noise_lowers_the_fidelity_of_a_state_with_itself():
    state = [[0.5, 0.5, 0.5, -0.5]]
    noisy = circuits.fidelity_kernel(state, state, shots=4000, backend="generic", seed=0)
    assert 0.5 < noisy[0, 0] < 0.9999


def test_a_support_vector_machine_takes_the_kernel():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60)
    states = np.array([[1.0, 0.0, 0.2, 0.0], [0.2, 1.0, 0.0, 0.0]])[labels] + 0.1 * rng.normal(size=(60, 4))
    machine = SVC(kernel="precomputed").fit(circuits.fidelity_kernel(states[:40]), labels[:40])
    assert machine.score(circuits.fidelity_kernel(states[40:], states[:40]), labels[40:]) == 1.0


def test_wrong_arguments_are_named():
    a = vectors(2, 4, 0)
    with pytest.raises(ValueError, match=r"states_b must have shape \(m, 4\), vectors as long as states_a, but has"):
        circuits.fidelity_kernel(a, vectors(2, 3, 0))
    with pytest.raises(ValueError, match=r"backend has no effect without shots and must be left out"):
        circuits.fidelity_kernel(a, backend="statevector")
    with pytest.raises(ValueError, match=r"shots must be an integer of at least 1, but shots=0"):
        circuits.fidelity_kernel(a, shots=0)
    with pytest.raises(ValueError, match=rf"must make at most {MAX_CIRCUITS} pairs on a backend, such as 100 and 100"):
        circuits.fidelity_kernel(np.ones((101, 2)), np.ones((100, 2)), shots=1, backend="statevector")
    with pytest.raises(ValueError, match=r"states_a must have shape \(n, d\) with n >= 1"):
        circuits.fidelity_kernel(np.ones(4))
