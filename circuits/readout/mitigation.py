"""Mitigation of readout errors: calibration circuits, and correction of counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from circuits.counts import checked_counts
from circuits.execution.backends import SIMULATORS, measured_qubits, sample
from circuits.readout.intervals import normal_quantile
from circuits.readout.simplex import by_active_set, by_gradients
from qimg.core import Array, integer, real, require, require_shape
from qimg.core.records import short_repr

MAX_MITIGATED = 20
"""Largest number of bits in `mitigate`, whose arrays hold all 2ⁿ outcomes; `mitigate_observed` takes more."""
MAX_STORED = 8
"""Largest number of bits for which the matrix of all readings is stored; above, it is applied bit by bit."""
MAX_CORRELATED = 5
"""Largest number of bits in a correlated calibration, which takes 2ⁿ circuits."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ReadoutCalibration:
    """Counts of calibration circuits: outcomes for every prepared bit string."""

    counts: Sequence[Array]
    """For each group of bits, lowest first, (2**k, 2**k): row = prepared, column = read."""

    def __post_init__(self) -> None:
        tables = [real("counts", table) for table in self.counts]
        for table in tables:
            size = 2 ** max(len(np.atleast_1d(table)).bit_length() - 1, 1)
            require_shape(table.shape == (size, size), "counts", "(2**k, 2**k)", table)
            ok = table.min() >= 0 and (table.sum(axis=1) > 0).all()
            require(bool(ok), "counts", "must have shots in every row and not be negative", table.sum(axis=1))
        object.__setattr__(self, "counts", tables)

    @property
    def bits(self) -> int:
        """Bits of an outcome."""
        return sum(len(table).bit_length() - 1 for table in self.counts)

    def matrices(self) -> list[Array]:
        """Column-stochastic A[read, prepared] of each group; the whole is their Kronecker product, highest first."""
        return [np.asarray(table.T / table.sum(axis=1)) for table in map(np.asarray, self.counts)]

    def matrix(self) -> Array:
        """(2**bits, 2**bits) of all bits."""
        whole: Array = np.ones((1, 1))
        for one in self.matrices():
            whole = np.kron(one, whole)
        return whole


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Mitigated:
    """Probabilities corrected for readout errors."""

    probabilities: Array
    """(2**bits,) not negative, with sum 1: constrained least squares."""
    low: Array
    """(2**bits,) lower ends of intervals for each probability separately, within [0, 1]."""
    high: Array
    """(2**bits,) upper ends."""


def calibrate_readout(
    circuit: QuantumCircuit,
    backend: str | BackendV2,
    *,
    shots: int,
    seed: int | None = 0,
    layout: Sequence[int] | None = None,
    correlated: bool = False,
) -> ReadoutCalibration:
    """Measure the readout errors of a circuit's bits on those qubits of the device that the circuit measures.

    Two circuits (all 0 and all 1) measure the errors of every bit separately; `correlated` prepares all 2ⁿ strings.

    Args:
        circuit: circuit whose counts will be corrected.
        backend: backend that the circuit will run on.
        shots: shots of each calibration circuit.
        seed: seed of a simulator's shots (`circuits.seeds`).
        layout: layout for `circuits.run`.
        correlated: calibrate correlated errors of at most 5 bits.
    """
    places = measured_qubits(circuit, backend, layout=layout)
    bits = len(places)
    highest = MAX_CORRELATED if correlated else MAX_MITIGATED
    require(bits <= highest, "circuit", f"must measure at most {highest} bits", bits)
    prepared = []
    for value in range(2**bits) if correlated else (0, 2**bits - 1):
        prepared.append(QuantumCircuit(bits))
        for bit in [bit for bit in range(bits) if value >> bit & 1]:
            prepared[-1].x(bit)
    layout = None if backend in SIMULATORS else places
    counts = sample("calibrate_readout", prepared, backend, shots=shots, seed=seed, layout=layout)
    if correlated:
        return ReadoutCalibration(counts=[counts])
    tables = []
    for bit in range(bits):
        ones = counts[:, np.arange(2**bits) >> bit & 1 == 1].sum(axis=1)
        tables.append(np.stack([counts.sum(axis=1) - ones, ones], axis=1))
    return ReadoutCalibration(counts=tables)


