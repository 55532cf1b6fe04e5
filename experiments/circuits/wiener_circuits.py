"""The operator, polynomials and circuits that `unitary_denoising` compares, each made once for all pictures."""

from functools import lru_cache
from typing import Any

import numpy as np

import circuits
from circuits.algorithms.eigenbasis import eigenbasis_circuit
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
def wiener_in_eigenbasis(size: int, sigma: float) -> Any:
    """A `QuantumCircuit` of the filter, exact and without steps, from the eigenvectors of the second moments."""
    return eigenbasis_circuit(second_moments(size), lambda values: values / (values + sigma**2))


@lru_cache
def transformation_in_gates(size: int, sigma: float, degree: int) -> Any:
    """A `QuantumCircuit` of the transformation by the root at the spectrum, in CX and one-qubit gates; 4×4 patches."""
    phases = circuits.phase_angles(wiener_polynomial(size, sigma, SPECTRUM, degree))
    block = encoding(size, SPECTRUM).in_gates()
    return circuits.compile_circuit(circuits.transformation_circuit(block, phases))
