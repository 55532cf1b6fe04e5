"""Density-matrix exponentiation: e^{-iρt} on a register by partial swaps with fresh copies of ρ."""

import math

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import RCCXGate

from circuits.algorithms.ensembles import padded_density, spectral
from qimg.core import Array, integer, numeric, real, require, require_shape
from qimg.states import qubits_for

MAX_SUPEROPERATOR_QUBITS = 5
"""Largest register whose fresh copies Aer loads as one superoperator of 4ⁿ × 4ⁿ entries."""


def swap_step(sigma: ArrayLike, rho: ArrayLike, *, delta: float, copies: int = 1) -> Array:
    """The state after `copies` partial swaps e^{-iδS}, each with a fresh copy of ρ that is discarded afterwards.

    One step is σ ↦ cos²δ σ + sin²δ tr(σ) ρ − i sin δ cos δ [ρ, σ]. It deviates from e^{-iρδ} σ e^{iρδ} by O(δ²), and
    n steps of δ = t/n by O(t²/n) in trace norm (Lloyd, Mohseni and Rebentrost, 2014). Exact; cost O(d³).

    Args:
        sigma: (d, d) matrix.
        rho: (d, d) density matrix.
        delta: angle of one swap in radians.
        copies: number of steps.

    >>> swap_step(np.diag([1.0, 0.0]), np.eye(2) / 2, delta=np.pi / 2).real
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    state = numeric("sigma", sigma).astype(complex)
    weights, vectors = spectral(rho)
    d = len(weights)
    require_shape(state.shape == (d, d), "sigma", f"({d}, {d})", state)
    n = integer("copies", copies, 0)
    cosine, sine = np.cos(delta), np.sin(delta)
    turned = vectors.conj().T @ state @ vectors
    factor = cosine**2 - 1j * sine * cosine * (weights[:, None] - weights)
    # [ρ, ρ] = 0, so ρ added by a step is multiplied by cos²δ in each later one: a geometric series.
    turned = factor**n * turned + np.trace(turned) * (1 - cosine ** (2 * n)) * np.diag(weights)
    return np.asarray(vectors @ turned @ vectors.conj().T)


def exponentiation_copies(time: float, *, error: float) -> int:
    """Copies of ρ for which e^{-iρt} is reached within `error` in trace norm, for every ρ and every input.

    One step of δ ≤ 1 deviates by at most 4δ² in trace norm: sin²δ ‖ρ − σ‖ ≤ 2δ² from the mixing, and 2δ² from the
    second order of the exponential and of sin δ cos δ; n = ⌈4t²/error⌉ steps of t/n therefore suffice.

    >>> exponentiation_copies(3.0, error=0.1)
    360
    """
    t, largest = abs(float(real("time", time))), float(real("error", error))
    require(largest > 0, "error", "must be positive", largest)
    return max(math.ceil(4 * t**2 / largest - 1e-9), math.ceil(t), 1)


def partial_swap(n_qubits: int, *, controlled: bool = True) -> QuantumCircuit:
    """The circuit of e^{-iδS} for the swap S of two registers, with the parameter δ.

    In the Bell bases of the pairs, S is −1 to the number of singlets. Relative-phase Toffoli gates compute the parity
    of that number in a work qubit, one rotation acts on it, and the gates are undone: 8n CX, and 2 more if controlled.

    Qubits: control (if controlled), work (|0⟩ before and after), n of the state, n of the copy.
    """
    n = integer("n_qubits", n_qubits, 1)
    delta = Parameter("δ")
    first = 1 if controlled else 0
    work = first
    circuit = QuantumCircuit(first + 1 + 2 * n, name="partial swap")
    pairs = [(work + 1 + k, work + 1 + n + k) for k in range(n)]
    for a, b in pairs:
        circuit.cx(a, b)
        circuit.h(a)
        circuit.rccx(a, b, work)
    if controlled:
        circuit.crz(2 * delta, 0, work)
    else:
        circuit.rz(2 * delta, work)
    for a, b in reversed(pairs):
        circuit.append(RCCXGate().inverse(), [a, b, work])
        circuit.h(a)
        circuit.cx(a, b)
    return circuit


def exponentiation_circuit(
    copy: QuantumCircuit,
    n_qubits: int,
    *,
    delta: float,
    copies: int,
    quadrature: str,
    probe: QuantumCircuit | None = None,
) -> QuantumCircuit:
    """Hadamard test of `copies` controlled partial swaps: one control qubit, whose outcome is the only classical bit.

    The copy register is reset and prepared again before each step, so the number of qubits does not depend on the
    number of copies. Outcome 0 has the probability (1 + ⟨P⟩)/2 with P = X ("x") or Y ("y"), and ⟨X⟩ + i⟨Y⟩ =
    tr(σ (cos δ − iρ sin δ)ⁿ), exactly (`hadamard_signal`).

    Args:
        copy: its low n qubits hold a copy of ρ, its other qubits are discarded: `purification_circuit(rho)`,
            `ensemble_circuit(patches)`, or `superoperator_copy(rho)`.
        n_qubits: n.
        delta: angle of one swap.
        copies: number of swaps; the initial state is one copy more, if it is ρ.
        quadrature: "x" or "y".
        probe: prepares σ in the same way; a copy of ρ when left out.
    """
    require(quadrature in ("x", "y"), "quadrature", "must be x or y", quadrature)
    n_steps, n = integer("copies", copies, 1), integer("n_qubits", n_qubits, 1)
    first = copy if probe is None else probe
    for name, one in (("copy", copy), ("probe", first)):
        require(one.num_qubits >= n, name, f"must have at least {n} qubits", one.num_qubits)
    spare = max(copy.num_qubits, first.num_qubits) - n
    control, work = 0, 1
    state, fresh = range(2, 2 + n), range(2 + n, 2 + 2 * n)
    discarded = range(2 + 2 * n, 2 + 2 * n + spare)
    circuit = QuantumCircuit(2 + 2 * n + spare, 1, name="exponentiation")
    circuit.compose(first, [*state, *discarded[: first.num_qubits - n]], inplace=True)
    circuit.h(control)
    step = partial_swap(n).assign_parameters([float(delta)])
    for _ in range(n_steps):
        circuit.reset([*fresh, *discarded])
        circuit.compose(copy, [*fresh, *discarded[: copy.num_qubits - n]], inplace=True)
        circuit.compose(step, [control, work, *state, *fresh], inplace=True)
    if quadrature == "y":
        circuit.sdg(control)
    circuit.h(control)
    circuit.measure(control, 0)
    return circuit


def superoperator_copy(rho: ArrayLike) -> QuantumCircuit:
    """An instruction that replaces a register of at most 5 qubits by ρ, for Aer's density-matrix simulator alone.

    It has the effect of `purification_circuit` on n qubits instead of 2n, because the environment is traced out.

    Args:
        rho: (d, d) density matrix, d ≤ 32.
    """
    from qiskit.quantum_info import SuperOp

    matrix = padded_density(rho)
    n = qubits_for(len(matrix))
    rule = f"must have at most {2**MAX_SUPEROPERATOR_QUBITS} dimensions"
    require(n <= MAX_SUPEROPERATOR_QUBITS, "rho", rule, len(matrix))
    replaces = np.outer(matrix.ravel(order="F"), np.eye(len(matrix)).ravel())
    circuit = QuantumCircuit(n, name="copy")
    circuit.append(SuperOp(replaces).to_instruction(), range(n))
    return circuit


def hadamard_signal(
    weights: ArrayLike, populations: ArrayLike, *, delta: ArrayLike, copies: ArrayLike
) -> tuple[Array, Array]:
    """The signal tr(σ Kⁿ) = Σ_j p_j (cos δ − iλ_j sin δ)ⁿ of the Hadamard test, and its powers for each eigenvalue.

    The swaps multiply the coherence of the control with K = cos δ − iρ sin δ and no approximation is made: the error of
    the exponentiation is a damping |cos δ − iλ sin δ|ⁿ and a phase n·atan(λ tan δ), both known functions of λ.

    Args:
        weights: (d,) eigenvalues λ_j of ρ.
        populations: (d,) p_j = ⟨v_j|σ|v_j⟩; the eigenvalues themselves for σ = ρ.
        delta: (settings,) angles.
        copies: (settings,) numbers of swaps.

    Returns:
        Signals (settings,) and factors (settings, d) (cos δ − iλ_j sin δ)ⁿ.
    """
    angle, n = np.asarray(delta, float)[:, None], np.asarray(copies)[:, None]
    factors = (np.cos(angle) - 1j * np.sin(angle) * np.asarray(weights, float)) ** n
    return factors @ np.asarray(populations, float), factors
