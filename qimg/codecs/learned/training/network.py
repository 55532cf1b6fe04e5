"""The network of the learned codec: transform, quantizer, context models and restoration, trained together."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qimg.codecs.learned.design import BLOCK, COLOURS, CONDITION_FRACTION, SUPPORT, Design
from qimg.codecs.learned.latents import predictions, surroundings
from qimg.codecs.learned.training.pool import Basis
from qimg.codecs.learned.training.restoration import Restoration
from qimg.core import Array
from qimg.entropy.distributions import SMALLEST
from qimg.learning.contexts import BandContexts
from qimg.learning.fixed_point import fixed_point_layers
from qimg.learning.quantizers import noisy

_SLOW = 0.1
"""Learning rate of the transform relative to that of the networks."""
_TYPICAL = 32.0
"""Step for which scales are set at the start."""
_MARGIN = (SUPPORT - BLOCK) // 2


class Coded(NamedTuple):
    """Result of coding crops."""

    bits: Tensor
    """(channels, B) code lengths."""
    linear: Tensor
    """(B, 3, H, W) pictures after the linear transform."""
    decoded: Tensor
    """(B, 3, H, W) pictures after restoration, not clipped."""


class Network(nn.Module):
    """Everything that is learned, in real numbers.

    The transform is linear with overlapping basis functions of 16×16 pixels, at first a KLT of 8×8 blocks. Gains of
    each channel are interpolated between octaves of the step. The first channel is coded as its differences from
    `predictions`.
    """

    def __init__(self, design: Design, basis: Basis) -> None:
        """Create the network.

        Args:
            design: the design.
            basis: the KLT at the start.
        """
        super().__init__()
        self.design = design
        start = torch.zeros(design.channels, COLOURS, SUPPORT, SUPPORT)
        inner = slice(_MARGIN, _MARGIN + BLOCK)
        start[:, :, inner, inner] = torch.from_numpy(basis.functions.copy()).float()
        self.start = nn.Buffer(start)
        self.analysis_change = nn.Parameter(torch.zeros_like(start))
        self.synthesis_change = nn.Parameter(torch.zeros_like(start))
        self.finer = nn.Parameter(torch.zeros(design.conditions, design.channels))
        self.larger = nn.Parameter(torch.zeros(design.conditions, design.channels))
        self.first = BandContexts(design.first_context(), scale=2.0)
        self.further = BandContexts(design.further_context())
        self._set_scales(basis.deviations)
        self.restoration = Restoration(design) if design.blocks else None

    @torch.no_grad()
    def _set_scales(self, deviations: Array) -> None:
        """Set the scales of further channels at the start to mean magnitudes at a typical rate."""
        scales = torch.from_numpy(np.log2(np.maximum(deviations / (4 * _TYPICAL * SMALLEST), 1))).float()
        context = self.design.further_context()
        for (band, _, _), network in zip(context.steps(), self.further.networks, strict=True):
            first = 1 + context.starts[band]
            last = list(fixed_point_layers(network))[-1]
            last.bias.view(-1, 2)[:, 1] = scales[first : first + context.bands[band]]

    def analysis(self) -> Tensor:
        """(channels, 3, 16, 16) basis functions of the encoder."""
        return self.start + _SLOW * self.analysis_change

    def synthesis(self) -> Tensor:
        """(channels, 3, 16, 16) basis functions of the decoder."""
        return self.start + _SLOW * self.synthesis_change

    def encoder_gains(self, shares: Tensor) -> Tensor:
        """(B, channels) factors of coefficients in steps, for shares (conditions, B)."""
        return 1 + shares.T @ self.finer

    def decoder_gains(self, shares: Tensor) -> Tensor:
        """(B, channels) factors of latents in steps, for shares (conditions, B)."""
        return 1 + shares.T @ self.larger

    def coefficients(self, pictures: Tensor) -> Tensor:
        """(B, channels, H / 8, W / 8) of pictures (B, 3, H, W), centred, whose sides are multiples of 8."""
        padded = nn.functional.pad(pictures, (_MARGIN,) * 4, mode="replicate")
        return nn.functional.conv2d(padded, self.analysis(), stride=BLOCK)

    def synthesised(self, coefficients: Tensor) -> Tensor:
        """(B, 3, H, W) of coefficients (B, channels, H / 8, W / 8)."""
        return nn.functional.conv_transpose2d(coefficients, self.synthesis(), stride=BLOCK, padding=_MARGIN)

    def latents(self, pictures: Tensor, steps: Tensor, shares: Tensor) -> Tensor:
        """(B, channels, H / 8, W / 8) real latents."""
        gains = self.encoder_gains(shares) / steps[:, None]
        return self.coefficients(pictures) * gains[:, :, None, None]

    def bits(self, symbols: Tensor, codes: Tensor, shares: Tensor) -> Tensor:
        """(channels, B) code lengths of symbols, real or integer, given integer latents (B, channels, H / 8, W / 8)."""
        y, contexts = symbols.permute(1, 2, 3, 0), codes.permute(1, 2, 3, 0)
        predicted = predictions(contexts[0])
        conditions = shares * 2.0**CONDITION_FRACTION
        first = self.first.bits((y[0] - predicted)[None], (contexts[0] - predicted)[None], conditions=conditions)
        side = torch.stack(surroundings(contexts[0]))
        further = self.further.bits(y[1:], contexts[1:], side=side, conditions=conditions)
        return torch.cat([first, further])

    @property
    def rounding(self) -> bool:
        """Whether layers compute in integers."""
        return next(fixed_point_layers(self)).rounding

    def forward(self, pictures: Tensor, steps: Tensor, shares: Tensor, *, threshold: float, rounded: bool) -> Coded:
        """Code pictures.

        Args:
            pictures: (B, 3, H, W) code values minus 128; sides are multiples of 8.
            steps: (B,) quantization steps.
            shares: (conditions, B) interpolation between octaves.
            threshold: magnitudes below ½ + threshold are quantized to 0, and so on.
            rounded: rates are those of integers, and nothing before the quantizer is learned; otherwise rates are those
                of noisy latents.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not rounded):
            y = self.latents(pictures, steps, shares)
        codes = quantized(y, threshold)
        symbols = codes if rounded else noisy(y)
        bits = self.bits(symbols, codes.detach(), shares)
        linear = self.synthesised(codes * (self.decoder_gains(shares) * steps[:, None])[:, :, None, None])
        decoded = linear
        if self.restoration is not None:
            decoded = linear + self.restoration(linear, steps, shares) * steps.view(-1, 1, 1, 1)
        return Coded(bits, linear, decoded)


def quantized(y: Tensor, threshold: float) -> Tensor:
    """Integers with a wider bin of zero; gradients pass straight through."""
    magnitude = torch.floor(y.abs() + (0.5 - threshold)).clamp(min=0)
    return y + (torch.sign(y) * magnitude - y).detach()
