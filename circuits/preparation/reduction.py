"""Reduction of a state before its synthesis: real phase, few basis states, product factors."""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from qimg.core import Array

NEGLIGIBLE = 1e-13
"""Weight that is attributed to rounding and ignored."""

_SPLITS = 3 * NEGLIGIBLE
"""Weight that all splittings of a state into factors may ignore together."""


class Support(NamedTuple):
    """A state on few basis states: Σ_c a_c |o ⊕ c₁b₁ ⊕ … ⊕ c_d b_d⟩, an affine subspace of bit strings."""

    amplitudes: Array
    """(2**d,) the state in the coordinates c."""
    qubits: list[int]
    """Qubit that carries each coordinate: the pivots of the basis in reduced echelon form."""
    copies: list[tuple[int, int]]
    """CX (control, target) that complete the bit strings."""
    flips: list[int]
    """Flipped qubits: the bits of o, none of which is a pivot."""


class Factor(NamedTuple):
    """One factor of a product state."""

    qubits: list[int]
    """Its qubits, ascending."""
    amplitudes: Array
    """(2**len(qubits),) of norm 1."""


def without_phase(amplitudes: Array) -> Array:
    """The vector as a real one if it is real up to a global phase; otherwise unchanged."""
    if not np.iscomplexobj(amplitudes):
        return amplitudes
    square = (amplitudes**2).sum()
    turned = amplitudes * np.exp(-0.5j * np.angle(square))
    return turned.real.copy() if float((turned.imag**2).sum()) <= NEGLIGIBLE else amplitudes


def affine_support(amplitudes: Array) -> Support:
    """The state in the coordinates of the smallest affine space of bit strings that holds its basis states.

    Exact up to a weight of `NEGLIGIBLE`. A state on s basis states has at most s − 1 coordinates; a GHZ state has one.
    """
    weights = np.abs(amplitudes) ** 2
    order = np.argsort(weights)
    support = order[np.cumsum(weights[order]) > NEGLIGIBLE]
    origin = int(support[-1])
    basis: list[int] = []
    n_qubits = len(amplitudes).bit_length() - 1
    for index in support[::-1].tolist():
        if len(basis) == n_qubits:
            break
        rest = index ^ origin
        for vector in basis:
            rest = min(rest, rest ^ vector)
        if rest:
            # Leading bits are pivots: clear the new pivot in the earlier vectors.
            pivot = 1 << (rest.bit_length() - 1)
            basis = sorted([vector ^ rest if vector & pivot else vector for vector in basis] + [rest])
    pivots = [vector.bit_length() - 1 for vector in basis]
    for vector in basis:
        origin = min(origin, origin ^ vector)
    indices = np.full(1, origin)
    for vector in basis:
        indices = np.concatenate([indices, indices ^ vector])
    copies = [
        (pivot, bit) for vector, pivot in zip(basis, pivots, strict=True) for bit in range(pivot) if vector >> bit & 1
    ]
    flips = [bit for bit in range(origin.bit_length()) if origin >> bit & 1]
    inside = amplitudes[indices]
    return Support(inside / np.linalg.norm(inside), pivots, copies, flips)


def factors(amplitudes: Array) -> list[Factor]:
    """The state as a product over sets of qubits: all sets up to 10 qubits, only single qubits above.

    Exact up to a weight of `NEGLIGIBLE` at each splitting and three times that in all; the product differs from the
    state by a global phase. Cost: one small SVD for each set, at most 2ⁿ⁻¹.
    """
    return _split(list(range(len(amplitudes).bit_length() - 1)), amplitudes, _SPLITS)


def _split(qubits: list[int], amplitudes: Array, allowed: float) -> list[Factor]:
    count = len(qubits)
    tensor = amplitudes.reshape((2,) * count)
    for size in range(1, count // 2 + 1 if count <= 10 else 2):
        for chosen in combinations(range(count), size):
            rest = [k for k in range(count) if k not in chosen]
            # Axis 0 of the tensor is the highest qubit.
            axes = [count - 1 - k for k in (*reversed(chosen), *reversed(rest))]
            left, values, right = np.linalg.svd(tensor.transpose(axes).reshape(2**size, -1), full_matrices=False)
            ignored = float((values[1:] ** 2).sum())
            if ignored <= min(NEGLIGIBLE, allowed):
                first = Factor([qubits[k] for k in chosen], left[:, 0])
                return [first, *_split([qubits[k] for k in rest], right[0], allowed - ignored)]
    return [Factor(qubits, amplitudes)]
