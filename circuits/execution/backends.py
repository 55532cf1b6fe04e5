"""Simulators and devices by name, and circuits run on them through the V2 primitives."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator  # also gives circuits their set_… and save_… methods

from circuits.compilation import compile_circuits, is_compiled, without_measurements
from circuits.counts import successful
from circuits.execution.counts_only import has_memory, run_for_counts
from circuits.execution.device_noise import is_large, noisy_counts
from circuits.execution.independent_jobs import IndependentJobs, has_seed, simulated_device
from circuits.execution.truncated_counts import is_truncated, truncated_counts
from circuits.seeds import checked_seed, stream
from qimg.core import ArgumentError, Array, Track, integer, literal, one_of, require

SIMULATORS = ("statevector", "density_matrix", "matrix_product_state")
"""Names of the ideal Aer simulators."""

MAX_COUNTED_QUBITS = 26
"""Largest number of measured bits in `run`, which returns one counter per outcome."""


ONE_THREAD_BELOW = 14
"""Number of qubits below which Aer uses one thread, because its thread pool is slow on a busy machine."""

_ONE_TRAIN_AT_A_TIME = Lock()


def backend(
    name: str,
    *,
    n_qubits: int | None = None,
    seed: int | None = 0,
    bond_dimension: int | None = None,
    threshold: float | None = None,
    gpu: bool = False,
) -> BackendV2:
    """The backend of a name.

    | name | backend |
    |---|---|
    | `statevector`, `density_matrix`, `matrix_product_state` | Aer, without noise |
    | `generic` | Qiskit's `GenericBackendV2` with random but plausible errors |
    | `fake_…` (for example `fake_manila`) | noise recorded from an IBM device, simulated (`ibm` extra) |
    | `ibm_…` | that device, with the account saved by `QiskitRuntimeService.save_account` (`ibm` extra) |

    Args:
        name: one of the above.
        n_qubits: size of a `generic` backend (8 when left out); an error for the others.
        seed: seed of the errors of a `generic` backend (`circuits.seeds`); an error for the others.
        bond_dimension: largest bond of `matrix_product_state`, unlimited when left out; an error for the others.
        threshold: largest squared weight that a truncation of `matrix_product_state` discards, 1e-16 when left out; an
            error for the others.
        gpu: run an ideal simulator on the GPU; an error for the others, and if Aer finds no GPU.

    Raises:
        ValueError: unknown name, or an option without effect.
        ModuleNotFoundError: the `ibm` extra is not installed.
        ConnectionError: no account is saved, or the device cannot be reached with it.
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
        return GenericBackendV2(size, basis_gates=["cx", "rz", "sx", "x"], seed=checked_seed(seed))
    _without_effect(name, n_qubits=n_qubits, seed=seed or None)
    if name in SIMULATORS:
        if gpu:
            devices = AerSimulator().available_devices()
            require("GPU" in devices, "gpu", f"must be False: Aer finds only {', '.join(devices)} here", gpu)
        options = {"device": "GPU"} if gpu else {}
        return AerSimulator(method=name, **options, **truncation_options(bond_dimension, threshold))
    if name.startswith("fake_"):
        return _fake_device(name)
    if name.startswith("ibm_"):
        return _real_device(name)
    simulators = ", ".join(SIMULATORS)
    rule = f"must be one of {simulators}, generic, fake_<device> or ibm_<device>"
    raise ArgumentError(f"{{0}} {rule}, but {{0}}={literal(repr(name))}", "name")


def run(
    circuits: QuantumCircuit | Sequence[QuantumCircuit],
    backend: str | BackendV2 = "statevector",
    *,
    shots: int | Sequence[int],
    seed: int | None = 0,
    layout: Sequence[int] | None = None,
    track: Track = iter,
) -> NDArray[np.int64]:
    """Sample circuits and count the outcomes.

    Circuits are compiled for the backend (level 1) and run with Sampler V2, or with the backend's own `run` if it is
    another `BackendV2` than those of Qiskit, Aer and IBM, of which only counts are required. If a circuit has no
    measurement, all its qubits are measured. Outcome k of the counts is the integer whose bit b is classical bit b.

    Circuits of 10 qubits or more on the generic and fake devices are simulated by trajectories, which are exact in
    distribution (`circuits.execution.trajectories`): 8×8 pixels in NEQR take seconds for thousands of shots.

    Counts of a truncated matrix-product state are drawn from the state by qimg (`circuits.execution.truncated_counts`),
    so its circuits must measure at their end alone.

    Args:
        circuits: one circuit, or several with the same number of measured bits.
        backend: a name for `backend`, or any `BackendV2`.
        shots: shots per circuit, one number or one for each.
        seed: seed of a simulator's shots (`circuits.seeds`).
        layout: the device's qubit for each qubit of the circuits; chosen by Qiskit when left out.
        track: wraps parts of 16 384 shots to report progress, for circuits of 10 qubits or more on the generic and fake
            devices, or of 256 shots of circuits that measure before their end.

    Returns:
        (n, 2**bits) counts; their sum along the last axis is `shots`.
    """
    return sample("run", circuits, backend, shots=shots, seed=seed, layout=layout, track=track)


