"""Restoration: from what a degradation left back to the picture, by conditional expectation under the prior."""

from qimg.images.jpeg.coefficients import Component, DamagedJpegWarning, JpegFile, read_jpeg
from qimg.restoration.degradations.deblurring import deblur, deblur_plane
from qimg.restoration.degradations.denoising import denoise, denoise_plane, estimate_sigma
from qimg.restoration.degradations.inpainting import inpaint, inpaint_plane
from qimg.restoration.degradations.patch_average import PlaneEstimate
from qimg.restoration.degradations.super_resolution import super_resolve, super_resolve_plane
from qimg.restoration.jpeg.model import Model, load
from qimg.restoration.jpeg.restore import EFFORT, METHODS, TUNES, Restored, restore, restore_picture

__all__ = [
    "EFFORT",
    "METHODS",
    "TUNES",
    "Component",
    "DamagedJpegWarning",
    "JpegFile",
    "Model",
    "PlaneEstimate",
    "Restored",
    "deblur",
    "deblur_plane",
    "denoise",
    "denoise_plane",
    "estimate_sigma",
    "inpaint",
    "inpaint_plane",
    "load",
    "read_jpeg",
    "restore",
    "restore_picture",
    "super_resolve",
    "super_resolve_plane",
]
