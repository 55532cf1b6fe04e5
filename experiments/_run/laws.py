"""The power law floor + a·n^−b of an error against the number of pictures, fitted to medians."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qimg.core import Array, require


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """floor + factor · n^−exponent."""

    floor: float
    """Limit for n → ∞."""
    factor: float
    """Excess over the floor at n = 1."""
    exponent: float

    def at(self, n: Sequence[float] | Array) -> Array:
        """Values of the law at numbers of pictures."""
        return np.asarray(self.floor + self.factor * np.asarray(n, float) ** -self.exponent)

    def reaches(self, margin: float) -> float:
        """The n at which the law exceeds its floor by `margin`."""
        require(margin > 0, "margin", "must be positive", margin)
        return float((self.factor / margin) ** (1 / self.exponent))


def fit_power_law(sizes: Sequence[float], values: Sequence[float]) -> PowerLaw | None:
    """The law with the least squared error of log values; None where the values do not determine one.

    At least four sizes are needed, and positive values of which the last is below the first. The fit starts from
    several floors, because a high floor with a steep fall and a low floor with a slow fall differ little at small n.

    Args:
        sizes: (k,) numbers of pictures, at least 1.
        values: (k,) the error at each.
    """
    from scipy.optimize import least_squares

    n, y = np.asarray(sizes, float), np.asarray(values, float)
    if len(n) < 4 or not (y > 0).all() or y[-1] >= y[0]:
        return None

    def residuals(parameters: Array) -> Array:
        floor, log_factor, exponent = parameters
        return np.log(floor * y.min() + np.exp(log_factor) * n**-exponent) - np.log(y)

    fits = []
    for floor in (0.0, 0.3, 0.6, 0.9):
        start = [floor, np.log(y[0] - floor * y.min()), 1.0]
        fits.append(least_squares(residuals, start, bounds=([0, -np.inf, 1e-3], [1, np.inf, 10]), x_scale="jac"))
    floor, log_factor, exponent = min(fits, key=lambda fit: fit.cost).x
    return PowerLaw(floor=float(floor * y.min()), factor=float(np.exp(log_factor)), exponent=float(exponent))
