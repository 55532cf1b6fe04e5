"""Quantized latents of digits: outlines, coefficients, rounding, and refinement against the painted digit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qimg.codecs.digits.contours.alignment import aligned
from qimg.codecs.digits.contours.chain import Chain
from qimg.codecs.digits.contours.channels import CURVES, SIGNS, Layout
from qimg.codecs.digits.contours.curves import outlines
from qimg.codecs.digits.contours.painter import POINT_FRACTION, Drawing, paint
from qimg.codecs.digits.contours.search import refine, work_for
from qimg.codecs.digits.latent_model import FARTHEST, SIDE, STEP_FRACTION
from qimg.core import Array
from qimg.entropy.distributions import tables

_THRESHOLD = 0.55
"""Coefficients are rounded to a larger magnitude from this share of a step on."""
_SOFTNESS = 1
"""Code of the softness that the refinement begins with."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """Everything that turns digits into latents and back except for the probabilities."""

    layout: Layout
    mean: Array
    """(CURVES, 2, POINTS) int64, times 2^`POINT_FRACTION`."""
    basis: Array
    """(all coefficients, 2, POINTS) int64, alike."""
    analysis: Array
    """(all coefficients, 2, POINTS)."""
    variances: Array
    """(all coefficients,)."""

    @property
    def drawing(self) -> Drawing:
        """The arrays for the painter."""
        return Drawing(
            mean=self.mean << STEP_FRACTION,
            basis=self.basis,
            starts=np.cumsum([0, *self.layout.coefficients]),
            signs=np.array(SIGNS),
        )

    def latents(self, digits: Array) -> Array:
        """Latents (channels, n) before quantization: bits of the curves, coefficients, and codes of the shading."""
        curves = [outlines(digit) for digit in digits]
        latents = np.zeros((self.layout.channels, len(digits)))
        latents[self.layout.softness] = _SOFTNESS
        for slot in range(CURVES):
            lines = {n: line for n, several in enumerate(curves) if (line := several[slot]) is not None}
            own = list(lines)
            if own:
                latents[slot, own] = 1
                latents[self.layout.curve(slot), own] = self.coefficients(np.stack(list(lines.values())), slot).T
        return latents

    def coefficients(self, curves: Array, slot: int) -> Array:
        """Coefficients (n, coefficients) of curves (n, POINTS) of a slot."""
        channels = self.layout.curve(slot)
        own = slice(channels.start - CURVES, channels.stop - CURVES)
        mean = self.mean[slot] / (1 << POINT_FRACTION)
        return aligned(curves, mean, self.analysis[own], self.variances[own])[1]

    def quantized(self, latents: Array, steps: Array) -> Array:
        """Codes (channels, n) int64 for steps (n,)."""
        codes = latents.astype(np.int64)
        middle = slice(CURVES, self.layout.brightness)
        ratio = latents[middle] / steps
        codes[middle] = np.clip(np.sign(ratio) * np.floor(np.abs(ratio) + 1 - _THRESHOLD), -FARTHEST, FARTHEST)
        return codes

    def painted(self, codes: Array, step: int) -> Array:
        """Digits (n, 28, 28) uint8 of codes (channels, n), by a step times 2^`STEP_FRACTION`."""
        pixels = np.zeros((codes.shape[1], SIDE, SIDE), np.uint8)
        paint(self.drawing, np.ascontiguousarray(codes.T, np.int64), step, pixels)
        return pixels

    def refined(
        self, digits: Array, codes: Array, chain: Chain, *, rates: Array, steps: Array, weights: Array, sweeps: int
    ) -> Array:
        """Codes (channels, n) of lower cost; see `search.refine`."""
        rows, drawing = np.ascontiguousarray(codes.T, np.int64), self.drawing
        refine(
            drawing,
            chain,
            tables(),
            self.layout.needs,
            work_for(drawing, chain),
            digits.astype(np.int32),
            rows,
            np.asarray(rates, np.int64),
            np.asarray(steps, np.int64),
            np.asarray(weights, float),
            sweeps,
        )
        return np.ascontiguousarray(rows.T)


def frame_of(coefficients: Sequence[int], *, mean: Array, basis: Array, analysis: Array, variances: Array) -> Frame:
    """The frame of arrays of any type."""
    return Frame(
        layout=Layout(coefficients=tuple(coefficients)),
        mean=np.asarray(mean, np.int64),
        basis=np.asarray(basis, np.int64),
        analysis=np.asarray(analysis, float),
        variances=np.asarray(variances, float),
    )
