"""Quantizers of training: noise for the rate, rounding with a straight-through gradient for the distortion, dither."""

import torch
from torch import Tensor

from qimg.learning.fixed_point import straight_through

__all__ = ["dithered", "noisy", "straight_through"]


def noisy(y: Tensor) -> Tensor:
    """Add uniform noise of [−½, ½), whose density is that of rounding on average (Ballé et al. 2017)."""
    return y + torch.rand_like(y) - 0.5


def dithered(y: Tensor, dither: Tensor) -> tuple[Tensor, Tensor]:
    """Subtractive dither: the integers round(y − u) that are coded, and the reconstruction, these plus u.

    The error is uniform in [−½, ½] and independent of y if u is (Schuchman 1964); encoder and decoder draw the same u.
    """
    codes = straight_through(y - dither)
    return codes, codes + dither
