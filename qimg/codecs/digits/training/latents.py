"""The auto-encoder in PyTorch: one network for all rates, its rate–distortion loss, and its export."""

from collections.abc import Mapping
from math import log
from typing import Any

import torch
from torch import Tensor, nn

from qimg.codecs.digits.latent_model import (
    BOUND,
    FRACTION,
    PIXELS,
    RATE_INPUT,
    RATES,
    STEP_FRACTION,
    LatentModel,
)
from qimg.codecs.digits.training.chains import Chain
from qimg.codecs.digits.training.recipes import LatentRecipe
from qimg.core import Array
from qimg.learning.fixed_point import dense_network, exported
from qimg.learning.quantizers import noisy, straight_through

_KNOTS = 5
"""Rates at which gains are trained; others are interpolated."""
_SPEED = 10.0
"""Learning rate of the gains' logarithms over that of other parameters."""
_LEAK = 0.02
"""Slope of the clamping of pixels in training."""
_UNCLAMPED = 1 << 14
_SCALE = 100.0
"""Divisor of the loss."""


class AutoEncoder(nn.Module):
    """Pixels to latents, gains that divide them into steps, a context model, and latents to pixels."""

    def __init__(self, recipe: LatentRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        channels = recipe.channels
        self.encoder = dense_network(
            PIXELS + 1,
            recipe.encoder,
            [FRACTION] * channels,
            bound=255,
            input_fraction=FRACTION,
            low=-BOUND,
            high=BOUND,
        )
        self.decoder = dense_network(
            channels,
            recipe.decoder,
            [FRACTION] * PIXELS,
            bound=BOUND,
            input_fraction=FRACTION,
            low=-_UNCLAMPED,
            high=_UNCLAMPED,
        )
        middle = torch.linspace(log(recipe.weights[0]), log(recipe.weights[1]), _KNOTS) / 2 + 0.8
        self.gains = nn.Parameter((middle[:, None] / _SPEED).repeat(1, channels))
        self.contexts = Chain(recipe.design, scale=2.0)

    def gain(self, rate: Tensor) -> Tensor:
        """Gains (channels, n), the reciprocals of steps, of rates (n,) in [0, 1]."""
        place = rate * (_KNOTS - 1)
        left = place.floor().clamp(max=_KNOTS - 2)
        weight = (place - left)[:, None]
        table, index = self.gains, left.long()
        return torch.exp(_SPEED * ((1 - weight) * table[index] + weight * table[index + 1])).T

    def latents(self, pixels: Tensor, rate: Tensor) -> Tensor:
        """Latents over their steps, (channels, n), of pixels (784, n) in [0, 255]."""
        inputs = torch.cat([pixels, RATE_INPUT * (RATES - 1) * rate[None]]) * 2.0**-FRACTION
        values: Tensor = self.encoder(inputs)
        return values * self.gain(rate)

    def pixels(self, quantized: Tensor, rate: Tensor) -> Tensor:
        """Pixels (784, n) over 256, not clamped."""
        inputs = quantized / self.gain(rate)
        pixels: Tensor = self.decoder(inputs.clamp(-BOUND / (1 << FRACTION), BOUND / (1 << FRACTION)))
        return pixels

    def weight(self, rate: Tensor) -> Tensor:
        """Bits that a unit of squared error, in units of 256², is worth at rates in [0, 1]."""
        low, high = self.recipe.weights
        return low * (high / low) ** rate

    @torch.no_grad()
    def export(self, provenance: Mapping[str, Any]) -> LatentModel:
        """The model in integers."""
        gains = self.gain(torch.linspace(0, 1, RATES))
        steps = torch.round((1 << STEP_FRACTION) / gains).clamp(1, 1 << 20).T.numpy()
        parts = exported(self.encoder), exported(self.decoder), self.contexts.export()
        return LatentModel.assemble(*parts, steps=steps, weights=self.recipe.weights, provenance=provenance)


def loss(network: AutoEncoder, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Bits + weight · squared error over √weight at random rates; and the same without the divisor's scale.

    The rate counts latents with uniform noise; the distortion, and the contexts, use rounded latents with a
    straight-through gradient.
    """
    rate = torch.rand(pixels.shape[1], device=pixels.device)
    y = network.latents(pixels, rate)
    rounded = straight_through(y)
    conditions = ((RATES - 1) * rate)[None]
    lengths = network.contexts.bits(noisy(y), rounded, conditions).sum(0)
    output = network.pixels(rounded, rate)
    inside = output.clamp(0, 255 / 256)
    errors = (inside + _LEAK * (output - inside) - pixels * 2.0**-FRACTION).square().sum(0)
    weight = network.weight(rate)
    costs = ((lengths + weight * errors) / weight.sqrt()).mean()
    return costs / _SCALE, costs.detach()


@torch.no_grad()
def figures(network: AutoEncoder, pixels: Array) -> dict[str, float]:
    """Bytes for each digit and PSNR of the mean squared error, at three rates, of rounded latents."""
    digits = torch.from_numpy(pixels).float()
    results = {}
    for share in (0.0, 0.5, 1.0):
        rate = torch.full((digits.shape[1],), share)
        quantized = torch.floor(network.latents(digits, rate) + 0.5)
        lengths = network.contexts.bits(quantized, quantized, (RATES - 1) * rate[None]).sum(0)
        output = torch.round(network.pixels(quantized, rate) * 256).clamp(0, 255)
        error = float((output - digits).square().mean())
        results[f"bytes at rate {share:g}"] = float(lengths.mean()) / 8
        results[f"dB at rate {share:g}"] = 10 * log(255**2 / error, 10)
    return results
