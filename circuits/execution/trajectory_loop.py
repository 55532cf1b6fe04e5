"""The compiled loop of `trajectories`: shots of a noisy circuit that stay together until their noise differs."""

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled, inner

UNITARY, CNOT, CHOICE, KRAUS, RETURN, END = range(6)
"""Instructions: (UNITARY, qubit, matrix), (CNOT, control, target), (CHOICE, first, count) of one of several
subprograms with given probabilities, (KRAUS, qubit, first, count) of one of several operators with the probabilities
that the state gives them, (RETURN) to the instruction after the choice, (END)."""

NEGLIGIBLE = 1e-24
"""Squared amplitude that counts as zero; rounding errors are smaller by far."""

PC, BACK, SHOTS, DRAWN = range(4)
"""Columns of a frame: its instruction, where its subprogram returns, its shots, and whether their choices are drawn."""


@compiled(allocates=True)
def run_shots(
    code: Array,
    matrices: Array,
    probabilities: Array,
    addresses: Array,
    shots: int,
    rng: np.random.Generator,
    states: Array,
    members: Array,
    pending: Array,
    waiting: Array,
    frames: Array,
    left: Array,
    scratch: tuple[Array, Array, Array, Array],
    outcomes: Array,
) -> int:
    """Outcomes of the shots in the register, and the number of trajectories that were simulated.

    All shots start in one frame. Where a choice divides them, the smaller part goes on in a copy of the state, one
    level deeper, and the rest waits; a frame has at most half of the shots of the frame below, so that log₂ shots + 2
    levels suffice.

    Args:
        code: (instructions, 4).
        matrices: (k, 2, 2) unitary matrices and Kraus operators.
        probabilities: of the subprograms of choices.
        addresses: of the subprograms of choices.
        shots: number of shots.
        rng: source of randomness.
        states: (levels, 2**n) amplitudes, all zero.
        members: (levels, 2**n + 1) basis states with an amplitude, and their number in the last column; −1 for all.
        pending: (levels, n, 2, 2) gates of each qubit that are not yet applied.
        waiting: (levels, n) whether there is one.
        frames: (levels, 4).
        left: (levels, most + 1) shots of each option of a drawn choice.
        scratch: (2**n,) marks, basis states, amplitudes, and sums, of which there are as many as options at least.
        outcomes: (shots,), written.
    """
    marks, order, values, sums = scratch
    size = states.shape[1]
    states[0, 0] = 1.0
    members[0, 0] = 0
    members[0, size] = 1
    waiting[0, :] = False
    frames[0, PC], frames[0, SHOTS], frames[0, DRAWN] = 0, shots, 0
    level, written, trajectories = 0, 0, 1
    while level >= 0:
        state, held, gates, due = states[level], members[level], pending[level], waiting[level]
        here = frames[level, PC]
        kind, a, b, c = code[here, 0], code[here, 1], code[here, 2], code[here, 3]
        if kind == UNITARY:
            _append(gates, due, a, matrices[b])
            frames[level, PC] += 1
        elif kind == CNOT:
            if due[a] and (gates[a, 0, 1] != 0 or gates[a, 1, 0] != 0):  # diagonal gates of the control commute
                _apply(state, held, gates, due, a, marks, order)
            if due[b]:
                _apply(state, held, gates, due, b, marks, order)
            _cnot(state, held, a, b, values)
            frames[level, PC] += 1
        elif kind == RETURN:
            frames[level, PC] = frames[level, BACK]
        elif kind == END:
            for qubit in range(due.shape[0]):
                if due[qubit]:
                    _apply(state, held, gates, due, qubit, marks, order)
            _measure(state, held, frames[level, SHOTS], rng, sums, outcomes, written)
            written += frames[level, SHOTS]
            level -= 1
        else:
            first, count = (a, b) if kind == CHOICE else (b, c)
            if not frames[level, DRAWN]:
                if kind == CHOICE:
                    _draw(probabilities[first : first + count], frames[level, SHOTS], rng, left[level])
                else:
                    if due[a]:
                        _apply(state, held, gates, due, a, marks, order)
                    _weigh(state, held, a, matrices[first : first + count], sums)
                    _draw(sums[:count], frames[level, SHOTS], rng, left[level])
                frames[level, DRAWN] = 1
            option, several = _smallest(left[level], count)
            target = level
            if several:
                target = level + 1
                trajectories += 1
                _copy(states, members, pending, waiting, level)
                frames[target, BACK] = frames[level, BACK]
                frames[target, SHOTS] = left[level, option]
                frames[level, SHOTS] -= left[level, option]
                left[level, option] = 0
            frames[target, DRAWN] = 0
            if kind == CHOICE:
                frames[target, BACK] = here + 1
                frames[target, PC] = addresses[first + option]
            else:
                _project(
                    states[target],
                    members[target],
                    pending[target],
                    waiting[target],
                    a,
                    matrices[first + option],
                    marks,
                    order,
                )
                frames[target, PC] = here + 1
            level = target
    return trajectories


