"""The promise of exact preparation on states that are hard for a synthesis: smooth, sparse, tiny entries."""

import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import Operator, Statevector

import circuits
from circuits.preparation.multiplexed import multiplexed
from circuits.preparation.states import LARGEST_INFIDELITY
from qimg import tensor_train as tt

MODULE = "circuits.preparation.states"


def gaussian(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.exp(-(np.linspace(-8, 8, 2**n) ** 2) / 2)


def chirp(n: int, rng: np.random.Generator) -> np.ndarray:
    grid = np.linspace(-8, 8, 2**n)
    return np.exp(-(grid**2) / 2 + 0.3j * grid**2)


def decay(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.exp(-np.linspace(0, 600, 2**n)) * np.cos(np.linspace(0, 3, 2**n))


def tiny(n: int, rng: np.random.Generator, *, size: float = 1e-8) -> np.ndarray:
    return rng.normal(size=2**n) * np.where(rng.random(2**n) < 0.5, size, 1.0)


def subnormal(n: int, rng: np.random.Generator) -> np.ndarray:
    return tiny(n, rng, size=1e-320)


def spread_out(n: int, rng: np.random.Generator) -> np.ndarray:
    return 10.0 ** rng.uniform(-12, 0, 2**n) * np.exp(2j * np.pi * rng.random(2**n))


def sparse(n: int, rng: np.random.Generator) -> np.ndarray:
    vector = np.zeros(2**n)
    vector[rng.choice(2**n, n + 2, replace=False)] = rng.normal(size=n + 2)
    return vector


def nearly_a_product(n: int, rng: np.random.Generator) -> np.ndarray:
    """Each qubit could drop a weight of 0.9e-13, which together exceeds 1e-12 from 12 qubits on."""
    vector = np.zeros(2**n)
    vector[0] = 1
    vector[3 << np.arange(0, n - 1, 2)] = 3e-7
    return vector


FAMILIES = [gaussian, chirp, decay, tiny, subnormal, spread_out, sparse, nearly_a_product]


def state_of(family, n: int) -> np.ndarray:
    vector = family(n, np.random.default_rng(n))
    return vector / np.linalg.norm(vector)


def infidelity(circuit, state: np.ndarray) -> float:
    """At most ‖ψ − φ‖², which has no cancellation; the global phase is part of the promise."""
    return float((np.abs(Statevector(circuit).data - state) ** 2).sum())


@pytest.mark.parametrize("n", [4, 7, 9, *(pytest.param(n, marks=pytest.mark.slow) for n in (8, 10, 11, 12, 13))])
@pytest.mark.parametrize("family", FAMILIES)
def test_prepare_keeps_its_promise(family, n):
    state = state_of(family, n)
    assert infidelity(circuits.prepare(state), state) <= LARGEST_INFIDELITY


def test_a_gaussian_on_12_qubits():
    state = state_of(gaussian, 12)
    circuit = circuits.prepare(state)
    assert infidelity(circuit, state) <= LARGEST_INFIDELITY
    assert circuits.count_gates(circuit).cx < 1200  # two isometries of 8 columns on 6 qubits


@pytest.mark.parametrize("family", FAMILIES)
def test_circuits_can_be_used(family):
    state = state_of(family, 5)
    circuit = circuits.prepare(state)
    back = circuit.compose(circuit.inverse())
    np.testing.assert_allclose(Statevector(back).data, np.eye(32)[0], atol=1e-10)
    whole = Operator(circuit).data
    controlled = circuit.to_gate().control(1)
    np.testing.assert_allclose(Operator(controlled).data[1::2, 1::2], whole, atol=1e-10)
    np.testing.assert_allclose(Operator(controlled).data[::2, ::2], np.eye(32), atol=1e-10)
    for level in range(4):
        compiled = transpile(circuit, basis_gates=["cx", "rz", "sx", "x"], optimization_level=level)
        np.testing.assert_allclose(Operator.from_circuit(compiled).data[:, 0], state, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_multiplexed_rotations_prepare_every_state(family, n):
    state = state_of(family, n) if family is not sparse or n > 2 else np.eye(2**n)[-1]
    fitted = multiplexed(state)
    np.testing.assert_allclose(fitted.statevector(), state, rtol=0, atol=1e-14 * 2**n)
    np.testing.assert_allclose(Statevector(fitted.circuit()).data, state, rtol=0, atol=1e-14 * 2**n)
    assert fitted.cx == (2**n - 2) * (2 if np.iscomplexobj(state) else 1)


def test_a_circuit_that_misses_the_fidelity_is_replaced_or_refused(monkeypatch):
    state = state_of(tiny, 4)
    wrong = circuits.template(4).assign_parameters([0.1] * 15)
    monkeypatch.setattr(f"{MODULE}._cheapest", lambda *_: wrong)
    assert infidelity(circuits.prepare(state), state) <= LARGEST_INFIDELITY
    monkeypatch.setattr(f"{MODULE}.multiplexed", lambda _: multiplexed(np.eye(16)[5]))
    with pytest.raises(RuntimeError, match=r"the prepared state has an infidelity of .*, more than 1e-12"):
        circuits.prepare(state)


@pytest.mark.parametrize("family", FAMILIES)
def test_batches_keep_the_same_promise(family):
    state = state_of(family, 4)
    (fitted,) = circuits.prepare_batch(state[None])
    assert fitted.infidelity <= LARGEST_INFIDELITY
    assert infidelity(fitted.circuit(), state) <= LARGEST_INFIDELITY


def smooth_pictures(side: int) -> dict[str, np.ndarray]:
    row, column = np.mgrid[0:side, 0:side] / side
    noise = np.random.default_rng(0).normal(size=(side, side))
    return {
        "ramp": 1 + column + 2 * row,
        "nearly a ramp": 1 + column + 2 * row + 1e-5 * noise,
        "blob": np.exp(-50 * ((row - 0.5) ** 2 + (column - 0.5) ** 2)),
        "waves": 2 + np.sin(6 * column) * np.cos(5 * row),
        "faint": 1 + column**2 + 1e-7 * np.sin(9 * row * column),
        "tiny": np.where(np.abs(noise) < 0.6, 1e-9, 1.0) * np.abs(noise),
    }


@pytest.mark.parametrize("side", [2, 4, 8, 16, pytest.param(32, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", smooth_pictures(2))
@pytest.mark.parametrize("bond", [2, 4, None])
def test_trains_of_smooth_pictures(name, side, bond):
    if bond is None and side == 32 and name == "tiny":
        bond = 16
    pictured = tt.picture_train(smooth_pictures(side)[name], order="morton", bond=bond)
    state = tt.normalize(pictured.train).dense()
    assert infidelity(circuits.prepare_train(pictured.train), state) <= LARGEST_INFIDELITY


@pytest.mark.parametrize("small", [1e-4, 1e-5, 1e-6])
def test_layers_have_the_fidelity_that_they_state(small):
    noise = np.random.default_rng(0).normal(size=64)
    train = tt.decompose(1 + small * noise, (2,) * 6).train
    layered = circuits.prepare_train_in_layers(train, layers=2, sweeps=0)
    reached = 1 - infidelity(layered.circuit, tt.normalize(train).dense())
    assert reached == pytest.approx(layered.fidelities[-1], abs=1e-13)


@pytest.mark.parametrize("kept", [1, 2, 8])
def test_leading_eigenvectors_of_a_smooth_covariance(kept):
    place = np.arange(32)
    covariance = np.exp(-(np.subtract.outer(place, place) ** 2) / 50)
    circuit = circuits.leading_klt_circuit(covariance, kept=kept)
    basis = np.linalg.eigh(covariance)[1][:, ::-1][:, :kept]
    made = np.abs(Operator(circuit).data @ basis)
    np.testing.assert_allclose(made, np.eye(32)[:, :kept], atol=1e-9)
