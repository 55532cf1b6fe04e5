"""Inpainting: the conditional mean of the missing pixels of every patch given its known pixels."""

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, in_one_blas_thread
from qimg.operators import conditional_expectation
from qimg.prior import JointMixture
from qimg.restoration.degradations.patch_posterior import noisy, operator, patch_model
from qimg.restoration.degradations.patches import PatchAverage, cut, places
from qimg.restoration.degradations.planes import (
    SIDE,
    Degradation,
    PlaneEstimate,
    checked_picture,
    checked_plane,
    continued,
    plane_by_plane,
)

NOISE_VARIANCE = 1 / 12
"""Variance of the rounding of known pixels to whole code values."""

_STRIDE = 3
_FIRST_DEVIATION, _LAST_DEVIATION = 8.0, 2.0  # assumed errors of filled pixels for the choice of classes, code values
_LEAST = SIDE  # known pixels required in a patch
_LEVEL_VARIANCE = 1e4  # of a patch's level about the mean of its known pixels, squared code values: nearly free


def inpaint(
    image: ArrayLike, mask: ArrayLike, *, effort: int = arguments.EFFORT, model: JointMixture | None = None
) -> Array:
    """Fill in the missing pixels of a picture from their surroundings.

    A class of the prior is a Gaussian, so the conditional mean of the missing pixels of a patch is a linear function of
    the known ones; it is exact for the class. Overlapping patches are averaged with their precisions. Holes larger than
    a patch are filled from the border inwards: filled pixels are treated as known in patches further inside. Known
    pixels do not change.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha; its values at missing pixels are not used.
        mask: (H, W) bool, True where a pixel is missing (as in scikit-image), not everywhere.
        effort: 1 to 9: (effort + 1) // 2 rounds, 3 by default; each chooses the classes by the result of the previous
            round.
        model: mixture of view `patch8`; that of the shipped prior when left out.

    Returns:
        A picture of the same shape and type.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    pixels = checked_picture(image)
    missing = _checked_mask(mask, pixels.shape[:2])
    filled = plane_by_plane(pixels, lambda plane, _: inpaint_plane(plane, missing, effort=effort, model=model))
    return np.where(missing if pixels.ndim == 2 else missing[..., None], filled, pixels)


@in_one_blas_thread
def inpaint_plane(
    plane: ArrayLike, mask: ArrayLike, *, effort: int = arguments.EFFORT, model: JointMixture | None = None
) -> PlaneEstimate:
    """`inpaint` for one plane of floating-point code values, with the estimate's deviation, 0 for known pixels.

    Args:
        plane: (H, W); may be NaN where it is missing.
        mask: as in `inpaint`.
        effort: as in `inpaint`.
        model: as in `inpaint`.
    """
    missing = _checked_mask(mask, np.shape(plane))
    observed = checked_plane(np.where(missing, 0.0, plane))
    rounds = (arguments.effort(effort) + 1) // 2
    model = patch_model(model)
    padded = continued(observed)
    valid = np.zeros(padded.shape, bool)
    valid[: missing.shape[0], : missing.shape[1]] = ~missing
    estimate = PlaneEstimate(values=_diffused(padded, valid), deviation=np.zeros(padded.shape))
    for deviation in np.geomspace(_FIRST_DEVIATION, _LAST_DEVIATION, rounds):
        estimate = _filled(model, estimate.values, valid, float(deviation))
    return estimate.cropped(observed.shape)


def _filled(model: JointMixture, plane: Array, valid: Array, assumed: float) -> PlaneEstimate:
    """The plane with all missing pixels filled in again, from the border of the known ones inwards."""
    values, valid, deviation = plane.copy(), valid.copy(), np.zeros(plane.shape)
    least = _LEAST
    while not valid.all():
        estimate = _conditional_means(model, values, valid, assumed, least)
        new = np.isfinite(estimate.values)
        if not new.any():
            least = 1  # no patch has enough known pixels: use those that have any
            continue
        values[new], deviation[new] = estimate.values[new], estimate.deviation[new]
        valid |= new
    return PlaneEstimate(values=values, deviation=deviation)


def _conditional_means(model: JointMixture, plane: Array, valid: Array, assumed: float, least: int) -> PlaneEstimate:
    """Conditional means of the missing pixels of all patches with at least `least` known pixels; NaN elsewhere."""
    average = PatchAverage(plane.shape)
    rows, columns = (places(length, _STRIDE) for length in plane.shape)
    valid_pixels = cut(valid, rows, columns)
    count = valid_pixels.sum(axis=1)
    chosen = np.flatnonzero((count >= least) & (count < SIDE * SIDE))
    patches, valid_pixels = cut(plane, rows, columns)[chosen], valid_pixels[chosen]
    classes = noisy(model, assumed**2).gate(patches @ model.view.analysis.T).argmax(axis=1)
    corners = np.stack([rows[chosen // len(columns)], columns[chosen % len(columns)]], axis=1)
    for k in np.unique(classes):
        moments = model.view.synthesis @ model.mixture.covariances[k] @ model.view.synthesis.T + _LEVEL_VARIANCE
        for one in np.flatnonzero(classes == k):
            values, variance = fill_patch(moments, patches[one], valid_pixels[one])
            at = np.flatnonzero(~valid_pixels[one])
            average.add_pixels(corners[one, 0] + at // SIDE, corners[one, 1] + at % SIDE, values, variance)
    return average.estimate()


def fill_patch(moments: Array, patch: Array, valid: Array) -> tuple[Array, Array]:
    """Conditional mean and variance of a patch's missing pixels, in their order, given its known ones, under one class.

    Args:
        moments: (64, 64) second moments of the class in pixels, including the level.
        patch: (64,) pixels, of which the known ones are used.
        valid: (64,) bool, True for known pixels, neither all True nor all False.
    """
    order = np.concatenate([np.flatnonzero(valid), np.flatnonzero(~valid)])
    joint = operator(moments[np.ix_(order, order)])
    estimator = conditional_expectation(joint, observed=int(valid.sum()), noise_variance=NOISE_VARIANCE)
    level = patch[valid].mean()
    return estimator.apply(patch[valid] - level) + level, np.diagonal(estimator.residual)


def _diffused(plane: Array, valid: Array) -> Array:
    """Initial filling: Gaussian means of the known pixels with the smallest width at which they have some weight."""
    from scipy.ndimage import gaussian_filter

    weights = valid.astype(float)
    level = np.where(valid, plane, 0.0).sum() / weights.sum()
    filled, missing = np.where(valid, plane, level), ~valid
    # Means about the level, so that a constant picture stays constant.
    above = np.where(valid, plane - level, 0.0)
    width = 1.0
    while missing.any() and width < max(plane.shape):
        weight = gaussian_filter(weights, width)
        ready = missing & (weight > 0.05)
        filled[ready] = gaussian_filter(above, width)[ready] / weight[ready] + level
        missing &= ~ready
        width *= 2
    return filled


def _checked_mask(mask: ArrayLike, shape: tuple[int, ...]) -> Array:
    missing = arguments.plain("mask", mask)
    if missing.dtype != bool:
        rule = "must be bool, True where a pixel is missing (mask > 0 for a mask of 0 and 1)"
        raise ValueError(f"mask {rule}, but has dtype {missing.dtype}")
    arguments.require_shape(missing.shape == shape, "mask", f"{shape} as the picture", missing)
    if missing.all():
        raise ValueError("mask must be False for at least one pixel, but all pixels are missing")
    return missing


INPAINT = Degradation(name="missing pixels", verb="inpaint", restore=inpaint, restore_plane=inpaint_plane)
