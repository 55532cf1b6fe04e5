"""Circuits from the structure of transforms: exact and approximate Fourier, cosine, and Haar.

All act without ancillas on one register whose qubit b is bit b of the index, with a polynomial number of CX.
"""

import numpy as np
from qiskit.circuit import QuantumCircuit

from qimg.core import integer, require


def fourier_circuit(n_qubits: int, *, smallest_angle: float = 0.0, swaps: bool = True) -> QuantumCircuit:
    """The quantum Fourier transform e^{+2πi jk/N}/√N without the phases below an angle (Coppersmith, 1994).

    n Hadamards, n(n − 1)/2 controlled phases π/2, π/4, … π/2ⁿ⁻¹ and ⌊n/2⌋ swaps, 2 CX for each phase.

    Args:
        n_qubits: n.
        smallest_angle: controlled phases below this angle in radians are omitted; 0 omits none. The error is at most
            `fourier_error`.
        swaps: whether the swaps follow; without them bit b of the result is on qubit n − 1 − b.
    """
    n = integer("n_qubits", n_qubits, 1)
    require(bool(smallest_angle >= 0), "smallest_angle", "must not be negative", smallest_angle)
    circuit = QuantumCircuit(n, name="qft")
    _fourier(circuit, list(range(n)), smallest_angle)
    for qubit in range(n // 2 if swaps else 0):
        circuit.swap(qubit, n - 1 - qubit)
    return circuit


def fourier_error(n_qubits: int, *, smallest_angle: float) -> float:
    """Bound on the operator norm of the error of `fourier_circuit`: Σ 2 sin(θ/2) over the omitted phases θ.

    An omitted phase changes the product of gates by at most |1 − e^{iθ}|, and the total change is at most the sum.
    """
    n = integer("n_qubits", n_qubits, 1)
    require(bool(smallest_angle >= 0), "smallest_angle", "must not be negative", smallest_angle)
    angles = [np.pi / 2**apart for apart in range(1, n)]
    return float(sum((n - 1 - k) * 2 * np.sin(a / 2) for k, a in enumerate(angles) if a < smallest_angle))


def cosine_circuit(n_qubits: int) -> QuantumCircuit:
    """The orthonormal DCT-II of 2ⁿ samples from one Fourier transform of the same length (Makhoul, 1980).

    The samples are reordered, even ones forwards and odd ones backwards (n − 1 CX). A 2×2 unitary with the angle πk/2N
    then turns components k and N − k of their Fourier transform into the coefficients k and N − k. A controlled
    negation of the lower bits moves such pairs onto the top qubit and back. The circuit has O(n²) gates, including
    multi-controlled ones.

    Args:
        n_qubits: n.
    """
    n = integer("n_qubits", n_qubits, 1)
    circuit = QuantumCircuit(n, name="dct")
    if n == 1:
        circuit.h(0)
        return circuit
    for qubit in range(1, n):
        circuit.cx(0, qubit)
    # Sample j is now at the index whose bits, lowest first, are on qubits 1, …, n − 1, 0.
    adjoint = QuantumCircuit(n)
    _fourier(adjoint, [*range(1, n), 0][::-1], 0.0)
    circuit.compose(adjoint.inverse(), inplace=True)
    bits = [(n - bit) % n for bit in range(n)]
    low, top = bits[:-1], bits[-1]
    _negate(circuit, low, top)
    for bit, qubit in enumerate(low):
        circuit.crz(np.pi * 2**bit / 2**n, qubit, top)
    circuit.h(top)
    circuit.s(top)
    # 0 and N/2 do not form a pair, so the two gates are undone for them.
    circuit.x(low)
    circuit.mcp(-np.pi / 2, low, top)
    _controlled_hadamard(circuit, low, top)
    circuit.x(low)
    _negate(circuit, low, top)
    for bit in range(1, (n + 1) // 2):
        circuit.swap(bit, n - bit)
    return circuit


def haar_circuit(n_qubits: int) -> QuantumCircuit:
    """Haar wavelets of 2ⁿ samples from coarse to fine: a Hadamard on bit s where all lower bits are 0, for each s.

    Bit s is then 1 for the details of level s. A reversal of the register and swaps controlled by the level move it
    below the s zeros and restore the order of the higher bits (Hoyer, 1997).

    Args:
        n_qubits: n.
    """
    n = integer("n_qubits", n_qubits, 1)
    circuit = QuantumCircuit(n, name="haar")
    circuit.h(0)
    for bit in range(1, n):
        lower = list(range(bit))
        circuit.x(lower)
        _controlled_hadamard(circuit, lower, bit)
        circuit.x(lower)
    for qubit in range(n // 2):
        circuit.swap(qubit, n - 1 - qubit)
    for level in range(n):
        width = n - 1 - level
        above = list(range(width, n))  # this level's 1, and the zeros above it
        for first in range(width // 2):
            second = width - 1 - first
            circuit.cx(second, first)
            for ends in range(2):  # X gates turn the zeros above into controls and back
                for qubit in above[1:]:
                    circuit.x(qubit)
                if ends == 0:
                    circuit.mcx([*above, first], second)
            circuit.cx(second, first)
    return circuit


def downsampling_circuit(n_qubits: int, *, kept: int) -> QuantumCircuit:
    """The low frequencies of a square picture of 2ⁿ×2ⁿ amplitudes, row by row, on the lowest qubits of each axis.

    The axes are the qubits 0, …, n − 1 (columns) and n, …, 2n − 1 (rows). On each axis the circuit consists of a
    Fourier transform; CX from bit `kept` − 1 of the frequency k to the higher bits, which are then 0 for
    −M/2 <= k < M/2, with M = 2**kept and k between −N/2 and N/2; a phase for each bit of k, which moves the samples to
    the centres of the boxes; and the inverse transform of the lowest `kept` bits. If the other qubits are measured as
    0, the result is the FFT crop; if they are ignored, the other bands are included.

    Args:
        n_qubits: n, for each axis.
        kept: qubits of each axis that hold the small picture, 1 to n.
    """
    n = integer("n_qubits", n_qubits, 1)
    kept = integer("kept", kept, 1, n)
    axis = QuantumCircuit(n)
    axis.compose(fourier_circuit(n).inverse(), inplace=True)
    for high in range(kept, n):
        axis.cx(kept - 1, high)
    middle = (2 ** (n - kept) - 1) / 2
    for bit in range(kept):
        frequency = -(2**bit) if bit == kept - 1 else 2**bit
        axis.p(2 * np.pi * frequency * middle / 2**n, bit)
    axis.compose(fourier_circuit(kept), range(kept), inplace=True)
    whole = QuantumCircuit(2 * n, name="downsampling")
    for first in (0, n):
        whole.compose(axis, range(first, first + n), inplace=True)
    return whole


def _fourier(circuit: QuantumCircuit, wires: list[int], smallest_angle: float) -> None:
    """The transform of the bits on the wires, lowest first; bit b of the result is on wire n − 1 − b."""
    for place in reversed(range(len(wires))):
        circuit.h(wires[place])
        for lower in reversed(range(place)):
            angle = np.pi / 2 ** (place - lower)
            if angle >= smallest_angle:
                circuit.cp(angle, wires[lower], wires[place])


def _controlled_hadamard(circuit: QuantumCircuit, controls: list[int], target: int) -> None:
    """H = RY(π/4) Z RY(−π/4), of which only Z needs the controls."""
    circuit.ry(-np.pi / 4, target)
    circuit.h(target)
    circuit.mcx(controls, target)
    circuit.h(target)
    circuit.ry(np.pi / 4, target)


def _negate(circuit: QuantumCircuit, low: list[int], control: int) -> None:
    """Negate the integer of the low qubits modulo 2ᵐ if the control is 1: a bit flips if a lower bit is 1."""
    for bit in reversed(range(1, len(low))):
        lower = low[:bit]
        circuit.cx(control, low[bit])
        circuit.x(lower)
        circuit.mcx([control, *lower], low[bit])
        circuit.x(lower)
