"""Counts in products of Pauli bases, the data of tomography."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from circuits.execution.backends import sample
from circuits.readout.intervals import normal_quantile, probability_interval
from qimg.core import (
    TOLERANCE,
    Array,
    arguments,
    density_matrix,
    hermitian,
    integer,
    one_of,
    real,
    require,
    require_shape,
)
from qimg.core.records import short_repr
from qimg.states import qubits_for

X, Y, Z = 0, 1, 2
"""Numbers of the bases in `PauliCounts.bases`."""
LEAST_FOR_NORMAL = 100
"""Least number of shots of the normal interval of an observable."""

MAX_QUBITS = 8
"""Largest register whose density matrix is estimated."""

_VECTORS = np.array(
    [[[1, 1], [1, -1]], [[1, 1j], [1, -1j]], [[np.sqrt(2), 0], [0, np.sqrt(2)]]], dtype=complex
) / np.sqrt(2)
"""(basis, outcome, amplitude): eigenvectors of X, Y and Z, the one of +1 first."""

_SNAPSHOTS = 3 * _VECTORS[..., :, None] * _VECTORS[..., None, :].conj() - np.eye(2)
"""(basis, outcome, 2, 2): 3 |b⟩⟨b| − 1, whose mean over random bases is the state (Huang, Kueng and Preskill, 2020)."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class PauliCounts:
    """Outcomes of a register in several settings, each of which measures every qubit in X, Y or Z."""

    bases: Array
    """(settings, n) with 0, 1, 2 for X, Y, Z; column q is qubit q."""
    counts: Array
    """(settings, 2**n); bit q of the outcome is qubit q, 0 for the eigenvalue +1."""

    def __post_init__(self) -> None:
        bases, counts = _checked_bases(self.bases), real("counts", self.counts)
        expected = (len(bases), 2 ** bases.shape[1])
        require_shape(counts.shape == expected, "counts", f"{expected}", counts)
        require(
            bool(counts.min() >= 0 and counts.sum() > 0), "counts", "must not be negative nor all zero", counts.min()
        )
        object.__setattr__(self, "bases", bases)
        object.__setattr__(self, "counts", counts.astype(np.int64))

    @property
    def n_qubits(self) -> int:
        """Size of the register."""
        return int(self.bases.shape[1])

    @property
    def shots(self) -> int:
        """Shots of all settings together."""
        return int(self.counts.sum())

    def pauli_counts(self) -> "PauliCounts":
        """The data itself, as `Shadow.pauli_counts` returns it of a shadow."""
        return self

    def trials_of(self, label: str) -> tuple[int, int]:
        """The shots that measure a Pauli string with the outcome +1, and all that measure it."""
        n = self.n_qubits
        valid = isinstance(label, str) and len(label) == n and set(label) <= set("IXYZ")
        require(valid, "label", f"must have {n} letters of I, X, Y, Z", label)
        bases = ["XYZ".find(letter) for letter in reversed(label)]
        measured = [qubit for qubit in range(n) if bases[qubit] >= 0]
        chosen = self.counts[(self.bases[:, measured] == [bases[qubit] for qubit in measured]).all(axis=1)]
        odd = np.bitwise_count(np.arange(2**n) & sum(1 << qubit for qubit in measured)) & 1
        return int(chosen[:, odd == 0].sum()), int(chosen.sum())


class PauliData(Protocol):
    """Outcomes in products of Pauli bases: `PauliCounts` or `Shadow`."""

    def pauli_counts(self) -> PauliCounts:
        """The outcomes as counts."""

    def trials_of(self, label: str) -> tuple[int, int]:
        """The shots that measure a Pauli string with the outcome +1, and all that measure it."""


def _checked_bases(bases: ArrayLike, n_qubits: int | None = None) -> Array:
    """Settings (settings, n) of X, Y and Z as integers."""
    settings = arguments.plain("bases", bases)
    ok = settings.ndim == 2 and len(settings) > 0 and 1 <= settings.shape[1] <= MAX_QUBITS
    require_shape(ok, "bases", f"(settings, n) with n in [1, {MAX_QUBITS}]", settings)
    require_shape(n_qubits in (None, settings.shape[1]), "bases", f"(settings, {n_qubits})", settings)
    require(settings.dtype != bool, "bases", "must hold 0, 1 and 2 for X, Y and Z, not booleans", settings.dtype.name)
    held = np.unique(settings)
    require(set(held.tolist()) <= {X, Y, Z}, "bases", "must hold 0, 1 and 2 for X, Y and Z", held)
    return settings.astype(np.int64)


def all_bases(n_qubits: int) -> Array:
    """All 3ⁿ settings (3**n, n), for complete tomography."""
    n = integer("n_qubits", n_qubits, 1, MAX_QUBITS)
    return np.array(list(product(range(3), repeat=n)))