def sample(
    purpose: str,
    circuits: QuantumCircuit | Sequence[QuantumCircuit],
    backend: str | BackendV2,
    *,
    shots: int | Sequence[int],
    seed: int | None,
    layout: Sequence[int] | None = None,
    track: Track = iter,
) -> NDArray[np.int64]:
    """`run` for a function of this name; functions of other names have independent streams."""
    many = [measured(circuit) for circuit in several(circuits)]
    each = shots_of_each(shots, len(many))
    seed = checked_seed(seed)
    device = named(backend)
    width = counted_bits(many)
    widest = max(circuit.num_qubits for circuit in many)
    most = getattr(device, "num_qubits", None)
    fits = most is None or isinstance(device, AerSimulator) or widest <= most
    require(fits, "circuits", f"must have at most the {most} qubits of {device.name}", widest)
    compiled = _compiled(many, device, layout)
    if not has_memory(device):
        return run_for_counts(device, compiled, each, width, stream(seed, "counts", purpose, many, each))
    if is_large(device, widest):
        own = stream(seed, "noisy", purpose, many, each, simulated_device(device))
        return noisy_counts(device, compiled, each, width, own, track)
    if is_truncated(device):
        with undisturbed(device):
            own = stream(seed, "truncated", purpose, many, each, simulated_device(device))
            return truncated_counts(device, compiled, each, width, own)
    pubs = [(circuit, None, one) for circuit, one in zip(compiled, each, strict=True)]
    sampler = primitive("Sampler", device, seed, call=[purpose, many, each], run_options=threads(device, widest))
    with undisturbed(device):
        results = sampler.run(pubs).result()
    return np.stack([_counts(result, width) for result in results])


def measured_qubits(
    circuit: QuantumCircuit, backend: str | BackendV2, *, layout: Sequence[int] | None = None
) -> tuple[int, ...]:
    """The device's qubit that each classical bit measures when `run` executes the circuit."""
    (compiled,) = _compiled([measured(circuit)], named(backend), layout)
    bits = {}
    for instruction in compiled.data:
        if instruction.operation.name == "measure":
            bits[compiled.find_bit(instruction.clbits[0]).index] = compiled.find_bit(instruction.qubits[0]).index
    return tuple(bits[bit] for bit in sorted(bits))


def statevectors(circuits: QuantumCircuit | Sequence[QuantumCircuit]) -> Array:
    """Exact final states (n, 2**n_qubits) of circuits on |0…0⟩, from Aer's state-vector simulator."""
    many = several(circuits)
    without_measurements("circuits", *many)
    saved = compile_circuits(many)
    for circuit in saved:
        circuit.save_statevector()
    result = aer_result(saved, method="statevector")
    return np.stack([np.asarray(result.get_statevector(k)) for k in range(len(saved))])


def from_state(state: Array, circuit: QuantumCircuit, n_qubits: int) -> QuantumCircuit:
    """`circuit` on the low qubits of a register whose initial state on Aer is `state` (2**n_qubits amplitudes)."""
    # Aer applies the global phase of a circuit to |0…0⟩, and set_statevector overwrites it.
    whole = QuantumCircuit(n_qubits)
    whole.set_statevector(state * np.exp(1j * float(circuit.global_phase)))
    whole = whole.compose(circuit, range(circuit.num_qubits))
    whole.global_phase = 0
    return whole


def aer_result(circuits: QuantumCircuit | Sequence[QuantumCircuit], *, method: str, **options: Any) -> Any:
    """Run circuits on Aer without compilation; raises `RuntimeError` with Aer's message if the run fails."""
    device = AerSimulator(method=method)
    widest = max(circuit.num_qubits for circuit in several(circuits))
    with undisturbed(device):
        return successful(device.run(circuits, **{**threads(device, widest), **options}).result())


def several(circuits: QuantumCircuit | Sequence[QuantumCircuit]) -> list[QuantumCircuit]:
    """One circuit or several as a list, which must not be empty."""
    many = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
    require(len(many) > 0, "circuits", "must hold at least one circuit", many)
    return many


def shots_of_each(shots: int | Sequence[int], count: int) -> list[int]:
    """The shots of each of `count` circuits, from one number or one for each."""
    each: list[int] = [shots] * count if np.ndim(shots) == 0 else list(shots)  # type: ignore
    require(len(each) == count, "shots", f"must be one number, or {count}", len(each))
    return [integer("shots", one, 1) for one in each]


