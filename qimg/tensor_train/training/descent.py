"""Conjugate gradients for a centre on which the outputs of a model depend linearly, with exact line searches."""

from typing import Protocol

import numpy as np

from qimg.core import Array, integer, require

LEAST = 1e-150
"""Lower limit on magnitudes that are divided by; the square of its reciprocal is finite."""


class Objective(Protocol):
    """A convex function of the outputs of all samples, which are linear in the centre."""

    def outputs(self, centre: Array) -> Array:
        """The outputs of every sample, linear in the centre."""

    def downhill(self, centre: Array, outputs: Array) -> Array:
        """A positive multiple of the negative gradient, shaped as the centre; the multiple is a constant."""

    def best_step(self, centre: Array, direction: Array, outputs: Array, slopes: Array) -> float:
        """The step length t >= 0 that minimises the function at centre + t · direction, whose outputs have `slopes`."""


def check_descent(steps: int, rate: float) -> None:
    """Raise `ValueError` unless `steps` is at least 1 and `rate` in (0, 1]."""
    integer("steps", steps, 1)
    require(bool(0 < rate <= 1), "rate", "must be in (0, 1]", rate)


def descend(objective: Objective, centre: Array, *, steps: int, rate: float) -> Array:
    """The centre after some steps of conjugate gradients.

    Args:
        objective: to minimise.
        centre: to begin at.
        steps: at least 1.
        rate: fraction of the best step that is taken, in (0, 1].
    """
    outputs = objective.outputs(centre)
    before = direction = None
    for _ in range(steps):
        downhill = objective.downhill(centre, outputs)
        if before is None or direction is None:
            direction = downhill
        else:  # Polak and Ribière's rule, restarted where the direction would point uphill
            turn = float(np.vdot(downhill, downhill - before)) / max(float(np.vdot(before, before)), LEAST)
            direction = downhill + max(0.0, turn) * direction
        before = downhill
        slopes = objective.outputs(direction)
        length = rate * objective.best_step(centre, direction, outputs, slopes)
        centre, outputs = centre + length * direction, outputs + length * slopes
    return centre
