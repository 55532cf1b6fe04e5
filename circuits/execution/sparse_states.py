"""Compiled operations on states of which only the amplitudes that are not zero are stored, for `trajectory_loop`.

The stored amplitudes stand one after the other, beside their basis states. A CX changes the basis states alone; a gate
of one qubit finds pairs by a table of places. Above a quarter of all amplitudes, a state is stored whole.
"""

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner

NEGLIGIBLE = 1e-24
"""Squared amplitude that counts as zero; rounding errors are smaller by far."""

PC, BACK, SHOTS, DRAWN, HELD = range(5)
"""Columns of a frame: its instruction, where its subprogram returns, its shots, whether their choices are drawn, and
the number of its stored amplitudes, −1 for all."""


@inner
def append_gate(gates: Array, due: Array, qubit: int, matrix: Array) -> None:
    """Multiply the pending gate of a qubit by a matrix from the left."""
    if not due[qubit]:
        due[qubit] = True
        for row in range(2):
            for column in range(2):
                gates[qubit, row, column] = matrix[row, column]
        return
    for column in range(2):
        upper, lower = gates[qubit, 0, column], gates[qubit, 1, column]
        gates[qubit, 0, column] = matrix[0, 0] * upper + matrix[0, 1] * lower
        gates[qubit, 1, column] = matrix[1, 0] * upper + matrix[1, 1] * lower


@inner
def _weight(value: complex) -> float:
    return value.real**2 + value.imag**2


@inner
def is_diagonal(gate: Array) -> bool:
    """Whether a gate of one qubit commutes with the control of a CX."""
    return _weight(gate[0, 1]) + _weight(gate[1, 0]) <= NEGLIGIBLE


@inner
def commutes_with_x(gate: Array) -> bool:
    """Whether a gate of one qubit commutes with the target of a CX."""
    return _weight(gate[0, 0] - gate[1, 1]) + _weight(gate[0, 1] - gate[1, 0]) <= NEGLIGIBLE


@inner
def apply_gate(
    state: Array, held: Array, frame: Array, gates: Array, due: Array, qubit: int, places: Array, values: Array
) -> None:
    """Apply the pending gate of a qubit to the state."""
    due[qubit] = False
    bit, size, count = 1 << qubit, state.shape[0], frame[HELD]
    a, b, c, d = gates[qubit, 0, 0], gates[qubit, 0, 1], gates[qubit, 1, 0], gates[qubit, 1, 1]
    if count < 0:
        for start in range(0, size, 2 * bit):
            for low in range(start, start + bit):
                first, second = state[low], state[low | bit]
                state[low] = a * first + b * second
                state[low | bit] = c * first + d * second
        return
    if is_diagonal(gates[qubit]):
        for k in range(count):
            state[k] *= d if held[k] & bit else a
        return
    if _weight(a) + _weight(d) <= NEGLIGIBLE:
        for k in range(count):
            state[k] *= b if held[k] & bit else c
            held[k] ^= bit
        return
    for k in range(count):
        places[held[k]] = k + 1
    longer = count
    for k in range(count):
        here = held[k]
        partner = places[here ^ bit] - 1
        if here & bit:
            if partner < 0:
                held[longer] = here ^ bit
                state[longer] = b * state[k]
                state[k] *= d
                longer += 1
        elif partner < 0:
            held[longer] = here ^ bit
            state[longer] = c * state[k]
            state[k] *= a
            longer += 1
        else:
            first, second = state[k], state[partner]
            state[k] = a * first + b * second
            state[partner] = c * first + d * second
    count = 0
    for k in range(longer):
        places[held[k]] = 0
        if _weight(state[k]) > NEGLIGIBLE:
            held[count] = held[k]
            state[count] = state[k]
            count += 1
    frame[HELD] = count
    if 4 * count > size:
        frame[HELD] = -1
        values[:size] = 0
        for k in range(count):
            values[held[k]] = state[k]
        for k in range(size):
            state[k] = values[k]


@inner
def apply_cnot(state: Array, held: Array, count: int, control: int, target: int) -> None:
    """Apply a CX."""
    if count >= 0:
        for k in range(count):
            held[k] ^= (held[k] >> control & 1) << target
        return
    condition, flip = 1 << control, 1 << target
    for low in range(state.shape[0]):
        if low & condition and not low & flip:
            value = state[low]
            state[low] = state[low | flip]
            state[low | flip] = value


@inner
def kraus_weights(
    state: Array, held: Array, count: int, qubit: int, operators: Array, places: Array, sums: Array
) -> None:
    """The probabilities of Kraus operators of a qubit, tr K†K ρ with the qubit's density matrix ρ."""
    bit = 1 << qubit
    zero, one, coherence = 0.0, 0.0, 0.0 + 0.0j
    entries = count if count >= 0 else state.shape[0]
    for k in range(max(count, 0)):
        places[held[k]] = k + 1
    for k in range(entries):
        here = held[k] if count >= 0 else k
        if here & bit:
            one += _weight(state[k])
        else:
            zero += _weight(state[k])
            partner = places[here | bit] - 1 if count >= 0 else here | bit
            if partner >= 0:
                coherence += state[k] * state[partner].conjugate()
    for k in range(max(count, 0)):
        places[held[k]] = 0
    for k in range(operators.shape[0]):
        total = 0.0
        for row in range(2):
            left, right = operators[k, row, 0], operators[k, row, 1]
            total += _weight(left) * zero + _weight(right) * one
            total += 2 * (left * right.conjugate() * coherence).real
        sums[k] = max(total, 0.0)


@inner
def apply_kraus(
    state: Array,
    held: Array,
    frame: Array,
    gates: Array,
    due: Array,
    qubit: int,
    operator: Array,
    places: Array,
    values: Array,
) -> None:
    """Apply a Kraus operator and normalise the state."""
    due[qubit] = False
    append_gate(gates, due, qubit, operator)
    apply_gate(state, held, frame, gates, due, qubit, places, values)
    entries = frame[HELD] if frame[HELD] >= 0 else state.shape[0]
    total = 0.0
    for k in range(entries):
        total += _weight(state[k])
    scale = 1 / np.sqrt(total)
    for k in range(entries):
        state[k] *= scale


@inner(allocates=True)
def copy_level(states: Array, members: Array, pending: Array, waiting: Array, frames: Array, level: int) -> None:
    """Copy the state of a level to the next."""
    count = frames[level, HELD]
    frames[level + 1, HELD], frames[level + 1, BACK] = count, frames[level, BACK]
    for k in range(count if count >= 0 else states.shape[1]):
        states[level + 1, k] = states[level, k]
    for k in range(max(count, 0)):
        members[level + 1, k] = members[level, k]
    for qubit in range(waiting.shape[1]):
        waiting[level + 1, qubit] = waiting[level, qubit]
        if waiting[level, qubit]:
            for row in range(2):
                for column in range(2):
                    pending[level + 1, qubit, row, column] = pending[level, qubit, row, column]


@inner(allocates=True)
def draw_outcomes(
    state: Array, held: Array, frame: Array, rng: np.random.Generator, sums: Array, outcomes: Array, start: int
) -> None:
    """Write basis states drawn with the probabilities of the state."""
    count = frame[HELD]
    entries = count if count >= 0 else state.shape[0]
    total = 0.0
    for k in range(entries):
        total += _weight(state[k])
        sums[k] = total
    for shot in range(frame[SHOTS]):
        place = rng.random() * total
        low, high = 0, entries - 1
        while low < high:
            middle = (low + high) // 2
            if sums[middle] > place:
                high = middle
            else:
                low = middle + 1
        outcomes[start + shot] = held[low] if count >= 0 else low
