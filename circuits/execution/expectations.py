"""Expectation values of observables through Estimator V2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp

from circuits.compilation import compile_circuit
from circuits.execution.backends import (
    _ibm_runtime,
    _is_runtime_device,
    _named,
    _seed,
    _several,
    _threads,
    _undisturbed,
)
from qimg.core.arguments import Array, require

Observable = Mapping[str, float]
"""Pauli strings and their coefficients; the first letter is the highest qubit, as Qiskit writes them."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Estimates:
    """Values of observables and how far shots let them scatter."""

    values: Array
    """(circuits, observables)."""
    standard_errors: Array
    """(circuits, observables) as the estimator reports them."""


def estimate(
    circuits: QuantumCircuit | Sequence[QuantumCircuit],
    observables: Sequence[Observable],
    backend: str | BackendV2 = "statevector",
    *,
    precision: float,
    seed: int | None = None,
) -> Estimates:
    """Expectation values of every observable in the final state of every circuit, by Estimator V2.

    Args:
        circuits: one circuit or several, without measurements.
        observables: such as `{"ZI": 0.5, "XX": -1.0}`.
        backend: a name for `circuits.backend`, or any `BackendV2`.
        precision: standard error aimed at for each Pauli string, > 0: 1/precision² shots.
        seed: of a simulator's sampling; None draws a fresh one.
    """
    many = _several(circuits)
    require(len(observables) > 0, "observables", "must hold at least one observable", observables)
    require(bool(0 < precision < 1), "precision", "must be in (0, 1)", precision)
    _seed(seed)
    device = _named(backend)
    if isinstance(backend, str):
        device.set_options(**_threads(device, max(circuit.num_qubits for circuit in many)))
    pubs = []
    for circuit in many:
        pure = not {"measure", "reset"} & set(circuit.count_ops())
        require(pure, "circuits", "must not measure or reset", circuit.name)
        compiled = compile_circuit(circuit, backend=device)
        operators = [_operator(one, circuit.num_qubits).apply_layout(compiled.layout) for one in observables]
        pubs.append((compiled, operators))
    with _undisturbed(device):
        results = _estimator(device, seed).run(pubs, precision=float(precision)).result()
    return Estimates(
        values=np.stack([np.asarray(result.data.evs) for result in results]),
        standard_errors=np.stack([np.asarray(result.data.stds) for result in results]),
    )


def _operator(observable: Observable, n_qubits: int) -> SparsePauliOp:
    for label in observable:
        valid = len(label) == n_qubits and set(label) <= set("IXYZ")
        require(valid, "observables", f"must be named by {n_qubits} letters of I, X, Y, Z", label)
    require(len(observable) > 0, "observables", "must have at least one Pauli string each", observable)
    return SparsePauliOp(list(observable), [float(value) for value in observable.values()])


def _estimator(device: BackendV2, seed: int | None) -> Any:
    if _is_runtime_device(device):
        return _ibm_runtime().EstimatorV2(mode=device)
    return BackendEstimatorV2(backend=device, options={"seed_simulator": seed})
