"""Runs on any `BackendV2` that returns counts: no memory, no primitives, no seed and no options are required."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from circuits.counts import outcome_index
from circuits.seeds import drawn_seed

_WITH_MEMORY = ("qiskit", "qiskit_aer", "qiskit_ibm_runtime")
"""Packages whose own backends return the outcome of each shot, as Sampler V2 requires."""


def has_memory(device: BackendV2) -> bool:
    """Whether a class of Qiskit, Aer or IBM is known to return the outcome of each shot."""
    return type(device).__module__.partition(".")[0] in _WITH_MEMORY


def run_for_counts(
    device: BackendV2,
    circuits: Sequence[QuantumCircuit],
    shots: Sequence[int],
    width: int,
    stream: np.random.SeedSequence,
) -> NDArray[np.int64]:
    """Counts (n, 2**width) of compiled circuits by `device.run`.

    Circuits with equal shots form a job of at most `device.max_circuits`; more shots than the device accepts are
    divided into several jobs. Where the device has the option `seed_simulator` or `seed`, each job is one circuit with
    its own seed of the stream, because circuits of one job may share random numbers.

    Raises:
        RuntimeError: a job failed, or its counts are not those of the circuit's bits and shots.
    """
    counts = np.zeros((len(circuits), 2**width), np.int64)
    option, seeds = _seed_option(device), _seeds(stream)
    for chosen, part in _jobs(device, shots, single=option is not None):
        run_input = [circuits[k] for k in chosen]
        job = device.run(
            run_input[0] if len(run_input) == 1 else run_input,
            shots=part,
            **({} if option is None else {option: next(seeds)}),
        )
        results = [one.result() for one in (job if isinstance(job, list | tuple) else [job])]
        for result in results:
            if getattr(result, "success", True) is False:
                raise RuntimeError(f"{device.name} could not run the circuits: {getattr(result, 'status', result)}")
        for place, k in enumerate(chosen):
            one = np.zeros(2**width, np.int64)
            for outcome, number in _counts_of(results, place, len(chosen)).items():
                index = outcome_index(outcome)
                if not 0 <= index < len(one):
                    raise RuntimeError(f"{device.name} returned the outcome {outcome!r} for {width} bits")
                one[index] += number
            if one.min() < 0 or one.sum() != part:
                raise RuntimeError(f"{device.name} returned {one.sum()} counts for {part} shots")
            counts[k] += one
    return counts


def _jobs(device: BackendV2, shots: Sequence[int], *, single: bool) -> Iterator[tuple[list[int], int]]:
    """The numbers of the circuits of each job, and its shots."""
    most = _most_shots(device)
    size = 1 if single else getattr(device, "max_circuits", None) or len(shots)
    for number, group in groupby(sorted(range(len(shots)), key=lambda k: shots[k]), key=lambda k: shots[k]):
        chosen = list(group)
        for start in range(0, len(chosen), size):
            left = number
            while left:
                part = min(left, most or left)
                yield chosen[start : start + size], part
                left -= part


def _most_shots(device: BackendV2) -> int | None:
    """Largest number of shots of a job, from the attribute `max_shots` or the range of the option `shots`."""
    limits = [getattr(device, "max_shots", None)]
    allowed = getattr(device.options, "validator", {}).get("shots")
    limits.append(allowed[1] if isinstance(allowed, tuple) and len(allowed) == 2 else None)
    stated = [int(one) for one in limits if isinstance(one, int | np.integer) and one > 0]
    return min(stated, default=None)


def _seed_option(device: BackendV2) -> str | None:
    """Name of the option for the seed of a job; None for a device without one."""
    return next((one for one in ("seed_simulator", "seed") if hasattr(device.options, one)), None)


def _seeds(stream: np.random.SeedSequence) -> Iterator[int]:
    while True:
        yield drawn_seed(stream.spawn(1)[0])


def _counts_of(results: Sequence[Any], place: int, many: int) -> dict[Any, int]:
    """Counts of one circuit of a job, whose circuits are in one result or in one for each."""
    if len(results) == many > 1:
        results, place = [results[place]], 0
    (result,) = results
    try:
        counts = result.get_counts(place)
    except TypeError:  # a result whose get_counts has no argument
        counts = result.get_counts()
    return dict(counts[place] if isinstance(counts, list | tuple) else counts)
