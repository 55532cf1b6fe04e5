"""Shadows as bits: packing, agreement with counts and matrices, memory, medians of means that cover, fidelity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Pauli

import circuits
from circuits.readout.pauli_counts import setting_populations
from qimg import tensor_train


def random_state(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=2**n) + 1j * rng.normal(size=2**n)
    return vector / np.linalg.norm(vector)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 20), seed=st.integers(0, 99))
def test_bits_unpack_to_what_was_packed(n, seed):
    rng = np.random.default_rng(seed)
    bases, outcomes = rng.integers(0, 3, (7, n)), rng.integers(0, 2, (7, n))
    shadow = circuits.Shadow.of(bases, outcomes)
    np.testing.assert_array_equal(shadow.bases(), bases)
    np.testing.assert_array_equal(shadow.outcomes(), outcomes)
    assert shadow.nbytes == 3 * 7 * -(-n // 8)
    label = "".join(rng.choice(list("IXYZ"), n))
    wanted = [
        np.prod([1 - 2 * bit for bit, letter in zip(read, label[::-1], strict=True) if letter != "I"], initial=1)
        * all(letter in ("I", "XYZ"[basis]) for basis, letter in zip(setting, label[::-1], strict=True))
        for setting, read in zip(bases, outcomes, strict=True)
    ]
    np.testing.assert_array_equal(shadow.values_of(label), wanted)


def test_shadows_agree_with_counts():
    rng = np.random.default_rng(1)
    shadow = circuits.draw_shadow(random_state(3), snapshots=2000, rng=rng)
    counts = shadow.pauli_counts()
    assert counts.shots == 2000
    for label in ("XYZ", "IZI", "YIX"):
        one, other = (circuits.pauli_interval(data, label) for data in (shadow, counts))
        assert (one.value, one.low, one.high) == (other.value, other.low, other.high)
    projector = np.outer(random_state(3), random_state(3).conj())
    by_matrix = circuits.observable_interval(shadow, projector).value
    # The same contributions, contracted in another order.
    assert circuits.shadow_fidelity(shadow, random_state(3)).value == pytest.approx(by_matrix, abs=1e-9)


def test_drawn_outcomes_have_the_probabilities_of_their_settings():
    state, rng = random_state(2, seed=3), np.random.default_rng(2)
    counts = circuits.draw_shadow(state, snapshots=90_000, rng=rng).pauli_counts()
    assert len(counts.bases) == 9
    wanted = setting_populations(np.outer(state, state.conj()), counts.bases)
    shots = counts.counts.sum(axis=1, keepdims=True)
    # Five standard errors of about 10 000 shots in each setting.
    assert np.abs(counts.counts / shots - wanted).max() < 5 * 0.5 / np.sqrt(9000)


def test_a_register_of_forty_qubits():
    train = tensor_train.product_train([[1.0, 1.0]] * 20 + [[0.0, 1.0]] * 20)  # the first site is the highest qubit
    shadow = circuits.draw_shadow(train, snapshots=3000, rng=np.random.default_rng(0))
    assert shadow.nbytes == 3 * 3000 * 5
    assert circuits.pauli_interval(shadow, "X" + "I" * 39).value == 1
    assert circuits.pauli_interval(shadow, "I" * 39 + "Z").value == -1
    labels = ["I" * k + "X" + "I" * (39 - k) for k in range(20)]
    found = circuits.shadow_expectations(shadow, [{label: 1.0} for label in labels])
    assert ((found.low <= 1) & (found.high >= 1)).all()


@pytest.mark.parametrize("backend", ["statevector", "matrix_product_state", "density_matrix"])
def test_circuits_are_measured(backend):
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.x(2)
    shadow = circuits.measure_shadow(circuit, backend, shots=600, seed=2)
    assert (shadow.snapshots, shadow.n_qubits) == (600, 3)
    assert circuits.pauli_interval(shadow, "ZII").value == -1
    assert circuits.pauli_interval(shadow, "IXX").value == 1


def test_medians_of_means_hold_together():
    state, rng, failed, runs = random_state(3, seed=5), np.random.default_rng(3), 0, 60
    observables = [{"ZII": 1.0}, {"IXY": 1.0, "ZZI": -0.5, "III": 0.3}, {"YYY": 2.0}]
    rho = np.outer(state, state.conj())
    wanted = [sum(c * np.trace(Pauli(p).to_matrix() @ rho).real for p, c in o.items()) for o in observables]
    for _ in range(runs):
        shadow = circuits.draw_shadow(state, snapshots=400, rng=rng)
        found = circuits.shadow_expectations(shadow, observables, failure=0.1)
        failed += not ((found.low <= wanted) & (wanted <= found.high)).all()
    assert failed <= 0.1 * runs  # the bounds of Cantelli and Minkowski leave far fewer


def test_intervals_of_the_fidelity_cover():
    state, rng, runs = random_state(2, seed=7), np.random.default_rng(4), 300
    mixed = 0.8 * np.outer(state, state.conj()) + 0.2 * np.eye(4) / 4
    hits = 0
    for _ in range(runs):
        bases = rng.integers(0, 3, (400, 2))
        data = circuits.draw_bases(mixed, bases, shots=1, rng=rng)
        read = np.nonzero(data.counts)[1]
        shadow = circuits.Shadow.of(bases, read[:, None] >> np.arange(2) & 1)
        found = circuits.shadow_fidelity(shadow, state)
        hits += found.low <= 0.85 <= found.high
    # Four standard errors of 300 runs; contributions of 400 shots are nearly normal.
    assert abs(hits / runs - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / runs)


@pytest.mark.slow
def test_a_hundred_thousand_snapshots_of_fourteen_qubits():
    picture = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    state = circuits.image_state(circuits.encode_image(picture, "neqr"))
    shadow = circuits.draw_shadow(state, snapshots=100_000, rng=np.random.default_rng(1))
    assert shadow.nbytes == 600_000
    labels = ["I" * (13 - q) + "Z" + "I" * q for q in range(14)]
    signs = 1 - 2 * (np.arange(2**14) >> np.arange(14)[:, None] & 1)
    found = circuits.shadow_expectations(shadow, [{label: 1.0} for label in labels])
    wanted = signs @ state**2
    assert ((found.low <= wanted) & (wanted <= found.high)).all()
    parts = [
        circuits.Shadow(planes=shadow.planes[:, start : start + 2000], n_qubits=14) for start in range(0, 100_000, 2000)
    ]
    held = [(one := circuits.shadow_fidelity(part, state)).low <= 1 <= one.high for part in parts]
    # Contributions are skewed at 14 qubits; four standard errors of 50 parts below the level.
    assert np.mean(held) >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 50)
    rounded = state + 1e-17 * np.random.default_rng(2).normal(size=2**14)
    assert circuits.shadow_fidelity(parts[0], rounded).value == circuits.shadow_fidelity(parts[0], state).value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.Shadow.of([[0, 3]], [[0, 1]]), "bases must hold 0, 1 and 2 for X, Y and Z"),
        (lambda: circuits.Shadow.of([[0, 1]], [[0, 2]]), "outcomes must hold 0 and 1"),
        (lambda: circuits.Shadow.of([[0, 1]], [[0]]), r"outcomes must have shape \(1, 2\)"),
        (lambda: circuits.Shadow.of([[0] * 9], [[0] * 9]).pauli_counts(), "n_qubits must be at most 8 for counts"),
        (lambda: circuits.Shadow.of([[0]], [[0]]).values_of("ZZ"), "label must have 1 letters of I, X, Y, Z"),
        (
            lambda: circuits.shadow_expectations(circuits.Shadow.of([[0]], [[0]]), [{"X": 1.0}], failure=0.0),
            r"failure must be in \(0, 1\)",
        ),
        (
            lambda: circuits.shadow_fidelity(circuits.Shadow.of([[0]], [[0]]), [1.0, 0]),
            "shadow must have at least 100 snapshots",
        ),
        (
            lambda: circuits.draw_shadow([1.0, 1.0], snapshots=1, rng=np.random.default_rng(0)),
            "state must have norm 1",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