@inner
def _append(gates: Array, due: Array, qubit: int, matrix: Array) -> None:
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
def _apply(state: Array, held: Array, gates: Array, due: Array, qubit: int, marks: Array, order: Array) -> None:
    """Apply the pending gate of a qubit to the state."""
    due[qubit] = False
    bit, size = 1 << qubit, state.shape[0]
    a, b, c, d = gates[qubit, 0, 0], gates[qubit, 0, 1], gates[qubit, 1, 0], gates[qubit, 1, 1]
    count = held[size]
    if count < 0:
        for low in range(size):
            if not low & bit:
                first, second = state[low], state[low | bit]
                state[low] = a * first + b * second
                state[low | bit] = c * first + d * second
        return
    if b == 0 and c == 0:
        for k in range(count):
            state[held[k]] *= d if held[k] & bit else a
        return
    pairs = 0
    for k in range(count):
        low = held[k] & ~bit
        if not marks[low]:
            marks[low] = 1
            order[pairs] = low
            pairs += 1
    count = 0
    for k in range(pairs):
        low = order[k]
        marks[low] = 0
        first, second = state[low], state[low | bit]
        upper, lower = a * first + b * second, c * first + d * second
        state[low] = state[low | bit] = 0
        if upper.real**2 + upper.imag**2 > NEGLIGIBLE:
            state[low] = upper
            held[count] = low
            count += 1
        if lower.real**2 + lower.imag**2 > NEGLIGIBLE:
            state[low | bit] = lower
            held[count] = low | bit
            count += 1
    held[size] = count if 4 * count <= size else -1


@inner
def _cnot(state: Array, held: Array, control: int, target: int, values: Array) -> None:
    condition, flip, size = 1 << control, 1 << target, state.shape[0]
    count = held[size]
    if count < 0:
        for low in range(size):
            if low & condition and not low & flip:
                value = state[low]
                state[low] = state[low | flip]
                state[low | flip] = value
        return
    for k in range(count):
        here = held[k]
        if here & condition:
            values[k] = state[here]
            state[here] = 0
    for k in range(count):
        here = held[k]
        if here & condition:
            held[k] = here ^ flip
            state[here ^ flip] = values[k]


@inner
def _weigh(state: Array, held: Array, qubit: int, operators: Array, sums: Array) -> None:
    """The probabilities of Kraus operators of a qubit, tr K†K ρ with the qubit's density matrix ρ."""
    bit, size = 1 << qubit, state.shape[0]
    count = held[size]
    zero, one, coherence = 0.0, 0.0, 0.0 + 0.0j
    for k in range(count if count >= 0 else size):
        here = held[k] if count >= 0 else k
        value = state[here]
        weight = value.real**2 + value.imag**2
        if here & bit:
            one += weight
        else:
            zero += weight
            coherence += value * state[here | bit].conjugate()
    for k in range(operators.shape[0]):
        total = 0.0
        for row in range(2):
            left, right = operators[k, row, 0], operators[k, row, 1]
            total += (left.real**2 + left.imag**2) * zero + (right.real**2 + right.imag**2) * one
            total += 2 * (left * right.conjugate() * coherence).real
        sums[k] = max(total, 0.0)


