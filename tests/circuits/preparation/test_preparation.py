"""State preparation: the prepared state against the vector, its cost in CX, and the template against the angles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector

import circuits
from circuits.preparation.ansatz import fewest_for_any_state, gate_table, random_pairs
from circuits.preparation.baselines import qiskit_circuit, schmidt_circuit
from circuits.preparation.least_squares import count_angles, propagate, state
from circuits.preparation.reduction import affine_support, factors
from qimg.states import amplitude_encode

SIZES = range(1, 8)

# Synthesis and simulation lose about 1e-15 for each of at most a few hundred gates.
AMPLITUDE = 1e-10


def random_state(n_qubits: int, *, seed: int, imaginary: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=2**n_qubits) + (1j * rng.normal(size=2**n_qubits) if imaginary else 0)
    return vector / np.linalg.norm(vector)


def product_state(n_qubits: int, *, seed: int, imaginary: bool = False) -> np.ndarray:
    state = np.ones(1)
    for qubit in range(n_qubits):
        state = np.kron(state, random_state(1, seed=seed + qubit, imaginary=imaginary))
    return state


def sparse_state(n_qubits: int) -> np.ndarray:
    state = np.zeros(2**n_qubits)
    state[[0, 2**n_qubits // 2, -1]] = [0.6, -0.48, 0.64]
    return state / np.linalg.norm(state)


def ghz_state(n_qubits: int) -> np.ndarray:
    state = np.zeros(2**n_qubits)
    state[[0, -1]] = 1 / np.sqrt(2)
    return state


def prepared_by(circuit: QuantumCircuit) -> np.ndarray:
    return Statevector(circuit).data


@pytest.mark.parametrize("n_qubits", SIZES)
@pytest.mark.parametrize(
    "make",
    [
        lambda n: random_state(n, seed=n),
        lambda n: random_state(n, seed=n, imaginary=True),
        lambda n: -random_state(n, seed=10 * n),
        lambda n: np.exp(0.7j) * random_state(n, seed=10 * n),
        lambda n: product_state(n, seed=n),
        lambda n: product_state(n, seed=n, imaginary=True),
        sparse_state,
        ghz_state,
        lambda n: np.eye(2**n)[0],
        lambda n: -np.eye(2**n)[2**n - 1],
        lambda n: 1j * np.eye(2**n)[2**n // 3],
        lambda n: np.full(2**n, 2 ** (-n / 2)),
    ],
    ids=[
        "real",
        "complex",
        "negative",
        "global phase",
        "product",
        "complex product",
        "sparse",
        "GHZ",
        "first",
        "last",
        "basis",
        "flat",
    ],
)
def test_prepare_gives_every_amplitude_phase_included(n_qubits, make):
    vector = make(n_qubits)
    np.testing.assert_allclose(prepared_by(circuits.prepare(vector)), vector, rtol=0, atol=AMPLITUDE)


@pytest.mark.parametrize("level", [0, 1])
def test_prepare_survives_compilation(level):
    vector = random_state(5, seed=3, imaginary=True)
    compiled = circuits.compile_circuit(circuits.prepare(vector), optimization_level=level)
    assert set(compiled.count_ops()) <= {"cx", "rz", "sx", "x", "ry"}
    np.testing.assert_allclose(prepared_by(compiled), vector, rtol=0, atol=AMPLITUDE)


@given(
    st.integers(1, 4).flatmap(
        lambda n: arrays(np.complex128, 2**n, elements=st.complex_numbers(max_magnitude=1, allow_subnormal=False))
    )
)
@settings(max_examples=60, deadline=None)
def test_infidelity_of_an_exact_preparation_is_below_1e_12(vector):
    state = amplitude_encode(vector).amplitudes
    overlap = np.vdot(state, prepared_by(circuits.prepare(state)))
    # 1e-12 is the documented bound; the phase of the overlap is taken back.
    assert 1 - abs(overlap) ** 2 <= 1e-12
    assert abs(np.angle(overlap)) <= 1e-10


@pytest.mark.parametrize(
    ("fidelity", "imaginary"),
    [
        *((fidelity, imaginary) for fidelity in (0.5, 0.8, 0.95) for imaginary in (False, True)),
        (0.999, False),
        pytest.param(0.999, True, marks=pytest.mark.slow),
    ],
)
def test_fidelity_asked_for_is_reached(fidelity, imaginary):
    vector = random_state(6, seed=5, imaginary=imaginary)
    circuit = circuits.prepare(vector, fidelity=fidelity)
    overlap = np.vdot(vector, prepared_by(circuit))
    assert abs(overlap) ** 2 >= fidelity - 1e-12
    assert abs(np.angle(overlap)) <= 1e-10


@pytest.mark.parametrize(
    ("n_qubits", "imaginary"),
    [
        *((4, False), (4, True), (6, False)),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((6, True), (7, False), (7, True))),
    ],
)
def test_every_halving_of_the_schmidt_register_saves_cx(n_qubits, imaginary):
    vector = random_state(n_qubits, seed=5, imaginary=imaginary)
    weights = np.linalg.svd(vector.reshape(2 ** (n_qubits // 2), -1), compute_uv=False) ** 2
    ranks = [2**bits for bits in range(n_qubits // 2 + 1)]
    # A little less than what the rank keeps, so that this rank and no higher one is taken.
    counts = [circuits.count_gates(circuits.prepare(vector, fidelity=weights[:rank].sum() - 1e-6)).cx for rank in ranks]
    assert counts == sorted(set(counts))


def test_a_lower_fidelity_takes_what_a_lower_rank_needs():
    # Schmidt weights 0.7, 0.2, 0.1 between qubits 0-1 and 2-3: rank 1 keeps 0.7, rank 2 keeps 0.9.
    vector = np.sqrt(np.diag([0.7, 0.2, 0.1, 0.0])).ravel()
    prepared = [circuits.prepare(vector, fidelity=fidelity) for fidelity in (0.69, 0.71, 1.0)]
    reached = [abs(np.vdot(vector, prepared_by(circuit))) ** 2 for circuit in prepared]
    np.testing.assert_allclose(reached, [0.7, 0.9, 1.0], atol=1e-12)
    counts = [circuits.count_gates(circuit).cx for circuit in prepared]
    # Rank 2 is |0000⟩ and |0101⟩: one copy. The last one is two qubits in superposition (1 CX) and two copies.
    assert counts == [0, 1, 3]


@pytest.mark.parametrize("n_qubits", SIZES)
@pytest.mark.parametrize("imaginary", [False, True])
def test_product_states_need_no_cx(n_qubits, imaginary):
    circuit = circuits.prepare(product_state(n_qubits, seed=n_qubits, imaginary=imaginary))
    assert circuits.count_gates(circuit).cx == 0


@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize("n_qubits", range(1, 7))
def test_states_without_structure_take_as_few_cx_as_angles_allow(n_qubits, imaginary):
    counts = [
        circuits.count_gates(circuits.prepare(random_state(n_qubits, seed=seed, imaginary=imaginary))).cx
        for seed in range(3)
    ]
    least = fewest_for_any_state(n_qubits)
    # A third of the starts converges at the least number, a tenth on six complex qubits, and 64 are tried.
    assert counts == [least] * 3


def test_parameter_count_is_the_rank_of_the_derivative():
    # Angles minus redundant ones must reach the dimension of the sphere of states: 2ⁿ − 1, with 2ⁿ⁺¹ − 1 if complex.
    rng = np.random.default_rng(0)
    for n_qubits, imaginary in [(3, False), (4, False), (5, False), (6, False), (3, True), (4, True), (5, True)]:
        rows = 2 ** (n_qubits + imaginary)
        least = fewest_for_any_state(n_qubits)
        # Some trees lose a dimension or two; the best of a few loses none.
        ranks = {
            count: max(tangent_rank(n_qubits, count, imaginary, rng) for _ in range(8)) for count in (least - 1, least)
        }
        assert ranks[least] == rows - 1
        assert ranks[least - 1] < rows - 1


def tangent_rank(n_qubits: int, count: int, imaginary: bool, rng: np.random.Generator) -> int:
    gates = gate_table(n_qubits, random_pairs(n_qubits, count, rng), imaginary)
    rows = 2 ** (n_qubits + imaginary)
    work = np.zeros((rows, 1 + count_angles(gates)))
    propagate(gates, rng.uniform(-3, 3, count_angles(gates)), work, np.zeros(rows, np.int64), True)
    return int(np.linalg.matrix_rank(work[:, 1:], tol=1e-9))


def test_derivatives_agree_with_differences():
    rng = np.random.default_rng(0)
    pairs = random_pairs(3, 5, rng)
    gates = gate_table(3, pairs, True)
    angles = rng.uniform(-3, 3, count_angles(gates))
    work, place = np.zeros((16, 1 + len(angles))), np.zeros(16, np.int64)
    propagate(gates, angles, work, place, True)
    step = 1e-5
    for k, unit in enumerate(np.eye(len(angles))):
        slope = (state(gates, angles + step * unit, 16) - state(gates, angles - step * unit, 16)) / (2 * step)
        # Central differences err by step²/24 and by rounding over the step.
        np.testing.assert_allclose(work[place, 1 + k], slope, atol=1e-9)


def test_search_finds_the_structure_that_the_default_misses():
    # A Toeplitz-like patch: every entry of the ramp is a sum of row and column.
    ramp = amplitude_encode(np.add.outer(np.arange(8), np.arange(8)).ravel() + 1.0).amplitudes
    counts = [circuits.count_gates(circuits.prepare(ramp, effort=effort)).cx for effort in ("default", "search")]
    assert counts[1] <= counts[0] <= 29
    assert counts[1] <= 10


def test_sparse_states_take_the_cx_of_their_span():
    # GHZ: one qubit in superposition and a copy on every other.
    assert circuits.count_gates(circuits.prepare(ghz_state(6))).cx == 5
    assert circuits.count_gates(circuits.prepare(ghz_state(10))).cx == 9
    # Three basis states span two coordinates: a two-qubit state and the copies.
    vector = np.zeros(64)
    vector[[5, 6, 40]] = [0.6, -0.48, 0.64]
    circuit = circuits.prepare(vector)
    np.testing.assert_allclose(prepared_by(circuit), vector, atol=AMPLITUDE)
    # One for the two coordinates; 5 ⊕ 6 has one more bit than its pivot, 5 ⊕ 40 three more.
    assert circuits.count_gates(circuit).cx == 5
    # W state on 6 qubits.
    w_state = np.zeros(64)
    w_state[2 ** np.arange(6)] = 1 / np.sqrt(6)
    assert circuits.count_gates(circuits.prepare(w_state, effort="search")).cx <= 9


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 6), st.booleans())
@settings(max_examples=80, deadline=None)
def test_affine_support_gives_the_state_back(seed, n_qubits, count, imaginary):
    rng = np.random.default_rng(seed)
    vector = np.zeros(2**n_qubits, complex if imaginary else float)
    chosen = rng.choice(2**n_qubits, min(count, 2**n_qubits), replace=False)
    vector[chosen] = rng.normal(size=len(chosen)) + (1j * rng.normal(size=len(chosen)) if imaginary else 0)
    vector /= np.linalg.norm(vector)
    support = affine_support(vector)
    assert len(support.qubits) <= len(chosen) - 1 or len(chosen) == 1
    rebuilt = np.zeros_like(vector)
    for c, amplitude in enumerate(support.amplitudes):
        index = sum(1 << qubit for bit, qubit in enumerate(support.qubits) if c >> bit & 1)
        for control, target in support.copies:
            index ^= (index >> control & 1) << target
        rebuilt[index ^ sum(1 << qubit for qubit in support.flips)] += amplitude
    # A renormalised vector whose dropped weight is at most 1e-13.
    np.testing.assert_allclose(rebuilt, vector, atol=1e-6)


def test_factors_of_a_product_are_found_wherever_they_are():
    parts = {(0, 3): random_state(2, seed=1), (1, 2, 4): random_state(3, seed=2), (5,): random_state(1, seed=3)}
    vector = np.ones(64)
    for qubits, part in parts.items():
        bits = sum((np.arange(64) >> qubit & 1) << k for k, qubit in enumerate(qubits))
        vector = vector * part[bits]
    found = factors(vector)
    assert {tuple(factor.qubits) for factor in found} == set(parts)
    for factor in found:
        assert abs(np.dot(factor.amplitudes, parts[tuple(factor.qubits)])) == pytest.approx(1, abs=1e-12)
    # 1 CX for two qubits, 3 for three.
    assert circuits.count_gates(circuits.prepare(vector)).cx == 4


def test_baselines_build_what_they_are_named_after():
    vector = random_state(4, seed=2)
    np.testing.assert_allclose(prepared_by(qiskit_circuit(vector)), vector, atol=AMPLITUDE)
    weights = np.linalg.svd(vector.reshape(4, 4), compute_uv=False) ** 2
    for rank in (1, 2, 4):
        prepared = prepared_by(schmidt_circuit(vector, rank=rank))
        assert abs(np.vdot(vector, prepared)) ** 2 == pytest.approx(weights[:rank].sum(), abs=1e-12)
    with pytest.raises(ValueError, match=r"rank must be in \[1, 4\], but rank=5"):
        schmidt_circuit(vector, rank=5)


def test_registers_too_large_for_a_fit_are_prepared_by_their_schmidt_form():
    vector = random_state(9, seed=0)
    circuit = circuits.prepare(vector, fidelity=0.5)
    overlap = np.vdot(vector, prepared_by(circuit))
    assert abs(overlap) ** 2 >= 0.5
    assert abs(np.angle(overlap)) <= 1e-10


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([1.0, 0.0, 0.0], r"vector must have 2\*\*n components .*vector=3"),
        ([1.0], r"vector must have 2\*\*n components .*vector=1"),
        ([1.0, 1.0], "vector must have norm 1 .*vector=1.41"),
        ([0.0, 0.0], "vector must have norm 1 .*vector=0.0"),
        ([np.nan, 1.0], "vector must be finite"),
        (["a", "b"], "vector must be numeric"),
    ],
)
def test_prepare_refuses_what_is_no_state(vector, message):
    with pytest.raises(ValueError, match=message):
        circuits.prepare(vector)


@pytest.mark.parametrize("fidelity", [0.0, -0.1, 1.1, np.nan])
def test_prepare_refuses_a_fidelity_out_of_range(fidelity):
    with pytest.raises(ValueError, match=r"fidelity must be in \(0, 1\], but fidelity="):
        circuits.prepare([1.0, 0.0], fidelity=fidelity)


def test_prepare_refuses_an_unknown_effort():
    with pytest.raises(ValueError, match="effort must be one of default, search, but effort='hard'"):
        circuits.prepare([1.0, 0.0], effort="hard")


@given(st.integers(1, 5).flatmap(lambda n: arrays(np.float64, 2**n, elements=st.floats(-1, 1, allow_subnormal=False))))
@settings(max_examples=60, deadline=None)
def test_template_with_its_angles_prepares_real_vectors(vector):
    n_qubits = len(vector).bit_length() - 1
    circuit = circuits.template(n_qubits).assign_parameters(circuits.template_angles(vector))
    np.testing.assert_allclose(prepared_by(circuit), amplitude_encode(vector).amplitudes, rtol=0, atol=AMPLITUDE)


@pytest.mark.parametrize("n_qubits", SIZES)
def test_template_is_2_to_the_n_minus_2_cx_and_as_many_angles_as_a_real_state_has(n_qubits):
    circuit = circuits.template(n_qubits)
    gates = circuit.count_ops()
    assert gates.get("cx", 0) == 2**n_qubits - 2
    assert gates["ry"] == len(circuit.parameters) == 2**n_qubits - 1
    assert set(gates) <= {"ry", "cx"}


def test_template_angles_of_a_batch_are_those_of_each_vector():
    vectors = np.random.default_rng(0).normal(size=(2, 3, 16))
    looped = np.array([[circuits.template_angles(vector) for vector in row] for row in vectors])
    # The matrix product of a batch may add in another order.
    np.testing.assert_allclose(circuits.template_angles(vectors), looped, rtol=0, atol=1e-14)


def test_template_angles_do_not_depend_on_the_norm():
    vector = random_state(4, seed=1)
    np.testing.assert_allclose(
        circuits.template_angles(1e3 * vector), circuits.template_angles(vector), rtol=0, atol=1e-14
    )


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones(4) * 1j, "vectors must be real for the template"),
        (np.ones((2, 6)), r"must have 2\*\*n components .*=6"),
        (np.array([1.0, np.inf]), "vectors must be finite"),
    ],
)
def test_template_angles_refuse_what_the_template_cannot_prepare(vectors, message):
    with pytest.raises(ValueError, match=message):
        circuits.template_angles(vectors)


@pytest.mark.parametrize("n_qubits", [0, 21, 2.0])
def test_template_refuses_a_register_out_of_range(n_qubits):
    with pytest.raises(ValueError, match=r"n_qubits must be (an integer )?in \[1, 20\], but n_qubits="):
        circuits.template(n_qubits)


def test_single_precision_patches_are_prepared():
    patch = np.linspace(1, 2, 8, dtype=np.float32)
    state = amplitude_encode(patch).amplitudes
    # Encoded in double precision, whatever the patch came in.
    assert np.abs(circuits.statevectors(circuits.prepare(state))[0] - state).max() < 1e-12
