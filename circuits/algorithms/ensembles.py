"""Density matrices as inputs of quantum algorithms: the ensemble average of patches and its purification."""

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from circuits.preparation.states import prepare
from qimg.core import Array, arguments, density_matrix, populations, require, require_shape
from qimg.operators import CorrelationOperator
from qimg.states import pad_matrix_to_register, pad_to_register, picture_state, qubits_for

MAX_DIMENSION = 64
"""Largest dimension of the density matrices of quantum PCA."""


def ensemble_average(source: ArrayLike | CorrelationOperator, *, centred: bool = False) -> Array:
    """The ensemble average Σ_b p_b |x_b⟩⟨x_b| of amplitude-encoded vectors with weights p_b = ‖x_b‖² / Σ ‖x‖².

    Uncentred it is the correlation operator M / tr M. With the mean vector subtracted first it is the covariance,
    divided by its trace (Gordon, Cerezo, Cincio and Coles, PRX Quantum 3, 030334, 2022). Exact; cost O(n d²).

    Args:
        source: (n, d) vectors, or their correlation operator.
        centred: whether the mean is subtracted.

    Raises:
        ValueError: all vectors are zero, or equal if they are centred.

    >>> ensemble_average([[3.0, 0.0], [0.0, 1.0]])
    array([[0.9, 0. ],
           [0. , 0.1]])
    """
    operator = source if isinstance(source, CorrelationOperator) else CorrelationOperator.from_patches(source)
    if not centred:
        return operator.density_matrix()
    covariance = operator.covariance()
    trace = float(np.trace(covariance).real)
    least = 1e-12 * float(np.trace(operator.matrix).real) / operator.count
    require(trace > least, "source", "must hold vectors that differ if they are centred: total variance above 0", trace)
    return np.asarray(covariance / trace)


def ensemble_circuit(patches: ArrayLike, *, centred: bool = False) -> QuantumCircuit:
    """Prepares Σ_b |b⟩|x_b⟩ / ‖X‖, whose "what" register holds a copy of the ensemble average.

    The "what" register is the low ⌈log₂ d⌉ qubits; the register of the index b above it is discarded. Exact to an
    infidelity of 1e-12. Cost: about 2^(m + k − 1) CX for m qubits of index and k of "what" (`circuits.prepare`).

    Args:
        patches: (n, d) real or complex.
        centred: whether the mean is subtracted first.

    >>> ensemble_circuit([[3.0, 0.0], [0.0, 1.0]]).num_qubits
    2
    """
    vectors = arguments.numeric("patches", patches)
    require_shape(vectors.ndim == 2 and vectors.size > 0, "patches", "(n, d) with n, d >= 1", vectors)
    shifted = vectors - vectors.mean(axis=0) if centred else vectors
    require(bool(np.abs(shifted).max() > 0), "patches", "must not all be zero, nor equal if centred", shifted.shape)
    by_index = pad_to_register(picture_state(shifted)).T
    state = pad_to_register(by_index).T.ravel()
    return prepare(state if len(state) > 1 else np.array([1.0, 0.0]))


def purification_circuit(rho: ArrayLike) -> QuantumCircuit:
    """Prepares Σ_j √λ_j |j⟩|v_j⟩, the Schmidt form of any purification of ρ with its smallest environment.

    The low ⌈log₂ d⌉ qubits hold a copy of ρ; ⌈log₂ rank⌉ qubits above them are discarded, none for a pure state.

    Args:
        rho: (d, d) density matrix; d that is no power of two is padded with zeros.
    """
    weights, vectors = spectral(rho)
    rank = max(int((weights > 1e-14).sum()), 1)
    environment = (rank - 1).bit_length()
    amplitudes = np.zeros((2**environment, len(weights)), vectors.dtype)
    amplitudes[:rank] = (vectors[:, :rank] * np.sqrt(weights[:rank])).T
    flat = amplitudes.ravel()
    return prepare(flat / np.linalg.norm(flat))


def padded_density(rho: ArrayLike, *, name: str = "rho") -> Array:
    """A positive density matrix (2**n, 2**n), n ≥ 1, padded with zeros."""
    matrix = density_matrix(name, rho)
    require_shape(matrix.ndim == 2, name, "(d, d)", matrix)
    populations(name, matrix)
    n = max(qubits_for(len(matrix)), 1)
    return pad_matrix_to_register(matrix, n)


def spectral(rho: ArrayLike) -> tuple[Array, Array]:
    """Eigenvalues, descending, and eigenvectors in columns of a padded density matrix."""
    weights, vectors = np.linalg.eigh(padded_density(rho))
    return np.clip(weights[::-1], 0, None), vectors[:, ::-1]
