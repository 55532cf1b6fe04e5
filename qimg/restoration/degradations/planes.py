"""Common parts of all degradations: planes of a picture, their estimates, and checks of arguments."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg import images
from qimg.core import Array, arguments
from qimg.core.records import short_repr

SIDE = 8
"""Rows and columns of a patch of the prior."""

OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.array([[3.0], [np.sqrt(6)], [np.sqrt(18)]])
"""Orthogonal rows of length 1/√3: the mean of R', G', B', and two differences. White noise of deviation σ in R', G', B'
has deviation σ/√3 in each plane and is uncorrelated between planes, which it is not in Y'CbCr."""

NOISE = 1 / np.sqrt(3)
"""Deviation of the noise in the planes of a colour picture relative to that in R', G' and B'."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class PlaneEstimate:
    """An estimated plane and its standard deviation."""

    values: Array
    """(H, W) float64 code values, not clipped."""
    deviation: Array
    """(H, W) standard deviation of a single patch's estimate under the prior: the root of the harmonic mean of the
    variances of overlapping patches. Averaging reduces the true error; a mismatch of picture and prior increases it. 0
    where the input is exact; NaN where no deviation is computed (`deblur_plane`)."""

    def cropped(self, shape: tuple[int, ...]) -> "PlaneEstimate":
        """The top left corner of a shape (H, W)."""
        corner = tuple(slice(length) for length in shape)
        return PlaneEstimate(values=self.values[corner], deviation=self.deviation[corner])


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Degradation:
    """A degradation and its two restoring functions, which take the same parameters."""

    name: str
    """Name of the model, such as "white Gaussian noise"."""
    verb: str
    """Name of the function `restore` and of the command on the command line."""
    restore: Callable[..., Array]
    """Function from a picture to a picture of the same type: `restore(image, …)`."""
    restore_plane: Callable[..., PlaneEstimate]
    """The same for a plane (H, W) of floating-point code values: `restore_plane(plane, …)`."""


def plane_by_plane(image: ArrayLike, restore: Callable[[Array, float], PlaneEstimate]) -> Array:
    """Restore a picture plane by plane: gray, or three orthogonal planes in which white noise is also white.

    Args:
        image: (H, W) or (H, W, 3), `uint8` or `uint16`, without alpha.
        restore: estimates a plane; its second argument is the deviation of the plane's noise relative to the picture's.

    Returns:
        Values of the picture's type, rounded and clipped.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    pixels = checked_picture(image)
    values = images.code_values(pixels)
    if values.ndim == 2:
        restored = restore(values, 1.0).values
    else:
        planes = np.moveaxis(values @ OPPONENT.T, -1, 0)
        # The rows are orthogonal and have length 1/√3.
        restored = np.stack([restore(plane, NOISE).values for plane in planes], axis=-1) @ (3 * OPPONENT)
    white = np.iinfo(pixels.dtype).max
    return np.clip(np.rint(restored * (white // 255)), 0, white).astype(pixels.dtype)


def checked_picture(image: ArrayLike) -> Array:
    """The picture, which must be gray or RGB and without alpha.

    Raises:
        ImageError: not a picture, or one with alpha.
    """
    pixels = images.check_image("image", image)
    if images.has_alpha(pixels):
        rule = "must have no alpha channel (qimg.images.without_alpha drops it)"
        raise images.ImageError(f"image {rule}, but has shape {pixels.shape}")
    return pixels


def checked_plane(plane: ArrayLike) -> Array:
    """The plane (H, W), which must have finite code values."""
    values = arguments.real("plane", plane)
    arguments.require_shape(values.ndim == 2 and values.size > 0, "plane", "(H, W)", values)
    return values


def checked_sigma(sigma: float, *, positive: bool = False) -> float:
    """The standard deviation of noise, which must be finite and not negative, or positive."""
    rule = "must be finite and positive" if positive else "must be finite and not negative"
    arguments.require(0 <= sigma < math.inf and not (positive and sigma == 0), "sigma", rule, sigma)
    return float(sigma)


def checked_kernel(kernel: ArrayLike, *, largest: tuple[int, ...]) -> Array:
    """The kernel, which must fit into the picture and sum to 1, so that constant pictures stay constant."""
    weights = arguments.real("kernel", kernel)
    arguments.require_shape(weights.ndim == 2 and weights.size > 0, "kernel", "(h, w)", weights)
    rule = f"no larger than the picture, {tuple(largest[:2])}"
    arguments.require_shape(weights.shape[0] <= largest[0] and weights.shape[1] <= largest[1], "kernel", rule, weights)
    arguments.require(abs(weights.sum() - 1) < 1e-6, "kernel", "must sum to 1", float(weights.sum()))
    return weights


def continued(plane: Array, least: int = SIDE) -> Array:
    """The plane, extended by its mirror image to at least `least` rows and columns."""
    return np.pad(plane, [(0, max(least - length, 0)) for length in plane.shape], mode="symmetric")
