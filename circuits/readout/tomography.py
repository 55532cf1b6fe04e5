"""Density matrices from counts in Pauli bases: projected linear inversion and maximum likelihood."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from circuits.readout.pauli_counts import _VECTORS, PauliCounts, draw_bases, unbiased_state
from qimg.core import Array, density_matrix, integer, require
from qimg.core.records import short_repr

MAX_TOMOGRAPHY_QUBITS = 4
"""Largest register of tomography: 81 settings of 16 outcomes; the number of settings triples with every qubit."""

_DILUTIONS = (np.inf, *(4.0 ** -np.arange(11)).tolist())
"""Values of ε that are tried until a step does not lower the likelihood; infinity stands for the undiluted R."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class LikelihoodFit:
    """Result of a maximum-likelihood fit of a density matrix."""

    rho: Array
    """(d, d) positive, of trace 1."""
    log_likelihood: float
    """Σ counts · ln p, in nats."""
    gap: float
    """Upper bound on the difference from the largest log-likelihood, in nats: shots · (λ_max(R) − 1)."""
    iterations: int
    """Number of steps."""


def nearest_state(matrix: ArrayLike) -> Array:
    """The density matrix nearest to a Hermitian matrix of trace 1 in Frobenius norm (Smolin, Gambetta and Smith, 2012).

    It has the same eigenvectors; the eigenvalues are projected onto the simplex. Cost: one `eigh`.

    Args:
        matrix: (d, d).
    """
    values, vectors = np.linalg.eigh(density_matrix("matrix", matrix))
    descending = values[::-1]
    shifts = (np.cumsum(descending) - 1) / np.arange(1, len(values) + 1)
    weights = np.maximum(values - shifts[descending > shifts][-1], 0)
    return np.asarray((vectors * weights) @ vectors.conj().T)


def projected_inversion(data: PauliCounts) -> Array:
    """Linear inversion, then the nearest density matrix: the projected least squares of Guţă et al. (2020).

    Args:
        data: all 3ⁿ settings with equal shots, or random settings; at most 4 qubits.
    """
    _require_few_qubits(data)
    return nearest_state(unbiased_state(data))


def maximum_likelihood(data: PauliCounts, *, gap: float = 0.01, iterations: int = 20_000) -> LikelihoodFit:
    """The state of largest likelihood, by the RρR iteration (Hradil, 1997; Řeháček et al., 2007).

    The iteration ρ ↦ RρR / tr with R = Σ (f/p(ρ)) Π over settings and outcomes starts from the maximally mixed state. A
    step that lowers the likelihood is diluted, (1 + εR) ρ (1 + εR), so that the likelihood never decreases. Since it is
    concave and tr Rρ = 1, no state exceeds the likelihood of ρ by more than shots · (λ_max(R) − 1) nats. The iteration
    ends when this bound is at most `gap`.

    Args:
        data: any settings; at most 4 qubits.
        gap: allowed difference from the largest log-likelihood in nats, > 0; 0.01 is far below the noise of shots.
        iterations: largest number of steps; the result holds the gap that was reached.
    """
    _require_few_qubits(data)
    require(bool(gap > 0), "gap", "must be positive", gap)
    integer("iterations", iterations, 1)
    outcomes = _outcome_vectors(data)
    occurred = data.counts.ravel() > 0
    outcomes, counts = outcomes[occurred], data.counts.ravel()[occurred].astype(float)
    shots = float(counts.sum())
    d = 2**data.n_qubits
    rho = np.eye(d, dtype=complex) / d
    populations = _populations(outcomes, rho)
    value = float(counts @ np.log(populations))
    missing, taken = np.inf, 0
    while taken < iterations:
        taken += 1
        operator = (outcomes.T * (counts / (shots * populations))) @ outcomes.conj()
        missing = shots * max(float(np.linalg.eigvalsh(operator)[-1]) - 1, 0.0)
        if missing <= gap:
            break
        for dilution in _DILUTIONS:
            step = operator if np.isinf(dilution) else np.eye(d) + dilution * operator
            trial = step @ rho @ step.conj().T
            trial = (trial + trial.conj().T) / (2 * np.trace(trial).real)
            trial_populations = np.maximum(_populations(outcomes, trial), 1e-300)
            reached = float(counts @ np.log(trial_populations))
            if reached >= value:
                break
        else:
            break
        rho, populations, value = trial, trial_populations, reached
    return LikelihoodFit(rho=rho, log_likelihood=value, gap=missing, iterations=taken)


def entry_errors(data: PauliCounts, rho: ArrayLike, *, repeats: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Standard errors of the real and of the imaginary parts of every entry of `projected_inversion`, by bootstrap.

    Counts are drawn from the estimate and inverted again.

    Args:
        data: settings and shots of the experiment.
        rho: the estimate.
        repeats: draws of the bootstrap.
        rng: source of randomness of the counts.
    """
    shots = [int(one) for one in data.counts.sum(axis=1)]
    count = integer("repeats", repeats, 2)
    drawn = [projected_inversion(draw_bases(rho, data.bases, shots=shots, rng=rng)) for _ in range(count)]
    return np.std(np.real(drawn), axis=0, ddof=1), np.std(np.imag(drawn), axis=0, ddof=1)


def _outcome_vectors(data: PauliCounts) -> Array:
    """The product vectors (settings · 2ⁿ, 2ⁿ) of all outcomes."""
    vectors = np.ones((len(data.bases), 1, 1), complex)
    for qubit in range(data.n_qubits):
        one = _VECTORS[data.bases[:, qubit]]
        # The next qubit is more significant, in outcomes as in amplitudes.
        vectors = np.einsum("sab,scd->sacbd", one, vectors).reshape(len(one), 2 ** (qubit + 1), -1)
    return vectors.reshape(-1, 2**data.n_qubits)


def _populations(outcomes: Array, rho: Array) -> Array:
    return np.asarray(((outcomes.conj() @ rho) * outcomes).sum(axis=1).real)


def _require_few_qubits(data: PauliCounts) -> None:
    rule = f"must have at most {MAX_TOMOGRAPHY_QUBITS} qubits for tomography"
    require(data.n_qubits <= MAX_TOMOGRAPHY_QUBITS, "data", rule, data.n_qubits)
