"""The cheapest circuit of RY, RZ and CX that is found for a state and a fidelity."""

from typing import NamedTuple

import numpy as np

from circuits.preparation.ansatz import Preparation, fewest_for_any_state, gate_table, random_pairs
from circuits.preparation.growth import grow
from circuits.preparation.least_squares import count_angles
from qimg.core import Array

LARGEST = 256
"""Components of the real vector up to which states are fitted: 8 real or 7 complex qubits."""

STRUCTURE = 1e-6
"""Infidelity below which a circuit with few CX is met by structured states alone, and not grown far in vain."""

_STEPS, _POLISHING_STEPS = 400, 10
_ROUNDING = 1e-28
"""Squared distance at which the rounding of double precision ends every fit."""
_SLOW = 1e-2
"""A fit that gains less than this share in ten steps is ended."""


class Effort(NamedTuple):
    """How much is tried."""

    beam: int
    """Circuits kept at each size of the growth."""
    anywhere: int
    """Further trials a pair in the growth."""
    exact_cx: int
    """Most CX that are grown for an infidelity below `STRUCTURE`."""
    large_cx: int
    """Most CX that are grown on more than 6 qubits."""
    starts: int
    """Random starts at each number of CX where no angle is to spare."""
    spare: bool
    """Whether large registers begin with a few more CX than needed, at which nearly every start converges."""


EFFORTS = {
    "default": Effort(beam=1, anywhere=0, exact_cx=12, large_cx=24, starts=16, spare=True),
    "search": Effort(beam=4, anywhere=2, exact_cx=28, large_cx=60, starts=64, spare=False),
}


def as_real(amplitudes: Array) -> Array:
    """A complex vector as its real parts followed by its imaginary parts; a real one as it is."""
    return np.concatenate([amplitudes.real, amplitudes.imag]) if np.iscomplexobj(amplitudes) else amplitudes


def fewest(amplitudes: Array, *, infidelity: float, effort: str) -> Preparation | None:
    """The circuit with the fewest CX found for an infidelity, or None where every fit failed.

    Circuits are grown from a product state (`growth.grow`); where they do not arrive, `fit_any` fits one that is large
    enough for every state.

    Args:
        amplitudes: (2**n,) of norm 1, at most `LARGEST` components as a real vector.
        infidelity: largest 1 − |⟨v|prepared⟩|².
        effort: a name in `EFFORTS`.
    """
    path = growth_path(amplitudes, infidelity=infidelity, effort=effort)
    if path[-1].infidelity > infidelity:
        return fit_any(amplitudes, infidelity=infidelity, effort=effort)
    return polished(path[-1], amplitudes) if infidelity < STRUCTURE else path[-1]


def polished(preparation: Preparation, amplitudes: Array) -> Preparation:
    """The same circuit after a few more steps: convergence is quadratic, so amplitudes become right to rounding."""
    return preparation.fitted(as_real(amplitudes), steps=_POLISHING_STEPS, enough=_ROUNDING, slow=0.0)


def growth_path(amplitudes: Array, *, infidelity: float, effort: str, max_cx: int | None = None) -> list[Preparation]:
    """Circuits with 0, 1, … CX until one reaches the infidelity, or has `max_cx` or as many as are worth trying."""
    target = as_real(amplitudes)
    n_qubits = len(amplitudes).bit_length() - 1
    tried = EFFORTS[effort]
    most = max(fewest_for_any_state(n_qubits) - 1, 0)
    if max_cx is not None:
        most = min(most, max_cx)
    elif infidelity < STRUCTURE:
        most = min(most, tried.exact_cx)
    elif n_qubits > 6:
        most = min(most, tried.large_cx)
    return grow(target, n_qubits, max_cx=most, enough=infidelity, beam=tried.beam, anywhere=tried.anywhere)


def fit_any(amplitudes: Array, *, infidelity: float, effort: str) -> Preparation | None:
    """A circuit of at least `fewest_for_any_state` CX by fits from random angles along random pairs of qubits.

    On 6 qubits about a third of the starts converges at the least number of CX, nine of ten with one more. Cost of a
    start: 10 ms for 6 real qubits, 0.5 s for 8 (with CX to spare half of it).
    """
    target = as_real(amplitudes)
    n_qubits = len(amplitudes).bit_length() - 1
    imaginary = len(target) > len(amplitudes)
    tried = EFFORTS[effort]
    rng = np.random.default_rng(0)
    first = fewest_for_any_state(n_qubits) + (max(len(target) // 64 - 1, 0) if tried.spare else 0)
    for more in (0, 1, 2, 4, 8):
        for _ in range(tried.starts):
            pairs = random_pairs(n_qubits, first + more, rng)
            start = rng.uniform(-np.pi, np.pi, count_angles(gate_table(n_qubits, pairs, imaginary)))
            trial = Preparation(n_qubits=n_qubits, pairs=pairs, angles=start, imaginary=imaginary, infidelity=1.0)
            trial = trial.fitted(target, steps=_STEPS, enough=_ROUNDING, slow=_SLOW)
            if trial.infidelity <= infidelity:
                return trial
    return None
