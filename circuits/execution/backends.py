"""Simulators and devices by name, and circuits run on them through the V2 primitives."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2, DataBin
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator  # also gives circuits their set_… and save_… methods

from circuits.compilation import BASIS_GATES, compile_circuit, compile_circuits
from qimg.core.arguments import Array, integer, one_of, require

SIMULATORS = ("statevector", "density_matrix", "matrix_product_state")
"""Ideal Aer simulators; `generic` adds noise, `fake_…` and `ibm_…` need the `ibm` extra."""

MAX_COUNTED_QUBITS = 26
"""`run` returns one counter per outcome, so it refuses registers of more bits than this."""


ONE_THREAD_BELOW = 14
"""Qubits below which Aer gets one thread: its own pool costs up to 50 ms a circuit where other work is going on."""

_ONE_TRAIN_AT_A_TIME = Lock()


def backend(
    name: str,
    *,
    n_qubits: int | None = None,
    seed: int | None = None,
    bond_dimension: int | None = None,
    threshold: float | None = None,
    gpu: bool = False,
) -> BackendV2:
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
        bond_dimension: largest bond of `matrix_product_state`, unlimited when left out; refused for the others.
        threshold: squared weight that each of its truncations may discard, 1e-16 when left out; refused for the others.
        gpu: run an ideal simulator on the GPU; refused where Aer finds none, and for the others.

    Raises:
        ValueError: unknown name, or an option without effect.
        ModuleNotFoundError: the `ibm` extra is not installed.
        ConnectionError: no account is saved, or it does not reach the device.
    """
    if not isinstance(name, str):
        raise ValueError(f"name must be a backend's name, but name={name!r}")
    if name not in SIMULATORS:
        _without_effect(name, gpu=gpu or None)
    if name != "matrix_product_state":
        _without_effect(name, bond_dimension=bond_dimension, threshold=threshold)
    if name == "generic":
        from qiskit.providers.fake_provider import GenericBackendV2

        size = 8 if n_qubits is None else integer("n_qubits", n_qubits, 1)
        return GenericBackendV2(size, basis_gates=["cx", "rz", "sx", "x"], seed=0 if seed is None else seed)
    _without_effect(name, n_qubits=n_qubits, seed=seed)
    if name in SIMULATORS:
        return _simulator(name, bond_dimension, threshold, gpu)
    if name.startswith("fake_"):
        return _fake_device(name)
    if name.startswith("ibm_"):
        return _real_device(name)
    known = ", ".join(SIMULATORS)
    raise ValueError(f"name must be one of {known}, generic, fake_<device> or ibm_<device>, but name={name!r}")


def run(
    circuits: QuantumCircuit | Sequence[QuantumCircuit],
    backend: str | BackendV2 = "statevector",
    *,
    shots: int | Sequence[int],
    seed: int | None = None,
    layout: Sequence[int] | None = None,
) -> NDArray[np.int64]:
    """Sample circuits and count the outcomes.

    Circuits are compiled for the backend (level 1) and run through Sampler V2; one without a measurement is measured on
    all its qubits. Outcome k of the count is the integer whose bit b is classical bit b.

    Args:
        circuits: one circuit or several with equally many measured bits.
        backend: a name for `backend`, or any `BackendV2`.
        shots: shots per circuit, one number or one for each.
        seed: of a simulator's sampling; None draws a fresh one.
        layout: the device's qubit for each qubit of the circuits; Qiskit chooses when left out.

    Returns:
        (n, 2**bits) counts; their sum along the last axis is `shots`.
    """
    many = _several(circuits)
    each = [shots] * len(many) if isinstance(shots, int | np.integer) or np.ndim(shots) == 0 else list(shots)
    each = [integer("shots", one, 1) for one in each]  # type: ignore[arg-type]
    require(len(each) == len(many), "shots", f"must be one number, or {len(many)}", len(each))
    _seed(seed)
    device = _named(backend)
    measured = [_measured(circuit) for circuit in many]
    bits = {circuit.num_clbits for circuit in measured}
    require(len(bits) == 1, "circuits", "must measure equally many bits", sorted(bits))
    width = bits.pop()
    require(width <= MAX_COUNTED_QUBITS, "circuits", f"must measure at most {MAX_COUNTED_QUBITS} bits", width)
    widest = max(circuit.num_qubits for circuit in measured)
    most = getattr(device, "num_qubits", None)
    fits = most is None or isinstance(device, AerSimulator) or widest <= most
    require(fits, "circuits", f"must have at most the {most} qubits of {device.name}", widest)
    compiled = _compiled(measured, device, layout)
    pubs = [(circuit, None, one) for circuit, one in zip(compiled, each, strict=True)]
    with _undisturbed(device):
        results = _sampler(device, seed, widest).run(pubs).result()
    return np.stack([_counts(result.data, width) for result in results])


