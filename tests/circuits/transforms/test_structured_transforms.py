"""Structured and low-cost transforms: matrices at every optimisation level, bounds, and what growth brings."""

import numpy as np
import pytest
from qiskit.quantum_info import Operator, random_density_matrix

import circuits
from qimg import images, transforms
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches

# Some hundred gates, each right to 1e-16 or so.
ENTRY = 1e-12


def photograph() -> np.ndarray:
    """Second moments of the 4×4 patches of a photograph, level-shifted: 4 qubits."""
    luma = images.box_mean(images.bundled("coffee"), 4)
    patches = extract_patches(images.to_uint8(images.luma(luma)), size=4) - 128.0
    return CorrelationOperator.from_patches(patches).density_matrix()


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize(
    ("make", "name"),
    [(circuits.fourier_circuit, "dft"), (circuits.cosine_circuit, "dct"), (circuits.haar_circuit, "haar")],
)
def test_structured_circuits_are_their_matrices(make, name, n):
    np.testing.assert_allclose(Operator(make(n)).data, transforms.unitary(name, 2**n), rtol=0, atol=ENTRY)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("make", "name"),
    [(circuits.fourier_circuit, "dft"), (circuits.cosine_circuit, "dct"), (circuits.haar_circuit, "haar")],
)
def test_they_are_right_at_every_level(make, name, level):
    compiled = circuits.compile_circuit(make(5), optimization_level=level)
    # Compiled gates are resynthesised to 1e-10 or so.
    np.testing.assert_allclose(Operator.from_circuit(compiled).data, transforms.unitary(name, 32), rtol=0, atol=1e-9)


def test_structure_needs_fewer_cx_than_the_matrix():
    for name, n in (("dct", 5), ("haar", 4)):
        count = circuits.count_gates(circuits.transform_circuit(name, n)).cx
        # What the quantum Shannon decomposition takes: (23/48) 4ⁿ − (3/2) 2ⁿ + 4/3.
        assert count < (23 * 4**n / 48 - 3 * 2**n / 2 + 4 / 3)


def test_cx_grow_like_the_square_not_like_the_matrix():
    counts = [circuits.count_gates(circuits.cosine_circuit(n)).cx for n in (6, 8)]
    # A dense synthesis would take sixteen times as many.
    assert counts[1] < 4 * counts[0]


@pytest.mark.parametrize("n", [3, 5, 7])
def test_an_approximate_fourier_transform_keeps_its_bound(n):
    exact = transforms.unitary("dft", 2**n)
    errors, sizes = [], []
    for apart in range(n + 1):
        angle = 1.01 * np.pi / 2**apart
        circuit = circuits.fourier_circuit(n, smallest_angle=angle)
        error = float(np.linalg.norm(Operator(circuit).data - exact, 2))
        assert error <= circuits.fourier_error(n, smallest_angle=angle) + ENTRY
        errors.append(error)
        sizes.append(circuit.size())
    assert errors[0] > 1
    assert sizes == sorted(sizes)
    assert errors[-1] < ENTRY
    assert circuits.fourier_error(n, smallest_angle=0.0) == 0
    # The bound is of the right size: the error of leaving out the smallest phase alone is that phase.
    smallest = circuits.fourier_circuit(n, smallest_angle=1.01 * np.pi / 2 ** (n - 1))
    one = float(np.linalg.norm(Operator(smallest).data - exact, 2))
    assert one == pytest.approx(2 * np.sin(np.pi / 2**n))


def test_coding_gain_is_that_of_its_definition():
    assert circuits.coding_gain_db(np.eye(4)) == 0
    assert circuits.coding_gain_db(np.diag([4.0, 1.0])) == pytest.approx(10 * np.log10(2.5 / 2))
    rho = photograph()
    best = circuits.coding_gain_db(transforms.in_basis(transforms.klt(rho), rho))
    for seed in range(20):
        unitary = np.linalg.qr(np.random.default_rng(seed).normal(size=rho.shape))[0]
        assert circuits.coding_gain_db(transforms.in_basis(unitary, rho)) < best


