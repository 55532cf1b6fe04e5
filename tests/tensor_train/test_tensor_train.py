"""Tensor trains: the arithmetic on cores is that of the vectors they stand for, and truncation loses what it says."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg import states
from qimg import tensor_train as tt
from qimg.core import Array
from qimg.operators import von_neumann_entropy

SEEDS = st.integers(0, 2**32 - 1)
DIMS = st.lists(st.integers(1, 4), min_size=1, max_size=5).map(tuple)

# Vectors of at most 4⁵ components, made of products of five cores: a few hundred units in the last place.
ROUNDING = 1e-12


def random_train(seed: int, dims: Sequence[int], bond: int, *, complex_: bool = True) -> tt.TensorTrain:
    rng = np.random.default_rng(seed)
    bonds = [1, *[bond] * (len(dims) - 1), 1]
    cores = [rng.normal(size=(2, bonds[k], levels, bonds[k + 1])) for k, levels in enumerate(dims)]
    return tt.TensorTrain([core[0] + 1j * core[1] if complex_ else core[0] for core in cores])


def by_definition(train: tt.TensorTrain) -> Array:
    """Every component as its product of matrices."""
    components = []
    for index in np.ndindex(*train.dims):
        product = np.eye(1)
        for core, digit in zip(train.cores, index, strict=True):
            product = product @ core[:, digit]
        components.append(product[0, 0])
    return np.array(components)


def random_vector(seed: int, size: int, *, complex_: bool = True) -> Array:
    real, imaginary = np.random.default_rng(seed).normal(size=(2, size))
    return real + 1j * imaginary if complex_ else real


@given(seed=SEEDS, dims=DIMS, bond=st.integers(1, 3), complex_=st.booleans())
def test_dense_by_definition(seed: int, dims: tuple[int, ...], bond: int, complex_: bool) -> None:
    train = random_train(seed, dims, bond, complex_=complex_)
    expected = by_definition(train)
    assert_allclose(train.dense(), expected, atol=ROUNDING * np.abs(expected).max())
    assert train.dims == dims
    assert train.bonds == (bond,) * (len(dims) - 1)
    assert train.parameters == sum(core.size for core in train.cores)
    assert train.degrees_of_freedom == train.parameters - (len(dims) - 1) * bond**2


@given(seed=SEEDS, dims=DIMS, bond=st.integers(1, 3), other=st.integers(1, 3), complex_=st.booleans())
def test_arithmetic_is_that_of_vectors(seed: int, dims: tuple[int, ...], bond: int, other: int, complex_: bool) -> None:
    first, second = (random_train(seed + k, dims, b, complex_=complex_) for k, b in enumerate((bond, other)))
    x, y = first.dense(), second.dense()
    scale = float(np.linalg.norm(x) * np.linalg.norm(y)) + float(np.abs(x).max() + np.abs(y).max())
    assert_allclose((first + second).dense(), x + y, atol=ROUNDING * scale)
    assert_allclose((first - 2.5 * second).dense(), x - 2.5 * y, atol=ROUNDING * scale)
    assert_allclose(tt.inner(first, second), np.vdot(x, y), atol=ROUNDING * scale)
    assert isinstance(tt.inner(first, second), complex if complex_ else float)
    assert_allclose(tt.norm(first), np.linalg.norm(x), rtol=ROUNDING)
    assert_allclose(first.conj().dense(), x.conj(), atol=ROUNDING * scale)
    assert_allclose(np.linalg.norm(tt.normalize(first).dense()), 1.0, rtol=ROUNDING)
    assert_array_equal(tt.reverse(tt.reverse(first)).dense(), x)
    assert_allclose(tt.reverse(first).dense().reshape(dims[::-1]), x.reshape(dims).transpose(), atol=ROUNDING * scale)


@given(seed=SEEDS, dims=DIMS, bond=st.integers(1, 4))
def test_canonical_forms_are_isometries_of_the_same_vector(seed: int, dims: tuple[int, ...], bond: int) -> None:
    train = random_train(seed, dims, bond)
    expected = train.dense()
    atol = ROUNDING * float(np.linalg.norm(expected))
    left, right = tt.left_canonical(train), tt.right_canonical(train)
    assert_allclose(left.dense(), expected, atol=atol)
    assert_allclose(right.dense(), expected, atol=atol)
    for core in left.cores[:-1]:
        gram = np.einsum("adb,adc->bc", core.conj(), core)
        assert_allclose(gram, np.eye(len(gram)), atol=ROUNDING)
    for core in right.cores[1:]:
        gram = np.einsum("bda,cda->bc", core, core.conj())
        assert_allclose(gram, np.eye(len(gram)), atol=ROUNDING)


@given(seed=SEEDS, dims=DIMS, complex_=st.booleans())
def test_an_exact_train_is_the_vector(seed: int, dims: tuple[int, ...], complex_: bool) -> None:
    vector = random_vector(seed, math.prod(dims), complex_=complex_)
    kept = vector.copy()
    train, lost = tt.decompose(vector, dims)
    assert_allclose(train.dense(), vector, atol=ROUNDING * np.linalg.norm(vector))
    assert lost < 1e-24  # squares of rounding
    assert_array_equal(vector, kept)
    assert np.iscomplexobj(train.dense()) == complex_
    for k, bond in enumerate(train.bonds, start=1):
        assert bond <= min(math.prod(dims[:k]), math.prod(dims[k:]))


@given(seed=SEEDS, bond=st.integers(1, 3))
def test_a_train_is_found_again_with_its_bonds(seed: int, bond: int) -> None:
    train = random_train(seed, (3,) * 5, bond)
    assert tt.decompose(train.dense(), train.dims).train.bonds == train.bonds
    # A Gram matrix sees half the digits; a train that loses next to nothing is found by SVD all the same.
    again, lost = tt.decompose(train.dense(), train.dims, bond=bond)
    assert_allclose(again.dense(), train.dense(), atol=ROUNDING * tt.norm(train))
    assert lost < 1e-24


@given(seed=SEEDS, dims=st.sampled_from([(2,) * 7, (4, 4, 4), (3, 1, 4, 2, 2), (6, 5)]), bond=st.integers(1, 6))
def test_discarded_weight_is_the_relative_squared_error(seed: int, dims: tuple[int, ...], bond: int) -> None:
    vector = random_vector(seed, math.prod(dims))
    energy = float(np.linalg.norm(vector) ** 2)
    for options in ({"bond": bond}, {"bond": bond, "refinements": 2}, {"discarded_weight": bond / 10}):
        train, lost = tt.decompose(vector, dims, **options)
        error = float(np.linalg.norm(train.dense() - vector) ** 2) / energy
        assert lost == pytest.approx(error, abs=1e-13)  # differences of sums of 128 squares
        if "bond" in options:
            assert max(train.bonds) <= bond
        else:
            assert error <= options["discarded_weight"]


@given(seed=SEEDS, bond=st.integers(1, 5))
def test_truncation_is_quasi_optimal(seed: int, bond: int) -> None:
    """No train of these bonds is nearer than the largest weight left out at a cut; a sweep sums at most all of them."""
    dims = (2,) * 7
    vector = random_vector(seed, 2**7)
    tails = [float((values[bond:] ** 2).sum()) for values in tt.schmidt_values(tt.decompose(vector, dims).train)]
    energy = float(np.linalg.norm(vector) ** 2)
    swept = tt.decompose(vector, dims, bond=bond).discarded_weight * energy
    fitted = tt.decompose(vector, dims, bond=bond, refinements=3).discarded_weight * energy
    assert max(tails) * (1 - 1e-9) <= fitted <= swept * (1 + 1e-9) <= sum(tails) * (1 + 1e-8)


@given(seed=SEEDS, parameters=st.integers(14, 300), refinements=st.integers(0, 2))
def test_a_budget_of_numbers_is_kept(seed: int, parameters: int, refinements: int) -> None:
    vector = np.cumsum(random_vector(seed, 2**7, complex_=False))
    train = tt.decompose(vector, (2,) * 7, parameters=parameters, refinements=refinements).train
    assert train.parameters <= parameters


@pytest.mark.slow
def test_a_budget_is_spent_better_than_by_one_bond() -> None:
    """A brown walk has most of its weight in the coarse sites, so the fine cuts can do with smaller bonds."""
    better = 0
    for seed in range(10):
        vector = np.cumsum(random_vector(seed, 2**10, complex_=False))
        plain = tt.decompose(vector, (2,) * 10, bond=6)
        shared = tt.decompose(vector, (2,) * 10, parameters=plain.train.parameters)
        fitted = tt.decompose(vector, (2,) * 10, parameters=plain.train.parameters, refinements=2)
        assert fitted.train.parameters <= plain.train.parameters
        better += fitted.discarded_weight < shared.discarded_weight < plain.discarded_weight
    assert better >= 8


@given(seed=SEEDS, bond=st.integers(1, 3), target=st.integers(1, 4))
def test_compress_is_decompose_without_the_vector(seed: int, bond: int, target: int) -> None:
    train = random_train(seed, (2, 3, 4, 2, 3), bond) + random_train(seed + 1, (2, 3, 4, 2, 3), 1)
    for options in ({"bond": target}, {"discarded_weight": target / 10}, {}):
        small, lost = tt.compress(train, **options)
        other = tt.decompose(train.dense(), train.dims, **options)
        assert small.bonds == other.train.bonds
        assert lost == pytest.approx(other.discarded_weight, abs=1e-12)
        # Both keep the same subspaces unless Schmidt values coincide, which random ones do not.
        assert_allclose(small.dense(), other.train.dense(), atol=1e-6 * tt.norm(train))
    doubled = tt.compress(train + train).train
    assert doubled.bonds == tt.compress(train).train.bonds
    assert tt.compress(train, parameters=40).train.parameters <= 40


def test_the_norm_of_a_small_difference_has_its_own_digits() -> None:
    train = random_train(3, (2,) * 12, 3, complex_=False)
    other = train + 1e-12 * random_train(4, (2,) * 12, 3, complex_=False)
    difference = np.linalg.norm(other.dense() - train.dense())
    # A square root of ⟨x|x⟩ would say 0 or 10⁻⁸ of the norm; QR leaves 10⁻¹⁶ of it, 10⁻³ of this difference.
    assert tt.norm(other - train) == pytest.approx(difference, rel=0.05)


@given(seed=SEEDS, dims=st.sampled_from([(2,) * 6, (3, 2, 4), (4, 4)]))
def test_schmidt_values_and_entropies_are_those_of_matrices(seed: int, dims: tuple[int, ...]) -> None:
    train = random_train(seed, dims, 3)
    vector = train.dense()
    entropies = tt.entanglement_entropy(train)
    for k, values in enumerate(tt.schmidt_values(train)):
        matrix = vector.reshape(math.prod(dims[: k + 1]), -1)
        expected = np.linalg.svd(matrix, compute_uv=False)
        count = min(len(values), len(expected))
        assert_allclose(values[:count], expected[:count], atol=ROUNDING * expected[0])
        rho = matrix @ matrix.conj().T / np.linalg.norm(matrix) ** 2
        assert entropies[k] == pytest.approx(von_neumann_entropy(rho), abs=1e-9)  # −λ log λ near λ = 0


def test_entropies_of_known_states() -> None:
    assert_array_equal(tt.entanglement_entropy(tt.product_train([[1.0, 2.0], [3.0, 4.0], [1.0, 0.0]])), [0.0, 0.0])
    ghz = np.zeros(16)
    ghz[[0, 15]] = 3.0
    assert_allclose(tt.entanglement_entropy(tt.decompose(ghz, (2,) * 4).train), [1.0] * 3, atol=ROUNDING)


@given(seed=SEEDS, keep=st.sets(st.integers(0, 4), min_size=1, max_size=3), complex_=st.booleans())
def test_reduced_states_are_partial_traces(seed: int, keep: set[int], complex_: bool) -> None:
    train = random_train(seed, (2, 3, 1, 4, 2), 3, complex_=complex_)
    state = tt.normalize(train).dense()
    expected = states.partial_trace(np.outer(state, state.conj()), train.dims, keep=sorted(keep))
    assert_allclose(tt.reduced_density_matrix(train, sorted(keep)), expected, atol=ROUNDING)


@given(seed=SEEDS, complex_=st.booleans())
def test_operators_act_as_their_matrices(seed: int, complex_: bool) -> None:
    dims = (2, 3, 1, 2)
    size = math.prod(dims)
    matrix = random_vector(seed, size * size, complex_=complex_).reshape(size, size)
    other = random_vector(seed + 1, size * size, complex_=complex_).reshape(size, size)
    train = tt.normalize(random_train(seed, dims, 2, complex_=complex_))
    vector = train.dense()
    operator, lost = tt.operator_train(matrix, dims)
    second = tt.operator_train(other, dims).operator
    atol = ROUNDING * size
    assert lost < 1e-24
    assert_allclose(operator.dense(), matrix, atol=atol)
    assert_allclose(operator.trace(), np.trace(matrix), atol=atol)
    assert_allclose(tt.apply(operator, train).dense(), matrix @ vector, atol=atol)
    assert_allclose(tt.expectation(operator, train), np.vdot(vector, matrix @ vector), atol=atol)
    assert_allclose((2.0 * operator + second).dense(), 2 * matrix + other, atol=atol)
    assert_allclose(tt.hilbert_schmidt(operator, second), np.vdot(matrix, other), atol=atol * size)
    reduced = operator.partial_trace([1, 3])
    assert_allclose(reduced.dense(), states.partial_trace(matrix, dims, keep=[1, 3]), atol=atol)
    assert operator.parameters == operator.train.parameters
    truncated, lost = operator.compress(bond=3)
    assert max(truncated.bonds) <= 3
    error = np.linalg.norm(truncated.dense() - matrix) ** 2 / np.linalg.norm(matrix) ** 2
    assert lost == pytest.approx(error, abs=1e-12)


def test_an_operator_of_products_has_a_bond_of_one_for_each_term() -> None:
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(2, 3, 4, 4))
    matrix = sum(np.kron(np.kron(a, b), c) for a, b, c in factors)
    operator = tt.operator_train(matrix, (4, 4, 4)).operator
    assert operator.bonds == (2, 2)
    assert tt.operator_train(np.eye(64), (2,) * 6).operator.bonds == (1,) * 5


def test_rectangular_operators_from_cores() -> None:
    rng = np.random.default_rng(1)
    cores = [rng.normal(size=(1, 3 * 2, 2)), rng.normal(size=(2, 1 * 4, 1))]
    operator = tt.TrainOperator(train=tt.TensorTrain(cores), dims_out=(3, 1), dims_in=(2, 4))
    train = random_train(0, (2, 4), 2)
    assert_allclose(tt.apply(operator, train).dense(), operator.dense() @ train.dense(), atol=ROUNDING)
    with pytest.raises(ValueError, match=r"dims_in must be those of the rows to trace over them, but dims_in=\(2, 4\)"):
        operator.trace()


@given(seed=SEEDS, dims=DIMS, bond=st.integers(1, 3))
def test_binary_sites_pad_each_site_to_qubits(seed: int, dims: tuple[int, ...], bond: int) -> None:
    train = random_train(seed, dims, bond)
    binary = tt.binary_sites(train)
    padded = np.pad(train.dense().reshape(dims), [(0, 2 ** states.qubits_for(d) - d) for d in dims])
    assert_allclose(binary.dense(), padded.reshape(-1), atol=ROUNDING * tt.norm(train))
    if math.prod(dims) > 1:
        assert set(binary.dims) == {2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tt.decompose(np.zeros(8), (2,) * 3), "vector must not be zero: no site has a direction then"),
        (lambda: tt.decompose([1.0, np.nan], (2,)), "vector must be finite, but holds NaN or infinity"),
        (lambda: tt.decompose(np.ones(8), (2, 2)), r"dims must be positive and multiply to 8, but dims=\(2, 2\)"),
        (lambda: tt.decompose(np.ones(4), (2, 2), bond=0), "bond must be an integer of at least 1, but bond=0"),
        (lambda: tt.decompose(np.ones(4), (2, 2), parameters=3), "parameters must be at least 4, .* but parameters=3"),
        (
            lambda: tt.decompose(np.ones(4), (2, 2), discarded_weight=1.0),
            r"discarded_weight must be in \[0, 1\), but discarded_weight=1.0",
        ),
        (
            lambda: tt.decompose(np.ones(4), (2, 2), discarded_weight=0.1, parameters=9),
            "at most one of discarded_weight and parameters may be given, but both are",
        ),
        (
            lambda: tt.decompose(np.eye(4), (4, 4), bond=2, discarded_weight=0.1),
            "bond=2 cannot reach discarded_weight=0.1: it loses 0.5",
        ),
        (
            lambda: tt.decompose(np.ones(4), (2, 2), refinements=2),
            "refinements have no effect unless bond or parameters",
        ),
        (lambda: tt.compress(tt.product_train([[0.0, 0.0]])), "train must not be zero"),
        (lambda: tt.normalize(tt.product_train([[0.0, 0.0]])), "train must not be zero to be a state, but train=0.0"),
        (lambda: tt.entanglement_entropy(tt.product_train([[0.0], [0.0]])), "train must not be zero: it has no state"),
        (lambda: tt.TensorTrain([]), "cores must hold at least one site"),
        (lambda: tt.TensorTrain([np.ones((1, 2, 2))]), r"cores\[0\] must have shape \(l, d, 1\), .* \(1, 2, 2\)"),
        (
            lambda: tt.TensorTrain([np.ones((1, 2, 2)), np.ones((3, 2, 1))]),
            r"cores\[1\] must have shape \(2, d, r\), but has shape \(3, 2, 1\)",
        ),
        (lambda: tt.TensorTrain([np.full((1, 2, 1), np.inf)]), r"cores\[0\] must be finite"),
        (
            lambda: tt.inner(tt.product_train([[1.0, 0.0]]), tt.product_train([[1.0, 0.0, 0.0]])),
            r"both trains must have the same sites, but have dims \(2,\) and \(3,\)",
        ),
        (lambda: tt.product_train([[1.0, 2.0]]) * np.ones(2), r"factor must have shape \(\), but has shape \(2,\)"),
        (
            lambda: tt.reduced_density_matrix(tt.product_train([[1.0, 0.0]]), 1),
            r"keep must be in \[0, 0\], but keep=1",
        ),
        (
            lambda: tt.reduced_density_matrix(tt.product_train([[1.0, 0.0]] * 13), range(13)),
            "keep must be sites of at most 4096 levels together",
        ),
        (lambda: tt.product_train([[1.0, 1.0]] * 40).dense(), "dims must multiply to at most 268435456 to be dense"),
        (
            lambda: tt.apply(tt.operator_train(np.eye(4), (2, 2)).operator, tt.product_train([np.ones(4)])),
            r"train must have dims \(2, 2\), but train=\(4,\)",
        ),
        (lambda: tt.operator_train(np.ones((2, 3)), (2,)), r"matrix must have shape \(..., d, d\)"),
    ],
)
def test_errors_name_argument_rule_and_value(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
