"""Simulators and devices by name, and circuits run on them through the V2 primitives."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2, DataBin
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator  # also gives circuits their set_… and save_… methods

from circuits.transforms import compile_circuit
from qimg import arguments
from qimg.arguments import Array, integer

SIMULATORS = ("statevector", "density_matrix", "matrix_product_state")
"""Ideal Aer simulators; `generic` adds noise, `fake_…` and `ibm_…` need the `ibm` extra."""

MAX_COUNTED_QUBITS = 26
"""`run` returns one counter per outcome, so it refuses registers of more bits than this."""


def backend(name: str, *, n_qubits: int | None = None, seed: int | None = None) -> BackendV2:
    """A backend by name.

    | name | backend |
    |---|---|
    | `statevector`, `density_matrix`, `matrix_product_state` | Aer, without noise |
    | `generic` | Qiskit's `GenericBackendV2` with random but plausible errors |
    | `fake_…` (for example `fake_manila`) | noise recorded from an IBM device, simulated (`ibm` extra) |
    | `ibm_…` | that device, with the account saved by `QiskitRuntimeService.save_account` (`ibm` extra) |

    Args:
        name: one of the above.
        n_qubits: size of a `generic` backend (8 when left out); refused for the others.
        seed: seed of a `generic` backend's errors (0 when left out); refused for the others.

    Raises:
        ValueError: unknown name, or an option without effect.
        ModuleNotFoundError: the `ibm` extra is not installed.
    """
    if not isinstance(name, str):
        raise ValueError(f"name must be a backend's name, but name={name!r}")
    if name == "generic":
        from qiskit.providers.fake_provider import GenericBackendV2

        size = 8 if n_qubits is None else integer("n_qubits", n_qubits, 1)
        return GenericBackendV2(size, basis_gates=["cx", "rz", "sx", "x"], seed=0 if seed is None else seed)
    for option, value in (("n_qubits", n_qubits), ("seed", seed)):
        if value is not None:
            raise ValueError(f"{option} has no effect on {name} and must be left out")
    if name in SIMULATORS:
        return AerSimulator(method=name)
    if name.startswith("fake_"):
        return _fake_device(name)
    if name.startswith("ibm_"):
        return _ibm_runtime().QiskitRuntimeService().backend(name)
    known = ", ".join(SIMULATORS)
    raise ValueError(f"name must be one of {known}, generic, fake_<device> or ibm_<device>, but name={name!r}")


def run(
    circuits: QuantumCircuit | Sequence[QuantumCircuit],
    backend: str | BackendV2 = "statevector",
    *,
    shots: int,
    seed: int | None = None,
) -> NDArray[np.int64]:
    """Sample circuits and count the outcomes.

    Circuits are compiled for the backend (level 1) and run through Sampler V2; one without a measurement is measured on
    all its qubits. Outcome k of the count is the integer whose bit b is classical bit b.

    Args:
        circuits: one circuit or several with equally many measured bits.
        backend: a name for `backend`, or any `BackendV2`.
        shots: shots per circuit.
        seed: of a simulator's sampling; None draws a fresh one.

    Returns:
        (n, 2**bits) counts; their sum along the last axis is `shots`.
    """
    many = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
    arguments.require(len(many) > 0, "circuits", "must hold at least one circuit", many)
    shots = integer("shots", shots, 1)
    if seed is not None:
        integer("seed", seed, 0, 2**31 - 1)
    device = _named(backend)
    measured = [_measured(circuit) for circuit in many]
    bits = {circuit.num_clbits for circuit in measured}
    arguments.require(len(bits) == 1, "circuits", "must measure equally many bits", sorted(bits))
    width = bits.pop()
    arguments.require(width <= MAX_COUNTED_QUBITS, "circuits", f"must measure at most {MAX_COUNTED_QUBITS} bits", width)
    compiled = [compile_circuit(circuit, backend=device) for circuit in measured]
    results = _sampler(device, seed).run(compiled, shots=shots).result()
    return np.stack([_counts(result.data, width) for result in results])


def statevectors(circuits: QuantumCircuit | Sequence[QuantumCircuit]) -> Array:
    """Exact final states (n, 2**n_qubits) of circuits from |0…0⟩, by Aer's state-vector simulator."""
    many = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
    arguments.require(len(many) > 0, "circuits", "must hold at least one circuit", many)
    saved = []
    for circuit in many:
        unitary = not {"measure", "reset"} & set(circuit.count_ops())
        arguments.require(unitary, "circuits", "must not measure or reset: their final state is one draw", circuit.name)
        copy = compile_circuit(circuit)
        copy.save_statevector()
        saved.append(copy)
    result = aer_result(saved, method="statevector")
    return np.stack([np.asarray(result.get_statevector(k)) for k in range(len(saved))])


