"""Backends by name, and circuits counted on them."""

import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator
from scipy import stats

import circuits
from circuits.execution.backends import MAX_COUNTED_QUBITS, SIMULATORS, aer_result


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def basis_state(k: int, n_qubits: int) -> QuantumCircuit:
    return circuits.prepare(np.eye(2**n_qubits)[k])


@pytest.mark.parametrize("name", SIMULATORS)
def test_ideal_simulators_agree_on_what_can_be_measured(name):
    counts = circuits.run(bell(), name, shots=4000, seed=1)
    assert counts.shape == (1, 4)
    assert counts.dtype == np.int64
    assert counts.sum() == 4000
    assert counts[0, 1] == counts[0, 2] == 0
    # A fair coin: four standard errors of 4000 tosses are 127.
    assert abs(counts[0, 0] - 2000) <= 127


@pytest.mark.parametrize("name", SIMULATORS)
@pytest.mark.parametrize("n_qubits", [1, 3])
def test_integer_k_is_outcome_k(name, n_qubits):
    counts = circuits.run([basis_state(k, n_qubits) for k in range(2**n_qubits)], name, shots=7)
    np.testing.assert_array_equal(counts, 7 * np.eye(2**n_qubits))


@pytest.mark.parametrize("n_qubits", [9, 17])
def test_outcomes_of_more_than_one_byte_are_whole_integers(n_qubits):
    circuit = QuantumCircuit(n_qubits)
    circuit.x([0, 7, n_qubits - 1])
    counts = circuits.run(circuit, shots=3)
    assert counts[0, 2 ** (n_qubits - 1) + 2**7 + 1] == 3
    assert counts.sum() == 3


def test_a_circuit_with_measurements_keeps_its_own_bits():
    circuit = QuantumCircuit(3, 2)
    circuit.x(2)
    circuit.measure([2, 0], [0, 1])
    np.testing.assert_array_equal(circuits.run(circuit, shots=5), [[0, 5, 0, 0]])


def test_several_registers_are_one_integer_the_first_one_lowest():
    data, first, second = QuantumRegister(3), ClassicalRegister(1, "zz"), ClassicalRegister(2, "aa")
    circuit = QuantumCircuit(data, first, second)
    circuit.x([0, 2])
    circuit.measure(data, [first[0], second[0], second[1]])
    assert circuits.run(circuit, shots=4)[0, 0b101] == 4


def test_run_leaves_its_circuits_alone():
    circuit = bell()
    circuits.run(circuit, shots=1)
    assert circuit == bell()


