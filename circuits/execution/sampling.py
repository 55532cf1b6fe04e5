"""Circuits on thousands of patches at once: one batch register Σ_i w_i |i⟩|ψ_i⟩, or one parameterised template."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit

from circuits.compilation import compile_circuit, is_compiled
from circuits.counts import outcome_counts
from circuits.execution.backends import aer_result, from_state
from circuits.preparation.states import template, template_angles
from circuits.seeds import simulator_seed, stream
from qimg.core import Array, arguments, integer
from qimg.states import amplitude_encode, pad_to_register, qubits_for


def transform_batch(circuit: QuantumCircuit, vectors: ArrayLike) -> Array:
    """Apply one circuit to many vectors in a single Aer run.

    The state Σ_i |i⟩|x_i⟩/‖x‖ of a "where" and a "what" register is loaded by `set_statevector`; the circuit acts on
    "what". In a loop, pass a compiled circuit (`compile_circuit`), so that it is not transpiled again.

    Args:
        circuit: acts on log₂ d qubits.
        vectors: (n, d), d a power of two, not all zero; they need not be normalised.

    Returns:
        (n, d) complex: the circuit applied to every vector, with unchanged norms.
    """
    whole, norm, rows = _batch(circuit, vectors)
    whole.save_statevector()
    amplitudes = np.asarray(aer_result(whole, method="statevector").get_statevector())
    return amplitudes.reshape(-1, 2**circuit.num_qubits)[:rows] * norm


def sample_batch(circuit: QuantumCircuit, vectors: ArrayLike, *, shots: int, seed: int | None = 0) -> NDArray[np.int64]:
    """Measure both registers of the batch after the circuit.

    Args:
        circuit: acts on log₂ d qubits.
        vectors: (n, d) as in `transform_batch`.
        shots: shots for the whole batch; their expected number for a vector is proportional to its energy.
        seed: seed of the shots (`circuits.seeds`).

    Returns:
        (n, d) counts that sum to `shots`.
    """
    count = integer("shots", shots, 1)
    whole, _, rows = _batch(circuit, vectors)
    own = stream(seed, "sample_batch", whole, count)
    options = {"shots": count, "seed_simulator": simulator_seed(own)}
    whole.measure_all()
    counts = outcome_counts(aer_result(whole, method="statevector", **options), 2**whole.num_qubits)
    return counts.reshape(-1, 2**circuit.num_qubits)[:rows]


def amplitude_moduli(counts: ArrayLike) -> Array:
    """Estimates √(n_k / n) of |amplitude k| from counts along the last axis; zeros if all counts are zero.

    Their standard error is about 1 / (2 √n) for every amplitude, unless n_k is small.
    """
    numbers = arguments.vectors("counts", counts)
    total = numbers.sum(axis=-1, keepdims=True)
    return np.sqrt(numbers / np.maximum(total, 1))


def run_template(circuit: QuantumCircuit, vectors: ArrayLike) -> Array:
    """Apply one circuit to many real vectors, each prepared by gates alone, as on a device.

    One template is transpiled once; Aer binds the angles of every vector and returns the final states.

    Args:
        circuit: acts on log₂ d qubits.
        vectors: (n, d) real, d a power of two; zero vectors become |0…0⟩.

    Returns:
        (n, d) complex state vectors of norm 1.
    """
    data = arguments.vectors("vectors", vectors)
    arguments.require_shape(data.ndim == 2 and len(data) > 0, "vectors", "(n, d) with n >= 1", data)
    prepared = template(circuit.num_qubits)
    expected = 2**circuit.num_qubits
    arguments.require_shape(data.shape[1] == expected, "vectors", f"(n, {expected})", data)
    parameters = list(prepared.parameters)
    whole = compile_circuit(prepared.compose(circuit), optimization_level=0)
    whole.save_statevector()
    angles = template_angles(data)
    binds = {parameter: angles[:, k].tolist() for k, parameter in enumerate(parameters)}
    result = aer_result(whole, method="statevector", parameter_binds=[binds])
    return np.stack([np.asarray(result.get_statevector(k)) for k in range(len(data))])


def _batch(circuit: QuantumCircuit, vectors: ArrayLike) -> tuple[QuantumCircuit, float, int]:
    """The loaded batch followed by the circuit on "what", the norm of the batch, and its number of vectors."""
    data = arguments.vectors("vectors", vectors)
    expected = 2**circuit.num_qubits
    ok = data.ndim == 2 and len(data) > 0 and data.shape[1] == expected
    arguments.require_shape(ok, "vectors", f"(n, {expected})", data)
    amplitudes, norm = amplitude_encode(data.ravel())
    arguments.require(float(norm) > 0, "vectors", "must not all be zero", float(norm))
    n_qubits = qubits_for(len(data)) + circuit.num_qubits
    # Aer does not support the QFT gate; a compiled circuit is used unchanged.
    gates = circuit if is_compiled(circuit) else compile_circuit(circuit)
    return from_state(pad_to_register(amplitudes, n_qubits), gates, n_qubits), float(norm), len(data)
