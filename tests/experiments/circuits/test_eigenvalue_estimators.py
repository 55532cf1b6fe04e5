"""Estimators of the quantum PCA experiment: their laws, their costs, and what is computed from their rows."""

import dataclasses
import math

import numpy as np
import pytest

import circuits
from experiments.circuits import copies_and_entropies, eigenvalue_estimators, quantum_pca
from experiments.circuits.attempts import attempts
from qimg.core import require, spelled_as
from qimg.operators import CorrelationOperator

PATCHES = np.random.default_rng(0).normal(size=(500, 4)) * [3.0, 1.5, 1.0, 0.5]
RHO = CorrelationOperator.from_patches(PATCHES).density_matrix()
SPECTRUM = np.linalg.eigvalsh(RHO)[::-1]


def test_the_eigenbasis_reaches_the_bound():
    copies, runs = 1000, 2000
    estimator = eigenvalue_estimators.in_eigenbasis("eigenbasis", SPECTRUM, copies=copies)
    estimates = np.array([estimator.one(seed)[0] for seed in range(runs)])
    relative = np.sqrt(np.mean((estimates / SPECTRUM - 1) ** 2, axis=0))
    # The standard error of a root mean square over 2000 runs is 1.6 %; four of them.
    assert relative == pytest.approx(np.sqrt((1 - SPECTRUM) / (SPECTRUM * copies)), rel=0.065)


def test_all_patches_are_exact_and_the_mixed_state_is_one_over_d():
    exact = eigenvalue_estimators.by_patches("all", PATCHES, SPECTRUM, count=None)
    assert exact.one(0)[0] == pytest.approx(SPECTRUM, abs=1e-12)
    assert (exact.copies, exact.flops) == (0, 2 * 500 * 16 + 4 * 64 // 3)
    assert eigenvalue_estimators.maximally_mixed("mixed", 4).one(0)[0].tolist() == [0.25] * 4
    silent = eigenvalue_estimators.by_patches("patches", np.zeros((3, 4)), SPECTRUM, count=2)
    assert silent.one(0)[0].tolist() == [0.25] * 4


@pytest.mark.parametrize("count", [100, 10_000])
def test_shadows_and_drawn_patches_come_closer_with_copies(count):
    for estimator in (
        eigenvalue_estimators.by_shadow("shadow", RHO, copies=count),
        eigenvalue_estimators.by_patches("patches", PATCHES, SPECTRUM, count=count),
    ):
        errors = [estimator.one(seed)[0][0] - SPECTRUM[0] for seed in range(10)]
        # The largest eigenvalue of a mean of unbiased matrices deviates by a few of their standard errors, 1/√copies.
        assert np.sqrt(np.mean(np.square(errors))) < 5 / math.sqrt(count)


def test_the_costs_of_swaps_are_those_of_their_results():
    estimator = eigenvalue_estimators.by_swaps("swaps", RHO, components=1, stages=3, shots=1000)
    result = circuits.quantum_pca(RHO, stages=3, shots=1000, ancillas=2)
    assert (estimator.copies, estimator.shots) == (result.copies, result.shots)
    assert estimator.cx == (result.copies - result.shots) * result.cost.cx
    values, low, high = estimator.one(0)
    assert values == pytest.approx(result.eigenvalues)
    assert (low < values).all()
    assert (values < high).all()
    register = eigenvalue_estimators.by_register("register", RHO, ancillas=2)
    assert register.copies == 15 * (3 * 32 + 1)
    assert register.one(3)[0][0] in circuits.phase_register(RHO, ancillas=2, swaps=32).eigenvalues


def test_refusals_are_counted_and_other_errors_raised():
    def one(seed):
        if seed % 2:
            require(False, "shots", "must be at least 10 for something", 1)
        return seed

    with spelled_as({"shots": "--shots"}):  # as the command does
        runs = attempts(one, range(5))
    assert (runs.results, runs.refused) == ([0, 2, 4], 2)
    assert math.isnan(attempts(one, [1]).seconds)
    with pytest.raises(ZeroDivisionError):
        attempts(lambda seed: 1 // seed, [0])


def rows(exponent: float) -> list[quantum_pca.Row]:
    one = quantum_pca.Row(
        image="a",
        patch=4,
        method=quantum_pca.SWAPS,
        component=1,
        eigenvalue=0.5,
        copies=1,
        shots=1,
        cx=1,
        flops=0,
        runs=100,
        refused=0,
        relative_error=0.1,
        bound=0.1,
        covered=0.9,
        run_seconds=1.0,
    )
    return [
        dataclasses.replace(one, image=name, copies=n, relative_error=factor * n ** (-1 / exponent), covered=covered)
        for name, factor, covered in (("a", 1.0, 0.9), ("b", 3.0, 1.0))
        for n in (10, 100, 1000)
    ]


def test_the_exponent_and_the_coverage_of_rows():
    assert quantum_pca.exponent(rows(2.5), quantum_pca.SWAPS) == pytest.approx((2.5, 0.0), abs=1e-9)
    assert quantum_pca.coverage(rows(2)) == pytest.approx((0.95, np.sqrt(0.95 * 0.05 / 600), 600))
    assert np.isnan(quantum_pca.exponent(rows(-2), quantum_pca.SWAPS)).all()
    assert np.isnan(quantum_pca.exponent([], quantum_pca.SWAPS)).all()
    assert quantum_pca.coverage([])[2] == 0


@pytest.mark.parametrize("order", [2, 3])
def test_entropies_of_shadows_and_of_patches_come_near(order):
    exact = copies_and_entropies._entropy(SPECTRUM, order)
    shadow = copies_and_entropies._by_shadow(RHO, order, 100_000, 0).value
    drawn = copies_and_entropies._by_patches(PATCHES, order, 100_000, 0).value
    # Standard errors of tr ρᵏ are below k·4/√100000, of the entropy with tr ρᵏ > 0.25 four times as much over ln 2.
    assert shadow == pytest.approx(exact, abs=0.2)
    assert drawn == pytest.approx(exact, abs=0.05)
    assert copies_and_entropies._by_patches(np.zeros((3, 4)), order, 5, 0).value == pytest.approx(2)
