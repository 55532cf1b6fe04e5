"""Counts of truncated matrix-product states against the squared amplitudes of the truncated state."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Pauli
from scipy import stats

import circuits


def entangled(n_qubits: int = 6, seed: int = 0) -> QuantumCircuit:
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(n_qubits)
    for layer in range(6):
        for qubit in range(n_qubits):
            circuit.ry(rng.normal(), qubit)
            circuit.rz(rng.normal(), qubit)
        for qubit in range(layer % 2, n_qubits - 1, 2):
            circuit.cx(qubit, qubit + 1)
    return circuit


def populations(circuit: QuantumCircuit, **limits: float) -> np.ndarray:
    state = circuits.run_truncated(circuit, **limits).train.dense()
    return np.abs(state) ** 2 / np.linalg.norm(state) ** 2


@pytest.mark.parametrize("limits", [{"bond_dimension": 2}, {"bond_dimension": 3}, {"threshold": 1e-2}])
@pytest.mark.parametrize("seed", [0, 1])
def test_counts_are_those_of_the_truncated_state(limits, seed):
    circuit, shots = entangled(seed=seed), 200_000
    device = circuits.backend("matrix_product_state", **limits)
    counts = circuits.run(circuit, device, shots=shots, seed=seed)[0]
    expected = populations(circuit, **limits) * shots
    common = expected >= 10  # Pearson's approximation; the rest is one cell
    observed = np.append(counts[common], counts[~common].sum())
    cells = np.append(expected[common], expected[~common].sum())
    used = cells > 0
    # A right sampler fails for one seed in 10 000; the seed is fixed.
    assert stats.chisquare(observed[used], cells[used]).pvalue > 1e-4


def test_some_qubits_into_bits_of_any_order():
    circuit, shots = entangled(), 50_000
    marginal = populations(circuit, bond_dimension=2).reshape((2,) * 6)  # axis a is qubit 5 - a
    expected = np.einsum("abcdef->ef", marginal).T.ravel()  # bit 0 is qubit 1, bit 1 is qubit 0
    measured = QuantumCircuit(6, 2)
    measured.compose(circuit, inplace=True)
    measured.measure([1, 0], [0, 1])
    device = circuits.backend("matrix_product_state", bond_dimension=2)
    counts = circuits.run([measured, measured], device, shots=[shots, 100], seed=1)
    assert counts.sum(axis=1).tolist() == [shots, 100]
    assert np.abs(counts[0] / shots - expected).max() < 5 * np.sqrt(0.25 / shots)


def test_a_measurement_before_the_end_is_refused():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.cx(0, 1)
    circuit.measure(1, 1)
    device = circuits.backend("matrix_product_state", bond_dimension=2)
    with pytest.raises(ValueError, match="circuits must measure at their end alone on a truncated"):
        circuits.run(circuit, device, shots=1)
    assert circuits.run(circuit, "matrix_product_state", shots=10)[0].sum() == 10


@pytest.mark.parametrize("limits", [{"bond_dimension": 2}, {"threshold": 1e-2}])
def test_expectation_values_are_those_of_the_truncated_state(limits):
    circuit, precision = entangled(), 0.002
    state = circuits.run_truncated(circuit, **limits).train.dense()
    observables = [{"ZZIIII": 1.0}, {"IIXYII": 1.0}, {"IIIIIZ": 0.5, "XIIIIX": -2.0}, {"IIIIII": 3.0}]
    found = circuits.estimate(
        [circuit, circuit], observables, circuits.backend("matrix_product_state", **limits), precision=precision, seed=3
    )
    for column, observable in enumerate(observables):
        matrix = sum(value * Pauli(label).to_matrix() for label, value in observable.items())
        exact = (state.conj() @ matrix @ state).real / np.linalg.norm(state) ** 2
        # Five standard errors, at most that of the precision for each string.
        bound = 5 * precision * np.linalg.norm(list(observable.values()))
        assert np.abs(found.values[:, column] - exact).max() <= bound
        assert (found.standard_errors[:, column] <= bound / 5 + 1e-12).all()
    assert (found.values[:, 3] == 3).all()
    assert found.values[0, 1] != found.values[1, 1]
