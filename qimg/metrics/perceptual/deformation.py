"""The part of a difference that no small deformation explains, in closed form in every window."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qimg.core import Array
from qimg.core.records import short_repr
from qimg.metrics.perceptual.filters import Windows, derivative, separable, separable_adjoint, smoothing, windows
from qimg.metrics.perceptual.scales import MASKING

DEFORMATIONS: dict[str, tuple[tuple[int, int], ...]] = {
    "none": (),
    "shift": ((0, 0),),
    "affine": ((0, 0), (1, 0), (0, 1)),
}
"""Deformation → powers (a, b) of the terms ρ^a γ^b of the displacement, ρ and γ being offsets in standard deviations
of the window."""
WINDOW_SIGMA = 2.0
"""Standard deviation of the windows in pixels of the scale."""
SHIFT_SIGMA = 1.0
"""Standard deviation of the displacement at the centre of a window, in pixels of the scale."""
SLOPE_SIGMA = 0.25
"""Standard deviation of the displacement that a linear term adds at one standard deviation of the window, in pixels."""

_STRIP = 1 << 16  # windows that are solved at a time


@short_repr
@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two pictures at one scale: what windows average."""

    error: Array
    """(C, H, W) smoothed difference e."""
    middle: Array
    """(C, H, W) smoothed mean m of both."""
    tangents: tuple[Array, Array]
    """(C, H, W) derivatives of m along rows and columns."""
    noise: float
    """Variance of invisible noise."""
    terms: tuple[tuple[int, int], ...]
    """Of `DEFORMATIONS`."""


def difference(error: Array, middle: Array, noise: float, terms: tuple[tuple[int, int], ...]) -> Difference:
    """Filter a difference of pictures and the picture whose tangents explain it, of shape (C, H, W)."""
    return Difference(
        error=separable(smoothing, error, smoothing),
        middle=separable(smoothing, middle, smoothing),
        tangents=(separable(derivative, middle, smoothing), separable(smoothing, middle, derivative)),
        noise=noise,
        terms=terms,
    )


@short_repr
@dataclass(frozen=True, kw_only=True)
class Residuals:
    """The windows of a strip, with h rows of w windows, and their best deformations."""

    windows: Windows
    variance: Array
    """(h, w) variance Z of noise that is masked."""
    means: Array
    """(C, h, w) means of m."""
    deformation: Array
    """(2 · terms, h, w) best coefficients d, the direction of the displacement varying fastest."""
    squares: Array
    """(h, w) mean squared error E[(e − T d)²] that is left."""
    values: Array
    """(h, w) q = (E[(e − T d)²] + Σ d² Z / τ²) / Z, the least that any d reaches."""


