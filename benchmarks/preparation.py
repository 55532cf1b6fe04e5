"""CX gates and time of exact preparation of random states, and of photographic patches at a fidelity.

BLAS gets one thread, because CPU time includes the time that further threads wait.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from qiskit.quantum_info import Statevector

import circuits
import qimg
from benchmarks.timing import seconds_of
from circuits.preparation.baselines import qiskit_circuit, schmidt_circuit
from experiments._results.measurements import Measurement
from experiments._run.pictures import gather
from qimg.core import in_one_blas_thread

SEARCHED = {6: 20, 8: 4}
"""Number of random real states for `effort="search"`, by qubits."""


def random_states(n_qubits: int, count: int, *, imaginary: bool = False) -> list[np.ndarray]:
    """Unit vectors with normal components, seeds 0, 1, …."""
    generators = map(np.random.default_rng, range(count))
    draws = ((rng.normal(size=2**n_qubits), rng.normal(size=2**n_qubits) if imaginary else 0) for rng in generators)
    return [(real + 1j * other if imaginary else real) / np.linalg.norm(real + 1j * other) for real, other in draws]


@in_one_blas_thread
def measure() -> list[Measurement]:
    """Default effort by register, beside Qiskit and the Schmidt form."""
    first = seconds_of(lambda: circuits.prepare(random_states(5, 1)[0]), clock=time.process_time)
    rows = [
        Measurement(table="step", what="first call of a process", quantity="CPU time", value=first, unit="s"),
    ]
    for n_qubits, imaginary in ((4, False), (6, False), (6, True), (7, False), (7, True), (8, False)):
        states = random_states(n_qubits, 20 if n_qubits <= 6 else 4, imaginary=imaginary)
        register = f"{n_qubits} {'complex' if imaginary else 'real'} qubits"
        rows += _prepared(register, circuits.prepare, states)
        schmidt = circuits.count_gates(schmidt_circuit(states[0], rank=2 ** (n_qubits // 2))).cx
        qiskit = circuits.count_gates(qiskit_circuit(states[0])).cx
        rows += [
            Measurement(table="register", what=register, quantity=f"CX, {name}", value=float(cx))
            for name, cx in (("Schmidt form", schmidt), ("Qiskit", qiskit))
        ]
    return rows


@in_one_blas_thread
def search() -> list[Measurement]:
    """`effort="search"` at an infidelity of 1e-9, which takes minutes."""
    prepare = partial(circuits.prepare, fidelity=1 - 1e-9, effort="search")
    return [
        row
        for n_qubits, count in SEARCHED.items()
        for row in _prepared(f"{n_qubits} real qubits", prepare, random_states(n_qubits, count))
    ]


@in_one_blas_thread
def patches() -> list[Measurement]:
    """512 luma patches drawn from the set kodak (QIMG_DATA) with seed 0, at fidelity 0.999, with both efforts."""
    pictures = gather(["kodak"]).pictures
    every = np.concatenate([qimg.extract_patches(picture.luma()) for picture in pictures]).astype(float)
    drawn = every[np.random.default_rng(0).choice(len(every), 512, replace=False)]
    rows = []
    for effort in ("default", "search"):
        start = time.process_time()
        prepared = circuits.prepare_batch(drawn, fidelity=0.999, effort=effort)
        seconds = (time.process_time() - start) / len(drawn)
        cx = np.array([preparation.cx for preparation in prepared])
        quantities = (
            ("pictures", len(pictures), ""),
            ("patches", len(drawn), ""),
            ("CX, mean", cx.mean(), ""),
            ("CX, most", cx.max(), ""),
            ("patches without CX", 100 * (cx == 0).mean(), "%"),
            ("CPU time for each", seconds, "s"),
        )
        rows += [
            Measurement(table="effort", what=effort, quantity=quantity, value=float(value), unit=unit)
            for quantity, value, unit in quantities
        ]
    return rows


def _prepared(register: str, prepare: Callable[[np.ndarray], object], states: list[np.ndarray]) -> list[Measurement]:
    cx, seconds, infidelity = [], [], []
    for state in states:
        start = time.process_time()
        circuit = prepare(state)
        seconds.append(time.process_time() - start)
        cx.append(circuit.count_ops()["cx"])  # type: ignore[attr-defined]
        infidelity.append(1 - abs(np.vdot(state, Statevector(circuit).data)) ** 2)
    quantities = (
        ("states", len(states), ""),
        ("CX, fewest", min(cx), ""),
        ("CX, most", max(cx), ""),
        ("CPU time, median", statistics.median(seconds), "s"),
        ("CPU time, most", max(seconds), "s"),
        ("infidelity, most", max(max(infidelity), 0), "relative"),
    )
    return [
        Measurement(table="register", what=register, quantity=quantity, value=float(value), unit=unit)
        for quantity, value, unit in quantities
    ]
