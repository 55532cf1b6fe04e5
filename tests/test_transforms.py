"""Transforms as unitary matrices and as fast maps."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from qiskit.circuit.library import QFTGate
from qiskit.quantum_info import Operator

from qimg import transforms
from qimg.core import Array
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches
from qimg.states import partial_trace

SEEDS = st.integers(0, 2**32 - 1)
NAMED = [(name, dimension) for name in ("dct", "dft", "identity") for dimension in (1, 2, 3, 6, 8, 64)]
NAMED += [(name, dimension) for name in ("haar", "walsh") for dimension in (1, 2, 4, 8, 64)]
NAMED_2D = [("dct_2d", 9), ("dft_2d", 36), ("haar_2d", 16), ("walsh_2d", 64)]
FAST = [case for case in NAMED if case[0] != "identity"]


def haar_by_recursion(dimension: int) -> Array:
    """H_2n = (H_n ⊗ (1 1); 1 ⊗ (1 −1)) / √2."""
    if dimension == 1:
        return np.ones((1, 1))
    half = dimension // 2
    coarse = np.kron(haar_by_recursion(half), [1.0, 1.0])
    return np.vstack([coarse, np.kron(np.eye(half), [1.0, -1.0])]) / math.sqrt(2)


REFERENCES: list[tuple[str, int, Callable[[int], Array]]] = [
    ("dct", 7, lambda d: scipy.fft.dct(np.eye(d), norm="ortho", axis=0)),
    (
        "dct",
        8,
        lambda d: np.array(
            [
                [math.sqrt((2 - (k == 0)) / d) * math.cos(math.pi * k * (2 * j + 1) / (2 * d)) for j in range(d)]
                for k in range(d)
            ]
        ),
    ),
    ("dft", 6, lambda d: np.exp(2j * np.pi * np.outer(range(d), range(d)) / d) / math.sqrt(d)),
    ("dft", 8, lambda d: Operator(QFTGate(3)).data),
    ("dft", 64, lambda d: Operator(QFTGate(6)).data),
    ("walsh", 16, lambda d: scipy.linalg.hadamard(d) / math.sqrt(d)),
    ("haar", 16, haar_by_recursion),
    ("identity", 5, np.eye),
]


@pytest.mark.parametrize(("name", "dimension", "reference"), REFERENCES)
def test_matrices_are_those_of_the_references(name: str, dimension: int, reference: Callable[[int], Array]) -> None:
    assert_allclose(transforms.unitary(name, dimension), reference(dimension), atol=1e-13)


@pytest.mark.parametrize(("name", "dimension"), NAMED + NAMED_2D)
def test_matrices_are_unitary_and_the_basis_is_the_adjoint(name: str, dimension: int) -> None:
    unitary = transforms.unitary(name, dimension)
    assert unitary.shape == (dimension, dimension)
    assert_allclose(unitary @ unitary.conj().T, np.eye(dimension), atol=1e-13)
    assert_array_equal(transforms.basis(name, dimension), unitary.conj().T)


@pytest.mark.parametrize(("name", "dimension"), FAST)
@pytest.mark.parametrize("complex_", [False, True])
def test_fast_map_is_the_matrix_and_inverts(
    rng: np.random.Generator, name: str, dimension: int, complex_: bool
) -> None:
    batch = rng.normal(size=(2, 3, dimension)) + (1j * rng.normal(size=(2, 3, dimension)) if complex_ else 0)
    kept = batch.copy()
    unitary = transforms.unitary(name, dimension)
    coefficients = transforms.forward(name, batch)
    assert_allclose(coefficients, transforms.apply(unitary, batch), atol=1e-12)
    assert_allclose(coefficients, np.einsum("ij,abj->abi", unitary, batch), atol=1e-12)
    assert_allclose(transforms.forward(name, batch[1, 2]), coefficients[1, 2], atol=1e-13)
    assert_allclose(transforms.inverse(name, coefficients), batch, atol=1e-12)
    assert_allclose(np.linalg.norm(coefficients, axis=-1), np.linalg.norm(batch, axis=-1), rtol=1e-12)
    assert_array_equal(batch, kept)


@pytest.mark.parametrize(("name", "dimension"), [("dct", 8), ("haar", 8), ("walsh", 8)])
def test_whole_numbers_are_transformed_as_reals(name: str, dimension: int) -> None:
    pixels = np.arange(dimension, dtype=np.uint8)
    assert_allclose(transforms.forward(name, pixels), transforms.unitary(name, dimension) @ pixels, atol=1e-13)


@pytest.mark.parametrize("name", transforms.NAMES)
def test_two_dimensional_transform_acts_on_rows_and_columns(rng: np.random.Generator, name: str) -> None:
    patch = rng.normal(size=(8, 8))
    one = transforms.unitary(name, 8)
    coefficients = transforms.apply(transforms.unitary(f"{name}_2d", 64), patch.ravel())
    assert_allclose(coefficients.reshape(8, 8), one @ patch @ one.T, atol=1e-13)


def test_dct_of_patches_is_scipys(bundled_luma: Array) -> None:
    patches = extract_patches(bundled_luma)[:50] - 128.0
    ours = transforms.apply(transforms.unitary("dct_2d", 64), patches)
    theirs = scipy.fft.dctn(patches.reshape(-1, 8, 8), axes=(1, 2), norm="ortho")
    assert_allclose(ours, theirs.reshape(-1, 64), atol=1e-11)


def test_separable_acts_on_the_row_index_first(unitaries: Callable[[int, int], Array]) -> None:
    rows, columns = unitaries(0, 2), unitaries(1, 3)
    patch = np.arange(6.0).reshape(2, 3)
    whole = transforms.separable(rows, columns)
    assert_allclose(whole @ patch.ravel(), (rows @ patch @ columns.T).ravel(), atol=1e-13)


@given(seed=SEEDS, dimension=st.integers(1, 8))
def test_klt_diagonalises(density_matrices: Callable[..., Array], seed: int, dimension: int) -> None:
    rho = density_matrices(seed, dimension)
    diagonal = transforms.in_basis(transforms.klt(rho), rho)
    assert_allclose(diagonal, np.diag(np.linalg.eigvalsh(rho)[::-1]), atol=1e-13)
    assert_allclose(transforms.klt(3 * rho), transforms.klt(rho), atol=1e-9)


@given(seed=SEEDS, side=st.integers(2, 4))
def test_separable_klt_diagonalises_both_registers(
    density_matrices: Callable[..., Array], seed: int, side: int
) -> None:
    rho = density_matrices(seed, side**2)
    turned = transforms.in_basis(transforms.separable_klt(rho, side), rho)
    for axis in (0, 1):
        marginal = partial_trace(turned, (side, side), keep=axis)
        spectrum = np.linalg.eigvalsh(partial_trace(rho, (side, side), keep=axis))
        assert_allclose(marginal, np.diag(spectrum[::-1]), atol=1e-13)
    rows, columns = transforms.separable_klt_factors(rho, side)
    assert_allclose(np.kron(rows, columns), transforms.separable_klt(rho, side), atol=1e-14)


@pytest.mark.parametrize("name", ["dct_2d", "haar_2d", "identity"])
def test_no_transform_packs_more_energy_than_the_klt(bundled_luma: Array, name: str) -> None:
    rho = CorrelationOperator.from_planes(bundled_luma).density_matrix()
    best = np.cumsum(np.diag(transforms.in_basis(transforms.klt(rho), rho)))
    other = np.cumsum(np.sort(np.diag(transforms.in_basis(transforms.unitary(name, 64), rho)))[::-1])
    assert (best >= other - 1e-12).all()


@given(seed=SEEDS, dimension=st.integers(1, 5))
def test_operator_in_a_basis_is_the_operator_of_coefficients(
    unitaries: Callable[[int, int], Array], seed: int, dimension: int
) -> None:
    vectors = np.random.default_rng(seed).normal(size=(6, dimension))
    unitary = unitaries(seed, dimension)
    rho = CorrelationOperator.from_patches(vectors).density_matrix()
    expected = CorrelationOperator.from_patches(transforms.apply(unitary, vectors)).density_matrix()
    assert_allclose(transforms.in_basis(unitary, rho), expected, atol=1e-13)
    batch = np.stack([rho, rho.T, np.eye(dimension)])
    assert_allclose(transforms.in_basis(unitary, batch)[0], expected, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transforms.unitary("fourier", 8), "name must be one of dct, dct_2d, .* but name='fourier'"),
        (lambda: transforms.unitary("dct", 0), "dimension must be an integer of at least 1, but dimension=0"),
        (lambda: transforms.unitary("dct_2d", 8), "dimension must be a square for a 2-D transform, but dimension=8"),
        (lambda: transforms.unitary("haar", 6), "dimension must be a power of two for haar, but dimension=6"),
        (lambda: transforms.forward("walsh", np.ones(3)), "dimension must be a power of two for walsh"),
        (lambda: transforms.forward("dct_2d", np.ones(4)), "name must be one of dct, dft, haar, walsh, but name="),
        (lambda: transforms.inverse("dct", [np.inf]), "must be finite, but holds NaN or infinity"),
        (lambda: transforms.apply(np.eye(2), np.ones(3)), r"unitary_matrix must have shape \(3, 3\), but has shape"),
        (lambda: transforms.separable(np.ones((2, 2)), np.eye(2)), "rows must be unitary, but U U† deviates from 1 by"),
        (lambda: transforms.klt([[1.0, 2.0], [0.0, 1.0]]), "must be Hermitian"),
        (lambda: transforms.separable_klt(np.eye(4) / 4, 3), "dims must be positive and multiply to 4"),
        (lambda: transforms.in_basis(2 * np.eye(2), np.eye(2)), "unitary_matrix must be unitary"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_ac_block_is_the_second_moments_of_ac_coefficients(rng):
    patches = rng.normal(size=(40, 3 * 16))
    planes = np.split(patches, 3, axis=1)
    dct = transforms.unitary("dct_2d", 16)
    coefficients = np.hstack([(plane @ dct.T)[:, 1:] for plane in planes])
    block = transforms.ac_block(patches.T @ patches, planes=3)
    np.testing.assert_allclose(block, coefficients.T @ coefficients, atol=1e-10)
    np.testing.assert_array_equal(block, block.T)
    single = transforms.ac_block(np.stack([plane.T @ plane for plane in planes]))
    np.testing.assert_allclose(single[1], block[15:30, 15:30], atol=1e-10)
    with pytest.raises(ValueError, match="dimension must be a square"):
        transforms.ac_block(np.eye(6))
