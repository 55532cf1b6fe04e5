"""The circuit in the eigenbasis is the function of the matrix, where the ancilla ends as 0."""

import numpy as np
import pytest
from qiskit.quantum_info import Operator

from circuits.algorithms.eigenbasis import eigenbasis_circuit


@pytest.mark.parametrize("d", [2, 3, 4])
def test_the_block_is_the_function(d, rng):
    vectors = rng.normal(size=(9, d))
    rho = vectors.T @ vectors
    values, basis = np.linalg.eigh(rho)
    signs = np.where(np.arange(d) % 2, 1, -1)  # functions may be negative
    expected = (basis * signs * values / (values + 2)) @ basis.T
    largest = values.max()

    def function(x):
        order = np.searchsorted(values, x - 1e-9 * largest)
        return np.where(x > 1e-9 * largest, signs[np.minimum(order, d - 1)] * x / (x + 2), 0)

    circuit = eigenbasis_circuit(rho, function)
    np.testing.assert_allclose(Operator(circuit).data[:d, :d], expected, atol=1e-9)  # the accuracy of `matrix_circuit`


def test_functions_beyond_one_are_refused():
    with pytest.raises(ValueError, match=r"function must have values in \[-1, 1\]: divide by the largest.*=2.0"):
        eigenbasis_circuit(np.eye(2), lambda values: 2 * values)
