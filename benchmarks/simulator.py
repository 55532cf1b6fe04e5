"""Thousands of patches through Aer against one circuit per patch."""

import time

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

import circuits
import qimg
from benchmarks.timing import comparison, seconds_of
from experiments._results.measurements import Measurement

PATCHES = 1000
LOOPED = 50
"""Patches of the looped peer; its time per patch is constant."""
PEER = "loop of StatePreparation, transpile and run"


def patches(count: int) -> np.ndarray:
    """Luma patches of a bundled photograph, none of them zero."""
    luma = qimg.images.luma(qimg.images.bundled("astronaut"))
    return qimg.extract_patches(luma)[:count] + 1.0


def looped(count: int, transform: QuantumCircuit) -> np.ndarray:
    """States by StatePreparation + transpile + run, one circuit for each patch."""
    simulator = AerSimulator(method="statevector")
    states = []
    for state in qimg.amplitude_encode(patches(count)).amplitudes:
        circuit = QuantumCircuit(6)
        circuit.prepare_state(state)
        circuit.compose(transform, inplace=True)
        circuit.save_statevector()
        compiled = transpile(circuit, simulator, optimization_level=1)
        states.append(np.asarray(simulator.run(compiled).result().get_statevector()))
    return np.stack(states)


def measure() -> list[Measurement]:
    """Batch register and template against the loop: 1000 patches, 2-D DCT on 6 qubits."""
    transform = circuits.transform_circuit("dct_2d", 6)
    compiled = circuits.compile_circuit(transform)
    batch = patches(PATCHES)
    transformed, separate = circuits.transform_batch(compiled, batch), circuits.run_template(compiled, batch)
    states = looped(LOOPED, compiled)
    norms = np.linalg.norm(batch, axis=1, keepdims=True)
    product = qimg.transforms.apply(qimg.transforms.unitary("dct_2d", 64), batch)
    errors = {
        "batch register against matrix product": float(np.abs(transformed - product).max() / np.abs(product).max()),
        "batch register against loop": _distance(transformed[:LOOPED] / norms[:LOOPED], states),
        "template against loop": _distance(separate[:LOOPED], states),
    }
    compilation = seconds_of(lambda: circuits.compile_circuit(transform), clock=time.process_time)
    peer_seconds = PATCHES / LOOPED * seconds_of(lambda: looped(LOOPED, compiled), clock=time.process_time)
    timed = (
        ("1000 patches in one batch register", circuits.transform_batch, 9, "≥ 1000 times as fast"),
        ("1000 gate-only circuits from one template", circuits.run_template, 3, "≥ 10 times as fast"),
    )
    comparisons = []
    for what, run, repeats, target in timed:
        seconds = seconds_of(lambda run=run: run(compiled, batch), repeats=repeats, clock=time.process_time)
        comparisons.append(comparison(what, (seconds, peer_seconds), PEER, target=target, clock=time.process_time))
    return [
        *comparisons,
        *(
            Measurement(table="agreement", what=name, quantity="largest error", value=value, unit="relative")
            for name, value in errors.items()
        ),
        Measurement(table="step", what="compile the transform", quantity="CPU time", value=compilation, unit="s"),
    ]


def _distance(states: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference up to the global phase, which StatePreparation leaves open."""
    phase = np.einsum("nd,nd->n", reference.conj(), states)
    return float(np.abs(states - reference * (phase / np.abs(phase))[:, None]).max())
