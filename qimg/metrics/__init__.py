"""Measures of the difference between two pictures, rate curves, density matrices or codes."""

from qimg.metrics.coding import excess_code_length
from qimg.metrics.measures import MEASURES, Measure, measure
from qimg.metrics.perceptual import (
    TangentForm,
    gmsd,
    patch_bures,
    ssimulacra2,
    tangent_error,
    tangent_error_gradient,
    tangent_weights,
)
from qimg.metrics.pixels import mean_squared_error, ms_ssim, psnr_b, psnr_db, psnr_of_error, ssim
from qimg.metrics.quantum import bures_distance, fidelity, trace_distance
from qimg.metrics.rate import bd_rate, bits_per_pixel

__all__ = [
    "MEASURES",
    "Measure",
    "TangentForm",
    "bd_rate",
    "bits_per_pixel",
    "bures_distance",
    "excess_code_length",
    "fidelity",
    "gmsd",
    "mean_squared_error",
    "measure",
    "ms_ssim",
    "patch_bures",
    "psnr_b",
    "psnr_db",
    "psnr_of_error",
    "ssim",
    "ssimulacra2",
    "tangent_error",
    "tangent_error_gradient",
    "tangent_weights",
    "trace_distance",
]
