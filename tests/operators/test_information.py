"""Entropies, coherence, and correlations between registers."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from qiskit import quantum_info

from qimg import operators, transforms
from qimg.core import Array
from qimg.operators import (
    l1_coherence,
    log_negativity,
    mutual_information,
    purity,
    relative_entropy_of_coherence,
    von_neumann_entropy,
)
from qimg.states import partial_trace

SEEDS = st.integers(0, 2**32 - 1)
DIMS = st.tuples(st.integers(1, 4), st.integers(1, 4))
MatrixSource = Callable[..., Array]


@given(seed=SEEDS, dimension=st.integers(1, 8), data=st.data())
def test_entropy_and_purity_are_qiskits(
    density_matrices: MatrixSource, seed: int, dimension: int, data: st.DataObject
) -> None:
    rho = density_matrices(seed, dimension, rank=data.draw(st.integers(1, dimension)))
    state = quantum_info.DensityMatrix(rho)
    # Eigenvalues that should be zero are of order 1e-16 and add 1e-16 · 53 bit each.
    assert_allclose(von_neumann_entropy(rho), quantum_info.entropy(state, base=2), atol=1e-12)
    assert_allclose(purity(rho), quantum_info.purity(state).real, atol=1e-14)


@given(seed=SEEDS, dims=DIMS)
def test_entropy_laws(
    density_matrices: MatrixSource, unitaries: Callable[[int, int], Array], seed: int, dims: tuple[int, int]
) -> None:
    first, second = density_matrices(seed, dims[0]), density_matrices(seed + 1, dims[1])
    entropies = von_neumann_entropy(first), von_neumann_entropy(second)
    assert_allclose(von_neumann_entropy(np.kron(first, second)), sum(entropies), atol=1e-12)
    assert 0 <= entropies[0] <= np.log2(dims[0]) + 1e-14
    unitary = unitaries(seed, dims[0])
    assert_allclose(von_neumann_entropy(unitary @ first @ unitary.conj().T), entropies[0], atol=1e-12)
    spectrum = operators.spectrum(first)
    assert (np.diff(spectrum) <= 0).all()
    assert_allclose([spectrum.sum(), (spectrum**2).sum()], [1, purity(first)], rtol=1e-12)


@given(seed=SEEDS, dimension=st.integers(2, 6))
def test_pure_states_have_no_entropy(density_matrices: MatrixSource, seed: int, dimension: int) -> None:
    rho = density_matrices(seed, dimension, rank=1)
    assert_allclose(von_neumann_entropy(rho), 0, atol=1e-12)
    assert_allclose(purity(rho), 1, rtol=1e-12)


@given(seed=SEEDS, dims=DIMS)
def test_mutual_information_and_negativity_are_qiskits(
    density_matrices: MatrixSource, seed: int, dims: tuple[int, int]
) -> None:
    rho = density_matrices(seed, dims[0] * dims[1], rank=2 if dims[0] * dims[1] > 1 else 1)
    state = quantum_info.DensityMatrix(rho, dims=(dims[1], dims[0]))
    assert_allclose(mutual_information(rho, dims), quantum_info.mutual_information(state, base=2), atol=1e-12)
    negativity = quantum_info.negativity(state, [0])
    assert_allclose(log_negativity(rho, dims), np.log2(2 * negativity + 1), atol=1e-12)


@given(seed=SEEDS, dims=DIMS, weight=st.floats(0, 1))
def test_separable_states_have_no_negativity(
    density_matrices: MatrixSource, seed: int, dims: tuple[int, int], weight: float
) -> None:
    products = [np.kron(density_matrices(seed + k, dims[0]), density_matrices(seed + 2 * k, dims[1])) for k in (1, 2)]
    mixture = weight * products[0] + (1 - weight) * products[1]
    assert_allclose(log_negativity(mixture, dims), 0, atol=1e-12)
    assert_allclose(mutual_information(products[0], dims), 0, atol=1e-12)
    assert mutual_information(mixture, dims) >= -1e-12


@given(seed=SEEDS, dims=DIMS)
def test_registers_of_a_pure_state(density_matrices: MatrixSource, seed: int, dims: tuple[int, int]) -> None:
    """I(A:B) = 2 S(A) and E_N = 2 log₂ tr √ρ_A."""
    psi = density_matrices(seed, dims[0] * dims[1], rank=1)
    marginal = partial_trace(psi, dims, keep=0)
    assert_allclose(mutual_information(psi, dims), 2 * von_neumann_entropy(marginal), atol=1e-11)
    # The square root turns eigenvalues of 1e-16 that should be zero into 1e-8.
    roots = np.sqrt(operators.spectrum(marginal)).sum()
    assert_allclose(log_negativity(psi, dims), 2 * np.log2(roots), atol=2e-7)


@pytest.mark.parametrize("measure", [mutual_information, log_negativity])
@pytest.mark.parametrize(("between", "others"), [((0, 1), 2), ((0, 2), 1), ((1, 2), 0), ((2, 0), 1)])
def test_other_registers_are_traced_out(
    density_matrices: MatrixSource, measure: Callable[..., Array], between: tuple[int, int], others: int
) -> None:
    rho, dims = density_matrices(1, 12, rank=1), (2, 3, 2)
    kept = [k for k in range(3) if k != others]
    pair = partial_trace(rho, dims, keep=kept)
    expected = measure(pair, [dims[k] for k in kept])
    assert expected > 0.01
    assert_allclose(measure(rho, dims, between=between), expected, atol=1e-14)


@pytest.mark.parametrize(
    "measure",
    [
        purity,
        von_neumann_entropy,
        lambda rho: mutual_information(rho, (2, 3)),
        lambda rho: log_negativity(rho, (2, 3)),
        lambda rho: l1_coherence(rho, basis="pixel"),
        lambda rho: l1_coherence(rho, basis=transforms.basis("dft", 6)),
        lambda rho: relative_entropy_of_coherence(rho, basis=transforms.basis("dct", 6)),
        lambda rho: operators.spectrum(rho).T,
    ],
)
def test_batches_are_measured_one_by_one(density_matrices: MatrixSource, measure: Callable[[Array], Array]) -> None:
    batch = density_matrices(3, 6, batch=(4,))
    kept = batch.copy()
    looped = np.stack([measure(rho) for rho in batch], axis=-1)
    assert looped.shape[-1] == 4
    assert_allclose(measure(batch), looped, atol=1e-14)
    assert (batch == kept).all()


@given(seed=SEEDS, dimension=st.integers(1, 6))
def test_coherence_by_definition(
    density_matrices: MatrixSource, unitaries: Callable[[int, int], Array], seed: int, dimension: int
) -> None:
    rho, basis = density_matrices(seed, dimension), unitaries(seed, dimension)
    entries = [[basis[:, i].conj() @ rho @ basis[:, j] for j in range(dimension)] for i in range(dimension)]
    expected = sum(abs(entries[i][j]) for i in range(dimension) for j in range(dimension) if i != j)
    assert_allclose(l1_coherence(rho, basis=basis), expected, atol=1e-13)
    dephased = sum(entries[k][k] * np.outer(basis[:, k], basis[:, k].conj()) for k in range(dimension))
    added = von_neumann_entropy(dephased) - von_neumann_entropy(rho)
    assert_allclose(relative_entropy_of_coherence(rho, basis=basis), added, atol=1e-12)
    assert relative_entropy_of_coherence(rho, basis=basis) >= -1e-12
    assert_allclose(l1_coherence(rho, basis="pixel"), l1_coherence(rho, basis=np.eye(dimension)), atol=1e-14)


@given(seed=SEEDS, dimension=st.integers(1, 6))
def test_no_coherence_in_the_eigenbasis(density_matrices: MatrixSource, seed: int, dimension: int) -> None:
    rho = density_matrices(seed, dimension)
    basis = operators.eigenbasis(rho)
    assert_allclose(l1_coherence(rho, basis=basis), 0, atol=1e-13)
    assert_allclose(relative_entropy_of_coherence(rho, basis=basis), 0, atol=1e-12)


def test_basis_vectors_are_columns() -> None:
    basis = transforms.basis("dct", 4)
    rho = np.outer(basis[:, 1], basis[:, 1])
    assert_allclose(l1_coherence(rho, basis=basis), 0, atol=1e-14)
    assert_allclose(l1_coherence(rho, basis="pixel"), np.abs(basis[:, 1]).sum() ** 2 - 1, rtol=1e-13)
    # The DCT is not symmetric: read by rows, the same matrix is another basis.
    assert l1_coherence(rho, basis=basis.T) > 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: purity([[0.5, 0.5], [0.0, 0.5]]), "rho must be Hermitian, but deviates by 1 of its scale"),
        (lambda: purity(np.ones((2, 3))), r"rho must have shape \(\.\.\., d, d\), but has shape \(2, 3\)"),
        (lambda: purity([[np.nan]]), "rho must be finite, but holds NaN or infinity"),
        (lambda: von_neumann_entropy(np.eye(2)), "rho must have trace 1, but its trace is 2"),
        (
            lambda: von_neumann_entropy(np.stack([np.eye(2) / 2, np.eye(2)])),
            "rho must have trace 1, but its trace is 2",
        ),
        (lambda: von_neumann_entropy(np.diag([1.5, -0.5])), "rho must be positive semidefinite, .* eigenvalue -0.5"),
        (
            lambda: mutual_information(np.eye(4) / 4, (2, 3)),
            r"dims must be positive and multiply to 4, but dims=\(2, 3\)",
        ),
        (lambda: mutual_information(np.eye(4) / 4, (2, 2), between=(0, 2)), r"between must be in \[0, 1\]"),
        (lambda: log_negativity(np.eye(4) / 4, (2, 2), between=(1, 1)), "between must name two different registers"),
        (lambda: l1_coherence(np.eye(2) / 2, basis="dct"), "basis must be one of pixel, but basis='dct'"),
        (lambda: l1_coherence(np.eye(2) / 2, basis=np.ones((2, 2))), "basis must be unitary, but U U† deviates"),
        (
            lambda: l1_coherence(np.eye(2) / 2, basis=np.eye(3)),
            r"basis must have shape \(2, 2\), but has shape \(3, 3\)",
        ),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_an_operator_is_not_taken_for_its_density_matrix():
    operator = operators.CorrelationOperator.from_patches(np.eye(2))
    with pytest.raises(ValueError, match="rho must be numeric, but is a CorrelationOperator"):
        von_neumann_entropy(operator)
    assert von_neumann_entropy(operator.density_matrix()) == 1.0
