"""Transform circuits against the matrices of `qimg.transforms`, at every optimisation level."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, random_density_matrix

import circuits
from circuits.compilation import BASIS_GATES
from circuits.transforms.unitaries import DENSE_QUBITS, NAMES
from qimg import transforms

ONE_D = [(name, n) for name in NAMES for n in range(1, 7)]
TWO_D = [(f"{name}_2d", n) for name in NAMES for n in (2, 4, 6)]

# Synthesis of a 64×64 matrix multiplies about 2000 gates, each right to 1e-16 or so.
ENTRY = 1e-10


def density(n_qubits: int, *, imaginary: bool = True) -> np.ndarray:
    rho = random_density_matrix(2**n_qubits, seed=n_qubits).data
    return rho if imaginary else rho.real


def arguments(name: str, n_qubits: int) -> dict[str, np.ndarray]:
    return {"rho": density(n_qubits)} if name.startswith("klt") else {}


@pytest.mark.parametrize(("name", "n_qubits"), ONE_D + TWO_D)
def test_circuit_equals_matrix(name, n_qubits):
    given = arguments(name, n_qubits)
    circuit = circuits.transform_circuit(name, n_qubits, **given)
    matrix = circuits.transform_unitary(name, n_qubits, **given)
    np.testing.assert_allclose(Operator(circuit).data, matrix, rtol=0, atol=ENTRY)


@pytest.mark.parametrize(
    ("name", "n_qubits"), [(name, 4) for name in NAMES] + [(f"{name}_2d", 6) for name in NAMES] + [("qft", 6)]
)
@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_compiled_circuit_equals_matrix_at_every_level(name, n_qubits, level):
    given = arguments(name, n_qubits)
    compiled = circuits.compile_circuit(circuits.transform_circuit(name, n_qubits, **given), optimization_level=level)
    assert set(compiled.count_ops()) <= set(BASIS_GATES)
    # from_circuit undoes the permutation that levels 2 and 3 may leave behind.
    found = Operator.from_circuit(compiled).data
    np.testing.assert_allclose(found, circuits.transform_unitary(name, n_qubits, **given), rtol=0, atol=ENTRY)


@pytest.mark.parametrize("name", ["qft", "qft_2d", "dct_2d", "walsh_2d"])
@pytest.mark.parametrize("level", [0, 1])
def test_low_levels_leave_the_qubits_where_they_are(name, level):
    compiled = circuits.compile_circuit(circuits.transform_circuit(name, 6), optimization_level=level)
    np.testing.assert_allclose(Operator(compiled).data, circuits.transform_unitary(name, 6), rtol=0, atol=ENTRY)


@pytest.mark.parametrize("n_qubits", range(1, 7))
def test_qft_has_the_sign_of_numpys_inverse_fft(n_qubits):
    size = 2**n_qubits
    impulses = np.fft.ifft(np.eye(size), norm="ortho", axis=0)
    np.testing.assert_allclose(Operator(circuits.transform_circuit("qft", n_qubits)).data, impulses, rtol=0, atol=ENTRY)


@pytest.mark.parametrize("name", ["dct", "haar", "walsh", "qft"])
def test_a_2d_circuit_transforms_rows_and_columns_of_a_patch(name):
    patch = np.arange(64.0).reshape(8, 8) ** 1.5  # not symmetric: rows and columns can be told apart
    axis = transforms.unitary(name.replace("qft", "dft"), 8)
    found = Operator(circuits.transform_circuit(f"{name}_2d", 6)).data @ patch.ravel()
    # Rounding grows with the largest pixel, 500.
    np.testing.assert_allclose(found.reshape(8, 8), axis @ patch @ axis.T, rtol=0, atol=500 * ENTRY)


def test_separable_klt_puts_the_row_basis_on_the_high_qubits():
    rows, columns = (random_density_matrix(8, seed=seed).data for seed in (1, 2))
    found = Operator(circuits.transform_circuit("klt_2d", 6, rho=np.kron(rows, columns))).data
    wanted = np.kron(transforms.klt(rows), transforms.klt(columns))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=ENTRY)


@pytest.mark.parametrize("imaginary", [False, True])
def test_klt_circuit_makes_its_density_matrix_diagonal(imaginary):
    rho = density(4, imaginary=imaginary)
    unitary = Operator(circuits.transform_circuit("klt", 4, rho=rho)).data
    spectrum = np.linalg.eigvalsh(rho)[::-1]
    np.testing.assert_allclose(unitary @ rho @ unitary.conj().T, np.diag(spectrum), rtol=0, atol=ENTRY)


@pytest.mark.parametrize("n_qubits", [2, 6])
def test_walsh_is_one_hadamard_per_qubit(n_qubits):
    count = circuits.count_gates(circuits.transform_circuit("walsh_2d", n_qubits))
    # A Hadamard is X and RY, or RZ, SX and RZ, in the basis gates: all qubits at once.
    assert count.cx == 0
    assert count.one_qubit == n_qubits * count.depth
    assert count.depth <= 3


# Design, section 6: 2-D DCT 36 CX at level 1 and 32 at level 2, QFT(6) 39 and 30 (elided swaps); the 2-D DCT is two
# 3-qubit unitaries of at most 19 or 20 CX each, so an upper bound outlives a better transpiler.
@pytest.mark.parametrize(
    ("name", "level", "most"), [("dct_2d", 1, 40), ("dct_2d", 2, 40), ("qft", 1, 39), ("qft", 2, 30)]
)
def test_gate_counts_stay_within_what_was_measured(name, level, most):
    count = circuits.count_gates(circuits.transform_circuit(name, 6), optimization_level=level)
    assert count.optimization_level == level
    assert 0 < count.cx <= most
    assert 0 < count.depth <= count.cx + count.one_qubit


def test_count_gates_counts_what_was_compiled():
    circuit = circuits.transform_circuit("dct_2d", 4)
    compiled = circuits.compile_circuit(circuit)
    count = circuits.count_gates(circuit)
    assert count.cx + count.one_qubit == compiled.size()
    assert count.depth == compiled.depth()
    assert count.cx == compiled.num_nonlocal_gates()


@pytest.mark.parametrize(
    ("name", "n_qubits", "given", "message"),
    [
        ("dst", 3, {}, "name must be one of .*qft_2d.*, but name='dst'"),
        ("qft", 0, {}, "n_qubits must be an integer of at least 1, but n_qubits=0"),
        ("dct_2d", 5, {}, "n_qubits must be even for a 2-D transform, but n_qubits=5"),
        ("klt", DENSE_QUBITS + 1, {"rho": np.eye(2) / 2}, "n_qubits must be at most 6 for klt, but n_qubits=7"),
        ("klt_2d", 14, {"rho": np.eye(2) / 2}, "n_qubits must be at most 12 for klt_2d, but n_qubits=14"),
        ("klt", 2, {}, "rho must be given for a KLT, but rho=None"),
        ("klt_2d", 2, {}, "rho must be given for a KLT, but rho=None"),
        ("klt", 2, {"rho": np.eye(8) / 8}, r"rho must have shape \(4, 4\), but has shape \(8, 8\)"),
        ("klt", 2, {"rho": np.eye(4)}, "rho must have trace 1, but its trace is 4"),
        ("klt", 1, {"rho": [[0.5, 0.1], [0.0, 0.5]]}, "rho must be Hermitian"),
        ("dct", 2, {"rho": np.eye(4) / 4}, "rho has no effect on dct and must be left out"),
        ("qft_2d", 2, {"rho": np.eye(4) / 4}, "rho has no effect on qft_2d and must be left out"),
        ("walsh", 2, {"rho": np.eye(4) / 4}, "rho has no effect on walsh and must be left out"),
    ],
)
def test_bad_arguments_are_named(name, n_qubits, given, message):
    with pytest.raises(ValueError, match=message):
        circuits.transform_circuit(name, n_qubits, **given)


def test_the_matrix_refuses_what_the_circuit_refuses():
    with pytest.raises(ValueError, match="name must be one of"):
        circuits.transform_unitary("dst", 3)
    with pytest.raises(ValueError, match="rho has no effect on qft"):
        circuits.transform_unitary("qft", 2, rho=np.eye(4) / 4)


@pytest.mark.parametrize("level", [-1, 4])
def test_compile_refuses_a_level_that_qiskit_does_not_have(level):
    with pytest.raises(ValueError, match=rf"optimization_level must be in \[0, 3\], but optimization_level={level}"):
        circuits.compile_circuit(circuits.transform_circuit("qft", 2), optimization_level=level)


def test_gates_are_counted_as_they_stand_without_a_level():
    circuit = QuantumCircuit(2)
    circuit.ry(0.1, 0)
    circuit.ry(0.2, 0)
    circuit.cx(0, 1)
    assert circuits.count_gates(circuit, optimization_level=None) == (1, 2, 3, 0)
    assert circuits.count_gates(circuit).one_qubit == 1
