"""Compiled sweeps over circuits of two-qubit rotations, for several real states at a time.

States are arrays (2ⁿ, lanes), so that the innermost loop runs over the states: it is the same for all pairs of qubits.
"""

import numpy as np

from circuits.preparation.orthogonal import turn_to
from qimg.core import Array
from qimg.core.compiled import compiled

LANES = 8
"""States of a block, a constant of the compiled loops."""


@compiled(inline="always")
def _row(index: int, low: int, high: int) -> int:
    """The index with zeros inserted at bits `low` < `high`."""
    row = ((index >> low) << (low + 1)) | (index & ((1 << low) - 1))
    return ((row >> high) << (high + 1)) | (row & ((1 << high) - 1))


@compiled(allocates=True, fastmath=True)
def act(states: Array, gate: Array, first: int, second: int, transposed: bool) -> None:
    """Apply a gate (4, 4, LANES), or its transpose, to qubits of states (2ⁿ, LANES), in place.

    The first qubit is the higher digit of the gate's index.
    """
    low, high = min(first, second), max(first, second)
    one, two = 1 << second, 1 << first
    g = np.empty((4, 4, LANES))
    for i in range(4):
        for j in range(4):
            g[i, j] = gate[j, i] if transposed else gate[i, j]
    for k in range(states.shape[0] // 4):
        row = _row(k, low, high)
        x0, x1, x2, x3 = states[row], states[row | one], states[row | two], states[row | one | two]
        for w in range(LANES):
            v0, v1, v2, v3 = x0[w], x1[w], x2[w], x3[w]
            x0[w] = g[0, 0, w] * v0 + g[0, 1, w] * v1 + g[0, 2, w] * v2 + g[0, 3, w] * v3
            x1[w] = g[1, 0, w] * v0 + g[1, 1, w] * v1 + g[1, 2, w] * v2 + g[1, 3, w] * v3
            x2[w] = g[2, 0, w] * v0 + g[2, 1, w] * v1 + g[2, 2, w] * v2 + g[2, 3, w] * v3
            x3[w] = g[3, 0, w] * v0 + g[3, 1, w] * v1 + g[3, 2, w] * v2 + g[3, 3, w] * v3


@compiled(allocates=True, fastmath=True)
def _environment(ahead: Array, behind: Array, first: int, second: int, out: Array) -> None:
    """M (4, 4, LANES) with ⟨ahead|g|behind⟩ = tr(gᵀM) for every gate g on the qubits."""
    low, high = min(first, second), max(first, second)
    one, two = 1 << second, 1 << first
    out[:] = 0.0
    for k in range(ahead.shape[0] // 4):
        row = _row(k, low, high)
        x0, x1, x2, x3 = ahead[row], ahead[row | one], ahead[row | two], ahead[row | one | two]
        y0, y1, y2, y3 = behind[row], behind[row | one], behind[row | two], behind[row | one | two]
        for w in range(LANES):
            v0, v1, v2, v3 = y0[w], y1[w], y2[w], y3[w]
            out[0, 0, w] += x0[w] * v0
            out[0, 1, w] += x0[w] * v1
            out[0, 2, w] += x0[w] * v2
            out[0, 3, w] += x0[w] * v3
            out[1, 0, w] += x1[w] * v0
            out[1, 1, w] += x1[w] * v1
            out[1, 2, w] += x1[w] * v2
            out[1, 3, w] += x1[w] * v3
            out[2, 0, w] += x2[w] * v0
            out[2, 1, w] += x2[w] * v1
            out[2, 2, w] += x2[w] * v2
            out[2, 3, w] += x2[w] * v3
            out[3, 0, w] += x3[w] * v0
            out[3, 1, w] += x3[w] * v1
            out[3, 2, w] += x3[w] * v2
            out[3, 3, w] += x3[w] * v3


@compiled(allocates=True, fastmath=True)
def sweep(
    targets: Array, pairs: Array, gates: Array, columns: Array, signs: Array, limit: int, enough: float
) -> tuple[Array, int]:
    """Fit gates to targets in sweeps there and back; returns the targets with all gates undone, and the sweeps taken.

    Each gate is turned towards its optimum for fixed other gates, so that the fidelity, the square of row 0 of the
    result, never decreases. Sweeps end where no fidelity rises by more than `enough`.

    Args:
        targets: (2ⁿ, LANES) of norm 1.
        pairs: (gates, 2) qubits in the order of application to |0…0⟩.
        gates: (gates, 4, 4, LANES) in SO(4), changed in place.
        columns: `orthogonal.COLUMNS`.
        signs: `orthogonal.SIGNS`.
        limit: largest number of sweeps.
        enough: smallest gain of a sweep.
    """
    count = pairs.shape[0]
    ahead = targets.copy()
    behind = np.zeros_like(targets)
    behind[0] = 1.0
    matrices = np.empty((4, 4, LANES))
    for g in range(count - 1, -1, -1):
        act(ahead, gates[g], pairs[g, 0], pairs[g, 1], True)
    taken = 0
    while taken < limit:
        before = ahead[0] ** 2
        for g in range(count):
            first, second = pairs[g, 0], pairs[g, 1]
            act(ahead, gates[g], first, second, False)
            _environment(ahead, behind, first, second, matrices)
            turn_to(matrices, gates[g], columns, signs)
            act(behind, gates[g], first, second, False)
        for g in range(count - 1, -1, -1):
            first, second = pairs[g, 0], pairs[g, 1]
            act(behind, gates[g], first, second, True)
            _environment(ahead, behind, first, second, matrices)
            turn_to(matrices, gates[g], columns, signs)
            act(ahead, gates[g], first, second, True)
        taken += 1
        if (ahead[0] ** 2 - before).max() <= enough:
            break
    return ahead, taken
