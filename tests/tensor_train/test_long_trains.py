"""Trains of hundreds of sites: values against logarithms and closed forms, in and out of the range of doubles."""

import numpy as np
import pytest

from qimg import tensor_train as tt

SITES = 784

# Squares of the entries of these vectors, and products of 784 of them, over- or underflow.
VECTORS = [[3.0, 4.0], [3e-3, 4e-3], [3e200, 4e200], [3e-200, 4e-200], [3e-310, 4e-310]]


def random_train(sites: int, bond: int, scale: float, *, complex_: bool = False, seed: int = 0) -> tt.TensorTrain:
    rng = np.random.default_rng(seed)
    bonds = [1, *[bond] * (sites - 1), 1]
    cores = [rng.normal(size=(2, bonds[k], 2, bonds[k + 1])) * scale for k in range(sites)]
    return tt.TensorTrain([core[0] + 1j * core[1] if complex_ else core[0] for core in cores])


@pytest.mark.parametrize("vector", VECTORS)
def test_a_product_of_any_scale_is_a_state_after_normalize(vector):
    train = tt.product_train([vector] * SITES)
    # 784 roundings of 1e-16, and 3e-310 has 14 significant digits.
    assert tt.log_norm(train) == pytest.approx(SITES * (np.log(vector[0]) + np.log(5 / 3)), rel=1e-12)
    state = tt.normalize(train)
    assert tt.norm(state) == pytest.approx(1, abs=1e-12)
    assert tt.fidelity(train, state) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(tt.entanglement_entropy(train), 0, atol=1e-12)
    single = np.array([[0.36, 0.48], [0.48, 0.64]])
    np.testing.assert_allclose(tt.reduced_density_matrix(train, [3, 700]), np.kron(single, single), atol=1e-12)
    likelihood = tt.machine_from_train(train).log_likelihood(np.zeros(SITES))
    assert likelihood == pytest.approx(2 * SITES * np.log(0.6), rel=1e-12)


@pytest.mark.parametrize("vector", VECTORS)
def test_values_outside_the_range_of_doubles_are_refused_with_their_logarithm(vector):
    train = tt.product_train([vector] * SITES)
    with pytest.raises(ValueError, match=r"norm must be in the range of double precision \(see log_norm\), but .* is "):
        tt.norm(train)
    with pytest.raises(ValueError, match=r"inner product must be in the range of double precision \(see log_fidelity"):
        tt.inner(train, train)
    for call in (tt.left_canonical, tt.right_canonical, tt.schmidt_values):
        with pytest.raises(ValueError, match=r"train must have a norm in the range of double precision"):
            call(train)


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("scale", [1e-5, 10.0, 1e150])
def test_random_trains_of_any_scale(scale, complex_):
    train = random_train(300, 3, scale, complex_=complex_)
    state = tt.normalize(train)
    assert tt.norm(state) == pytest.approx(1, abs=1e-11)
    assert tt.fidelity(state, train) == pytest.approx(1, abs=1e-11)
    shorter = tt.compress(train + train, bond=3)
    assert shorter.discarded_weight == pytest.approx(0, abs=1e-11)
    assert tt.log_norm(shorter.train) == pytest.approx(tt.log_norm(train) + np.log(2), rel=1e-12)
    ordinary = random_train(300, 3, 0.4, complex_=complex_)  # the same state at a scale without overflow
    np.testing.assert_allclose(tt.entanglement_entropy(train), tt.entanglement_entropy(ordinary), atol=1e-10)


def test_partial_products_may_leave_the_range():
    train = tt.product_train([[1e200, 1e200]] * 3 + [[1e-200, 1e-200]] * 3)
    np.testing.assert_allclose(train.dense(), np.ones(64), rtol=1e-14)
    assert tt.norm(train) == pytest.approx(8)
    assert tt.inner(train, train) == pytest.approx(64)
    assert tt.schmidt_values(train)[2][0] == pytest.approx(8)
    np.testing.assert_allclose(tt.left_canonical(train).dense(), np.ones(64), rtol=1e-13)
    with pytest.raises(ValueError, match="train must have components in the range of double precision"):
        tt.product_train([[1e200, 1e200]] * 3).dense()


@pytest.mark.parametrize("scale", [1e-200, 5e-324, 1.7e308])
def test_vectors_of_any_scale_are_decomposed(scale):
    np.testing.assert_array_equal(tt.decompose(np.full(4, scale), (2, 2)).train.bonds, (1,))
    np.testing.assert_allclose(tt.decompose(np.full(4, scale), (2, 2)).train.dense(), scale, rtol=1e-14)


def test_operators_on_long_trains():
    spin = np.array([2.0, 1.0, 1.0, 2.0])
    operator = tt.TrainOperator(train=tt.product_train([spin] * SITES), dims_out=(2,) * SITES, dims_in=(2,) * SITES)
    applied = tt.apply(operator, tt.product_train([[1.0, 1.0]] * SITES))
    # [[2, 1], [1, 2]] (1, 1) = 3 (1, 1), whose norm is 3 √2.
    assert tt.log_norm(applied) == pytest.approx(SITES * np.log(3 * np.sqrt(2)), rel=1e-12)
    with pytest.raises(ValueError, match="trace must be in the range of double precision"):
        operator.trace()
    with pytest.raises(ValueError, match="expectation must be in the range of double precision"):
        tt.expectation(operator, tt.product_train([[0.6, 0.8]] * SITES))
    half = tt.TrainOperator(train=tt.product_train([spin / 4] * SITES), dims_out=(2,) * SITES, dims_in=(2,) * SITES)
    assert half.trace() == pytest.approx(1)
    np.testing.assert_allclose(half.partial_trace(5).dense(), spin.reshape(2, 2) / 4, rtol=1e-12)


def test_a_tiny_fidelity_has_a_logarithm():
    zeros, nearly_ones = tt.product_train([[1.0, 0.0]] * 500), tt.product_train([[0.1, 0.99**0.5]] * 500)
    assert tt.log_fidelity(zeros, nearly_ones) == pytest.approx(1000 * np.log(0.1))
    with pytest.raises(ValueError, match="fidelity must"):
        tt.fidelity(zeros, nearly_ones)
    assert tt.log_fidelity(zeros, tt.product_train([[0.0, 1.0]] * 500)) == -np.inf
    assert tt.fidelity(zeros, tt.product_train([[0.0, 1.0]] * 500)) == 0
    nothing = tt.product_train([[0.0, 0.0]] * 500)
    assert tt.norm(nothing) == 0
    assert tt.log_norm(nothing) == -np.inf
    with pytest.raises(ValueError, match="train must not be zero to be a state"):
        tt.fidelity(nothing, zeros)


def test_a_pixel_may_have_a_probability_below_the_range():
    machine = tt.machine_from_train(tt.product_train([[1.0, 1e-200]] * 3))
    assert machine.log_likelihood([1, 1, 1]) == pytest.approx(6 * np.log(1e-200))
