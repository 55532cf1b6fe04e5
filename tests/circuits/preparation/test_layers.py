"""Circuits of whole sets of vectors: the stated infidelity, the architectures, the gain of the fit, and the file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

import circuits
from circuits.preparation.architectures import ARCHITECTURES
from circuits.preparation.orthogonal import COLUMNS, SIGNS, rotation_angles, turn_to
from qimg import tensor_train as tt
from qimg.core.artifacts import ArtifactError, pack
from qimg.states import amplitude_encode


def vectors(count: int, n_qubits: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 2**n_qubits))


def rotation(seed: int) -> np.ndarray:
    matrix = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]
    matrix[:, 0] *= np.linalg.det(matrix)
    return matrix


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6) | st.sampled_from(["identity", "minus", "swap"]))
def test_every_rotation_is_two_cx_and_six_ry(seed) -> None:
    special = {"identity": np.eye(4), "minus": -np.eye(4), "swap": np.diag([1.0, 1, 1, -1])[[0, 2, 1, 3]]}
    gate = special[seed] if isinstance(seed, str) else rotation(seed)
    angles = rotation_angles(gate)
    circuit = QuantumCircuit(2)
    for step in range(3):
        if step:
            circuit.cx(1, 0)
        circuit.ry(angles[step, 0], 1)  # the first qubit is the higher digit
        circuit.ry(angles[step, 1], 0)
    assert_allclose(Operator(circuit).data, gate, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_turned_gates_are_rotations_and_nearer_to_the_matrix(seed: int) -> None:
    matrices = np.random.default_rng(seed).normal(size=(4, 4, 1))
    gates = np.ascontiguousarray(rotation(seed + 1)[..., None])
    before = float((gates * matrices).sum())
    reached = []
    for _ in range(30):
        turn_to(matrices, gates, COLUMNS, SIGNS)
        reached.append(float((gates * matrices).sum()))
    assert_allclose(gates[..., 0].T @ gates[..., 0], np.eye(4), atol=1e-12)
    assert np.linalg.det(gates[..., 0]) == pytest.approx(1.0, abs=1e-12)
    assert all(b >= a - 1e-12 for a, b in zip([before, *reached], reached, strict=False))
    # The largest trace over rotations: all singular values, the last one with the sign of the determinant.
    values = np.linalg.svd(matrices[..., 0], compute_uv=False)
    best = values[:3].sum() + np.sign(np.linalg.det(matrices[..., 0])) * values[3]
    # 1920 steps of the power iteration; equal leading values only slow it down where nothing is to be gained.
    assert reached[-1] == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("n_qubits", [2, 5, 6])
def test_architectures_have_the_same_number_of_gates(architecture: str, n_qubits: int) -> None:
    layers = [ARCHITECTURES[architecture](n_qubits, layer) for layer in range(n_qubits)]
    assert {len(layer) for layer in layers} == {n_qubits - 1}
    coupled = {frozenset(pair) for layer in layers for pair in layer}
    neighbours = {frozenset((qubit, qubit + 1)) for qubit in range(n_qubits - 1)}
    every = {frozenset((a, b)) for a in range(n_qubits) for b in range(a)}
    assert coupled == (every if architecture == "dense" else neighbours)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_circuits_reach_what_the_set_states(architecture: str) -> None:
    data = vectors(35, 5)  # more than are swept at a time
    options = {"layers": 3, "architecture": architecture, "qubits": [2, 0, 1, 4, 3]}
    found = circuits.prepare_in_layers(data, sweeps=6, growing_sweeps=2, **options)
    assert (len(found), found.n_qubits, found.cx) == (35, 5, 2 * 3 * 4)
    assert (found.sweeps <= 2 + 2 + 6).all()
    for state, preparation in zip(amplitude_encode(data).amplitudes, found, strict=True):
        circuit = preparation.circuit()
        assert set(circuit.count_ops()) <= {"ry", "cx"}
        assert circuit.count_ops()["cx"] == found.cx
        overlap = np.vdot(state, Statevector(circuit).data)
        # The stored angles are those of the circuit, so that only rounding in double precision remains.
        assert 1 - abs(overlap) ** 2 == pytest.approx(preparation.infidelity, abs=1e-12)
    start = circuits.prepare_in_layers(data, sweeps=0, growing_sweeps=0, **options)
    assert (found.infidelities < start.infidelities).all()
    assert (start.sweeps == 0).all()


def test_other_vectors_and_threads_change_nothing() -> None:
    data = vectors(300, 5)  # more than one batch
    options = {"layers": 1, "sweeps": 30, "gain": 1e-4}
    whole = circuits.prepare_in_layers(data, workers=2, **options)
    alone = [circuits.prepare_in_layers(data[k : k + 1], **options)[0] for k in (0, 31, 32, 299)]
    assert whole.sweeps.min() < whole.sweeps.max() < 30
    for one, index in zip(alone, (0, 31, 32, 299), strict=True):
        # Angles that differ by whole turns, or that have no effect, may differ: the infidelity may not.
        assert one.infidelity == pytest.approx(whole[index].infidelity, abs=1e-9)


def test_without_a_fit_one_layer_is_the_train_of_bond_two() -> None:
    """It is as good as the layer of `prepare_train_in_layers`: both truncate cut by cut, from different sides."""
    data = vectors(4, 6)
    plain = circuits.prepare_in_layers(data, layers=1, sweeps=0, growing_sweeps=0)
    for vector, infidelity in zip(data, plain.infidelities, strict=True):
        train = tt.decompose(vector, (2,) * 6).train
        other = circuits.prepare_train_in_layers(train, layers=1, sweeps=0)
        assert 1 - infidelity == pytest.approx(other.fidelities[0], abs=0.1)
    bond_two = tt.decompose(data[0], (2,) * 6, bond=2).train.dense()
    exact = circuits.prepare_in_layers(bond_two[None], layers=1, sweeps=0, growing_sweeps=0)
    assert exact.infidelities[0] < 1e-11  # of angles in single precision


def test_zero_vectors_are_the_first_basis_state() -> None:
    assert circuits.prepare_in_layers(np.zeros((1, 8)), layers=1).infidelities[0] < 1e-11


def test_a_set_is_one_file(tmp_path) -> None:
    found = circuits.prepare_in_layers(vectors(3, 3), layers=1, sweeps=2)
    found.save(tmp_path / "three.preparations")
    loaded = circuits.PreparationSet.load(tmp_path / "three.preparations")
    assert loaded[2].circuit() == found[2].circuit()
    assert_allclose(loaded.infidelities, found.infidelities, rtol=0)
    assert loaded.recipe["architecture"] == "sequential"
    assert repr(loaded) == "PreparationSet(3 vectors, n_qubits=3, cx=4)"
    (tmp_path / "cut.preparations").write_bytes(found.to_bytes()[:-1])
    with pytest.raises(ArtifactError, match="cannot be read as circuits of a set of vectors: it is cut"):
        circuits.PreparationSet.load(tmp_path / "cut.preparations")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": np.array([[0, 2]])}, "pairs must be pairs of 2 qubits"),
        ({"angles": np.zeros((1, 3), np.float32)}, "angles must be"),
        ({"angles": np.full((1, 4), np.nan, np.float32)}, "must be finite"),
        ({"sweeps": np.zeros(2, np.int32)}, "sweeps must be"),
    ],
)
def test_files_of_other_sets_are_refused(change, message, tmp_path) -> None:
    arrays = {"pairs": np.array([[0, 1]]), "angles": np.zeros((1, 4), np.float32)}
    arrays |= {"infidelities": np.zeros(1), "sweeps": np.zeros(1, np.int32)}
    header = {"kind": "preparations", "n_qubits": 2, "recipe": {}, "provenance": {}}
    path = tmp_path / "set.preparations"
    path.write_bytes(pack(header, arrays))
    assert len(circuits.PreparationSet.load(path)) == 1
    path.write_bytes(pack(header, arrays | change))
    with pytest.raises(ArtifactError, match=message):
        circuits.PreparationSet.load(path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.prepare_in_layers(np.ones(4), layers=1), r"vectors must have shape \(n, 2\*\*q\)"),
        (lambda: circuits.prepare_in_layers(np.ones((1, 6)), layers=1), r"vectors must have shape \(n, 2\*\*q\)"),
        (lambda: circuits.prepare_in_layers(1j * np.ones((1, 4)), layers=1), "vectors must be real"),
        (lambda: circuits.prepare_in_layers(np.ones((1, 4)), layers=0), "layers must be an integer of at least 1"),
        (
            lambda: circuits.prepare_in_layers(np.ones((1, 4)), layers=1, architecture="tree"),
            "architecture must be one of brick, dense, sequential",
        ),
        (lambda: circuits.prepare_in_layers(np.ones((1, 4)), layers=1, sweeps=-1), "sweeps must be an integer of"),
        (lambda: circuits.prepare_in_layers(np.ones((1, 4)), layers=1, gain=-1.0), "gain must be at least 0"),
        (lambda: circuits.prepare_in_layers(np.ones((1, 4)), layers=1, qubits=[0, 0]), "qubits must name each of 2"),
    ],
)
def test_errors_name_argument_rule_and_value(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