def test_a_seed_repeats_the_counts():
    first, again, other = (circuits.run(bell(), shots=500, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("name", ["statevector", "matrix_product_state"])
def test_counts_follow_the_state(name, rng):
    populations = rng.dirichlet(np.full(16, 5.0))
    state = np.sqrt(populations) * np.exp(2j * np.pi * rng.random(16))
    counts = circuits.run(circuits.prepare(state), name, shots=20_000, seed=5)[0]
    # Pearson's χ² of a right sampler fails for one seed in 10 000; the seed is fixed.
    assert populations.min() * 20_000 > 10
    assert stats.chisquare(counts, 20_000 * populations).pvalue > 1e-4


def test_statevectors_are_those_of_the_circuits():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(3, 8)) + 1j * rng.normal(size=(3, 8))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    found = circuits.statevectors([circuits.prepare(state) for state in states])
    np.testing.assert_allclose(found, states, rtol=0, atol=1e-10)
    np.testing.assert_allclose(circuits.statevectors(circuits.prepare(states[1])), states[1:2], rtol=0, atol=1e-10)


def test_a_generic_backend_is_noisy():
    device = circuits.backend("generic", n_qubits=5, seed=7)
    assert isinstance(device, BackendV2)
    assert device.num_qubits == 5
    # Thirty pairs of CX are the identity without noise, and lose percents with it.
    circuit = QuantumCircuit(2)
    for _ in range(30):
        circuit.cx(0, 1)
        circuit.barrier()
        circuit.cx(0, 1)
        circuit.barrier()
    ideal = circuits.run(circuit, shots=2000, seed=1)[0]
    noisy = circuits.run(circuit, device, shots=2000, seed=1)[0]
    np.testing.assert_array_equal(ideal, [2000, 0, 0, 0])
    assert noisy.sum() == 2000
    assert 1000 < noisy[0] < 2000


def test_a_generic_backend_is_the_same_for_a_seed():
    errors = [circuits.backend("generic", n_qubits=2, seed=seed).target["cx"][0, 1].error for seed in (0, 0, 1)]
    assert errors[0] == errors[1] != errors[2]
    assert circuits.backend("generic").num_qubits == 8


def test_a_fake_device_by_name():
    pytest.importorskip("qiskit_ibm_runtime")
    device = circuits.backend("fake_manila")
    assert device.num_qubits == 5
    counts = circuits.run(bell(), device, shots=2000, seed=1)[0]
    assert counts.sum() == 2000
    # Noise moves some shots to 01 and 10, but the two outcomes of a Bell pair stay the likely ones.
    assert 0 < counts[1] + counts[2] < 400


def test_unknown_fake_devices_are_refused():
    pytest.importorskip("qiskit_ibm_runtime")
    for name in ("fake_nowhere", "fake_", "fake_providerforbackend"):
        with pytest.raises(ValueError, match=f"name must be one of .*fake_manila.*, but name='{name}'"):
            circuits.backend(name)


@pytest.mark.parametrize("name", ["fake_manila", "ibm_anywhere"])
def test_devices_without_the_extra_say_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime", None)
    with pytest.raises(ModuleNotFoundError, match=r"need the ibm extra: pip install 'qimg\[ibm\]'"):
        circuits.backend(name)


@pytest.mark.parametrize("name", ["", "aer", "Statevector", "unitary"])
def test_unknown_backends_are_refused(name):
    with pytest.raises(ValueError, match=f"name must be one of statevector, .*, but name='{name}'"):
        circuits.run(bell(), name, shots=1)


@pytest.mark.parametrize("option", ["n_qubits", "seed"])
@pytest.mark.parametrize("name", ["statevector", "fake_manila"])
def test_options_without_effect_are_refused(name, option):
    with pytest.raises(ValueError, match=f"{option} has no effect on {name} and must be left out"):
        circuits.backend(name, **{option: 3})


@pytest.mark.parametrize(
    ("many", "shots", "message"),
    [
        (bell(), 0, "shots must be an integer of at least 1, but shots=0"),
        (bell(), 1.5, "shots must be an integer of at least 1, but shots=1.5"),
        ([], 1, "circuits must hold at least one circuit"),
        ([bell(), QuantumCircuit(3)], 1, r"circuits must measure equally many bits, but circuits=\[2, 3\]"),
        (QuantumCircuit(MAX_COUNTED_QUBITS + 1), 1, "circuits must measure at most 26 bits, but circuits=27"),
    ],
)
def test_run_names_bad_arguments(many, shots, message):
    with pytest.raises(ValueError, match=message):
        circuits.run(many, shots=shots)


def test_generic_backend_refuses_no_qubits():
    with pytest.raises(ValueError, match="n_qubits must be an integer of at least 1, but n_qubits=0"):
        circuits.backend("generic", n_qubits=0)


def test_a_run_that_fails_raises_with_aers_message():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.t(0)
    circuit.save_statevector()
    with pytest.raises(RuntimeError, match="Aer could not run the circuit: ERROR"):
        aer_result(circuit, method="stabilizer")


def test_bits_without_a_measurement_are_refused():
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    with pytest.raises(ValueError, match="circuits must measure into their classical bits or have none"):
        circuits.run(circuit, shots=10)


def test_states_of_measured_circuits_are_refused():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    with pytest.raises(ValueError, match="circuits must not measure or reset"):
        circuits.statevectors(circuit)
    with pytest.raises(ValueError, match="circuits must hold at least one circuit"):
        circuits.statevectors([])


def entangled(n_qubits: int = 8) -> QuantumCircuit:
    rng = np.random.default_rng(0)
    circuit = QuantumCircuit(n_qubits)
    for layer in range(4):
        for qubit in range(n_qubits):
            circuit.ry(rng.normal(), qubit)
        for qubit in range(layer % 2, n_qubits - 1, 2):
            circuit.cx(qubit, qubit + 1)
    return circuit


def test_a_truncated_run_reports_what_it_discarded():
    exact = circuits.statevectors(entangled())[0]
    for options in ({}, {"bond_dimension": 3}, {"threshold": 1e-3}, {}):
        found = circuits.run_truncated(entangled(), **options)
        state = found.train.dense()
        infidelity = 1 - abs(np.vdot(state, exact)) ** 2 / found.norm**2
        if not options:
            assert found.discarded_weight == 0
            assert found.bond_dimension == 4
            np.testing.assert_allclose(state, exact, atol=1e-12)
        else:
            assert found.bond_dimension <= 4
            # To first order the weights add up to the infidelity.
            assert infidelity == pytest.approx(found.discarded_weight, rel=0.1)


def test_runs_with_different_bonds_do_not_disturb_each_other():
    bonds = [None, 1, 2, 3] * 6
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda bond: circuits.run_truncated(entangled(), bond_dimension=bond), bonds))
    assert [run.bond_dimension for run in found] == [4 if bond is None else bond for bond in bonds]