@inner
def _project(
    state: Array, held: Array, gates: Array, due: Array, qubit: int, operator: Array, marks: Array, order: Array
) -> None:
    """Apply a Kraus operator and normalise the state."""
    due[qubit] = False
    _append(gates, due, qubit, operator)
    _apply(state, held, gates, due, qubit, marks, order)
    size = state.shape[0]
    count = held[size]
    total = 0.0
    for k in range(count if count >= 0 else size):
        value = state[held[k] if count >= 0 else k]
        total += value.real**2 + value.imag**2
    scale = 1 / np.sqrt(total)
    for k in range(count if count >= 0 else size):
        state[held[k] if count >= 0 else k] *= scale


@inner(allocates=True)
def _draw(weights: Array, shots: int, rng: np.random.Generator, drawn: Array) -> None:
    """Multinomial numbers of shots for options of these weights, by one binomial number for each."""
    total = 0.0
    for k in range(weights.shape[0]):
        total += weights[k]
        drawn[k] = 0
    if shots == 1:
        place, option = rng.random() * total, 0
        while option < weights.shape[0] - 1 and place >= weights[option]:
            place -= weights[option]
            option += 1
        while option > 0 and weights[option] <= 0:  # by rounding errors
            option -= 1
        drawn[option] = 1
        return
    last = 0
    for k in range(weights.shape[0]):
        if weights[k] > 0:
            last = k
    for k in range(last):
        if shots > 0 and weights[k] > 0:
            drawn[k] = _binomial(shots, min(weights[k] / total, 1.0), rng)
            shots -= drawn[k]
        total -= weights[k]
    drawn[last] = shots


@inner(allocates=True)
def _binomial(trials: int, probability: float, rng: np.random.Generator) -> int:
    """A binomial number, by geometric steps from success to success; O(1 + trials min(p, 1 − p))."""
    if probability > 0.5:
        return trials - _binomial_low(trials, 1 - probability, rng)
    return _binomial_low(trials, probability, rng)


@inner(allocates=True)
def _binomial_low(trials: int, probability: float, rng: np.random.Generator) -> int:
    if probability <= 0:
        return 0
    rate, place, successes = np.log1p(-probability), 0.0, 0
    while True:
        place += np.floor(np.log(1 - rng.random()) / rate) + 1
        if place > trials:
            return successes
        successes += 1


@inner
def _smallest(numbers: Array, count: int) -> tuple[int, bool]:
    """The option with the fewest shots, and whether there is another."""
    best, options = -1, 0
    for k in range(count):
        if numbers[k] > 0:
            options += 1
            if best < 0 or numbers[k] < numbers[best]:
                best = k
    return best, options > 1


@inner(allocates=True)
def _copy(states: Array, members: Array, pending: Array, waiting: Array, level: int) -> None:
    """Copy the state of a level to the next, whose old amplitudes are erased."""
    size = states.shape[1]
    old, count = members[level + 1, size], members[level, size]
    if old < 0 or count < 0:
        states[level + 1, :] = states[level, :]
    else:
        for k in range(old):
            states[level + 1, members[level + 1, k]] = 0
        for k in range(count):
            states[level + 1, members[level, k]] = states[level, members[level, k]]
    for k in range(max(count, 0)):
        members[level + 1, k] = members[level, k]
    members[level + 1, size] = count
    for qubit in range(waiting.shape[1]):
        waiting[level + 1, qubit] = waiting[level, qubit]
        if waiting[level, qubit]:
            for row in range(2):
                for column in range(2):
                    pending[level + 1, qubit, row, column] = pending[level, qubit, row, column]


@inner(allocates=True)
def _measure(
    state: Array, held: Array, shots: int, rng: np.random.Generator, sums: Array, outcomes: Array, start: int
) -> None:
    """Write basis states drawn with the probabilities of the state."""
    size = state.shape[0]
    count = held[size]
    entries = count if count >= 0 else size
    total = 0.0
    for k in range(entries):
        value = state[held[k] if count >= 0 else k]
        total += value.real**2 + value.imag**2
        sums[k] = total
    for shot in range(shots):
        place = rng.random() * total
        low, high = 0, entries - 1
        while low < high:
            middle = (low + high) // 2
            if sums[middle] > place:
                high = middle
            else:
                low = middle + 1
        outcomes[start + shot] = held[low] if count >= 0 else low
