"""Classes of one block size during the fit: predictor, eigenbasis and scales in floating point."""

from dataclasses import dataclass

import numpy as np

from qimg.codecs.block.transform.blocks import BASIS_BITS, LARGEST_GAIN, PREDICTOR_BITS
from qimg.codecs.block.transform.geometry import SIDES
from qimg.core import Array
from qimg.operators import CorrelationOperator, conditional_expectation, eigenbasis
from qimg.states import partial_trace

ROUNDING = 0.3
"""Noise variance of the ring from rounding of samples, luma and pixels, in squared code values."""
SHRINKAGE = 0.002
"""Additional noise variance as a share of the ring's mean variance."""


@dataclass(eq=False)
class Classes:
    """K classes of blocks of one size."""

    side: int
    predictor: Array
    """(K, m, n) weights from the ring to the block, both relative to the ring's level."""
    basis: Array
    """(K, n, n) for sides 4 and 8, rows are basis vectors; (2, K, 16, 16) left and right factors for 16 and 32."""
    order: Array
    """(K, n) index of the k-th strongest basis vector; 16 u + v for a separable basis."""
    sigma: Array
    """(3, K, n) scale √2 · mean |c| of the k-th coefficient of Y', Cb and Cr, in code values."""

    @classmethod
    def empty(cls, side: int, classes: int) -> "Classes":
        """Classes before the fit."""
        vector_side = min(side, 16)
        n, m = vector_side * vector_side, 3 * vector_side + 1
        shape = (classes, n, n) if side <= 8 else (2, classes, 16, 16)
        return cls(
            side=side,
            predictor=np.zeros((classes, m, n)),
            basis=np.zeros(shape),
            order=np.tile(np.arange(n), (classes, 1)),
            sigma=np.ones((3, classes, n)),
        )

    @property
    def count(self) -> int:
        """Number of classes, K."""
        return len(self.predictor)

    @property
    def ring(self) -> int:
        """Number of pixels of the ring, m."""
        return self.predictor.shape[1]

    @property
    def gain(self) -> float:
        """Ratio of a coefficient in the picture to that of the vectors: 2 for blocks of 32, whose vectors are half."""
        return 2.0 if self.side == 32 else 1.0

    def coefficients(self, k: int, vectors: Array) -> Array:
        """(count, n) coefficients of vectors (ring ⊕ block) in class k, by decreasing expected magnitude."""
        residual = vectors[:, self.ring :] - vectors[:, : self.ring] @ self.predictor[k].astype(vectors.dtype)
        if self.side <= 8:
            out = residual @ self.basis[k].T.astype(vectors.dtype)
        else:
            rows, columns = self.basis[0, k].astype(vectors.dtype), self.basis[1, k].astype(vectors.dtype)
            out = (rows @ residual.reshape(-1, 16, 16) @ columns.T).reshape(-1, 256)
        return np.asarray(self.gain * out[:, self.order[k]])

    def fit(self, k: int, covariance: Array) -> None:
        """Fit predictor, basis and order of class k to the mean second moments of its vectors."""
        m = self.ring
        noise = ROUNDING + SHRINKAGE * np.trace(covariance[:m, :m]) / m
        operator = CorrelationOperator(matrix=covariance, sum=np.zeros(len(covariance)), count=1, weights="energy")
        estimator = conditional_expectation(operator, observed=m, noise_variance=noise)
        weights = np.clip(estimator.weights.T, -7.99, 7.99)
        gain = np.abs(weights).sum(axis=0)  # of each sample; rounding adds less than 0.01
        self.predictor[k] = weights * np.minimum(1.0, (LARGEST_GAIN - 0.01) / np.maximum(gain, 1e-9))
        # The residual of the shrunken estimate.
        both = np.hstack([-estimator.weights, np.eye(len(covariance) - m)])
        residual = both @ covariance @ both.T
        if self.side <= 8:
            self.basis[k] = eigenbasis(residual).T
            return
        rho = residual / np.trace(residual)
        rows, columns = (eigenbasis(partial_trace(rho, (16, 16), keep=axis)).T for axis in (0, 1))
        self.basis[0, k], self.basis[1, k] = rows, columns
        mixed = np.kron(rows, columns)
        self.order[k] = np.argsort(-np.einsum("ki,ij,kj->k", mixed, residual, mixed), kind="stable")

    def arrays(self) -> dict[str, Array]:
        """Arrays of these classes in the tables."""
        side = self.side
        arrays = {
            f"predictor {side}": _fixed_point(self.predictor, PREDICTOR_BITS),
            f"order {side}": self.order.astype(np.int16),
            f"log sigma {side}": np.clip(np.round(8 * np.log2(np.maximum(self.sigma, 1e-4))), -100, 120).astype(
                np.int8
            ),
        }
        if side <= 8:
            arrays[f"basis {side}"] = _fixed_point(self.basis, BASIS_BITS)
        else:
            arrays[f"rows {side}"] = _fixed_point(self.basis[0], BASIS_BITS)
            arrays[f"columns {side}"] = _fixed_point(self.basis[1], BASIS_BITS)
        return arrays


def upsampling_array() -> Array:
    """(32, 16) int16 isometry between blocks of 32 and their 16×16 samples."""
    from qimg.codecs.block.transform.geometry import upsampling

    return _fixed_point(upsampling(), BASIS_BITS)


def _fixed_point(values: Array, bits: int) -> Array:
    whole = np.round(values * (1 << bits))
    if np.abs(whole).max() > 32767:
        raise ValueError(f"values must fit 16 bits with {bits} fractional bits, but reach {np.abs(values).max()}")
    return whole.astype(np.int16)


assert SIDES == (4, 8, 16, 32)
