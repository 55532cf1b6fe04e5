"""The compiled loop of `trajectories`: shots of a noisy circuit that stay together until their noise differs."""

import numpy as np

from circuits.execution.sparse_states import (
    BACK,
    DRAWN,
    HELD,
    PC,
    SHOTS,
    append_gate,
    apply_cnot,
    apply_gate,
    apply_kraus,
    commutes_with_x,
    copy_level,
    draw_outcomes,
    is_diagonal,
    kraus_weights,
)
from qimg.core import Array
from qimg.core.compiled import compiled, inner

UNITARY, CNOT, CHOICE, KRAUS, APPLY, RETURN, END = range(7)
"""Instructions: (UNITARY, qubit, matrix), whose application may be delayed, (CNOT, control, target), (CHOICE, first,
count) of one of several subprograms with given probabilities, (KRAUS, qubit, first, count) of one of several operators
with the probabilities that the state gives them, (APPLY, qubit) of what was delayed, (RETURN) to the instruction after
the choice, (END), where no gate of a measured qubit is delayed."""


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
    scratch: tuple[Array, Array, Array],
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
        states: (levels, 2**n) stored amplitudes, one after the other, or all.
        members: (levels, 2**n) basis states of the stored amplitudes.
        pending: (levels, n, 2, 2) gates of each qubit that are not yet applied.
        waiting: (levels, n) whether there is one.
        frames: (levels, 5).
        left: (levels, most) shots of each option of a drawn choice.
        scratch: (2**n,) places of basis states, all zero, amplitudes, and sums, of which there are as many as options.
        outcomes: (shots,), written.
    """
    places, values, sums = scratch
    states[0, 0] = 1.0
    members[0, 0] = 0
    waiting[0, :] = False
    frames[0, PC], frames[0, SHOTS], frames[0, DRAWN], frames[0, HELD] = 0, shots, 0, 1
    level, written, trajectories = 0, 0, 1
    while level >= 0:
        here = frames[level, PC]
        kind, a, b, c = code[here, 0], code[here, 1], code[here, 2], code[here, 3]
        if kind == UNITARY:
            append_gate(pending[level], waiting[level], a, matrices[b])
            frames[level, PC] += 1
        elif kind == CNOT:
            gates, due = pending[level], waiting[level]
            if due[a] and not is_diagonal(gates[a]):  # diagonal gates of the control commute
                apply_gate(states[level], members[level], frames[level], gates, due, a, places, values)
            if due[b] and not commutes_with_x(gates[b]):
                apply_gate(states[level], members[level], frames[level], gates, due, b, places, values)
            apply_cnot(states[level], members[level], frames[level, HELD], a, b)
            frames[level, PC] += 1
        elif kind == APPLY:
            gates, due = pending[level], waiting[level]
            if due[a]:
                apply_gate(states[level], members[level], frames[level], gates, due, a, places, values)
            frames[level, PC] += 1
        elif kind == RETURN:
            frames[level, PC] = frames[level, BACK]
        elif kind == END:
            draw_outcomes(states[level], members[level], frames[level], rng, sums, outcomes, written)
            written += frames[level, SHOTS]
            level -= 1
        else:
            first, count = (a, b) if kind == CHOICE else (b, c)
            option, several = -1, False
            if not frames[level, DRAWN]:
                if kind == CHOICE:
                    option = _draw(probabilities[first : first + count], frames[level, SHOTS], rng, left[level])
                else:
                    gates, due = pending[level], waiting[level]
                    if due[a]:
                        apply_gate(states[level], members[level], frames[level], gates, due, a, places, values)
                    operators = matrices[first : first + count]
                    kraus_weights(states[level], members[level], frames[level, HELD], a, operators, places, sums)
                    option = _draw(sums[:count], frames[level, SHOTS], rng, left[level])
                frames[level, DRAWN] = 1
            if option < 0:
                option, several = _smallest(left[level], count)
            target = level
            if several:
                target = level + 1
                trajectories += 1
                copy_level(states, members, pending, waiting, frames, level)
                frames[target, SHOTS] = left[level, option]
                frames[level, SHOTS] -= left[level, option]
                left[level, option] = 0
            frames[target, DRAWN] = 0
            if kind == KRAUS:
                apply_kraus(
                    states[target],
                    members[target],
                    frames[target],
                    pending[target],
                    waiting[target],
                    a,
                    matrices[first + option],
                    places,
                    values,
                )
                frames[target, PC] = here + 1
            elif code[addresses[first + option], 0] == RETURN:  # the identity
                frames[target, PC] = here + 1
            else:
                frames[target, BACK] = here + 1
                frames[target, PC] = addresses[first + option]
            level = target
    return trajectories


@inner(allocates=True)
def _draw(weights: Array, shots: int, rng: np.random.Generator, drawn: Array) -> int:
    """The option of all shots, or −1 where they differ, with multinomial numbers for each option in `drawn`."""
    options = weights.shape[0]
    total = 0.0
    for k in range(options):
        total += weights[k]
    last = options - 1
    while last > 0 and weights[last] <= 0:
        last -= 1
    if shots == 1:
        place = rng.random() * total
        for k in range(last):
            if place < weights[k]:
                return k
            place -= weights[k]
        return last
    rest = shots
    for k in range(last):
        number = _binomial(rest, min(weights[k] / total, 1.0), rng) if weights[k] > 0 else 0
        if number == shots:
            return k
        drawn[k] = number
        rest -= number
        total -= weights[k]
        if rest == 0:
            drawn[k + 1 : options] = 0
            return -1
    drawn[last] = rest
    drawn[last + 1 : options] = 0
    return last if rest == shots else -1


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