def from_state(state: Array, circuit: QuantumCircuit, n_qubits: int) -> QuantumCircuit:
    """`circuit` on the low qubits of a register that Aer starts in `state` (2**n_qubits amplitudes)."""
    # Aer multiplies a circuit's global phase into |0…0⟩, which set_statevector then overwrites.
    whole = QuantumCircuit(n_qubits)
    whole.set_statevector(state * np.exp(1j * float(circuit.global_phase)))
    whole = whole.compose(circuit, range(circuit.num_qubits))
    whole.global_phase = 0
    return whole


def aer_result(circuits: QuantumCircuit | Sequence[QuantumCircuit], *, method: str, **options: Any) -> Any:
    """Result of circuits on Aer as they stand; raises with Aer's own message when a run fails."""
    result = AerSimulator(method=method).run(circuits, **options).result()
    if not result.success:
        raise RuntimeError(f"Aer could not run the circuit: {result.status}")
    return result


def _named(backend_or_name: str | BackendV2) -> BackendV2:
    return backend(backend_or_name) if isinstance(backend_or_name, str) else backend_or_name


def _measured(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit itself where it measures; where it has no classical bits, a copy that measures all its qubits."""
    if circuit.num_clbits == 0:
        copy = circuit.copy()
        copy.measure_all()
        return copy
    if "measure" not in circuit.count_ops():
        raise ValueError(f"circuits must measure into their classical bits or have none, but {circuit.name} does not")
    in_registers = sum(register.size for register in circuit.cregs) == circuit.num_clbits
    arguments.require(in_registers, "circuits", "must hold their classical bits in registers", circuit.name)
    return circuit


def _sampler(device: BackendV2, seed: int | None) -> Any:
    if type(device).__module__.startswith("qiskit_ibm_runtime.ibm_backend"):
        return _ibm_runtime().SamplerV2(mode=device)
    return BackendSamplerV2(backend=device, options={"seed_simulator": seed})


def _counts(data: DataBin, width: int) -> NDArray[np.int64]:
    """Counts of all outcomes; several classical registers are read as one integer, the first one lowest."""
    shift, outcome = 0, None
    for register in data.values():
        # BitArray packs each shot into big-endian bytes.
        value = np.zeros(register.array.shape[0], dtype=np.int64)
        for byte in np.moveaxis(register.array, -1, 0):
            value = (value << 8) | byte
        outcome = value if outcome is None else outcome | (value << shift)
        shift += register.num_bits
    assert outcome is not None
    return np.bincount(outcome, minlength=2**width)


def _ibm_runtime() -> Any:
    try:
        import qiskit_ibm_runtime
    except ModuleNotFoundError:
        raise ModuleNotFoundError("fake_… and ibm_… backends need the ibm extra: pip install 'qimg[ibm]'") from None
    return qiskit_ibm_runtime


def _fake_device(name: str) -> BackendV2:
    _ibm_runtime()
    from qiskit_ibm_runtime import fake_provider

    devices: dict[str, Callable[[], BackendV2]] = {}
    for attribute in dir(fake_provider):
        if attribute.startswith("Fake") and not attribute.startswith("FakeProvider"):
            devices[f"fake_{attribute[4:].removesuffix('V2').lower()}"] = getattr(fake_provider, attribute)
    arguments.one_of("name", name, devices)
    return devices[name]()
