"""Backends of other packages: a `BackendV2` that returns counts and nothing else."""

from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import CXGate, Measure, RZGate, SXGate, XGate
from qiskit.circuit.parameter import Parameter
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

import circuits


class Result:
    """Counts of the circuits of a job, in one of the formats of devices."""

    def __init__(self, counts: list[dict[str, int]], key: str, argument: bool) -> None:
        self._counts = [{self._as(key, outcome): number for outcome, number in one.items()} for one in counts]
        if argument:
            self.get_counts = lambda place: self._counts[place]
        else:
            self.get_counts = lambda: self._counts[0] if len(self._counts) == 1 else self._counts

    @staticmethod
    def _as(key: str, outcome: str) -> Any:
        number = int(outcome.replace(" ", ""), 2)
        return {"bits": outcome, "joined": outcome.replace(" ", ""), "hex": hex(number), "int": number}[key]


class Job:
    """A finished job."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def result(self) -> Result:
        return self._result


class Device(BackendV2):
    """The least that a backend has: a target, a limit of circuits, and `run` with `shots`."""

    def __init__(
        self,
        *,
        key: str = "bits",
        argument: bool = True,
        circuits: int | None = None,
        most: int | None = None,
        split: bool = False,
    ) -> None:
        super().__init__(name="least")
        self._key, self._argument, self._circuits, self._split = key, argument, circuits, split
        self._limit = most
        self.sent: list[tuple[int, int]] = []
        angle = Parameter("angle")
        self._target = Target(num_qubits=4)
        for gate in (CXGate(), RZGate(angle), SXGate(), XGate(), Measure()):
            self._target.add_instruction(gate)

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> int | None:
        return self._circuits

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, *, shots: int) -> Any:
        many = [run_input] if isinstance(run_input, QuantumCircuit) else run_input
        assert self._limit is None or shots <= self._limit
        self.sent.append((len(many), shots))
        outcomes = AerSimulator().run(many, shots=shots, seed_simulator=len(self.sent)).result()
        counts = [outcomes.get_counts(k) for k in range(len(many))]
        if self._split:
            return [Job(Result([one], self._key, self._argument)) for one in counts]
        return Job(Result(counts, self._key, self._argument))


class Limited(Device):
    """A device that states its largest number of shots in an option, and takes a seed."""

    @classmethod
    def _default_options(cls) -> Options:
        options = Options(shots=100, seed=None)
        options.set_validator("shots", (1, 300))
        return options

    def run(self, run_input: Any, *, shots: int, seed: int) -> Any:
        assert isinstance(seed, int)
        return super().run(run_input, shots=shots)


def flipped(k: int) -> QuantumCircuit:
    """Three bits in two registers, whose outcome is k."""
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(1, "low"), ClassicalRegister(2, "high"))
    for bit in range(3):
        if k >> bit & 1:
            circuit.x(bit)
    circuit.measure(range(3), range(3))
    return circuit


@pytest.mark.parametrize("key", ["bits", "joined", "hex", "int"])
@pytest.mark.parametrize("argument", [True, False])
@pytest.mark.parametrize("options", [{}, {"circuits": 1}, {"circuits": 3}, {"split": True}])
def test_outcomes_of_every_format(key, argument, options):
    device = Device(key=key, argument=argument, **options)
    counts = circuits.run([flipped(k) for k in range(8)], device, shots=7)
    np.testing.assert_array_equal(counts, 7 * np.eye(8))
    largest = options.get("circuits", 8)
    assert max(many for many, _ in device.sent) == largest


def test_one_circuit_without_measurements():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    counts = circuits.run(circuit, Device(), shots=2000)[0]
    assert counts[[1, 2]].sum() == 0
    assert abs(counts[0] - 1000) < 120  # five standard errors


def test_shots_are_those_of_each_circuit_and_divided_where_the_device_limits_them():
    device = Limited(most=300)
    counts = circuits.run([flipped(1), flipped(2), flipped(3)], device, shots=[1000, 10, 1000])
    assert counts.sum(axis=1).tolist() == [1000, 10, 1000]
    assert counts[0, 1] == counts[2, 3] == 1000
    assert device.sent == [(1, 10), *2 * [(1, 300), (1, 300), (1, 300), (1, 100)]]  # single, since it takes a seed
    device.max_shots = 100
    circuits.run(flipped(1), device, shots=250)
    assert device.sent[-3:] == [(1, 100), (1, 100), (1, 50)]


def test_jobs_on_a_device_that_returns_counts(tmp_path):
    device = Device()
    counts = circuits.run_jobs([flipped(k) for k in range(8)], device, shots=5, file=tmp_path / "jobs", batch=3)
    np.testing.assert_array_equal(counts, 5 * np.eye(8))
    sent = len(device.sent)
    again = circuits.run_jobs([flipped(k) for k in range(8)], Device(), shots=[5] * 8, file=tmp_path / "jobs")
    np.testing.assert_array_equal(again, counts)
    assert len(device.sent) == sent


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"000": 6}, "least returned 6 counts for 7 shots"),
        ({"1000": 7}, "least returned the outcome '1000' for 3 bits"),
        ({"000": 8, "001": -1}, "least returned 7 counts for 7 shots"),
    ],
)
def test_counts_that_are_not_those_of_the_circuit(monkeypatch, counts, message):
    monkeypatch.setattr(Device, "run", lambda self, run_input, *, shots: Job(Result([counts], "bits", True)))
    with pytest.raises(RuntimeError, match=message):
        circuits.run(flipped(0), Device(), shots=7)


def test_a_job_that_failed(monkeypatch):
    failed = Result([{}], "bits", True)
    failed.success, failed.status = False, "the queue is closed"
    monkeypatch.setattr(Device, "run", lambda self, run_input, *, shots: Job(failed))
    with pytest.raises(RuntimeError, match="least could not run the circuits: the queue is closed"):
        circuits.run(flipped(0), Device(), shots=7)
