"""Training of the models of digits. Needs PyTorch."""

from qimg.codecs.digits.training.recipes import KltRecipe, LatentRecipe, RasterRecipe
from qimg.codecs.digits.training.tasks import AUTOENCODER, KLT, RASTER2, RASTER4, RASTER8, RASTER256, DigitTraining

__all__ = [
    "AUTOENCODER",
    "KLT",
    "RASTER2",
    "RASTER4",
    "RASTER8",
    "RASTER256",
    "DigitTraining",
    "KltRecipe",
    "LatentRecipe",
    "RasterRecipe",
]
