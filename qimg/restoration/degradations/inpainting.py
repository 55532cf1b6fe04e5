"""Missing pixels filled in: in every patch the conditional mean of what is missing given what is known."""

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import arguments
from qimg.core.arguments import Array
from qimg.core.blas import in_one_blas_thread
from qimg.operators import conditional_expectation
from qimg.prior import JointMixture
from qimg.restoration.degradations.opponent import checked, plane_by_plane
from qimg.restoration.degradations.patch_average import SIDE, PatchAverage, PlaneEstimate, cut, places
from qimg.restoration.degradations.patch_posterior import noisy, operator, patch_model

ROUNDS = 3
"""Rounds of `inpaint`: each finds the classes in what the round before has filled in."""

NOISE_VARIANCE = 1 / 12
"""Of known pixels: they are rounded to whole code values."""

_STRIDE = 3
_FIRST_DOUBT, _LAST_DOUBT = 8.0, 2.0  # deviation that a filled picture is taken to have when classes are found
_LEAST = SIDE  # known pixels that a patch needs
_LEVEL_VARIANCE = 1e4  # of a patch's level about the mean of its known pixels, code values squared: hardly a constraint


def inpaint(image: ArrayLike, mask: ArrayLike, *, rounds: int = ROUNDS, model: JointMixture | None = None) -> Array:
    """A picture whose missing pixels are filled in from those around them.

    A class of the prior is a Gaussian, so what is missing in a patch has, given what is known, a mean by linear algebra
    alone: exact for the class. Overlapping patches are averaged with their precisions. Holes larger than a patch are
    filled inwards: what was filled counts as known for the patches further in. Known pixels are not touched.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha; its values at missing pixels are not looked at.
        mask: (H, W) bool, True where a pixel is missing (as in scikit-image), not everywhere.
        rounds: at least 1.
        model: mixture of view `patch8`; that of the shipped prior when left out.

    Returns:
        A picture of the same shape and type.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    pixels = checked(image)
    missing = _checked_mask(mask, pixels.shape[:2])
    filled = plane_by_plane(pixels, lambda plane, _: inpaint_plane(plane, missing, rounds=rounds, model=model).values)
    return np.where(missing if pixels.ndim == 2 else missing[..., None], filled, pixels)


@in_one_blas_thread
def inpaint_plane(
    plane: ArrayLike, mask: ArrayLike, *, rounds: int = ROUNDS, model: JointMixture | None = None
) -> PlaneEstimate:
    """The same for one plane of floating-point code values, with the estimate's deviation, 0 where pixels are known.

    Args:
        plane: (H, W); may be NaN where it is missing.
        mask: as in `inpaint`.
        rounds: as in `inpaint`.
        model: as in `inpaint`.
    """
    given = np.asarray(plane)
    arguments.require_shape(given.ndim == 2 and given.size > 0, "plane", "(H, W)", given)
    missing = _checked_mask(mask, given.shape)
    known = ~missing
    given = arguments.real("plane", np.where(known, given, 0.0))
    model = patch_model(model)
    rounds = arguments.integer("rounds", rounds, 1)
    around = [(0, max(SIDE - length, 0)) for length in given.shape]
    known = np.pad(known, around)
    current = _diffused(np.pad(given, around), known)
    deviation = np.zeros(known.shape)
    for doubt in np.geomspace(_FIRST_DOUBT, _LAST_DOUBT, rounds):
        current, deviation = _filled(model, current, known, float(doubt))
    inside = tuple(slice(length) for length in given.shape)
    return PlaneEstimate(values=current[inside], deviation=deviation[inside])


def _filled(model: JointMixture, plane: Array, known: Array, doubt: float) -> tuple[Array, Array]:
    """The plane with everything filled in anew, from the border of what is known inwards, and its deviation."""
    plane, known, deviation = plane.copy(), known.copy(), np.zeros(plane.shape)
    least = _LEAST
    while not known.all():
        average = PatchAverage(plane.shape)
        _add_patches(model, average, plane, known, doubt, least)
        estimate = average.estimate()
        new = average.covered
        if not new.any():
            # No patch sees enough: take those that see anything at all.
            least = 1
            continue
        plane[new], deviation[new] = estimate.values[new], estimate.deviation[new]
        known |= new
    return plane, deviation


def _add_patches(
    model: JointMixture, average: PatchAverage, plane: Array, known: Array, doubt: float, least: int
) -> None:
    """Conditional means of the missing pixels of all patches that see at least `least` known ones."""
    rows, columns = (places(length, _STRIDE) for length in plane.shape)
    seen = cut(known, rows, columns)
    count = seen.sum(axis=1)
    chosen = np.flatnonzero((count >= least) & (count < SIDE * SIDE))
    patches, seen = cut(plane, rows, columns)[chosen], seen[chosen]
    classes = noisy(model, doubt**2).gate(patches @ model.view.analysis.T).argmax(axis=1)
    corners = np.stack([rows[chosen // len(columns)], columns[chosen % len(columns)]], axis=1)
    for k in np.unique(classes):
        moments = model.view.synthesis @ model.mixture.covariances[k] @ model.view.synthesis.T + _LEVEL_VARIANCE
        for one in np.flatnonzero(classes == k):
            values, variance = fill_patch(moments, patches[one], seen[one])
            at = np.flatnonzero(~seen[one])
            average.add_pixels(corners[one, 0] + at // SIDE, corners[one, 1] + at % SIDE, values, variance)


def fill_patch(moments: Array, patch: Array, seen: Array) -> tuple[Array, Array]:
    """Conditional mean and variance of a patch's missing pixels, in their order, given its known ones, under one class.

    Args:
        moments: (64, 64) second moments of the class in pixels, that of the level included.
        patch: (64,) its values are looked at where they are known.
        seen: (64,) bool, not all alike.
    """
    order = np.concatenate([np.flatnonzero(seen), np.flatnonzero(~seen)])
    count = int(seen.sum())
    joint = operator(moments[np.ix_(order, order)])
    estimator = conditional_expectation(joint, observed=count, noise_variance=NOISE_VARIANCE)
    level = patch[seen].mean()
    return estimator.apply(patch[seen] - level) + level, np.diagonal(estimator.residual)


def _diffused(plane: Array, known: Array) -> Array:
    """A first filling: Gaussian means of the known pixels, of the smallest width that sees any to speak of."""
    from scipy.ndimage import gaussian_filter

    values, weights = np.where(known, plane, 0.0), known.astype(float)
    level = values.sum() / weights.sum()
    filled, open_ = np.where(known, plane, level), ~known
    width = 1.0
    while open_.any() and width < max(plane.shape):
        seen = gaussian_filter(weights, width)
        ready = open_ & (seen > 0.05)
        # Means about the level, so that a constant picture stays constant.
        means = gaussian_filter(np.where(known, values - level, 0.0), width)
        filled[ready] = means[ready] / seen[ready] + level
        open_ &= ~ready
        width *= 2
    return filled


def _checked_mask(mask: ArrayLike, shape: tuple[int, ...]) -> Array:
    missing = np.asarray(mask)
    if missing.dtype != bool:
        raise ValueError(f"mask must be bool, True where a pixel is missing, but has dtype {missing.dtype}")
    arguments.require_shape(missing.shape == shape, "mask", f"{shape} as the picture", missing)
    if missing.all():
        raise ValueError("mask must leave a pixel known, but all are missing")
    return missing
