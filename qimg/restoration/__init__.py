"""Restoration of degraded pictures by conditional expectation under the prior."""

from qimg.restoration.degradations import DEGRADATIONS
from qimg.restoration.degradations.deblurring import deblur, deblur_plane
from qimg.restoration.degradations.denoising import denoise, denoise_plane, estimate_sigma
from qimg.restoration.degradations.inpainting import inpaint, inpaint_plane
from qimg.restoration.degradations.planes import Degradation, PlaneEstimate
from qimg.restoration.degradations.upscaling import upscale, upscale_plane
from qimg.restoration.jpeg.model import Model, load
from qimg.restoration.jpeg.restore import METHODS, TUNES, Restored, restore, restore_picture

__all__ = [
    "DEGRADATIONS",
    "METHODS",
    "TUNES",
    "Degradation",
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
    "restore",
    "restore_picture",
    "upscale",
    "upscale_plane",
]
