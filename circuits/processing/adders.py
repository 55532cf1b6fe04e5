"""Adders modulo 2ⁿ on registers of integers: of a constant, and of another register, without ancillas."""

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.transforms.structured import fourier_circuit
from qimg.core import integer

RIPPLE_QUBITS = 4
"""Largest register on which a ripple of controlled X gates has fewer CX than two Fourier transforms."""


def constant_adder(n_qubits: int, amount: int) -> QuantumCircuit:
    """The permutation |k⟩ → |k + amount mod 2ⁿ⟩.

    Trailing zero bits of the amount leave as many low qubits out. An increment or a decrement of at most 4 qubits is a
    ripple of multi-controlled X gates, with at most 0, 1, 7 and 21 CX. Otherwise phases add the amount between a
    Fourier transform and its inverse (Draper, 2000), with 2n(n − 1) CX on n qubits. Exact.

    Args:
        n_qubits: n.
        amount: from −2ⁿ to 2ⁿ, taken modulo 2ⁿ.
    """
    n = integer("n_qubits", n_qubits, 1)
    remainder = integer("amount", amount, -(2**n), 2**n) % 2**n
    circuit = QuantumCircuit(n, name=f"add {amount}")
    if remainder == 0:
        return circuit
    skipped = (remainder & -remainder).bit_length() - 1
    wires, rest = list(range(skipped, n)), remainder >> skipped
    width = len(wires)
    if width <= RIPPLE_QUBITS and rest in (1, 2**width - 1):
        places = range(width) if rest != 1 else reversed(range(width))
        for place in places:  # a bit flips if all lower bits are 1 before an increment, or after a decrement
            if place:
                circuit.mcx(wires[:place], wires[place])
            else:
                circuit.x(wires[0])
        return circuit
    transform = fourier_circuit(width, swaps=False)
    circuit.compose(transform, wires, inplace=True)
    for bit in range(width):
        circuit.p(2 * np.pi * rest * 2**bit / 2**width, wires[width - 1 - bit])
    return circuit.compose(transform.inverse(), wires)


def register_adder(n_qubits: int) -> QuantumCircuit:
    """The permutation |k⟩|l⟩ → |k⟩|l + k mod 2ⁿ⟩ of two registers, k on the low qubits 0, …, n − 1 (Draper, 2000).

    Controlled phases between a Fourier transform of the high register and its inverse: 3n² − n CX. Exact.

    Args:
        n_qubits: n, qubits of each register.
    """
    n = integer("n_qubits", n_qubits, 1)
    transform, high = fourier_circuit(n, swaps=False), range(n, 2 * n)
    circuit = QuantumCircuit(2 * n, name="add register")
    circuit.compose(transform, high, inplace=True)
    for bit in range(n):
        for lower in range(n - bit):
            circuit.cp(2 * np.pi * 2 ** (bit + lower) / 2**n, lower, 2 * n - 1 - bit)
    return circuit.compose(transform.inverse(), high)
