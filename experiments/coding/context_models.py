"""Entropy models of quantized numbers as points of one grid: what the distributions depend on, and their family.

The numbers are the coefficients of blocks, or the latents of an auto-encoder with a single position.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from experiments._run import Array
from qimg.entropy import range_coder
from qimg.entropy.distributions import Distribution, bits_of
from qimg.integer_networks.coding import ContextModel, decode_latents, latent_intervals
from qimg.integer_networks.contexts import ContextDesign
from qimg.integer_networks.layers import IntegerNetwork
from qimg.learning.contexts import BandContexts
from qimg.learning.fixed_point import FixedPoint, exported
from qimg.learning.quantizers import noisy, straight_through

BANDS = (1, 2, 3, 4, 5, 6, 7, 12, 24)
"""Coefficients of a block that are coded together, in zigzag order; latents are coded one after the other."""
CONTEXTS = {
    "none": "constants for each coefficient",
    "side": "side information that is coded first",
    "blocks": "the same coefficients of four neighbouring blocks",
    "coefficients": "lower coefficients of nine blocks, and the same band of four neighbouring blocks",
    "both": "side information and coefficients",
}
"""What distributions depend on."""
DISTRIBUTIONS = {
    "Laplace": Distribution(kind="laplace"),
    "Gaussian": Distribution(kind="gaussian"),
    "mixture of 3": Distribution(kind="mixture", size=3),
}

_SIDE, _SIDE_CHANNELS, _BELOW = 8, 24, 2  # latents, features made of them, blocks on a side of a latent
_FRACTION = 3  # binary digits after the point of features
_LARGEST = 127


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A point of the grid."""

    context: str
    distribution: str

    @property
    def name(self) -> str:
        """Name in tables."""
        return f"{self.context}, {self.distribution}"

    def design(self, channels: int, hidden: int) -> ContextDesign:
        """The context model, with two layers of `hidden` features in each network."""
        bands = BANDS if channels == sum(BANDS) else (1,) * channels
        by_band = self.context in ("coefficients", "both")
        return ContextDesign(
            distribution=DISTRIBUTIONS[self.distribution],
            bands=bands if by_band else (channels,),
            orders=("once",) if self.context in ("none", "side") else ("wavefront",),
            reach=0 if self.context in ("none", "side") else 1,
            lower_bands=by_band,
            lower_neighbours=by_band,
            companded=True,
            side=_SIDE_CHANNELS if self.context in ("side", "both") else 0,
            hidden=(hidden, hidden),
            bound=_LARGEST,
            input_fraction=_FRACTION,
        )


KINDS = {kind.name: kind for kind in (Kind(context=c, distribution=d) for c in CONTEXTS for d in DISTRIBUTIONS)}
"""All points of the grid by name."""


class BlockModel(nn.Module):
    """A context model of numbers (channels, R, C, n), with side information where the design has it."""

    def __init__(self, design: ContextDesign) -> None:
        """Create the networks."""
        super().__init__()
        self.contexts = BandContexts(design)
        self.hyper = Hyper(design.channels, design.side) if design.side else None

    def bits(self, y: Tensor, coded: Tensor | None = None) -> Tensor:
        """() code length of the numbers and of their side information.

        Args:
            y: (channels, R, C, n) numbers whose code lengths are computed.
            coded: (channels, R, C, n) integers for side information and contexts; by default `y`.
        """
        coded = y if coded is None else coded
        if self.hyper is None:
            return self.contexts.bits(y, coded).sum()
        latents = self.hyper.latents(coded)
        noise = noisy(latents) if self.training else straight_through(latents)
        side = self.hyper.side(straight_through(latents), (y.shape[1], y.shape[2]))
        return self.contexts.bits(y, coded, side=side).sum() + self.hyper.prior.bits(noise, noise).sum()

    def export(self) -> "BlockCoder":
        """The model in integers, and the analysis, which only an encoder needs."""
        return BlockCoder(
            contexts=self.contexts.export(),
            prior=self.hyper.prior.export() if self.hyper else None,
            coarse=exported(self.hyper.coarse) if self.hyper else None,
            fine=exported(self.hyper.fine) if self.hyper else None,
            hyper=self.hyper,
        )


