"""Adders are permutations of integers."""

import numpy as np
import pytest
from qiskit.quantum_info import Operator

import circuits


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_constant_is_added_modulo_the_register(n):
    for amount in range(-(2**n), 2**n + 1):
        expected = np.eye(2**n)[:, (np.arange(2**n) + amount) % 2**n]
        np.testing.assert_allclose(Operator(circuits.constant_adder(n, amount)).data, expected, atol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_register_is_added_to_another(n):
    index = np.arange(4**n)
    low, high = index % 2**n, index >> n
    expected = np.zeros((4**n, 4**n))
    expected[low | (low + high) % 2**n << n, index] = 1
    np.testing.assert_allclose(Operator(circuits.register_adder(n)).data, expected, atol=1e-10)


@pytest.mark.parametrize("n", [3, 4, 6, 8])
def test_costs_are_those_of_the_docstrings(n):
    ripple = {3: 7, 4: 21}.get(n, 2 * n * (n - 1))
    assert circuits.count_gates(circuits.constant_adder(n, -1)).cx == ripple
    assert circuits.count_gates(circuits.constant_adder(n, 1)).cx <= ripple
    assert circuits.count_gates(circuits.constant_adder(n, 3)).cx <= 2 * n * (n - 1)
    assert circuits.count_gates(circuits.constant_adder(n, 2 ** (n - 1)))[:2] == (0, 1)
    assert circuits.count_gates(circuits.register_adder(n)).cx <= 3 * n * n - n


def test_the_transform_without_swaps_reverses_the_bits():
    swapped = circuits.fourier_circuit(4, swaps=False)
    for qubit in range(2):
        swapped.swap(qubit, 3 - qubit)
    assert Operator(swapped) == Operator(circuits.fourier_circuit(4))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="n_qubits must be an integer of at least 1, but n_qubits=0"):
        circuits.constant_adder(0, 1)
    with pytest.raises(ValueError, match=r"amount must be in \[-8, 8\], but amount=9"):
        circuits.constant_adder(3, 9)
