"""Training of entropy models on crops of quantized pictures, by the loop of all trainings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from experiments._run import Array
from experiments.learned.context_models import BlockModel, Kind
from experiments.learned.short_trainings import trained_network
from qimg.integer_networks.contexts import ContextDesign
from qimg.learning.fixed_point import set_rounding
from qimg.learning.schedule import Schedule

ROUNDED_FROM = 0.6
"""Share of the training from which weights and activations are rounded."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Blocks:
    """Quantized pictures, (channels, R, C) float32 each, that crops are cut from."""

    pictures: Sequence[Tensor]

    @classmethod
    def of(cls, pictures: Sequence[Array]) -> "Blocks":
        """Of arrays of integers."""
        return cls(pictures=[torch.from_numpy(symbols.astype(np.float32)) for symbols in pictures])

    @property
    def sides(self) -> Tensor:
        """(D, 2) rows and columns of blocks."""
        return torch.tensor([picture.shape[1:] for picture in self.pictures])

    @property
    def device(self) -> torch.device:
        """Device of the pictures."""
        return self.pictures[0].device

    def to(self, device: torch.device) -> "Blocks":
        """The same on another device."""
        return Blocks(pictures=[picture.to(device) for picture in self.pictures])

    def crops(self, places: Tensor, side: int) -> Tensor:
        """(channels, side, side, n) crops at places (n, 3): picture, row and column."""
        cut = [
            self.pictures[number][:, row : row + side, column : column + side]
            for number, row, column in places.tolist()
        ]
        return torch.stack(cut, -1)


def trained(
    kind: Kind, pictures: Sequence[Array], schedule: Schedule, *, hidden: int, rounded: bool = True
) -> tuple[BlockModel, float]:
    """A model that was trained on quantized pictures (channels, R, C), and the processor seconds of its training.

    Args:
        kind: the model.
        pictures: at least one holds a crop; crops are smaller if none does.
        schedule: of the training.
        hidden: features of the hidden layers.
        rounded: whether the last part of the training is in integers.
    """
    return trained_design(kind.design(len(pictures[0]), hidden), pictures, schedule, rounded=rounded)


def trained_design(
    design: ContextDesign, pictures: Sequence[Array], schedule: Schedule, *, rounded: bool = True
) -> tuple[BlockModel, float]:
    """As `trained`, for any design of the context model."""
    model, seconds = trained_network(
        lambda: BlockModel(design),
        _bits_per_coefficient,
        Blocks.of(pictures),
        schedule,
        prepare=lambda model, share: set_rounding(model, rounded and share >= ROUNDED_FROM),
    )
    set_rounding(model, rounded)
    return model, seconds


def _bits_per_coefficient(model: BlockModel, crops: Tensor) -> Tensor:
    return model.bits(crops) / crops.numel()


@torch.no_grad()
def bits_in_floating_point(model: BlockModel, symbols: Array) -> float:
    """Code length of numbers (channels, R, C, n) by the trained weights without any rounding."""
    set_rounding(model, False)
    bits = float(model.bits(torch.from_numpy(symbols).float()))
    set_rounding(model, True)
    return bits


@torch.no_grad()
def rows_that_depend_on_the_batch(model: BlockModel, symbols: Array, batch: int) -> tuple[float, float]:
    """Shares of positions whose parameters differ between one product for all and products of `batch` positions.

    Of the network of the last band, in floating point without rounding, and in integers.

    Args:
        model: a trained model.
        symbols: (channels, R, C, n) numbers.
        batch: positions of a product.
    """
    network = model.contexts.networks[-1]
    inputs: list[Tensor] = []
    handle = network.register_forward_pre_hook(lambda module, given: inputs.append(given[0]))
    set_rounding(model, False)
    model.bits(torch.from_numpy(symbols).float())
    handle.remove()
    if not len(inputs[-1]):  # constants, without a product
        return 0.0, 0.0
    features = inputs[-1].reshape(len(inputs[-1]), -1)
    floating = _differing(network, features, batch)
    set_rounding(model, True)
    integer = model.contexts.export().networks[-1]
    scaled = features * 2.0**model.contexts.design.input_fraction
    return floating, _differing(lambda x: torch.from_numpy(integer(x.contiguous().numpy())), scaled, batch)


def _differing(network: Callable[[Tensor], Tensor], features: Tensor, batch: int) -> float:
    together = network(features)
    apart = torch.cat([network(part) for part in torch.split(features, batch, dim=1)], dim=1)
    return float((together != apart).any(0).float().mean())
