"""Denoising as a transformation: the weighted polynomials, the noisy effects, and the tables on made-up rows."""

from dataclasses import replace

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator

import circuits
from experiments.circuits import unitary_denoising, wiener_circuits
from experiments.circuits.denoising_rows import EMPTY, GATES, MATRIX, NOISY, SHOTS
from experiments.circuits.denoising_tables import least_steps
from experiments.circuits.wiener_circuits import INTERVAL, ODD, SPECTRUM, UNWEIGHTED


def noisy_patches(size: int, sigma: float, count: int) -> np.ndarray:
    """Gaussian patches with the prior's moments, and white noise."""
    rng = np.random.default_rng(0)
    values, basis = np.linalg.eigh(wiener_circuits.second_moments(size))
    return rng.normal(size=(count, size**2)) * np.sqrt(np.maximum(values, 0) + sigma**2) @ basis.T


def test_moments_of_small_patches_are_those_of_the_quadrants() -> None:
    """Of level-shifted patches with the moments of the prior, cut in four."""
    values, basis = np.linalg.eigh(wiener_circuits.second_moments(8))
    patches = (np.sqrt(64 * np.maximum(values, 0)) * basis).T.reshape(64, 2, 4, 2, 4)  # Σ x xᵀ / 64 is exact
    quadrants = patches.transpose(0, 1, 3, 2, 4).reshape(-1, 16)
    moments = quadrants.T @ quadrants / len(quadrants)
    np.testing.assert_allclose(wiener_circuits.second_moments(4), moments, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("sigma", [10.0, 25.0])
def test_weights_bound_the_added_error_of_the_spectrum(sigma: float) -> None:
    """The weighted minimax polynomial has the least largest weighted error, and fewer added squares than the others."""
    spectrum = wiener_circuits.eigenvalues(8)
    weights = np.sqrt(spectrum + sigma**2)
    exact = spectrum / (spectrum + sigma**2)
    largest, added = {}, {}
    for approximation in (UNWEIGHTED, INTERVAL, SPECTRUM):
        gains = np.linalg.eigvalsh(wiener_circuits.filter_of(8, sigma, approximation, 40))
        miss = weights * (np.sort(gains) - np.sort(exact))
        largest[approximation], added[approximation] = np.abs(miss).max(), (miss**2).sum()
    # Scaling by the factor after the program moves the error by at most a part of a thousandth.
    assert largest[SPECTRUM] <= min(largest.values()) * 1.002
    assert added[SPECTRUM] < added[UNWEIGHTED] / 2


def test_the_eigenbasis_circuit_is_the_filter() -> None:
    circuit = wiener_circuits.wiener_in_eigenbasis(4, 25.0)
    block = Operator(circuit).data[:16, :16]
    expected = circuits.wiener_filter(noise=625.0).matrix(wiener_circuits.second_moments(4))
    np.testing.assert_allclose(block, expected, atol=1e-9)  # the accuracy of `matrix_circuit`


@pytest.mark.slow
def test_the_transformation_in_gates_is_the_polynomial() -> None:
    circuit = wiener_circuits.transformation_in_gates(4, 25.0, 2)
    factor = wiener_circuits.wiener_polynomial(4, 25.0, SPECTRUM, 2).factor
    block = circuits.statevectors([_on(circuit, k) for k in (0, 7)])[:, :16]
    np.testing.assert_allclose(block / factor, wiener_circuits.filter_of(4, 25.0, SPECTRUM, 2)[[0, 7]], atol=1e-8)


def _on(circuit: QuantumCircuit, number: int) -> QuantumCircuit:
    """The circuit on a basis state."""
    whole = QuantumCircuit(circuit.num_qubits)
    for bit in range(circuit.num_qubits):
        if number >> bit & 1:
            whole.x(bit)
    return whole.compose(circuit)


def test_predicted_success_is_that_of_patches_with_the_moments() -> None:
    noisy = noisy_patches(8, 25.0, 20_000)
    filtered = noisy @ circuits.wiener_filter(noise=625.0).matrix(wiener_circuits.second_moments(8))
    share = (filtered**2).sum() / (noisy**2).sum()
    # A ratio of sums over 20 000 patches: a standard error of about 0.001.
    assert share == pytest.approx(wiener_circuits.predicted_success(8, 25.0), abs=0.005)


def test_amplification_helps_below_one_half_only() -> None:
    """sin²(3θ) = sin²θ (3 − 4 sin²θ)², which is p for p = 1/2 and 1, and 0 for 3/4."""
    assert wiener_circuits.amplified(0.25) == pytest.approx(1)
    assert wiener_circuits.amplified(0.5) == pytest.approx(0.5)
    assert wiener_circuits.amplified(0.75) == pytest.approx(0, abs=1e-15)
    for p in (0.82, 0.96):
        assert wiener_circuits.amplified(p) == pytest.approx(p * (3 - 4 * p) ** 2)
        assert wiener_circuits.amplified(p) < p


def test_cx_of_dense_gates() -> None:
    """3, 20 and 100 CX on 2, 3 and 4 qubits are those of the paper's table."""
    assert [wiener_circuits.dense_gate_cx(n) for n in (2, 3, 4)] == [3, 20, 100]


def test_steps_count_from_where_all_higher_degrees_are_close() -> None:
    rows = [
        replace(EMPTY, image=image, method=INTERVAL, steps=steps, difference_db=difference)
        for steps, differences in {10: (-0.04, 0.0), 20: (-0.5, -0.3), 30: (-0.06, 0.0), 40: (-0.01, 0.02)}.items()
        for image, difference in zip("ab", differences, strict=True)
    ]
    assert least_steps(rows) == 30
    assert least_steps(rows, worst=True) == 40
    assert least_steps(rows[:4]) == 0


def test_tables_of_made_up_rows() -> None:
    shared = replace(EMPTY, image="a", patches=4, sigma=25.0)
    rows = [
        replace(shared, method=NOISY, psnr_db=20.0, difference_db=-8.0),
        replace(shared, method=MATRIX, psnr_db=28.0, difference_db=0.0, filter_seconds=0.5),
        *(
            replace(shared, method=INTERVAL, steps=steps, psnr_db=28 - loss, difference_db=-loss, success=0.9,
                    executed=steps == 20, filter_seconds=5.0)
            for steps, loss in ((10, 1.0), (20, 0.04))
        ),
        replace(shared, method=ODD, steps=301, psnr_db=27.0, difference_db=-1.0),
        *(
            replace(shared, method=SHOTS, steps=20, shots=1024, signs=signs, psnr_db=psnr)
            for signs, psnr in {"none": 5.0, "noisy": 24.0, "exact": 25.0}.items()
        ),
        replace(shared, size=4, method=GATES, strength=1e-3, cx=90, psnr_db=21.0, difference_db=-7.0),
    ]  # fmt: skip
    tables = unitary_denoising.tables(rows)

    def cells(name: str, **wanted: object) -> dict[str, object]:
        table = tables[name]
        lines = [dict(zip(table.columns, line, strict=True)) for line in table.rows]
        (found,) = [line for line in lines if all(line[key] == value for key, value in wanted.items())]
        return found

    assert cells("least", approximation=INTERVAL)["steps, mean"] == 20
    assert cells("least", approximation=ODD)["steps, mean"] == ""
    assert cells("success")["amplified success"] == pytest.approx(0.9 * (3 - 4 * 0.9) ** 2)
    assert cells("success")["steps for a success"] == pytest.approx(20 / 0.9)
    shots = cells("shots")
    assert [shots[f"{signs} signs, dB"] for signs in ("none", "noisy", "exact")] == [5.0, 24.0, 25.0]
    assert shots["shots for each pixel"] == 1024 / (4 * 64)
    assert cells("noise")["difference, dB"] == -7.0
    text = " ".join(unitary_denoising.findings(rows))
    assert "20.00 dB before and 28.00 dB after" in text
    assert "less time, by a factor of 10" in text


def test_circuits_are_run_for_measured_degrees_only() -> None:
    with pytest.raises(ValueError, match="circuit_degrees must be among degrees"):
        unitary_denoising.run(replace(unitary_denoising.TINY, circuit_degrees=(6,)))
