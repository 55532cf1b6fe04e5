"""Calibrates predicted standard deviations on held-out pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qimg.core import Array
from qimg.restoration.jpeg.cascade import table_scale

COARSENESS = np.arange(0.0, 8.25, 0.5)
"""log₂ of the mean step of the three lowest AC coefficients at which calibration is kept."""
LEVELS = np.array([0.5, 0.68, 0.8, 0.9, 0.95, 0.99])
"""Probabilities whose quantiles are kept."""
PREDICTED = np.arange(-6.0, 2.25, 0.5)
"""log₂ of predicted deviations, relative to the table scale, at which the scales of a network are kept."""
_FINE = 1024.0
_LEAST = {"scales": 0, "quantiles": 0, "shapes": 1}
"""What is kept, and the least integer of each: a shape of zero would have no draws."""


def coarseness_of(table: Array) -> int:
    """The place of a table among `COARSENESS`.

    Low steps tell qualities apart where libjpeg cuts the high ones off at 255, which its sizes do not.
    """
    low = (table[0, 1] + table[1, 0] + table[1, 1]) / 3
    return int(np.abs(np.log2(low) - COARSENESS).argmin())


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibration:
    """The calibration of one estimator."""

    scales: Array
    """(tables, n) root mean square of error / predicted deviation: one factor for each table, or one for each of the
    deviations `PREDICTED`."""
    quantiles: Array
    """(tables, levels) of |error| / true deviation."""
    shapes: Array
    """(classes of the first stage, 64) mean squares of an error's DCT coefficients, their mean being 1."""

    def calibrated(self, variance: Array, table: Array) -> Array:
        """Calibrated variances of predicted ones under a table, squared code values."""
        scales = self.scales[coarseness_of(table)]
        if len(scales) == 1:
            return np.asarray(np.float32(scales[0] ** 2) * variance)
        factors = np.interp(0.5 * np.log2(variance) - np.log2(table_scale(table)), PREDICTED, scales)
        return np.asarray(np.square(factors).astype(np.float32) * variance)

    def widths(self, table: Array) -> tuple[tuple[float, float], ...]:
        """Probabilities, and the deviations on either side of an estimate within which the truth lies with each."""
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
        """The calibration of arrays that `to_integers` gave."""
        parts = {name: np.maximum(arrays[name], least) / _FINE for name, least in _LEAST.items()}
        return cls(**parts | {"scales": parts["scales"].reshape(len(COARSENESS), -1)})