def mitigate(
    counts: ArrayLike,
    calibration: ReadoutCalibration,
    *,
    level: float = 0.95,
    repeats: int = 400,
    rng: np.random.Generator,
) -> Mitigated:
    """Correct counts for readout errors.

    The probabilities minimise ‖A p − f‖² over p ≥ 0, Σ p = 1: exactly up to 8 bits (`scipy.optimize.nnls`), above that
    by gradients up to a duality gap of 1e-14, with A applied bit by bit. The intervals are centred on A⁻¹ f, which is
    not biased by the constraints. Half their width is z standard errors of a bootstrap that resamples both the counts
    and the calibration, plus ln(2/(1 − level)) R/n for the n shots of the counts and of each bit's calibration, where R
    is the range of the row of A⁻¹. The second term covers probabilities whose outcomes are rare: without readout
    errors, the coverage is at least the level for every probability and number of shots. Cost: O(bits · 2**bits) for
    each draw and each step, a second at 14 bits.

    Args:
        counts: (2**bits,).
        calibration: calibration of these bits.
        level: level of the intervals, in (0, 1).
        repeats: draws of the bootstrap.
        rng: source of randomness of the bootstrap.
    """
    numbers = checked_counts(counts, 2**calibration.bits)
    rule = f"must have at most {MAX_MITIGATED} bits"
    require(calibration.bits <= MAX_MITIGATED, "calibration", rule, calibration.bits)
    z = normal_quantile(level)
    shares = numbers / numbers.sum()
    matrices = calibration.matrices()
    for one in matrices:
        worst = float(np.linalg.cond(one))
        require(worst < 1e6, "calibration", "must have matrices with a condition number below 1e6", worst)
    centre = _solved(matrices, shares)
    total, squares, singular = np.zeros_like(centre), np.zeros_like(centre), False
    for _ in range(integer("repeats", repeats, 2)):
        again = [_drawn_again(np.asarray(table), rng) for table in calibration.counts]
        redrawn = rng.multinomial(int(numbers.sum()), _smoothed(numbers)) / numbers.sum()
        try:
            deviation = _solved(again, redrawn) - centre
        except np.linalg.LinAlgError:  # few calibration shots do not exclude readings without information
            singular = True
            break
        total += deviation
        squares += deviation**2
    scatter = np.sqrt(np.maximum(squares - total**2 / repeats, 0) / (repeats - 1))
    fewest = [numbers.sum(), *(np.sum(table, axis=1).min() for table in calibration.counts)]
    rare = float(np.log(2 / (1 - level))) * sum(1 / shots for shots in fewest)
    half = np.full_like(centre, np.inf) if singular else z * scatter
    half = half + rare * inverse_spread([np.linalg.inv(one) for one in matrices])
    return Mitigated(
        probabilities=_on_the_simplex(calibration, shares),
        low=np.clip(centre - half, 0, 1),
        high=np.clip(centre + half, 0, 1),
    )


def inverse_spread(inverses: Sequence[Array]) -> Array:
    """Range (2**bits,) of each row of the Kronecker product of these matrices, lowest first, without the product."""
    low, high = np.ones(1), np.ones(1)
    for one in inverses:
        ends = [np.multiply.outer(edge, side) for edge in (one.min(axis=1), one.max(axis=1)) for side in (low, high)]
        low, high = np.min(ends, axis=0).ravel(), np.max(ends, axis=0).ravel()
    return np.asarray(high - low)


def _on_the_simplex(calibration: ReadoutCalibration, shares: Array) -> Array:
    """Min ‖A p − f‖ over the simplex."""
    if calibration.bits <= MAX_STORED:
        return by_active_set(calibration.matrix(), shares)
    matrices = calibration.matrices()
    norm = float(np.prod([np.linalg.norm(one, 2) for one in matrices]))
    turned = [one.T for one in matrices]
    return by_gradients(lambda one: _applied(matrices, one), lambda one: _applied(turned, one), norm, shares)


def _applied(matrices: Sequence[Array], vector: Array) -> Array:
    """A p, computed with one small matrix after the other."""
    rest, done = vector, 1
    for one in matrices:
        rest = np.matmul(one, rest.reshape(-1, len(one), done)).reshape(-1)
        done *= len(one)
    return rest


def _solved(matrices: Sequence[Array], shares: Array) -> Array:
    """A⁻¹ f, computed with one small matrix after the other."""
    rest = shares
    done = 1
    for one in matrices:
        size = len(one)
        rest = np.linalg.solve(one, rest.reshape(-1, size, done)).reshape(-1)
        done *= size
    return rest


def _smoothed(counts: Array) -> Array:
    """Shares smoothed as the centre of Wilson's interval, because a bootstrap of zero counts has no spread."""
    return np.asarray((counts + 2 / len(counts)) / (counts.sum() + 2))


def _drawn_again(table: Array, rng: np.random.Generator) -> Array:
    rows = [rng.multinomial(int(row.sum()), _smoothed(row)) / row.sum() for row in table]
    return np.stack(rows, axis=1)
