"""The KLT of digits in PyTorch: a fixed transform in integers and the training of its context model."""

from collections.abc import Mapping
from math import log
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qimg.codecs.digits.latent_model import BOUND, FRACTION, PIXELS, RATES, STEP_FRACTION, LatentModel
from qimg.codecs.digits.training.recipes import KltRecipe
from qimg.core import Array
from qimg.integer_networks.layers import IntegerNetwork
from qimg.learning.contexts import BandContexts
from qimg.learning.fixed_point import FixedPoint
from qimg.learning.quantizers import noisy

_UNCLAMPED = 1 << 14


class Klt(nn.Module):
    """Coefficients of digits in the eigenbasis of their covariance, and the context model of quantized ones.

    The error of a step Δ is D = Δ²/12 and falls by 6 dB a bit at high rates, dD/dR = −2 ln 2 · D. A weight of w bits
    for a unit of squared error gives Δ² = 6 / (w ln 2).
    """

    def __init__(self, recipe: KltRecipe, mean: Array, basis: Array) -> None:
        """Create the transform.

        Args:
            recipe: parameters.
            mean: (784,) over 256.
            basis: (784, channels) orthonormal.
        """
        super().__init__()
        self.recipe = recipe
        channels = recipe.channels
        self.encoder = FixedPoint(
            PIXELS + 1,
            channels,
            bound=255,
            input_fraction=FRACTION,
            fractions=FRACTION,
            low=-BOUND,
            high=BOUND,
        )
        self.decoder = FixedPoint(
            channels,
            PIXELS,
            bound=BOUND,
            input_fraction=FRACTION,
            fractions=FRACTION,
            low=-_UNCLAMPED,
            high=_UNCLAMPED,
        )
        with torch.no_grad():
            columns = torch.from_numpy(basis).float()
            self.encoder.weight.copy_(torch.cat([columns.T, torch.zeros(channels, 1)], 1))
            self.encoder.bias.copy_(-columns.T @ torch.from_numpy(mean).float())
            self.decoder.weight.copy_(columns)
            self.decoder.bias.copy_(torch.from_numpy(mean).float())
        for layer in (self.encoder, self.decoder):
            layer.requires_grad_(False)
        self.contexts = BandContexts(recipe.design)

    def step(self, rate: Tensor) -> Tensor:
        """Steps of rates in [0, 1]."""
        low, high = self.recipe.weights
        return torch.sqrt(6 / (log(2) * low * (high / low) ** rate))

    def latents(self, pixels: Tensor, rate: Tensor) -> Tensor:
        """Coefficients over their step, (channels, n), of pixels (784, n) in [0, 255]."""
        inputs = torch.cat([pixels, torch.zeros_like(pixels[:1])]) * 2.0**-FRACTION
        values: Tensor = self.encoder(inputs)
        return values / self.step(rate)

    def lengths(self, y: Tensor, rounded: Tensor, rate: Tensor) -> Tensor:
        """Code lengths (channels, n)."""
        conditions = ((RATES - 1) * rate)[None]
        return self.contexts.bits(y[:, None, None], rounded[:, None, None], conditions=conditions)

    @torch.no_grad()
    def export(self, provenance: Mapping[str, Any]) -> LatentModel:
        """The model in integers."""
        step = self.step(torch.linspace(0, 1, RATES))[:, None].expand(-1, self.recipe.channels)
        steps = torch.round((1 << STEP_FRACTION) * step).numpy()
        encoder, decoder = (IntegerNetwork(layers=(layer.export(),)) for layer in (self.encoder, self.decoder))
        contexts = self.contexts.export()
        return LatentModel.assemble(
            encoder, decoder, contexts, steps=steps, weights=self.recipe.weights, provenance=provenance
        )


def transform(digits: Array, channels: int) -> tuple[Array, Array]:
    """The mean (784,) and the eigenvectors (784, channels) of largest variance of digits (n, 784), over 256."""
    values = digits.astype(np.float64) / 256
    mean = values.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(values, rowvar=False))
    return mean, np.ascontiguousarray(vectors[:, ::-1][:, :channels])


def loss(network: Klt, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Bits of a digit at random rates over 100; and bits."""
    rate = torch.rand(pixels.shape[1])
    y = network.latents(pixels, rate)
    total = network.lengths(noisy(y), torch.floor(y + 0.5), rate).sum(0).mean()
    return total / 100, total.detach()


@torch.no_grad()
def figures(network: Klt, pixels: Array) -> dict[str, float]:
    """Bytes for each digit and PSNR of the mean squared error, at three rates."""
    digits = torch.from_numpy(pixels).float()
    results = {}
    for share in (0.0, 0.5, 1.0):
        rate = torch.full((digits.shape[1],), share)
        quantized = torch.floor(network.latents(digits, rate) + 0.5)
        output = torch.round(network.decoder(quantized * network.step(rate)) * 256).clamp(0, 255)
        error = float((output - digits).square().mean())
        results[f"bytes at rate {share:g}"] = float(network.lengths(quantized, quantized, rate).sum(0).mean()) / 8
        results[f"dB at rate {share:g}"] = 10 * log(255**2 / error, 10)
    return results
