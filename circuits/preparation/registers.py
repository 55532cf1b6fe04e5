"""Checks of qubits and pairs of qubits."""

from collections.abc import Sequence

from qimg.core import Array, require


def wires_of(qubits: Sequence[int] | None, n: int) -> list[int]:
    """The qubit of each of n sites, checked; when left out, site s is qubit n − 1 − s."""
    wires = list(range(n))[::-1] if qubits is None else [int(qubit) for qubit in qubits]
    require(sorted(wires) == list(range(n)), "qubits", f"must name each of {n} qubits once", wires)
    return wires


def require_pairs(pairs: Array, n_qubits: int) -> None:
    """Raise an error unless every row is a pair of different qubits of the register."""
    inside = bool(((pairs >= 0) & (pairs < n_qubits)).all() and (pairs[:, 0] != pairs[:, 1]).all())
    require(inside, "pairs", f"must be pairs of {n_qubits} qubits", pairs.tolist()[:8])