def test_a_grown_transform_is_its_circuit_and_gains_with_every_cx():
    rho = photograph()
    path = circuits.grow_transforms(rho, max_cx=6)
    assert [one.cx for one in path] == list(range(7))
    gains = [one.coding_gain_db for one in path]
    grown = path[-1]
    assert circuits.count_gates(grown.circuit()).cx <= 6
    unitary = grown.unitary()
    np.testing.assert_allclose(Operator(grown.circuit()).data, unitary, rtol=0, atol=ENTRY)
    assert gains[-1] == pytest.approx(circuits.coding_gain_db(transforms.in_basis(unitary, rho)), abs=1e-6)
    assert gains == sorted(gains)
    assert gains[-1] <= circuits.coding_gain_db(transforms.in_basis(transforms.klt(rho), rho)) + 1e-9
    walsh = circuits.coding_gain_db(transforms.in_basis(transforms.unitary("walsh", 16), rho))
    # Hadamards cost no CX, so a transform of none is at least as good, and one of a few is better.
    assert gains[0] >= walsh - 1e-9
    assert gains[6] > gains[0] + 0.05
    assert [one.coding_gain_db for one in circuits.grow_transforms(rho, max_cx=3)] == gains[:4]


def test_the_gradient_of_growth_is_that_of_differences():
    from circuits.preparation.ansatz import gate_table
    from circuits.transforms.low_cost_klt import _gradient, _run

    rng, rho = np.random.default_rng(0), random_density_matrix(8, seed=1).data.real
    table, angles = gate_table(3, np.array([[0, 1], [2, 0]]), False), rng.normal(size=7)

    def cost(values: np.ndarray) -> float:
        unitary = np.eye(8)
        _run(table, values, unitary)
        return float(np.log(np.diagonal(unitary @ rho @ unitary.T)).sum())

    unitary = np.eye(8)
    _run(table, angles, unitary)
    mapped = unitary @ rho
    found = _gradient(table, angles, unitary, 2 * mapped / (mapped * unitary).sum(axis=1)[:, None])
    step = 1e-6 * np.eye(7)
    wanted = [(cost(angles + one) - cost(angles - one)) / 2e-6 for one in step]
    # Central differences of step 1e-6 are right to about 1e-9.
    np.testing.assert_allclose(found, wanted, atol=1e-7)


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_leading_vectors_come_first(kept):
    rho = random_density_matrix(8, seed=4).data
    unitary = Operator(circuits.leading_klt_circuit(rho, kept=kept)).data
    after = transforms.in_basis(unitary, rho)
    spectrum = np.linalg.eigvalsh(rho)[::-1]
    np.testing.assert_allclose(np.diagonal(after).real[:kept], spectrum[:kept], atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.fourier_circuit(0), "n_qubits must be an integer of at least 1"),
        (lambda: circuits.fourier_circuit(3, smallest_angle=-1.0), "smallest_angle must not be negative"),
        (lambda: circuits.fourier_error(3, smallest_angle=-1.0), "smallest_angle must not be negative"),
        (lambda: circuits.grow_transforms(np.eye(3), max_cx=1), "rho must act on whole qubits, but rho=3"),
        (lambda: circuits.grow_transforms(np.eye(4), max_cx=-1), "max_cx must be an integer of at least 0"),
        (lambda: circuits.grow_transforms(1j * np.eye(4), max_cx=1), "rho must be Hermitian"),
        (lambda: circuits.grow_transforms(np.zeros((4, 4)), max_cx=1), "rho must have energy"),
        (lambda: circuits.leading_klt_circuit(np.eye(8), kept=3), "kept must be a power of two, but kept=3"),
        (lambda: circuits.coding_gain_db(np.zeros((2, 2))), "moments must have energy"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
