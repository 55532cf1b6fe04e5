"""The tangent error of small errors: a quadratic form eᵀ W e around a picture, and what it weighs octave by octave."""

import math

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, one_of, require
from qimg.core.records import short_repr
from qimg.metrics.perceptual.deformation import DEFORMATIONS, Difference, backward, difference, residuals
from qimg.metrics.perceptual.filters import halving, separable_adjoint
from qimg.metrics.perceptual.octave_weights import octave_matrix, tangent_weights
from qimg.metrics.perceptual.scales import ROBUSTNESS, noise_variance, octaves, stacked
from qimg.metrics.pixels import range_of


@short_repr
class TangentForm:
    """The quadratic form W of `tangent_error` around a picture x: tangent_error(x, x + e) = eᵀ W e + O(|e|³).

    With T = ∇x, A = E[T Tᵀ], b = E[T e] and Z of the picture alone, each window of each octave adds

        (E[e²] − bᵀ (A + Z/τ²)⁻¹ b) / 4Z,

    divided by the windows of the octave and by the octaves. W is symmetric and positive definite. It is never stored:
    its action costs as much as `tangent_error_gradient`.

    Args:
        reference: picture x as in `tangent_error`.
        data_range: as in `psnr_db`.
        channel_axis: as in scikit-image.
        deformation: as in `tangent_error`.

    Raises:
        ValueError: as by `tangent_error`.

    >>> edge = np.where(np.arange(32) < 16, 0.0, 200.0) * np.ones((32, 1))
    >>> form = TangentForm(edge, data_range=255)
    >>> moved = np.where(np.arange(32) == 15, 1.0, 0.0) * np.ones((32, 1))  # a shift by 1/200 pixel
    >>> form(np.roll(moved, 8, axis=1)) > 20 * form(moved)
    True
    """

    def __init__(
        self,
        reference: ArrayLike,
        *,
        data_range: float | None = None,
        channel_axis: int | None = None,
        deformation: str = "shift",
    ) -> None:
        self._terms = DEFORMATIONS[one_of("deformation", deformation, DEFORMATIONS)]
        self._range = range_of(reference, reference, data_range)
        self._noise = noise_variance(reference, reference, data_range)
        self._picture, _ = stacked(reference, reference, channel_axis)
        self._axis = channel_axis

    def __call__(self, error: ArrayLike) -> float:
        """eᵀ W e of an error of the shape of the picture."""
        scales = self._scales(error)
        total = math.fsum(
            math.fsum(float(strip.values.sum()) for strip in residuals(parts)) / parts.error[0].size for parts in scales
        )
        return total / ROBUSTNESS / len(scales)

    def apply(self, error: ArrayLike) -> Array:
        """W e, float64, of the shape of the picture: half of the gradient of eᵀ W e."""
        scales = self._scales(error)
        product = np.zeros(())
        for k, parts in reversed(list(enumerate(scales))):
            share = 1 / (2 * ROBUSTNESS * len(scales) * parts.error[0].size)
            slopes = ((strip, np.full(strip.values.shape, share)) for strip in residuals(parts))
            here, _ = backward(parts, slopes)
            if k + 1 < len(scales):
                here += separable_adjoint(halving, product, halving, parts.error.shape[1:])
            product = here
        return product[0] if self._axis is None else np.moveaxis(product, 0, self._axis)

    def diagonal(self) -> Array:
        """(H, W) the diagonal of W without deformations, an upper bound of that of W.

        Exact, for one channel of C; the octaves are those of the metric. A displacement explains two of the many
        directions of errors in a window, so that the diagonal of W is lower by a small part only.
        """
        channels, height, width = self._picture.shape
        maps = tangent_weights(np.moveaxis(self._picture, 0, -1), data_range=self._range, channel_axis=-1)
        total = np.zeros((height, width))
        for octave, weights in enumerate(maps):
            rows, columns = (octave_matrix(n, octave) for n in (height, width))
            total += rows.multiply(rows).T @ weights @ columns.multiply(columns) / weights.size
        return total / (channels * len(maps))

    def _scales(self, error: ArrayLike) -> list[Difference]:
        other, _ = stacked(error, error, self._axis)
        require(other.shape == self._picture.shape, "error", f"must have shape {self._picture.shape}", other.shape)
        return [difference(*pair, self._noise, self._terms) for pair in octaves(other, self._picture)]
