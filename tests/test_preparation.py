"""State preparation: the prepared state against the vector, its cost in CX, and the template against the angles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector

import circuits
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


@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize("fidelity", [0.5, 0.8, 0.95, 0.999])
def test_fidelity_asked_for_is_reached(fidelity, imaginary):
    vector = random_state(6, seed=5, imaginary=imaginary)
    circuit = circuits.prepare(vector, fidelity=fidelity)
    overlap = np.vdot(vector, prepared_by(circuit))
    assert abs(overlap) ** 2 >= fidelity - 1e-12
    assert abs(np.angle(overlap)) <= 1e-10


@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize("n_qubits", [4, 6, 7])
def test_every_halving_of_the_schmidt_register_saves_cx(n_qubits, imaginary):
    vector = random_state(n_qubits, seed=5, imaginary=imaginary)
    weights = np.linalg.svd(vector.reshape(2 ** (n_qubits // 2), -1), compute_uv=False) ** 2
    ranks = [2**bits for bits in range(n_qubits // 2 + 1)]
    # A little less than what the rank keeps, so that this rank and no higher one is taken.
    counts = [circuits.count_gates(circuits.prepare(vector, fidelity=weights[:rank].sum() - 1e-6)).cx for rank in ranks]
    assert counts == sorted(set(counts))


def test_truncation_takes_the_lowest_rank_that_suffices():
    # Schmidt weights 0.7, 0.2, 0.1 between qubits 0-1 and 2-3.
    vector = np.sqrt(np.diag([0.7, 0.2, 0.1, 0.0])).ravel()
    reached = [abs(np.vdot(vector, prepared_by(circuits.prepare(vector, fidelity=f)))) ** 2 for f in (0.69, 0.71, 0.91)]
    np.testing.assert_allclose(reached, [0.7, 0.9, 1.0], atol=1e-12)
    assert circuits.count_gates(circuits.prepare(vector, fidelity=0.69)).cx == 0


@pytest.mark.parametrize("n_qubits", SIZES)
@pytest.mark.parametrize("imaginary", [False, True])
def test_product_states_need_no_cx(n_qubits, imaginary):
    circuit = circuits.prepare(product_state(n_qubits, seed=n_qubits, imaginary=imaginary))
    assert circuits.count_gates(circuit).cx == 0


@pytest.mark.parametrize("seed", range(3))
def test_six_real_qubits_need_at_most_47_cx(seed):
    count = circuits.count_gates(circuits.prepare(random_state(6, seed=seed)))
    assert count.optimization_level == 1
    # Plesch and Brukner's bound for even n: (23/24) 2**n - 2**(n/2 + 1) + 5/3 = 47.
    assert 0 < count.cx <= 47


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
