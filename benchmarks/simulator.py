"""Thousands of patches through Aer against one circuit per patch."""

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

import circuits
import qimg
from benchmarks.timing import Comparison, ratio, seconds_of

LOOPED = 50
"""Patches of the looped peer; its time per patch is constant."""


def patches(count: int) -> np.ndarray:
    """Luma patches of a bundled photograph, none of them zero."""
    luma = qimg.images.luma(qimg.images.bundled("astronaut"))
    return qimg.extract_patches(luma)[:count] + 1.0


def looped(count: int, transform: QuantumCircuit) -> np.ndarray:
    """States by StatePreparation + transpile + run, one circuit for each patch."""
    simulator = AerSimulator(method="statevector")
    found = []
    for state in qimg.amplitude_encode(patches(count)).amplitudes:
        circuit = QuantumCircuit(6)
        circuit.prepare_state(state)
        circuit.compose(transform, inplace=True)
        circuit.save_statevector()
        compiled = transpile(circuit, simulator, optimization_level=1)
        found.append(np.asarray(simulator.run(compiled).result().get_statevector()))
    return np.stack(found)


def compare(repeats: int) -> tuple[list[Comparison], dict[str, float]]:
    """Batch register and template against the loop: 1000 patches, 2-D DCT on 6 qubits."""
    transform = circuits.transform_circuit("dct_2d", 6)
    compiled = circuits.compile_circuit(transform)
    batch = patches(1000)
    transformed, separate = circuits.transform_batch(compiled, batch), circuits.run_template(compiled, batch)
    states = looped(LOOPED, compiled)
    norms = np.linalg.norm(batch, axis=1, keepdims=True)
    product = qimg.transforms.apply(qimg.transforms.unitary("dct_2d", 64), batch)
    errors = {
        "batch register against matrix product": float(np.abs(transformed - product).max() / np.abs(product).max()),
        "batch register against loop": _distance(transformed[:LOOPED] / norms[:LOOPED], states),
        "template against loop": _distance(separate[:LOOPED], states),
        "seconds to compile the transform once": seconds_of(lambda: circuits.compile_circuit(transform)),
    }
    peer_seconds = 1000 / LOOPED * seconds_of(lambda: looped(LOOPED, compiled))
    timed = (
        ("1000 patches in one batch register", circuits.transform_batch, repeats, "≥ 1000"),
        ("1000 gate-only circuits from one template", circuits.run_template, max(1, repeats // 3), "≥ 10"),
    )
    rows = [
        ratio(
            what,
            "StatePreparation + transpile + run, looped",
            (seconds_of(lambda run=run: run(compiled, batch), repeats=count), peer_seconds),
            target=target,
            figure="times as fast as the loop",
        )
        for what, run, count, target in timed
    ]
    return rows, errors


def _distance(states: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference up to the global phase, which StatePreparation leaves open."""
    phase = np.einsum("nd,nd->n", reference.conj(), states)
    return float(np.abs(states - reference * (phase / np.abs(phase))[:, None]).max())