def test_a_bond_of_one_shows_in_the_counts():
    ghz = bell()
    counts = circuits.run(ghz, circuits.backend("matrix_product_state", bond_dimension=1), shots=500, seed=0)[0]
    assert (counts > 0).sum() == 1
    assert (circuits.run(ghz, "matrix_product_state", shots=500, seed=0)[0] > 0).sum() == 2


@pytest.mark.parametrize("name", ["statevector", "density_matrix", "matrix_product_state"])
def test_expectation_values(name):
    found = circuits.estimate(bell(), [{"XX": 1.0, "ZZ": 0.5}, {"YY": 1.0}, {"ZI": 1.0}], name, precision=0.02, seed=1)
    assert found.values.shape == found.standard_errors.shape == (1, 3)
    # The first two have no scatter; the third five standard errors.
    np.testing.assert_allclose(found.values, [[1.5, -1, 0]], atol=0.1)
    np.testing.assert_allclose(found.values[0, :2], [1.5, -1], atol=1e-12)


def test_expectation_values_of_a_noisy_device_are_smaller():
    found = circuits.estimate([bell()], [{"XX": 1.0}, {"ZZ": 1.0}], "generic", precision=0.01, seed=1)
    assert ((found.values > 0.8) & (found.values < 1)).all()


def test_shots_of_each_circuit():
    counts = circuits.run([bell(), bell()], shots=[10, 30], seed=0)
    assert counts.sum(axis=1).tolist() == [10, 30]
    with pytest.raises(ValueError, match="shots must be one number, or 2, but shots=1"):
        circuits.run([bell(), bell()], shots=[10])


def test_a_layout_places_the_qubits():
    device = circuits.backend("generic", n_qubits=5)
    assert circuits.measured_qubits(bell(), device, layout=[3, 0]) == (3, 0)
    assert circuits.run(bell(), device, shots=100, seed=0, layout=[3, 0]).sum() == 100
    for layout in ([0], [0, 0], [0, 5], [-1, 2]):
        with pytest.raises(ValueError, match="layout must name 2 different qubits of 5"):
            circuits.run(bell(), device, shots=1, layout=layout)


def test_circuits_too_wide_for_a_device_are_refused():
    with pytest.raises(ValueError, match=r"circuits must have at most the 8 qubits of .*, but circuits=9"):
        circuits.run(QuantumCircuit(9), "generic", shots=1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("statevector", {"bond_dimension": 3}, "bond_dimension has no effect on statevector"),
        ("generic", {"threshold": 0.1}, "threshold has no effect on generic"),
        ("generic", {"gpu": True}, "gpu has no effect on generic"),
        ("matrix_product_state", {"bond_dimension": 0}, "bond_dimension must be an integer of at least 1"),
        ("matrix_product_state", {"threshold": 1.0}, r"threshold must be in \[0, 1\), but threshold=1.0"),
    ],
)
def test_limits_where_they_have_no_meaning_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        circuits.backend(name, **options)


def test_a_gpu_is_used_where_aer_finds_one():
    if "GPU" in AerSimulator().available_devices():
        assert circuits.backend("statevector", gpu=True).options.device == "GPU"
    else:
        with pytest.raises(ValueError, match="gpu must be False: Aer finds only CPU here, but gpu=True"):
            circuits.backend("statevector", gpu=True)


def test_without_an_account_a_device_says_so(monkeypatch):
    class Service:
        def __init__(self) -> None:
            raise RuntimeError("Unable to find account.")

    runtime = ModuleType("qiskit_ibm_runtime")
    runtime.QiskitRuntimeService = Service
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime", runtime)
    with pytest.raises(ConnectionError, match=r"ibm_x: cannot be reached with .*: Unable to find account"):
        circuits.backend("ibm_x")


@pytest.mark.parametrize(
    ("observables", "options", "message"),
    [
        ([], {}, "observables must hold at least one observable"),
        ([{"X": 1.0}], {}, "observables must be named by 2 letters of I, X, Y, Z, but observables='X'"),
        ([{}], {}, "observables must have at least one Pauli string each"),
        ([{"XX": 1.0}], {"precision": 0.0}, r"precision must be in \(0, 1\), but precision=0.0"),
    ],
)
def test_estimate_names_bad_arguments(observables, options, message):
    with pytest.raises(ValueError, match=message):
        circuits.estimate(bell(), observables, **{"precision": 0.1, **options})
