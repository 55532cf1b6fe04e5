"""Phase angles of quantum signal processing for real polynomials of definite parity."""

from dataclasses import dataclass

import numpy as np

from circuits.algorithms.polynomials import Polynomial
from qimg.core import Array
from qimg.core.records import short_repr

LARGEST_DEVIATION = 1e-10
"""Largest difference between the polynomial and that of the angles."""

_ITERATIONS = 60
_CHUNK = 1 << 22  # numbers of a batch of nodes


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class PhaseAngles:
    """Symmetric phase angles of a polynomial, and the deviation of their polynomial from it."""

    angles: Array
    """(degree + 1,) angles φ, φ_j = φ_{degree − j}."""
    deviation: float
    """max |Im⟨0|U(x)|0⟩ − P(x)| on a grid of [0, 1] that is four times as dense as the nodes."""
    iterations: int
    """Steps of Newton's method."""


def phase_angles(polynomial: Polynomial) -> PhaseAngles:
    """Symmetric angles with Im⟨0| e^{iφ₀Z} ∏ W(x) e^{iφ_jZ} |0⟩ = P(x), W(x) = e^{i arccos(x) X}.

    Newton's method from φ = 0 on the values of P at ⌈(degree + 1)/2⌉ Chebyshev nodes (Dong, Lin, Ni and Wang, 2024),
    with halved steps where a whole one does not reduce the deviation. Cost of a step: O(degree³). The result is
    compared with the polynomial on a grid.

    Args:
        polynomial: |P| < 1 on [0, 1], as all results of `approximate`.

    Raises:
        RuntimeError: the angles miss the polynomial by more than `LARGEST_DEVIATION`.
    """
    degree = polynomial.degree
    free = degree // 2 + 1
    nodes = np.cos(np.pi * (2 * np.arange(1, free + 1) - 1) / (4 * free))
    target = polynomial(nodes)
    half = np.zeros(free)
    miss = _values(half, degree, nodes) - target
    iterations = 0
    while iterations < _ITERATIONS and np.abs(miss).max() > 1e-14 * degree:
        iterations += 1
        step = np.linalg.solve(_jacobian(half, degree, nodes), miss)
        size = 1.0
        while True:
            candidate = half - size * step
            left = _values(candidate, degree, nodes) - target
            if np.linalg.norm(left) < np.linalg.norm(miss) or size < 1e-6:
                break
            size /= 2
        if size < 1e-6:
            break
        half, miss = candidate, left
    grid = np.cos(np.pi * np.arange(4 * free + 1) / (8 * free))
    deviation = float(np.abs(_values(half, degree, grid) - polynomial(grid)).max())
    if not deviation <= LARGEST_DEVIATION:
        raise RuntimeError(
            f"the phase angles of degree {degree} miss the polynomial by {deviation:.3g}, more than "
            f"{LARGEST_DEVIATION:.0e}; a polynomial further below 1 in modulus needs smaller angles"
        )
    tail = half[::-1] if degree % 2 else half[-2::-1]
    return PhaseAngles(angles=np.concatenate([half, tail]), deviation=deviation, iterations=iterations)


def _rows(half: Array, degree: int, x: Array, keep: bool) -> tuple[Array, list[Array]]:
    """The row vector ⟨0| e^{iφ₀Z} W e^{iφ₁Z} … of the first half before its middle, and those after each angle."""
    row = np.zeros((2, len(x)), complex)
    row[0] = 1.0
    rows = []
    for j in range(len(half) if degree % 2 else len(half) - 1):
        row = _turned(row, half[j])
        if keep:
            rows.append(row)
        if degree % 2 == 0 or j < len(half) - 1:
            row = _signal(row, x)
    return row, rows


def _middle(row: Array, half: Array, degree: int, x: Array) -> Array:
    """The column that the row is multiplied by: the middle W or middle phase, times the transposed row."""
    return _signal(row, x) if degree % 2 else _turned(row, half[-1])


def _signal(vectors: Array, x: Array) -> Array:
    """W(x) times vectors (2, nodes), one for each node; W is symmetric, so rows and columns are treated alike."""
    y = 1j * np.sqrt(1 - x * x)
    return np.stack([vectors[0] * x + vectors[1] * y, vectors[0] * y + vectors[1] * x])


def _turned(vectors: Array, angle: float) -> Array:
    """e^{iφZ} times vectors (2, nodes)."""
    phase = np.exp(1j * angle)
    return np.stack([vectors[0] * phase, vectors[1] / phase])


def _values(half: Array, degree: int, x: Array) -> Array:
    """Im⟨0|U|0⟩ at nodes x. W and e^{iφZ} are symmetric matrices, so U = A K Aᵀ with the middle K."""
    row, _ = _rows(half, degree, x, keep=False)
    return np.asarray((row * _middle(row, half, degree, x)).sum(axis=0).imag)


def _jacobian(half: Array, degree: int, x: Array) -> Array:
    """(nodes, free) derivatives of the values with respect to the angles."""
    result = np.empty((len(x), len(half)))
    size = max(1, _CHUNK // len(half))
    for first in range(0, len(x), size):
        part = slice(first, first + size)
        result[part] = _jacobian_at(half, degree, x[part])
    return result


def _jacobian_at(half: Array, degree: int, x: Array) -> Array:
    row, rows = _rows(half, degree, x, keep=True)
    column = _middle(row, half, degree, x)
    result = np.empty((len(x), len(half)))
    if degree % 2 == 0:  # the middle angle occurs once, the others twice
        result[:, -1] = (1j * (row[0] * column[0] - row[1] * column[1])).imag
    for j in range(len(rows) - 1, -1, -1):
        if degree % 2 == 0 or j < len(rows) - 1:
            column = _signal(column, x)
        result[:, j] = (2j * (rows[j][0] * column[0] - rows[j][1] * column[1])).imag
        column = _turned(column, half[j])
    return result
