"""Block encodings: the block of the circuit is the matrix, for every method, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuits
import qimg
from circuits.algorithms.block_encoding import LARGEST_DEVIATION
from circuits.synthesis import images
from qimg.operators import CorrelationOperator


def positive(seed: int, size: int, *, imaginary: bool = False, rank: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, rank or size)) + (1j * rng.normal(size=(size, rank or size)) if imaginary else 0)
    return root @ root.conj().T


def block(encoding: circuits.BlockEncoding) -> np.ndarray:
    size = len(encoding.matrix)
    return images(circuits.compile_circuit(encoding.circuit), size)[:size] * encoding.subnormalisation


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.booleans(), st.integers(1, 3))
def test_the_purification_encodes_a_positive_matrix(seed, size, imaginary, rank) -> None:
    matrix = positive(seed, size, imaginary=imaginary, rank=rank)
    encoding = circuits.block_encoding(matrix)
    assert encoding.subnormalisation == pytest.approx(np.trace(matrix).real)
    assert np.allclose(block(encoding)[:size, :size], matrix, atol=1e-10 * encoding.subnormalisation)
    assert not block(encoding)[size:].round(9).any()  # the padding
    assert circuits.compilation.is_compiled(encoding.circuit)
    assert encoding.deviation < LARGEST_DEVIATION
    assert encoding.n_qubits == 3 * encoding.system_qubits


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 4), st.booleans())
def test_the_state_of_a_picture_encodes_the_density_matrix_of_its_patches(seed, patches, size, imaginary) -> None:
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(patches, size)) + (1j * rng.normal(size=(patches, size)) if imaginary else 0)
    encoding = circuits.picture_block_encoding(qimg.picture_state(data))
    rho = CorrelationOperator.from_patches(data).density_matrix()
    assert encoding.subnormalisation == 1
    assert np.allclose(encoding.matrix[:size, :size], rho, atol=1e-12)
    assert np.allclose(block(encoding)[:size, :size], rho, atol=1e-10)


def test_sixteen_dimensions_gate_by_gate() -> None:
    photo = qimg.rgb_to_ycbcr(qimg.images.bundled("astronaut"))[..., 0]
    data = qimg.extract_patches(photo[200:216, 200:216], 4) - 128.0
    encoding = circuits.picture_block_encoding(qimg.picture_state(data))
    assert encoding.n_qubits == 12
    assert encoding.ancilla_qubits == 8
    assert encoding.deviation < 1e-10
    assert encoding.cost().cx == encoding.circuit.count_ops()["cx"] <= 2 * 254 + 3 * 4
    operator = CorrelationOperator.from_patches(data)
    assert np.allclose(encoding.matrix, operator.density_matrix(), atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.booleans(), st.floats(0.5, 3))
def test_the_dilation_encodes_any_contraction(seed, size, imaginary, scale) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(size, size)) + (1j * rng.normal(size=(size, size)) if imaginary else 0)
    matrix *= scale / np.linalg.norm(matrix, 2)
    encoding = circuits.block_encoding(matrix, method="dilation", scale=scale)
    assert encoding.ancilla_qubits == 1
    dense = encoding.circuit.data[0].matrix
    assert np.allclose(dense @ dense.conj().T, np.eye(len(dense)), atol=1e-12)
    assert np.allclose(dense[:size, :size] * scale, matrix, atol=1e-12)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_a_dilation_in_gates_has_the_same_block(size) -> None:
    encoding = circuits.block_encoding(positive(size, size), method="dilation", root=True)
    in_gates = encoding.in_gates()
    assert circuits.compilation.is_compiled(in_gates.circuit)
    assert np.allclose(block(in_gates), encoding.matrix, atol=1e-9)
    assert np.allclose(encoding.matrix @ encoding.matrix, positive(size, size), atol=1e-10)
    assert (in_gates.power, in_gates.subnormalisation) == (0.5, encoding.subnormalisation)
    assert in_gates.in_gates() is in_gates
    assert encoding.cost() == in_gates.cost()


def test_a_correlation_operator_is_encoded_with_its_scale() -> None:
    data = np.random.default_rng(3).normal(size=(50, 4))
    operator = CorrelationOperator.from_patches(data)
    encoding = circuits.block_encoding(operator)
    assert encoding.subnormalisation == pytest.approx(np.trace(operator.matrix))
    assert np.allclose(block(encoding), operator.matrix, atol=1e-8)
    root = circuits.block_encoding(operator, method="dilation", root=True)
    assert root.subnormalisation == pytest.approx(np.sqrt(np.linalg.eigvalsh(operator.matrix)[-1]))


def test_what_does_not_fit_is_refused_with_what_would_work() -> None:
    with pytest.raises(ValueError, match=r"at most scale=1: scale=2 would work, but matrix=2\.0"):
        circuits.block_encoding(np.diag([2.0, 1.0]), method="dilation")
    with pytest.raises(ValueError, match=r"positive semidefinite, but .* the eigenvalue -1"):
        circuits.block_encoding(np.diag([1.0, -1.0]))
    with pytest.raises(
        ValueError, match=r"at most 12 qubits, such as 16 dimensions with 16 vectors.*'18 qubits'|18 qubits"
    ):
        circuits.block_encoding(np.eye(64) / 64)
    with pytest.raises(ValueError, match="22 qubits"):
        circuits.picture_block_encoding(np.ones((1024, 64)) / 256)
    with pytest.raises(ValueError, match="at most 128 dimensions, but matrix=129"):
        circuits.block_encoding(np.eye(129), method="dilation")
    with pytest.raises(ValueError, match="scale has no effect on a purification"):
        circuits.block_encoding(np.eye(2) / 2, scale=2.0)
    with pytest.raises(ValueError, match="method='dilation'"):
        circuits.block_encoding(np.eye(2) / 2, root=True)
    with pytest.raises(ValueError, match="state must have norm 1"):
        circuits.picture_block_encoding(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"matrix must have shape \(d, d\)|\(d, d\)"):
        circuits.block_encoding(np.ones((2, 3)))
    with pytest.raises(ValueError, match="positive trace"):
        circuits.block_encoding(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="must not be zero"):
        circuits.block_encoding(np.zeros((2, 2)), method="dilation")
    with pytest.raises(ValueError, match="at most 5 qubits to be written in gates, but encoding=7"):
        circuits.block_encoding(np.eye(64) / 64, method="dilation").in_gates()
