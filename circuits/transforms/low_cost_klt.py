"""Approximate KLTs with few CX: transforms grown from RY and CX, and the isometry of the leading eigenvectors."""

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from scipy.optimize import minimize

from circuits.preparation.ansatz import RotationCircuit, gate_table
from circuits.preparation.least_squares import CX
from circuits.seeds import checked_seed
from circuits.synthesis import matrix_circuit
from circuits.transforms.unitaries import DENSE_QUBITS
from qimg.core import Array, hermitian, integer, require
from qimg.core.compiled import compiled
from qimg.core.records import short_repr
from qimg.operators import eigenbasis
from qimg.states import qubits_for

TRIAL_STEPS, FIT_STEPS = 10, 60


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class GrownTransform(RotationCircuit):
    """A real transform of RY and CX gates."""

    coding_gain_db: float
    """Coding gain on the second moments for which it was optimised."""
    name: ClassVar[str] = "grown klt"

    def unitary(self) -> Array:
        """(2**n, 2**n) real orthogonal matrix."""
        matrix = np.eye(2**self.n_qubits)
        _run(self.gates(), self.angles, matrix)
        return matrix


def coding_gain_db(moments: ArrayLike) -> float:
    """Coding gain in decibels: 10 log₁₀ of the arithmetic over the geometric mean of the variances on the diagonal.

    It is 0 if all variances are equal and largest, among unitary transforms, for the KLT. Variances below 1e-12 of the
    largest are raised to this value.

    Args:
        moments: (d, d) Hermitian, in the basis of the coefficients.
    """
    variances = np.diagonal(hermitian("moments", moments)).real
    require(bool(variances.max() > 0), "moments", "must have energy", float(variances.max()))
    floored = np.maximum(variances, 1e-12 * variances.max())
    return float(10 * np.log10(floored.mean()) - 10 * np.log10(floored).mean())


def grow_transforms(rho: ArrayLike, *, max_cx: int, seed: int | None = 0) -> list[GrownTransform]:
    """Real transforms of 0, 1, … `max_cx` CX with a high coding gain, each grown from the previous one.

    The first transform consists of the best rotations of single qubits. A CX alone at the end permutes the coefficients
    and does not change the gain. For every pair a CX with an RY on both qubits is tried, and all angles are fitted for
    a few steps of L-BFGS on Σ ln(variance), whose gradient costs two runs of the circuit. The best pair is then fitted
    for more steps. In this greedy search the gain increases with the budget and is at most that of the KLT.

    Args:
        rho: (2**n, 2**n) real symmetric, positive semidefinite: a density matrix, a covariance, second moments.
        max_cx: largest number of CX.
        seed: seed of the noise on the starting angles (`circuits.seeds`).
    """
    moments = hermitian("rho", rho)
    require(not np.iscomplexobj(moments), "rho", "must be real", moments.dtype.name)
    n = qubits_for(len(moments))
    require(len(moments) == 2**n >= 2, "rho", "must act on whole qubits", len(moments))
    budget = integer("max_cx", max_cx, 0)
    energy = float(np.trace(moments))
    require(energy > 0, "rho", "must have energy", energy)
    matrix = moments / energy + 1e-12 * np.eye(len(moments))
    rng = np.random.default_rng(checked_seed(seed))
    none = np.zeros((0, 2), np.int64)
    starts = [np.full(n, angle) + rng.normal(0, 0.1, n) for angle in (0.0, np.pi / 2)]
    best = min((_fit(matrix, n, none, start, FIT_STEPS) for start in starts), key=lambda fit: fit[1])
    pairs, path = none, [(none, *best)]
    while len(pairs) < budget and n > 1:
        trials = []
        for pair in combinations(range(n), 2):
            longer = np.vstack([pairs, rng.permutation(pair)])
            warm = np.concatenate([best[0], rng.normal(0, 0.2, 2)])
            trials.append((_fit(matrix, n, longer, warm, TRIAL_STEPS), longer))
        (angles, _), longer = min(trials, key=lambda trial: trial[0][1])
        fitted = _fit(matrix, n, longer, angles, FIT_STEPS)
        still = np.concatenate([best[0], np.zeros(2)])
        best, pairs = (fitted if fitted[1] <= best[1] else (still, best[1])), longer
        path.append((pairs, *best))
    constant = np.log(np.trace(matrix) / len(matrix))
    return [
        GrownTransform(
            n_qubits=n,
            pairs=chosen,
            angles=angles,
            coding_gain_db=float(10 / np.log(10) * (constant - value / len(matrix))),
        )
        for chosen, angles, value in path
    ]


