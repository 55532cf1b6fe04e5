"""A simulator whose circuits have independent random streams, whatever their shots and their place in a job."""

from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit_aer import AerSimulator

from circuits.seeds import simulator_seed

SHOTS_APART = 2113
"""Distance of the seeds of two circuits in a job of Aer; each shot of a noisy or dynamic circuit has its own seed."""

_OF_RUNS = (
    "shots",
    "memory",
    "seed_simulator",
    "max_parallel_threads",
    "max_parallel_experiments",
    "max_parallel_shots",
)
"""Options that do not distinguish simulators."""


def has_seed(device: BackendV2) -> bool:
    """Whether a backend is a simulator that takes a seed."""
    return hasattr(device.options, "seed_simulator")


def simulated_device(device: BackendV2) -> list[Any]:
    """What distinguishes a simulator from others in the name of a stream: its type, options and errors."""
    options = sorted(vars(device.options).items())
    plain = {key: one for key, one in options if isinstance(one, str | int | float) and key not in _OF_RUNS}
    if isinstance(device, AerSimulator):
        noise = device.options.noise_model
        return [type(device).__name__, plain, {} if noise is None else noise.to_dict()]
    errors: list[Any] = []
    for name, places in sorted(device.target.items()):
        known = [(qubits, getattr(about, "error", None)) for qubits, about in (places or {}).items()]
        errors.append([name, sorted((list(qubits or ()), error) for qubits, error in known if error is not None)])
    return [type(device).__name__, device.name, plain, errors]


class IndependentJobs(BackendV2):
    """A simulator, run through its own interface, with one seed of a stream for each job.

    Sampler V2 and Estimator V2 run the circuits of each number of shots in jobs with one and the same seed. Aer derives
    the seed of each circuit from it, so that circuits share shots where they have more than 2113; other simulators use
    one seed for all circuits of a job. Here every job has a seed of its own, and jobs are split into single circuits
    where their circuits would share random numbers.
    """

    def __init__(self, device: BackendV2, stream: np.random.SeedSequence) -> None:
        super().__init__(name=device.name)
        self._device = device
        self._stream = stream
        self._options = device.options

    @property
    def target(self) -> Any:
        """The device's target."""
        return self._device.target

    @property
    def max_circuits(self) -> int | None:
        """The device's largest number of circuits in a job."""
        limit: int | None = self._device.max_circuits
        return limit

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> "JoinedJobs":
        """Run circuits in jobs whose circuits do not share random numbers; `seed_simulator` is replaced."""
        many = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
        shots = options.get("shots") or getattr(self._device.options, "shots", None) or SHOTS_APART + 1
        shifted = hasattr(self._device.options, "noise_model") and shots <= SHOTS_APART  # by Aer
        size = len(many) if shifted else 1
        jobs = []
        for start in range(0, len(many), size):
            (child,) = self._stream.spawn(1)
            own = {**options, "seed_simulator": simulator_seed(child)}
            jobs.append(self._device.run(many[start : start + size], **own))
        return JoinedJobs(jobs)


class JoinedJobs:
    """Several jobs as one, whose result holds all circuits in their order."""

    def __init__(self, jobs: list[Any]) -> None:
        self._jobs = jobs

    def result(self) -> Any:
        """The result of the first job with the circuits of all."""
        first, *rest = [job.result() for job in self._jobs]
        for one in rest:
            first.results.extend(one.results)
            first.success = first.success and one.success
            first.status = first.status if one.success else one.status
        return first
