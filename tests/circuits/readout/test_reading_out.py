"""Tomography, classical shadows, readout mitigation and signs: laws, references by brute force, coverage over seeds."""

import functools

import numpy as np
import pytest
from qiskit.quantum_info import Pauli, random_density_matrix, random_hermitian

import circuits
from circuits.readout.pauli_counts import PauliCounts, setting_populations
from circuits.readout.tomography import MAX_TOMOGRAPHY_QUBITS

EIGENVECTORS = {
    0: np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    1: np.array([[1, 1j], [1, -1j]]) / np.sqrt(2),
    2: np.eye(2),
}


def state(n: int, rank: int = 2, seed: int = 3) -> np.ndarray:
    return random_density_matrix(2**n, rank=rank, seed=seed).data


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvalsh(first - second)).sum() / 2)


def covered(hits: int, trials: int, level: float = 0.95) -> bool:
    """Whether so many hits are as many as an interval of the level has, at five standard errors."""
    return abs(hits / trials - level) <= 5 * np.sqrt(level * (1 - level) / trials)


# --- counts in Pauli bases -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
def test_populations_are_those_of_product_vectors(n):
    rho, bases = state(n), circuits.all_bases(n)
    assert len({tuple(setting) for setting in bases}) == 3**n
    for setting, found in zip(bases, setting_populations(rho, bases), strict=True):
        for outcome in range(2**n):
            vector = functools.reduce(
                lambda low, q: np.kron(EIGENVECTORS[int(setting[q])][outcome >> q & 1], low), range(n), np.ones(1)
            )
            # Sums of at most 64 products of numbers below 1.
            assert found[outcome] == pytest.approx((vector.conj() @ rho @ vector).real, abs=1e-13)


def test_a_circuit_is_measured_in_the_bases_named():
    psi = np.linalg.eigh(state(2, rank=4))[1][:, 1]
    data = circuits.measure_bases(circuits.prepare(psi), circuits.all_bases(2), shots=40_000, seed=1)
    expected = setting_populations(np.outer(psi, psi.conj()), data.bases)
    # Five standard errors of 40 000 shots, the largest being that of p = 1/2.
    assert np.abs(data.counts / 40_000 - expected).max() < 5 * 0.5 / 200
    assert data.shots == 9 * 40_000


@pytest.mark.parametrize("n", [1, 2, 3])
def test_inversion_of_exact_populations_is_exact(n):
    rho, bases = state(n), circuits.all_bases(n)
    counts = np.rint(setting_populations(rho, bases) * 1e12)
    found = circuits.unbiased_state(PauliCounts(bases=bases, counts=counts))
    # Counts are rounded to 1e-12, and a snapshot has entries of at most 2ⁿ.
    np.testing.assert_allclose(found, rho, atol=1e-10)


def test_a_shadow_is_unbiased_and_observables_agree_with_its_matrix():
    rho = state(2)
    rng = np.random.default_rng(0)
    observable = random_hermitian(4, seed=1).data
    means = []
    for _ in range(40):
        bases = rng.integers(0, 3, (300, 2))
        data = circuits.draw_bases(rho, bases, shots=1, rng=rng)
        matrix = circuits.unbiased_state(data)
        found = circuits.observable_interval(data, observable)
        # The same linear map, contracted in another order.
        assert found.value == pytest.approx(np.trace(observable @ matrix).real, abs=1e-10)
        means.append(matrix)
    scatter = np.std(means, axis=0) / np.sqrt(40)
    assert (np.abs(np.mean(means, axis=0) - rho) <= 5 * scatter + 1e-12).all()


def test_shadows_of_circuits_merge_equal_settings():
    data = circuits.measure_shadow(circuits.prepare(np.array([0.6, 0.8])), shots=500, seed=2)
    assert data.pauli_counts().bases.tolist() == [[0], [1], [2]]
    assert data.snapshots == data.pauli_counts().shots == 500
    found = circuits.pauli_interval(data, "Z")
    assert found.low < 0.36 - 0.64 < found.high


