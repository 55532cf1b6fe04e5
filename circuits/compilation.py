"""Compilation of circuits to CX and one-qubit gates or for a device, and gate counts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from qiskit import transpile
from qiskit.circuit import QuantumCircuit

from qimg.core import integer, require

BASIS_GATES = ("cx", "rz", "sx", "x", "ry")


class GateCount(NamedTuple):
    """Size of a circuit of CX and one-qubit gates."""

    cx: int
    """CX gates."""
    one_qubit: int
    """One-qubit gates."""
    depth: int = 0
    """Longest path through the gates; 0 if they were counted without building the circuit."""
    optimization_level: int = 0
    """Level of Qiskit's transpiler; 0 without optimisation."""


def compile_circuit(
    circuit: QuantumCircuit,
    *,
    optimization_level: int = 1,
    backend: Any = None,
    layout: Sequence[int] | None = None,
) -> QuantumCircuit:
    """Transpile to CX and one-qubit gates, or for a backend.

    Level 1 is the default because levels 2 and 3 may leave the qubits permuted (elided swaps). A backend undoes the
    permutation in its results, but the matrix of such a circuit is wrong when it is composed or compared.

    Args:
        circuit: any circuit.
        optimization_level: 0 to 3.
        backend: a `BackendV2`; when left out, CX and one-qubit gates on fully connected qubits.
        layout: the backend's qubit for each qubit of the circuit; chosen by Qiskit when left out.
    """
    (compiled,) = compile_circuits([circuit], optimization_level=optimization_level, backend=backend, layout=layout)
    return compiled


def compile_circuits(
    circuits: Sequence[QuantumCircuit],
    *,
    optimization_level: int = 1,
    backend: Any = None,
    layout: Sequence[int] | None = None,
) -> list[QuantumCircuit]:
    """`compile_circuit` for many circuits; the passes are assembled only once, which is slow for a small circuit."""
    options: dict[str, Any] = {
        "optimization_level": integer("optimization_level", optimization_level, 0, 3),
        "seed_transpiler": 0,
        "num_processes": 1,
        # Otherwise idle qubits of a transform would be treated as |0⟩ and used as clean ancillas.
        "qubits_initially_zero": False,
    }
    if backend is None:
        return list(transpile(list(circuits), basis_gates=list(BASIS_GATES), **options))
    qubits = None if layout is None else [int(qubit) for qubit in layout]
    if qubits is not None:
        for circuit in circuits:
            wires = circuit.num_qubits
            fits = len(set(qubits)) == len(qubits) == wires and 0 <= min(qubits) <= max(qubits) < backend.num_qubits
            require(fits, "layout", f"must name {wires} different qubits of {backend.num_qubits}", qubits)
    return list(transpile(list(circuits), backend=backend, initial_layout=qubits, **options))


def count_gates(circuit: QuantumCircuit, *, optimization_level: int | None = 1) -> GateCount:
    """Gates and depth of a circuit on fully connected qubits.

    Args:
        circuit: any circuit.
        optimization_level: of `compile_circuit`, 0 to 3; None counts the gates of a compiled circuit without changes.
    """
    if optimization_level is not None:
        circuit = compile_circuit(circuit, optimization_level=optimization_level)
    counts = circuit.count_ops()
    return GateCount(
        cx=int(counts.get("cx", 0)),
        one_qubit=int(sum(counts.get(gate, 0) for gate in BASIS_GATES if gate != "cx")),
        depth=int(circuit.depth()),
        optimization_level=optimization_level or 0,
    )


def is_compiled(*circuits: QuantumCircuit) -> bool:
    """Whether circuits consist of CX and one-qubit gates alone."""
    return all(set(circuit.count_ops()) <= {*BASIS_GATES, "measure", "barrier"} for circuit in circuits)


def without_measurements(name: str, *circuits: QuantumCircuit) -> None:
    """Raise `ValueError` if a circuit measures or resets, because its final state would be random."""
    for circuit in circuits:
        pure = not {"measure", "reset"} & set(circuit.count_ops())
        require(pure, name, "must not measure or reset", circuit.name)
