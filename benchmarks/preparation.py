"""CX and seconds of exact preparation of random states, and of photographic patches at a fidelity."""

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from qiskit.quantum_info import Statevector

import circuits
import qimg
from benchmarks.timing import Comparison, seconds_of
from circuits.preparation.baselines import qiskit_circuit, schmidt_circuit
from experiments._run.pictures import gather

SEARCHED = {6: 20, 8: 4}
"""Random real states that are searched for, by qubits."""


def random_states(n_qubits: int, count: int, *, imaginary: bool = False) -> list[np.ndarray]:
    """Unit vectors with normal components, seeds 0, 1, …."""
    generators = map(np.random.default_rng, range(count))
    draws = ((rng.normal(size=2**n_qubits), rng.normal(size=2**n_qubits) if imaginary else 0) for rng in generators)
    return [(real + 1j * other if imaginary else real) / np.linalg.norm(real + 1j * other) for real, other in draws]


def compare() -> tuple[list[Comparison], list[str]]:
    """Default effort by register, beside Qiskit and the Schmidt form; processor time."""
    first = seconds_of(lambda: circuits.prepare(random_states(5, 1)[0]), clock=time.process_time)
    lines = [f"first call of a process: {first:.2f} s of processor time"]
    for n_qubits, imaginary in ((4, False), (6, False), (6, True), (7, False), (7, True), (8, False)):
        states = random_states(n_qubits, 20 if n_qubits <= 6 else 4, imaginary=imaginary)
        ours = _measured(circuits.prepare, states)
        qiskit = circuits.count_gates(qiskit_circuit(states[0])).cx
        schmidt = circuits.count_gates(schmidt_circuit(states[0], rank=2 ** (n_qubits // 2))).cx
        kind = "complex" if imaginary else "real"
        lines.append(f"{n_qubits} {kind} qubits: {ours}; Qiskit {qiskit}, Schmidt form {schmidt} CX")
    return [], lines


def search() -> tuple[list[Comparison], list[str]]:
    """`effort="search"` at an infidelity of 1e-9: minutes."""
    prepare = partial(circuits.prepare, fidelity=1 - 1e-9, effort="search")
    return [], [
        f"search, {count} real states of {n_qubits} qubits: {_measured(prepare, random_states(n_qubits, count))}"
        for n_qubits, count in SEARCHED.items()
    ]


def patches() -> tuple[list[Comparison], list[str]]:
    """512 luma patches drawn from the set kodak (QIMG_DATA) with seed 0, at fidelity 0.999, with both efforts."""
    pictures = gather(["kodak"]).pictures
    every = np.concatenate([qimg.extract_patches(picture.luma()) for picture in pictures]).astype(float)
    drawn = every[np.random.default_rng(0).choice(len(every), 512, replace=False)]
    lines = []
    for effort in ("default", "search"):
        start = time.process_time()
        found = circuits.prepare_batch(drawn, fidelity=0.999, effort=effort)
        seconds = (time.process_time() - start) / len(drawn)
        cx = np.array([preparation.cx for preparation in found])
        lines.append(
            f"512 patches of {len(pictures)} pictures at 0.999, {effort}: {cx.mean():.2f} CX on average, "
            f"{cx.max()} at most, {(cx == 0).mean():.0%} without, {1e3 * seconds:.0f} ms each"
        )
    return [], lines


def _measured(prepare: Callable[[np.ndarray], object], states: list[np.ndarray]) -> str:
    cx, seconds, infidelity = [], [], []
    for state in states:
        start = time.process_time()
        circuit = prepare(state)
        seconds.append(time.process_time() - start)
        cx.append(circuit.count_ops()["cx"])  # type: ignore[attr-defined]
        infidelity.append(1 - abs(np.vdot(state, Statevector(circuit).data)) ** 2)
    return (
        f"{min(cx)} to {max(cx)} CX, infidelity at most {max(max(infidelity), 0):.1e}, "
        f"{statistics.median(seconds):.3f} s in the median, {max(seconds):.3f} s at most"
    )
