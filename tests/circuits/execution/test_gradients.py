"""The parameter-shift rule: exact by state vectors, within the errors of shots, and only for gates that follow it."""

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector

import circuits


def parametrised() -> QuantumCircuit:
    a, b, c = (Parameter(name) for name in "abc")
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.rx(a, 0)
    circuit.ry(2 * b + 0.3, 1)
    circuit.cx(0, 1)
    circuit.rzz(a * b, 1, 2)
    circuit.p(c, 2)
    circuit.ry(c - a, 2)
    circuit.rxx(0.7, 0, 2)
    return circuit


OBSERVABLES = [{"ZZI": 1.0, "XIX": -0.5}, {"IYZ": 2.0}]
POINT = np.array([0.4, -0.8, 1.3])


def expectations(circuit: QuantumCircuit) -> np.ndarray:
    state = Statevector(circuit)
    return np.array([state.expectation_value(SparsePauliOp(list(o), list(o.values()))).real for o in OBSERVABLES])


def at(point: np.ndarray) -> np.ndarray:
    return expectations(parametrised().assign_parameters(point))


def test_the_rule_is_exact():
    found = np.zeros((2, 3))
    for parameter, weight, circuit in circuits.shift_circuits(parametrised(), POINT):
        found[:, parameter] += weight * expectations(circuit)
    step = 1e-4
    central = [(at(POINT + step * e) - at(POINT - step * e)) / (2 * step) for e in np.eye(3)]
    # The error of central differences is h²/6 times a third derivative below 20.
    np.testing.assert_allclose(found, np.transpose(central), atol=20 / 6 * step**2 + 1e-10)


def test_estimates_hold_the_exact_derivatives():
    found = circuits.estimate_gradient(parametrised(), POINT, OBSERVABLES, precision=0.02, seed=1)
    step = 1e-4
    wanted = np.transpose([(at(POINT + step * e) - at(POINT - step * e)) / (2 * step) for e in np.eye(3)])
    assert found.gradient.shape == found.gradient_errors.shape == (2, 3)
    assert (found.gradient_errors > 0).all()
    # Five standard errors, and Qiskit's estimate of the error where all outcomes agree is zero.
    assert (np.abs(found.gradient - wanted) <= 5 * found.gradient_errors + 0.02).all()
    assert (np.abs(found.values - at(POINT)) <= 5 * found.value_errors + 0.02).all()


def test_bad_arguments_are_named():
    controlled = QuantumCircuit(2)
    controlled.crx(Parameter("a"), 0, 1)
    with pytest.raises(ValueError, match="circuit must have its parameters in gates of rx, ry"):
        circuits.shift_circuits(controlled, [0.1])
    with pytest.raises(ValueError, match=r"parameters must have shape \(3,\)"):
        circuits.shift_circuits(parametrised(), [0.1])
    with pytest.raises(ValueError, match="circuit must have parameters"):
        circuits.shift_circuits(QuantumCircuit(1), [])