def residuals(parts: Difference) -> Iterator[Residuals]:
    """Solve all windows, strip by strip of rows.

    With s = E[e²], b = E[T e] and A = E[T Tᵀ] of a window, q = (s − bᵀ (A + Z/τ²)⁻¹ b) / Z is the Schur complement of
    the deformation's precision in the joint matrix of error and tangents, and d = (A + Z/τ²)⁻¹ b.
    """
    shape = parts.error.shape[1:]
    square = (parts.error**2).mean(axis=0)
    with_error = [(tangent * parts.error).mean(axis=0) for tangent in parts.tangents]
    products = {(i, j): (parts.tangents[i] * parts.tangents[j]).mean(axis=0) for i, j in ((0, 0), (0, 1), (1, 1))}
    energy = (parts.middle**2).mean(axis=0)
    height = max(1, _STRIP // shape[1])
    for top in range(0, shape[0], height):
        place = windows(shape, 2 if len(parts.terms) > 1 else 0, slice(top, top + height), sigma=WINDOW_SIGMA)
        means = np.stack([place.mean(plane) for plane in parts.middle])
        masked = np.maximum(place.mean(energy) - (means**2).mean(axis=0), 0)
        variance = parts.noise + MASKING * masked
        s = place.mean(square)
        b = [place.mean(plane, term) for term in parts.terms for plane in with_error]
        matrix = _tangent_moments(place, products, parts.terms)
        d = _solve(matrix, b, [variance / _sigma(term) ** 2 for term in parts.terms for _ in range(2)])
        explained = sum((one * other for one, other in zip(b, d, strict=True)), np.zeros_like(s))
        penalty = sum((one**2 / _sigma(parts.terms[k // 2]) ** 2 for k, one in enumerate(d)), np.zeros_like(s))
        values = np.maximum(s - explained, 0) / variance
        yield Residuals(
            windows=place,
            variance=variance,
            means=means,
            deformation=np.reshape(d, (len(d), *s.shape)),
            squares=variance * (values - penalty),
            values=values,
        )


def backward(parts: Difference, strips: Iterator[tuple[Residuals, Array]]) -> tuple[Array, Array]:
    """Derivatives of Σ f(q) by the pictures' difference and by their mean, (C, H, W) each.

    q is a minimum over d, so that its derivatives are those at fixed d: ∂q/∂s = 1/Z, ∂q/∂b = −2d/Z, ∂q/∂A = d dᵀ/Z and
    ∂q/∂Z = −E[(e − T d)²]/Z². They pass through the adjoints of the windows and of the filters.

    Args:
        parts: of `difference`.
        strips: of `residuals`, each with the derivatives of Σ f by its q.
    """
    channels, *shape = parts.error.shape
    by_square, by_energy = np.zeros(shape), np.zeros(shape)
    by_product = np.zeros((2, *shape))
    by_pair = np.zeros((2, 2, *shape))
    by_mean = np.zeros_like(parts.middle)
    for strip, by_value in strips:
        place, d = strip.windows, strip.deformation
        weight = by_value / strip.variance
        by_square += place.adjoint(weight)
        for k, (term, i) in enumerate(_tangents(parts.terms)):
            by_product[i] += place.adjoint(-2 * weight * d[k], term)
            for m, (other, j) in enumerate(_tangents(parts.terms)):
                by_pair[i, j] += place.adjoint(weight * d[k] * d[m], _product(term, other))
        by_masked = -MASKING * weight * strip.squares / strip.variance * (strip.variance > parts.noise)
        by_energy += place.adjoint(by_masked)
        for plane, mean in zip(by_mean, strip.means, strict=True):
            plane += place.adjoint(-2 * by_masked * mean)
    by_error = 2 * parts.error * by_square + sum(t * by for t, by in zip(parts.tangents, by_product, strict=True))
    by_tangent = [
        parts.error * by_product[i] + sum(parts.tangents[j] * (by_pair[i, j] + by_pair[j, i]) for j in range(2))
        for i in range(2)
    ]
    by_middle = separable_adjoint(smoothing, 2 * parts.middle * by_energy + by_mean, smoothing, tuple(shape))
    by_middle += separable_adjoint(derivative, by_tangent[0], smoothing, tuple(shape))
    by_middle += separable_adjoint(smoothing, by_tangent[1], derivative, tuple(shape))
    by_difference = separable_adjoint(smoothing, by_error, smoothing, tuple(shape))
    return by_difference / channels, by_middle / channels


def _sigma(term: tuple[int, int]) -> float:
    return SLOPE_SIGMA if any(term) else SHIFT_SIGMA


def _tangents(terms: tuple[tuple[int, int], ...]) -> list[tuple[tuple[int, int], int]]:
    """Term and direction of each coefficient of a deformation."""
    return [(term, direction) for term in terms for direction in range(2)]


def _product(term: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return term[0] + other[0], term[1] + other[1]


def _tangent_moments(
    place: Windows, products: dict[tuple[int, int], Array], terms: tuple[tuple[int, int], ...]
) -> list[list[Array]]:
    """The matrix A of every window as planes, A[k][m] for m ≤ k."""
    moments: dict[tuple[int, int, tuple[int, int]], Array] = {}
    tangents = _tangents(terms)
    matrix = []
    for k, (term, i) in enumerate(tangents):
        row = []
        for other, j in tangents[: k + 1]:
            key = (min(i, j), max(i, j), _product(term, other))
            if key not in moments:
                moments[key] = place.mean(products[key[:2]], key[2])
            row.append(moments[key])
        matrix.append(row)
    return matrix


def _solve(matrix: list[list[Array]], right: list[Array], diagonal: list[Array]) -> list[Array]:
    """Solutions x of (A + D) x = b in every window by elimination, which positive definite matrices allow unpivoted."""
    rows = [[plane.copy() for plane in row] for row in matrix]
    x = [plane.copy() for plane in right]
    for k, row in enumerate(rows):
        row[k] += diagonal[k]
    for k in range(len(rows)):
        factors = [rows[m][k] / rows[k][k] for m in range(k + 1, len(rows))]
        for m, factor in enumerate(factors, start=k + 1):
            for n in range(k + 1, m + 1):
                rows[m][n] -= factor * rows[n][k]
            x[m] -= factor * x[k]
    for k in reversed(range(len(rows))):
        for m in range(k + 1, len(rows)):
            x[k] -= rows[m][k] * x[m]
        x[k] /= rows[k][k]
    return x
