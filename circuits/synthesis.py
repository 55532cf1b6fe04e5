"""Matrices as circuits of CX and one-qubit gates, with the deviation of the circuit from the matrix checked.

Qiskit's synthesis is used where it is accurate. It rounds two-qubit gates near special classes (an error of up to
10⁻⁵), and its isometries lose digits where columns have tiny entries.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import DiagonalGate, Isometry, UnitaryGate
from qiskit.exceptions import QiskitError
from qiskit.synthesis.two_qubit import TwoQubitWeylDecomposition

from circuits.compilation import BASIS_GATES, compile_circuit
from qimg.core import Array
from qimg.core.compiled import compiled

ACCURATE = 3e-12
"""Deviation at which no other form is tried."""

LARGEST_DEVIATION = 1e-9
"""Largest deviation of a circuit from its matrix, as the Frobenius norm of their difference."""

_TURNS = 4
"""Number of different local rotations, and of different further columns, that are tried before a synthesis."""


def matrix_circuit(columns: Array) -> QuantumCircuit:
    """The circuit that takes |i⟩ to column i, with the global phase; other basis states become any orthonormal columns.

    If the matrix is real, a real two-qubit matrix of determinant 1 takes 2 CX.

    Args:
        columns: (2**n, 2**m) with orthonormal columns, m <= n.

    Raises:
        RuntimeError: no form was accurate to `LARGEST_DEVIATION`.
    """
    best, least = None, np.inf
    for build in _forms(columns):
        try:
            candidate = build()
        except (QiskitError, np.linalg.LinAlgError):  # Qiskit rejects its own inaccurate intermediate results
            continue
        made = images(candidate, columns.shape[1])
        candidate.global_phase += float(np.angle(np.vdot(made, columns)))
        deviation = float(np.linalg.norm(images(candidate, columns.shape[1]) - columns))
        if deviation < least:
            best, least = candidate, deviation
        if deviation <= ACCURATE:
            break
    if best is None or not least <= LARGEST_DEVIATION:
        size = f"{columns.shape[0]}×{columns.shape[1]}"
        raise RuntimeError(f"the circuit of a {size} matrix deviates by {least:.3g}, more than {LARGEST_DEVIATION:.0e}")
    return best


def append_matrix(circuit: QuantumCircuit, columns: Array, qubits: Sequence[int]) -> None:
    """Append `matrix_circuit` to the qubits, lowest first."""
    circuit.compose(matrix_circuit(columns), qubits, inplace=True)


def images(circuit: QuantumCircuit, count: int = 1) -> Array:
    """Images (2**n, count) of the first basis states under a circuit of `BASIS_GATES`, with its global phase.

    Cost: O(gates · 2ⁿ · count).
    """
    n = circuit.num_qubits
    places, gates = np.empty((circuit.size(), 2), np.int64), np.empty((circuit.size(), 2, 2), complex)
    fixed = {"x": np.array([[0, 1], [1, 0]]), "sx": np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2}
    for k, instruction in enumerate(circuit.data):
        name, wires = instruction.operation.name, [circuit.find_bit(bit).index for bit in instruction.qubits]
        places[k] = (wires[0], wires[1]) if name == "cx" else (wires[0], -1)
        if name in fixed:
            gates[k] = fixed[name]
        elif name in ("ry", "rz"):
            half = float(instruction.operation.params[0]) / 2
            cosine, sine = np.cos(half), np.sin(half)
            turned = [[cosine, -sine], [sine, cosine]]
            gates[k] = turned if name == "ry" else np.diag([cosine - 1j * sine, cosine + 1j * sine])
        elif name != "cx":
            raise ValueError(f"circuit must consist of {', '.join(BASIS_GATES)}, but holds {name}")
    columns = np.zeros((2**n, count), complex)
    columns[np.arange(count), np.arange(count)] = np.exp(1j * float(circuit.global_phase))
    _run(places, gates, columns)
    return columns


def complement(columns: Array) -> Array:
    """Orthonormal columns orthogonal to those of an isometry."""
    return np.asarray(np.linalg.svd(columns)[0][:, columns.shape[1] :])


def _forms(columns: Array) -> Iterator[Callable[[], QuantumCircuit]]:
    """Functions that build a circuit of the matrix, those with the fewest CX first."""
    rows, count = columns.shape
    yield from _syntheses(columns)
    rng = np.random.default_rng(1)
    for _ in range(_TURNS if rows - count >= 2 else 0):  # other columns give other two-qubit gates within the circuit
        turn = np.linalg.qr(rng.normal(size=(rows - count, rows - count)))[0]
        yield partial(_by_qiskit, np.hstack([columns, complement(columns) @ turn]), rng)
    yield partial(_by_reflections, columns)


def _syntheses(columns: Array) -> Iterator[Callable[[], QuantumCircuit]]:
    rows, count = columns.shape
    # An isometry of half of the columns needs more CX (24 on 3 qubits, 122 on 4) than the whole unitary (19, 95).
    whole = 2 * count >= rows
    matrix = np.hstack([columns, complement(columns)]) if whole and count < rows else columns
    yield partial(_by_qiskit, matrix)
    if rows == 4 and whole:
        yield partial(_two_qubits, matrix)
    rng = np.random.default_rng(0)
    for _ in range(_TURNS if rows > 4 else 0):
        yield partial(_by_qiskit, matrix, rng)
    if not whole:
        yield from _syntheses(np.hstack([columns, complement(columns)]))


def _by_qiskit(matrix: Array, rng: np.random.Generator | None = None) -> QuantumCircuit:
    """Qiskit's circuit of a unitary or an isometry.

    With a generator, the circuit is that of the matrix between random RY and RZ of each qubit, which are then undone:
    no entry of such a matrix is tiny, and rotations of single qubits take no CX.
    """
    n, m = (size.bit_length() - 1 for size in matrix.shape)
    before, after = (np.zeros((count, 2)) if rng is None else rng.uniform(0.5, 2.5, (count, 2)) for count in (m, n))
    target = matrix if rng is None else _local(after) @ matrix @ _local(before)
    gate = UnitaryGate(target, check_input=False) if m == n else Isometry(target.astype(complex), 0, 0)
    circuit = QuantumCircuit(n)
    for angles, inside in ((before, False), (after, True)):
        if inside:
            circuit.append(gate, circuit.qubits)
        for qubit, (polar, azimuth) in enumerate(angles.tolist() if rng is not None else ()):
            circuit.rz(-azimuth, qubit)
            circuit.ry(-polar, qubit)
    return compile_circuit(circuit)


def _by_reflections(columns: Array) -> QuantumCircuit:
    """Householder reflections, each between two multiplexed preparations; accurate for every matrix, but of many CX."""
    from circuits.preparation.multiplexed import multiplexed

    size, count = columns.shape
    n = size.bit_length() - 1
    left, phases, reflections = columns.astype(complex), np.ones(size, complex), []
    for j in range(count):
        phases[j] = -np.exp(1j * np.angle(left[j, j]))
        vector = left[:, j].copy()  # zero above row j, up to rounding
        vector[:j] = 0
        vector[j] -= phases[j]
        vector /= np.linalg.norm(vector)
        left -= 2 * np.outer(vector, vector.conj() @ left)
        reflections.append(vector)
    circuit = QuantumCircuit(n)
    circuit.append(DiagonalGate(phases.tolist()), circuit.qubits)
    for vector in reversed(reflections):
        prepared = multiplexed(vector).circuit()
        circuit.compose(prepared.inverse(), inplace=True)
        zero = np.ones(size)
        zero[0] = -1
        circuit.append(DiagonalGate(zero.tolist()), circuit.qubits)
        circuit.compose(prepared, inplace=True)
    return compile_circuit(circuit)


def _local(angles: Array) -> Array:
    """The matrix of RY, then RZ, of each qubit by the angles (qubits, 2)."""
    matrix = np.ones((1, 1), complex)
    for polar, azimuth in angles / 2:
        turn = np.array([[np.cos(polar), -np.sin(polar)], [np.sin(polar), np.cos(polar)]])
        matrix = np.kron(np.exp([[-1j * azimuth], [1j * azimuth]]) * turn, matrix)
    return matrix


def _two_qubits(unitary: Array) -> QuantumCircuit:
    """K₁ e^{i(a XX + b YY + c ZZ)} K₂ with 2 CX if c vanishes, otherwise 3 (Vatan and Williams, 2004)."""
    weyl = TwoQubitWeylDecomposition(unitary.astype(complex), fidelity=None)
    circuit = QuantumCircuit(2)
    circuit.unitary(weyl.K2r, 0)
    circuit.unitary(weyl.K2l, 1)
    if abs(weyl.c) <= ACCURATE / 4:
        # CX takes X of the control to XX and Z of the target to ZZ; RX turns ZZ into YY.
        for qubit in (0, 1):
            circuit.rx(np.pi / 2, qubit)
        circuit.cx(0, 1)
        circuit.rx(-2 * weyl.a, 0)
        circuit.rz(-2 * weyl.b, 1)
        circuit.cx(0, 1)
        for qubit in (0, 1):
            circuit.rx(-np.pi / 2, qubit)
    else:
        circuit.rz(-np.pi / 2, 1)
        circuit.cx(1, 0)
        circuit.rz(np.pi / 2 - 2 * weyl.c, 0)
        circuit.ry(2 * weyl.a - np.pi / 2, 1)
        circuit.cx(0, 1)
        circuit.ry(np.pi / 2 - 2 * weyl.b, 1)
        circuit.cx(1, 0)
        circuit.rz(np.pi / 2, 0)
    circuit.unitary(weyl.K1r, 0)
    circuit.unitary(weyl.K1l, 1)
    return compile_circuit(circuit)


@compiled
def _run(places: Array, gates: Array, columns: Array) -> None:
    """Apply CX (control, target) and one-qubit gates (qubit, −1) to the rows of a matrix, in place."""
    for g in range(places.shape[0]):
        stride = 1 << places[g, 0]
        flip = 0 if places[g, 1] < 0 else 1 << places[g, 1]
        for row in range(columns.shape[0]):
            if flip:
                if row & stride and not row & flip:
                    for column in range(columns.shape[1]):
                        low = columns[row, column]
                        columns[row, column] = columns[row | flip, column]
                        columns[row | flip, column] = low
            elif not row & stride:
                for column in range(columns.shape[1]):
                    low, high = columns[row, column], columns[row | stride, column]
                    columns[row, column] = gates[g, 0, 0] * low + gates[g, 0, 1] * high
                    columns[row | stride, column] = gates[g, 1, 0] * low + gates[g, 1, 1] * high
