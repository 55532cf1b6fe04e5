"""Band contexts in PyTorch: trained networks of `qimg.integer_networks.contexts`, and their export."""

import numpy as np
import torch
from torch import Tensor, nn

from qimg.core import Array
from qimg.integer_networks.coding import ContextModel
from qimg.integer_networks.contexts import (
    COMPANDING_FRACTION,
    Coded,
    ContextDesign,
    count_features,
    energies,
    gather,
    magnitudes_of,
    place_features,
)
from qimg.learning.distributions import bits, initial_parameters
from qimg.learning.fixed_point import FixedPoint, dense_network, exported, straight_through

_FURTHEST = (1 << 15) - 1  # of parameters, which are means in sixteenths, for instance


class BandContexts(nn.Module):
    """The networks of a context model."""

    def __init__(self, design: ContextDesign, *, scale: float = 1.0) -> None:
        """Create the networks.

        Args:
            design: the design.
            scale: scale of the distributions at the start.
        """
        super().__init__()
        self.design = design
        self.networks = nn.ModuleList()
        start = torch.tensor(initial_parameters(design.distribution, scale))
        for band, _, phase in design.steps():
            network = dense_network(
                inputs := design.features(band, phase),
                design.hidden if inputs else (),
                design.fractions(band),
                bound=design.bound,
                input_fraction=design.input_fraction,
                low=-_FURTHEST - 1,
                high=_FURTHEST,
            )
            last = network[-1]
            assert isinstance(last, FixedPoint)
            with torch.no_grad():
                last.bias.copy_(start.repeat(design.bands[band]))
            self.networks.append(network)

    def bits(self, y: Tensor, coded: Tensor, *, side: Tensor | None = None, conditions: Tensor | None = None) -> Tensor:
        """Code lengths in bits, (channels, n): sums over positions.

        Args:
            y: (channels, H, W, n) latents whose code lengths are computed: noisy ones, or integers.
            coded: (channels, H, W, n) latents that features are gathered from: integers, straight through.
            side: (side, H, W, n) side information as integers.
            conditions: (conditions, n) integers that describe a picture.
        """
        sums: list[list[Tensor]] = [[] for _ in self.design.bands]
        sources = self._sources(coded, side, conditions)
        for (band, _, phase), network in zip(self.design.steps(), self.networks, strict=True):
            first = self.design.starts[band]
            own = y[first : first + self.design.bands[band]]
            for row, column in phase.lattices:
                rows, columns = slice(row, y.shape[1], phase.period), slice(column, y.shape[2], phase.period)
                symbols = own[:, rows, columns]
                if not symbols.numel():
                    continue
                parameters = self._distributions(network, gather(self.design, sources, band, phase, rows, columns))
                lengths = bits(self.design.distribution, symbols, parameters.movedim(1, 0))
                sums[band].append(lengths.sum((1, 2)))
        return torch.cat([torch.stack(parts).sum(0) for parts in sums])

    def _distributions(self, network: nn.Module, features: Tensor) -> Tensor:
        """(channels, outputs, H', W', n) of features (F, H', W', n)."""
        values: Tensor = network(features * 2.0**-self.design.input_fraction)
        return values.reshape(-1, self.design.distribution.outputs, *features.shape[1:])

    def _sources(self, y: Tensor, side: Tensor | None, conditions: Tensor | None) -> Coded:
        design, margin = self.design, max(self.design.reach, 1)
        clamped = y.clamp(-design.bound, design.bound)
        padded = nn.functional.pad(clamped, (0, 0, margin, margin, margin, margin))
        magnitudes = magnitudes_of(design, padded)
        inner = slice(margin - 1, -margin + 1 or None)
        energy = energies(magnitudes[:, inner, inner])
        energy = _companded(energy) if design.companded else energy
        counts = None
        if design.counted:
            counts = torch.from_numpy(counts_before(design, y[0].detach().cpu().numpy())).to(y)
        return Coded(
            y=padded,
            magnitudes=_companded(magnitudes) if design.companded else magnitudes,
            energy=energy.clamp(max=design.bound),
            side=None if side is None else side.clamp(-design.bound, design.bound),
            conditions=conditions,
            positions=torch.from_numpy(place_features(design, y.shape[1], y.shape[2])).to(y),
            counts=counts,
            join=lambda parts: torch.cat(list(parts)),
            spread=lambda array, shape: array.expand(shape),
        )

    def export(self) -> ContextModel:
        """The context model in integers."""
        return ContextModel(
            design=self.design,
            networks=tuple(exported(network) for network in self.networks if isinstance(network, nn.Sequential)),
        )


def counts_before(design: ContextDesign, levels: Array) -> Array:
    """Features g (counted levels, H, W, n) of the counts before each position of levels (H, W, n)."""
    flat = levels.reshape(-1, levels.shape[-1])
    features = np.zeros((len(design.counted), *flat.shape), np.int32)
    for number, level in enumerate(design.counted):
        own = flat == level
        features[number] = count_features(design, own.cumsum(axis=0) - own)
    return features.reshape(len(features), *levels.shape)


def _companded(magnitudes: Tensor) -> Tensor:
    """`qimg.integer_networks.contexts.companded` with the gradient of the logarithm."""
    return straight_through((1 << COMPANDING_FRACTION) * torch.log2(1 + magnitudes))
