"""Compiled sweeps over circuits of two-qubit rotations, for many real states at a time.

States are arrays (rows, lanes), so that the innermost loop runs over the states: it is the same for all pairs of
qubits. Its bound is the length of the array, because Numba vectorises no loop that LLVM unrolls; sums are formed in
arrays of the function, which cannot overlap with its arguments.
"""

import numpy as np

from circuits.preparation.orthogonal import turn_to
from qimg.core import Array
from qimg.core.compiled import compiled

FEWEST_ROWS = 16
"""Fewest rows of states, of which four groups of four are read at a time."""


@compiled(inline="always")
def _row(index: int, low: int, high: int) -> int:
    """The index with zeros inserted at bits `low` < `high`."""
    row = ((index >> low) << (low + 1)) | (index & ((1 << low) - 1))
    return ((row >> high) << (high + 1)) | (row & ((1 << high) - 1))


@compiled(inline="always")
def _digits(index: int, first: int, second: int) -> int:
    """The two digits of a gate's index at their places in the row; the first qubit is the higher digit."""
    return ((index >> 1) << first) | ((index & 1) << second)


@compiled(allocates=True, fastmath=True)
def act(states: Array, gate: Array, first: int, second: int, transposed: bool) -> None:
    """Apply gates (4, 4, lanes), or their transposes, to two qubits of states (rows, lanes), in place."""
    lanes = states.shape[1]
    low, high = min(first, second), max(first, second)
    g, turned = np.empty((4, 4, lanes)), np.empty((4, lanes))
    for i in range(4):
        for j in range(4):
            g[i, j] = gate[j, i] if transposed else gate[i, j]
    for k in range(states.shape[0] // 4):
        row = _row(k, low, high)
        x0, x1 = states[row], states[row | _digits(1, first, second)]
        x2, x3 = states[row | _digits(2, first, second)], states[row | _digits(3, first, second)]
        for w in range(lanes):
            v0, v1, v2, v3 = x0[w], x1[w], x2[w], x3[w]
            turned[0, w] = g[0, 0, w] * v0 + g[0, 1, w] * v1 + g[0, 2, w] * v2 + g[0, 3, w] * v3
            turned[1, w] = g[1, 0, w] * v0 + g[1, 1, w] * v1 + g[1, 2, w] * v2 + g[1, 3, w] * v3
            turned[2, w] = g[2, 0, w] * v0 + g[2, 1, w] * v1 + g[2, 2, w] * v2 + g[2, 3, w] * v3
            turned[3, w] = g[3, 0, w] * v0 + g[3, 1, w] * v1 + g[3, 2, w] * v2 + g[3, 3, w] * v3
        for i in range(4):
            x = states[row | _digits(i, first, second)]
            for w in range(lanes):
                x[w] = turned[i, w]


@compiled(allocates=True, fastmath=True)
def _environment(ahead: Array, behind: Array, first: int, second: int) -> Array:
    """M (4, 4, lanes) with ⟨ahead|g|behind⟩ = tr(gᵀM) for every gate g on the qubits."""
    lanes = ahead.shape[1]
    low, high = min(first, second), max(first, second)
    out = np.zeros((4, 4, lanes))
    for k in range(0, ahead.shape[0] // 4, 4):
        a, b = _row(k, low, high), _row(k + 1, low, high)
        c, d = _row(k + 2, low, high), _row(k + 3, low, high)
        for i in range(4):
            digits = _digits(i, first, second)
            x0, x1, x2, x3 = ahead[a | digits], ahead[b | digits], ahead[c | digits], ahead[d | digits]
            for j in range(4):
                digits = _digits(j, first, second)
                y0, y1, y2, y3 = behind[a | digits], behind[b | digits], behind[c | digits], behind[d | digits]
                for w in range(lanes):
                    out[i, j, w] += x0[w] * y0[w] + x1[w] * y1[w] + x2[w] * y2[w] + x3[w] * y3[w]
    return out


@compiled(allocates=True, fastmath=True)
def undo(states: Array, pairs: Array, gates: Array) -> None:
    """Apply the inverse of a circuit to states (rows, lanes), in place; arguments as in `sweep`."""
    for g in range(pairs.shape[0] - 1, -1, -1):
        act(states, gates[g], pairs[g, 0], pairs[g, 1], True)


@compiled(allocates=True, fastmath=True)
def sweep(ahead: Array, pairs: Array, gates: Array, columns: Array, signs: Array) -> None:
    """Turn each gate towards its optimum for fixed other gates, there and back over the circuit, in place.

    The fidelity, which is the square of row 0 of `ahead`, never decreases.

    Args:
        ahead: (rows, lanes) targets of norm 1 with all gates undone.
        pairs: (gates, 2) qubits in the order of application to |0…0⟩.
        gates: (gates, 4, 4, lanes) in SO(4).
        columns: `orthogonal.COLUMNS`.
        signs: `orthogonal.SIGNS`.
    """
    behind = np.zeros_like(ahead)
    behind[0] = 1.0
    count = pairs.shape[0]
    for step in range(2 * count):
        forward = step < count
        g = step if forward else 2 * count - 1 - step
        first, second = pairs[g, 0], pairs[g, 1]
        # The gate under the sweep belongs to neither state.
        act(ahead if forward else behind, gates[g], first, second, not forward)
        turn_to(_environment(ahead, behind, first, second), gates[g], columns, signs)
        act(behind if forward else ahead, gates[g], first, second, not forward)
