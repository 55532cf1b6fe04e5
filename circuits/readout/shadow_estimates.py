"""Expectation values and fidelities from classical shadows, computed from their bits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from circuits.readout.intervals import normal_quantile
from circuits.readout.pauli_counts import Expectation
from circuits.readout.shadows import Shadow
from qimg.core import Array, numeric, require, require_shape
from qimg.core.compiled import compiled, inner
from qimg.core.records import short_repr

MAX_FIDELITY_QUBITS = 62
"""Largest register of `shadow_fidelity`."""
NEGLIGIBLE = 1e-12
"""Modulus up to which an amplitude counts as zero in `shadow_fidelity`."""

_MOST_GROUPS = 401


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ShadowEstimates:
    """Medians of means of observables and intervals that all hold together."""

    values: Array
    """(observables,) medians of the means of groups of snapshots."""
    low: Array
    """(observables,) lower ends."""
    high: Array
    """(observables,) upper ends."""
    groups: int
    """Number of groups."""
    failure: float
    """Largest probability that an interval does not hold its expectation value."""


def shadow_expectations(
    shadow: Shadow, observables: Sequence[Mapping[str, float]], *, failure: float = 0.05
) -> ShadowEstimates:
    """Expectation values of many observables by medians of means, with intervals that hold together.

    A snapshot that measures the Pauli string P of weight w contributes 3ʷ times its outcome, others 0; the mean is ⟨P⟩
    and the standard deviation at most 3^{w/2}. That of Σ c_P P is at most σ = Σ |c_P| 3^{w/2} without the identity, for
    every state. The snapshots form K groups. By Cantelli's inequality the mean of a group of B snapshots exceeds the
    expectation value by c σ/√B with a probability of at most 1/(1 + c²), and the median of the groups by the binomial
    probability that half of them do. K and c minimise c √K at a probability of `failure` for all ends together. The
    intervals are cut to ±Σ |c_P| around the identity's coefficient.

    The coverage holds for every state, number of shots and number of observables, whose number enters by its
    logarithm. For one Pauli string `pauli_interval` is several times shorter. Cost: O(strings · snapshots · n / 8).

    Args:
        shadow: snapshots.
        observables: such as `{"ZI": 0.5, "XX": -1.0}`; the first letter is the highest qubit.
        failure: largest probability, in (0, 1), that any interval fails.
    """
    require(len(observables) > 0, "observables", "must hold at least one observable", observables)
    require(bool(0 < failure < 1), "failure", "must be in (0, 1)", failure)
    groups, factor = _groups(failure / (2 * len(observables)), shadow.snapshots)
    size = shadow.snapshots // groups
    values, halves, limits = np.zeros((3, len(observables)))
    constants = np.zeros(len(observables))
    for k, observable in enumerate(observables):
        require(len(observable) > 0, "observables", "must have at least one Pauli string each", observable)
        total = np.zeros(groups)
        for label, coefficient in observable.items():
            signs = shadow.values_of(label)[: groups * size].reshape(groups, size)
            weight = len(label) - label.count("I")
            total += coefficient * 3.0**weight * signs.mean(axis=1)
            halves[k] += abs(coefficient) * 3.0 ** (weight / 2) if weight else 0.0
            limits[k] += abs(coefficient) if weight else 0.0
            constants[k] += 0.0 if weight else coefficient
        values[k] = np.median(total)
    halves *= factor / np.sqrt(size)
    return ShadowEstimates(
        values=values,
        low=np.clip(values - halves, constants - limits, constants + limits),
        high=np.clip(values + halves, constants - limits, constants + limits),
        groups=groups,
        failure=float(failure),
    )


def _groups(tail: float, snapshots: int) -> tuple[int, float]:
    """The odd number of groups K and the factor c with P(Bin(K, 1/(1 + c²)) ≥ (K + 1)/2) = tail and least c √K."""
    numbers = np.arange(1, min(_MOST_GROUPS, snapshots) + 1, 2)
    half = (numbers + 1) // 2
    probability = stats.beta.ppf(tail, half, numbers - half + 1)
    factors = np.sqrt(1 / probability - 1)
    best = int(np.argmin(factors * np.sqrt(numbers)))
    return int(numbers[best]), float(factors[best])


def shadow_fidelity(shadow: Shadow, state: ArrayLike, *, level: float = 0.95) -> Expectation:
    """Estimate of the fidelity ⟨ψ|ρ|ψ⟩ with a pure state, with a normal interval from the scatter of the snapshots.

    Each snapshot contributes ⟨ψ| ⊗(3 |b⟩⟨b| − 1) |ψ⟩. The estimate is their mean, which is unbiased and may lie outside
    of [0, 1]; the interval is cut to it. Its coverage is about the level. The scatter grows exponentially with the
    number of qubits, by 1.22 to 1.7 for each, so that 14 qubits need 10⁵ snapshots or more. Cost: O(snapshots · a²) for
    a nonzero amplitudes, a second for 10⁵ snapshots of an 8×8 picture in NEQR.

    Args:
        shadow: at least 100 snapshots of at most 62 qubits.
        state: (2**n,) of norm 1; amplitudes of at most 1e-12 count as zero, as rounding errors do.
        level: in (0, 1).
    """
    n, z = shadow.n_qubits, normal_quantile(level)
    require(n <= MAX_FIDELITY_QUBITS, "shadow", f"must have at most {MAX_FIDELITY_QUBITS} qubits", n)
    require(shadow.snapshots >= 100, "shadow", "must have at least 100 snapshots", shadow.snapshots)
    amplitudes = numeric("state", state)
    require_shape(amplitudes.shape == (2**n,), "state", f"({2**n},)", amplitudes)
    norm = float(np.linalg.norm(amplitudes))
    require(abs(norm - 1) <= 1e-6, "state", "must have norm 1", norm)
    places = np.flatnonzero(np.abs(amplitudes) > NEGLIGIBLE)
    in_y, in_z, outcomes = (
        np.asarray(plane.astype(np.int64) @ (256 ** np.arange(plane.shape[1], dtype=np.int64)), np.int64)
        for plane in shadow.planes
    )
    values = np.empty(shadow.snapshots)
    _overlaps(places.astype(np.int64), amplitudes[places].astype(complex), in_y, in_z, outcomes, (1 << n) - 1, values)
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    low, high = np.clip([mean - z * error, mean + z * error], 0, 1)
    return Expectation(value=mean, low=float(low), high=float(high))


@compiled
def _overlaps(
    places: Array, amplitudes: Array, in_y: Array, in_z: Array, outcomes: Array, every: int, values: Array
) -> None:
    """⟨ψ| ⊗(3 |b⟩⟨b| − 1) |ψ⟩ of every snapshot, by pairs of basis states (a, b).

    A qubit of Z needs equal bits and gives 2 or −1; one of X or Y gives 1/2 for equal bits, and otherwise 3/2 times its
    outcome, with −i or i for Y.
    """
    for s in range(values.shape[0]):
        y, z, read = in_y[s], in_z[s], outcomes[s]
        total = 0.0
        for row in range(places.shape[0]):
            a = places[row]
            wrong = _ones((read ^ a) & z)
            diagonal = 2.0 ** (_ones(z) - wrong) * (1 - 2 * (wrong & 1))
            for column in range(row + 1):
                b = places[column]
                differ = a ^ b
                if differ & z:
                    continue
                count = _ones(differ)
                entry = diagonal * 3.0**count * 0.5 ** _ones(every & ~z)
                quarter = (_ones(differ & y & a) - _ones(differ & y & b)) & 3  # powers of i
                if _ones(read & differ) & 1:
                    entry = -entry
                product = amplitudes[row].conjugate() * amplitudes[column]
                if quarter == 0:
                    real = product.real
                elif quarter == 1:
                    real = -product.imag
                elif quarter == 2:
                    real = -product.real
                else:
                    real = product.imag
                total += entry * real if row == column else 2 * entry * real
        values[s] = total


@inner
def _ones(word: int) -> int:
    """Number of ones of a non-negative integer."""
    word = word - (word >> 1 & 0x5555555555555555)
    word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333)
    word = word + (word >> 4) & 0x0F0F0F0F0F0F0F0F
    word += word >> 8
    word += word >> 16
    word += word >> 32
    return word & 0x7F
