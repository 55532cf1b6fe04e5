"""What tells pictures from textures: spectrum, reach of contrast and edges, seams, and the tails of patches."""

from collections.abc import Sequence

import numpy as np

from qimg.core import Array
from qimg.prior import GaussianMixture, JointMixture

EDGES = np.geomspace(1 / 64, 0.5, 16)
"""Edges of the frequency bins in cycles per pixel."""
FITTED = 0.35
"""Highest frequency of the fitted slope: above, the corners of the sampling grid and interpolation show."""


def radial_spectrum(plane: Array) -> Array:
    """(15,) mean power per frequency bin of a square plane without its mean, under a Hann window.

    NaN below four periods per side, which the window smears, and where a bin has no frequency.
    """
    side = len(plane)
    hann = np.hanning(side + 1)[:-1]
    window = np.outer(hann, hann)
    centred = plane - (window * plane).sum() / window.sum()
    power = np.abs(np.fft.fft2(window * centred)) ** 2 / (window**2).sum()
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    numbers = np.digitize(frequency, EDGES) - 1
    bins = [(numbers == k) & (frequency >= 4 / side) for k in range(len(EDGES) - 1)]
    return np.array([power[inside].mean() if inside.any() else np.nan for inside in bins])


def frequencies() -> Array:
    """(15,) middles of the frequency bins."""
    return np.asarray(np.sqrt(EDGES[1:] * EDGES[:-1]))


def spectral_slope(spectrum: Array) -> float:
    """Exponent a of power ∝ frequency^a, least squares in the logarithms; NaN for fewer than three bins."""
    middle = frequencies()
    used = np.isfinite(spectrum) & (spectrum > 1e-12) & (middle <= FITTED)  # below is rounding
    if used.sum() < 3:
        return float("nan")
    return float(np.polyfit(np.log(middle[used]), np.log(spectrum[used]), 1)[0])


