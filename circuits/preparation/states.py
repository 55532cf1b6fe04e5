"""State preparation: one circuit for one vector, and one parameterised template for many."""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import ParameterVector, QuantumCircuit

from circuits.compilation import count_gates
from circuits.preparation.multiplexed import cycle, gray_angles, moduli_angles, multiplexed
from circuits.preparation.reduction import Support, affine_support, factors, without_phase
from circuits.preparation.schmidt import append_schmidt
from circuits.preparation.variational import EFFORTS, LARGEST, as_real, fewest
from circuits.synthesis import images
from qimg.core import Array, arguments, integer
from qimg.states import amplitude_encode

EXACT = 1e-13
"""Weight that each step may discard for a fidelity of 1."""

LARGEST_INFIDELITY = 1e-12
"""Largest infidelity of the result for a fidelity of 1, and largest excess over that of a lower one."""


def prepare(vector: ArrayLike, *, fidelity: float = 1.0, effort: str = "default") -> QuantumCircuit:
    """A circuit that takes |0…0⟩ to Σ_k v_k |k⟩, including the global phase.

    A state on few basis states is written in the coordinates of their affine span, and products are split into factors.
    Each factor is prepared by the smallest circuit of RY (and RZ if complex) and CX whose angles could be fitted. For a
    fidelity below 1 or a state with structure, circuits are grown CX by CX. Any other state takes about ⌈(2ⁿ − n)/2⌉
    CX, which its number of angles requires (29 for 6 qubits, 124 for 8). Factors of more than 8 qubits (7 if complex)
    are prepared by their Schmidt form.

    The state of the circuit is computed and compared with the vector. Where it misses the fidelity, the circuit is
    that of multiplexed rotations (2ⁿ − 2 CX, twice as many if complex). The circuit consists of CX and one-qubit gates.

    The circuit is deterministic. The first call on a machine compiles the fit and caches the result on disk. For many
    vectors use `circuits.prepare_batch`.

    Args:
        vector: (2**n,) of norm 1, real or complex, n ≥ 1.
        fidelity: least |⟨v|prepared⟩|² in (0, 1]; it is reached to 1e-12.
        effort: "default", or "search", a much slower search for circuits with fewer CX.

    Raises:
        ValueError: wrong length, not normalised, NaN, a fidelity out of range, or an unknown effort.
        RuntimeError: no circuit reached the fidelity; the message states the infidelity.
    """
    amplitudes = arguments.vectors("vector", vector)
    arguments.require_shape(amplitudes.ndim == 1, "vector", "(2**n,)", amplitudes)
    n_qubits = _register_size(amplitudes)
    norm = float(np.linalg.norm(amplitudes))
    arguments.require(abs(norm - 1) <= 1e-6, "vector", "must have norm 1 (see qimg.amplitude_encode)", norm)
    arguments.require(bool(0 < fidelity <= 1), "fidelity", "must be in (0, 1]", fidelity)
    arguments.one_of("effort", effort, EFFORTS)
    state = amplitudes / norm
    circuit = _cheapest(without_phase(state), n_qubits, max(1 - fidelity, EXACT), effort)
    allowed = 1 - fidelity + LARGEST_INFIDELITY
    infidelity = _with_phase_of(circuit, state)
    if not infidelity <= allowed:
        circuit = multiplexed(state).circuit()
        infidelity = _with_phase_of(circuit, state)
    if not infidelity <= allowed:
        raise RuntimeError(f"the prepared state has an infidelity of {infidelity:.3g}, more than {allowed:.3g}")
    return circuit


def _with_phase_of(circuit: QuantumCircuit, state: Array) -> float:
    """Turn the global phase of the circuit to that of the state; returns the infidelity 1 − |⟨state|prepared⟩|²."""
    prepared = images(circuit)[:, 0]
    # Factors are prepared up to a global phase.
    phase = float(np.angle(np.vdot(prepared, state)))
    circuit.global_phase += phase
    # |⟨a|b⟩| = 1 − d²/2 with d = ‖a − b‖ at the best phase, which has no cancellation.
    square = float((np.abs(prepared * np.exp(1j * phase) - state) ** 2).sum())
    return square - square**2 / 4


