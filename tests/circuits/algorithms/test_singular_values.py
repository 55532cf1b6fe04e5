"""The transformation circuit is the polynomial of the matrix, for batches, and shots give its moduli."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Operator
from scipy.special import erf

import circuits
from circuits.algorithms.singular_values import LARGEST_REGISTER

FUNCTIONS = {
    "wiener": (circuits.wiener_filter(noise=0.1), lambda v: v / (v + 0.1)),
    "projection": (
        circuits.low_rank_projection(threshold=0.3, width=0.2),
        lambda v: 0.5 * (1 + erf((v - 0.3) / 0.2)),
    ),
    "inverse": (circuits.matrix_inverse(smallest=0.1), lambda v: 0.1 / v),
    "root": (circuits.matrix_square_root(smallest=0.1), np.sqrt),
    "exponential": (circuits.operator_function(lambda v: np.exp(-v), parity="even"), lambda v: np.exp(-v)),
}


def rho_of(seed: int, size: int, lowest: float = 0.12) -> np.ndarray:
    """A density matrix with eigenvalues of at least `lowest`."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(size, size)))[0]
    values = lowest + rng.dirichlet(np.ones(size)) * (1 - lowest * size)
    return (basis * values) @ basis.T


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", ["purification", "dilation", "root"])
def test_functions_of_a_density_matrix(name, kind) -> None:
    rho = rho_of(4, 4)
    method = "purification" if kind == "purification" else "dilation"
    encoding = circuits.block_encoding(rho, method=method, root=kind == "root")
    function, exact = FUNCTIONS[name]
    data = np.random.default_rng(5).normal(size=(3, 4))
    result = circuits.apply_function(encoding, data, function, error=3e-3 if kind == "root" else 3e-2)
    values, basis = np.linalg.eigh(rho)
    expected = data @ ((basis * exact(values)) @ basis.T)
    assert np.allclose(function.matrix(rho), (basis * exact(values)) @ basis.T)
    bound = result.polynomial.error * np.linalg.norm(data, axis=1).max() + 1e-9
    assert np.abs(result.vectors - expected).max() <= bound
    # The circuit is the polynomial itself to rounding.
    gains = result.polynomial(values**encoding.power / encoding.subnormalisation) / result.polynomial.factor
    assert np.allclose(result.vectors, data @ ((basis * gains) @ basis.T), atol=1e-10)
    shares = np.sum(np.abs(result.vectors * result.polynomial.factor) ** 2, axis=1)
    assert np.allclose(result.success_probabilities, shares / np.sum(data**2, axis=1))
    assert result.success_probability == pytest.approx(shares.sum() / np.sum(data**2))
    assert result.steps == result.polynomial.degree


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.booleans())
def test_polynomials_of_any_contraction(seed, degree, in_gates) -> None:
    """An odd polynomial keeps the left singular vectors, an even one has the right ones on both sides."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
    matrix /= np.linalg.norm(matrix, 2)
    encoding = circuits.block_encoding(matrix, method="dilation")
    coefficients = rng.normal(size=degree + 1)
    coefficients[1 - degree % 2 :: 2] = 0
    polynomial = circuits.Polynomial(
        coefficients=coefficients / np.abs(coefficients).sum() * 0.9, factor=1.0, error=0.0
    )
    circuit = circuits.transformation_circuit(
        encoding.in_gates() if in_gates else encoding, circuits.phase_angles(polynomial)
    )
    block = Operator(circuit).data[:2, :2]
    left, values, right = np.linalg.svd(matrix)
    outer = left if degree % 2 else right.conj().T
    assert np.allclose(block, (outer * polynomial(values)) @ right, atol=1e-9)
    data = rng.normal(size=(3, 2))
    result = circuits.apply_function(encoding, data, polynomial)
    assert np.allclose(result.vectors, data @ ((outer * polynomial(values)) @ right).T, atol=1e-10)


def test_many_ancillas() -> None:
    """The projector on |0…0⟩ of the eight ancillas of a 16-dimensional purification."""
    rho = rho_of(7, 16, lowest=0.02)
    encoding = circuits.block_encoding(rho)
    data = np.random.default_rng(1).normal(size=16)
    result = circuits.apply_function(encoding, data, circuits.wiener_filter(noise=0.05), degree=3)
    values, basis = np.linalg.eigh(rho)
    gains = result.polynomial(values) / result.polynomial.factor
    assert np.allclose(result.vectors[0], (basis * gains) @ basis.T @ data, atol=1e-9)


def test_batches_are_single_vectors_and_padding_is_left_out() -> None:
    rho = rho_of(1, 3)
    root = circuits.block_encoding(rho, method="dilation", root=True)
    data = np.random.default_rng(2).normal(size=(5, 3)) * 100
    data[3] = 0
    function = circuits.wiener_filter(noise=0.2).at(np.linalg.eigvalsh(rho))
    batch = circuits.apply_function(root, data, function, degree=6)
    assert batch.vectors.shape == (5, 3)
    assert np.isnan(batch.success_probabilities[3])
    for one, expected in zip(data[[0, 4]], batch.vectors[[0, 4]], strict=True):
        single = circuits.apply_function(root, one, function, degree=6)
        assert np.allclose(single.vectors[0], expected, atol=1e-9)
    assert batch.n_qubits == 2 + 1 + 1 + 3
    values, basis = np.linalg.eigh(rho)
    assert np.allclose(batch.vectors, data @ ((basis * (values / (values + 0.2))) @ basis.T), atol=1e-2 * 300)


def test_no_step_is_precomputed() -> None:
    """The circuit holds one dense unitary for each step."""
    root = circuits.block_encoding(rho_of(1, 8, 0.05), method="dilation", root=True)
    result = circuits.apply_function(root, np.ones(8), circuits.wiener_filter(noise=0.1), degree=14)
    assert result.circuit.count_ops()["unitary"] == 14
    assert max(instruction.operation.num_qubits for instruction in result.circuit.data) == 4


def test_shots_give_moduli_with_intervals_that_cover() -> None:
    rho = rho_of(3, 4)
    root = circuits.block_encoding(rho, method="dilation", root=True)
    data = np.array([[1.0, -2.0, 3.0, 0.5], [0.0, 1.0, 1.0, -1.0]])
    function = circuits.wiener_filter(noise=0.1)
    exact = np.abs(circuits.apply_function(root, data, function, degree=12).vectors)
    inside, trials = 0, 0
    for seed in range(60):
        sampled = circuits.sample_function(root, data, function, degree=12, shots=300, seed=seed)
        inside += int(((sampled.low <= exact + 1e-12) & (exact <= sampled.high + 1e-12)).sum())
        trials += exact.size
    # Clopper–Pearson intervals cover at least with the level; 4 standard errors of correlated counts below it.
    assert inside / trials > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 60 / 2)
    many = circuits.sample_function(root, data, function, degree=12, shots=200_000, seed=1)
    assert np.allclose(many.moduli, exact, atol=0.05)
    again = circuits.sample_function(root, data, function, degree=12, shots=200_000, seed=1)
    assert np.array_equal(many.counts, again.counts)
    assert many.counts.sum() < many.shots == 200_000


def test_what_does_not_fit_is_refused_with_what_would_work() -> None:
    root = circuits.block_encoding(np.diag([0.7, 0.3]), method="dilation", root=True)
    wiener = circuits.wiener_filter(noise=0.1)
    with pytest.raises(ValueError, match=r"vectors must have shape \(n, d\) with d at most 2"):
        circuits.apply_function(root, np.ones((2, 3)), wiener, degree=4)
    most = 2 ** (LARGEST_REGISTER - 3)
    with pytest.raises(ValueError, match=f"number of vectors must be at most {most} for an encoding of 2 qubits"):
        circuits.apply_function(root, np.ones((most + 1, 1)), wiener, degree=4)
    with pytest.raises(ValueError, match="vectors must not all be zero"):
        circuits.apply_function(root, np.zeros((2, 2)), wiener, degree=4)
    with pytest.raises(ValueError, match="degree must be even, but degree=5"):
        circuits.apply_function(root, np.ones(2), wiener, degree=5)
    with pytest.raises(ValueError, match="one at a time"):
        circuits.apply_function(root, np.ones(2), wiener)
    polynomial = circuits.approximate(lambda s: s, parity="odd", degree=1)
    with pytest.raises(ValueError, match="are those of the polynomial"):
        circuits.apply_function(root, np.ones(2), polynomial, degree=4)
    with pytest.raises(ValueError, match="noise must be positive, but noise=0"):
        circuits.wiener_filter(noise=0)
    with pytest.raises(ValueError, match="shots"):
        circuits.sample_function(root, np.ones(2), wiener, degree=4, shots=0)
