"""Swap tests and cyclic shifts: exact laws of the circuits, coverage of intervals, refusals."""

import re
from functools import partial

import numpy as np
import pytest

import circuits
from circuits.algorithms import copies
from qimg.operators import purity


def density(d: int, seed: int = 0, rank: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(d, rank or d)) + 1j * rng.normal(size=(d, rank or d))
    rho = root @ root.conj().T
    return rho / np.trace(rho).real


def exact_mean(states: list[np.ndarray], method: str) -> float:
    """The mean outcome of the circuit from its exact law, through the estimator itself."""
    n = len(states[0]).bit_length() - 1
    circuit = copies.permutation_test([circuits.purification_circuit(one) for one in states], n, method=method)
    pure = circuit.remove_final_measurements(inplace=False)
    law = np.abs(circuits.statevectors(pure)[0]) ** 2
    places = {
        circuit.find_bit(one.clbits[0]).index: circuit.find_bit(one.qubits[0]).index
        for one in circuit.data
        if one.operation.name == "measure"
    }
    outcome = sum((np.arange(len(law)) >> qubit & 1) << bit for bit, qubit in places.items())
    counts = np.bincount(outcome, weights=law, minlength=2**circuit.num_clbits) * 1e12
    return copies._trace_estimate(np.rint(counts).astype(np.int64), n, len(states), method, 0.95).value


@pytest.mark.parametrize("method", copies.METHODS)
@pytest.mark.parametrize(("d", "order"), [(2, 2), (2, 3), (2, 4), (2, 5), (4, 2), (4, 3)])
def test_the_shift_gives_the_trace_of_the_product(method, d, order):
    states = [density(d, seed, rank=2) for seed in range(order)]
    product = states[0]
    for one in states[1:]:
        product = product @ one
    # Counts are rounded to 1e-12 of all; the preparations have an infidelity of 1e-12, whose root counts.
    assert exact_mean(states, method) == pytest.approx(np.trace(product).real, abs=1e-6)


@pytest.mark.parametrize("k", [2, 3, 4, 6])
def test_the_basis_diagonalises_the_shift(k):
    basis, exponents = copies.shift_basis(k)
    states = np.arange(2**k)
    shift = np.zeros((2**k, 2**k))
    shift[(states << 1 | states >> (k - 1)) & (2**k - 1), states] = 1
    assert np.abs(basis @ np.diag(np.exp(2j * np.pi * exponents / k)) @ basis.conj().T - shift).max() < 1e-12


@pytest.mark.parametrize(("order", "method"), [(2, "destructive"), (2, "ancilla"), (3, "destructive"), (3, "ancilla")])
def test_intervals_cover_over_seeds(order, method):
    weights = np.array([0.8, 0.2])
    truth = float((weights**order).sum())
    circuit = copies.permutation_test([circuits.purification_circuit(np.diag(weights))] * order, 1, method=method)
    runs = 300
    counts = circuits.run([circuit] * runs, "statevector", shots=150)
    held = [one.low <= truth <= one.high for one in (copies._trace_estimate(c, 1, order, method, 0.95) for c in counts)]
    # The coverage is at least the level; three standard errors below it.
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)


@pytest.mark.parametrize("method", copies.METHODS)
def test_public_functions_estimate_their_quantities(method):
    rho, sigma, vector = density(4, 0), density(4, 1), density(4, 2)[0]
    state = vector / np.linalg.norm(vector)
    options = {"shots": 20_000, "method": method}
    # The intervals cover with 95 %; these streams are fixed.
    for estimate, truth in (
        (circuits.swap_test(rho, sigma, **options), np.trace(rho @ sigma).real),
        (circuits.swap_test(rho, vector, **options), (state.conj() @ rho @ state).real),
        (circuits.purity_from_copies(rho, **options), float(purity(rho))),
        (circuits.trace_power(rho, order=3, **options), np.trace(rho @ rho @ rho).real),
        (circuits.renyi_entropy(rho, order=2, **options), -np.log2(float(purity(rho)))),
    ):
        # Ends of 95 % intervals, widened by their half-widths: about four standard errors.
        half = (estimate.high - estimate.low) / 2
        assert estimate.low - half <= truth <= estimate.high + half
        assert estimate.high - estimate.low < 0.2


def test_the_hadamard_test_keeps_signs_and_phases():
    first, second = density(4, 3)[0], density(4, 4)[1]
    exact = np.vdot(first, second) / np.linalg.norm(first) / np.linalg.norm(second)
    for part, truth in (("real", exact.real), ("imaginary", exact.imag)):
        # Five standard errors of 20 000 shots.
        assert circuits.overlap(first, second, shots=20_000, part=part).value == pytest.approx(truth, abs=5 / 141)
    assert circuits.overlap(first, -np.asarray(first), shots=50).value == -1
    assert circuits.swap_test(first, -np.asarray(first), shots=50).value == 1


def test_refusals_have_the_number_that_works():
    rho = np.diag([0.8, 0.2])
    for order, method in ((2, "destructive"), (3, "destructive"), (3, "ancilla"), (4, "destructive")):
        call = partial(circuits.renyi_entropy, rho, order=order, method=method)
        with pytest.raises(ValueError, match=r"shots must be at least .* but shots=4") as error:
            call(shots=4)
        needed = int(re.search(r"at least (\d+)", str(error.value))[1])
        assert call(shots=20 * needed).high < 1
    with pytest.raises(ValueError, match=re.escape("must need at most 24 qubits together")):
        circuits.trace_power(np.eye(16) / 16, order=4, shots=10)
    with pytest.raises(ValueError, match="order must be an integer of at least 2, but order=1"):
        circuits.trace_power(rho, order=1, shots=10)
    with pytest.raises(ValueError, match="second must have the dimension of first"):
        circuits.swap_test(rho, np.eye(4) / 4, shots=10)
    with pytest.raises(ValueError, match="part must be one of imaginary, real"):
        circuits.overlap([1.0, 0.0], [1.0, 0.0], shots=10, part="both")
    with pytest.raises(ValueError, match="first must not be zero"):
        circuits.overlap([0.0, 0.0], [1.0, 0.0], shots=10)
    with pytest.raises(ValueError, match="method must be one of ancilla, destructive"):
        circuits.swap_test(rho, rho, shots=10, method="swap")
