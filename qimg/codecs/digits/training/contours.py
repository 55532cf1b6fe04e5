"""The contour codec of digits in PyTorch: the eigenbasis of curves, codes to learn from, and their context model."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, log10
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qimg.codecs.digits.contours.chain import independent
from qimg.codecs.digits.contours.channels import CURVES
from qimg.codecs.digits.contours.codes import Frame, frame_of
from qimg.codecs.digits.contours.curves import outlines
from qimg.codecs.digits.contours.model import ContourModel
from qimg.codecs.digits.contours.painter import POINT_FRACTION
from qimg.codecs.digits.latent_model import RATES, STEP_FRACTION
from qimg.codecs.digits.training.chains import Chain
from qimg.codecs.digits.training.curve_basis import curve_basis
from qimg.codecs.digits.training.recipes import ContourRecipe
from qimg.core import Array, require

_ROUNDS = 2
"""Refinements of the codes to learn from, by the lengths under the Laplace distributions of the round before."""
_SWEEPS = 2


def weights_of(recipe: ContourRecipe) -> Array:
    """(RATES,) bits that a unit of squared error, in units of 256², is worth."""
    low, high = recipe.weights
    return low * (high / low) ** (np.arange(RATES) / (RATES - 1))


def steps_of(recipe: ContourRecipe) -> Array:
    """(RATES,) int64 steps, times 2^`STEP_FRACTION`: Δ² = 6 `coarseness` / (weight · ln 2)."""
    return np.rint((1 << STEP_FRACTION) * np.sqrt(6 * recipe.coarseness / (log(2) * weights_of(recipe)))).astype(int)


def fitted_frame(digits: Array, recipe: ContourRecipe) -> Frame:
    """The eigenbasis of the curves of each slot of digits (n, 28, 28)."""
    curves = [outlines(digit) for digit in digits]
    own = [np.array([several[slot] for several in curves if several[slot] is not None]) for slot in range(CURVES)]
    require(len(own[0]) > 1, "sources", "must hold digits with outlines", len(own[0]))
    bases = [  # a slot that the digits do not fill gets the basis of the outer curves
        curve_basis(some if len(some) > 1 else own[0], count)
        for some, count in zip(own, recipe.coefficients, strict=True)
    ]
    fixed = 1 << POINT_FRACTION
    return frame_of(
        recipe.coefficients,
        mean=np.rint(fixed * np.stack([one.mean for one in bases])),
        basis=np.rint(fixed * np.concatenate([one.basis for one in bases])),
        analysis=np.concatenate([one.analysis for one in bases]).astype(np.float32),
        variances=np.concatenate([one.variances for one in bases]).astype(np.float32),
    )


def refined_codes(frame: Frame, digits: Array, latents: Array, rates: Array, recipe: ContourRecipe) -> Array:
    """Codes (channels, n) of digits at rates (n,), refined against the painted digits."""
    steps, weights = steps_of(recipe), weights_of(recipe) / 256**2
    codes = frame.quantized(latents, steps[rates] / (1 << STEP_FRACTION))
    for rate in np.unique(rates):
        own = np.flatnonzero(rates == rate)
        some, result = digits[own], codes[:, own]
        each = {"rates": rates[own], "steps": steps[rates[own]], "weights": weights[rates[own]]}
        for _ in range(_ROUNDS):
            result = frame.refined(
                some, result, independent(frame.layout.mean_magnitudes(result)), **each, sweeps=_SWEEPS
            )
        codes[:, own] = result
    return codes


@dataclass(frozen=True, eq=False, kw_only=True)
class Codes:
    """Codes to learn from; a crop is those of one digit."""

    codes: Tensor
    """(n, channels) int32."""
    rates: Tensor
    """(n,)."""

    @classmethod
    def of(cls, codes: Array, rates: Array) -> "Codes":
        """Of codes (channels, n) at rates (n,)."""
        return cls(codes=torch.from_numpy(codes.T.astype(np.int32)), rates=torch.from_numpy(rates))

    @property
    def sides(self) -> Tensor:
        """(n, 2) ones: a digit is one block."""
        return torch.ones((len(self.codes), 2), dtype=torch.int64)

    @property
    def device(self) -> torch.device:
        """Device that holds them."""
        return self.codes.device

    def to(self, device: torch.device) -> "Codes":
        """The codes on another device."""
        return Codes(codes=self.codes.to(device), rates=self.rates.to(device))

    def crops(self, places: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """(channels, B) and (B,) integers as float32."""
        return self.codes[places[:, 0]].T.float(), self.rates[places[:, 0]].float()


class ContourNetwork(nn.Module):
    """The context model of codes, with the frame and the steps, which are not trained."""

    def __init__(self, recipe: ContourRecipe, frame: Frame) -> None:
        super().__init__()
        self.recipe, self.frame = recipe, frame
        self.contexts = Chain(recipe.design, scale=2.0)
        self.register_buffer("needs", torch.from_numpy(frame.layout.needs), persistent=False)
        self.needs: Tensor

    def bits(self, codes: Tensor, rates: Tensor) -> Tensor:
        """Code lengths (n,) of codes (channels, n) at rates (n,)."""
        lengths = self.contexts.bits(codes, codes, rates[None])
        present = codes[:CURVES].bool()
        active = torch.where(self.needs[:, None] < 0, True, present[self.needs.clamp(min=0)])
        return torch.where(active, lengths, torch.zeros_like(lengths)).sum(0)

    @torch.no_grad()
    def export(self, provenance: Mapping[str, Any]) -> ContourModel:
        """The model in integers."""
        frame = self.frame
        return ContourModel.assemble(
            self.contexts.export(),
            coefficients=frame.layout.coefficients,
            mean=frame.mean,
            basis=frame.basis,
            analysis=frame.analysis,
            variances=frame.variances,
            steps=steps_of(self.recipe),
            weights=self.recipe.weights,
            provenance=provenance,
        )


def loss(network: ContourNetwork, drawn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Mean bits of a digit over 100; and bits."""
    total = network.bits(*drawn).mean()
    return total / 100, total.detach()


def figures(network: ContourNetwork, digits: Array, codes: Mapping[int, Array]) -> dict[str, float]:
    """Bytes for each digit and PSNR of the mean squared error of codes by rate."""
    results, steps = {}, steps_of(network.recipe)
    for rate, own in codes.items():
        with torch.no_grad():
            lengths = network.bits(torch.from_numpy(own).float(), torch.full((own.shape[1],), float(rate)))
        error = float(((network.frame.painted(own, int(steps[rate])).astype(float) - digits) ** 2).mean())
        share = rate / (RATES - 1)
        results[f"bytes at rate {share:g}"] = float(lengths.mean()) / 8
        results[f"dB at rate {share:g}"] = 10 * log10(255**2 / error)
    return results
