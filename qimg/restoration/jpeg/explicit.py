"""The explicit estimator: the cascade of a model at an effort."""

from dataclasses import dataclass
from functools import cached_property

from qimg.core.arguments import Array
from qimg.core.progress import Track
from qimg.restoration.jpeg.calibration import Calibration
from qimg.restoration.jpeg.cascade import Cascade, Estimate
from qimg.restoration.jpeg.estimator import in_strips
from qimg.restoration.jpeg.model import Model


@dataclass(frozen=True, eq=False)
class Explicit:
    """The first stages of a model's cascade."""

    model: Model
    effort: int
    """Stages that are applied, 0 to all."""

    @cached_property
    def cascade(self) -> Cascade:
        """The stages."""
        return self.model.cascade.shortened(self.effort)

    @property
    def reach(self) -> int:
        """Rows, a multiple of 8, beyond which nothing changes an estimate."""
        return self.cascade.reach

    @property
    def calibration(self) -> Calibration:
        """What makes its deviations true."""
        return self.model.calibrations[self.effort]

    def estimate(self, coefficients: Array, table: Array) -> Estimate:
        """Mean and predicted variance (8R, 8C) of a plane from its quantized coefficients (R, C, 8, 8)."""
        *_, estimate = self.cascade.estimates(coefficients, table)
        return estimate


def restore_component(model: Model, coefficients: Array, table: Array, *, effort: int, track: Track = iter) -> Estimate:
    """`qimg.restoration.jpeg.estimator.in_strips` by a model at an effort."""
    return in_strips(Explicit(model, effort), coefficients, table, track=track)
