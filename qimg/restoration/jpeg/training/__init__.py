"""Training networks that restore JPEG files: `qimg fit network`. Needs PyTorch."""

from qimg.restoration.jpeg.training.recipe import Recipe
from qimg.restoration.jpeg.training.train import fit

__all__ = ["Recipe", "fit"]
