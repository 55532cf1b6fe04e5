"""The prior on the overlapping patches of a plane: passes, and half-quadratic splitting for any linear map."""

from collections.abc import Iterable

import numpy as np

from qimg.core.arguments import Array
from qimg.prior import JointMixture
from qimg.restoration.degradations.linear_maps import LinearMap, conditional_mean
from qimg.restoration.degradations.patch_average import SIDE, PatchAverage, PlaneEstimate, cut, places
from qimg.restoration.degradations.patch_posterior import noisy

STRIDE = 3
_BATCH = 4096  # patches

MIXED = 0.1
"""Share of the noisy picture in what gates a second pass: details that the first has lost come back into view."""

MIXED_NOISE = 0.15
"""Noise that is then assumed, as a share of the picture's: a tenth of it is left, the rest is that pass's error."""


def smooth(
    model: JointMixture,
    plane: Array,
    *,
    deviation: float,
    stride: int = STRIDE,
    offset: int = 0,
    guide: Array | None = None,
) -> PlaneEstimate:
    """E[x | x + n] patch by patch, the overlapping estimates averaged with their precisions.

    Args:
        model: mixture of view `patch8`; the level of each patch is its mean, as if all levels were equally likely.
        plane: (H, W), at least 8×8.
        deviation: σ of the white noise n, positive.
        stride: pixels between patches.
        offset: of the patches, 0 to stride − 1.
        guide: (H, W) a first estimate of x, which then finds the classes.
    """
    posterior = noisy(model, deviation**2)
    if guide is not None:
        guide = (1 - MIXED) * guide + MIXED * plane
    analysis, synthesis = model.view.analysis.T, model.view.synthesis.T.astype(np.float32)
    rows, columns = (places(length, stride, offset) for length in plane.shape)
    average = PatchAverage(plane.shape)
    step = max(1, _BATCH // len(columns))
    for first in range(0, len(rows), step):
        some = rows[first : first + step]
        patches = cut(plane, some, columns)
        observed = patches @ analysis
        if guide is None:
            shares = posterior.gate(observed)
        else:
            shares = noisy(model, (MIXED_NOISE * deviation) ** 2).gate(cut(guide, some, columns) @ analysis)
        values, variance = posterior.estimate(observed, shares)
        level = patches.mean(axis=1, keepdims=True)
        average.add(some, columns, values @ synthesis + level, variance + deviation**2 / SIDE**2)
    return average.estimate()


def half_quadratic(
    model: JointMixture,
    degradation: LinearMap,
    observed: Array,
    start: Array,
    *,
    noise_variance: float,
    levels: Iterable[float],
    coupling: float = 1.0,
    stride: int = STRIDE,
) -> Array:
    """The plane that both the prior's patches and y = A x + n call likely (Zoran and Weiss, 2011).

    Half-quadratic splitting: each round takes the plane as a noisy one, with noise τ, and asks the prior for z
    (`smooth`), then the degradation for E[x | y] with x ~ N(z, τ² 1) (`conditional_mean`). τ falls from round to round.

    Args:
        model: mixture of view `patch8`.
        degradation: A.
        observed: y.
        start: first plane.
        noise_variance: σ² of n.
        levels: τ of each round, code values.
        coupling: weight of the prior; τ² in the second step is divided by it.
        stride: pixels between patches.
    """
    plane = start
    for number, level in enumerate(levels):
        mean = smooth(model, plane, deviation=level, stride=stride, offset=number % stride).values
        plane = conditional_mean(degradation, observed, mean, ratio=coupling * noise_variance / level**2)
    return plane
