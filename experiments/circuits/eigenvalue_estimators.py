"""Estimators of the largest eigenvalues of a density matrix, each at a number of copies or patches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import circuits
from circuits.algorithms.principal_components import doubling_settings
from circuits.seeds import stream
from experiments._run import Array
from qimg.states import qubits_for

Estimate: TypeAlias = tuple[Array, Array, Array]
"""Eigenvalues (k,), descending, and the ends of their intervals; not numbers without an interval."""

RUNS_OF_THE_MEDIAN = 15
"""Runs of the register of ancillas, whose outcomes have a median."""

LARGEST = 4
"""Eigenvalues that an estimator of the whole spectrum returns."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Estimator:
    """A method at one number of copies."""

    name: str
    copies: int
    """Copies of ρ, or drawn patches, in one run; 0 with all patches, or with none."""
    shots: int
    """Measurements in one run, each of one outcome; 0 for patches that are read."""
    cx: int
    """CX of the controlled swaps in one run, without the preparation of the copies."""
    flops: int
    """Floating-point operations of second moments and eigenvalues; 0 where none are needed."""
    one: Callable[[int], Estimate]
    """The estimate of a seed."""


def by_swaps(name: str, rho: Array, *, stages: int, shots: int, **options: Any) -> Estimator:
    """`circuits.quantum_pca` with so many times and shots of each."""
    settings = doubling_settings(stages, shots)
    total = 2 * stages * shots

    def one(seed: int) -> Estimate:
        result = circuits.quantum_pca(rho, stages=stages, shots=shots, ancillas=2, seed=seed, **options)
        return result.eigenvalues, result.low, result.high

    swaps = settings.total_copies - total
    return Estimator(
        name=name, copies=settings.total_copies, shots=total, cx=swaps * swap_cx(len(rho)), flops=0, one=one
    )


def by_register(name: str, rho: Array, *, ancillas: int) -> Estimator:
    """The median of independent outcomes of phase estimation on a register of ancillas."""
    register = circuits.phase_register(rho, ancillas=ancillas, swaps=8 * 2**ancillas)

    def one(seed: int) -> Estimate:
        rng = np.random.default_rng(stream(seed, "phase register", rho, ancillas))
        drawn = rng.choice(register.eigenvalues, RUNS_OF_THE_MEDIAN, p=register.probabilities)
        return _without_interval(np.median(drawn, keepdims=True))

    swaps = RUNS_OF_THE_MEDIAN * (register.copies - 1)
    return Estimator(
        name=name,
        copies=RUNS_OF_THE_MEDIAN * register.copies,
        shots=RUNS_OF_THE_MEDIAN,
        cx=swaps * swap_cx(len(rho)),
        flops=0,
        one=one,
    )


def in_eigenbasis(name: str, spectrum: Array, *, copies: int) -> Estimator:
    """Counts of a measurement in the eigenbasis, which has to be known: it reaches the Cramér–Rao bound."""
    weights = np.clip(spectrum, 0, None)

    def one(seed: int) -> Estimate:
        rng = np.random.default_rng(stream(seed, "eigenbasis", spectrum, copies))
        counts = rng.multinomial(copies, weights / weights.sum())[:LARGEST]
        low, high = circuits.probability_interval(counts, copies)
        return counts / copies, low, high

    return Estimator(name=name, copies=copies, shots=copies, cx=0, flops=0, one=one)


def by_shadow(name: str, rho: Array, *, copies: int) -> Estimator:
    """Eigenvalues of the mean snapshot of a classical shadow: random Pauli bases, one copy for each shot."""
    d = len(rho)
    bases = circuits.all_bases(qubits_for(d))

    def one(seed: int) -> Estimate:
        rng = np.random.default_rng(stream(seed, "shadow", rho, copies))
        shots = rng.multinomial(copies, np.full(len(bases), 1 / len(bases)))
        data = circuits.draw_bases(rho, bases[shots > 0], shots=shots[shots > 0].tolist(), rng=rng)
        return _without_interval(np.linalg.eigvalsh(circuits.unbiased_state(data))[::-1][:LARGEST])

    return Estimator(name=name, copies=copies, shots=copies, cx=0, flops=4 * d**3 // 3, one=one)


def by_patches(name: str, patches: Array, spectrum: Array, *, count: int | None) -> Estimator:
    """An eigendecomposition of patches that are drawn with equal probability, or of all (`count=None`)."""
    number, d = count or len(patches), patches.shape[1]

    def one(seed: int) -> Estimate:
        rng = np.random.default_rng(stream(seed, "patches", spectrum, number))
        drawn = patches if count is None else patches[rng.integers(len(patches), size=number)]
        moments = drawn.T @ drawn
        trace = float(np.trace(moments))
        # No patch of the draw may have energy; nothing is learnt then.
        state = moments / trace if trace > 0 else np.eye(d) / d
        return _without_interval(np.linalg.eigvalsh(state)[::-1][:LARGEST])

    flops = 2 * number * d**2 + 4 * d**3 // 3
    return Estimator(name=name, copies=count or 0, shots=0, cx=0, flops=flops, one=one)


def maximally_mixed(name: str, d: int) -> Estimator:
    """1/d for every eigenvalue, the estimate without any copy."""
    guess = _without_interval(np.full(LARGEST, 1 / d))
    return Estimator(name=name, copies=0, shots=0, cx=0, flops=0, one=lambda seed: guess)


def swap_cx(d: int) -> int:
    """CX of one controlled partial swap of two registers of d dimensions."""
    return int(circuits.count_gates(circuits.partial_swap(qubits_for(d)).assign_parameters([0.5])).cx)


def _without_interval(values: Array) -> Estimate:
    return values, np.full(len(values), np.nan), np.full(len(values), np.nan)
