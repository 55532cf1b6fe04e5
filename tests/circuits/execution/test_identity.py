"""Keys of jobs: they follow from content alone, in every process, and differ where counts may differ."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from qiskit.circuit import (
    AnnotatedOperation,
    ClassicalRegister,
    ControlModifier,
    Gate,
    InverseModifier,
    Parameter,
    QuantumCircuit,
    QuantumRegister,
)
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import MCXGate, PauliEvolutionGate, SGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Kraus, SparsePauliOp
from qiskit_aer import AerSimulator

import circuits
from circuits.execution.identity import circuit_hash, device_hash, known_names

# Each builder gives another circuit for another variant; differences are as small as they can be.
BUILDERS: dict[str, Callable[[int], QuantumCircuit]] = {}


def builder(function: Callable[[int], QuantumCircuit]) -> Callable[[int], QuantumCircuit]:
    BUILDERS[function.__name__] = function
    return function


def turn(circuit: QuantumCircuit, variant: int, qubit: int) -> None:
    (circuit.x, circuit.z, circuit.y)[variant](qubit)


@builder
def if_test(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        turn(circuit, variant, 1)
    with otherwise:
        circuit.h(1)
    circuit.measure(1, 1)
    return circuit


@builder
def condition(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[variant % 2], 1 if variant < 2 else 0)):
        circuit.x(1)
    return circuit


@builder
def while_loop(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    with circuit.while_loop((circuit.cregs[0], 0)):
        circuit.h(0)
        turn(circuit, variant, 0)
        circuit.measure(0, 0)
    return circuit


@builder
def for_loop(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    with circuit.for_loop(range(3)) as outer:
        circuit.rx(outer * (0.5, 0.5000000001, 0.5)[variant], 0)
        with circuit.for_loop((0, 2)) as inner:
            circuit.ry(outer + 2 * inner if variant < 2 else 2 * outer + inner, 1)
    return circuit


@builder
def switch(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.measure([0, 1], [0, 1])
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0, 1 + (variant == 1)):
            circuit.x(0)
        with case(3 if variant < 2 else case.DEFAULT):
            circuit.z(0)
    return circuit


@builder
def variables(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    number = circuit.add_var("number", expr.lift(3 + variant, types.Uint(8)))
    with circuit.if_test(expr.less(number, 4)):
        circuit.x(0)
        circuit.store(number, expr.bit_xor(number, 1))
    circuit.measure(0, 0)
    return circuit


@builder
def expression(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 2)
    first, second = circuit.clbits
    test = (expr.bit_and, expr.bit_or, expr.bit_xor)[variant](first, second)
    with circuit.if_test(test):
        circuit.x(0)
    return circuit


@builder
def stretch(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    length = circuit.add_stretch("length")
    circuit.delay(expr.mul(length, 2 + variant), 0)
    return circuit


@builder
def delay(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.delay(10 + (variant == 1), 0, unit="ns" if variant < 2 else "dt")
    return circuit


@builder
def box(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    with circuit.box():
        turn(circuit, variant, 0)
    return circuit


@builder
def custom_gate(variant: int) -> QuantumCircuit:
    inner = QuantumCircuit(1)
    turn(inner, variant, 0)
    circuit = QuantumCircuit(2)
    circuit.append(inner.to_gate(), [1])
    return circuit


@builder
def phase_under_a_control(variant: int) -> QuantumCircuit:
    inner = QuantumCircuit(1, global_phase=0.3 + variant)
    inner.h(0)
    circuit = QuantumCircuit(2)
    circuit.append(inner.to_gate().control(1), [0, 1])
    return circuit


@builder
def control_state(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(4)
    circuit.append(MCXGate(3, ctrl_state=3 + variant), range(4))
    return circuit


@builder
def annotated(variant: int) -> QuantumCircuit:
    modifiers = [[ControlModifier(1)], [ControlModifier(1), InverseModifier()], [ControlModifier(1, 0)]][variant]
    circuit = QuantumCircuit(2)
    circuit.append(AnnotatedOperation(SGate(), modifiers), [0, 1])
    return circuit


@builder
def opaque(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.append(Gate(f"pulse{variant == 2}", 1, [0.3 + (variant == 1)]), [0])
    return circuit


@builder
def evolution(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.append(PauliEvolutionGate(SparsePauliOp(("XX", "ZX", "YX")[variant]), time=0.3), [0, 1])
    return circuit


@builder
def matrix(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.unitary(np.diag([1, (1, -1, 1j)[variant]]), 0)
    return circuit


@builder
def channel(variant: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    kept = 0.5 + 0.1 * variant
    decay = [np.diag([1, kept**0.5]), np.array([[0, (1 - kept) ** 0.5], [0, 0]])]
    circuit.append(Kraus(decay).to_instruction(), [0])
    return circuit


@builder
def bound(variant: int) -> QuantumCircuit:
    angle = Parameter("angle")
    circuit = QuantumCircuit(1)
    circuit.rx(2 * angle, 0)
    return circuit.assign_parameters([0.3 + 1e-12 * variant])


@builder
def registers(variant: int) -> QuantumCircuit:
    sizes = ((1, 2), (2, 1), (3,))[variant]
    circuit = QuantumCircuit(QuantumRegister(3), *[ClassicalRegister(size) for size in sizes])
    circuit.measure(range(3), range(3))
    return circuit


def all_hashes() -> dict[str, list[str]]:
    return {name: [circuit_hash(build(variant)) for variant in range(3)] for name, build in BUILDERS.items()}


def test_circuits_that_differ_have_different_keys():
    keys = [key for three in all_hashes().values() for key in three]
    assert len(set(keys)) == len(keys)


def test_a_circuit_that_is_built_again_has_the_same_key():
    assert all_hashes() == all_hashes()


@pytest.mark.slow
def test_keys_are_the_same_in_every_process():
    script = "import json, test_identity; print(json.dumps(test_identity.all_hashes()))"
    for seed in ("1", "2"):
        path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        output = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=environment).stdout
        assert json.loads(output) == all_hashes()


def test_names_and_metadata_do_not_count():
    first, second = if_test(0), if_test(0)
    second.name, second.metadata = "another", {"run": 7}
    assert circuit_hash(first) == circuit_hash(second)
    named = QuantumCircuit(QuantumRegister(2, "data"), ClassicalRegister(2, "out"))
    plain = QuantumCircuit(2, 2)
    for circuit in (named, plain):
        circuit.measure([0, 1], [0, 1])
    assert circuit_hash(named) == circuit_hash(plain)


def test_a_name_or_a_label_counts_where_the_device_distinguishes_it():
    def labelled(label: str | None) -> QuantumCircuit:
        circuit = QuantumCircuit(1)
        circuit.unitary(np.eye(2), 0, label=label)
        return circuit

    model = circuits.noise_model("depolarizing", 0.1)
    error = model._default_quantum_errors["x"]
    model.add_all_qubit_quantum_error(error, ["noisy"])
    names = known_names(AerSimulator(noise_model=model))
    assert circuit_hash(labelled("noisy"), names) != circuit_hash(labelled(None), names)
    assert circuit_hash(labelled("free"), names) == circuit_hash(labelled(None), names)


def test_what_cannot_be_identified_is_refused(tmp_path):
    class Hidden(Gate):
        def __init__(self) -> None:
            super().__init__("hidden", 1, [])
            self.content = object()

    circuit = QuantumCircuit(1, name="secret")
    circuit.append(Hidden(), [0])
    message = "circuits must have instructions that can be identified, but 'hidden' of 'secret' has a parameter of type"
    with pytest.raises(ValueError, match=message):
        circuits.run_jobs(circuit, shots=1, file=tmp_path / "jobs")
    free = QuantumCircuit(1, name="free")
    free.rx(Parameter("angle"), 0)
    with pytest.raises(ValueError, match=r"'rx' of 'free' has the unbound parameters \['angle'\]"):
        circuits.run_jobs(free, shots=1, file=tmp_path / "jobs")
    assert circuits.jobs_done(tmp_path / "jobs") == 0


def test_devices_are_identified_by_what_counts_depend_on():
    weak, strong = (circuits.noise_model("depolarizing", strength) for strength in (0.1, 0.2))
    devices = [
        circuits.backend("statevector"),
        circuits.backend("matrix_product_state"),
        circuits.backend("matrix_product_state", bond_dimension=2),
        AerSimulator(noise_model=weak),
        AerSimulator(noise_model=strong),
        circuits.backend("generic", n_qubits=3),
        circuits.backend("generic", n_qubits=3, seed=1),
        GenericBackendV2(3, basis_gates=["cx", "rz", "sx", "x"], coupling_map=[[0, 1], [1, 2]], seed=0),
    ]
    keys = [device_hash(device) for device in devices]
    assert len(set(keys)) == len(keys)
    assert device_hash(AerSimulator(noise_model=circuits.noise_model("depolarizing", 0.1))) == keys[3]
    assert device_hash(AerSimulator(method="statevector", max_parallel_threads=1)) == keys[0]


def test_two_dynamic_circuits_on_one_file_keep_their_counts(tmp_path):
    def flipped(gate: str) -> QuantumCircuit:
        circuit = QuantumCircuit(2, 2)
        circuit.x(0)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            getattr(circuit, gate)(1)
        circuit.measure(1, 1)
        return circuit

    for _ in range(10):
        for gate, outcome in (("x", 3), ("z", 1)):
            counts = circuits.run_jobs([flipped(gate)], shots=10, file=tmp_path / "jobs")
            assert counts[0, outcome] == 10
    assert circuits.jobs_done(tmp_path / "jobs") == 2
