"""Training of the models of digits. Needs PyTorch."""

from qimg.codecs.digits.training.fit import RECIPES, KltRecipe, LatentRecipe, RasterRecipe, fit

__all__ = ["RECIPES", "KltRecipe", "LatentRecipe", "RasterRecipe", "fit"]
