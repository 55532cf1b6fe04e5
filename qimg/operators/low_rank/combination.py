"""The sum of two low-rank operators, with an interval of the energy that its eigenvectors hold."""

import math
from typing import NamedTuple

import numpy as np

from qimg.core import Array


class Part(NamedTuple):
    """What is added: an approximation of M, and the interval of the energy in its span."""

    values: Array
    """(k,) eigenvalues."""
    basis: Array
    """(k, d) orthonormal rows."""
    trace: float
    energy: tuple[float, float]


def combined(first: Part, second: Part) -> Part:
    """The leading eigenvectors of the sum of both approximations, of the larger rank. Cost: an SVD of k₁ + k₂ rows."""
    rank = max(len(first.basis), len(second.basis))
    scaled = [part.basis * np.sqrt(part.values)[:, None] for part in (first, second)]
    _, values, rows = np.linalg.svd(np.concatenate(scaled), full_matrices=False)
    basis = phased(rows[:rank])
    ends = [energy_in(basis, part) for part in (first, second)]
    trace = first.trace + second.trace
    high = min(max(sum(most for _, most in ends), 0.0), trace)
    low = min(max(sum(least for least, _ in ends), 0.0), high)
    return Part(values=np.minimum(values[:rank] ** 2, trace), basis=basis, trace=trace, energy=(low, high))


def energy_in(basis: Array, part: Part) -> tuple[float, float]:
    """Interval of the energy of a part's vectors in the span of another basis.

    With P the projector on the part's basis and X its vectors, ‖X Q‖ lies within ‖X (1 − P)‖ ‖(1 − P) Q‖ of ‖X P Q‖.
    """
    overlap = basis @ part.basis.conj().T
    energy = float(((np.abs(overlap) ** 2) @ part.values).sum())
    low, high = part.energy
    sine = float(np.linalg.norm(basis - overlap @ part.basis, 2))
    left = math.sqrt(max(part.trace - low, 0.0)) * min(sine, 1.0)
    # At the trace the interval is cut off, and its length bounds no difference any more.
    most = math.sqrt(energy + (high - low) if high < part.trace else part.trace)
    least = math.sqrt(max(energy - (high - low), 0.0))
    return max(least - left, 0.0) ** 2, min((most + left) ** 2, part.trace)


def phased(rows: Array) -> Array:
    """Rows whose component of largest modulus is real and positive, as that of `qimg.operators.eigenbasis`."""
    pivots = rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)]
    return np.ascontiguousarray(rows * (np.abs(pivots) / pivots)[:, None])
