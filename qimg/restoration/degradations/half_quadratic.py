"""Estimation of overlapping patches under the prior, and half-quadratic splitting for any linear map."""

from collections.abc import Iterable

import numpy as np

from qimg.core import Array
from qimg.prior import JointMixture
from qimg.restoration.degradations.linear_maps import LinearMap, conditional_mean
from qimg.restoration.degradations.patch_posterior import PatchPosterior, noisy
from qimg.restoration.degradations.patches import PatchAverage, cut, places
from qimg.restoration.degradations.planes import SIDE, PlaneEstimate

STRIDE = 3
_BATCH = 4096  # patches

MIXED = 0.1
"""Share of the noisy picture in the guide of a second pass; it adds details that the first pass removed."""

MIXED_NOISE = 0.15
"""Noise assumed in that guide relative to the noise of the picture: the mixed-in share and the error of the pass."""


def patch_means(
    model: JointMixture,
    planes: tuple[Array, ...],
    corners: tuple[Array, Array],
    *,
    posterior: PatchPosterior,
    gate: PatchPosterior,
    analysis: Array,
    side: int = SIDE,
) -> PlaneEstimate:
    """Conditional means of 8×8 patches, averaged with their precisions.

    Args:
        model: mixture of view `patch8`; the level of each patch is estimated by its mean, as if all levels were equally
            likely.
        planes: (H, W) the observed plane, and optionally a guide plane by which the classes are chosen.
        corners: first rows and first columns of the observed patches.
        posterior: posterior of a patch given its observation.
        gate: posterior whose `gate` is applied to the guide.
        analysis: (side², m) coefficients of an observed patch as columns.
        side: rows and columns of an observed patch, 8 or a divisor of it; the result is 8 / side times as large.
    """
    synthesis = model.view.synthesis.T.astype(np.float32)
    scale, (rows, columns) = SIDE // side, corners
    average = PatchAverage(tuple(scale * length for length in planes[0].shape))
    step = max(1, _BATCH // len(columns))
    for first in range(0, len(rows), step):
        some = rows[first : first + step]
        patches = [cut(plane, some, columns, side) for plane in planes]
        coefficients = [one @ analysis for one in patches]
        values, variance = posterior.estimate(coefficients[0], gate.gate(coefficients[-1]))
        values = values @ synthesis + patches[0].mean(axis=1, keepdims=True)
        average.add(scale * some, scale * columns, values, variance + posterior.noise_variance / side**2)
    return average.estimate()


def smooth(
    model: JointMixture,
    plane: Array,
    *,
    deviation: float,
    stride: int = STRIDE,
    offset: int = 0,
    guide: Array | None = None,
) -> PlaneEstimate:
    """E[x | x + n] of every patch; overlapping estimates are averaged with their precisions.

    Args:
        model: mixture of view `patch8`.
        plane: (H, W), at least 8×8.
        deviation: σ of the white noise n, positive.
        stride: pixels between patches.
        offset: of the patches, 0 to stride − 1.
        guide: (H, W) a first estimate of x, by which the classes are chosen.
    """
    posterior = gate = noisy(model, deviation**2)
    planes: tuple[Array, ...] = (plane,)
    if guide is not None:
        gate = noisy(model, (MIXED_NOISE * deviation) ** 2)
        planes = (plane, (1 - MIXED) * guide + MIXED * plane)
    rows, columns = (places(length, stride, offset) for length in plane.shape)
    return patch_means(model, planes, (rows, columns), posterior=posterior, gate=gate, analysis=model.view.analysis.T)


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
    """A plane of high probability under the prior of patches and under y = A x + n (Zoran and Weiss, 2011).

    Each round of half-quadratic splitting treats the plane as noisy with deviation τ, estimates z from it under the
    prior (`smooth`), and then computes E[x | y] with x ~ N(z, τ² 1) (`conditional_mean`). τ decreases from round to
    round.

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
