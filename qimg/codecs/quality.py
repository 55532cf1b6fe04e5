"""The scale of `quality` that the block, the contour and the mixed codec share: a step, and what a bit is worth."""

from qimg.core import arguments

LAGRANGE = 0.07
"""Squared error of a plane that a bit is worth, in units of the squared luma step."""
COARSEST = 120.0
"""Luma step of quality 1 in 8-bit code values; the one of quality 100 is 1."""


def step_of_quality(quality: float) -> float:
    """Luma step of a quality in 8-bit code values: 120^((100 − quality) / 99).

    Args:
        quality: 1 (step 120) to 100 (step 1), not necessarily a whole number.

    >>> [round(step_of_quality(quality), 2) for quality in (1, 50, 100)]
    [120.0, 11.22, 1.0]
    """
    arguments.require(1 <= quality <= 100, "quality", "must be in [1, 100]", quality)
    return float(COARSEST ** ((100 - quality) / 99))


def weight_of_quality(quality: float, planes: int) -> float:
    """λ of a quality: the squared error, summed over planes, that a bit is worth; planes · 0.07 · step².

    Args:
        quality: as for `step_of_quality`.
        planes: 3, or 1 for gray pictures and those whose channels are equal.

    >>> [round(weight_of_quality(quality, 3), 2) for quality in (1, 50, 100)]
    [3024.0, 26.45, 0.21]
    """
    return planes * LAGRANGE * step_of_quality(quality) ** 2
