"""Textbook noise channels. `error_weight` 0 is the identity, 1 the fully degraded state."""

import numpy as np

from qimg.channels.kraus import KrausChannel
from qimg.core import fraction, integer


def dephasing(dimension: int, *, error_weight: float) -> KrausChannel:
    """ρ ↦ (1 − p) ρ + p diag(ρ): coherences are multiplied by 1 − p, populations are unchanged.

    Args:
        dimension: number of levels d.
        error_weight: p in [0, 1].
    """
    size, p = integer("dimension", dimension, 1), fraction("error_weight", error_weight)
    operators = np.zeros((size + 1, size, size))
    operators[0] = np.sqrt(1 - p) * np.eye(size)
    levels = np.arange(size)
    operators[1 + levels, levels, levels] = np.sqrt(p)
    return KrausChannel(operators)


def depolarizing(dimension: int, *, error_weight: float) -> KrausChannel:
    """ρ ↦ (1 − p) ρ + p · 1/d.

    Args:
        dimension: number of levels d, at most 16 (d² + 1 operators).
        error_weight: p in [0, 1].
    """
    size, p = integer("dimension", dimension, 1, 16), fraction("error_weight", error_weight)
    jumps = np.eye(size * size).reshape(size * size, size, size) * np.sqrt(p / size)
    return KrausChannel(np.concatenate([np.sqrt(1 - p) * np.eye(size)[None], jumps]))


def amplitude_damping(dimension: int, *, error_weight: float) -> KrausChannel:
    """Decay of every level to level 0 with weight p; the result for p = 1 is |0⟩⟨0|.

    K₀ = diag(1, √(1−p), …), L_k = √p |0⟩⟨k| for k ≥ 1.

    Args:
        dimension: number of levels d.
        error_weight: p in [0, 1].
    """
    size, p = integer("dimension", dimension, 1), fraction("error_weight", error_weight)
    operators = np.zeros((size, size, size))
    operators[0] = np.diag([1.0] + [np.sqrt(1 - p)] * (size - 1))
    levels = np.arange(1, size)
    operators[levels, 0, levels] = np.sqrt(p)
    return KrausChannel(operators)
