"""Circuits of tensor trains: the state of the circuit is the train."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from qiskit.quantum_info import Statevector

import circuits
from qimg import images
from qimg import tensor_train as tt

# The synthesis of unitaries on up to six qubits leaves 10⁻¹³; what is asked for is 10⁻¹⁰.
EXACT = 1e-11


def random_train(dims: tuple[int, ...], bond: int, *, complex_: bool = False, seed: int = 0) -> tt.TensorTrain:
    rng = np.random.default_rng(seed)
    bonds = [1, *[bond] * (len(dims) - 1), 1]
    cores = [rng.normal(size=(2, bonds[k], levels, bonds[k + 1])) for k, levels in enumerate(dims)]
    return tt.TensorTrain([core[0] + 1j * core[1] if complex_ else core[0] for core in cores])


def state(circuit) -> np.ndarray:
    return Statevector(circuit).data


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize(
    ("dims", "bond"),
    [
        ((2,), 1),
        ((2, 2), 2),
        ((2,) * 5, 1),
        ((2,) * 6, 2),
        ((2,) * 6, 3),
        ((2,) * 6, 4),
        ((2,) * 6, 8),
        ((3, 4, 1, 2), 3),
    ],
)
def test_the_circuit_prepares_the_train(dims: tuple[int, ...], bond: int, complex_: bool) -> None:
    train = random_train(dims, bond, complex_=complex_)
    expected = tt.normalize(tt.binary_sites(train)).dense()
    prepared = state(circuits.prepare_train(train))
    assert_allclose(prepared, expected, atol=EXACT)
    if not complex_:
        assert_allclose(prepared.imag, 0, atol=EXACT)


def test_gates_grow_with_sites_not_with_the_state() -> None:
    """Two CX for each isometry of a real train of bond 2, one for the first."""
    for n in (4, 8, 30):
        circuit = circuits.prepare_train(random_train((2,) * n, 2))
        assert circuits.count_gates(circuit).cx == 2 * (n - 1) - 1
    assert circuits.count_gates(circuits.prepare_train(tt.product_train([[1.0, 2.0]] * 5))).cx == 0
    ghz = np.zeros(64)
    ghz[[0, 63]] = 1.0
    assert circuits.count_gates(circuits.prepare_train(tt.decompose(ghz, (2,) * 6).train)).cx <= 9


def test_pixels_of_any_order_stand_at_their_own_index() -> None:
    picture = images.box_mean(images.bundled("astronaut"), 64).astype(float)  # (8, 8, 3)
    register = np.zeros((4, 8, 8))
    register[:3] = np.moveaxis(picture, -1, 0)
    expected = register.reshape(-1) / np.linalg.norm(register)
    for order in ("morton", "quadtree"):
        train = tt.picture_train(picture, order=order)
        circuit = circuits.prepare_train(train.train, qubits=train.layout.qubits)
        assert_allclose(state(circuit), expected, atol=EXACT)


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("sweeps", [0, 3])
def test_layers_come_as_near_as_they_say(sweeps: int, complex_: bool) -> None:
    train = random_train((2,) * 6, 4, complex_=complex_)
    layered = circuits.prepare_train_in_layers(train, layers=4, sweeps=sweeps)
    expected = tt.normalize(train).dense()
    overlap = np.vdot(expected, state(layered.circuit))
    assert layered.layers == 4
    assert abs(overlap) ** 2 == pytest.approx(layered.fidelities[-1], abs=1e-10)
    assert overlap.imag == pytest.approx(0, abs=1e-10)  # the global phase is the train's
    assert overlap.real > 0
    # The first layer is the nearest train of bond 2, which fitting can only improve.
    nearest = 1 - tt.compress(train, bond=2).discarded_weight
    if sweeps:
        assert layered.fidelities[0] >= nearest - 1e-10
    assert all(b >= a - 1e-10 for a, b in zip(layered.fidelities, layered.fidelities[1:], strict=False))
    if not complex_:
        assert_allclose(state(layered.circuit).imag, 0, atol=EXACT)
        assert circuits.count_gates(layered.circuit).cx <= 4 * 2 * 5


def test_fitting_is_worth_layers() -> None:
    train = random_train((2,) * 8, 6)
    plain, fitted = (circuits.prepare_train_in_layers(train, layers=3, sweeps=sweeps) for sweeps in (0, 6))
    assert fitted.fidelities[-1] > plain.fidelities[-1] + 0.03


def test_layers_stop_when_the_fidelity_is_reached() -> None:
    bond_two = random_train((2,) * 7, 2)
    assert circuits.prepare_train_in_layers(bond_two, layers=5, sweeps=0, fidelity=1 - 1e-9).layers == 1
    product = circuits.prepare_train_in_layers(tt.product_train([[1.0, 2.0], [3.0, 1.0], [1.0, 0.0]]), layers=1)
    assert product.fidelities[-1] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.prepare_train(tt.product_train([[0.0, 0.0]] * 3)), "train must not be zero to be a state"),
        (lambda: circuits.prepare_train(tt.product_train([[3.0]])), "train must have two components or more"),
        (
            lambda: circuits.prepare_train(random_train((2,) * 14, 70)),
            "train must have bonds of at most 64 to be synthesised",
        ),
        (
            lambda: circuits.prepare_train(random_train((2, 2), 2), qubits=(0, 0)),
            r"qubits must name each of 2 qubits once, but qubits=\[0, 0\]",
        ),
        (
            lambda: circuits.prepare_train_in_layers(random_train((2, 2), 2), layers=0),
            "layers must be an integer of at least 1, but layers=0",
        ),
        (
            lambda: circuits.prepare_train_in_layers(random_train((2, 2), 2), layers=1, fidelity=0.0),
            r"fidelity must be in \(0, 1\], but fidelity=0.0",
        ),
        (
            lambda: circuits.prepare_train_in_layers(random_train((2,) * 21, 2), layers=1),
            "train must have 2 to 20 qubits, but train=21",
        ),
    ],
)
def test_errors_name_argument_rule_and_value(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
