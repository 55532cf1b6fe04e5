"""State preparation: one circuit for one vector by its Schmidt form, and one parameterised template for many."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.circuit.library import Isometry, StatePreparation, UnitaryGate
from qiskit.quantum_info import Statevector

from qimg import arguments
from qimg.arguments import Array, integer
from qimg.states import amplitude_encode

EXACT = 1e-13
"""Weight that may be dropped where a fidelity of 1 is asked for; the infidelity reached is below 1e-12."""


def prepare(vector: ArrayLike, *, fidelity: float = 1.0) -> QuantumCircuit:
    """A circuit that takes |0…0⟩ to Σ_k v_k |k⟩, global phase included.

    The register is cut into halves; ψ = Σ_i s_i |u_i⟩|v_i⟩ is truncated to the lowest Schmidt rank that reaches the
    fidelity, s is prepared on one half, copied by CX to the other, and the two bases are applied as isometries (Plesch
    and Brukner, 2011; low rank: Araujo et al., 2023). Product states need no CX; 6 real exact qubits 43 to 45.

    Args:
        vector: (2**n,) of norm 1, real or complex, n ≥ 1.
        fidelity: least |⟨v|prepared⟩|² in (0, 1]; 1.0 means an infidelity of at most 1e-12.

    Raises:
        ValueError: wrong length, not normalised, NaN, or a fidelity out of range.
    """
    amplitudes = arguments.vectors("vector", vector)
    arguments.require_shape(amplitudes.ndim == 1, "vector", "(2**n,)", amplitudes)
    n_qubits = _register_size(amplitudes)
    norm = float(np.linalg.norm(amplitudes))
    arguments.require(abs(norm - 1) <= 1e-6, "vector", "must have norm 1 (see qimg.amplitude_encode)", norm)
    arguments.require(bool(0 < fidelity <= 1), "fidelity", "must be in (0, 1]", fidelity)
    circuit = QuantumCircuit(n_qubits, name="prepare")
    _prepare(circuit, list(range(n_qubits)), amplitudes / norm, max(1 - fidelity, EXACT))
    # Qiskit's isometry synthesis leaves the global phase open, so it is measured and taken back.
    overlap = np.vdot(amplitudes, Statevector(circuit).data)
    circuit.global_phase -= float(np.angle(overlap))
    return circuit


def template(n_qubits: int) -> QuantumCircuit:
    """A parameterised circuit for every real state of a register: 2ⁿ − 1 RY and 2ⁿ − 2 CX, nothing else.

    Transpile it once and bind `template_angles` of thousands of patches (Möttönen et al., 2005). The parameters are
    `circuit.parameters` in their natural order.
    """
    n_qubits = integer("n_qubits", n_qubits, 1, 20)
    angles = ParameterVector("θ", 2**n_qubits - 1)
    circuit = QuantumCircuit(n_qubits, name="prepare")
    first = 0
    for controls in range(n_qubits):
        target = n_qubits - 1 - controls
        for step in range(2**controls):
            circuit.ry(angles[first + step], target)
            if controls:
                # The control whose Gray-code bit changes next; the last CX closes the cycle.
                flipped = _gray(step) ^ _gray((step + 1) % 2**controls)
                circuit.cx(target + 1 + flipped.bit_length() - 1, target)
        first += 2**controls
    return circuit


def template_angles(vectors: ArrayLike) -> Array:
    """Angles (..., 2ⁿ − 1) with which `template(n)` prepares real vectors, up to their norm. Cost: O(n 2ⁿ) each.

    Args:
        vectors: (..., 2**n) real; a zero vector gives |0…0⟩.
    """
    # Unit vectors: the squares of tiny or huge components would underflow or overflow in the partial norms below.
    data = amplitude_encode(vectors).amplitudes
    n_qubits = _register_size(data)
    arguments.require(not np.iscomplexobj(data), "vectors", "must be real for the template", data.dtype)
    batch = data.shape[:-1]
    layers = []
    for controls in range(n_qubits):
        halves = data.reshape(*batch, 2**controls, 2, -1)
        if halves.shape[-1] == 1:
            low, high = halves[..., 0, 0], halves[..., 1, 0]
        else:
            low, high = np.moveaxis(np.linalg.norm(halves, axis=-1), -1, 0)
        rotations = 2 * np.arctan2(high, low)
        # A uniformly controlled rotation by α_b is Σ_i ±θ_i with the signs of the Gray code: invert that.
        index = np.arange(2**controls)
        parity = np.bitwise_count(_gray(index)[:, None] & index[None, :]) & 1
        layers.append(rotations @ (1.0 - 2.0 * parity).T / 2**controls)
    return np.concatenate(layers, axis=-1)


def _gray(index: Any) -> Any:
    return index ^ (index >> 1)


def _register_size(amplitudes: Array) -> int:
    length = amplitudes.shape[-1]
    power = length >= 2 and length & (length - 1) == 0
    arguments.require(power, "vector", "must have 2**n components (see qimg.states.pad_to_register)", length)
    return length.bit_length() - 1


def _prepare(circuit: QuantumCircuit, qubits: list[int], amplitudes: Array, loss: float) -> None:
    """Append the preparation on `qubits` (little-endian), giving up at most `loss` of the norm's square."""
    if len(qubits) == 1:
        _prepare_qubit(circuit, qubits[0], amplitudes)
        return
    half = (len(qubits) + 1) // 2
    low, high = qubits[:half], qubits[half:]
    left, values, right = np.linalg.svd(amplitudes.reshape(2 ** len(high), 2 ** len(low)))
    tail = np.append(np.cumsum(values[::-1] ** 2)[::-1], 0.0)
    rank = max(1, int(np.argmax(tail <= loss)))
    if rank == 1:
        _prepare(circuit, low, right[0], EXACT)
        _prepare(circuit, high, left[:, 0], EXACT)
        return
    bits = (rank - 1).bit_length()
    schmidt = np.zeros(2**bits)
    schmidt[:rank] = values[:rank] / np.linalg.norm(values[:rank])
    _prepare(circuit, low[:bits], schmidt, EXACT)
    for source, copy in zip(low[:bits], high[:bits], strict=True):
        circuit.cx(source, copy)
    _apply_isometry(circuit, low, right.T, 2**bits)
    _apply_isometry(circuit, high, left, 2**bits)


def _prepare_qubit(circuit: QuantumCircuit, qubit: int, amplitudes: Array) -> None:
    if np.iscomplexobj(amplitudes):
        circuit.append(StatePreparation(list(amplitudes)), [qubit])
    else:
        angle = 2 * float(np.arctan2(amplitudes[1], amplitudes[0]))
        if angle != 0:
            circuit.ry(angle, qubit)


def _apply_isometry(circuit: QuantumCircuit, qubits: list[int], basis: Array, count: int) -> None:
    """Take |i⟩ on the lowest qubits, the others being |0⟩, to column i of a unitary, for i < count."""
    # Half of the columns cost an isometry more CX (24 on 3 qubits, 122 on 4) than all of them the unitary (19, 95).
    if 2 * count >= len(basis):
        circuit.append(UnitaryGate(basis), qubits)
    else:
        circuit.append(Isometry(basis[:, :count].astype(complex), 0, 0), qubits)