def gradient(plane: Array) -> tuple[Array, Array]:
    """Derivatives along rows and columns, of the plane under a Gaussian of standard deviation 1."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(plane, 1.0, order=(1, 0)), gaussian_filter(plane, 1.0, order=(0, 1))


def contrast_correlation(plane: Array, distance: int) -> float:
    """Correlation of log gradient magnitudes at a distance, along rows and columns: do busy regions have a size?"""
    magnitude = np.log(np.hypot(*gradient(plane)) + 0.5)
    along_rows = (magnitude[:-distance], magnitude[distance:])
    return _mean_correlation(along_rows, (magnitude[:, :-distance], magnitude[:, distance:]))


def edge_continuation(plane: Array, distance: int, *, share: float = 0.05) -> float:
    """How well edges go on: 1 where the tangent of every strong edge leads to an edge of the same direction.

    Mean of cos 2(φ − φ'), weighted with the gradient's magnitude there, over the strongest pixels and both ways along
    their tangents, minus what the preferred directions of the whole plane would give by themselves.

    Args:
        plane: (H, W).
        distance: along the tangent, in pixels.
        share: of the pixels that count as strong edges.
    """
    along_rows, along_columns = gradient(plane)
    magnitude = np.hypot(along_rows, along_columns)
    double = np.exp(2j * np.arctan2(along_rows, along_columns))
    strong = magnitude >= np.quantile(magnitude, 1 - share)
    rows, columns = np.nonzero(strong & (magnitude > 0))
    if len(rows) == 0:
        return float("nan")
    length = magnitude[rows, columns]
    steps = np.stack([along_columns[rows, columns], -along_rows[rows, columns]]) / length
    total, weight = 0.0, 0.0
    for sign in (-1, 1):
        there = np.rint(np.stack([rows, columns]) + sign * distance * steps).astype(int)
        inside = ((there >= 0) & (there < np.array(plane.shape)[:, None])).all(axis=0)
        seen = tuple(there[:, inside])
        agreement = (double[rows, columns][inside] * double[seen].conj()).real
        total += float((magnitude[seen] * agreement).sum())
        weight += float(magnitude[seen].sum())
    preferred = double[rows, columns].mean() * ((magnitude * double).sum() / magnitude.sum()).conjugate()
    return total / weight - float(preferred.real) if weight > 0 else float("nan")


def seam_ratio(plane: Array, size: int = 8) -> float:
    """Energy of pixel differences across the borders of blocks over that of all others; 1 where no block shows."""
    across, inside = [], []
    for differences in (np.diff(plane, axis=0).T, np.diff(plane, axis=1)):
        border = np.arange(differences.shape[1]) % size == size - 1
        across.append(float((differences[:, border] ** 2).mean()))
        inside.append(float((differences[:, ~border] ** 2).mean()))
    return sum(across) / sum(inside) if sum(inside) > 0 else float("nan")


def kurtosis(values: Array) -> Array:
    """E[x⁴] / E[x²]² along the first axis, the mean taken off; 3 for a Gaussian, NaN for a constant."""
    centred = values - values.mean(axis=0)
    second = (centred**2).mean(axis=0)
    # Rounding leaves a constant with a variance of about the square of the machine's precision.
    ok = second > 1e-12
    return np.where(ok, (centred**4).mean(axis=0) / np.where(ok, second, 1.0) ** 2, np.nan)


def pixel_differences(patches: Array) -> Array:
    """Differences between neighbouring pixels of patches (n, 64), rows and columns together."""
    pixels = patches.reshape(-1, 8, 8)
    return np.concatenate([np.diff(pixels, axis=axis).ravel() for axis in (1, 2)])


def magnitude_correlation(coefficients: Array) -> float:
    """Mean correlation of |c| over neighbouring DCT coefficients (n, 63), index 8u + v without 0."""
    magnitude = np.abs(np.hstack([np.full((len(coefficients), 1), np.nan), coefficients]))
    grid = magnitude.reshape(-1, 8, 8)
    spread = grid.std(axis=0)
    centred = (grid - grid.mean(axis=0)) / np.where(spread > 1e-9, spread, np.nan)
    pairs = [(centred[:, 1:] * centred[:, :-1]).mean(axis=0), (centred[:, :, 1:] * centred[:, :, :-1]).mean(axis=0)]
    values = np.concatenate([pair.ravel() for pair in pairs])
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def energy_spread(coefficients: Array, mixture: GaussianMixture) -> float:
    """Spread of the energy of vectors whitened by their likeliest class: 1 where classes are Gaussian.

    E[(‖w‖² − d)²] / 2d with w = L_k⁻¹ c, ‖w‖² having mean d and variance 2d under class k.
    """
    chosen = mixture.log_joint(coefficients).argmax(axis=1)
    energies = np.empty(len(coefficients))
    for k in np.unique(chosen):
        own = chosen == k
        energies[own] = ((coefficients[own] @ mixture.whitening[k].T) ** 2).sum(axis=1)
    return float(((energies - mixture.dimension) ** 2).mean() / (2 * mixture.dimension))


def busy_share(plane: Array, model: JointMixture) -> float:
    """Share of windows whose likeliest class is in the quarter of the classes with most energy in their block.

    Windows lie at every 7th row and column, at all phases of the blocks; the plane must hold one.
    """
    view = model.view
    first, last, left, right = view.places(plane.shape)
    rows, columns = np.mgrid[first : last + 1 : 7, left : right + 1 : 7].reshape(2, -1)
    chosen = model.mixture.log_joint(view.vectors(plane, rows, columns)).argmax(axis=1)
    energies = np.diagonal(model.mixture.covariances, axis1=1, axis2=2)[:, view.observed :].sum(axis=1)
    busy = np.argsort(energies)[-max(1, len(energies) // 4) :]
    return float(np.isin(chosen, busy).mean())


def _mean_correlation(*pairs: tuple[Array, Array]) -> float:
    values: Sequence[float] = [_correlation(a.ravel(), b.ravel()) for a, b in pairs if a.size > 1]
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def _correlation(a: Array, b: Array) -> float:
    scale = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / scale) if scale > 1e-12 else float("nan")