@pytest.mark.parametrize("plan", ["complete", "shadow"])
def test_intervals_of_observables_cover(plan):
    rho, observable = state(2), random_hermitian(4, seed=2).data
    wanted = float(np.trace(observable @ rho).real)
    rng, hits, trials = np.random.default_rng(1), 0, 300
    for _ in range(trials):
        bases = circuits.all_bases(2) if plan == "complete" else rng.integers(0, 3, (900, 2))
        data = circuits.draw_bases(rho, bases, shots=100 if plan == "complete" else 1, rng=rng)
        found = circuits.observable_interval(data, observable)
        hits += found.low <= wanted <= found.high
    assert covered(hits, trials)


def test_intervals_of_pauli_strings_cover_with_at_least_the_level():
    rho = state(2, rank=1)
    wanted = {label: float(np.trace(Pauli(label).to_matrix() @ rho).real) for label in ("XZ", "IY", "ZI", "YX")}
    rng, hits, trials = np.random.default_rng(2), 0, 0
    for _ in range(150):
        data = circuits.draw_bases(rho, circuits.all_bases(2), shots=20, rng=rng)
        for label, value in wanted.items():
            found = circuits.pauli_interval(data, label)
            hits += found.low <= value <= found.high
            trials += 1
    assert hits / trials >= 0.95 - 5 * np.sqrt(0.95 * 0.05 / trials)
    assert hits < trials


ZERO, BELL = np.diag([1.0, 0, 0, 0]), np.full((4, 4), 0.0)
BELL[np.ix_([0, 3], [0, 3])] = 0.5


@pytest.mark.parametrize("shots", [1, 2, 10, 300])
@pytest.mark.parametrize("plan", ["complete", "shadow"])
@pytest.mark.parametrize(("rho", "observable"), [(ZERO, np.diag([1, 1, -1, -1])), (BELL, BELL), (state(2), BELL)])
def test_intervals_of_observables_cover_at_the_ends_and_with_few_shots(rho, observable, plan, shots):
    wanted = float(np.trace(observable @ rho).real)
    rng, hits, trials = np.random.default_rng(shots), 0, 40
    for _ in range(trials):
        bases = circuits.all_bases(2) if plan == "complete" else rng.integers(0, 3, (shots, 2))
        data = circuits.draw_bases(rho, bases, shots=shots if plan == "complete" else 1, rng=rng)
        found = circuits.observable_interval(data, observable)
        hits += found.low <= wanted <= found.high
    # The bound is conservative; the observables' values 1 and 1 of the first two states are eigenvalues.
    assert hits >= 0.95 * trials


def test_an_interval_lies_between_the_eigenvalues_and_narrows():
    rho, observable = state(2), random_hermitian(4, seed=2).data
    least, *_, most = np.linalg.eigvalsh(observable)
    rng = np.random.default_rng(0)
    one = circuits.draw_bases(rho, [[0, 2]], shots=1, rng=rng)
    found = circuits.observable_interval(one, observable)
    assert (found.low, found.high) == pytest.approx((least, most), abs=1e-6)
    with pytest.raises(ValueError, match="method must be bernstein for fewer than 100 shots, but method='normal'"):
        circuits.observable_interval(one, observable, method="normal")
    widths = []
    for shots in (10_000, 1_000_000):
        data = circuits.draw_bases(rho, circuits.all_bases(2), shots=shots, rng=rng)
        found = circuits.observable_interval(data, observable)
        normal = circuits.observable_interval(data, observable, method="normal")
        assert found.value == normal.value
        assert normal.high - normal.low < found.high - found.low < 2 * (normal.high - normal.low)
        widths.append(found.high - found.low)
    # √100, but for the term of the range, which falls with 1/n.
    assert widths[0] / widths[1] == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize("shots", [1, 2, 10, 200])
