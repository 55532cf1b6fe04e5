"""Classical shadows: snapshots in random Pauli bases, stored as three bits for each qubit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator

from circuits.compilation import compile_circuit, without_measurements
from circuits.execution.backends import named, statevectors, undisturbed
from circuits.execution.truncated_counts import final_trains
from circuits.readout.pauli_counts import MAX_QUBITS, PauliCounts, X, Y, Z, measured_settings
from circuits.seeds import stream, stream_seed
from qimg.core import Array, integer, numeric, one_blas_thread, plain, require, require_shape
from qimg.core.records import short_repr
from qimg.states import qubits_for
from qimg.tensor_train import TensorTrain, decompose, right_canonical

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
