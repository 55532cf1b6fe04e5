"""The eigenbasis of curves: correlation operators of Fourier descriptors in the metric of the painted error."""

from dataclasses import dataclass

import numpy as np

from qimg.codecs.digits.contours.alignment import aligned, planar
from qimg.codecs.digits.contours.curves import FREQUENCIES, POINTS
from qimg.core import Array
from qimg.operators import CorrelationOperator, eigenbasis

_ROUNDS = 5
"""Alternations of alignment and eigenbasis."""
_LEAST_VARIANCE = 1e-3
"""Of a coefficient."""
_TANGENTIAL = 0.05
"""Least sensitivity to a displacement along the curve, as a share of the mean one."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CurveBasis:
    """The mean curve, its leading displacements, and the map from displacements to coefficients."""

    mean: Array
    """(2, POINTS) pixels."""
    basis: Array
    """(coefficients, 2, POINTS) pixels for a unit."""
    analysis: Array
    """(coefficients, 2, POINTS)."""
    variances: Array
    """(coefficients,) of the coefficients."""


def fourier_frame() -> Array:
    """(2 · POINTS, 4 · FREQUENCIES + 2): rows and columns of the curve of each real descriptor, orthonormal columns."""
    count = 2 * FREQUENCIES + 1
    spectrum = np.zeros((2 * count, POINTS), complex)
    places = [*range(FREQUENCIES + 1), *range(POINTS - FREQUENCIES, POINTS)]
    for number, place in enumerate(places):
        spectrum[number, place], spectrum[count + number, place] = 1, 1j
    return planar(np.fft.ifft(spectrum, axis=1, norm="ortho")).T


def sensitivity(curves: Array) -> Array:
    """Mean metric (2 · POINTS, 2 · POINTS): the squared error, over white squared, of small displacements.

    A displacement d of an edge of length l moves the area n · d · l across it, which changes the pixels there by about
    (n · d)² l, with the normal n.
    """
    tangents = (np.roll(curves, -1, axis=1) - np.roll(curves, 1, axis=1)) / 2
    lengths = np.maximum(np.abs(tangents), 1e-9)
    normals = 1j * tangents / lengths
    rows, columns = normals.real, normals.imag
    parts = [(lengths * one * two).mean(axis=0) for one, two in ((rows, rows), (rows, columns), (columns, columns))]
    return np.block([[np.diag(parts[0]), np.diag(parts[1])], [np.diag(parts[1]), np.diag(parts[2])]])


def curve_basis(curves: Array, coefficients: int) -> CurveBasis:
    """The eigenbasis of the descriptors of curves in the metric G of their sensitivity.

    With descriptors r, S = G^½ and the eigenvectors V of the covariance of S r, coefficients are Vᵀ S (r − mean), and
    a unit of any of them is a squared error of one. Starts and basis are computed in turns.

    Args:
        curves: (n, POINTS) complex, n ≥ 2.
        coefficients: those of the largest variances.
    """
    frame = fourier_frame()
    fitted = None
    for _ in range(_ROUNDS):
        if fitted is not None:
            curves, _ = aligned(curves, fitted.mean, fitted.analysis, fitted.variances)
        metric = frame.T @ sensitivity(curves) @ frame
        metric += _TANGENTIAL * np.trace(metric) / len(metric) * np.eye(len(metric))
        values, vectors = np.linalg.eigh(metric)
        root, inverse = ((vectors * values**power) @ vectors.T for power in (0.5, -0.5))
        operator = CorrelationOperator.from_patches(planar(curves) @ frame @ root)
        covariance = operator.covariance()
        leading = eigenbasis(covariance)[:, :coefficients]
        fitted = CurveBasis(
            mean=(frame @ inverse @ operator.mean).reshape(2, POINTS),
            basis=(frame @ inverse @ leading).T.reshape(coefficients, 2, POINTS),
            analysis=(frame @ root @ leading).T.reshape(coefficients, 2, POINTS),
            variances=np.maximum(np.einsum("dk,de,ek->k", leading, covariance, leading), _LEAST_VARIANCE),
        )
    assert fitted is not None
    return fitted
