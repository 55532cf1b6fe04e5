"""Files of the contour codec of digits: an eigenbasis of the curves of each slot and a context model, in integers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from qimg.codecs.digits.contours.chain import Chain, chain_of
from qimg.codecs.digits.contours.channels import CURVES, MOST_COEFFICIENTS
from qimg.codecs.digits.contours.codes import Frame, frame_of
from qimg.codecs.digits.contours.curves import POINTS
from qimg.codecs.digits.latent_model import RATES, design_of
from qimg.core import Array, require
from qimg.core.artifacts import Artifact, Kind
from qimg.core.cached import cached_property
from qimg.integer_networks.coding import ContextModel

_LARGEST = 1 << 19
"""Largest magnitude of a mean or a basis vector, so that sums of products fit 64 bits."""


class ContourModel(Artifact):
    """The mean curve and the eigenbasis of the Fourier descriptors of each slot, and the context model of the latents.

    Curves are stored as points, the inverse Fourier transforms of descriptors. Made by
    `qimg.codecs.digits.training.fit` or `load`.
    """

    KIND = Kind(tag="contours", ending=".contours", package="qimg.codecs.digits")

    @classmethod
    def assemble(
        cls,
        contexts: ContextModel,
        *,
        coefficients: tuple[int, ...],
        mean: Array,
        basis: Array,
        analysis: Array,
        variances: Array,
        steps: Array,
        weights: tuple[float, float],
        provenance: Mapping[str, Any],
    ) -> "ContourModel":
        """The model with these parts.

        Args:
            contexts: of latents (channels, 1, 1, n) in the order of `Layout`, with the rate as the condition.
            coefficients: of each slot.
            mean: (CURVES, 2, POINTS) rows and columns of the mean curves, times 2^`POINT_FRACTION`.
            basis: (all coefficients, 2, POINTS) displacements by a unit of each coefficient, alike.
            analysis: (all coefficients, 2, POINTS) coefficients of displacements in pixels, for the encoder.
            variances: (all coefficients,) of the coefficients, for the encoder.
            steps: (RATES,) steps of quantization, times 2^`STEP_FRACTION`.
            weights: bits that a unit of squared error, in units of 256², is worth at the lowest rate and the highest.
            provenance: origin of the model.
        """
        arrays = {
            **contexts.arrays("contexts."),
            "mean": np.asarray(mean, np.int32),
            "basis": np.asarray(basis, np.int32),
            "analysis": np.asarray(analysis, np.float32),
            "variances": np.asarray(variances, np.float32),
            "steps": np.asarray(steps, np.int32),
        }
        header = {
            "design": asdict(contexts.design),
            "coefficients": list(coefficients),
            "weights": list(weights),
            "provenance": dict(provenance),
        }
        return cls.packed(header, arrays)

    @cached_property
    def frame(self) -> Frame:
        """Layout, mean curves and bases."""
        arrays = {name: self.array(name) for name in ("mean", "basis", "analysis", "variances")}
        return frame_of(self.contents.header["coefficients"], **arrays)

    @cached_property
    def contexts(self) -> ContextModel:
        """The context model of latents."""
        return ContextModel.of_arrays(design_of(self.contents.header["design"]), self.contents.arrays, "contexts.")

    @cached_property
    def steps(self) -> Array:
        """(RATES,) int64."""
        return self.array("steps").astype(np.int64)

    @cached_property
    def chain(self) -> Chain:
        """The context model for compiled loops."""
        return chain_of(self.contexts)

    def weight(self, rate: int) -> float:
        """Bits that a unit of squared error of code values is worth at a rate."""
        low, high = self.contents.header["weights"]
        return float(low * (high / low) ** (rate / (RATES - 1)) / 256**2)

    def check(self) -> None:
        """Raise an error unless the parts fit each other."""
        layout, design = self.frame.layout, self.contexts.design
        few = len(layout.coefficients) == CURVES and all(1 <= n <= MOST_COEFFICIENTS for n in layout.coefficients)
        require(few, "coefficients", f"must be {CURVES} numbers in [1, {MOST_COEFFICIENTS}]", layout.coefficients)
        total = sum(layout.coefficients)
        self.require_arrays(
            {
                "mean": ((CURVES, 2, POINTS), "<i4"),
                "basis": ((total, 2, POINTS), "<i4"),
                "analysis": ((total, 2, POINTS), "<f4"),
                "variances": ((total,), "<f4"),
                "steps": ((RATES,), "<i4"),
            }
        )
        single = set(design.bands) == {1} and len(design.hidden) == 1 and design.lower_bands and not design.magnitudes
        usual = single and not (design.reach or design.side or design.positions) and design.conditions == 1
        require(usual, "design", "must be a chain of single latents that depends on the rate", design)
        require(design.channels == layout.channels, "design", f"must have {layout.channels} channels", design.channels)
        low, high = self.contents.header["weights"]
        require(0 < low <= high, "weights", "must be positive and increase", (low, high))

    def check_values(self) -> None:
        """Raise an error where a number is out of range."""
        self.require_range("steps", 1, 1 << 20)
        for name in ("mean", "basis"):
            self.require_range(name, -_LARGEST, _LARGEST)
        analysis, variances = self.contents.arrays["analysis"], self.contents.arrays["variances"]
        require(bool(np.isfinite(analysis).all()), "analysis", "must be finite", "NaN or infinity")
        require(bool((variances > 0).all()), "variances", "must be positive", float(variances.min()))

    def __repr__(self) -> str:
        return f"ContourModel({self.frame.layout.channels} latents, {len(self.to_bytes())} bytes)"