def test_shadows_of_circuits_cover_pauli_strings(shots):
    rng, ghz = np.random.default_rng(0), np.zeros((8, 8))
    ghz[np.ix_([0, 7], [0, 7])] = 0.5
    hits = trials = 0
    for _ in range(100):
        data = circuits.draw_bases(ghz, rng.integers(0, 3, (shots, 3)), shots=1, rng=rng)
        for label, wanted in (("ZII", 0), ("ZZI", 1), ("XXX", 1), ("XYY", -1), ("III", 1)):
            try:
                found = circuits.pauli_interval(data, label)
            except ValueError:  # no shot measures it
                continue
            hits += found.low <= wanted <= found.high
            trials += 1
    # At least the level for "ZII", always for the others, whose values are ends.
    assert hits / trials >= 0.98


# --- density matrices ------------------------------------------------------------------------------------------------


def test_the_nearest_state_is_nearer_than_any_other():
    rng = np.random.default_rng(0)
    matrix = state(2) + 0.3 * random_hermitian(4, seed=1, traceless=True).data
    found = circuits.nearest_state(matrix)
    assert np.linalg.eigvalsh(found)[0] > -1e-14
    assert np.trace(found).real == pytest.approx(1, abs=1e-13)
    for _ in range(200):
        other = random_density_matrix(4, seed=rng).data
        for share in (1.0, 0.01):  # far away, and beside it
            trial = found + share * (other - found)
            assert np.linalg.norm(trial - matrix) >= np.linalg.norm(found - matrix) - 1e-12
    np.testing.assert_allclose(circuits.nearest_state(state(2)), state(2), atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_maximum_likelihood_is_the_maximum(n):
    data = circuits.draw_bases(state(n), circuits.all_bases(n), shots=100, rng=np.random.default_rng(0))
    found = circuits.maximum_likelihood(data)
    assert found.gap <= 0.01
    assert np.linalg.eigvalsh(found.rho)[0] > -1e-12
    for seed in range(30):
        other = random_density_matrix(2**n, seed=seed).data
        for share in (1.0, 0.03):
            populations = setting_populations((1 - share) * found.rho + share * other, data.bases)
            value = float((data.counts * np.log(np.maximum(populations, 1e-300))).sum())
            assert value <= found.log_likelihood + found.gap


def test_both_estimates_come_nearer_with_shots():
    rho = state(3)
    few, many = (
        circuits.draw_bases(rho, circuits.all_bases(3), shots=shots, rng=np.random.default_rng(0))
        for shots in (100, 10_000)
    )
    for estimate in (circuits.projected_inversion, lambda data: circuits.maximum_likelihood(data).rho):
        # A hundred times the shots, a tenth of the distance: half of it leaves room for one draw.
        assert distance(estimate(many), rho) < distance(estimate(few), rho) / 5
    assert distance(circuits.projected_inversion(few), rho) < distance(circuits.unbiased_state(few), rho)


def test_errors_of_entries_are_those_of_repetition():
    # Of full rank, so that the projection changes nothing and the errors are those of the linear inversion.
    rho, bases = 0.5 * state(2) + np.eye(4) / 8, circuits.all_bases(2)
    rng = np.random.default_rng(0)
    repeated = [circuits.projected_inversion(circuits.draw_bases(rho, bases, shots=500, rng=rng)) for _ in range(200)]
    data = circuits.draw_bases(rho, bases, shots=500, rng=rng)
    real, imaginary = circuits.entry_errors(data, circuits.projected_inversion(data), repeats=200, rng=rng)
    upper = np.triu_indices(4, 1)
    # Two standard deviations of 200 draws each: 5 % each, 7 % together; 4 of these.
    np.testing.assert_allclose(real, np.std(np.real(repeated), axis=0, ddof=1), rtol=0.28)
    np.testing.assert_allclose(imaginary[upper], np.std(np.imag(repeated), axis=0, ddof=1)[upper], rtol=0.28)


# --- readout errors --------------------------------------------------------------------------------------------------

MISREAD = [np.array([[0.97, 0.08], [0.03, 0.92]]), np.array([[0.95, 0.02], [0.05, 0.98]])]
"""A[read, prepared] of bit 0 and of bit 1."""


def calibration(rng: np.random.Generator, shots: int = 4000) -> circuits.ReadoutCalibration:
    return circuits.ReadoutCalibration(
        counts=[np.stack([rng.multinomial(shots, one[:, k]) for k in (0, 1)]) for one in MISREAD]
    )


def test_mitigated_probabilities_are_covered():
    rng, wanted = np.random.default_rng(0), np.array([0.1, 0.2, 0.3, 0.4])
    read = np.kron(MISREAD[1], MISREAD[0]) @ wanted
    hits = trials = 0
    errors = []
    for _ in range(150):
        found = circuits.mitigate(rng.multinomial(3000, read), calibration(rng), repeats=100, rng=rng)
        hits += int(((found.low <= wanted) & (wanted <= found.high)).sum())
        trials += 4
        errors.append(np.abs(found.probabilities - wanted).max())
        assert found.probabilities.min() >= 0
        assert found.probabilities.sum() == pytest.approx(1)
    # The four outcomes of a run depend on each other, so a run counts as one trial; an error from 100 draws is itself
    # uncertain by 7 %, which takes about a percent.
    assert abs(hits / trials - 0.95) <= 4 * np.sqrt(0.05 * 0.95 / 150) + 0.01
    assert np.mean(errors) < np.abs(read - wanted).max()


@pytest.mark.parametrize(("shots", "calibrated"), [(1, 20), (2, 20), (10, 20), (30, 200), (1000, 200)])
@pytest.mark.parametrize("wanted", [[1.0, 0, 0, 0], [0.97, 0.01, 0.01, 0.01]])
def test_rare_mitigated_probabilities_are_covered(wanted, shots, calibrated):
    rng = np.random.default_rng(shots)
    read = np.kron(MISREAD[1], MISREAD[0]) @ wanted
    held = []
    for _ in range(40):
        found = circuits.mitigate(rng.multinomial(shots, read), calibration(rng, calibrated), repeats=40, rng=rng)
        held.append((found.low <= wanted) & (wanted <= found.high))
    assert np.mean(held) >= 0.95


def test_calibrations_without_information_give_whole_intervals():
    few = circuits.ReadoutCalibration(counts=[np.array([[2, 1], [1, 2]])])
    found = circuits.mitigate([3, 1], few, rng=np.random.default_rng(0))
    assert (found.low.tolist(), found.high.tolist()) == ([0, 0], [1, 1])


def test_exact_readings_come_back_exactly():
    exact = circuits.ReadoutCalibration(counts=[np.rint(one.T * 10_000) for one in MISREAD])
    np.testing.assert_allclose(exact.matrix(), np.kron(MISREAD[1], MISREAD[0]), atol=1e-15)
    wanted = np.array([0.0, 0.25, 0.0, 0.75])
    counts = np.kron(MISREAD[1], MISREAD[0]) @ wanted * 1e8
    found = circuits.mitigate(counts, exact, rng=np.random.default_rng(0))
    np.testing.assert_allclose(found.probabilities, wanted, atol=1e-9)


@pytest.mark.parametrize("correlated", [False, True])
def test_a_devices_readout_is_calibrated_where_it_is_read(correlated):
    device = circuits.backend("generic", n_qubits=6, seed=3)
    circuit = circuits.prepare(np.sqrt([0.5, 0.1, 0.1, 0.3]))
    layout = [4, 1]
    assert circuits.measured_qubits(circuit, device, layout=layout) == (4, 1)
    found = circuits.calibrate_readout(circuit, device, shots=40_000, seed=1, layout=layout, correlated=correlated)
    errors = [device.target["measure"][(qubit,)].error for qubit in layout]
    expected = (1 - errors[0]) * (1 - errors[1])
    # Both mean misreadings are the backend's error; five standard errors of 40 000 shots of 2 %.
    assert np.diagonal(found.matrix()).mean() == pytest.approx(expected, abs=5 * np.sqrt(0.02 / 40_000))


# --- signs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_signs_by_interference(seed):
    rng = np.random.default_rng(seed)
    wanted = rng.normal(size=16)
    wanted /= np.linalg.norm(wanted)
    found = circuits.signed_amplitudes(circuits.measure_interference(circuits.prepare(wanted), shots=20_000, seed=seed))
    wanted *= np.sign(wanted[np.argmax(found.amplitudes)])
    # Moduli have the standard error 1/(2√shots) = 0.0035; a wrong sign costs twice the amplitude.
    assert np.abs(found.amplitudes - wanted).max() < 5 * 0.0036
    assert found.weakest > 2


def test_groups_without_an_edge_are_refused():
    ghz = np.zeros(8)
    ghz[[0, 7]] = np.sqrt(0.5), -np.sqrt(0.5)
    counts = circuits.measure_interference(circuits.prepare(ghz), shots=1000, seed=0)
    with pytest.raises(ValueError, match=r"counts must have outcomes .* only 1 of 2 outcomes are connected"):
        circuits.signed_amplitudes(counts)


def interference_counts(state: np.ndarray, shots: int, rng: np.random.Generator) -> np.ndarray:
    """Counts of the settings of `measure_interference`, without a circuit."""
    n = len(state).bit_length() - 1
    mixed = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    turned = [np.einsum("ab,xby->xay", mixed, state.reshape(-1, 2, 2**bit)).ravel() for bit in range(n)]
    weights = np.array([state, *turned]) ** 2
    return rng.multinomial(shots, weights / weights.sum(axis=1, keepdims=True))


def test_weak_amplitudes_without_an_edge_are_dropped_and_their_share_is_returned():
    wanted = np.zeros(8)
    wanted[[0, 1, 7]] = np.sqrt(0.7), -np.sqrt(0.296), np.sqrt(0.004)
    counts = interference_counts(wanted, 100_000, np.random.default_rng(0))
    found = circuits.signed_amplitudes(counts)
    assert found.dropped == counts[0, 7] / 100_000
    assert found.amplitudes[7] == 0
    np.testing.assert_allclose(found.amplitudes[:7], wanted[:7], atol=0.01)
    assert np.linalg.norm(found.amplitudes) ** 2 == pytest.approx(1 - found.dropped)
    assert np.isfinite(found.weakest)
    with pytest.raises(ValueError, match=r"only 2 of 3 outcomes are connected, and the signs of the others, with 0\.4"):
        circuits.signed_amplitudes(counts, droppable=0.001)


@pytest.mark.parametrize("seed", range(8))
def test_coefficients_of_smooth_patches_have_signs(seed):
    rng = np.random.default_rng(seed)
    patch = 120 + 10 * rng.normal() * np.add.outer(np.arange(8), 0.3 * np.arange(8)) / 8 + rng.normal(size=(8, 8))
    wanted = circuits.transform_unitary("dct_2d", 6) @ (patch.ravel() / np.linalg.norm(patch))
    found = circuits.signed_amplitudes(interference_counts(wanted, 100_000, rng))
    assert found.dropped < 0.01
    # Each of 64 amplitudes errs by 1/(2 √shots) at most; dropped ones by their modulus.
    assert np.linalg.norm(found.amplitudes - wanted) ** 2 < 4 * (64 / 4e5 + found.dropped)


def test_a_reference_tells_all_signs_and_its_errors_are_true():
    rng = np.random.default_rng(0)
    wanted = np.linalg.qr(rng.normal(size=(8, 8)))[0][:, 0]
    reference = np.full(8, 8**-0.5)
    circuit = circuits.prepare(circuits.reference_state(wanted, reference))
    circuit.h(3)
    weights = np.abs(circuits.statevectors(circuit)[0]) ** 2
    hits = 0
    for _ in range(200):
        values, errors = circuits.signed_by_reference(rng.multinomial(2000, weights / weights.sum()), reference)
        hits += int((np.abs(values - wanted) <= 1.96 * errors).sum())
    # Within a run the outcomes are nearly independent: 1600 trials, of which a few hundred count surely.
    assert abs(hits / 1600 - 0.95) <= 4 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PauliCounts(bases=[[3]], counts=[[1, 2]]), "bases must hold 0, 1 and 2"),
        (lambda: PauliCounts(bases=[[True]], counts=[[1, 2]]), "bases must hold 0, 1 and 2 .* not booleans"),
        (
            lambda: PauliCounts(bases=np.ma.masked_array([[2]], mask=True), counts=[[1, 2]]),
            "bases must not have masked elements",
        ),
        (
            lambda: circuits.draw_bases(np.eye(2) / 2, [[7]], shots=1, rng=np.random.default_rng(0)),
            r"bases must hold 0, 1 and 2 for X, Y and Z, but bases=array\(\[7\]\)",
        ),
        (
            lambda: circuits.ReadoutCalibration(counts=[np.ma.masked_array(np.eye(2), mask=np.eye(2))]),
            "counts must not have masked elements",
        ),
        (
            lambda: circuits.ReadoutCalibration(counts=[[[2, -1], [0, 1]]]),
            "counts must have shots in every row and not",
        ),
        (lambda: circuits.ReadoutCalibration(counts=[np.eye(3)]), r"counts must have shape \(2\*\*k, 2\*\*k\)"),
        (lambda: PauliCounts(bases=[[0, 1]], counts=[[1, 2]]), r"counts must have shape \(1, 4\)"),
        (lambda: PauliCounts(bases=[[0]], counts=[[0, 0]]), "counts must not be negative nor all zero"),
        (lambda: circuits.all_bases(9), r"n_qubits must be in \[1, 8\]"),
        (lambda: circuits.nearest_state(np.eye(2)), "matrix must have trace 1"),
        (
            lambda: circuits.maximum_likelihood(
                PauliCounts(bases=np.zeros((1, MAX_TOMOGRAPHY_QUBITS + 1), int), counts=np.ones((1, 32)))
            ),
            "data must have at most 4 qubits for tomography, but data=5",
        ),
        (
            lambda: circuits.pauli_interval(PauliCounts(bases=[[0]], counts=[[1, 1]]), "Z"),
            "data must have a shot that measures Z",
        ),
        (
            lambda: circuits.pauli_interval(PauliCounts(bases=[[0]], counts=[[1, 1]]), "ZZ"),
            "label must have 1 letters of I, X, Y, Z, but label='ZZ'",
        ),
        (lambda: circuits.reference_state([1.0, 1.0], [1.0, 0.0]), "amplitudes must have norm 1"),
        (lambda: circuits.signed_by_reference(np.ones(4), [1.0, 0.0]), "reference must not vanish anywhere"),
        (lambda: circuits.signed_amplitudes(np.ones((3, 2))), r"counts must have shape \(n \+ 1, 2\*\*n\)"),
        (
            lambda: circuits.mitigate(
                [1, 2, 3, 4], circuits.ReadoutCalibration(counts=[np.eye(2)]), rng=np.random.default_rng(0)
            ),
            r"counts must have shape \(2,\), but has shape \(4,\)",
        ),
        (
            lambda: circuits.mitigate(
                [1, 2], circuits.ReadoutCalibration(counts=[np.ones((2, 2))]), rng=np.random.default_rng(0)
            ),
            "calibration must have matrices with a condition number below 1e6",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
