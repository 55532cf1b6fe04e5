"""Denoising, inpainting, deblurring and upscaling by conditional expectation under the prior.

A new degradation is one file with a `Degradation`, and one entry of `DEGRADATIONS`.
"""

from qimg.restoration.degradations.deblurring import DEBLUR
from qimg.restoration.degradations.denoising import DENOISE
from qimg.restoration.degradations.inpainting import INPAINT
from qimg.restoration.degradations.planes import Degradation
from qimg.restoration.degradations.upscaling import UPSCALE

DEGRADATIONS: tuple[Degradation, ...] = (DENOISE, INPAINT, DEBLUR, UPSCALE)
"""All supported degradations, in the order of the documentation."""