def measure_bases(
    circuit: QuantumCircuit,
    bases: ArrayLike,
    backend: str | BackendV2 = "statevector",
    *,
    shots: int | Sequence[int],
    seed: int | None = 0,
) -> PauliCounts:
    """Run a circuit once for each setting, with a change of basis before the measurement.

    Args:
        circuit: without measurements.
        bases: (settings, n), such as `all_bases(n)`.
        backend: a name for `circuits.backend`, or any `BackendV2`.
        shots: shots per setting, one number or one for each.
        seed: seed of a simulator's shots (`circuits.seeds`).
    """
    settings = _checked_bases(bases, circuit.num_qubits)
    counts = measured_settings("measure_bases", circuit, settings, backend, shots=shots, seed=seed)
    return PauliCounts(bases=settings, counts=counts)


def measured_settings(
    purpose: str,
    circuit: QuantumCircuit,
    bases: Array,
    backend: str | BackendV2,
    *,
    shots: int | Sequence[int],
    seed: int | None,
) -> NDArray[np.int64]:
    """Counts (settings, 2**n) of a circuit in each setting of bases; `purpose` names the stream of the seed."""
    require(circuit.num_clbits == 0, "circuit", "must not measure", circuit.name)
    turned = []
    for setting in bases:
        copy = circuit.copy()
        for qubit, basis in enumerate(setting):
            if basis == Y:
                copy.sdg(qubit)
            if basis != Z:
                copy.h(qubit)
        turned.append(copy)
    return sample(purpose, turned, backend, shots=shots, seed=seed)


def draw_bases(
    rho: ArrayLike, bases: ArrayLike, *, shots: int | Sequence[int], rng: np.random.Generator
) -> PauliCounts:
    """Draw outcomes from a density matrix without a circuit, like `measure_bases` on an ideal device.

    Args:
        rho: (2**n, 2**n).
        bases: (settings, n).
        shots: shots per setting, one number or one for each.
        rng: source of randomness of the outcomes.
    """
    matrix = density_matrix("rho", rho)
    settings = _checked_bases(bases, qubits_for(len(matrix)))
    populations = setting_populations(matrix, settings)
    populations = np.clip(populations, 0, None)
    populations /= populations.sum(axis=1, keepdims=True)
    return PauliCounts(bases=settings, counts=rng.multinomial(np.broadcast_to(shots, len(settings)), populations))


def setting_populations(rho: Array, bases: Array) -> Array:
    """Probabilities (settings, 2**n) of the outcomes of each setting."""
    effects = _VECTORS[..., :, None].conj() * _VECTORS[..., None, :]
    return np.concatenate([values.real for _, values in _values(rho, bases, effects)])


def unbiased_state(data: PauliData) -> Array:
    """The mean of the snapshots ⊗(3 |b⟩⟨b| − 1), which is Hermitian and of trace 1, but not positive.

    It is unbiased for random bases and for all 3ⁿ settings with equal shots, for which it is the linear inversion by
    least squares (Guţă et al., 2020). Cost: O(settings · 4ⁿ).
    """
    data = data.pauli_counts()
    n = data.n_qubits
    total = np.zeros(4**n, complex)
    for part in _parts(len(data.bases), n):
        tensor = data.counts[part].astype(complex)
        for qubit in reversed(range(n)):  # the highest qubit is the first axis
            maps = _SNAPSHOTS[data.bases[part, qubit]].reshape(-1, 2, 4)
            done = 4 ** (n - 1 - qubit)
            tensor = tensor.reshape(len(tensor), done, 2, 2**qubit)
            tensor = np.einsum("sabc,sbe->saec", tensor, maps)
        total += tensor.reshape(len(tensor), -1).sum(axis=0)
    matrix = total.reshape((2, 2) * n).transpose([*range(0, 2 * n, 2), *range(1, 2 * n, 2)]).reshape(2**n, 2**n)
    return np.asarray(matrix / data.shots)


@dataclass(frozen=True, eq=False, kw_only=True)
class Expectation:
    """An estimate and its confidence interval."""

    value: float
    low: float
    high: float


