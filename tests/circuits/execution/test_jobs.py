"""Job lists: batches, resuming after a failure, memory; and circuits as files."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator

import circuits
from circuits.execution import jobs


def small(count: int, n_qubits: int = 3) -> list[QuantumCircuit]:
    many = []
    for k in range(count):
        circuit = QuantumCircuit(n_qubits)
        for qubit in range(n_qubits):
            circuit.ry(0.1 + 0.2 * k + qubit, qubit)
        circuit.cx(0, n_qubits - 1)
        many.append(circuit)
    return many


def test_counts_are_those_of_the_states(tmp_path):
    many = small(12)
    counts = circuits.run_jobs(many, shots=4000, seed=0, file=tmp_path / "jobs.sqlite", batch=5)
    weights = np.abs(circuits.statevectors(many)) ** 2
    assert counts.shape == (12, 8)
    assert (counts.sum(axis=1) == 4000).all()
    # Five standard errors, and one count where a probability is small.
    assert (np.abs(counts / 4000 - weights) <= 5 * np.sqrt(weights / 4000) + 1 / 4000).all()


def test_a_failure_half_way_is_resumed_without_running_anything_twice(tmp_path, monkeypatch):
    many, given = small(20), {"shots": 50, "seed": 3, "batch": 4}
    whole = circuits.run_jobs(many, file=tmp_path / "whole.sqlite", **given)
    run, sent = jobs.run, []

    def failing(batch, *arguments, **options):
        sent.append(len(batch))
        if len(sent) == 3:
            raise RuntimeError("the device went away")
        return run(batch, *arguments, **options)

    monkeypatch.setattr(jobs, "run", failing)
    with pytest.raises(RuntimeError, match="the device went away"):
        circuits.run_jobs(many, file=tmp_path / "part.sqlite", **given)
    assert circuits.jobs_done(tmp_path / "part.sqlite") == 8
    sent.append(0)
    resumed = circuits.run_jobs(many, file=tmp_path / "part.sqlite", **given)
    assert sum(sent[4:]) == 12
    np.testing.assert_array_equal(resumed, whole)
    sent.clear()
    np.testing.assert_array_equal(circuits.run_jobs(many, file=tmp_path / "part.sqlite", **given), whole)
    assert sent == []


def test_a_job_is_its_circuit_backend_shots_and_seed(tmp_path):
    file = tmp_path / "jobs.sqlite"
    circuits.run_jobs(small(2), shots=10, seed=0, file=file)
    for change in ({"shots": 11}, {"seed": 1}, {"backend": "density_matrix"}):
        before = circuits.jobs_done(file)
        circuits.run_jobs(small(2), **{"shots": 10, "seed": 0, "file": file, **change})
        assert circuits.jobs_done(file) == before + 2
    # The names of circuits do not count, and neither do those of a backend made again.
    renamed = [circuit.copy(name="other") for circuit in small(2)]
    circuits.run_jobs(renamed, circuits.backend("statevector"), shots=10, seed=0, file=file)
    assert circuits.jobs_done(file) == 8
    noisy = [circuits.backend("generic", n_qubits=3, seed=seed) for seed in (0, 0, 1)]
    for device in noisy:
        circuits.run_jobs(small(2), device, shots=10, seed=0, file=file)
    assert circuits.jobs_done(file) == 12


def test_equal_circuits_are_independent_draws(tmp_path):
    counts = circuits.run_jobs(small(1) * 6, shots=1000, seed=0, file=tmp_path / "jobs.sqlite", batch=2)
    assert len({tuple(line) for line in counts.tolist()}) > 1


def test_batches_are_tracked_and_fit_the_memory(tmp_path):
    seen = []

    def track(items):
        seen.extend(items)
        return iter(seen)

    many = small(10)
    most = 16 * 8 + 8 * 8 * 10 + 3 * (100 * 9 + 64)
    circuits.run_jobs(many, shots=100, seed=0, file=tmp_path / "jobs.sqlite", memory=most, track=track)
    assert seen == [0, 3, 6, 9]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": 1000}, "memory must be at least .* for 4 circuits of 3 qubits and 100 shots, but memory=1000"),
        ({"shots": 0}, "shots must be an integer of at least 1, but shots=0"),
        ({"batch": 0}, "batch must be an integer of at least 1, but batch=0"),
        ({"backend": "nowhere"}, "name must be one of"),
    ],
)
def test_bad_arguments_are_named(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        circuits.run_jobs(small(4), **{"shots": 100, "seed": 0, "file": tmp_path / "jobs.sqlite", **options})


def test_a_global_phase_is_part_of_an_exported_program():
    circuit = QuantumCircuit(1, global_phase=0.7)
    circuit.h(0)
    text = circuits.circuit_bytes(circuit, ".qasm").decode()
    phase = float(circuits.compile_circuit(circuit).global_phase)
    last = text.splitlines()[-1]
    assert np.exp(1j * float(last.removeprefix("gphase(").removesuffix(");"))) == pytest.approx(np.exp(1j * phase))
    circuit.global_phase -= phase
    assert "gphase" not in circuits.circuit_bytes(circuit, ".qasm").decode()


@pytest.mark.parametrize("name", ["dct", "haar", "qft", "walsh"])
def test_the_phase_of_a_controlled_transform_is_a_gate(name):
    matrix = circuits.transform_unitary(name, 3)
    whole = QuantumCircuit(4)
    whole.append(circuits.transform_circuit(name, 3).to_gate().control(1), range(4))
    for circuit in (whole, circuits.compile_circuit(whole)):
        made = Operator(circuit).data  # the control is bit 0
        np.testing.assert_allclose(made[1::2, 1::2], matrix, atol=1e-10)
        np.testing.assert_allclose(made[::2, ::2], np.eye(8), atol=1e-10)


def test_circuits_as_files(tmp_path):
    circuit = circuits.transform_circuit("dct_2d", 4)
    (tmp_path / "dct.qpy").write_bytes(circuits.circuit_bytes(circuit, ".qpy"))
    back = circuits.load_circuit(tmp_path / "dct.qpy")
    np.testing.assert_allclose(Operator(back).data, circuits.transform_unitary("dct_2d", 4), atol=1e-10)
    text = circuits.circuit_bytes(circuit, ".qasm").decode()
    assert text.startswith("OPENQASM 3.0;")
    assert text.count("cx ") == circuits.count_gates(circuit).cx
    assert "q_3" in circuits.draw_circuit(circuit)
    with pytest.raises(ValueError, match=r"ending must be one of .qasm, .qpy, but ending='.txt'"):
        circuits.circuit_bytes(circuit, ".txt")
    (tmp_path / "dct.qpy").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"path must be a QPY file of one circuit, but .*dct.qpy"):
        circuits.load_circuit(tmp_path / "dct.qpy")