class Hyper(nn.Module):
    """Side information: latents of a quarter of the positions, and the features that they become."""

    def __init__(self, channels: int, side: int) -> None:
        """Create the networks for so many channels of numbers and of features."""
        super().__init__()
        width = 2 * side
        self.analysis = nn.Sequential(
            nn.Conv2d(channels, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, width, 2 * _BELOW + 1, stride=_BELOW, padding=_BELOW),
            nn.ReLU(),
            nn.Conv2d(width, _SIDE, 3, padding=1),
        )
        self.prior = BandContexts(
            ContextDesign(
                distribution=DISTRIBUTIONS["Laplace"],
                bands=(_SIDE,),
                orders=("wavefront",),
                reach=1,
                companded=True,
                hidden=(width,),
                bound=_LARGEST,
                input_fraction=_FRACTION,
            )
        )
        self.coarse = nn.Sequential(FixedPoint(_SIDE, width, kernel=3, bound=_LARGEST, input_fraction=_FRACTION))
        self.fine = nn.Sequential(FixedPoint(width, side, kernel=3, high=_LARGEST))

    def latents(self, y: Tensor) -> Tensor:
        """(8, R / 2, C / 2, n) of numbers (channels, R, C, n); real."""
        x = torch.log2(1 + y.abs()).movedim(-1, 0)
        result: Tensor = 4 * self.analysis(x).movedim(0, -1)
        return result.clamp(-_LARGEST, _LARGEST)

    def side(self, latents: Tensor, sides: tuple[int, int]) -> Tensor:
        """(side, R, C, n) integer features of integer latents."""
        coarse = self.coarse(latents.movedim(-1, 0) * 2.0**-_FRACTION)
        wide = coarse.repeat_interleave(_BELOW, 2).repeat_interleave(_BELOW, 3)[..., : sides[0], : sides[1]]
        features: Tensor = self.fine(wide).movedim(0, -1) * 32
        return features


@dataclass(frozen=True, eq=False, kw_only=True)
class BlockCoder:
    """A block model in integers, which encodes and decodes."""

    contexts: ContextModel
    prior: ContextModel | None
    coarse: IntegerNetwork | None
    fine: IntegerNetwork | None
    hyper: Hyper | None

    def encode(self, symbols: Array) -> tuple[Array, float]:
        """The words of numbers (channels, R, C, n), and their ideal length in bits."""
        parts, side = [], None
        if self.prior is not None and self.hyper is not None:
            with torch.no_grad():
                real = self.hyper.latents(torch.from_numpy(symbols).float())
            latents = np.floor(real.numpy() + 0.5).astype(np.int32)
            parts.append(latent_intervals(self.prior, latents))
            side = self._side(latents, symbols.shape[1:3])
        parts.append(latent_intervals(self.contexts, symbols, side=side))
        lefts, widths = (np.concatenate([part[number] for part in parts]) for number in (0, 1))
        return range_coder.encode_intervals(lefts, widths), bits_of(widths)

    def decode(self, words: Array, shape: tuple[int, int, int]) -> Array:
        """The numbers (channels, R, C, n) of their words."""
        state, side = range_coder.start(words), None
        rows, columns, count = shape
        if self.prior is not None:
            below = (-(-rows // _BELOW), -(-columns // _BELOW), count)
            side = self._side(decode_latents(self.prior, state, words, below), (rows, columns))
        return decode_latents(self.contexts, state, words, shape, side=side)

    def multiply_accumulates(self) -> float:
        """Products of a position, for decoding."""
        total = self.contexts.multiply_accumulates()
        if self.prior is not None and self.coarse is not None and self.fine is not None:
            total += (self.prior.multiply_accumulates() + self.coarse.multiply_accumulates) / _BELOW**2
            total += self.fine.multiply_accumulates
        return total

    def _side(self, latents: Array, sides: tuple[int, ...]) -> Array:
        assert self.coarse is not None
        assert self.fine is not None
        features = []
        for number in range(latents.shape[-1]):
            coarse = self.coarse(latents[..., number].astype(np.float32))
            wide = coarse.repeat(_BELOW, axis=1).repeat(_BELOW, axis=2)[:, : sides[0], : sides[1]]
            features.append(self.fine(np.ascontiguousarray(wide)))
        return np.stack(features, axis=-1).astype(np.int32)
