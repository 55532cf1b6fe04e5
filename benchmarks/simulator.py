"""Thousands of patches through Aer against one circuit per patch."""

import time

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

import circuits
import qimg
from benchmarks.timing import Comparison

LOOPED = 50
"""Patches of the looped peer; its time per patch is constant."""


def patches(count: int) -> np.ndarray:
    """Luma patches of a bundled photograph, none of them zero."""
    luma = qimg.images.luma(qimg.images.bundled("astronaut"))
    return qimg.extract_patches(luma)[:count] + 1.0


def looped(count: int, transform: QuantumCircuit) -> tuple[float, np.ndarray]:
    """Seconds per patch of StatePreparation + transpile + run, and the states it gives."""
    states = qimg.amplitude_encode(patches(count)).amplitudes
    simulator = AerSimulator(method="statevector")
    transformed = []
    start = time.perf_counter()
    for state in states:
        circuit = QuantumCircuit(6)
        circuit.prepare_state(state)
        circuit.compose(transform, inplace=True)
        circuit.save_statevector()
        transformed.append(
            np.asarray(simulator.run(transpile(circuit, simulator, optimization_level=1)).result().get_statevector())
        )
    return (time.perf_counter() - start) / count, np.stack(transformed)


def compare(repeats: int) -> tuple[list[Comparison], dict[str, float]]:
    """Batch register and template against the loop: 1000 patches, 2-D DCT on 6 qubits."""
    transform = circuits.transform_circuit("dct_2d", 6)
    circuits.compile_circuit(transform)
    start = time.perf_counter()
    compiled = circuits.compile_circuit(transform)
    compile_seconds = time.perf_counter() - start
    batch = patches(1000)
    per_patch, states = looped(LOOPED, compiled)
    circuits.transform_batch(compiled, batch)
    batch_times, template_times = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        transformed = circuits.transform_batch(compiled, batch)
        batch_times.append(time.perf_counter() - start)
    for _ in range(max(1, repeats // 3)):
        start = time.perf_counter()
        separate = circuits.run_template(compiled, batch)
        template_times.append(time.perf_counter() - start)
    norms = np.linalg.norm(batch, axis=1, keepdims=True)
    product = qimg.transforms.apply(qimg.transforms.unitary("dct_2d", 64), batch)
    errors = {
        "batch register against matrix product": float(np.abs(transformed - product).max() / np.abs(product).max()),
        "batch register against loop": _distance(transformed[:LOOPED] / norms[:LOOPED], states),
        "template against loop": _distance(separate[:LOOPED], states),
        "seconds to compile the transform once": compile_seconds,
    }
    peer = "StatePreparation + transpile + run, looped"
    rows = []
    for what, times, target in (
        ("1000 patches in one batch register", batch_times, "≥ 1000"),
        ("1000 gate-only circuits from one template", template_times, "≥ 10"),
    ):
        seconds = float(np.median(times))
        rows.append(
            Comparison(
                what=what,
                ours_seconds=seconds,
                peer=peer,
                peer_seconds=1000 * per_patch,
                figure="times as fast as the loop",
                value=1000 * per_patch / seconds,
                target=target,
            )
        )
    return rows, errors


def _distance(states: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference up to the global phase, which StatePreparation leaves open."""
    phase = np.einsum("nd,nd->n", reference.conj(), states)
    return float(np.abs(states - reference * (phase / np.abs(phase))[:, None]).max())
