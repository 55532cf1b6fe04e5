"""Circuits of matrices: deviation from the matrix, also near the special cases of Qiskit's synthesis."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, random_unitary
from scipy.linalg import expm

from circuits.compilation import count_gates
from circuits.synthesis import LARGEST_DEVIATION, _by_reflections, images, matrix_circuit

X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])

# A few hundred gates of 1e-16 each; the documented bound is 1e-9.
EXACT = 1e-11


def local(seed: int) -> np.ndarray:
    return np.kron(random_unitary(2, seed=seed).data, random_unitary(2, seed=seed + 1).data)


@pytest.mark.parametrize("small", [1e-4, 1e-5, 1e-6, 1e-8])
@pytest.mark.parametrize(
    "angles", [(0, 0, 1), (0.3, 1, 0), (0.3, 0, 1), (np.pi / 4, np.pi / 4, 1), (0.3, 0.3, 0.3), (1, 1, 1)]
)
def test_two_qubit_gates_near_special_classes_are_not_rounded(angles, small):
    a, b, c = (small if angle == 1 else angle + (small if angle == 0.3 else 0) for angle in angles)
    core = expm(1j * (a * np.kron(X, X) + b * np.kron(Y, Y) + c * np.kron(Z, Z)))
    unitary = local(1) @ core @ local(3)
    circuit = matrix_circuit(unitary)
    np.testing.assert_allclose(Operator(circuit).data, unitary, rtol=0, atol=EXACT)
    assert circuit.count_ops().get("cx", 0) <= 3


@pytest.mark.parametrize("small", [0.0, 1e-6, 1e-3, 1.0])
def test_real_rotations_take_two_cx(small):
    rng = np.random.default_rng(0)
    step = rng.normal(size=(4, 4))
    unitary = expm(small * (step - step.T))
    circuit = matrix_circuit(unitary)
    np.testing.assert_allclose(Operator(circuit).data, unitary, rtol=0, atol=EXACT)
    assert circuit.count_ops().get("cx", 0) <= 2


@pytest.mark.parametrize("columns", [2, 4, 5, 8])
@pytest.mark.parametrize("tiny", [1e-4, 1e-9, 1e-30, 0.0])
def test_isometries_whose_columns_have_tiny_entries(columns, tiny):
    rng = np.random.default_rng(columns)
    entries = rng.normal(size=(32, columns)) * np.where(rng.random((32, columns)) < 0.5, tiny, 1.0)
    isometry = np.linalg.qr(entries)[0][:, : 2 ** (columns.bit_length() - 1)]
    circuit = matrix_circuit(isometry)
    made = Operator(circuit).data[:, : isometry.shape[1]]
    np.testing.assert_allclose(made, isometry, rtol=0, atol=EXACT)


def test_singular_vectors_of_a_gaussian_take_the_cx_of_an_isometry():
    grid = np.linspace(-8, 8, 1024)
    isometry = np.linalg.svd(np.exp(-(grid**2) / 2).reshape(32, 32))[0][:, :4]
    circuit = matrix_circuit(isometry)
    np.testing.assert_allclose(images(circuit, 4), isometry, rtol=0, atol=EXACT)
    generic = np.linalg.qr(np.random.default_rng(0).normal(size=(32, 4)))[0]
    assert count_gates(circuit).cx <= count_gates(matrix_circuit(generic)).cx


def test_images_are_columns_of_the_operator():
    circuit = QuantumCircuit(3, global_phase=0.3)
    circuit.ry(0.4, 0)
    circuit.cx(0, 2)
    circuit.rz(-1.2, 2)
    circuit.sx(1)
    circuit.x(0)
    circuit.cx(1, 0)
    np.testing.assert_allclose(images(circuit, 8), Operator(circuit).data, atol=1e-14)
    circuit.h(0)
    with pytest.raises(ValueError, match="circuit must consist of cx, rz, sx, x, ry, but holds h"):
        images(circuit)


def test_a_matrix_that_no_circuit_reaches_is_refused_with_its_deviation():
    unitary = np.eye(4) * (1 + 1e-6)
    with pytest.raises(RuntimeError, match=rf"a 4×4 matrix deviates by 2e-06, more than {LARGEST_DEVIATION:.0e}"):
        matrix_circuit(unitary)


@pytest.mark.parametrize("tiny", [4e-8, 1e-7, 1e-6])
def test_an_isometry_that_nearly_fixes_a_qubit(tiny):
    # Every two-qubit gate within its circuit is near a special class, whatever the local rotations around it.
    rng = np.random.default_rng(0)
    step = tiny * rng.normal(size=(8, 2))
    base = np.vstack([np.linalg.qr(rng.normal(size=(4, 2)))[0], np.zeros((4, 2))])
    isometry = np.linalg.qr(base + step)[0]
    made = images(matrix_circuit(isometry), 2)
    np.testing.assert_allclose(made, isometry, rtol=0, atol=EXACT)


@pytest.mark.parametrize("shape", [(2, 2), (4, 1), (4, 4), (8, 2), (8, 8), (16, 3)])
@pytest.mark.parametrize("imaginary", [0.0, 1.0])
def test_reflections_give_every_isometry_up_to_a_phase(shape, imaginary):
    rng = np.random.default_rng(shape)
    isometry = np.linalg.qr(rng.normal(size=shape) + 1j * imaginary * rng.normal(size=shape))[0]
    for columns in (isometry, np.eye(shape[0])[:, : shape[1]], -np.eye(shape[0])[:, ::-1][:, : shape[1]]):
        made = images(_by_reflections(columns), shape[1])
        np.testing.assert_allclose(np.abs(np.vdot(made, columns)), shape[1], rtol=EXACT)