def leading_klt_circuit(rho: ArrayLike, *, kept: int) -> QuantumCircuit:
    """A circuit that takes the leading eigenvectors of ρ to |0⟩, |1⟩, …, |kept − 1⟩, and the others above in any basis.

    It is the inverse of an isometry (`circuits.synthesis.matrix_circuit`). The lowest levels have the same energy as
    for the KLT.

    Args:
        rho: (2**n, 2**n) Hermitian, n at most 6.
        kept: number of leading eigenvectors, a power of two, at most 2ⁿ.
    """
    matrix = hermitian("rho", rho)
    n = qubits_for(len(matrix))
    require(
        len(matrix) == 2**n and 1 <= n <= DENSE_QUBITS, "rho", f"must act on 1 to {DENSE_QUBITS} qubits", len(matrix)
    )
    integer("kept", kept, 1, 2**n)
    require(kept & (kept - 1) == 0, "kept", "must be a power of two", kept)
    circuit = matrix_circuit(eigenbasis(matrix)[:, :kept]).inverse()
    circuit.name = "leading klt"
    return circuit


def _fit(matrix: Array, n: int, pairs: Array, start: Array, steps: int) -> tuple[Array, float]:
    """Fitted angles, and Σ ln(variance) of the coefficients."""
    table = gate_table(n, pairs, False)

    def cost(angles: Array) -> tuple[float, Array]:
        unitary = np.eye(len(matrix))
        _run(table, angles, unitary)
        mapped = unitary @ matrix
        variances = (mapped * unitary).sum(axis=1)
        gradient = _gradient(table, angles, unitary, 2 * mapped / variances[:, None])
        return float(np.log(variances).sum()), gradient

    result = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return np.asarray(result.x), float(result.fun)


@compiled
def _run(gates: Array, angles: Array, matrix: Array) -> None:
    """Apply the gates to the rows of a matrix, in place."""
    angle = 0
    for g in range(gates.shape[0]):
        if gates[g, 0] == CX:
            _flip(matrix, gates[g, 1], gates[g, 2])
        else:
            _turn(matrix, gates[g, 1], angles[angle])
            angle += 1


@compiled(allocates=True)
def _gradient(gates: Array, angles: Array, unitary: Array, slope: Array) -> Array:
    """Derivatives by the angles from those by the entries of the unitary; the gates are undone on both matrices."""
    out = np.zeros(angles.shape[0])
    angle = angles.shape[0] - 1
    for g in range(gates.shape[0] - 1, -1, -1):
        if gates[g, 0] == CX:
            _flip(unitary, gates[g, 1], gates[g, 2])
            _flip(slope, gates[g, 1], gates[g, 2])
            continue
        stride = 1 << gates[g, 1]
        for row in range(unitary.shape[0]):
            if row & stride == 0:
                for column in range(unitary.shape[1]):
                    out[angle] += slope[row + stride, column] * unitary[row, column]
                    out[angle] -= slope[row, column] * unitary[row + stride, column]
        out[angle] /= 2
        _turn(unitary, gates[g, 1], -angles[angle])
        _turn(slope, gates[g, 1], -angles[angle])
        angle -= 1
    return out


@compiled
def _turn(matrix: Array, qubit: int, angle: float) -> None:
    cosine, sine, stride = np.cos(angle / 2), np.sin(angle / 2), 1 << qubit
    for row in range(matrix.shape[0]):
        if row & stride == 0:
            for column in range(matrix.shape[1]):
                low, high = matrix[row, column], matrix[row + stride, column]
                matrix[row, column] = cosine * low - sine * high
                matrix[row + stride, column] = sine * low + cosine * high


@compiled
def _flip(matrix: Array, control: int, target: int) -> None:
    for row in range(matrix.shape[0]):
        if row & (1 << control) and not row & (1 << target):
            for column in range(matrix.shape[1]):
                low, high = matrix[row, column], matrix[row | (1 << target), column]
                matrix[row, column], matrix[row | (1 << target), column] = high, low
