"""Raster-encoders in PyTorch: sampled pixels of digits with their windows, the loss, and the export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from qimg.codecs.digits.latent_model import PIXELS, SIDE
from qimg.codecs.digits.raster_model import RasterModel
from qimg.codecs.digits.training.recipes import RasterRecipe
from qimg.core import Array
from qimg.integer_networks.coding import latent_bits
from qimg.integer_networks.contexts import BEFORE, ContextDesign
from qimg.learning.contexts import BandContexts, counts_before
from qimg.learning.fixed_point import FixedPoint

_PIXELS, _POSITIONS = 1.5, 0.5
"""Factors of the first layer's initial weights: of pixels, and of rows and columns."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Pixels:
    """Features of pixels, and what to predict."""

    features: Tensor
    """(F, n) integers, as `qimg.integer_networks.contexts.gather` orders them."""
    levels: Tensor
    """(n,)."""
    weights: Tensor
    """(n,) pixels that each of these stands for, over the number of digits."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Rasters:
    """Levels of digits to train on; a crop is a sample of the pixels of a digit.

    Pixels whose window is black are sampled less often, with a larger weight.
    """

    padded: Tensor
    """(n, rows · columns) uint8 levels with a margin of zeros."""
    order: Tensor
    """(n, 784) int16 pixels, first those with a window that is not black."""
    counts: Tensor
    """(n,) number of these."""
    counts_before: Tensor
    """(counted levels, n · 784) features of their counts before each pixel."""
    design: ContextDesign
    samples: tuple[int, int]
    """Pixels of a digit in a step, with a window that is not black, and a black one."""

    @classmethod
    def of(cls, levels: Array, recipe: RasterRecipe) -> "Rasters":
        """Levels (n, 28, 28) uint8."""
        design, reach = recipe.design, recipe.reach
        padded = np.pad(levels, ((0, 0), (reach, 0), (reach, reach)))
        occupied = np.zeros(levels.shape, bool)
        for row, column in offsets(reach):
            top, left = reach + row, reach + column
            occupied |= padded[:, top : top + SIDE, left : left + SIDE] > 0
        order = np.argsort(~occupied.reshape(-1, PIXELS), axis=1, kind="stable").astype(np.int16)
        return cls(
            padded=torch.from_numpy(padded.reshape(len(padded), -1)),
            order=torch.from_numpy(order),
            counts=torch.from_numpy(occupied.sum(axis=(1, 2))),
            counts_before=_all_counts(design, levels),
            design=design,
            samples=recipe.pixels,
        )

    @property
    def sides(self) -> Tensor:
        """(n, 2) ones: a digit is one block."""
        return torch.ones((len(self.padded), 2), dtype=torch.int64)

    @property
    def device(self) -> torch.device:
        """Device that holds them."""
        return self.padded.device

    def to(self, device: torch.device) -> "Rasters":
        """The digits on another device."""
        names = ("padded", "order", "counts", "counts_before")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def crops(self, places: Tensor, side: int) -> Pixels:
        """Sampled pixels of digits."""
        digits = places[:, 0]
        counts = self.counts[digits]
        parts: list[Tensor] = []
        weights: list[Tensor] = []
        for begin, size, samples in (
            (torch.zeros_like(counts), counts, self.samples[0]),
            (counts, PIXELS - counts, self.samples[1]),
        ):
            share = torch.rand(samples, len(digits), device=self.device)
            place = begin + torch.minimum((share * size).long(), size - 1).clamp(min=0)
            parts.append(self.order[digits, place.clamp(max=PIXELS - 1)].long())
            weights.append((size / samples).expand(samples, -1))
        pixels = torch.cat(parts)
        weight = torch.cat(weights).flatten() / len(digits)
        return self._windows(digits.expand(len(pixels), -1).flatten(), pixels.flatten(), weight)

    def _windows(self, digits: Tensor, pixels: Tensor, weights: Tensor) -> Pixels:
        design, reach = self.design, self.design.reach
        width, bound = SIDE + 2 * reach, float(design.bound)
        row, column = pixels // SIDE, pixels % SIDE
        place = digits * self.padded.shape[1] + (row + reach) * width + column + reach
        flat = self.padded.flatten()

        def at(some: Sequence[tuple[int, int]]) -> Tensor:
            steps = torch.tensor([width * i + j for i, j in some], device=self.device)
            return flat[steps[:, None] + place].float()

        window, near = at(offsets(reach)), at(BEFORE)
        positive = [(window > 0) * bound] if design.magnitudes else []
        rows, columns = (bound * functional.one_hot(one, SIDE).T.float() for one in (row, column))
        counted = [self.counts_before[:, digits * PIXELS + pixels].float()]
        counted += [(near == level) * bound for level in design.counted]
        features = torch.cat([window, *positive, rows, columns, *counted])
        return Pixels(features=features, levels=flat[place].long(), weights=weights)


_AT_ONCE = 1000
_SHOWN = 500
"""Digits whose bytes the log of a training shows."""


def _all_counts(design: ContextDesign, levels: Array) -> Tensor:
    """`qimg.learning.contexts.counts_before` of digits (n, 28, 28), as (counted levels, n · 784) bytes."""
    counts = np.empty((len(design.counted), len(levels), PIXELS), np.uint8)
    for start in range(0, len(levels), _AT_ONCE):
        part = levels[start : start + _AT_ONCE]
        features = counts_before(design, part.transpose(1, 2, 0)).reshape(len(counts), PIXELS, len(part))
        counts[:, start : start + _AT_ONCE] = features.swapaxes(1, 2)
    return torch.from_numpy(counts.reshape(len(counts), levels.size))


def offsets(reach: int) -> list[tuple[int, int]]:
    """Rows and columns of the pixels of a window before a pixel, in the order of the raster."""
    around = range(-reach, reach + 1)
    return [(i, j) for i in range(-reach, 1) for j in around if (i, j) < (0, 0)]


class RasterNetwork(nn.Module):
    """The context model of a raster."""

    def __init__(self, recipe: RasterRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.contexts = BandContexts(recipe.design)
        network = self.contexts.networks[0]
        assert isinstance(network, nn.Sequential)
        first = network[0]
        assert isinstance(first, FixedPoint)
        with torch.no_grad():
            design = recipe.design
            pixels = design.features(0, design.phases(0)[0]) - design.position_features - design.counted_features
            first.weight[:, :pixels].mul_(_PIXELS)
            first.weight[:, pixels : pixels + design.position_features].mul_(_POSITIONS)

    def lengths(self, features: Tensor, levels: Tensor) -> Tensor:
        """Code lengths (n,) in bits of levels given features (F, n).

        Those of `qimg.learning.distributions.bits`, whose bound on logits only matters below 2^-22, but faster.
        """
        design = self.recipe.design
        parameters = self.contexts.networks[0](features * 2.0**-design.input_fraction)
        return functional.cross_entropy(parameters[None], levels[None], reduction="none")[0] / log(2)

    def export(self, levels: Array, digits: Array, provenance: Mapping[str, Any]) -> RasterModel:
        """The model in integers; the value of a level is the mean of its code values.

        Args:
            levels: (n, 28, 28) of training digits.
            digits: (n, 28, 28) uint8.
            provenance: origin of the model.
        """
        return RasterModel.assemble(
            self.contexts.export(),
            thresholds=np.array(self.recipe.edges),
            values=level_values(levels, digits, self.recipe.levels),
            weight=self.recipe.weight,
            provenance=provenance,
        )


def level_values(levels: Array, digits: Array, count: int) -> Array:
    """(count,) mean code values of the pixels of each level, rounded."""
    if count == 256:
        return np.arange(256)
    totals = np.bincount(levels.ravel(), digits.ravel().astype(float), count)
    return np.round(totals / np.maximum(np.bincount(levels.ravel(), minlength=count), 1)).astype(int)


def loss(network: RasterNetwork, pixels: Pixels) -> tuple[Tensor, Tensor]:
    """Bits of a digit over 100; and bits of a digit."""
    total = (network.lengths(pixels.features, pixels.levels) * pixels.weights).sum()
    return total / 100, total.detach()


def figures(network: RasterNetwork, levels: Array) -> dict[str, float]:
    """Bytes for each digit (n, 28, 28), of the first ones, under the integer model."""
    levels, model = levels[:_SHOWN], network.contexts.export()
    grid = np.ascontiguousarray(levels.transpose(1, 2, 0))[None].astype(np.int32)
    return {"bytes": latent_bits(model, grid) / 8 / len(levels)}
