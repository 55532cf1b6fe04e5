"""Restoration: from what a degradation left back to the picture, by conditional expectation under the prior."""

from qimg.restoration.deblurring import deblur, deblur_plane
from qimg.restoration.denoising import denoise, denoise_plane, estimate_sigma
from qimg.restoration.inpainting import inpaint, inpaint_plane
from qimg.restoration.jpeg import EFFORT, METHODS, TUNES, Restored, restore, restore_picture
from qimg.restoration.jpeg_file import Component, DamagedJpegWarning, JpegFile, read_jpeg
from qimg.restoration.model import Model, load
from qimg.restoration.patch_average import PlaneEstimate
from qimg.restoration.super_resolution import super_resolve, super_resolve_plane

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
