"""The training of the learned codec: parameters, loss, figures on held-out pictures, and the model file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qimg.codecs.learned.design import BLOCK, CONDITION_FRACTION, MIDDLE, STEP_FRACTION, Design, conditions
from qimg.codecs.learned.model import LearnedModel
from qimg.codecs.learned.training.network import Coded, Network
from qimg.codecs.learned.training.pool import Pool, block_basis, read
from qimg.codecs.training import CodecRecipe, Pictures, Task, require_no_evaluation_pictures
from qimg.core import Array, fraction, integer, require
from qimg.core.records import short_repr

_TYPICAL = 32.0
_FIGURES = (256, 512)
_LINEAR = 0.1


@short_repr
@dataclass(frozen=True, kw_only=True)
class PhotographRecipe(CodecRecipe):
    """Parameters of the training of the codec for photographs."""

    crop: int = 16
    batch: int = 8
    steps: int = 12_000
    rate: float = 2e-3
    warmup: int = 100
    averaging: float = 0.998
    rounded_from: float = 0.55
    """Share of the training from which latents, weights and activations are rounded and the analysis is fixed."""
    slope: float = 0.13
    """Squared error per bit that the loss weighs equally with a bit, in squared steps."""
    threshold: float = 0.14
    """Widening of the quantization bin of zero, on each side, in steps."""
    rates: tuple[int, int] = (40, 740)
    """Range of the indices of the rate that are drawn."""
    balance: float = 0.8
    """Exponent of the step in the weights of crops: larger values weigh low rates more."""
    bands: tuple[int, ...] = Design.bands
    hidden: tuple[int, ...] = Design.hidden
    width: int = Design.width
    blocks: int = Design.blocks

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.slope > 0, "slope", "must be positive", self.slope)
        fraction("threshold", self.threshold)
        low, high = self.rates
        integer("rates", low, 0, self.design.rates - 1)
        integer("rates", high, low, self.design.rates - 1)

    @property
    def design(self) -> Design:
        """The design of the codec."""
        return Design(bands=self.bands, hidden=self.hidden, width=self.width, blocks=self.blocks)


class Rates:
    """Steps and interpolation of indices of the rate, as tensors."""

    def __init__(self, design: Design) -> None:
        """Tabulate all indices."""
        self.steps = torch.from_numpy(design.steps().astype(np.float32) / (1 << STEP_FRACTION))
        table = conditions(design, np.arange(design.rates))
        self.shares = torch.from_numpy(table.astype(np.float32) / (1 << CONDITION_FRACTION))

    def __call__(self, indices: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Steps (B,) and shares (conditions, B) of indices (B,)."""
        return self.steps[indices].to(device), self.shares[:, indices].to(device)


class RateDistortion:
    """Bits per pixel plus the squared error per pixel over `slope` · step², of crops at random rates.

    The slope follows from the theory of fine quantization, D = step² / 12 for each coefficient, so that the optimal
    gains of channels are near 1 at all rates.
    """

    def __init__(self, recipe: PhotographRecipe) -> None:
        """Bind the loss to a recipe."""
        self.recipe, self.rates = recipe, Rates(recipe.design)

    def __call__(self, network: Network, crops: Tensor) -> tuple[Tensor, Tensor]:
        """The loss that is minimised, and bits per pixel of the batch on the same weights."""
        recipe = self.recipe
        low, high = recipe.rates
        steps, shares = self.rates(torch.randint(low, high + 1, (len(crops),)), crops.device)
        crops = _turned(crops)
        coded = network(crops, steps, shares, threshold=recipe.threshold, rounded=network.rounding)
        bits, error = coded.bits.sum(0), _squared(coded.decoded - crops)
        if network.restoration is not None:
            error = error + _LINEAR * _squared(coded.linear - crops)
        # Adam must get zero gradients, not none, for what is not learned, so that a training can be interrupted.
        bits = bits + 0 * (network.analysis_change.sum() + network.finer.sum())
        weights = (steps / _TYPICAL) ** recipe.balance / crops[0, 0].numel()
        loss = weights * (bits + error / (recipe.slope * steps.square()))
        return loss.mean(), loss.detach().mean()


