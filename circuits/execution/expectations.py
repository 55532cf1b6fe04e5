"""Expectation values of observables with Estimator V2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp

from circuits.compilation import compile_circuit, without_measurements
from circuits.execution.backends import named, primitive, several, threads, undisturbed
from circuits.execution.independent_jobs import simulated_device
from circuits.execution.truncated_counts import is_truncated, truncated_expectations
from circuits.seeds import checked_seed, stream
from qimg.core import Array, require
from qimg.core.records import short_repr

Observable = Mapping[str, float]
"""Pauli strings and their coefficients; the first letter is the highest qubit, as in Qiskit."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Estimates:
    """Estimated values of observables and their standard errors."""

    values: Array
    """(circuits, observables)."""
    standard_errors: Array
    """(circuits, observables), as returned by the estimator: zero where all outcomes agree, so no interval follows."""


def estimate(
    circuits: QuantumCircuit | Sequence[QuantumCircuit],
    observables: Sequence[Observable],
    backend: str | BackendV2 = "statevector",
    *,
    precision: float,
    seed: int | None = 0,
) -> Estimates:
    """Expectation values of every observable in the final state of every circuit, by Estimator V2.

    On a truncated `matrix_product_state`, whose own readout is inaccurate, they are those of the truncated state, which
    is contracted with each Pauli string, with the scatter of `1/precision**2` shots of this string alone.

    Args:
        circuits: one circuit or several, without measurements.
        observables: such as `{"ZI": 0.5, "XX": -1.0}`.
        backend: a name for `circuits.backend`, or any `BackendV2`.
        precision: target standard error of each Pauli string, > 0; the number of shots is 1/precision².
        seed: seed of a simulator's shots (`circuits.seeds`).
    """
    many = several(circuits)
    without_measurements("circuits", *many)
    require(len(observables) > 0, "observables", "must hold at least one observable", observables)
    require(bool(0 < precision < 1), "precision", "must be in (0, 1)", precision)
    checked_seed(seed)
    device = named(backend)
    if isinstance(backend, str):
        device.set_options(**threads(device, max(circuit.num_qubits for circuit in many)))
    for circuit in many:
        for one in observables:
            _check(one, circuit.num_qubits)
    if is_truncated(device):
        own = stream(seed, "truncated estimate", many, observables, precision, simulated_device(device))
        states = [compile_circuit(circuit) for circuit in many]
        with undisturbed(device):
            values, errors = truncated_expectations(device, states, observables, int(np.ceil(precision**-2)), own)
        return Estimates(values=values, standard_errors=errors)
    pubs = []
    for circuit in many:
        compiled = compile_circuit(circuit, backend=device)
        operators = [_operator(one).apply_layout(compiled.layout) for one in observables]
        pubs.append((compiled, operators))
    estimator = primitive("Estimator", device, seed, call=[many, observables, precision])
    with undisturbed(device):
        results = estimator.run(pubs, precision=float(precision)).result()
    return Estimates(
        values=np.stack([np.asarray(result.data.evs) for result in results]),
        standard_errors=np.stack([np.asarray(result.data.stds) for result in results]),
    )


def _check(observable: Observable, n_qubits: int) -> None:
    for label in observable:
        valid = len(label) == n_qubits and set(label) <= set("IXYZ")
        require(valid, "observables", f"must be named by {n_qubits} letters of I, X, Y, Z", label)
    require(len(observable) > 0, "observables", "must have at least one Pauli string each", observable)


def _operator(observable: Observable) -> SparsePauliOp:
    return SparsePauliOp(list(observable), [float(value) for value in observable.values()])
