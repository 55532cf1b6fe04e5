"""The ansatz of variational preparation: RY on every qubit, then repeatedly a CX with RY on both of its qubits.

For complex states RZ is added to RY. With k CX there are n + 2k angles for the 2ⁿ − 1 dimensions of real states, and
2n + 4k + 1 (the last is the global phase) for the 2ⁿ⁺¹ − 1 dimensions of complex ones. One angle (two if complex) is
redundant at a CX whose qubits had no CX before, so that both kinds of states need ⌈(2ⁿ − n)/2⌉ CX if they have no
structure.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.preparation.least_squares import CX, PHASE, RY, RZ, fit, state
from qimg.core import Array
from qimg.core.compiled import compiled
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class RotationCircuit:
    """The ansatz with its angles as two small arrays; `circuit()` converts it to a `QuantumCircuit`."""

    n_qubits: int
    pairs: Array
    """(cx, 2) control and target of every CX, in order."""
    angles: Array
    """RY on every qubit (then RZ), RY on both qubits of every pair (then RZ), and the global phase if complex."""
    imaginary: bool = False
    """Whether the circuit has RZ gates, for complex states."""
    name: ClassVar[str] = "rotations"

    @property
    def cx(self) -> int:
        """Number of CX gates."""
        return len(self.pairs)

    def gates(self) -> Array:
        """The circuit as rows (kind, qubit, qubit)."""
        return gate_table(self.n_qubits, self.pairs, self.imaginary)

    def circuit(self) -> QuantumCircuit:
        """The circuit of RY, RZ and CX gates; rotations by exactly zero are omitted."""
        circuit = QuantumCircuit(self.n_qubits, name=self.name)
        angles: Any = iter(np.remainder(self.angles, 4 * np.pi).tolist())
        for kind, first, second in self.gates().tolist():
            if kind == CX:
                circuit.cx(first, second)
                continue
            angle = next(angles)
            if kind == PHASE:
                circuit.global_phase = angle / 2
            elif angle != 0:
                (circuit.ry if kind == RY else circuit.rz)(angle, first)
        return circuit


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Preparation(RotationCircuit):
    """A fitted circuit, as returned by `prepare_batch`."""

    infidelity: float
    """1 − |⟨vector|prepared⟩|²."""
    name: ClassVar[str] = "prepare"

    def statevector(self) -> Array:
        """The state (2**n,) that the circuit prepares, without Qiskit. Cost: O(gates · 2ⁿ)."""
        rows = 2**self.n_qubits
        prepared = state(self.gates(), self.angles, 2 * rows if self.imaginary else rows)
        return np.asarray(prepared[:rows] + 1j * prepared[rows:] if self.imaginary else prepared)

    def fitted(self, target: Array, *, steps: int, enough: float, slow: float) -> "Preparation":
        """The circuit with its angles fitted, starting from the present ones; see `least_squares.fit`."""
        angles, infidelity, _ = fit(self.gates(), self.angles, target, steps, enough, slow)
        return replace(self, angles=angles, infidelity=infidelity)


def fewest_for_any_state(n_qubits: int) -> int:
    """Smallest number of CX with which the ansatz has enough independent angles for every state: ⌈(2ⁿ − n)/2⌉.

    It is the same for real and for complex states.

    >>> [fewest_for_any_state(n) for n in range(1, 9)]
    [0, 1, 3, 6, 14, 29, 61, 124]
    """
    return (2**n_qubits - n_qubits + 1) // 2 if n_qubits > 1 else 0


def random_pairs(n_qubits: int, count: int, rng: np.random.Generator) -> Array:
    """Pairs (count, 2) for the CX of an ansatz: a random tree, then random matchings without pairs of the previous one.

    Every pair of qubits without an earlier CX makes two angles redundant (real states: one). A tree has only one such
    pair, a round of matchings n/2. With the tree, circuits of `fewest_for_any_state` CX can prepare every state.
    """
    order = [int(qubit) for qubit in rng.permutation(n_qubits)]
    pairs = [(order[int(rng.integers(k))], order[k]) for k in range(1, n_qubits)]
    last: set[frozenset[int]] = set()
    while len(pairs) < count:
        order = [int(qubit) for qubit in rng.permutation(n_qubits)]
        matching = [(order[k], order[k + 1]) for k in range(0, n_qubits - 1, 2)]
        undirected = {frozenset(pair) for pair in matching}
        if n_qubits > 3 and undirected & last:
            continue
        last = undirected
        pairs += matching
    return np.array(pairs[:count], dtype=np.int64).reshape(-1, 2)


@compiled(allocates=True)
def gate_table(n_qubits: int, pairs: Array, imaginary: bool) -> Array:
    """The ansatz as rows (kind, qubit, qubit)."""
    n_pairs = pairs.shape[0]
    factor = 2 if imaginary else 1
    table = np.zeros((factor * n_qubits + (1 + 2 * factor) * n_pairs + factor - 1, 3), np.int64)
    row = 0
    for kind in range(factor):
        for qubit in range(n_qubits):
            table[row, 0] = RY if kind == 0 else RZ
            table[row, 1] = qubit
            row += 1
    for p in range(n_pairs):
        table[row, 0] = CX
        table[row, 1:] = pairs[p]
        row += 1
        for kind in range(factor):
            for end in range(2):
                table[row, 0] = RY if kind == 0 else RZ
                table[row, 1] = pairs[p, end]
                row += 1
    if imaginary:
        table[row, 0] = PHASE
    return table


@compiled
def angles_before(n_qubits: int, block: int, imaginary: bool) -> int:
    """Position of the first angle of a block in the angles of the ansatz."""
    return (2 if imaginary else 1) * (n_qubits + 2 * block)
