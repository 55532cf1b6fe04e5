"""Small auto-encoders of digits in floating point, conditioned on a rate or on a number of latents, and their training.

All numbers of latents and rates refer to quantized latents, coded by a chain: each latent given those before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from experiments._run import Array
from experiments.learned.short_trainings import trained_network
from qimg.codecs.digits.training.chains import Chain
from qimg.codecs.digits.training.draws import Digits
from qimg.entropy.distributions import Distribution
from qimg.integer_networks.contexts import ContextDesign
from qimg.learning.quantizers import noisy, straight_through
from qimg.learning.schedule import Schedule

N = TypeVar("N", bound=nn.Module)

_SPEED = 10.0  # learning rate of the gains' logarithms over that of other parameters
_KNOTS = 5  # rates at which gains are trained
_HIDDEN = 24
_HALF = 128.0


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of an auto-encoder."""

    pixels: int
    latents: int
    encoder: tuple[int, int]
    """Features of the hidden layers."""
    decoder: tuple[int, int]


class AutoEncoder(nn.Module):
    """Pixels to latents, gains, a chain of latents, and latents to pixels; both networks are given a condition."""

    def __init__(
        self,
        sizes: Sizes,
        *,
        weights: tuple[float, float],
        conditions: int = 0,
        encoder_conditions: int | None = None,
    ) -> None:
        """Create the networks.

        Args:
            sizes: of the networks.
            weights: bits that a unit of squared error is worth at the lowest rate and the highest; gains begin in
                proportion to their roots.
            conditions: numbers that the decoder is given.
            encoder_conditions: numbers that the encoder is given, by default as many.
        """
        super().__init__()
        self.sizes = sizes
        self.encoder_conditions = conditions if encoder_conditions is None else encoder_conditions
        self.encoder = _dense(sizes.pixels + self.encoder_conditions, sizes.encoder, sizes.latents)
        self.decoder = _dense(sizes.latents + conditions, sizes.decoder, sizes.pixels)
        start = torch.linspace(log(weights[0]), log(weights[1]), _KNOTS) / 2 + 0.8
        self.gains = nn.Parameter((start[:, None] / _SPEED).repeat(1, sizes.latents))
        design = ContextDesign(
            distribution=Distribution(kind="mixture", size=2),
            bands=(1,) * sizes.latents,
            magnitudes=False,
            conditions=1,
            hidden=(_HIDDEN,),
            input_fraction=2,
        )
        self.chain = Chain(design, scale=2.0)

    def gain(self, rate: Tensor) -> Tensor:
        """Gains (latents, n) of rates (n,) in [0, 1]: geometric interpolation."""
        place = rate * (_KNOTS - 1)
        left = place.floor().clamp(max=_KNOTS - 2)
        weight = (place - left)[:, None]
        index = left.long()
        return torch.exp(_SPEED * ((1 - weight) * self.gains[index] + weight * self.gains[index + 1])).T

    def latents(self, pixels: Tensor, conditions: Tensor, rate: Tensor) -> Tensor:
        """Latents (latents, n) in steps, of pixels (pixels, n) in code values."""
        inputs = torch.cat([pixels / _HALF - 1, conditions[: self.encoder_conditions]])
        values: Tensor = self.encoder(inputs.T).T
        return values * self.gain(rate)

    def pixels(self, quantized: Tensor, conditions: Tensor, rate: Tensor) -> Tensor:
        """Pixels (pixels, n) in code values, not clamped."""
        inputs = torch.cat([quantized / self.gain(rate), conditions])
        values: Tensor = self.decoder(inputs.T).T
        return _HALF * (values + 1)

    def lengths(self, y: Tensor, coded: Tensor, rate: Tensor) -> Tensor:
        """Code lengths (latents, n) in bits."""
        return self.chain.bits(y, coded, 8 * rate[None])


def _dense(inputs: int, hidden: tuple[int, int], outputs: int) -> nn.Sequential:
    first, second = hidden
    return nn.Sequential(
        nn.Linear(inputs, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, outputs)
    )


def squared_errors(output: Tensor, pixels: Tensor) -> Tensor:
    """Squared errors (n,) in units of 256²; outside of [0, 255] a pixel counts with a small slope, for gradients."""
    inside = output.clamp(0, 255)
    return ((inside + 0.02 * (output - inside) - pixels) / 256).square().sum(0)


def trained(
    build: Callable[[], N],
    loss: Callable[[N, Tensor], Tensor],
    digits: Array,
    schedule: Schedule,
    *,
    prepare: Callable[[N, float], None] | None = None,
) -> tuple[N, float]:
    """A network that was trained on digits (n, height, width) uint8, and the processor seconds of its training.

    Args:
        build: makes the network.
        loss: of the network and pixels (pixels, n).
        digits: to train on.
        schedule: of the training.
        prepare: as for `qimg.learning.loop.learn`.
    """
    draws = Digits(pixels=torch.from_numpy(digits.reshape(len(digits), -1).copy()))
    return trained_network(build, loss, draws, schedule, prepare=prepare)


def columns(digits: Array) -> Tensor:
    """Digits (n, height, width) as (pixels, n) float32."""
    return torch.from_numpy(digits.reshape(len(digits), -1).T.astype(np.float32))


def psnr_of(outputs: Tensor, pixels: Tensor) -> float:
    """PSNR of the squared error averaged over all pictures, of pixels rounded to code values."""
    error = float((outputs.round().clamp(0, 255) - pixels).square().mean())
    return 10 * log(255**2 / error, 10) if error else float("inf")


def rounded(y: Tensor) -> Tensor:
    """Integers, half up, without a gradient."""
    return torch.floor(y.detach() + 0.5)


def rate_loss(network: AutoEncoder, pixels: Tensor, rate: Tensor, weight: Tensor) -> Tensor:
    """Bits + weight · squared error, over √weight so that all rates matter alike.

    The rate counts noisy latents, and the error is that of rounded ones.
    """
    conditions = rate[None][: network.encoder_conditions]
    y = network.latents(pixels, conditions, rate)
    codes = straight_through(y)
    lengths = network.lengths(noisy(y), codes, rate).sum(0)
    errors = squared_errors(network.pixels(codes, conditions, rate), pixels)
    return ((lengths + weight * errors) / weight.sqrt()).mean() / 100


def trained_for_all_rates(
    sizes: Sizes, weights: tuple[float, float], digits: Array, schedule: Schedule
) -> tuple[AutoEncoder, float]:
    """An auto-encoder that is given the rate, and the processor seconds of its training.

    Args:
        sizes: of the networks.
        weights: bits that a unit of squared error is worth at the lowest rate and the highest.
        digits: (n, height, width) uint8 to train on.
        schedule: of the training.
    """
    low, high = weights

    def loss(network: AutoEncoder, pixels: Tensor) -> Tensor:
        rate = torch.rand(pixels.shape[1])
        return rate_loss(network, pixels, rate, low * (high / low) ** rate)

    return trained(lambda: AutoEncoder(sizes, weights=weights, conditions=1), loss, digits, schedule)


def residual_errors(digits: Array, sizes: Sequence[int]) -> dict[int, float]:
    """Mean squared error in units of 256², summed over pixels, of the KLT with so many coefficients, not quantized."""
    flat = digits.reshape(len(digits), -1).astype(float) / 256
    spectrum = np.linalg.eigvalsh(np.cov(flat, rowvar=False, bias=True).reshape(flat.shape[1], -1))[::-1]
    least = 1e-3 * spectrum.sum() + 1e-9  # a constant collection has no error at all
    return {size: float(max(spectrum[size:].sum(), least)) for size in sizes}