def template(n_qubits: int) -> QuantumCircuit:
    """A parameterised circuit for every real state of a register, of 2ⁿ − 1 RY and 2ⁿ − 2 CX.

    It is transpiled once and bound to `template_angles` of thousands of patches (Möttönen et al., 2005). The parameters
    are `circuit.parameters` in their natural order.
    """
    n_qubits = integer("n_qubits", n_qubits, 1, 20)
    angles = iter(ParameterVector("θ", 2**n_qubits - 1))
    circuit = QuantumCircuit(n_qubits, name="prepare")
    circuit.ry(next(angles), n_qubits - 1)
    for controls in range(1, n_qubits):
        for control, target in cycle(n_qubits, controls):
            circuit.ry(next(angles), target)
            circuit.cx(control, target)
    return circuit


def template_angles(vectors: ArrayLike) -> Array:
    """Angles (..., 2ⁿ − 1) with which `template(n)` prepares real vectors, up to their norm. Cost: O(n 2ⁿ) each.

    Args:
        vectors: (..., 2**n) real; a zero vector gives |0…0⟩.
    """
    # Unit vectors: the squares of tiny or huge components would underflow or overflow in the partial norms.
    data = amplitude_encode(vectors).amplitudes
    _register_size(data)
    arguments.require(not np.iscomplexobj(data), "vectors", "must be real for the template", data.dtype)
    return np.concatenate([gray_angles(layer) for layer in moduli_angles(data)], axis=-1)


def _register_size(amplitudes: Array) -> int:
    length = amplitudes.shape[-1]
    power = length >= 2 and length & (length - 1) == 0
    arguments.require(power, "vector", "must have 2**n components (see qimg.states.pad_to_register)", length)
    return length.bit_length() - 1


def _cheapest(amplitudes: Array, n_qubits: int, infidelity: float, effort: str) -> QuantumCircuit:
    """The cheaper of the circuits on the affine span of the basis states and on the whole register."""
    support = affine_support(amplitudes)
    if len(support.qubits) == n_qubits:
        return _direct(amplitudes, n_qubits, infidelity, effort)
    spanned = _spanned(support, n_qubits, infidelity, effort)
    if len(as_real(amplitudes)) > LARGEST:
        return spanned
    choices = (spanned, _direct(amplitudes, n_qubits, infidelity, effort))
    return min(choices, key=lambda circuit: count_gates(circuit, optimization_level=None).cx)


def _spanned(support: Support, n_qubits: int, infidelity: float, effort: str) -> QuantumCircuit:
    circuit = QuantumCircuit(n_qubits, name="prepare")
    if support.qubits:
        inside = _direct(support.amplitudes, len(support.qubits), infidelity, effort)
        circuit.compose(inside, support.qubits, inplace=True)
    for control, target in support.copies:
        circuit.cx(control, target)
    for qubit in support.flips:
        circuit.x(qubit)
    return circuit


def _direct(amplitudes: Array, n_qubits: int, infidelity: float, effort: str) -> QuantumCircuit:
    """A circuit factor by factor; the largest is first and may use all of the infidelity, the others the remainder."""
    circuit = QuantumCircuit(n_qubits, name="prepare")
    allowed = infidelity
    for factor in sorted(factors(amplitudes), key=lambda factor: -len(factor.qubits)):
        used = _append(circuit, factor.qubits, without_phase(factor.amplitudes), allowed, effort)
        allowed = max(1 - (1 - allowed) / (1 - used), EXACT)
    return circuit


def _append(circuit: QuantumCircuit, qubits: list[int], amplitudes: Array, infidelity: float, effort: str) -> float:
    """Append the preparation of a state without factors; returns its infidelity or an upper bound."""
    if len(as_real(amplitudes)) <= LARGEST:
        fitted = fewest(amplitudes, infidelity=infidelity, effort=effort)
        if fitted is not None:
            circuit.compose(fitted.circuit(), qubits, inplace=True)
            return fitted.infidelity
    append = partial(_append_exact, circuit, effort)
    append_schmidt(circuit, qubits, amplitudes, infidelity=infidelity, append=append)
    return infidelity


def _append_exact(circuit: QuantumCircuit, effort: str, qubits: list[int], amplitudes: Array) -> None:
    inside = _direct(without_phase(amplitudes), len(qubits), EXACT, effort)
    circuit.compose(inside, qubits, inplace=True)
