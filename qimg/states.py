"""State vectors of patches, their ensembles, and the picture as one bipartite state |where⟩|what⟩.

Component k of a vector is amplitude k of the register, and bit b of the integer k is qubit b (Qiskit's order), so
arrays pass to Qiskit unchanged.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.records import short_repr


@short_repr
class EncodedStates(NamedTuple):
    """State vectors and the norms of the original vectors."""

    amplitudes: Array
    """(..., d) unit vectors; a zero vector is |0…0⟩."""
    norms: Array
    """(...) Euclidean norms of the vectors; 0 for a zero vector."""


@short_repr
class SchmidtDecomposition(NamedTuple):
    """ψ = Σ_k s_k |u_k⟩|v_k⟩ of a bipartite pure state."""

    coefficients: Array
    """(r,) Schmidt coefficients s_k, descending; their squares sum to the squared norm of ψ."""
    left: Array
    """(a, r) with |u_k⟩ as columns."""
    right: Array
    """(r, b) with |v_k⟩ as rows, not conjugated: ψ = left · diag(coefficients) · right."""


def amplitude_encode(vectors: ArrayLike, *, n_qubits: int | None = None) -> EncodedStates:
    """State vectors x/‖x‖ and the norms ‖x‖.

    Args:
        vectors: (..., d) real or complex.
        n_qubits: pad with zero amplitudes to 2**n_qubits (192 → 256 with 8); no padding if omitted.

    Returns:
        `EncodedStates(amplitudes, norms)`; a zero vector becomes |0…0⟩ with norm 0.

    >>> amplitude_encode([3.0, 4.0])
    EncodedStates(amplitudes=[0.6, 0.8], norms=5.)
    """
    data = arguments.vectors("vectors", vectors)
    # Scaling by the largest component first avoids underflow and overflow in squares of tiny or huge values.
    largest = np.abs(data).max(axis=-1, keepdims=True)
    empty = largest == 0
    scaled = data / np.where(empty, 1.0, largest)
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    amplitudes = scaled / np.where(empty, 1.0, length)
    amplitudes[..., 0] = np.where(empty[..., 0], 1.0, amplitudes[..., 0])
    norms = (length * largest)[..., 0]
    if n_qubits is not None:
        amplitudes = pad_to_register(amplitudes, n_qubits)
    return EncodedStates(amplitudes, np.asarray(norms))


def amplitude_decode(amplitudes: ArrayLike, norms: ArrayLike, *, dimension: int | None = None) -> Array:
    """Vectors from state vectors and norms: the inverse of `amplitude_encode`.

    Args:
        amplitudes: (..., D).
        norms: (...), as returned by `amplitude_encode`.
        dimension: keep the first `dimension` components (to drop the padding); all if omitted.
    """
    states = arguments.vectors("amplitudes", amplitudes)
    lengths = arguments.numeric("norms", norms)
    arguments.require_shape(lengths.shape == states.shape[:-1], "norms", f"{states.shape[:-1]}", lengths)
    if dimension is not None:
        states = states[..., : integer("dimension", dimension, 1, states.shape[-1])]
    return states * lengths[..., None]


def qubits_for(dimension: int) -> int:
    """Qubits of the smallest register with at least `dimension` levels: ⌈log₂ dimension⌉."""
    return (integer("dimension", dimension, 1) - 1).bit_length()


def pad_to_register(amplitudes: ArrayLike, n_qubits: int | None = None) -> Array:
    """Append zero amplitudes up to 2**n_qubits; if omitted, up to the smallest register that fits."""
    states = arguments.vectors("amplitudes", amplitudes)
    smallest = qubits_for(states.shape[-1])
    n_qubits = smallest if n_qubits is None else integer("n_qubits", n_qubits, smallest)
    missing = 2**n_qubits - states.shape[-1]
    return np.pad(states, [(0, 0)] * (states.ndim - 1) + [(0, missing)])


def pad_matrix_to_register(matrix: ArrayLike, n_qubits: int | None = None) -> Array:
    """Append zero rows and columns to a square matrix up to 2**n_qubits, as `pad_to_register` does to amplitudes."""
    return np.asarray(pad_to_register(pad_to_register(matrix, n_qubits).T, n_qubits).T)


def ensemble_density_matrix(amplitudes: ArrayLike, weights: ArrayLike) -> Array:
    """ρ = Σ_i p_i |ψ_i⟩⟨ψ_i| with p = weights / Σ weights.

    With the squared norms of the patches as weights it is their energy-weighted density matrix M / tr M; with equal
    weights it is the mean over unit vectors.

    Args:
        amplitudes: (n, d) unit vectors.
        weights: (n,), not negative, not all zero.
    """
    states = arguments.vectors("amplitudes", amplitudes)
    arguments.require_shape(states.ndim == 2, "amplitudes", "(n, d)", states)
    shares = arguments.numeric("weights", weights)
    arguments.require_shape(shares.shape == states.shape[:1], "weights", f"{states.shape[:1]}", shares)
    arguments.require(bool(shares.min() >= 0), "weights", "must not be negative", float(shares.min()))
    arguments.require(bool(shares.sum() > 0), "weights", "must not sum to zero", float(shares.sum()))
    return np.asarray((states.T * (shares / shares.sum())) @ states.conj())


def picture_state(patches: ArrayLike) -> Array:
    """The whole picture as one state |I⟩ = Σ x_{b,p} |b⟩|p⟩ / ‖x‖ of a "where" and a "what" register.

    Tracing out "where" (`reduced_what`) leaves ρ = M / tr M, the energy-weighted density matrix of the patches:
    the picture is a purification of its correlation operator.

    Args:
        patches: (n, d), not all zero.

    Returns:
        (n, d) of unit Frobenius norm; its row-major flattening is the state vector, "what" being the low digits.
    """
    data = arguments.vectors("patches", patches)
    arguments.require_shape(data.ndim == 2, "patches", "(n, d)", data)
    norm = float(np.linalg.norm(data))
    arguments.require(norm > 0, "patches", "must not all be zero: a state has norm 1", norm)
    return data / norm


def reduced_what(state: ArrayLike) -> Array:
    """Reduced density matrix (d, d) of the "what" register of a bipartite pure state (n, d)."""
    psi = arguments.vectors("state", state)
    arguments.require_shape(psi.ndim == 2, "state", "(n, d)", psi)
    return np.asarray(psi.T @ psi.conj())


def schmidt_decomposition(state: ArrayLike) -> SchmidtDecomposition:
    """Schmidt decomposition of a bipartite pure state given as a matrix (a, b): its SVD.

    Cost: O(a b min(a, b)).
    """
    psi = arguments.vectors("state", state)
    arguments.require_shape(psi.ndim == 2, "state", "(a, b)", psi)
    left, coefficients, right = np.linalg.svd(psi, full_matrices=False)
    return SchmidtDecomposition(coefficients, left, right)


def partial_trace(rho: ArrayLike, dims: Sequence[int], *, keep: int | Sequence[int]) -> Array:
    """Reduced density matrix of the subsystems in `keep`.

    Subsystems are the digits of the index, the most significant first, as in `numpy.reshape`: an 8×8 patch has
    `dims=(8, 8)` (row, column), a Y'CbCr patch `(3, 8, 8)` (plane, row, column). Qiskit counts the other way round.

    Args:
        rho: (..., d, d).
        dims: dimensions of the subsystems; their product is d.
        keep: one subsystem or several, counted from 0; they stay in the order of `dims`.
    """
    matrix = arguments.square("rho", rho)
    sizes = arguments.dimensions("dims", dims, matrix.shape[-1])
    subsystems = sorted({keep} if isinstance(keep, int | np.integer) else set(keep))
    for subsystem in subsystems:
        integer("keep", subsystem, 0, len(sizes) - 1)
    batch = matrix.shape[:-2]
    count = len(sizes)
    rows = list(range(count))
    columns = [count + k if k in subsystems else k for k in range(count)]
    out = subsystems + [count + k for k in subsystems]
    traced = np.einsum(matrix.reshape(*batch, *sizes, *sizes), [Ellipsis, *rows, *columns], [Ellipsis, *out])
    size = int(np.prod([sizes[k] for k in subsystems]))
    return np.asarray(traced.reshape(*batch, size, size))
