"""Search for the circuit of RY, RZ and CX with the fewest CX for a state and a fidelity."""

from typing import NamedTuple

import numpy as np

from circuits.preparation.ansatz import Preparation, fewest_for_any_state, gate_table, random_pairs
from circuits.preparation.growth import grow
from circuits.preparation.least_squares import count_angles
from qimg.core import Array

LARGEST = 256
"""Largest number of components, as a real vector, of a fitted state: 8 real or 7 complex qubits."""

STRUCTURE = 1e-6
"""Infidelity below which only states with structure have circuits with few CX, so that growth is limited."""

_STEPS, _POLISHING_STEPS = 400, 10
_ROUNDING = 1e-28
"""Squared distance at the level of rounding in double precision, at which every fit ends."""
_SLOW = 1e-2
"""A fit ends if ten steps reduce the distance by less than this share."""


class Effort(NamedTuple):
    """Extent of the search."""

    beam: int
    """Circuits that are grown further at each size."""
    anywhere: int
    """Trials at random blocks per pair in the growth."""
    exact_cx: int
    """Largest number of CX in the growth for an infidelity below `STRUCTURE`."""
    large_cx: int
    """Largest number of CX in the growth on more than 6 qubits."""
    starts: int
    """Random starts at each number of CX."""
    spare: bool
    """Whether registers of more than 6 qubits begin with a few more CX than necessary, so that most starts converge."""


EFFORTS = {
    "default": Effort(beam=1, anywhere=0, exact_cx=12, large_cx=24, starts=64, spare=True),
    "search": Effort(beam=4, anywhere=2, exact_cx=28, large_cx=60, starts=64, spare=False),
}


def as_real(amplitudes: Array) -> Array:
    """A complex vector as its real parts followed by its imaginary parts; a real one unchanged."""
    return np.concatenate([amplitudes.real, amplitudes.imag]) if np.iscomplexobj(amplitudes) else amplitudes


def fewest(amplitudes: Array, *, infidelity: float, effort: str) -> Preparation | None:
    """The circuit with the fewest CX found for an infidelity, or None if every fit failed.

    Circuits are grown from a product state (`growth.grow`). If they do not reach the infidelity, `fit_any` fits a
    circuit that is large enough for every state.

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
    """The circuit after a few more steps; convergence is quadratic, so amplitudes become exact up to rounding."""
    return preparation.fitted(as_real(amplitudes), steps=_POLISHING_STEPS, enough=_ROUNDING, slow=0.0)


def growth_path(amplitudes: Array, *, infidelity: float, effort: str, max_cx: int | None = None) -> list[Preparation]:
    """Circuits with 0, 1, … CX until one reaches the infidelity, `max_cx`, or the limit of the effort."""
    target = as_real(amplitudes)
    n_qubits = len(amplitudes).bit_length() - 1
    limits = EFFORTS[effort]
    most = max(fewest_for_any_state(n_qubits) - 1, 0)
    if max_cx is not None:
        most = min(most, max_cx)
    elif infidelity < STRUCTURE:
        most = min(most, limits.exact_cx)
    elif n_qubits > 6:
        most = min(most, limits.large_cx)
    return grow(target, n_qubits, max_cx=most, enough=infidelity, beam=limits.beam, anywhere=limits.anywhere)


def fit_any(amplitudes: Array, *, infidelity: float, effort: str) -> Preparation | None:
    """A circuit of at least `fewest_for_any_state` CX, by fits from random angles for random pairs of qubits.

    At the smallest number of CX only some of the starts converge, for complex states of 6 qubits about one in ten; with
    one more CX most of them do.
    """
    target = as_real(amplitudes)
    n_qubits = len(amplitudes).bit_length() - 1
    imaginary = len(target) > len(amplitudes)
    limits = EFFORTS[effort]
    rng = np.random.default_rng(0)
    first = fewest_for_any_state(n_qubits) + (len(target) // 64 - 1 if limits.spare and n_qubits > 6 else 0)
    for more in (0, 1, 2, 4, 8):
        for _ in range(limits.starts):
            pairs = random_pairs(n_qubits, first + more, rng)
            start = rng.uniform(-np.pi, np.pi, count_angles(gate_table(n_qubits, pairs, imaginary)))
            trial = Preparation(n_qubits=n_qubits, pairs=pairs, angles=start, imaginary=imaginary, infidelity=1.0)
            trial = trial.fitted(target, steps=_STEPS, enough=_ROUNDING, slow=_SLOW)
            if trial.infidelity <= infidelity:
                return trial
    return None
