"""Experts as small integers: rounded where rounding costs nothing, in the eigenbasis of what they see.

A weight on a direction of variance λ changes estimates by √λ of its own change. In the eigenbasis of the pooled
inputs, scaled by √λ, and in the DCT of the output, weights are therefore rounded with one step for each expert, a small
share of what the expert misses; most are zero then.
"""

from dataclasses import dataclass

import numpy as np

from qimg.core import Array
from qimg.restoration.jpeg.experts import Experts
from qimg.transforms import unitary

_OUTPUTS = 64
_LOGS = 8  # steps and deviations are powers of 2^(1/8)
_FINE = 64  # deviations of single outputs: powers of 2^(1/64)


@dataclass(frozen=True, eq=False, kw_only=True)
class RoundedExperts:
    """Integers from which `experts` are made, the same everywhere up to rounding of single precision."""

    integers: Array
    """(E, m, 64) int8 weights in units of each expert's step, inputs by descending eigenvalue, outputs by frequency."""
    steps: Array
    """(E,) int16 eighths of log₂ of each step."""
    basis: Array
    """(m, m) int16 eigenvectors of the pooled inputs as columns, each in units of 2⁻¹⁵ of its scale."""
    scales: Array
    """(m,) int16 eighths of log₂ of what divides each column: √λ."""
    deviations: Array
    """(E, 64) int16, 64ths of log₂ of the root of what each expert misses in each pixel."""

    def experts(self) -> Experts:
        """The experts in single precision. Cost: m² · 64 products for each."""
        columns = self.basis / 32768.0 / 2.0 ** (self.scales / _LOGS)
        inner = (self.integers.astype(np.float32) @ unitary("dct_2d", _OUTPUTS).astype(np.float32)).astype(np.float32)
        inner *= (2.0 ** (self.steps / _LOGS)).astype(np.float32)[:, None, None]
        weights = np.matmul(columns.astype(np.float32), inner)
        return Experts(weights=weights, variances=(4.0 ** (self.deviations / _FINE)).astype(np.float32))


def rounded(weights: Array, variances: Array, covariances: Array, shares: Array, *, precision: float) -> RoundedExperts:
    """Round experts.

    Args:
        weights: (E, m, 64).
        variances: (E, 64) what each misses.
        covariances: (E, m, m) of the inputs of each.
        shares: (E,) how often each is asked.
        precision: step, as a share of what an expert misses, with inputs of the pooled shape.
    """
    pooled = np.tensordot(shares / shares.sum(), covariances, 1)
    values, vectors = np.linalg.eigh(pooled)
    values, vectors = np.maximum(values[::-1], values[-1] * 1e-9), vectors[:, ::-1]
    scales = np.rint(_LOGS * np.log2(values) / 2).astype(np.int16)
    basis = np.clip(np.rint(32768 * vectors), -32768, 32767).astype(np.int16)
    # back to weights: W = B S⁻¹ G U, so G = S B⁻¹ W Uᵀ; B is orthonormal up to its own rounding.
    inner = 2.0 ** (scales / _LOGS)[:, None] * np.linalg.solve(basis / 32768.0, weights) @ unitary("dct_2d", _OUTPUTS).T
    energy = np.trace(covariances, axis1=1, axis2=2) / np.trace(pooled)
    missed = variances.mean(axis=1)
    steps = np.floor(_LOGS * np.log2(precision * np.sqrt(missed / np.maximum(energy, 1e-3)))).astype(np.int16)
    most = np.abs(inner).max(axis=(1, 2)) / 127
    steps = np.maximum(steps, np.ceil(_LOGS * np.log2(most))).astype(np.int16)
    integers = np.rint(inner / (2.0 ** (steps / _LOGS))[:, None, None]).astype(np.int8)
    deviations = np.rint(_FINE * np.log2(variances) / 2).astype(np.int16)
    return RoundedExperts(integers=integers, steps=steps, basis=basis, scales=scales, deviations=deviations)
