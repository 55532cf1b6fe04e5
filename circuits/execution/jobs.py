"""Execution of thousands of small circuits: in batches, with progress, within a memory limit, resumable."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from circuits.compilation import compile_circuit, is_compiled
from circuits.execution.backends import counted_bits, measured, named, run, several
from circuits.seeds import checked_seed, stream_seed
from qimg.core import Track, integer, require


def run_jobs(
    circuits: Sequence[QuantumCircuit],
    backend: str | BackendV2 = "statevector",
    *,
    shots: int,
    seed: int | None = 0,
    file: str | Path,
    batch: int = 200,
    memory: int = 2**30,
    track: Track = iter,
) -> NDArray[np.int64]:
    """Counts of many circuits, run in batches; finished batches are stored on disk and are not run again.

    The key of a job is a hash of the circuit, the backend, shots, seed and, if a circuit occurs several times, its
    number among them. The file is an SQLite database to which each batch is written in one transaction. An interruption
    therefore loses only the current batch; the same call resumes the run and gives the same counts as an uninterrupted
    one.

    Args:
        circuits: circuits with the same number of measured bits, as for `circuits.run`.
        backend: a name for `circuits.backend`, or any `BackendV2`, identified by its name, errors and options.
        shots: shots of each circuit.
        seed: seed of a simulator's shots, from which the seed of each batch is derived (`circuits.seeds`); with None a
            run cannot be resumed.
        file: file of the results; created if it does not exist.
        batch: largest number of circuits in a batch.
        memory: limit in bytes for a batch and the returned counts, by an estimate of the state, shots and counts.
        track: wraps the batches to report progress.

    Returns:
        (n, 2**bits) counts in the order of the circuits.

    Raises:
        ValueError: a circuit does not fit into the memory, or the file is not one of results.
    """
    many = several(circuits)
    shots, batch, memory = integer("shots", shots, 1), integer("batch", batch, 1), integer("memory", memory, 1)
    seed = checked_seed(seed)
    device = named(backend)
    width = counted_bits([measured(circuit) for circuit in many])
    size = _fitting(many, device, width, shots, batch, memory)
    keys = _keys(many, device, shots, seed)
    with closing(_opened(Path(file))) as store:
        done = {key for (key,) in store.execute("SELECT key FROM jobs")}
        pending = [k for k, key in enumerate(keys) if key not in done]
        for start in track(range(0, len(pending), size)):
            chosen = pending[start : start + size]
            batch_seed = stream_seed(seed, keys[chosen[0]])
            counts = run([many[k] for k in chosen], device, shots=shots, seed=batch_seed)
            with store:
                lines = [(keys[k], _packed(one)) for k, one in zip(chosen, counts, strict=True)]
                store.executemany("INSERT INTO jobs VALUES (?, ?)", lines)
        all_counts = np.zeros((len(many), 2**width), np.int64)
        for k, key in enumerate(keys):
            (blob,) = store.execute("SELECT counts FROM jobs WHERE key = ?", (key,)).fetchone()
            outcomes, numbers = np.frombuffer(blob, np.int64).reshape(2, -1)
            all_counts[k, outcomes] = numbers
    return all_counts


def jobs_done(file: str | Path) -> int:
    """Number of jobs in a file of results; 0 if the file does not exist."""
    if not Path(file).exists():
        return 0
    with closing(_opened(Path(file))) as store:
        return int(store.execute("SELECT COUNT(*) FROM jobs").fetchone()[0])


def _opened(path: Path) -> sqlite3.Connection:
    store = sqlite3.connect(path)
    try:
        with store:
            store.execute("CREATE TABLE IF NOT EXISTS jobs (key TEXT PRIMARY KEY, counts BLOB NOT NULL)")
    except sqlite3.DatabaseError as error:
        store.close()
        raise ValueError(f"file must be results of run_jobs, but {path}: {error}") from error
    return store


def _packed(counts: NDArray[np.int64]) -> bytes:
    outcomes = np.flatnonzero(counts)
    return np.stack([outcomes, counts[outcomes]]).astype(np.int64).tobytes()


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


def _keys(circuits: Sequence[QuantumCircuit], device: BackendV2, shots: int, seed: int) -> list[str]:
    where = f"{_identity(device)} {shots} {seed}"
    repeats: Counter[str] = Counter()
    keys = []
    for body in map(_digest, circuits):
        keys.append(hashlib.sha256(f"{body} {repeats[body]} {where}".encode()).hexdigest())
        repeats[body] += 1
    return keys


def _digest(circuit: QuantumCircuit) -> str:
    """Hash of the gates without names; gates other than CX and one-qubit gates are compiled first."""
    compiled = measured(circuit)
    if not is_compiled(compiled):
        compiled = compile_circuit(compiled)
    lines: list[Any] = [compiled.num_qubits, [register.size for register in compiled.cregs], compiled.global_phase]
    for instruction in compiled.data:
        qubits = [compiled.find_bit(bit).index for bit in instruction.qubits]
        bits = [compiled.find_bit(bit).index for bit in instruction.clbits]
        lines.append([instruction.operation.name, list(map(repr, instruction.operation.params)), qubits, bits])
    return hashlib.sha256(json.dumps(lines, default=repr).encode()).hexdigest()


def _identity(device: BackendV2) -> str:
    """Hash of the name, errors and options of a device."""
    noise = getattr(device.options, "noise_model", None)
    lines = [type(device).__name__, str(device.name), repr(sorted(map(repr, vars(device.options).items())))]
    lines.append("" if noise is None else json.dumps(noise.to_dict(serializable=True), sort_keys=True))
    for name, places in sorted(device.target.items()):
        for qubits, properties in sorted((places or {}).items(), key=repr):
            error = getattr(properties, "error", None)
            if error is not None:
                lines.append(f"{name} {qubits} {error!r}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
