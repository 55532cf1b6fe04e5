"""Perceptual measures: GMSD, SSIMULACRA 2, the tangent error, and Bures distances of patch statistics."""

from qimg.metrics.perceptual.external import ssimulacra2
from qimg.metrics.perceptual.gradient_similarity import gmsd
from qimg.metrics.perceptual.octave_weights import tangent_weights
from qimg.metrics.perceptual.patch_states import patch_bures
from qimg.metrics.perceptual.quadratic_form import TangentForm
from qimg.metrics.perceptual.tangent import tangent_error, tangent_error_gradient

__all__ = [
    "TangentForm",
    "gmsd",
    "patch_bures",
    "ssimulacra2",
    "tangent_error",
    "tangent_error_gradient",
    "tangent_weights",
]
