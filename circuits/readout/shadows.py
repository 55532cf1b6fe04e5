"""Classical shadows: snapshots in random Pauli bases, stored as three bits for each qubit and evaluated as bits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator
from scipy import stats

from circuits.compilation import compile_circuit, without_measurements
from circuits.execution.backends import named, statevectors, undisturbed
from circuits.execution.truncated_counts import final_trains
from circuits.readout.intervals import normal_quantile
from circuits.readout.pauli_counts import MAX_QUBITS, Expectation, PauliCounts, X, Y, Z, measured_settings
from circuits.seeds import stream, stream_seed
from qimg.core import Array, integer, numeric, one_blas_thread, plain, require, require_shape
from qimg.core.compiled import compiled, inner
from qimg.core.records import short_repr
from qimg.states import qubits_for
from qimg.tensor_train import TensorTrain, decompose, right_canonical

MAX_FIDELITY_QUBITS = 62
"""Largest register of `shadow_fidelity`."""
_MOST_GROUPS = 401
_SETTINGS = 2**22
"""Largest number of counters of the settings that are run together."""
_BRAS = np.array([[[1, 1], [1, -1]], [[1, -1j], [1, 1j]], [[np.sqrt(2), 0], [0, np.sqrt(2)]]], dtype=complex) / np.sqrt(
    2
)
"""(basis, outcome, level): conjugated eigenvectors of X, Y and Z."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Shadow:
    """Snapshots of a register, each of which measured every qubit once in X, Y or Z."""

    planes: NDArray[np.uint8]
    """(3, snapshots, ⌈n/8⌉) bits, qubit q at bit q mod 8 of byte q // 8: basis Y, basis Z, and outcome, 0 for +1."""
    n_qubits: int
    """Size of the register."""

    def __post_init__(self) -> None:
        n = integer("n_qubits", self.n_qubits, 1)
        planes = plain("planes", self.planes)
        fits = planes.ndim == 3 and planes.shape[::2] == (3, -(-n // 8)) and planes.shape[1] > 0
        require_shape(fits, "planes", f"(3, snapshots, {-(-n // 8)})", planes)
        require(planes.dtype == np.uint8, "planes", "must be uint8", planes.dtype.name)
        require(not (planes[0] & planes[1]).any(), "planes", "must not have both basis Y and basis Z", "both")
        unused = planes[..., -1] >> (n - 1) % 8 + 1 if n % 8 else planes[..., -1] & 0
        require(not unused.any(), "planes", f"must not have bits of qubits above {n - 1}", int(unused.max()))

    @classmethod
    def of(cls, bases: ArrayLike, outcomes: ArrayLike) -> "Shadow":
        """Pack bases (snapshots, n) of 0, 1 and 2 for X, Y and Z, and outcomes (snapshots, n) of 0 and 1."""
        chosen, read = plain("bases", bases), plain("outcomes", outcomes)
        require_shape(chosen.ndim == 2 and chosen.size > 0, "bases", "(snapshots, n)", chosen)
        require_shape(read.shape == chosen.shape, "outcomes", f"{chosen.shape}", read)
        held, levels = np.unique(chosen), np.unique(read)
        require(set(held.tolist()) <= {X, Y, Z}, "bases", "must hold 0, 1 and 2 for X, Y and Z", held)
        require(set(levels.tolist()) <= {0, 1}, "outcomes", "must hold 0 and 1", levels)
        planes = [np.packbits(one, axis=1, bitorder="little") for one in (chosen == 1, chosen == 2, read == 1)]
        return cls(planes=np.stack(planes), n_qubits=chosen.shape[1])

    @property
    def snapshots(self) -> int:
        """Number of snapshots."""
        return int(self.planes.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of the bits: 3 ⌈n/8⌉ for each snapshot."""
        return int(self.planes.nbytes)

    def bases(self) -> NDArray[np.uint8]:
        """(snapshots, n) with 0, 1, 2 for X, Y, Z."""
        in_y, in_z = self._unpacked(0), self._unpacked(1)
        return np.asarray(in_y + 2 * in_z, np.uint8)

    def outcomes(self) -> NDArray[np.uint8]:
        """(snapshots, n), 0 for the eigenvalue +1."""
        return self._unpacked(2)

    def pauli_counts(self) -> PauliCounts:
        """The snapshots as counts for each different setting, for registers of at most 8 qubits."""
        require(self.n_qubits <= MAX_QUBITS, "n_qubits", f"must be at most {MAX_QUBITS} for counts", self.n_qubits)
        bases, place = np.unique(self.bases(), axis=0, return_inverse=True)
        counts = np.zeros((len(bases), 2**self.n_qubits), np.int64)
        np.add.at(counts, (place, self.outcomes() @ (1 << np.arange(self.n_qubits))), 1)
        return PauliCounts(bases=bases, counts=counts)

    def values_of(self, label: str) -> NDArray[np.int8]:
        """(snapshots,) the product of the outcomes ±1 of a Pauli string, 0 where a snapshot does not measure it.

        Args:
            label: such as "XIZ"; the first letter is the highest qubit, as in Qiskit.
        """
        valid = isinstance(label, str) and len(label) == self.n_qubits and set(label) <= set("IXYZ")
        require(valid, "label", f"must have {self.n_qubits} letters of I, X, Y, Z", label)
        letters = np.array(list(reversed(label)))
        in_y, in_z, held = (
            np.packbits(one, bitorder="little") for one in (letters == "Y", letters == "Z", letters != "I")
        )
        places = np.flatnonzero(held)
        other = np.zeros(self.snapshots, np.uint8)
        odd = np.zeros(self.snapshots, np.uint8)
        for place in places:
            differs = (self.planes[0, :, place] ^ in_y[place]) | (self.planes[1, :, place] ^ in_z[place])
            other |= differs & held[place]
            odd ^= self.planes[2, :, place] & held[place]
        signs = 1 - 2 * (np.bitwise_count(odd) & 1).astype(np.int8)
        return np.where(other == 0, signs, 0).astype(np.int8)

    def trials_of(self, label: str) -> tuple[int, int]:
        """The snapshots that measure a Pauli string with the outcome +1, and all that measure it."""
        signs = self.values_of(label)
        return int((signs > 0).sum()), int((signs != 0).sum())

    def _unpacked(self, plane: int) -> NDArray[np.uint8]:
        return np.unpackbits(self.planes[plane], axis=1, count=self.n_qubits, bitorder="little")


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


def measure_shadow(
    circuit: QuantumCircuit, backend: str | BackendV2 = "statevector", *, shots: int, seed: int | None = 0
) -> Shadow:
    """A classical shadow: every shot is measured in random bases (Huang, Kueng and Preskill, 2020).

    On an ideal simulator of state vectors or matrix-product states, the final state is computed once and the snapshots
    are drawn from it (`draw_shadow`), for registers of any size that the simulator takes. On other backends each
    different setting runs as one circuit, in parts.

    Args:
        circuit: without measurements.
        backend: a name for `circuits.backend`, or any `BackendV2`.
        shots: total number of shots, one for each snapshot.
        seed: seed of the bases and of a simulator's shots (`circuits.seeds`).
    """
    own = stream(seed, "measure_shadow", circuit, integer("shots", shots, 1))
    rng = np.random.default_rng(own)
    without_measurements("circuit", circuit)
    require(circuit.num_clbits == 0, "circuit", "must not measure", circuit.name)
    device = named(backend)
    method = device.options.method if isinstance(device, AerSimulator) and device.options.noise_model is None else ""
    if method in ("automatic", "statevector"):
        return draw_shadow(statevectors(circuit)[0], snapshots=shots, rng=rng)
    if method == "matrix_product_state":
        with undisturbed(device):
            (train,) = final_trains(device, [compile_circuit(circuit)])
        return draw_shadow(train, snapshots=shots, rng=rng)
    n = circuit.num_qubits
    bases, repeats = np.unique(rng.integers(0, 3, (shots, n), np.uint8), axis=0, return_counts=True)
    outcomes = np.empty(shots, np.int64)
    size, done = max(1, _SETTINGS >> n), 0
    for start in range(0, len(bases), size):
        part = slice(start, start + size)
        several = stream_seed(seed, "settings of a shadow", start)
        table = measured_settings(
            "measure_shadow", circuit, bases[part], device, shots=repeats[part].tolist(), seed=several
        )
        settings, read = np.nonzero(table)
        drawn = np.repeat(read, table[settings, read])
        outcomes[done : done + len(drawn)] = drawn
        done += len(drawn)
    bits = outcomes[:, None] >> np.arange(n) & 1
    mixed = rng.permutation(shots)  # groups of snapshots must not be sorted by their bases
    return Shadow.of(np.repeat(bases, repeats, axis=0)[mixed], bits[mixed])


def draw_shadow(state: ArrayLike | TensorTrain, *, snapshots: int, rng: np.random.Generator) -> Shadow:
    """Draw snapshots of a pure state without a circuit, like `measure_shadow` on an ideal device.

    Each qubit is drawn given the higher ones, from the canonical form of a tensor train; a state vector is decomposed
    into an exact one. Cost: O(snapshots · n · bond²), at most 2^⌊n/2⌋ for the bond of a state vector.

    Args:
        state: (2**n,) of norm 1, or a train of binary sites, the first of which is the highest qubit.
        snapshots: number of snapshots.
        rng: source of randomness of bases and outcomes.
    """
    count = integer("snapshots", snapshots, 1)
    if not isinstance(state, TensorTrain):
        amplitudes = numeric("state", state)
        size = amplitudes.size
        fits = amplitudes.ndim == 1 and size >= 2 and size & (size - 1) == 0
        require_shape(fits, "state", "(2**n,)", amplitudes)
        norm = float(np.linalg.norm(amplitudes))
        require(abs(norm - 1) <= 1e-6, "state", "must have norm 1", norm)
        state = decompose(amplitudes, (2,) * qubits_for(size)).train
    require(set(state.dims) == {2}, "state", "must have sites of two levels", state.dims)
    cores = right_canonical(state).cores
    n, widest = len(cores), max((1, *state.bonds))
    bases = rng.integers(0, 3, (count, n), np.uint8)
    outcomes = np.empty((count, n), np.uint8)
    size = max(1, 2**21 // widest)
    with one_blas_thread():
        for start in range(0, count, size):
            part = slice(start, start + size)
            outcomes[part] = _drawn(cores, bases[part], rng)
    return Shadow.of(bases, outcomes)


def _drawn(cores: Sequence[Array], bases: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Outcomes (snapshots, n) of a right-canonical train in these bases."""
    count, n = bases.shape
    outcomes = np.empty((count, n), np.uint8)
    vectors = np.ones((count, 1), complex)
    for site, core in enumerate(cores):
        qubit = n - 1 - site
        ahead = (vectors @ core.reshape(len(core), -1)).reshape(count, 2, -1)
        ahead = _BRAS[bases[:, qubit]] @ ahead
        weights = (ahead.real**2 + ahead.imag**2).sum(axis=2)
        one = rng.random(count) * weights.sum(axis=1) >= weights[:, 0]
        one &= weights[:, 1] > 0
        outcomes[:, qubit] = one
        chosen = one.astype(np.int64)
        vectors = ahead[np.arange(count), chosen] / np.sqrt(weights[np.arange(count), chosen])[:, None]
    return outcomes


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
        state: (2**n,) of norm 1.
        level: in (0, 1).
    """
    n, z = shadow.n_qubits, normal_quantile(level)
    require(n <= MAX_FIDELITY_QUBITS, "shadow", f"must have at most {MAX_FIDELITY_QUBITS} qubits", n)
    require(shadow.snapshots >= 100, "shadow", "must have at least 100 snapshots", shadow.snapshots)
    amplitudes = numeric("state", state)
    require_shape(amplitudes.shape == (2**n,), "state", f"({2**n},)", amplitudes)
    norm = float(np.linalg.norm(amplitudes))
    require(abs(norm - 1) <= 1e-6, "state", "must have norm 1", norm)
    places = np.flatnonzero(amplitudes)
    words = [
        np.asarray(plane.astype(np.int64) @ (256 ** np.arange(plane.shape[1], dtype=np.int64)), np.int64)
        for plane in shadow.planes
    ]
    values = np.empty(shadow.snapshots)
    _overlaps(places.astype(np.int64), amplitudes[places].astype(complex), *words, (1 << n) - 1, values)
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
