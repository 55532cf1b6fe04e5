"""Training and evaluation of a codec of luma from its parts: transform, quantizer and entropy model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from experiments._run import Array
from experiments.learned.context_models import BlockCoder, BlockModel, Kind
from experiments.learned.context_training import ROUNDED_FROM
from experiments.learned.part_transforms import SIDE, BlockTransform
from experiments.learned.short_trainings import trained_network
from qimg.learning.fixed_point import set_rounding
from qimg.learning.quantizers import dithered, noisy, straight_through
from qimg.learning.schedule import Schedule

ROUNDING, DITHER = "rounding", "dither"
"""Rounding, trained with noise for the rate and a straight-through gradient for the distortion; subtractive dither."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A combination of parts."""

    transform: str
    quantizer: str
    entropy: Kind


@dataclass(frozen=True, eq=False, kw_only=True)
class Crops:
    """Luma pictures (H, W) float32 that crops of blocks are cut from."""

    pictures: Sequence[Tensor]

    @property
    def sides(self) -> Tensor:
        """(D, 2) rows and columns of blocks."""
        return torch.tensor([[length // SIDE for length in picture.shape] for picture in self.pictures])

    @property
    def device(self) -> torch.device:
        """Device of the pictures."""
        return self.pictures[0].device

    def to(self, device: torch.device) -> "Crops":
        """The same on another device."""
        return Crops(pictures=[picture.to(device) for picture in self.pictures])

    def crops(self, places: Tensor, side: int) -> Tensor:
        """(n, 8 side, 8 side) pixels at places (n, 3): picture, row and column of blocks."""
        return torch.stack(
            [
                self.pictures[number][SIDE * row : SIDE * (row + side), SIDE * column : SIDE * (column + side)]
                for number, row, column in places.tolist()
            ]
        )


class PartCodec(nn.Module):
    """A codec of luma made of its parts."""

    def __init__(self, parts: Parts, *, step: float, hidden: int) -> None:
        """Create the networks."""
        super().__init__()
        self.parts = parts
        self.transform = BlockTransform(parts.transform, step)
        self.entropy = BlockModel(parts.entropy.design(64, hidden))

    def coded(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the rate is computed of, what contexts see, and what is decoded: (64, R, C, n) each."""
        y = self.transform.latents(pixels)
        if self.parts.quantizer == DITHER:
            codes, values = dithered(y, torch.rand_like(y) - 0.5)
            # The probability of a code given the dither is that of an interval of length one around the value.
            return values, codes, values
        codes = straight_through(y)
        return (noisy(y) if self.training else codes), codes, codes


def trained(
    parts: Parts, pictures: Sequence[Array], schedule: Schedule, *, step: float, weight: float, hidden: int
) -> tuple[PartCodec, float]:
    """A codec that was trained on luma pictures (H, W), and the processor seconds of its training.

    Args:
        parts: the combination.
        pictures: at least one block each; crops are smaller where none holds one.
        schedule: of the training.
        step: quantization step at the start, in code values.
        weight: bits per pixel that a unit of mean squared error is worth.
        hidden: features of the hidden layers of the entropy model.
    """

    def loss(codec: PartCodec, pixels: Tensor) -> Tensor:
        rated, seen, decoded = codec.coded(pixels)
        bits = codec.entropy.bits(rated, seen) / pixels.numel()
        return bits + weight * (codec.transform.pixels(decoded) - pixels).square().mean()

    codec, seconds = trained_network(
        lambda: PartCodec(parts, step=step, hidden=hidden),
        loss,
        Crops(pictures=[torch.from_numpy(picture.astype(np.float32)) for picture in pictures]),
        schedule,
        prepare=lambda codec, share: set_rounding(codec, share >= ROUNDED_FROM),
    )
    set_rounding(codec, True)
    return codec, seconds


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A picture by a trained codec."""

    bytes: float
    """Of the coded latents; NaN with dither, which is not written."""
    ideal_bits: float
    mean_squared_error: float
    """Of pixels rounded to code values."""


def whole_blocks(picture: Array) -> Array:
    """A picture (H, W) in whole blocks, its last row and column being repeated."""
    return np.pad(picture, [(0, -length % SIDE) for length in picture.shape], mode="edge")


@torch.no_grad()
def measured(codec: PartCodec, coder: BlockCoder, picture: Array, seed: int) -> Measured:
    """Code a luma picture (H, W) of whole blocks; `coder` is the codec's entropy model in integers."""
    pixels = torch.from_numpy(picture.astype(np.float32))[None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rated, seen, decoded = codec.coded(pixels)
    output = torch.floor(codec.transform.pixels(decoded) + 0.5).clamp(0, 255)
    error = float((output - pixels).square().mean())
    if codec.parts.quantizer == DITHER:
        return Measured(bytes=np.nan, ideal_bits=float(codec.entropy.bits(rated, seen)), mean_squared_error=error)
    symbols = seen.numpy().astype(np.int32)
    words, ideal = coder.encode(symbols)
    again = coder.decode(words, symbols.shape[1:])
    assert np.array_equal(again, symbols)
    return Measured(bytes=4.0 * len(words), ideal_bits=ideal, mean_squared_error=error)
