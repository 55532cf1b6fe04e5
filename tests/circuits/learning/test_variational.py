"""Variational classifiers: the array code is the circuit, gradients are exact, training separates states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from qiskit.quantum_info import Operator

import circuits
from circuits.learning.variational import VariationalClassifier, loss_and_gradient
from qimg.core import Array

SEEDS = st.integers(0, 2**32 - 1)


def random_classifier(seed: int, qubits: int, layers: int, labels: int) -> VariationalClassifier:
    angles = np.random.default_rng(seed).normal(size=(layers + 1, qubits))
    return VariationalClassifier(angles=angles, classes=np.arange(labels), loss=0.0)


def states_of(seed: int, count: int, d: int) -> Array:
    return np.random.default_rng(seed).normal(size=(count, d))


@given(seed=SEEDS, qubits=st.integers(1, 4), layers=st.integers(0, 3))
@settings(max_examples=20)
def test_probabilities_are_those_of_the_circuit(seed: int, qubits: int, layers: int):
    labels = min(3, 2**qubits)
    model = random_classifier(seed, qubits, layers, labels)
    states = states_of(seed + 1, 4, 2**qubits)
    unit = states / np.linalg.norm(states, axis=1, keepdims=True)
    outcomes = np.abs(unit @ Operator(model.circuit()).data.T) ** 2
    read = max(int(np.ceil(np.log2(labels))), 1)
    weights = np.array([outcomes[:, np.arange(2**qubits) % 2**read == c].sum(axis=1) for c in range(labels)]).T
    # A few dozen gates on at most 16 amplitudes.
    assert_allclose(model.predict_proba(states), weights / weights.sum(axis=1, keepdims=True), atol=1e-9)
    assert model.circuit().count_ops().get("cx", 0) == model.cx


@given(seed=SEEDS, qubits=st.integers(1, 4), layers=st.integers(0, 3))
@settings(max_examples=20)
def test_the_gradient_is_that_of_finite_differences(seed: int, qubits: int, layers: int):
    rng = np.random.default_rng(seed)
    labels = min(3, 2**qubits)
    states = states_of(seed + 1, 5, 2**qubits)
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    targets, angles = rng.integers(0, labels, 5), rng.normal(size=(layers + 1, qubits))
    _, gradient = loss_and_gradient(angles, states, targets, labels)
    direction, h = rng.normal(size=angles.shape), 1e-5
    ends = [loss_and_gradient(angles + sign * h * direction, states, targets, labels)[0] for sign in (1, -1)]
    measured = (ends[0] - ends[1]) / (2 * h)
    # Third derivatives of log P grow as P becomes small; relative to the gradient they are far below 1/h.
    scale = 1 + float(np.abs(gradient).max()) ** 3
    assert float((gradient * direction).sum()) == pytest.approx(measured, abs=1e-6 * scale)


def test_training_separates_states_that_rotations_separate():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    states = np.eye(4)[[0, 1, 2]][labels] + 0.15 * rng.normal(size=(60, 4))
    model = circuits.fit_variational(states[:40], np.array(["a", "b", "c"])[labels[:40]], layers=2, seed=0)
    assert model.score(states[40:], np.array(["a", "b", "c"])[labels[40:]]) == 1.0
    assert model.loss < 0.5 * np.log(3)


def test_shots_agree_within_the_standard_error():
    model = random_classifier(3, 2, 2, 4)
    states, shots = states_of(5, 3, 4), 4000
    exact = model.predict_proba(states)
    measured = model.predict_proba(states, shots=shots, seed=0)
    # Five standard errors of each share; all outcomes are classes, so that nothing is divided away.
    assert (np.abs(measured - exact) <= 5 * np.sqrt(exact * (1 - exact) / shots) + 1e-5).all()


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"labels must have shape \(3,\), one for each vector"):
        circuits.fit_variational(np.ones((3, 2)), [0, 1])
    with pytest.raises(ValueError, match=r"labels must hold 2 to 2 classes, the outcomes of 1 qubits, but labels=3"):
        circuits.fit_variational(np.ones((3, 2)), [0, 1, 2])
    with pytest.raises(ValueError, match=r"states must have at most 1024 components, but states=1025"):
        circuits.fit_variational(np.ones((2, 1025)), [0, 1])
