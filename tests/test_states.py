"""State vectors, registers, and the picture as a purification."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal
from qiskit import quantum_info

from qimg import states
from qimg.core import Array
from qimg.operators import CorrelationOperator, von_neumann_entropy
from qimg.patches import extract_patches

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = npst.array_shapes(max_dims=3, max_side=5)
# Squares and sums of the extremes leave the range of float64; the bound on norms does not.
REALS = npst.arrays(np.float64, SHAPES, elements=st.floats(-1e300, 1e300))
COMPLEX = npst.arrays(np.complex128, SHAPES, elements=st.complex_numbers(max_magnitude=1e300))


def random_vectors(seed: int, *shape: int) -> Array:
    real, imaginary = np.random.default_rng(seed).normal(size=(2, *shape))
    return real + 1j * imaginary


@given(vectors=st.one_of(REALS, COMPLEX))
def test_encoding_has_unit_norm_and_decodes(vectors: Array) -> None:
    kept = vectors.copy()
    amplitudes, norms = states.amplitude_encode(vectors)
    assert_allclose(np.linalg.norm(amplitudes, axis=-1), 1.0, rtol=1e-14)
    assert (norms >= 0).all()
    # Relative to the largest component; 5e-324 is the spacing of subnormal numbers.
    scale = np.abs(kept).max(axis=-1, keepdims=True)
    error = np.abs(states.amplitude_decode(amplitudes, norms) - kept)
    assert (error <= 4e-15 * scale + 5e-323).all()
    assert_array_equal(vectors, kept)


def test_zero_vector_is_the_zero_ket_with_norm_zero() -> None:
    amplitudes, norms = states.amplitude_encode([[0.0, 0.0, 0.0], [0.0, 3.0, 4.0]])
    assert_allclose(amplitudes, [[1, 0, 0], [0, 0.6, 0.8]])
    assert_array_equal(norms, [0, 5])


@given(seed=SEEDS, dimension=st.integers(1, 20), extra=st.integers(0, 2))
def test_padding_to_a_register(seed: int, dimension: int, extra: int) -> None:
    n_qubits = states.qubits_for(dimension)
    assert 2**n_qubits >= dimension
    assert n_qubits == 0 or 2 ** (n_qubits - 1) < dimension
    vectors = random_vectors(seed, 3, dimension)
    amplitudes, norms = states.amplitude_encode(vectors, n_qubits=n_qubits + extra)
    assert amplitudes.shape == (3, 2 ** (n_qubits + extra))
    assert_array_equal(amplitudes[:, dimension:], 0)
    assert_allclose(states.amplitude_decode(amplitudes, norms, dimension=dimension), vectors, rtol=1e-13)


def test_192_components_take_eight_qubits() -> None:
    assert states.pad_to_register(np.ones(192)).sum() == 192
    assert states.pad_to_register(np.ones(192)).shape == (256,)


@given(seed=SEEDS)
def test_batches_are_encoded_one_by_one(seed: int) -> None:
    vectors = random_vectors(seed, 2, 3, 4)
    amplitudes, norms = states.amplitude_encode(vectors)
    for index in np.ndindex(2, 3):
        one = states.amplitude_encode(vectors[index])
        assert_array_equal(amplitudes[index], one.amplitudes)
        assert norms[index] == one.norms


def test_encoding_keeps_the_index_order_of_qiskit() -> None:
    """Pixel (r, c) is amplitude 8r + c: columns are qubits 0–2 and rows are qubits 3–5."""
    patch = np.zeros((8, 8))
    patch[3, 5] = 7.0
    state = quantum_info.Statevector(states.amplitude_encode(patch.ravel()).amplitudes)
    assert state.probabilities_dict() == {"011101": 1.0}
    assert_array_equal(state.probabilities([0, 1, 2]).argmax(), 5)
    assert_array_equal(state.probabilities([3, 4, 5]).argmax(), 3)


@given(seed=SEEDS, count=st.integers(1, 6), dimension=st.integers(1, 5))
def test_ensemble_is_the_weighted_sum_of_projectors(seed: int, count: int, dimension: int) -> None:
    vectors = random_vectors(seed, count, dimension)
    amplitudes, norms = states.amplitude_encode(vectors)
    rho = states.ensemble_density_matrix(amplitudes, norms**2)
    expected = sum(np.outer(x, x.conj()) for x in vectors) / (np.abs(vectors) ** 2).sum()
    assert_allclose(rho, expected, atol=1e-14)
    uniform = CorrelationOperator.from_patches(vectors, "uniform").density_matrix()
    assert_allclose(states.ensemble_density_matrix(amplitudes, np.ones(count)), uniform, atol=1e-14)


@given(seed=SEEDS, count=st.integers(1, 8), dimension=st.integers(1, 5))
def test_picture_purifies_its_correlation_operator(seed: int, count: int, dimension: int) -> None:
    patches = random_vectors(seed, count, dimension)
    state = states.picture_state(patches)
    rho = CorrelationOperator.from_patches(patches).density_matrix()
    assert_allclose(np.linalg.norm(state), 1.0, rtol=1e-14)
    assert_allclose(states.reduced_what(state), rho, atol=1e-14)
    # The same by tracing the first register out of the whole state.
    whole = np.outer(state.ravel(), state.ravel().conj())
    assert_allclose(states.partial_trace(whole, (count, dimension), keep=1), rho, atol=1e-14)


@given(seed=SEEDS, count=st.integers(1, 8), dimension=st.integers(1, 5))
def test_entanglement_entropy_is_the_entropy_of_what(seed: int, count: int, dimension: int) -> None:
    state = states.picture_state(random_vectors(seed, count, dimension))
    coefficients, left, right = states.schmidt_decomposition(state)
    assert_allclose(left * coefficients @ right, state, atol=1e-14)
    assert (np.diff(coefficients) <= 0).all()
    weights = coefficients**2
    entropy = -(weights * np.log2(weights, out=np.zeros_like(weights), where=weights > 0)).sum()
    assert_allclose(entropy, von_neumann_entropy(states.reduced_what(state)), atol=1e-12)


def test_photograph_purifies_its_operator(bundled_luma: Array) -> None:
    patches = extract_patches(bundled_luma) - 128.0
    rho = CorrelationOperator.from_planes(bundled_luma).density_matrix()
    # ρ has unit trace, so 1e-14 is absolute; sums of 2166 products round to a few times 1e-15.
    assert_allclose(states.reduced_what(states.picture_state(patches)), rho, atol=1e-14)


@given(seed=SEEDS, dims=st.lists(st.integers(1, 3), min_size=1, max_size=4), data=st.data())
def test_partial_trace_is_qiskits_with_registers_reversed(
    density_matrices: Callable[..., Array], seed: int, dims: list[int], data: st.DataObject
) -> None:
    keep = data.draw(st.sets(st.integers(0, len(dims) - 1), min_size=1))
    rho = density_matrices(seed, int(np.prod(dims)))
    traced = [len(dims) - 1 - k for k in range(len(dims)) if k not in keep]
    theirs = quantum_info.partial_trace(quantum_info.DensityMatrix(rho, dims=tuple(reversed(dims))), traced)
    assert_allclose(states.partial_trace(rho, dims, keep=sorted(keep)), theirs.data, atol=1e-14)


@given(seed=SEEDS)
def test_partial_trace_of_batches_and_products(density_matrices: Callable[..., Array], seed: int) -> None:
    first, second = density_matrices(seed, 2, batch=(4,)), density_matrices(seed + 1, 3, batch=(4,))
    product = np.einsum("nij,nkl->nikjl", first, second).reshape(4, 6, 6)
    kept = product.copy()
    assert_allclose(states.partial_trace(product, (2, 3), keep=0), first, atol=1e-14)
    assert_allclose(states.partial_trace(product, (2, 3), keep=[1]), second, atol=1e-14)
    assert_array_equal(states.partial_trace(product, (2, 3), keep=[0, 1]), product)
    for one, matrix in zip(states.partial_trace(product, (2, 3), keep=1), product, strict=True):
        assert_array_equal(one, states.partial_trace(matrix, (2, 3), keep=1))
    assert_array_equal(product, kept)


def test_rows_come_before_columns() -> None:
    rows, columns = np.diag([0.9, 0.1]), np.full((2, 2), 0.5)
    rho = np.kron(rows, columns)
    assert_allclose(states.partial_trace(rho, (2, 2), keep=0), rows)
    assert_allclose(states.partial_trace(rho, (2, 2), keep=1), columns)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: states.amplitude_encode([1.0, np.nan]), "vectors must be finite, but holds NaN or infinity"),
        (lambda: states.amplitude_encode(["a"]), "vectors must be numeric, but has dtype <U1"),
        (lambda: states.amplitude_encode(3.0), r"vectors must have shape \(\.\.\., d\), but has shape \(\)"),
        (lambda: states.amplitude_encode(np.ones(5), n_qubits=2), "n_qubits must be .* at least 3, but n_qubits=2"),
        (lambda: states.amplitude_decode(np.ones((2, 3)), np.ones(3)), r"norms must have shape \(2,\)"),
        (lambda: states.amplitude_decode(np.ones(3), 1.0, dimension=4), r"dimension must be in \[1, 3\]"),
        (lambda: states.qubits_for(0), "dimension must be an integer of at least 1, but dimension=0"),
        (lambda: states.ensemble_density_matrix(np.eye(2), [1, -1]), "weights must not be negative"),
        (lambda: states.ensemble_density_matrix(np.eye(2), [0, 0]), "weights must not sum to zero"),
        (lambda: states.ensemble_density_matrix(np.eye(2), [1, 1, 1]), r"weights must have shape \(2,\)"),
        (lambda: states.picture_state(np.zeros((2, 2))), "patches must not all be zero"),
        (lambda: states.reduced_what(np.ones(3)), r"state must have shape \(n, d\)"),
        (lambda: states.schmidt_decomposition(np.ones(3)), r"state must have shape \(a, b\)"),
        (lambda: states.partial_trace(np.ones((2, 3)), (2,), keep=0), r"rho must have shape \(\.\.\., d, d\)"),
        (lambda: states.partial_trace(np.eye(4), (2, 3), keep=0), "dims must be positive and multiply to 4"),
        (lambda: states.partial_trace(np.eye(4), (2, 2), keep=2), r"keep must be in \[0, 1\], but keep=2"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
