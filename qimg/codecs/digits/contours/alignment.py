"""Coefficients of curves: the start of least cost among all points, and the projection on the basis."""

import numpy as np

from qimg.codecs.digits.contours.curves import POINTS
from qimg.core import Array

_STEP = 1.0
"""Step of quantization that the costs of starts are computed for."""


def aligned(curves: Array, mean: Array, analysis: Array, variances: Array) -> tuple[Array, Array]:
    """Curves from their best start, and their coefficients.

    The start minimises Σ x²/(σ² + Δ²), about the bits of the coefficients x. Cost: POINTS products with the basis.

    Args:
        curves: (n, POINTS) complex.
        mean: (2, POINTS) in pixels.
        analysis: (coefficients, 2, POINTS).
        variances: (coefficients,).

    Returns:
        (n, POINTS) complex, and (n, coefficients).
    """
    operator = analysis.reshape(len(analysis), -1).T
    best, start = np.full(len(curves), np.inf), np.zeros(len(curves), int)
    for shift in range(POINTS):
        x = (planar(np.roll(curves, -shift, axis=1)) - mean.ravel()) @ operator
        cost = (x * x / (variances + _STEP**2)).sum(axis=1)
        better = cost < best
        best[better], start[better] = cost[better], shift
    place = (np.arange(POINTS) + start[:, None]) % POINTS
    rolled = np.take_along_axis(curves, place, axis=1)
    return rolled, (planar(rolled) - mean.ravel()) @ operator


def planar(curves: Array) -> Array:
    """Rows, then columns, (n, 2 · POINTS), of complex points (n, POINTS)."""
    return np.concatenate([curves.real, curves.imag], axis=1)
