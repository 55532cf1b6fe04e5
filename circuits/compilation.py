"""Circuits compiled to CX and gates of one qubit, or for a device, and their gates counted."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from qiskit import transpile
from qiskit.circuit import QuantumCircuit

from qimg.core import integer, require

BASIS_GATES = ("cx", "rz", "sx", "x", "ry")


class GateCount(NamedTuple):
    """Size of a circuit of CX and gates of one qubit."""

    cx: int
    """CX gates."""
    one_qubit: int
    """Gates on one qubit."""
    depth: int = 0
    """Longest path through the gates; 0 where they were counted without building the circuit."""
    optimization_level: int = 0
    """Level of Qiskit's transpiler; 0 where nothing was optimised."""


def compile_circuit(
    circuit: QuantumCircuit,
    *,
    optimization_level: int = 1,
    backend: Any = None,
    layout: Sequence[int] | None = None,
) -> QuantumCircuit:
    """Transpile to CX and one-qubit gates, or for a backend.

    Level 1 is the default because levels 2 and 3 may leave the qubits permuted (elided swaps): such a circuit is right
    for a backend, which undoes the permutation in its results, and wrong when its matrix is composed or compared.

    Args:
        circuit: any circuit.
        optimization_level: 0 to 3.
        backend: a `BackendV2`; CX and one-qubit gates on qubits that are all connected when left out.
        layout: the backend's qubit for each qubit of the circuit; Qiskit chooses when left out.
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
    """`compile_circuit` of many: the passes are put together once, which takes longer than a small circuit does."""
    options: dict[str, Any] = {
        "optimization_level": integer("optimization_level", optimization_level, 0, 3),
        "seed_transpiler": 0,
        "num_processes": 1,
        # Untouched qubits would be taken for |0⟩ and used as clean ancillas, which a transform's are not.
        "qubits_initially_zero": False,
    }
    if backend is None:
        return list(transpile(list(circuits), basis_gates=list(BASIS_GATES), **options))
    place = None if layout is None else [int(qubit) for qubit in layout]
    if place is not None:
        for circuit in circuits:
            wires = circuit.num_qubits
            fits = len(set(place)) == len(place) == wires and 0 <= min(place) <= max(place) < backend.num_qubits
            require(fits, "layout", f"must name {wires} different qubits of {backend.num_qubits}", place)
    return list(transpile(list(circuits), backend=backend, initial_layout=place, **options))


def count_gates(circuit: QuantumCircuit, *, optimization_level: int | None = 1) -> GateCount:
    """Gates and depth of a circuit, all qubits connected.

    Args:
        circuit: any circuit.
        optimization_level: of `compile_circuit`, 0 to 3; None counts a circuit of CX and one-qubit gates as it stands.
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
    """Whether circuits have no gates but CX and those of one qubit."""
    return all(set(circuit.count_ops()) <= {*BASIS_GATES, "measure", "barrier"} for circuit in circuits)


def without_measurements(name: str, *circuits: QuantumCircuit) -> None:
    """Raise `ValueError` unless no circuit measures or resets: its final state would be one draw of several."""
    for circuit in circuits:
        pure = not {"measure", "reset"} & set(circuit.count_ops())
        require(pure, name, "must not measure or reset", circuit.name)
