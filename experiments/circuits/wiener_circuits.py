"""The operator, polynomials and circuits that `unitary_denoising` compares, each made once for all pictures."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UCRYGate

import circuits
from circuits.execution.backends import aer_result
from circuits.synthesis import matrix_circuit
from experiments._run import Array
from qimg import prior

UNWEIGHTED, INTERVAL, SPECTRUM, ODD = "√ρ, equal weights", "√ρ, interval", "√ρ, spectrum", "ρ"
"""The encoded matrix, and where the polynomial is close to the filter."""

APPROXIMATIONS = (UNWEIGHTED, INTERVAL, SPECTRUM, ODD)


@lru_cache
def second_moments(size: int) -> Array:
    """C = M / count of level-shifted luma patches under the shipped prior; of 4×4 patches, the mean of the quadrants'.

    The prior was fitted on none of the measured pictures.
    """
    operator = prior.load().operator
    moments = np.asarray(operator.matrix / operator.count)
    if size == 8:
        return moments
    pixels = moments.reshape((8, 8, 8, 8))
    starts = [(row, column) for row in (0, 4) for column in (0, 4)]
    quadrants = [pixels[r : r + 4, c : c + 4, r : r + 4, c : c + 4].reshape(16, 16) for r, c in starts]
    return np.asarray(np.mean(quadrants, axis=0))


@lru_cache
def eigenvalues(size: int) -> Array:
    """Eigenvalues of the second moments, in ascending order."""
    return np.maximum(np.linalg.eigvalsh(second_moments(size)), 0.0)


@lru_cache
def encoding(size: int, approximation: str) -> circuits.BlockEncoding:
    """The dilation of the root, or for `ODD` of the operator itself."""
    root = approximation != ODD
    scale = None if root else float(eigenvalues(size)[-1])
    return circuits.block_encoding(second_moments(size), method="dilation", root=root, scale=scale)


@lru_cache(maxsize=256)
def wiener_polynomial(size: int, sigma: float, approximation: str, degree: int) -> circuits.Polynomial:
    """The polynomial of a degree for C (C + σ²)⁻¹.

    `INTERVAL` and `SPECTRUM` weight the error at an eigenvalue λ with √(λ + σ²), the deviation of a noisy coefficient,
    so that the largest weighted error bounds the deviation that it adds to any coefficient.
    """
    function = circuits.wiener_filter(noise=sigma**2)
    spectrum = eigenvalues(size)
    if approximation in (INTERVAL, SPECTRUM):
        count = 8 * degree + 32
        nodes = spectrum[-1] * ((1 + np.cos(np.pi * np.arange(count + 1) / count)) / 2) ** 2
        points = nodes if approximation == INTERVAL else spectrum
        function = function.at(points, np.sqrt(points + sigma**2))
    return function.polynomial(encoding(size, approximation), degree=degree)


def filter_of(size: int, sigma: float, approximation: str, degree: int) -> Array:
    """P(A/α) divided by its factor: the matrix that the circuit applies, up to rounding."""
    polynomial, block = wiener_polynomial(size, sigma, approximation, degree), encoding(size, approximation)
    values, basis = np.linalg.eigh(second_moments(size))
    singular = np.maximum(values, 0.0) ** block.power / block.subnormalisation
    gains = polynomial(np.minimum(singular, 1.0)) / polynomial.factor
    return np.asarray((basis * gains) @ basis.T)


def predicted_success(size: int, sigma: float) -> float:
    """Probability tr f(C)²(C + σ²) / tr(C + σ²) that the filter f succeeds on noisy patches with second moments C."""
    values = eigenvalues(size)
    return float((values**2 / (values + sigma**2)).sum() / (values + sigma**2).sum())


def amplified(success: float) -> float:
    """Success sin²(3 arcsin √p) after one round of amplitude amplification, which takes three times the steps."""
    return float(np.sin(3 * np.arcsin(np.sqrt(min(success, 1.0)))) ** 2)


def dense_gate_cx(n_qubits: int) -> int:
    """CX of any unitary by Shannon decomposition, 23/48 4ⁿ − 3/2 2ⁿ + 4/3 (Shende, Bullock and Markov, 2006)."""
    return round(23 / 48 * 4**n_qubits - 3 / 2 * 2**n_qubits + 4 / 3)


@lru_cache
def eigenbasis_circuit(size: int, sigma: float) -> QuantumCircuit:
    """KLT, one rotation of an ancilla for each eigenvector, and the inverse KLT: the filter exactly, without steps."""
    values, basis = np.linalg.eigh(second_moments(size))
    klt = matrix_circuit(basis.T)
    n = klt.num_qubits
    gains = np.maximum(values, 0.0) / (np.maximum(values, 0.0) + sigma**2)
    circuit = QuantumCircuit(n + 1, name="eigenbasis")
    circuit.compose(klt, range(n), inplace=True)
    circuit.append(UCRYGate((2 * np.arccos(np.minimum(gains, 1.0))).tolist()), [n, *range(n)])
    circuit.compose(klt.inverse(), range(n), inplace=True)
    return circuits.compile_circuit(circuit)


@lru_cache
def transformation_in_gates(size: int, sigma: float, degree: int) -> QuantumCircuit:
    """The transformation by the root at the spectrum, in CX and one-qubit gates; for 4×4 patches."""
    phases = circuits.phase_angles(wiener_polynomial(size, sigma, SPECTRUM, degree))
    block = encoding(size, SPECTRUM).in_gates()
    return circuits.compile_circuit(circuits.transformation_circuit(block, phases))


@dataclass(frozen=True, eq=False, kw_only=True)
class Effects:
    """What a noisy circuit measures: p_k(x) = x† O_k x / ‖x‖² for pixel k with all ancillas 0."""

    operators: Array
    """(d, d, d) O_k."""

    def probabilities(self, vectors: Array) -> Array:
        """(n, d) joint probabilities of pixel and success for each vector; zeros for zero vectors."""
        joint = np.einsum("ni,kij,nj->nk", vectors, self.operators, vectors, optimize=True).real
        squares = (vectors**2).sum(axis=1, keepdims=True)
        return np.asarray(np.maximum(joint, 0.0) / np.where(squares > 0, squares, 1.0))


def effects(circuit: QuantumCircuit, system: int, strength: float) -> Effects:
    """The effects of a compiled circuit under depolarizing noise of its gates, exactly, for any number of vectors.

    The projector of each result runs backwards through the adjoint circuit. Depolarizing noise is its own adjoint and
    commutes with the gate on the same qubits, so the noise of the inverse circuit is that of the circuit.

    Args:
        circuit: of `BASIS_GATES`.
        system: qubits of the pixels, the lowest ones.
        strength: error weight of a CX; a tenth of it on gates of one qubit except RZ.
    """
    d, total = 2**system, 2**circuit.num_qubits
    # Gates are inverted one by one: what a compiler merges would have less noise.
    backwards = circuits.compile_circuit(circuit.inverse(), optimization_level=0)
    runs = []
    for pixel in range(d):
        projector = np.zeros((total, total), complex)
        projector[pixel, pixel] = 1.0
        whole = QuantumCircuit(circuit.num_qubits)
        whole.set_density_matrix(projector)
        whole.compose(backwards, inplace=True)
        whole.save_density_matrix()
        runs.append(whole)
    model = circuits.noise_model("depolarizing", strength)
    result = aer_result(runs, method="density_matrix", noise_model=model)
    evolved = [np.asarray(result.data(k)["density_matrix"])[:d, :d] for k in range(d)]
    return Effects(operators=np.stack(evolved))
