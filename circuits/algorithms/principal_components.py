"""Quantum principal-component analysis: eigenvalues of ρ with intervals from Hadamard tests of its exponential."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares
from scipy.special import softmax

from circuits.algorithms.ensembles import (
    MAX_DIMENSION,
    ensemble_average,
    padded_density,
    purification_circuit,
    spectral,
)
from circuits.algorithms.exponentiation import (
    MAX_SUPEROPERATOR_QUBITS,
    exponentiation_circuit,
    hadamard_signal,
    partial_swap,
    superoperator_copy,
)
from circuits.algorithms.phase_register import phase_register
from circuits.compilation import GateCount, count_gates
from circuits.execution.backends import sample
from circuits.readout.intervals import normal_quantile
from circuits.seeds import stream
from qimg.core import Array, integer, require
from qimg.core.records import short_repr
from qimg.operators import CorrelationOperator
from qimg.states import qubits_for

CHANNEL = "channel"
"""Name of the exact channel simulator."""

SPREAD = 0.5
"""n δ² of every setting. The information of n copies about a phase, n²δ² e^{-nδ²(1 − λ²)}, is within 1/4 of its largest
value per copy for all λ below 0.7 and n δ² from 0.5 to 1.7; for larger λ a smaller value costs the same order."""

MAX_STAGES = 16
"""Most times of the Hadamard tests; the last one takes 2·4¹⁵ swaps."""

PRIOR_POWER, PRIOR_DEVIATION = 1.5, 2.0
"""Regularisation of the fit: log λ_j is within about two units of a power law j^(−3/2)."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class PrincipalComponents:
    """Result of quantum PCA."""

    eigenvalues: Array
    """(k,) estimates, descending."""
    low: Array
    """(k,) lower ends of the intervals."""
    high: Array
    """(k,) upper ends."""
    spectrum: Array
    """(2**n,) all eigenvalues of the fit, which sum to 1; those after the k-th have no interval."""
    states: Array
    """(k, 2**n, 2**n) density matrices of the data register after phase estimation, post-selected on the estimates."""
    post_selection: Array
    """(k,) probabilities of these outcomes."""
    copies: int
    """Copies of ρ in all shots of the eigenvalue estimation."""
    copies_per_state: Array
    """(k,) mean copies for each post-selected eigenstate: copies of a run over its probability."""
    shots: int
    """Shots of all settings together."""
    qubits: int
    """Qubits of the Hadamard test, with the environment of a purification."""
    cost: GateCount
    """Gates of one controlled partial swap, without the preparation of the copy."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Settings:
    """Angles, swaps and shots of a series of Hadamard tests."""

    delta: Array
    copies: Array
    shots: int

    @property
    def total_copies(self) -> int:
        """Copies of all shots of both quadratures: the initial state and one for each swap."""
        return int(2 * self.shots * (self.copies + 1).sum())


def doubling_settings(stages: int, shots: int) -> Settings:
    """Settings of the times 1, 2, 4, …, 2^(stages − 1), each with n = ⌈2t²⌉ swaps of angle t/n.

    Each time doubles the precision of phases, and the estimate of the times before decides between its periods
    (iterative phase estimation). The last stage has 4 times the copies of the one before.
    """
    times = 2.0 ** np.arange(integer("stages", stages, 1, MAX_STAGES))
    copies = np.ceil(times**2 / SPREAD).astype(int)
    return Settings(delta=times / copies, copies=copies, shots=integer("shots", shots, 1, 2**62))


def quantum_pca(
    source: ArrayLike | CorrelationOperator,
    *,
    components: int = 1,
    stages: int = 4,
    shots: int = 10_000,
    patch: int | None = None,
    centred: bool = False,
    backend: str | BackendV2 = CHANNEL,
    ancillas: int = 5,
    swaps: int = 64,
    level: float = 0.95,
    seed: int | None = 0,
) -> PrincipalComponents:
    """Leading eigenvalues of a density matrix from copies of it, with intervals, and its eigenstates by post-selection.

    Lloyd, Mohseni and Rebentrost (Nature Physics 10, 631, 2014): partial swaps with copies of ρ exponentiate it, and
    phase estimation reads the eigenvalues. Here one ancilla does so for times that double, which is the iterative
    variant. For the input ρ the expectation is Σ_j λ_j (cos δ − iλ_j sin δ)ⁿ: the error O(t²/n) of the
    exponentiation is part of the model, so that it is no bias. All eigenvalues are fitted by least squares, under a
    weak prior for those that the shots do not resolve; the intervals are those of its normal approximation. They need
    times of at least the reciprocal distance of neighbouring eigenvalues.

    The eigenstates are those of a register of ancillas (`phase_register`), computed by the channel simulator. They
    are as pure as the register resolves eigenvalues, 2^(−ancillas), and as its swaps approach the exponential.

    A measurement in the eigenbasis, where it is known, estimates λ with the relative error ε from N = (1 − λ)/(λε²)
    copies, the Cramér–Rao bound of a binomial share. Swaps need more copies, because a copy gives a phase of O(δ).

    Args:
        source: a density matrix (d, d), d ≤ 64; a correlation operator; or, with `patch`, a picture (H, W) in 8-bit
            code values. Dimensions that are no power of two are padded with zeros.
        components: number k of eigenvalues.
        stages: number of times 1, 2, 4, …; copies grow with the fourfold for each.
        shots: shots of each time and quadrature.
        patch: side of the patches that a picture is cut into.
        centred: the covariance, divided by its trace, instead of the correlation operator; not for a density matrix.
        backend: "channel" draws outcomes from their exact probabilities; otherwise a name of `circuits.backend` or a
            `BackendV2` runs `exponentiation_circuit`, on "density_matrix" with copies as superoperators up to 32
            dimensions, elsewhere with the purification of ρ as the copy.
        ancillas: of the register that prepares eigenstates.
        swaps: of its lowest ancilla; more swaps, purer eigenstates.
        level: of the intervals, in (0, 1), for each eigenvalue separately.
        seed: seed of the shots (`circuits.seeds`).

    Raises:
        ValueError: dimensions beyond 64, or too few shots or stages for an interval above 0; the message has those that
            suffice for the fitted spectrum.

    >>> result = quantum_pca(np.diag([0.7, 0.3]), shots=100_000)
    >>> bool(result.low[0] < 0.7 < result.high[0])
    True
    """
    rho = _density(source, patch, centred)
    z, d = normal_quantile(level), len(rho)
    count = integer("components", components, 1, d)
    settings = doubling_settings(stages, shots)
    weights, _ = spectral(rho)
    counts, qubits = _counts(rho, weights, settings, backend, seed)
    fitted, covariance = fit_spectrum(counts, settings, d)
    values, errors = fitted[:count], np.sqrt(np.diag(covariance)[:count])
    low = values - z * errors
    if low.min() <= 0:
        worst = int(np.argmax(errors / values))
        more, needed = _sufficient_settings(fitted, stages, settings.shots, count, z)
        purpose = f"for an interval of eigenvalue {worst + 1} above 0"
        both = f"must be at least {more}, with shots of at least {needed}, {purpose}"
        require(more == stages, "stages", both, stages)
        require(False, "shots", f"must be at least {needed} {purpose}", shots)
    register = phase_register(rho, ancillas=ancillas, swaps=swaps)
    chosen = np.rint(values * (2**ancillas - 1)).astype(int)
    probabilities = register.probabilities[chosen]
    return PrincipalComponents(
        eigenvalues=values,
        low=low,
        high=np.minimum(values + z * errors, 1.0),
        spectrum=fitted,
        states=register.states[chosen],
        post_selection=probabilities,
        copies=settings.total_copies,
        copies_per_state=register.copies / probabilities,
        shots=2 * len(settings.copies) * settings.shots,
        qubits=qubits,
        cost=count_gates(partial_swap(qubits_for(d)).assign_parameters([0.5])),
    )


def fit_spectrum(counts: ArrayLike, settings: Settings, dimension: int) -> tuple[Array, Array]:
    """Eigenvalues (d,), descending, and their covariance (d, d) from the counts of Hadamard tests on the input ρ.

    Regularised least squares, with the settings added one by one from the shortest time: each fit starts from the one
    before, whose phases are within a period. The covariance is the inverse of the information of the last fit.

    Args:
        counts: (settings, 2) numbers of outcome 0 of the quadratures X and Y.
        settings: their angles, swaps and shots.
        dimension: d.
    """
    zeros = np.asarray(counts, float)
    signals = 2 * zeros / settings.shots - 1
    # One more success and failure keep the variance of outcomes that never vary above 0.
    share = (zeros + 1) / (settings.shots + 2)
    errors = 2 * np.sqrt(share * (1 - share) / settings.shots)
    prior = -PRIOR_POWER * np.log(np.arange(1, dimension + 1))
    logs = prior.copy()
    for last in range(1, len(signals) + 1):
        part = (settings.delta[:last], settings.copies[:last], signals[:last], errors[:last], prior)
        logs = least_squares(_residuals, logs, jac=_slopes, args=part, method="lm", max_nfev=2000).x
    weights, covariance = softmax(logs), _covariance(logs, settings, errors, prior)
    order = np.argsort(-weights)
    return weights[order], covariance[np.ix_(order, order)]


def _covariance(logs: Array, settings: Settings, errors: Array, prior: Array) -> Array:
    """Covariance of the eigenvalues: the inverse of the information about their logarithms, through their softmax."""
    slopes = _slopes(logs, settings.delta, settings.copies, errors, errors, prior)
    weights = softmax(logs)
    to_weights = np.diag(weights) - np.outer(weights, weights)
    # By the triangular factor of the slopes: the product is never negative, however large the information is.
    half = solve_triangular(np.linalg.qr(slopes, mode="r"), to_weights, trans="T")
    return np.asarray(half.T @ half)


def _sufficient_settings(weights: Array, stages: int, shots: int, count: int, z: float) -> tuple[int, int]:
    """Stages and shots for which `count` intervals would be 0.8 of their values to either side in the fitted spectrum.

    The number of shots doubles up to 2**40 before another time is added, because neighbours that the times do not
    separate take more shots than anybody has.
    """
    prior = -PRIOR_POWER * np.log(np.arange(1, len(weights) + 1))
    logs = np.log(np.maximum(weights, 1e-300))
    needed = 2 * shots
    for more in range(stages, MAX_STAGES + 1):
        settings = doubling_settings(more, shots)
        signal, _ = hadamard_signal(weights, weights, delta=settings.delta, copies=settings.copies)
        variance = np.maximum(1 - np.stack([signal.real, signal.imag], axis=1) ** 2, 1e-12)
        needed = 2 * shots
        while needed < max(2**40, 4 * shots):
            variances = np.diag(_covariance(logs, settings, np.sqrt(variance / needed), prior))[:count]
            if (z * np.sqrt(variances) <= 0.8 * weights[:count]).all():
                return more, needed
            needed *= 2
    return MAX_STAGES, needed


def _residuals(logs: Array, delta: Array, copies: Array, signals: Array, errors: Array, prior: Array) -> Array:
    weights = softmax(logs)
    signal, _ = hadamard_signal(weights, weights, delta=delta, copies=copies)
    away = np.stack([signal.real, signal.imag], axis=1) - signals
    return np.concatenate([(away / errors).ravel(), (logs - prior) / PRIOR_DEVIATION])


def _slopes(logs: Array, delta: Array, copies: Array, signals: Array, errors: Array, prior: Array) -> Array:
    weights = softmax(logs)
    _, factors = hadamard_signal(weights, weights, delta=delta, copies=copies)
    angle = delta[:, None]
    rate = -1j * np.sin(angle) / (np.cos(angle) - 1j * np.sin(angle) * weights)
    by_weight = factors * (1 + copies[:, None] * weights * rate)
    slopes = by_weight * weights - np.outer(by_weight @ weights, weights)
    parts = np.stack([slopes.real, slopes.imag], axis=1) / errors[..., None]
    return np.concatenate([parts.reshape(-1, len(logs)), np.eye(len(logs)) / PRIOR_DEVIATION])


def _counts(
    rho: Array, weights: Array, settings: Settings, backend: str | BackendV2, seed: int | None
) -> tuple[Array, int]:
    """Numbers (settings, 2) of outcome 0, and the qubits of a test."""
    n = qubits_for(len(rho))
    if isinstance(backend, str) and backend == CHANNEL:
        signal, _ = hadamard_signal(weights, weights, delta=settings.delta, copies=settings.copies)
        expected = np.clip((1 + np.stack([signal.real, signal.imag], axis=1)) / 2, 0, 1)
        rng = np.random.default_rng(stream(seed, "quantum_pca", rho, settings.copies, settings.shots))
        environment = (max(int((weights > 1e-14).sum()), 1) - 1).bit_length()
        return rng.binomial(settings.shots, expected), 2 + 2 * n + environment
    as_superoperator = backend == "density_matrix" and n <= MAX_SUPEROPERATOR_QUBITS
    copy = superoperator_copy(rho) if as_superoperator else purification_circuit(rho)
    tests = _tests(copy, n, settings)
    counts = sample("quantum_pca", tests, backend, shots=settings.shots, seed=seed)
    return counts[:, 0].reshape(-1, 2), tests[0].num_qubits


def _tests(copy: QuantumCircuit, n_qubits: int, settings: Settings) -> Sequence[QuantumCircuit]:
    return [
        exponentiation_circuit(copy, n_qubits, delta=float(delta), copies=int(copies), quadrature=quadrature)
        for delta, copies in zip(settings.delta, settings.copies, strict=True)
        for quadrature in ("x", "y")
    ]


def _density(source: ArrayLike | CorrelationOperator, patch: int | None, centred: bool) -> Array:
    if patch is not None:
        is_picture = not isinstance(source, CorrelationOperator)
        require(is_picture, "patch", "has no effect on an operator: it must be None", patch)
        source = CorrelationOperator.from_planes(np.asarray(source), size=integer("patch", patch, 2, 8))
    if isinstance(source, CorrelationOperator):
        rho = ensemble_average(source, centred=centred)
    else:
        require(not centred, "centred", "has no effect on a density matrix: it must be False", centred)
        rho = np.asarray(source)
    rule = f"must have at most {MAX_DIMENSION} dimensions"
    require(rho.ndim != 2 or len(rho) <= MAX_DIMENSION, "source", rule, rho.shape)
    return padded_density(rho, name="source")
