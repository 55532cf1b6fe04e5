"""Phase estimation of e^{-iρt} on a register, by swaps with fresh copies: outcomes and post-selected eigenstates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import ClassicalRegister, QuantumCircuit

from circuits.algorithms.ensembles import spectral
from circuits.algorithms.exponentiation import partial_swap
from circuits.transforms.structured import fourier_circuit
from qimg.core import Array, density_matrix, integer, require, require_shape
from qimg.core.records import short_repr

MAX_BYTES = 2**29
"""Largest array of the channel simulator."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class PhaseRegister:
    """Outcomes of phase estimation and the states that they leave."""

    probabilities: Array
    """(2**m,) of the outcomes y."""
    eigenvalues: Array
    """(2**m,) eigenvalue y / (2ᵐ − 1) that each outcome stands for."""
    states: Array
    """(2**m, d, d) density matrix of the data after each outcome."""
    copies: int
    """Copies of ρ in one run, the initial state included if it is ρ."""


def register_time(ancillas: int) -> float:
    """Time t = 2π (1 − 2⁻ᵐ) of the lowest ancilla: outcomes λ (2ᵐ − 1) of eigenvalues in [0, 1] do not wrap."""
    return 2 * np.pi * (1 - 2.0 ** -integer("ancillas", ancillas, 1, 12))


def phase_register(
    rho: ArrayLike, *, ancillas: int, swaps: int, probe: ArrayLike | None = None, exact: bool = False
) -> PhaseRegister:
    """The exact effect of phase estimation in which ancilla k controls 2ᵏ·`swaps` partial swaps of angle t/`swaps`.

    The swaps act on the blocks of the ancillas: σ ↦ swap_step(σ) where the ancilla is 1 on both sides, Kⁿσ or σK†ⁿ with
    K = cos δ − iρ sin δ where it is on one, and σ where it is on none. In the eigenbasis of ρ all of them are products
    of numbers. Cost: O(4ᵐ d) for the input ρ, O(4ᵐ d²) for another input, and O(2ᵐ d³) for the states.

    Args:
        rho: (d, d) density matrix.
        ancillas: m; the outcome resolves eigenvalues of distance 1/(2ᵐ − 1).
        swaps: swaps of the lowest ancilla, more than 4 so that δ is below π/2; a run takes `swaps`·(2ᵐ − 1) copies.
        probe: (d, d) initial state of the data; ρ when left out.
        exact: apply e^{-iρt} itself instead of swaps, for comparison.

    >>> phase_register(np.diag([1.0, 0.0]), ancillas=2, swaps=8, exact=True).probabilities.round(12).tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    weights, vectors = spectral(rho)
    time, d = register_time(ancillas), len(weights)
    units = integer("swaps", swaps, int(time / (np.pi / 2)) + 1)
    size = 16 * 4**ancillas * (d if probe is None else d * d)
    require(size <= MAX_BYTES, "ancillas", f"must need at most {MAX_BYTES} bytes of memory", size)
    if probe is None:
        block = weights.astype(complex)
    else:
        state = density_matrix("probe", probe)
        require_shape(state.shape == (d, d), "probe", f"({d}, {d})", state)
        block = vectors.conj().T @ state @ vectors
    blocks = block[None, None] / 2**ancillas
    for k in range(ancillas):
        blocks = _doubled(blocks, weights, time / units, units * 2**k, exact)
    levels = 2**ancillas
    index = np.arange(levels)
    phases = np.exp(2j * np.pi * np.outer(index, index) / levels) / np.sqrt(levels)
    by_outcome = np.einsum("ya,ab...->yb...", phases, blocks)
    by_outcome = np.einsum("yb,yb...->y...", phases.conj(), by_outcome)
    if probe is None:
        by_outcome = by_outcome[:, :, None] * np.eye(d)
    probabilities = np.clip(np.einsum("yii->y", by_outcome).real, 0, None)
    states = vectors @ by_outcome @ vectors.conj().T / np.maximum(probabilities, 1e-300)[:, None, None]
    return PhaseRegister(
        probabilities=probabilities / probabilities.sum(),
        eigenvalues=index / (levels - 1),
        states=states,
        copies=units * (levels - 1) + (probe is None),
    )


def phase_register_circuit(
    copy: QuantumCircuit, n_qubits: int, *, ancillas: int, swaps: int, probe: QuantumCircuit | None = None
) -> QuantumCircuit:
    """The circuit of `phase_register`, whose copy register is reset and prepared again before each swap.

    Qubits: m ancillas, work, n of the data, n of the copy, the discarded ones. The m classical bits hold the outcome.

    Args:
        copy: prepares ρ on its low n qubits (`exponentiation_circuit`).
        n_qubits: n.
        ancillas: m.
        swaps: swaps of the lowest ancilla, more than 4.
        probe: prepares the initial state of the data; a copy of ρ when left out.
    """
    n, time = integer("n_qubits", n_qubits, 1), register_time(ancillas)
    units = integer("swaps", swaps, int(time / (np.pi / 2)) + 1)
    first = copy if probe is None else probe
    spare = max(copy.num_qubits, first.num_qubits) - n
    data, fresh = range(ancillas + 1, ancillas + 1 + n), range(ancillas + 1 + n, ancillas + 1 + 2 * n)
    discarded = range(ancillas + 1 + 2 * n, ancillas + 1 + 2 * n + spare)
    circuit = QuantumCircuit(ancillas + 1 + 2 * n + spare, name="phase estimation")
    circuit.add_register(ClassicalRegister(ancillas, "outcome"))
    circuit.compose(first, [*data, *discarded[: first.num_qubits - n]], inplace=True)
    circuit.h(range(ancillas))
    step = partial_swap(n).assign_parameters([time / units])
    for k in range(ancillas):
        for _ in range(units * 2**k):
            circuit.reset([*fresh, *discarded])
            circuit.compose(copy, [*fresh, *discarded[: copy.num_qubits - n]], inplace=True)
            circuit.compose(step, [k, ancillas, *data, *fresh], inplace=True)
    circuit.compose(fourier_circuit(ancillas), range(ancillas), inplace=True)
    circuit.measure(range(ancillas), range(ancillas))
    return circuit


def _doubled(blocks: Array, weights: Array, delta: float, n: int, exact: bool) -> Array:
    """Blocks (2M, 2M, d) or (2M, 2M, d, d) after one more ancilla, the highest bit, which controls n swaps."""
    diagonal = blocks.ndim == 3
    cosine, sine = np.cos(delta), np.sin(delta)
    power = np.exp(-1j * weights * delta * n) if exact else (cosine - 1j * sine * weights) ** n
    left, right = (power, power.conj()) if diagonal else (power[:, None], power.conj()[None])
    if exact:
        both = blocks * left * right
    else:
        gaps = np.zeros_like(weights) if diagonal else weights[:, None] - weights
        traces = blocks.sum(axis=-1) if diagonal else np.einsum("abii->ab", blocks)
        fresh = weights if diagonal else np.diag(weights)
        refilled = traces.reshape(*traces.shape, *([1] * fresh.ndim)) * (1 - cosine ** (2 * n)) * fresh
        both = (cosine**2 - 1j * sine * cosine * gaps) ** n * blocks + refilled
    return np.concatenate(
        [np.concatenate([blocks, blocks * right], axis=1), np.concatenate([blocks * left, both], axis=1)], axis=0
    )
