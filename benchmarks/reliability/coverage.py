"""Share of runs in which each interval of `circuits` holds the true value, and independence of seeded runs.

Intervals of probabilities are summed exactly over the binomial law; the others are drawn over seeds.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Pauli, random_hermitian
from scipy import stats

import circuits
from benchmarks.records import rows_of
from circuits.readout.pauli_counts import LEAST_FOR_NORMAL
from experiments._results.measurements import Measurement
from qimg.core import Array

LEVEL = 0.95
SHOTS = (1, 2, 10, 100, 1000)
_SMALL = np.geomspace(1e-6, 0.5, 400)
PROBABILITIES = np.concatenate([[0.0], _SMALL, 1 - _SMALL[::-1], [1.0]])
"""True values, both ends included; dense near the ends, where normal approximations fail."""

GRAY = np.array([[0, 255, 7], [128, 64, 255], [1, 254, 200]], np.uint8)
COLOUR = np.array([[[0, 255, 9], [255, 255, 255]], [[0, 0, 0], [77, 128, 200]], [[1, 2, 3], [250, 0, 0]]], np.uint8)


def binomial_coverage(method: str, trials: int, probabilities: Array) -> Array:
    """Exact probability that the interval of a binomial count holds its own p."""
    k = np.arange(trials + 1)
    low, high = circuits.probability_interval(k, trials, level=LEVEL, method=method)
    holds = (low[:, None] <= probabilities) & (probabilities <= high[:, None])
    return np.asarray((stats.binom.pmf(k[:, None], trials, probabilities) * holds).sum(axis=0))


def _probabilities(numbers: Sequence[int]) -> Iterator[Measurement]:
    for method in ("clopper-pearson", "wilson"):
        for trials in numbers:
            covered = binomial_coverage(method, trials, PROBABILITIES)
            even = binomial_coverage(method, trials, np.linspace(0, 1, 2001))
            values = {
                "smallest over p, %": 100 * covered.min(),
                "mean over p, %": 100 * even.mean(),
                "p = 0 and p = 1, %": 100 * covered[[0, -1]].min(),
            }
            yield from rows_of("coverage_of_probabilities", f"{method}, {trials} trials", values)


def _drawn(
    what: str, shots: int, runs: int, holds: Callable[[np.random.Generator, int], Array]
) -> Iterator[Measurement]:
    """Rows of the coverage over seeds of `holds(rng, shots)`."""
    held = np.array([np.ravel(holds(np.random.default_rng([seed, shots]), shots)) for seed in range(runs)])
    yield from _covered(f"{what}, {shots} shots", held)


def _covered(case: str, held: Array) -> Iterator[Measurement]:
    """Rows of the coverage of all values, (runs, ...), and of the one that is covered least."""
    values = {
        "tried": held.size,
        "covered, %": 100 * held.mean(),
        "least covered value, %": 100 * held.mean(axis=0).min(),
    }
    yield from rows_of("coverage_over_seeds", case, values)


def _pixels(runs: int, numbers: Sequence[int]) -> Iterator[Measurement]:
    for name, representation in circuits.REPRESENTATIONS.items():
        picture: Array = COLOUR if 1 not in representation.channels else GRAY
        if representation.takes_kept:
            picture = np.tile(GRAY, (3, 3))[:8, :8].astype(float)
        encoded = circuits.encode_image(picture, name, kept=16 if representation.takes_kept else None)
        state = circuits.image_state(encoded)
        weights, wanted = state**2 / (state**2).sum(), np.abs(circuits.decode_state(encoded, state))
        for shots in numbers:
            yield from _drawn(name, shots, runs, partial(_pixels_hold, encoded, weights, wanted))


def _pixels_hold(
    encoded: circuits.EncodedImage, weights: Array, wanted: Array, rng: np.random.Generator, shots: int
) -> Array:
    low, high = circuits.decode_intervals(encoded, rng.multinomial(shots, weights))
    return np.asarray((low <= wanted) & (wanted <= high))


def _observables(runs: int, numbers: Sequence[int]) -> Iterator[Measurement]:
    zero, ghz = np.zeros((8, 8)), np.zeros((8, 8))
    zero[0, 0] = 1
    ghz[np.ix_([0, 7], [0, 7])] = 0.5
    observables = (Pauli("ZII").to_matrix(), ghz, random_hermitian(8, seed=1).data)

    def holds(method: str, rng: np.random.Generator, shots: int) -> Array:
        covered = []
        for rho in (zero, ghz):
            data = circuits.draw_bases(rho, rng.integers(0, 3, (shots, 3)), shots=1, rng=rng)
            for matrix in observables:
                found = circuits.observable_interval(data, matrix, method=method)
                covered.append(found.low <= float(np.trace(matrix @ rho).real) <= found.high)
        return np.array(covered)

    def holds_pauli(rng: np.random.Generator, shots: int) -> Array:
        data = circuits.draw_bases(ghz, circuits.all_bases(3), shots=shots, rng=rng)
        wanted = {"ZII": 0, "ZZI": 1, "XXX": 1, "XYY": -1, "III": 1, "IXY": 0}
        found = {label: circuits.pauli_interval(data, label) for label in wanted}
        return np.array([one.low <= wanted[label] <= one.high for label, one in found.items()])

    for method in ("bernstein", "normal"):
        for shots in (one for one in numbers if method == "bernstein" or one >= LEAST_FOR_NORMAL):
            yield from _drawn(f"observables of a shadow, {method}", shots, runs, partial(holds, method))
    for shots in numbers:
        yield from _drawn("Pauli strings in all bases", shots, runs, holds_pauli)


def _shadows_of_circuits(runs: int) -> Iterator[Measurement]:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(0, 2)
    held = []
    for seed in range(runs):
        found = circuits.pauli_interval(circuits.measure_shadow(circuit, shots=300, seed=seed), "ZII")
        held.append(found.low <= 0 <= found.high)
    yield from _covered("ZII of a measured shadow, 300 shots", np.array(held))


def _mitigated(runs: int, numbers: Sequence[int]) -> Iterator[Measurement]:
    for error in (0.0, 0.001, 0.05):
        misread = np.array([[1 - error, error], [error, 1 - error]])
        for shots in numbers:
            what = f"mitigated probabilities, {error:.1%} misread"
            yield from _drawn(what, shots, runs, partial(_mitigated_hold, misread))


def _mitigated_hold(misread: Array, rng: np.random.Generator, shots: int) -> Array:
    tables = [np.stack([rng.multinomial(200, column) for column in misread.T]) for _ in range(2)]
    calibration, covered = circuits.ReadoutCalibration(counts=tables), []
    for wanted in ([1.0, 0, 0, 0], [0.97, 0.01, 0.01, 0.01], [0.4, 0.3, 0.2, 0.1]):
        counts = rng.multinomial(shots, np.kron(misread, misread) @ wanted)
        found = circuits.mitigate(counts, calibration, repeats=60, rng=rng)
        covered.append((found.low <= wanted) & (wanted <= found.high))
    return np.array(covered)


def _independence(runs: int) -> Iterator[Measurement]:
    """Correlations of the counts of runs that differ in one thing, over seeds."""
    circuit = QuantumCircuit(3)
    circuit.ry(np.pi / 2, range(3))
    other = QuantumCircuit(3)
    other.ry(np.pi / 2 + 1e-3, range(3))
    pairs: dict[str, Callable[[int], Array]] = {
        "equal circuits": lambda seed: circuits.run([circuit] * 2, shots=500, seed=seed),
        "numbers of shots": lambda seed: circuits.run([circuit] * 2, shots=[500, 501], seed=seed),
        "circuits": lambda seed: np.vstack([circuits.run(one, shots=500, seed=seed) for one in (circuit, other)]),
        "seeds": lambda seed: np.vstack([circuits.run(circuit, shots=500, seed=2 * seed + k) for k in (0, 1)]),
        "bases": lambda seed: circuits.measure_bases(circuit, [[2] * 3, [1] * 3], shots=500, seed=seed).counts,
        "functions": lambda seed: np.vstack(
            [
                circuits.run(circuit, shots=500, seed=seed),
                circuits.measure_bases(circuit, [[2] * 3], shots=500, seed=seed).counts,
            ]
        ),
    }
    for what, pair in pairs.items():
        first, second = np.moveaxis([pair(seed) for seed in range(runs)], 1, 0)
        one, two = ((rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9) for rows in (first, second))
        values = {"tried": runs, "mean correlation of the counts": float((one * two).mean())}
        yield from rows_of("independence", f"other {what}", values)


def measure(runs: int = 400, *, shots: Sequence[int] = SHOTS) -> list[Measurement]:
    """Coverage of all intervals at their ends and inside, and correlations of runs.

    Args:
        runs: seeds of each case; slow ones have half or a quarter.
        shots: numbers of shots.
    """
    half, quarter = max(runs // 2, 2), max(runs // 4, 2)
    rows = [*_probabilities(shots), *_pixels(runs, shots), *_observables(half, shots), *_mitigated(quarter, shots)]
    return [*rows, *_shadows_of_circuits(quarter), *_independence(quarter)]
