"""Calibration of predicted standard deviations."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qimg.core import Array
from qimg.core.records import short_repr
from qimg.images.jpeg.tables import quantization_table
from qimg.restoration.jpeg.cascade import table_scale

COARSENESS = np.arange(0.0, 8.25, 0.5)
"""Grid of the calibration: log₂ of the mean quantization step of the three lowest AC coefficients."""
LEVELS = np.array([0.5, 0.68, 0.8, 0.9, 0.95, 0.99])
"""Probabilities of the stored quantiles."""
PREDICTED = np.arange(-6.0, 2.25, 0.5)
"""Grid of the scales of a network: log₂ of predicted deviations relative to the table scale."""
_FINE = 1024.0
_LEAST = {"scales": 0, "quantiles": 0, "shapes": 1}
"""Stored arrays and the smallest integer of each; a shape of zero would have no draws."""


def coarseness_of(table: Array) -> int:
    """Index of the entry of `COARSENESS` nearest to a table.

    The lowest AC steps distinguish qualities even where libjpeg clips the high ones at 255, unlike the table scale.
    """
    return int(np.abs(np.log2(_low(table)) - COARSENESS).argmin())


def covers(table: Array) -> bool:
    """Whether the calibration, which was measured with libjpeg's tables, holds for a table.

    The table scale must be 0.6 to 10 times that of libjpeg's table with the same lowest AC steps. Deviations for flat
    tables, and for tables that are finer at high frequencies, would be a third too small.
    """
    typical = quantization_table(50)
    typical = np.clip(typical * (_low(table) / _low(typical)), 1, 255)
    return bool(np.log2(_low(table)) <= COARSENESS[-1] and 0.6 < table_scale(table) / table_scale(typical) < 10)


def _low(table: Array) -> float:
    return float(table[0, 1] + table[1, 0] + table[1, 1]) / 3


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Calibration:
    """The calibration of one estimator."""

    scales: Array
    """(tables, n) root mean square of error / predicted deviation, for each table (n = 1) or for each table and each of
    the deviations `PREDICTED`."""
    quantiles: Array
    """(tables, levels) quantiles of |error| / calibrated deviation."""
    shapes: Array
    """(classes of the first stage, 64) mean squares of an error's DCT coefficients, with mean 1."""

    def calibrated(self, variance: Array, table: Array) -> Array:
        """Calibrated variances for predicted variances and a table, in squared code values.

        They are at most the variance of errors that are uniform in every quantization bin: a network predicts absurd
        variances for a few pixels, which would dominate the mean.
        """
        scales = self.scales[coarseness_of(table)]
        factors = scales[0]
        if len(scales) > 1:
            factors = np.interp(0.5 * np.log2(variance) - np.log2(table_scale(table)), PREDICTED, scales)
        uniform = np.square(table, dtype=np.float64).mean() / 12
        return np.asarray(np.minimum(np.square(factors).astype(np.float32) * variance, np.float32(uniform)))

    def widths(self, table: Array) -> tuple[tuple[float, float], ...]:
        """Pairs of a probability and the half width, in deviations, of the interval that holds the truth with it."""
        numbers = self.quantiles[coarseness_of(table)]
        return tuple((float(level), float(number)) for level, number in zip(LEVELS, numbers, strict=True))

    def to_integers(self) -> dict[str, Array]:
        """Arrays of integers for a file."""
        return {
            name: np.maximum(np.rint(_FINE * getattr(self, name)), least).astype(np.int32)
            for name, least in _LEAST.items()
        }

    @classmethod
    def from_integers(cls, arrays: Mapping[str, Array]) -> "Calibration":
        """The calibration with these arrays of `to_integers`."""
        parts = {name: np.maximum(arrays[name], least) / _FINE for name, least in _LEAST.items()}
        return cls(**parts | {"scales": parts["scales"].reshape(len(COARSENESS), -1)})
