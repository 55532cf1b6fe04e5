"""Folding keeps the unitary and multiplies the gates; extrapolation is exact for its models and covers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator

import circuits
from circuits.compilation import compile_circuit

CIRCUIT = compile_circuit(circuits.prepare(np.arange(1.0, 9) / np.linalg.norm(np.arange(1.0, 9))))


def gates(circuit: QuantumCircuit) -> int:
    return sum(number for name, number in circuit.count_ops().items() if name != "barrier")


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(1, 6), method=st.sampled_from(["global", "local"]))
def test_folding_keeps_the_unitary(scale, method):
    folded = circuits.fold_circuit(CIRCUIT, scale, method=method)
    # Products of at most a few hundred gates.
    np.testing.assert_allclose(Operator(folded).data, Operator(CIRCUIT).data, atol=1e-11)
    assert abs(gates(folded) - scale * gates(CIRCUIT)) <= 1
    assert (gates(folded) - gates(CIRCUIT)) % 2 == 0


@pytest.mark.parametrize("method", ["global", "local"])
def test_the_compiler_does_not_cancel_folds(method):
    folded = circuits.fold_circuit(CIRCUIT, 3, method=method)
    assert compile_circuit(folded).count_ops()["cx"] == 3 * CIRCUIT.count_ops()["cx"]


def test_exact_models_are_exact():
    scales, errors = circuits.zero_noise_scales(3), np.full(3, 0.01)
    for method, curve in {
        "linear": 0.9 - 0.1 * scales,
        "richardson": 0.9 - 0.2 * scales + 0.01 * scales**2,
        "exponential": 0.9 * np.exp(-0.2 * scales),
    }.items():
        found = circuits.extrapolate(scales, curve, errors, method=method)
        # Least squares of nonlinear models end at relative steps of 1e-14, of which half of the digits count.
        assert float(found.values) == pytest.approx(0.9, abs=1e-7)
    rising = circuits.extrapolate(scales, [0.2, 0.4, 0.6], errors, method="exponential")  # decay cannot be negative
    assert float(rising.values) == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize("method", ["linear", "richardson", "exponential"])
def test_intervals_cover(method):
    scales, rng, runs = np.array([1.0, 2, 3]), np.random.default_rng(0), 400
    curve = 0.9 * np.exp(-0.3 * scales) if method == "exponential" else 0.9 - 0.1 * scales
    sigma = np.array([0.005, 0.01, 0.01])
    data = curve[:, None] + sigma[:, None] * rng.normal(size=(3, runs))
    found = circuits.extrapolate(scales, data, np.broadcast_to(sigma[:, None], data.shape), method=method)
    held = ((found.low <= 0.9) & (found.high >= 0.9)).mean()
    # Four standard errors of 400 runs.
    assert abs(held - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / runs)


def test_richardson_has_the_formula_of_lagrange():
    found = circuits.extrapolate([1, 3], [0.8, 0.6], [0.01, 0.02], method="richardson")
    assert float(found.values) == pytest.approx(1.5 * 0.8 - 0.5 * 0.6)
    assert float(found.standard_errors) == pytest.approx(np.hypot(1.5 * 0.01, 0.5 * 0.02))


def test_limits_are_those_of_mitiq():
    inference = pytest.importorskip("mitiq.zne.inference", reason="mitiq is not installed")
    scales, values = [1.0, 3.0, 5.0], [0.8, 0.55, 0.4]
    peers = {"linear": inference.LinearFactory, "richardson": inference.RichardsonFactory}
    for method, peer in peers.items():
        found = circuits.extrapolate(scales, values, [0.01] * 3, method=method)
        assert float(found.values) == pytest.approx(peer.extrapolate(scales, values), abs=1e-9)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"scale must be at least 1, but scale=0\.5"):
        circuits.fold_circuit(CIRCUIT, 0.5)
    with pytest.raises(ValueError, match="scales must be two or more different numbers of at least 1"):
        circuits.extrapolate([1, 1], [0.1, 0.2], [0.1, 0.1])
    with pytest.raises(ValueError, match="standard_errors must not be negative"):
        circuits.extrapolate([1, 3], [0.1, 0.2], [0.1, -0.1])
    with pytest.raises(ValueError, match="method must be one of"):
        circuits.extrapolate([1, 3], [0.1, 0.2], [0.1, 0.1], method="cubic")