def _squared(difference: Tensor) -> Tensor:
    return difference.square().sum((1, 2, 3))


def _turned(crops: Tensor) -> Tensor:
    """Square crops in a random one of the eight orientations."""
    element = int(torch.randint(8, ()))
    crops = crops.transpose(2, 3) if element & 4 else crops
    axes = [axis for axis, bit in ((2, 1), (3, 2)) if element & bit]
    return crops.flip(axes) if axes else crops


class Figures:
    """Bits per pixel and PSNR on the central crops of photographs at two rates."""

    def __init__(self, photographs: Sequence[Array], recipe: PhotographRecipe) -> None:
        """Cut the crops."""
        self.recipe, self.rates = recipe, Rates(recipe.design)
        self.crops = [_central(one) for one in photographs]

    @torch.no_grad()
    def __call__(self, network: Network) -> dict[str, float]:
        """Figures by name; none without photographs."""
        figures: dict[str, float] = {}
        if not self.crops:
            return figures
        for index in _FIGURES:
            bits, decibels = [], []
            for crop in self.crops:
                coded = self.coded(network, crop, index)
                bits.append(float(coded.bits.sum()) / crop[0, 0].numel())
                pixels = (coded.decoded + MIDDLE).round().clamp(0, 255) - MIDDLE
                decibels.append(10 * log10(255**2 / max(float((pixels - crop).square().mean()), 1e-3)))
            figures[f"bits per pixel at {index}"] = float(np.mean(bits))
            figures[f"PSNR at {index}"] = float(np.mean(decibels))
        return figures

    def coded(self, network: Network, crop: Tensor, index: int) -> Coded:
        """A crop (1, 3, H, W) coded at an index of the rate."""
        steps, shares = self.rates(torch.tensor([index]), crop.device)
        coded: Coded = network(crop, steps, shares, threshold=self.recipe.threshold, rounded=True)
        return coded


def _central(photograph: Array, most: int = 256) -> Tensor:
    """The central whole blocks (1, 3, H, W), code values minus 128."""
    sides = [min(length, most) // BLOCK * BLOCK for length in photograph.shape[:2]]
    top, left = ((length - side) // 2 for length, side in zip(photograph.shape[:2], sides, strict=True))
    crop = np.ascontiguousarray(photograph[top : top + sides[0], left : left + sides[1]].transpose(2, 0, 1))
    return torch.from_numpy(crop).float()[None] - MIDDLE


class PhotographTraining:
    """The training of the codec for photographs."""

    recipe = PhotographRecipe()

    def task(
        self, sources: Iterable[Any], recipe: PhotographRecipe, *, held_out: Iterable[Any], root: Any = None
    ) -> Task[Any, Any, Any]:
        """The task for `qimg.codecs.training.train`; see `qimg.codecs.recipes.Training`."""
        photographs, pictures = read(sources, root=root)
        apart = list(held_out)
        others, evaluated = read(apart, root=root) if apart else ([], Pictures(names=[], digests={}))
        require_no_evaluation_pictures(pictures.digests, pictures.names)
        return Task(
            recipe=recipe,
            draws=Pool.of(photographs),
            pictures=pictures,
            held_out=evaluated,
            figures=Figures(others, recipe),
            build=_build(photographs, recipe),
            loss=RateDistortion(recipe),
            assemble=assemble,
        )


def _build(photographs: Sequence[Array], recipe: PhotographRecipe) -> Callable[[], Network]:
    basis = block_basis(photographs, recipe.design.channels)
    return lambda: Network(recipe.design, basis)


def assemble(network: Network, provenance: Mapping[str, Any]) -> LearnedModel:
    """The model file of a trained network."""
    restoration = network.restoration
    with torch.no_grad():
        return LearnedModel.assemble(
            network.design,
            analysis=network.analysis().numpy(),
            synthesis=network.synthesis().numpy(),
            decoder_gains=(1 + network.larger).numpy(),
            first=network.first.export(),
            further=network.further.export(),
            restoration=None if restoration is None else restoration.export(),
            provenance=provenance,
        )


TRAINING = PhotographTraining()
