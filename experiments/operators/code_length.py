"""Second moments of luma's 63 AC coefficients, and what a code built for those of other pictures costs."""

import numpy as np

from experiments.operators.quantized_states import ac_coefficients
from qimg import images, metrics
from qimg.core import Array
from qimg.operators import CorrelationOperator

ROUNDING = 1 / 12
"""Variance that whole code values add to every coefficient."""


def ac_operator(image: Array) -> CorrelationOperator:
    """The 63-dimensional operator of a picture: luma, not rounded, 8×8 DCT without DC."""
    return CorrelationOperator.from_patches(ac_coefficients(images.luma(image)))


def has_energy(moments: Array) -> Array:
    """Whether second moments per patch (..., 63, 63) hold more than rounding: constant pictures have no shape."""
    return np.asarray(np.trace(moments, axis1=-2, axis2=-1) > 1e-9)


def excess_bits_per_pixel(model: Array, truth: Array, *, trace_normalised: bool) -> Array:
    """Bits per pixel that a Gaussian code for `model` spends beyond one for `truth`; see `excess_code_length`.

    Args:
        model: (..., 63, 63) second moments per patch in code values.
        truth: (..., 63, 63) those of the pictures that are coded.
        trace_normalised: scale `model` to the trace of `truth` first, so that its shape alone is judged.
    """
    excess = metrics.excess_code_length(model, truth, noise_variance=ROUNDING, trace_normalised=trace_normalised)
    return excess / 64
