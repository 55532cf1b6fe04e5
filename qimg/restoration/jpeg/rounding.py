"""Experts as small integers: weights rounded in the eigenbasis of the inputs with negligible loss.

A change of a weight on a direction of variance λ changes estimates by √λ times as much. Weights are therefore rounded
in the eigenbasis of the pooled inputs, scaled by √λ, and in the DCT of the output, with one step for each expert, which
is a small share of the expert's error. Most of the integers are zero.
"""

from dataclasses import dataclass

import numpy as np

from qimg.core import Array
from qimg.core.records import short_repr
from qimg.restoration.jpeg.experts import Experts
from qimg.transforms import unitary

_OUTPUTS = 64
_LOGS = 8  # steps and deviations are powers of 2^(1/8)
_FINE = 64  # deviations of single outputs: powers of 2^(1/64)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class RoundedExperts:
    """Integers from which `experts` are made, identically on every machine up to rounding in single precision."""

    integers: Array
    """(E, m, 64) int8 multiples of the expert's step; inputs by descending eigenvalue, outputs by frequency."""
    steps: Array
    """(E,) int16 log₂ of each step, in eighths."""
    basis: Array
    """(m, m) int16 eigenvectors of the pooled inputs as columns, in multiples of 2⁻¹⁵."""
    scales: Array
    """(m,) int16 log₂ of √λ, the divisor of each column, in eighths."""
    deviations: Array
    """(E, 64) int16 log₂ of the root mean square error of each expert in each pixel, in 64ths."""

    def experts(self) -> Experts:
        """The experts in single precision. Cost: m² · 64 products per expert."""
        columns = self.basis / 32768.0 / 2.0 ** (self.scales / _LOGS)
        inner = (self.integers.astype(np.float32) @ unitary("dct_2d", _OUTPUTS).astype(np.float32)).astype(np.float32)
        inner *= (2.0 ** (self.steps / _LOGS)).astype(np.float32)[:, None, None]
        weights = np.matmul(columns.astype(np.float32), inner)
        return Experts(weights=weights, variances=(4.0 ** (self.deviations / _FINE)).astype(np.float32))


def rounded(weights: Array, variances: Array, covariances: Array, shares: Array, *, precision: float) -> RoundedExperts:
    """Round experts.

    Args:
        weights: (E, m, 64).
        variances: (E, 64) variances of the errors of each expert.
        covariances: (E, m, m) covariances of the inputs of each expert.
        shares: (E,) relative frequencies of the experts.
        precision: step relative to the error of an expert, for inputs with the pooled covariance.
    """
    pooled = np.tensordot(shares / shares.sum(), covariances, 1)
    values, vectors = np.linalg.eigh(pooled)
    values, vectors = np.maximum(values[::-1], values[-1] * 1e-9), vectors[:, ::-1]
    scales = np.rint(_LOGS * np.log2(values) / 2).astype(np.int16)
    basis = np.clip(np.rint(32768 * vectors), -32768, 32767).astype(np.int16)
    # The experts are W = B S⁻¹ G U, so G = S B⁻¹ W Uᵀ; B is orthonormal only up to rounding.
    inner = 2.0 ** (scales / _LOGS)[:, None] * np.linalg.solve(basis / 32768.0, weights) @ unitary("dct_2d", _OUTPUTS).T
    energy = np.trace(covariances, axis1=1, axis2=2) / np.trace(pooled)
    missed = variances.mean(axis=1)
    steps = np.floor(_LOGS * np.log2(precision * np.sqrt(missed / np.maximum(energy, 1e-3)))).astype(np.int16)
    most = np.abs(inner).max(axis=(1, 2)) / 127
    steps = np.maximum(steps, np.ceil(_LOGS * np.log2(most))).astype(np.int16)
    integers = np.rint(inner / (2.0 ** (steps / _LOGS))[:, None, None]).astype(np.int8)
    deviations = np.rint(_FINE * np.log2(variances) / 2).astype(np.int16)
    return RoundedExperts(integers=integers, steps=steps, basis=basis, scales=scales, deviations=deviations)
