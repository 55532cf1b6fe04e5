"""Execution of thousands of small circuits: in batches, with progress, within a memory limit, resumable."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from circuits.execution.backends import counted_bits, measured, named, run, several, shots_of_each
from circuits.execution.identity import circuit_hash, device_hash, known_names
from circuits.execution.job_files import open_jobs
from circuits.seeds import checked_seed, stream_seed
from qimg.core import Track, integer, require


def run_jobs(
    circuits: QuantumCircuit | Sequence[QuantumCircuit],
    backend: str | BackendV2 = "statevector",
    *,
    shots: int | Sequence[int],
    seed: int | None = 0,
    layout: Sequence[int] | None = None,
    file: str | Path,
    batch: int = 200,
    memory: int = 2**30,
    track: Track = iter,
) -> NDArray[np.int64]:
    """Counts of many circuits, run in batches; finished batches are stored on disk and are not run again.

    The key of a job is a hash of the circuit's content, the backend, shots, seed, layout and, if a circuit occurs
    several times, its number among them. Names of circuits, registers and custom gates do not count. The file is an
    SQLite database to which each batch is written in one transaction. An interruption therefore loses only the current
    batch; the same call resumes the run and gives the same counts as an uninterrupted one.

    Several processes may use one file. A batch that another process has finished meanwhile is skipped; of jobs that two
    processes run at the same time, the counts of the first one are kept, and both return them.

    Args:
        circuits: circuits with the same number of measured bits, as for `circuits.run`.
        backend: a name for `circuits.backend`, or any `BackendV2`, identified by its class, name, version, options,
            noise model and target.
        shots: shots of each circuit, one number or one for each.
        seed: seed of a simulator's shots, from which the seed of each batch is derived (`circuits.seeds`); with None a
            run cannot be resumed.
        layout: as for `circuits.run`.
        file: file of the results; created if it does not exist. All of it is checked when it is opened.
        batch: largest number of circuits in a batch.
        memory: limit in bytes for a batch and the returned counts, by an estimate of the state, shots and counts.
        track: wraps the batches to report progress.

    Returns:
        (n, 2**bits) counts in the order of the circuits.

    Raises:
        ValueError: a circuit does not fit into the memory, or an instruction or option cannot be identified.
        circuits.JobFileError: the file is damaged, is another one, cannot be written, or stays locked.
    """
    many = several(circuits)
    each = shots_of_each(shots, len(many))
    batch, memory = integer("batch", batch, 1), integer("memory", memory, 1)
    seed = checked_seed(seed)
    device = named(backend)
    width = counted_bits([measured(circuit) for circuit in many])
    size = _fitting(many, device, width, max(each), batch, memory)
    keys = _keys(many, device, each, seed, layout)
    with open_jobs(Path(file), write=True) as store:
        missing = store.missing(keys)
        pending = [k for k, key in enumerate(keys) if key in missing]
        for start in track(range(0, len(pending), size)):
            chosen = pending[start : start + size]
            if not store.missing([keys[k] for k in chosen]):  # another process has run them
                continue
            batch_seed = stream_seed(seed, keys[chosen[0]])
            batch_shots = [each[k] for k in chosen]
            counts = run([many[k] for k in chosen], device, shots=batch_shots, seed=batch_seed, layout=layout)
            store.add({keys[k]: one for k, one in zip(chosen, counts, strict=True)})
        all_counts = np.zeros((len(many), 2**width), np.int64)
        for k, key in enumerate(keys):
            outcomes, numbers = store.counts(key)
            all_counts[k, outcomes] = numbers
    return all_counts


def jobs_done(file: str | Path) -> int:
    """Number of jobs in a file of results; 0 if the file does not exist.

    Raises:
        circuits.JobFileError: the file is damaged or is another one.
    """
    if not Path(file).exists():
        return 0
    with open_jobs(Path(file), write=False) as store:
        return len(store)


def _fitting(
    circuits: Sequence[QuantumCircuit], device: BackendV2, width: int, shots: int, batch: int, memory: int
) -> int:
    """Largest number of circuits in a batch within the memory limit."""
    qubits = max(circuit.num_qubits for circuit in circuits)
    method = str(getattr(device.options, "method", "automatic"))
    # Aer holds one state at a time; devices with noise are simulated by trajectories or density matrices.
    state = {"matrix_product_state": 0, "density_matrix": 16 * 4**qubits}.get(method, 16 * 2**qubits)
    result = 8 * 2**width * len(circuits)
    each = shots * ((width + 7) // 8 + 8) + 8 * 2**width
    least = state + result + each
    rule = f"must be at least {least} for {len(circuits)} circuits of {qubits} qubits and {shots} shots"
    require(least <= memory, "memory", rule, memory)
    return min(batch, 1 + (memory - least) // each)


def _keys(
    circuits: Sequence[QuantumCircuit], device: BackendV2, shots: Sequence[int], seed: int, layout: Sequence[int] | None
) -> list[str]:
    where, names = device_hash(device), known_names(device)
    places = "" if layout is None else str([int(qubit) for qubit in layout])
    repeats: Counter[str] = Counter()
    keys = []
    for circuit, one in zip(circuits, shots, strict=True):
        job = f"{circuit_hash(measured(circuit), names)} {where} {one} {seed} {places}"
        keys.append(hashlib.sha256(f"{job} {repeats[job]}".encode()).hexdigest())
        repeats[job] += 1
    return keys
