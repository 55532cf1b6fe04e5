"""The compiled core of variational preparation: states, derivatives and Levenberg-Marquardt steps of circuits.

A circuit is an integer table with one row (kind, qubit, qubit) for each gate. States are real vectors: a complex state
of n qubits is stored as 2ⁿ real parts followed by 2ⁿ imaginary parts, on which RZ is a plane rotation as well.
"""

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled

RY, RZ, CX, PHASE = 0, 1, 2, 3
"""Kinds of gates; PHASE is the global phase, so that a complex fit reaches its target including the phase."""


@compiled
def count_angles(gates: Array) -> int:
    """Number of gates with an angle, that is, of all gates but CX."""
    count = 0
    for g in range(gates.shape[0]):
        count += gates[g, 0] != CX
    return count


@compiled
def _partner(kind: int, row: int, stride: int, half: int) -> int:
    """The other row of a rotation's plane; −1 for the second row of each plane."""
    if kind == RY:
        return -1 if row & stride else row + stride
    return -1 if row >= half else row + half


@compiled(fastmath=True)
def propagate(gates: Array, angles: Array, work: Array, place: Array, tangents: bool) -> None:
    """Compute the state of the circuit on |0…0⟩ and its derivatives by the angles.

    Column 0 of `work` (d, 1 + angles) becomes the state and column 1 + j its derivative by angle j. Row r of the result
    is `work[place[r]]`, since CX permutes `place` instead of data. Cost: O(gates · d · angles).
    """
    rows = work.shape[0]
    half = rows // 2
    work[:, :] = 0.0
    for row in range(rows):
        place[row] = row
    work[0, 0] = 1.0
    active = 1
    angle = 0
    for g in range(gates.shape[0]):
        kind = gates[g, 0]
        stride = 1 << gates[g, 1]
        if kind == CX:
            flip = 1 << gates[g, 2]
            for row in range(rows):
                if row & stride and not row & flip:
                    swapped = place[row]
                    place[row] = place[row | flip]
                    place[row | flip] = swapped
            continue
        cosine = np.cos(angles[angle] / 2)
        sine = np.sin(angles[angle] / 2)
        for row in range(rows):
            other = _partner(kind, row, stride, half)
            if other < 0:
                continue
            first = work[place[row]]
            second = work[place[other]]
            # e^{-iθ/2} where the qubit is 0, e^{+iθ/2} where it is 1 and for the global phase.
            s = -sine if kind == RZ and not row & stride else sine
            for column in range(active):
                low = first[column]
                high = second[column]
                first[column] = cosine * low - s * high
                second[column] = s * low + cosine * high
            if tangents:
                sign = -0.5 if kind == RZ and not row & stride else 0.5
                first[active] = -sign * second[0]
                second[active] = sign * first[0]
        active += tangents
        angle += 1


@compiled(allocates=True)
def state(gates: Array, angles: Array, rows: int) -> Array:
    """The real vector (rows,) that the circuit prepares."""
    work = np.zeros((rows, 1))
    place = np.zeros(rows, np.int64)
    propagate(gates, angles, work, place, False)
    out = np.empty(rows)
    for row in range(rows):
        out[row] = work[place[row], 0]
    return out


@compiled(allocates=True)
def _step(jacobian: Array, residual: Array, damping: float) -> Array:
    """The damped step −(JᵀJ + μ)⁻¹ Jᵀ r, by the smaller of its two equivalent linear systems."""
    rows, columns = jacobian.shape
    if columns <= rows:
        normal = jacobian.T @ jacobian
        for k in range(columns):
            normal[k, k] += damping
        return -np.linalg.solve(normal, jacobian.T @ residual)
    normal = jacobian @ jacobian.T
    for k in range(rows):
        normal[k, k] += damping
    return -(jacobian.T @ np.linalg.solve(normal, residual))


@compiled(allocates=True)
def fit(gates: Array, angles: Array, target: Array, steps: int, enough: float, slow: float) -> tuple[Array, float, int]:
    """Levenberg-Marquardt on ‖ψ(θ) − target‖²: angles, infidelity 1 − ⟨ψ|target⟩² and steps taken.

    It ends at an infidelity of `enough`, after `steps`, or if ten steps together reduce the distance by less than the
    share `slow`. The distance is 2 − 2⟨ψ|target⟩; convergence is quadratic if the residual vanishes.
    """
    rows = target.shape[0]
    theta = angles.copy()
    n_angles = theta.shape[0]
    work = np.zeros((rows, 1 + n_angles))
    place = np.zeros(rows, np.int64)
    jacobian = np.empty((rows, n_angles))
    residual = np.empty(rows)
    trial_state = state(gates, theta, rows)
    distance = ((trial_state - target) ** 2).sum()
    checkpoint = distance
    damping = 1e-2
    taken = 0
    while taken < steps and distance > enough:
        propagate(gates, theta, work, place, True)
        for row in range(rows):
            line = work[place[row]]
            residual[row] = line[0] - target[row]
            jacobian[row] = line[1:]
        improved = False
        while taken < steps:
            taken += 1
            trial = theta + _step(jacobian, residual, damping)
            trial_state = state(gates, trial, rows)
            reached = ((trial_state - target) ** 2).sum()
            if reached < distance:
                theta, distance = trial, reached
                damping = max(damping * 0.2, 1e-14)
                improved = True
                break
            damping *= 5.0
            if damping > 1e6:
                break
        if not improved:
            break
        if taken % 10 == 0:
            if distance > (1 - slow) * checkpoint:
                break
            checkpoint = distance
    overlap = (state(gates, theta, rows) * target).sum()
    return theta, max(1.0 - overlap * overlap, 0.0), taken
