"""Orientation of the edges of patches, and the nearest DCT basis function."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments
from qimg.transforms import unitary


@dataclass(frozen=True, eq=False, kw_only=True)
class Orientation:
    """Directions of edges and their coherence."""

    degrees: Array
    """(...) direction along the edges in [0, 180), counter-clockwise: 0 for horizontal stripes, 90 for upright ones."""
    coherence: Array
    """(...) 1 where all gradients are parallel; 0 where no direction is preferred, and for constant patches."""


def patch_orientation(patches: ArrayLike) -> Orientation:
    """Dominant orientation of patches by their structure tensor J = Σ ∇p ∇pᵀ over the whole patch.

    coherence = (λ₁ − λ₂) / (λ₁ + λ₂) for the eigenvalues of J; edges run at right angles to its first eigenvector.
    Gradients are differences over 2×2 pixels, so that rows and columns are treated alike: a quarter turn of a patch
    turns its orientation by exactly 90 degrees. Cost: O(pixels).

    Args:
        patches: (..., side, side) real, side ≥ 2, row 0 at the top.

    >>> stripes = np.tile([1.0, -1.0, 1.0, -1.0], (4, 1))
    >>> one = patch_orientation(stripes)
    >>> float(one.degrees), float(one.coherence)
    (90.0, 1.0)
    """
    p = arguments.real("patches", patches)
    good = p.ndim >= 2 and p.shape[-1] == p.shape[-2] >= 2
    arguments.require_shape(good, "patches", "(..., side, side) with side >= 2", p)
    right, up = _gradients(p)
    xx, yy, xy = ((a * b).sum(axis=-1) for a, b in ((right, right), (up, up), (right, up)))
    return _orientation(xx, yy, xy, (p**2).sum(axis=(-2, -1)))


def mean_orientation(moments: ArrayLike) -> Orientation:
    """Dominant orientation of a population of patches from its second moments: that of E[J], J of `patch_orientation`.

    E[J] is linear in the second moments, so the result is exact for any distribution of patches. Perpendicular
    directions cancel: coherence is 1 only where all patches have one direction. Cost: O(d²) per matrix.

    Args:
        moments: (..., side², side²) real symmetric E[p pᵀ], pixels row-major, side ≥ 2.
    """
    c = arguments.hermitian("moments", arguments.real("moments", moments))
    side = math.isqrt(c.shape[-1])
    arguments.require_shape(side * side == c.shape[-1] > 1, "moments", "(..., side², side²) with side >= 2", c)
    right, up = _gradients(np.eye(side * side).reshape(-1, side, side))
    xx, yy, xy = ((c * (a @ b.T)).sum(axis=(-2, -1)) for a, b in ((right, right), (up, up), (right, up)))
    return _orientation(xx, yy, xy, np.trace(c, axis1=-2, axis2=-1))


def _gradients(p: Array) -> tuple[Array, Array]:
    """(..., (side − 1)²) derivatives to the right and upwards."""
    across, down = np.diff(p, axis=-1), np.diff(p, axis=-2)
    right, up = across[..., 1:, :] + across[..., :-1, :], -down[..., 1:] - down[..., :-1]
    return right.reshape(*p.shape[:-2], -1), up.reshape(*p.shape[:-2], -1)


def _orientation(xx: Array, yy: Array, xy: Array, energy: Array) -> Orientation:
    total = xx + yy
    flat = total <= 1e-12 * energy
    coherence = np.where(flat, 0.0, np.hypot(xx - yy, 2 * xy) / np.where(flat, 1.0, total))
    gradient = np.degrees(np.arctan2(2 * xy, xx - yy)) / 2
    return Orientation(degrees=np.asarray((gradient + 90) % 180), coherence=np.asarray(np.minimum(coherence, 1.0)))


def nearest_cosine(patches: ArrayLike) -> tuple[Array, Array]:
    """The basis vector of the 2-D DCT with the largest overlap with each patch, and that overlap.

    Args:
        patches: (..., side²) real, none of them zero, row-major.

    Returns:
        Indices side·u + v (...), and the cosines of the angles in [−1, 1] (...).
    """
    vectors = arguments.real("patches", patches)
    side = math.isqrt(vectors.shape[-1]) if vectors.ndim else 0
    arguments.require_shape(side > 0 and vectors.shape[-1] == side * side, "patches", "(..., side²)", vectors)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    arguments.require(bool(lengths.min() > 0), "patches", "must not be zero", float(lengths.min()))
    overlaps = vectors / lengths @ unitary("dct_2d", side * side).T
    index = np.abs(overlaps).argmax(axis=-1)
    return index, np.clip(np.take_along_axis(overlaps, index[..., None], axis=-1)[..., 0], -1.0, 1.0)
