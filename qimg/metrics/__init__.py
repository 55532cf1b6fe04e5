"""Measures of the difference between two pictures, rate curves, density matrices or codes."""

from qimg.metrics.coding import excess_code_length
from qimg.metrics.measures import MEASURES, Measure, measure
from qimg.metrics.perceptual import gmsd, ssimulacra2
from qimg.metrics.pixels import mean_squared_error, ms_ssim, psnr_b, psnr_db, psnr_of_error, ssim
from qimg.metrics.quantum import fidelity, trace_distance
from qimg.metrics.rate import bd_rate, bits_per_pixel

__all__ = [
    "MEASURES",
    "Measure",
    "bd_rate",
    "bits_per_pixel",
    "excess_code_length",
    "fidelity",
    "gmsd",
    "mean_squared_error",
    "measure",
    "ms_ssim",
    "psnr_b",
    "psnr_db",
    "psnr_of_error",
    "ssim",
    "ssimulacra2",
    "trace_distance",
]
