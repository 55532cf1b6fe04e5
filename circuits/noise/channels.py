"""Channels as circuits: Kraus operators on small registers, and a Stinespring dilation of centroid quantization.

The output register is the data register plus one flag qubit above it. The erasure level ∅ of `qimg.channels` is their
basis state d = 2ⁿ: flag 1, data 0…0.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import UCRYGate

from circuits.compilation import compile_circuit
from circuits.counts import outcome_counts
from circuits.execution.backends import aer_result, from_state
from circuits.seeds import simulator_seed, stream
from qimg.core import TOLERANCE, Array, density_matrix, integer, numeric, populations, real, require, require_shape
from qimg.states import pad_to_register, qubits_for

MAX_KRAUS_QUBITS = 5
"""Largest register of a Kraus instruction, which Aer converts to a superoperator of 4ⁿ × 4ⁿ entries."""


def kraus_circuit(operators: ArrayLike) -> QuantumCircuit:
    """A circuit of one Kraus instruction on n data qubits, plus a flag qubit if the channel adds a level.

    Args:
        operators: (k, levels, d) with d = 2ⁿ and levels d or d + 1, Σ K†K = 1 (`QuantizationChannel.kraus`).

    Returns:
        A circuit on n qubits (levels = d) or n + 1 (levels = d + 1); unused levels do not change.
    """
    from qiskit.quantum_info import Kraus

    kraus = numeric("operators", operators)
    ok = kraus.ndim == 3 and len(kraus) > 0 and kraus.shape[1] - kraus.shape[2] in (0, 1)
    require_shape(ok, "operators", "(k, d, d) or (k, d + 1, d)", kraus)
    _, levels, d = kraus.shape
    require(d & (d - 1) == 0, "operators", "must act on 2**n levels", d)
    n_qubits = qubits_for(levels)
    require(n_qubits <= MAX_KRAUS_QUBITS, "operators", f"must need at most {MAX_KRAUS_QUBITS} qubits", n_qubits)
    full = np.zeros((len(kraus), 2**n_qubits, 2**n_qubits), dtype=complex)
    full[:, :levels, :d] = kraus
    unused = np.arange(d, 2**n_qubits)
    full[0, unused, unused] = 1.0
    excess = float(np.abs(np.einsum("kji,kjl->il", full.conj(), full) - np.eye(2**n_qubits)).max())
    require(excess <= TOLERANCE, "operators", "must satisfy Σ K†K = 1 to 1e-8", excess)
    circuit = QuantumCircuit(n_qubits, name="kraus")
    circuit.append(Kraus(list(full)).to_instruction(), range(n_qubits))
    return circuit


def apply_kraus(operators: ArrayLike, rho: ArrayLike) -> Array:
    """Run a channel given by Kraus operators on Aer's density-matrix simulator.

    Args:
        operators: as in `kraus_circuit`.
        rho: (d, d) density matrix.

    Returns:
        (levels, levels) density matrix after the channel.
    """
    circuit = kraus_circuit(operators)
    levels, d = np.shape(operators)[1:]
    matrix = density_matrix("rho", rho)
    require_shape(matrix.shape == (d, d), "rho", f"({d}, {d})", matrix)
    padded = np.zeros((2**circuit.num_qubits,) * 2, dtype=complex)
    padded[:d, :d] = matrix
    whole = QuantumCircuit(circuit.num_qubits)
    whole.set_density_matrix(padded)
    whole = whole.compose(circuit)
    whole.save_density_matrix()
    out = np.asarray(aer_result(whole, method="density_matrix").data(0)["density_matrix"])
    return out[:levels, :levels]


def stinespring_circuit(gains: ArrayLike) -> QuantumCircuit:
    """Unitary dilation of the centroid quantization channel with gains α: 2n + 3 qubits, CX and RY.

    Registers from the lowest qubit up: `data` (n), `flag` (1), and an environment of `record` (n), `lost` (1),
    `erased` (1). All but `data` are initially |0⟩. On |k⟩:

    1. RY on `lost` controlled by k: amplitude α_k has lost = 0 and no record (this is K₀);
    2. where lost = 1, k is copied to `record` in the environment;
    3. where lost = 1, RY on `erased` splits √(α_k(1−α_k)) (dephased, K_k) from √(1−α_k) (erased, L_k);
    4. where erased = 1, `data` is reset by CX from `record` and `flag` is set: level ∅.

    Tracing out the environment gives exactly `QuantizationChannel.apply`.

    Args:
        gains: (2**n,) in [0, 1].
    """
    alpha = real("gains", gains)
    d = alpha.size
    require_shape(alpha.ndim == 1 and d >= 2 and d & (d - 1) == 0, "gains", "(2**n,)", alpha)
    inside = bool(alpha.min() >= 0 and alpha.max() <= 1)
    require(inside, "gains", "must be in [0, 1]", (float(alpha.min()), float(alpha.max())))
    n = qubits_for(d)
    data, flag = QuantumRegister(n, "data"), QuantumRegister(1, "flag")
    record, lost, erased = QuantumRegister(n, "record"), QuantumRegister(1, "lost"), QuantumRegister(1, "erased")
    circuit = QuantumCircuit(data, flag, record, lost, erased, name="centroid quantization")
    circuit.append(UCRYGate([2 * float(a) for a in np.arccos(alpha)]), [lost[0], *data])
    for k in range(n):
        circuit.ccx(lost[0], data[k], record[k])
    split = 2 * np.arctan2(1.0, np.sqrt(alpha))
    # The rotation of `erased` has `lost` as its highest control; where lost = 0 the angle is 0.
    circuit.append(UCRYGate([0.0] * d + [float(a) for a in split]), [erased[0], *data, lost[0]])
    for k in range(n):
        circuit.ccx(erased[0], record[k], data[k])
    circuit.cx(erased[0], flag[0])
    return circuit


def apply_stinespring(gains: ArrayLike, rho: ArrayLike) -> Array:
    """Run the dilation on a purification of ρ and trace out the environment.

    The purification Σ √λ_i |i⟩|v_i⟩ includes a reference register, so that one state vector of 3n + 3 qubits represents
    the density matrix (n = 6: 2²¹ amplitudes).

    Args:
        gains: (2**n,) in [0, 1], n ≤ 6.
        rho: (2**n, 2**n) density matrix.

    Returns:
        (d + 1, d + 1) density matrix; level d is the erasure level.
    """
    circuit, output_qubits = _purified_run(gains, rho)
    circuit.save_density_matrix(output_qubits)
    out = np.asarray(aer_result(circuit, method="statevector").data(0)["density_matrix"])
    levels = 2 ** (len(output_qubits) - 1) + 1
    return out[:levels, :levels]


def sample_stinespring(gains: ArrayLike, rho: ArrayLike, *, shots: int, seed: int | None = 0) -> NDArray[np.int64]:
    """Measure data and flag after the dilation.

    Args:
        gains: as in `apply_stinespring`.
        rho: as in `apply_stinespring`.
        shots: total number of shots.
        seed: seed of the shots (`circuits.seeds`).

    Returns:
        (d + 1,) counts of the levels, the erasure level last; they sum to `shots`.
    """
    circuit, output_qubits = _purified_run(gains, rho)
    register = ClassicalRegister(len(output_qubits), "level")
    circuit.add_register(register)
    circuit.measure(output_qubits, register)
    own = stream(seed, "sample_stinespring", gains, rho, integer("shots", shots, 1))
    options = {"shots": shots, "seed_simulator": simulator_seed(own)}
    counts = outcome_counts(aer_result(circuit, method="statevector", **options), 2 ** len(output_qubits))
    return counts[: 2 ** (len(output_qubits) - 1) + 1]


def _purified_run(gains: ArrayLike, rho: ArrayLike) -> tuple[QuantumCircuit, list[int]]:
    """The dilation on the loaded purification, with the reference register on top, and its output qubits."""
    dilation = compile_circuit(stinespring_circuit(gains))
    d = len(np.asarray(gains))
    n = qubits_for(d)
    require(n <= 6, "gains", "must have at most 64 entries to be simulated", d)
    matrix = density_matrix("rho", rho)
    require_shape(matrix.shape == (d, d), "rho", f"({d}, {d})", matrix)
    populations("rho", matrix)
    values, vectors = np.linalg.eigh(matrix)
    purification = np.sqrt(np.clip(values, 0.0, None))[:, None] * vectors.T
    purification /= np.linalg.norm(purification)
    state = pad_to_register(purification, dilation.num_qubits).ravel()
    return from_state(state, dilation, dilation.num_qubits + n), list(range(n + 1))
