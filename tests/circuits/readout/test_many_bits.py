"""Mitigation of many bits: the two solutions agree, the observed subspace agrees with all outcomes, intervals cover."""

import numpy as np
import pytest

import circuits
from circuits.readout.mitigation import inverse_spread
from circuits.readout.simplex import by_active_set, by_gradients, nearest_distribution

ERROR = np.array([[0.95, 0.08], [0.05, 0.92]])


def calibration(bits: int, rng: np.random.Generator | None = None, shots: int = 4000) -> circuits.ReadoutCalibration:
    tables = [
        np.rint(1e9 * ERROR.T) if rng is None else np.stack([rng.multinomial(shots, ERROR[:, k]) for k in (0, 1)])
        for _ in range(bits)
    ]
    return circuits.ReadoutCalibration(counts=tables)


def sparse(bits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A distribution over a few outcomes, and what is read of it."""
    rng = np.random.default_rng(seed)
    wanted = np.zeros(2**bits)
    wanted[rng.permutation(2**bits)[:6]] = rng.dirichlet(np.ones(6))
    read = wanted
    for bit in range(bits):
        read = np.einsum("ij,ajb->aib", ERROR, read.reshape(-1, 2, 2**bit)).ravel()
    return wanted, read


@pytest.mark.parametrize("seed", range(4))
def test_gradients_reach_the_minimum_of_the_active_set(seed):
    rng = np.random.default_rng(seed)
    matrix = calibration(5).matrix()
    shares = rng.dirichlet(np.full(32, 0.2))
    found = by_gradients(lambda p: matrix @ p, lambda r: matrix.T @ r, np.linalg.norm(matrix, 2), shares)
    # ‖A (p − p*)‖² is at most 2e-14, and the smallest singular value of A is about 0.87⁵ = 0.5.
    np.testing.assert_allclose(found, by_active_set(matrix, shares), atol=3e-7)


def test_the_nearest_distribution_has_its_conditions():
    values = np.random.default_rng(0).normal(size=50)
    found = nearest_distribution(values)
    assert found.sum() == pytest.approx(1)
    moved = values - found
    # Kuhn and Tucker: one multiplier where the entry is positive, a smaller difference where it is zero.
    assert np.ptp(moved[found > 0]) < 1e-12
    assert (moved[found == 0] <= moved[found > 0].max() + 1e-12).all()


def test_ranges_of_rows_are_those_of_the_whole_inverse():
    whole = calibration(4, np.random.default_rng(1), shots=50)
    inverses = [np.linalg.inv(one) for one in whole.matrices()]
    np.testing.assert_allclose(inverse_spread(inverses), np.ptp(np.linalg.inv(whole.matrix()), axis=1), rtol=1e-10)


def test_twelve_bits_come_back():
    wanted, read = sparse(12, seed=2)
    found = circuits.mitigate(read * 1e8, calibration(12), repeats=2, rng=np.random.default_rng(0))
    # Counts are shares times 1e8; the gap of 1e-14 allows 1.4e-7 over the smallest singular value, 0.87¹² = 0.19.
    np.testing.assert_allclose(found.probabilities, wanted, atol=1e-6)
    assert ((found.low <= wanted + 1e-12) & (wanted <= found.high + 1e-12)).all()


def test_the_subspace_of_all_outcomes_is_the_whole():
    rng = np.random.default_rng(3)
    counts = rng.multinomial(5000, rng.dirichlet(np.ones(16)))
    assert counts.min() > 0
    known = calibration(4, rng)
    found = circuits.mitigate_observed({k: int(number) for k, number in enumerate(counts)}, known)
    # GMRES ends at a relative residual of 1e-10, and the condition number of A is below 2.
    np.testing.assert_allclose(found.quasi, np.linalg.solve(known.matrix(), counts / 5000), atol=1e-8)
    boot = circuits.mitigate(counts, known, repeats=3000, rng=rng)
    inside = (found.low > 0) & (found.high < 1)
    # The bootstrap's standard errors from 3000 draws are uncertain by 1.3 %.
    np.testing.assert_allclose((found.high - found.low)[inside], (boot.high - boot.low)[inside], rtol=0.06)


@pytest.mark.parametrize("correlated", [False, True])
def test_observed_probabilities_are_covered(correlated):
    bits, rng, held = 12, np.random.default_rng(4), []
    wanted, read = sparse(bits, seed=5)
    for _ in range(25):
        known = calibration(bits, rng, shots=2000)
        if correlated:  # two bits in one table
            pair = np.kron(ERROR, ERROR)
            table = np.stack([rng.multinomial(2000, pair[:, k]) for k in range(4)])
            known = circuits.ReadoutCalibration(counts=[table, *known.counts[2:]])
        counts = rng.multinomial(800, read / read.sum())
        found = circuits.mitigate_observed({int(k): int(counts[k]) for k in np.flatnonzero(counts)}, known)
        assert found.probabilities.sum() == pytest.approx(1)
        assert found.quasi.sum() == pytest.approx(1, abs=1e-8)
        held += list((found.low <= wanted[found.outcomes]) & (wanted[found.outcomes] <= found.high))
    assert np.mean(held) >= 0.95  # most outcomes are rare, so that the term for them dominates


def test_quasi_probabilities_are_those_of_mthree():
    mthree = pytest.importorskip("mthree", reason="mthree, the program of the method, is not installed")
    bits, rng = 12, np.random.default_rng(7)
    counts = rng.multinomial(3000, sparse(bits, seed=7)[1])
    table = {format(int(k), f"0{bits}b"): int(counts[k]) for k in np.flatnonzero(counts)}
    found = circuits.mitigate_observed(table, calibration(bits))
    peer = mthree.M3Mitigation()
    peer.single_qubit_cals, peer.num_qubits = [ERROR] * bits, bits
    quasi = peer.apply_correction(table, list(range(bits)), distance=bits, method="direct")
    nearest = quasi.nearest_probability_distribution()
    labels = [format(one, f"0{bits}b") for one in found.outcomes.tolist()]
    # mthree computes with single precision, and the condition number of A is (1/0.87)¹² = 5.
    np.testing.assert_allclose(found.quasi, [quasi[one] for one in labels], atol=2e-6)
    np.testing.assert_allclose(found.probabilities, [nearest.get(one, 0.0) for one in labels], atol=2e-6)


def test_forty_bits():
    rng = np.random.default_rng(6)
    target = int("10" * 20, 2)
    flips = np.where(np.array([target >> k & 1 for k in range(40)]), ERROR[0, 1], ERROR[1, 0])
    shots = (rng.random((600, 40)) < flips) @ (1 << np.arange(40))
    outcomes, numbers = np.unique(target ^ shots.astype(np.int64), return_counts=True)
    counts = {format(one, "040b"): int(number) for one, number in zip(outcomes.tolist(), numbers, strict=True)}
    found = circuits.mitigate_observed(counts, calibration(40))
    best = int(np.argmax(found.probabilities))
    assert found.outcomes[best] == target
    assert found.low[best] <= 1 <= found.high[best] + 1e-12
    # Read alone, the target has (0.95 · 0.92)²⁰ = 7 % of the shots.
    assert found.probabilities[best] > 0.3


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="counts must be counts by outcome"):
        circuits.mitigate_observed([1, 2], calibration(1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="counts must have outcomes of 2 bits, but counts=4"):
        circuits.mitigate_observed({4: 1}, calibration(2))
    with pytest.raises(ValueError, match="calibration must have at most 20 bits"):
        circuits.mitigate(np.ones(2**21), calibration(21), rng=np.random.default_rng(0))
