"""Digits as draws of the training loop, some of them distorted."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from qimg.codecs.digits.latent_model import PIXELS, SIDE

_ROTATION, _SHEAR, _SCALE, _SHIFT = 0.17, 0.12, 0.1, 1.2 / 14
"""Largest distortions: radians, share, share, and half sides of a digit."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Digits:
    """Digits to train on; a crop is a whole digit."""

    pixels: Tensor
    """(n, 784) uint8."""
    distorted: float = 0.0
    """Share of the digits of a batch that are distorted."""

    @property
    def sides(self) -> Tensor:
        """(n, 2) ones: a digit is one block."""
        return torch.ones((len(self.pixels), 2), dtype=torch.int64)

    @property
    def device(self) -> torch.device:
        """Device that holds them."""
        return self.pixels.device

    def to(self, device: torch.device) -> "Digits":
        """The digits on another device."""
        return Digits(pixels=self.pixels.to(device), distorted=self.distorted)

    def crops(self, places: Tensor, side: int) -> Tensor:
        """(784, B) integers as float32."""
        digits = self.pixels[places[:, 0]].float()
        count = int(self.distorted * len(digits))
        if count:
            digits = torch.cat([distorted(digits[:count]), digits[count:]])
        return digits.T.contiguous()


def distorted(digits: Tensor) -> Tensor:
    """Digits (n, 784) under random affine maps, by bicubic interpolation, rounded."""
    count = len(digits)

    def uniform(largest: float) -> Tensor:
        return (2 * torch.rand(count) - 1) * largest

    angle, shear = uniform(_ROTATION), uniform(_SHEAR)
    wide, high = 1 + uniform(_SCALE), 1 + uniform(_SCALE)
    rows = (
        torch.stack([angle.cos() * wide, shear - angle.sin() * high, uniform(_SHIFT)], 1),
        torch.stack([angle.sin() * wide, angle.cos() * high, uniform(_SHIFT)], 1),
    )
    shape = (count, 1, SIDE, SIDE)
    grid = functional.affine_grid(torch.stack(rows, 1).to(digits.device), list(shape), align_corners=False)
    moved = functional.grid_sample(digits.view(shape), grid, mode="bicubic", align_corners=False)
    return moved.clamp(0, 255).round().view(count, PIXELS)
