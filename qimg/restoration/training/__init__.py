"""Training networks that restore JPEG files: `python -m qimg.restoration.training`. Needs PyTorch and safetensors."""

from qimg.restoration.training.recipe import Recipe
from qimg.restoration.training.train import fit

__all__ = ["Recipe", "fit"]
