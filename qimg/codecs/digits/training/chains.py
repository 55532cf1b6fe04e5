"""Context models of chains of latents: each latent of one position is a band, and all networks are trained together."""

from typing import cast

import torch
from torch import Tensor, nn

from qimg.core import require
from qimg.integer_networks.coding import ContextModel
from qimg.integer_networks.contexts import ContextDesign
from qimg.learning.contexts import BandContexts
from qimg.learning.distributions import bits, initial_parameters
from qimg.learning.fixed_point import HIDDEN_FRACTION, HIDDEN_HIGH, FixedPoint

_CEILING = HIDDEN_HIGH / (1 << HIDDEN_FRACTION)


class Chain(nn.Module):
    """The networks of a design of bands of one channel, with one hidden layer, as stacked arrays.

    A latent depends on the latents before it, y and |y|, and on conditions. The networks are those of `BandContexts`,
    which evaluates one after the other; here each layer is one product.
    """

    def __init__(self, design: ContextDesign, *, scale: float) -> None:
        """Create the networks.

        Args:
            design: bands of one channel, features a without |y|, which equals the energy of a single position, and
                conditions.
            scale: scale of the distributions at the start.
        """
        super().__init__()
        channels, outputs = design.channels, design.distribution.outputs
        require(set(design.bands) == {1} and not design.reach, "design", "must be a chain of single latents", design)
        require(design.lower_bands and not design.magnitudes, "design", "must use y and energies", design)
        (width,) = design.hidden
        self.design = design
        inputs = 2 * channels + design.conditions
        self.first = nn.Parameter(torch.randn(channels, width, inputs) * (1 / inputs) ** 0.5)
        self.first_bias = nn.Parameter(torch.zeros(channels, width))
        self.second = nn.Parameter(torch.randn(channels, outputs, width) * 0.3 * (2 / width) ** 0.5)
        start = torch.tensor(initial_parameters(design.distribution, scale))
        self.second_bias = nn.Parameter(start.repeat(channels, 1))
        lower = torch.ones(channels, channels).tril(-1)
        mask = torch.cat([lower, lower, torch.ones(channels, design.conditions)], 1)
        self.register_buffer("mask", mask[:, None], persistent=False)
        self.mask: Tensor

    def bits(self, y: Tensor, coded: Tensor, conditions: Tensor) -> Tensor:
        """Code lengths (channels, n) of latents.

        Args:
            y: (channels, n) latents whose code lengths are computed: noisy ones, or integers.
            coded: (channels, n) integers that features are gathered from.
            conditions: (conditions, n) integers.
        """
        clamped = coded.clamp(-self.design.bound, self.design.bound)
        features = torch.cat([clamped, clamped.abs(), conditions]) * 2.0**-self.design.input_fraction
        hidden = (self.first * self.mask).flatten(0, 1) @ features + self.first_bias.flatten()[:, None]
        hidden = hidden.clamp(0, _CEILING).view(*self.first_bias.shape, -1)
        parameters = self.second @ hidden + self.second_bias[..., None]
        return bits(self.design.distribution, y, parameters.movedim(1, 0))

    @torch.no_grad()
    def export(self) -> ContextModel:
        """The context model in integers."""
        networks = BandContexts(self.design)
        channels = self.design.channels
        for band, network in enumerate(networks.networks):
            before, after = cast(list[FixedPoint], list(cast(nn.Sequential, network)))
            features = [*range(band), *range(channels, channels + band), *range(2 * channels, self.first.shape[2])]
            before.weight.copy_(self.first[band][:, features])
            before.bias.copy_(self.first_bias[band])
            after.weight.copy_(self.second[band])
            after.bias.copy_(self.second_bias[band])
        return networks.export()
