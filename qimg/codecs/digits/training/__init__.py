"""Training of the models of digits. Needs PyTorch."""

from qimg.codecs.digits.training.recipes import ContourRecipe, KltRecipe, LatentRecipe, RasterRecipe
from qimg.codecs.digits.training.tasks import (
    AUTOENCODER,
    CONTOURS,
    KLT,
    RASTER2,
    RASTER4,
    RASTER8,
    RASTER256,
    DigitTraining,
)

__all__ = [
    "AUTOENCODER",
    "CONTOURS",
    "KLT",
    "RASTER2",
    "RASTER4",
    "RASTER8",
    "RASTER256",
    "ContourRecipe",
    "DigitTraining",
    "KltRecipe",
    "LatentRecipe",
    "RasterRecipe",
]