def measured_qubits(
    circuit: QuantumCircuit, backend: str | BackendV2, *, layout: Sequence[int] | None = None
) -> tuple[int, ...]:
    """The device's qubit that each classical bit reads when `run` sends the circuit there."""
    measured = _measured(circuit)
    (compiled,) = _compiled([measured], _named(backend), layout)
    bits = {}
    for instruction in compiled.data:
        if instruction.operation.name == "measure":
            bits[compiled.find_bit(instruction.clbits[0]).index] = compiled.find_bit(instruction.qubits[0]).index
    return tuple(bits[bit] for bit in sorted(bits))


def statevectors(circuits: QuantumCircuit | Sequence[QuantumCircuit]) -> Array:
    """Exact final states (n, 2**n_qubits) of circuits from |0…0⟩, by Aer's state-vector simulator."""
    many = _several(circuits)
    saved = []
    for circuit in many:
        unitary = not {"measure", "reset"} & set(circuit.count_ops())
        require(unitary, "circuits", "must not measure or reset: their final state is one draw", circuit.name)
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
    device = AerSimulator(method=method)
    threads = _threads(device, max(circuit.num_qubits for circuit in _several(circuits)))
    with _undisturbed(device):
        result = device.run(circuits, **{**threads, **options}).result()
    if not result.success:
        raise RuntimeError(f"Aer could not run the circuit: {result.status}")
    return result


def _several(circuits: QuantumCircuit | Sequence[QuantumCircuit]) -> list[QuantumCircuit]:
    many = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
    require(len(many) > 0, "circuits", "must hold at least one circuit", many)
    return many


def _seed(seed: int | None) -> None:
    if seed is not None:
        integer("seed", seed, 0, 2**31 - 1)


def _without_effect(name: str, **options: object) -> None:
    for option, value in options.items():
        if value is not None:
            raise ValueError(f"{option} has no effect on {name} and must be left out")


def _simulator(name: str, bond_dimension: int | None, threshold: float | None, gpu: bool) -> AerSimulator:
    options: dict[str, Any] = {"method": name}
    if bond_dimension is not None:
        options["matrix_product_state_max_bond_dimension"] = integer("bond_dimension", bond_dimension, 1)
    if threshold is not None:
        require(bool(0 <= threshold < 1), "threshold", "must be in [0, 1)", threshold)
        options["matrix_product_state_truncation_threshold"] = float(threshold)
    if gpu:
        found = AerSimulator().available_devices()
        require("GPU" in found, "gpu", f"must be False: Aer finds only {', '.join(found)} here", gpu)
        options["device"] = "GPU"
    return AerSimulator(**options)


def _compiled(
    circuits: Sequence[QuantumCircuit], device: BackendV2, layout: Sequence[int] | None
) -> list[QuantumCircuit]:
    ideal = isinstance(device, AerSimulator) and device.options.noise_model is None
    known = {*BASIS_GATES, "measure", "barrier"}
    if ideal and layout is None and all(set(circuit.count_ops()) <= known for circuit in circuits):
        return list(circuits)
    return compile_circuits(circuits, backend=device, layout=layout)


def _undisturbed(device: BackendV2) -> AbstractContextManager[Any]:
    """Aer keeps the truncation of matrix-product states in variables of the process: such runs wait for each other."""
    is_train = isinstance(device, AerSimulator) and device.options.method == "matrix_product_state"
    return _ONE_TRAIN_AT_A_TIME if is_train else nullcontext()


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
    require(in_registers, "circuits", "must hold their classical bits in registers", circuit.name)
    return circuit


def _is_runtime_device(device: BackendV2) -> bool:
    return type(device).__module__.startswith("qiskit_ibm_runtime.ibm_backend")


def _sampler(device: BackendV2, seed: int | None, n_qubits: int) -> Any:
    if _is_runtime_device(device):
        return _ibm_runtime().SamplerV2(mode=device)
    return BackendSamplerV2(backend=device, options={"seed_simulator": seed, "run_options": _threads(device, n_qubits)})


def _threads(device: BackendV2, n_qubits: int) -> dict[str, int]:
    small = isinstance(device, AerSimulator) and n_qubits < ONE_THREAD_BELOW
    return {"max_parallel_threads": 1} if small else {}


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


def _real_device(name: str) -> BackendV2:
    runtime = _ibm_runtime()
    try:
        return runtime.QiskitRuntimeService().backend(name)
    except Exception as error:  # the service has exceptions of its own, of its network and of its files
        about = " ".join(str(error).split())
        raise ConnectionError(
            f"{name}: not reached with the account that QiskitRuntimeService.save_account keeps: {about}"
        ) from error


def _fake_device(name: str) -> BackendV2:
    _ibm_runtime()
    from qiskit_ibm_runtime import fake_provider

    devices: dict[str, Callable[[], BackendV2]] = {}
    for attribute in dir(fake_provider):
        if attribute.startswith("Fake") and not attribute.startswith("FakeProvider"):
            devices[f"fake_{attribute[4:].removesuffix('V2').lower()}"] = getattr(fake_provider, attribute)
    one_of("name", name, devices)
    return devices[name]()