def observable_interval(
    data: PauliData, observable: ArrayLike, *, level: float = 0.95, method: str = "bernstein"
) -> Expectation:
    """Estimate of tr(O ρ) for any observable, with an interval from the scatter of the shots.

    Each shot contributes tr(O ⊗(3 |b⟩⟨b| − 1)). The estimate is their mean, which is unbiased and, with few shots, may
    lie outside of the interval. The interval is cut to the smallest and the largest eigenvalue of O.

    "bernstein" is the empirical Bernstein bound (Maurer and Pontil, 2009, theorem 11), or Hoeffding's if that is
    shorter for every variance. It uses the range R of the contributions, and its coverage is at least the level for
    every state and number of shots: with δ = (1 − level)/2, half its width is √(2 V ln(2/δ) / n) +
    7 R ln(2/δ) / 3(n − 1), or R √(ln(1/δ) / 2n). For one Pauli string `pauli_interval` is shorter.

    "normal" is shorter by a third or more. Its coverage is about the level if the observable depends on some hundred
    shots; it is lower for rare outcomes, and far lower for fewer than 100 shots, which are refused. If all settings
    have equal shots, the variance within the settings is used; for random settings, the variance between them is
    included.

    Args:
        data: counts of all 3ⁿ settings with equal shots, or of random settings, or a shadow of at most 8 qubits.
        observable: (2**n, 2**n) Hermitian.
        level: in (0, 1).
        method: "bernstein" or "normal", which requires 100 shots.
    """
    matrix = hermitian("observable", observable)
    data = data.pauli_counts()
    expected = (2**data.n_qubits,) * 2
    require_shape(matrix.shape == expected, "observable", f"{expected}", matrix)
    z = normal_quantile(level)
    one_of("method", method, ("bernstein", "normal"))
    rule = f"must be bernstein for fewer than {LEAST_FOR_NORMAL} shots"
    require(method == "bernstein" or data.shots >= LEAST_FOR_NORMAL, "method", rule, method)
    values = _contributions(matrix, data.bases)
    mean = float((data.counts * values).sum() / data.shots)
    each = data.counts.sum(axis=1)
    complete = len(np.unique(data.bases, axis=0)) == len(data.bases) == 3**data.n_qubits and each.min() == each.max()
    pooled = float((data.counts * (values - mean) ** 2).sum() / max(data.shots - 1, 1))
    if method == "bernstein":
        of_all = values if complete else _contributions(matrix, all_bases(data.n_qubits))
        half = _bernstein(pooled, float(np.ptp(of_all)), data.shots, level)
    elif complete and each.min() > 1:
        centre = (data.counts * values).sum(axis=1, keepdims=True) / each[:, None]
        scatter = (data.counts * (values - centre) ** 2).sum(axis=1) / (each - 1)
        half = z * float(np.sqrt(scatter.sum() / each[0])) / len(each)
    else:
        half = z * float(np.sqrt(pooled / data.shots))
    least, *_, most = np.linalg.eigvalsh(matrix)
    slack = TOLERANCE * max(abs(least), abs(most))  # rounding errors of the mean and of the eigenvalues
    low, high = np.clip([mean - half - slack, mean + half + slack], least - slack, most + slack)
    return Expectation(value=mean, low=float(low), high=float(high))


def _contributions(matrix: Array, bases: Array) -> Array:
    """Unbiased contributions (settings, 2**n) of the outcomes to tr(O ρ)."""
    return np.concatenate([one.real for _, one in _values(matrix, bases, _SNAPSHOTS.swapaxes(-1, -2))])


def _bernstein(variance: float, width: float, shots: int, level: float) -> float:
    """Half of the width of an interval for the mean of independent values in a range of this width."""
    tail = (1 - level) / 2
    hoeffding = width * float(np.sqrt(np.log(1 / tail) / (2 * shots)))
    of_range = 7 * width * float(np.log(2 / tail)) / (3 * max(shots - 1, 1))
    # The choice must not depend on the outcomes, so it is Hoeffding's where the term of the range alone is longer.
    if of_range >= hoeffding:
        return hoeffding
    return float(np.sqrt(2 * variance * np.log(2 / tail) / shots)) + of_range


def pauli_interval(data: PauliData, label: str, *, level: float = 0.95) -> Expectation:
    """Estimate of ⟨P⟩ for a Pauli string, with an interval whose coverage is at least the level for every state.

    It is the Clopper–Pearson interval: the outcomes of P in the shots that measure it are binomial, and ⟨P⟩ = 2p − 1.

    Args:
        data: counts, or a shadow of any size.
        label: such as "XIZ"; the first letter is the highest qubit, as in Qiskit.
        level: in (0, 1).
    """
    plus, trials = data.trials_of(label)
    require(trials > 0, "data", f"must have a shot that measures {label}", trials)
    low, high = probability_interval(plus, trials, level=level)
    return Expectation(value=2 * plus / trials - 1, low=2 * float(low) - 1, high=2 * float(high) - 1)


def _values(matrix: Array, bases: Array, maps: Array) -> Iterator[tuple[slice, Array]]:
    """Yield tr(matrix ⊗ maps[basis, outcome]ᵀ…) (settings, 2**n) in parts, by one contraction for each qubit."""
    n = qubits_for(len(matrix))
    order = [axis for qubit in range(n) for axis in (qubit, n + qubit)]
    paired = matrix.astype(complex).reshape((2,) * 2 * n).transpose(order).ravel()
    for part in _parts(len(bases), n):
        tensor = np.broadcast_to(paired, (len(bases[part]), paired.size))
        for qubit in reversed(range(n)):
            flat = maps[bases[part, qubit]].reshape(-1, 2, 4)
            done = 2 ** (n - 1 - qubit)
            tensor = np.einsum("saec,sbe->sabc", tensor.reshape(len(tensor), done, 4, 4**qubit), flat)
        yield part, tensor.reshape(len(tensor), -1)


def _parts(settings: int, n: int) -> list[slice]:
    size = max(1, 2**20 // 4**n)
    return [slice(start, start + size) for start in range(0, settings, size)]
