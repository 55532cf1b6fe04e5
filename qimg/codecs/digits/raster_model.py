"""Files of raster-encoders: levels of gray and a context model of pixels in the order of the raster, in integers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from qimg.codecs.digits.latent_model import design_of
from qimg.core import Array, require
from qimg.core.artifacts import Artifact, Kind
from qimg.core.cached import cached_property
from qimg.integer_networks.coding import ContextModel

LEVELS = (2, 4, 8, 256)
"""Numbers of levels of gray; 256 is lossless."""


class RasterModel(Artifact):
    """Levels that pixels are rounded to, and the probability of each pixel's level given the pixels before it.

    Made by `qimg.codecs.digits.training.fit` or `load`.
    """

    KIND = Kind(tag="raster", ending=".raster", package="qimg.codecs.digits")

    @classmethod
    def assemble(
        cls, contexts: ContextModel, *, thresholds: Array, values: Array, weight: float, provenance: Mapping[str, Any]
    ) -> "RasterModel":
        """The model with these parts.

        Args:
            contexts: of levels (1, 28, 28, n).
            thresholds: (levels − 1,) least code values of the levels above the first.
            values: (levels,) code values of the levels.
            weight: bits that a squared code value is worth to the encoder.
            provenance: origin of the model.
        """
        arrays = {
            **contexts.arrays("contexts."),
            "thresholds": np.asarray(thresholds, np.int32),
            "values": np.asarray(values, np.int32),
        }
        header = {"design": asdict(contexts.design), "weight": float(weight), "provenance": dict(provenance)}
        return cls.packed(header, arrays)

    @cached_property
    def contexts(self) -> ContextModel:
        """The context model of levels."""
        return ContextModel.of_arrays(design_of(self.contents.header["design"]), self.contents.arrays, "contexts.")

    @cached_property
    def thresholds(self) -> Array:
        """(levels − 1,) least code values of the levels above the first."""
        return self.array("thresholds")

    @cached_property
    def values(self) -> Array:
        """(levels,) code values of the levels."""
        return self.array("values")

    @property
    def weight(self) -> float:
        """Bits that a squared code value is worth to the encoder."""
        return float(self.contents.header["weight"])

    @property
    def levels(self) -> int:
        """Number of levels."""
        return self.contexts.design.distribution.size

    def check(self) -> None:
        """Raise an error unless the parts are those of a raster-encoder."""
        design = self.contexts.design
        raster = design.bands == (1,) and design.orders == ("raster",) and not (design.side or design.conditions)
        require(raster and design.distribution.kind == "categorical", "design", "must be that of a raster", design)
        require(self.levels in LEVELS, "levels", f"must be one of {LEVELS}", self.levels)
        self.require_arrays({"thresholds": ((self.levels - 1,), "<i4"), "values": ((self.levels,), "<i4")})
        require(self.weight >= 0, "weight", "must not be negative", self.weight)

    def check_values(self) -> None:
        """Raise an error where levels are out of range or not in order."""
        for name in ("thresholds", "values"):
            self.require_range(name, 0, 255)
            require(bool((np.diff(self.contents.arrays[name]) > 0).all()), name, "must increase", name)

    def quantized(self, digits: Array) -> Array:
        """Levels int32 of code values."""
        return np.searchsorted(self.thresholds, digits, side="right").astype(np.int32)

    def reproduced(self, levels: Array) -> Array:
        """Code values uint8 of levels."""
        return self.values[levels].astype(np.uint8)

    def __repr__(self) -> str:
        return f"RasterModel({self.levels} levels, {len(self.to_bytes())} bytes)"