def _without_effect(name: str, **options: object) -> None:
    for option, value in options.items():
        if value is not None:
            raise ArgumentError(f"{{0}} has no effect on {name} and must be left out", option)


def truncation_options(bond_dimension: int | None, threshold: float | None) -> dict[str, int | float]:
    """Aer's options for the truncation of matrix-product states; None keeps Aer's default."""
    options: dict[str, int | float] = {}
    if bond_dimension is not None:
        options["matrix_product_state_max_bond_dimension"] = integer("bond_dimension", bond_dimension, 1)
    if threshold is not None:
        require(bool(0 <= threshold < 1), "threshold", "must be in [0, 1)", threshold)
        options["matrix_product_state_truncation_threshold"] = float(threshold)
    return options


def _compiled(
    circuits: Sequence[QuantumCircuit], device: BackendV2, layout: Sequence[int] | None
) -> list[QuantumCircuit]:
    ideal = isinstance(device, AerSimulator) and device.options.noise_model is None
    if ideal and layout is None and is_compiled(*circuits):
        return list(circuits)
    return compile_circuits(circuits, backend=device, layout=layout)


def undisturbed(device: BackendV2) -> AbstractContextManager[Any]:
    """Lock for runs on matrix-product states, because Aer stores their truncation in variables of the process."""
    is_train = isinstance(device, AerSimulator) and device.options.method == "matrix_product_state"
    return _ONE_TRAIN_AT_A_TIME if is_train else nullcontext()


def named(backend_or_name: str | BackendV2) -> BackendV2:
    """The backend of a name; a backend is returned unchanged."""
    return backend(backend_or_name) if isinstance(backend_or_name, str) else backend_or_name


def counted_bits(circuits: Sequence[QuantumCircuit]) -> int:
    """Number of bits that each circuit measures, which must be the same for all and at most `MAX_COUNTED_QUBITS`."""
    bits = {circuit.num_clbits for circuit in circuits}
    require(len(bits) == 1, "circuits", "must measure equally many bits", sorted(bits))
    width = bits.pop()
    require(width <= MAX_COUNTED_QUBITS, "circuits", f"must measure at most {MAX_COUNTED_QUBITS} bits", width)
    return width


def measured(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit if it measures; if it has no classical bits, a copy that measures all its qubits."""
    if circuit.num_clbits == 0:
        copy = circuit.copy()
        copy.measure_all()
        return copy
    if "measure" not in circuit.count_ops():
        raise ValueError(f"circuits must measure into their classical bits or have none, but {circuit.name} does not")
    in_registers = sum(register.size for register in circuit.cregs) == circuit.num_clbits
    require(in_registers, "circuits", "must hold their classical bits in registers", circuit.name)
    return circuit


def primitive(kind: str, device: BackendV2, seed: int | None, *, call: Sequence[Any], **options: Any) -> Any:
    """The "Sampler" or "Estimator" V2 of a device; on a simulator, all its circuits have independent streams.

    Args:
        kind: "Sampler" or "Estimator".
        device: a simulator or a device.
        seed: seed of the call.
        call: what is run, for the name of its stream (`circuits.seeds.stream`).
        options: options of the primitive.
    """
    if type(device).__module__.startswith("qiskit_ibm_runtime.ibm_backend"):
        return getattr(_ibm_runtime(), f"{kind}V2")(mode=device)
    local = {"Sampler": BackendSamplerV2, "Estimator": BackendEstimatorV2}[kind]
    if not has_seed(device):
        return local(backend=device, options={"seed_simulator": checked_seed(seed), **options})
    own = stream(seed, kind, *call, simulated_device(device))
    return local(backend=IndependentJobs(device, own), options=options)


def threads(device: BackendV2, n_qubits: int) -> dict[str, int]:
    """Options that limit Aer to one thread for small circuits."""
    small = isinstance(device, AerSimulator) and n_qubits < ONE_THREAD_BELOW
    return {"max_parallel_threads": 1} if small else {}


def _counts(result: Any, width: int) -> NDArray[np.int64]:
    """Counts of all outcomes; several classical registers form one integer, the first register lowest."""
    shots = result.join_data().array  # each shot in big-endian bytes
    return np.bincount(shots.astype(np.int64) @ 256 ** np.arange(shots.shape[1])[::-1], minlength=2**width)


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
    except Exception as error:  # the service raises exceptions of its client, its network and its files
        reason = " ".join(str(error).split())
        raise ConnectionError(
            f"{name}: cannot be reached with the account of QiskitRuntimeService.save_account: {reason}"
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
