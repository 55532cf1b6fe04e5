"""The model file of the learned codec: everything that is learned, in integers where the decoder uses it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np

from qimg.codecs.learned.design import (
    BLOCK,
    COLOURS,
    CONDITION_FRACTION,
    COORDINATE_FRACTION,
    GAIN_FRACTION,
    STEP_FRACTION,
    SUPPORT,
    SYNTHESIS_FRACTION,
    Design,
    conditions,
)
from qimg.codecs.learned.restoration import IntegerRestoration
from qimg.core import Array, require
from qimg.core.artifacts import Artifact, Kind, shipped
from qimg.core.cached import cached_property
from qimg.core.schema import require_type
from qimg.integer_networks.coding import ContextModel

IDENTITY = 4
"""Bytes of a model's identity in a file."""
_ANALYSIS = "analysis"
_FIRST, _FURTHER, _RESTORATION = "first.", "further.", "restoration."


class LearnedModel(Artifact):
    """A trained codec; made by `qimg fit codec` or `load`."""

    KIND: ClassVar = Kind(tag="photographs", ending=".codec", package="qimg.codecs.learned")

    @classmethod
    def assemble(
        cls,
        design: Design,
        *,
        analysis: Array,
        synthesis: Array,
        decoder_gains: Array,
        first: ContextModel,
        further: ContextModel,
        restoration: IntegerRestoration | None,
        provenance: Mapping[str, Any],
    ) -> "LearnedModel":
        """The model with these parts, rounded as in its file.

        Args:
            design: the design.
            analysis: (channels, 3, 16, 16) basis functions of the encoder.
            synthesis: (channels, 3, 16, 16) basis functions of the decoder.
            decoder_gains: (conditions, channels) factors of latents in steps.
            first: context model of the first channel.
            further: context model of the further channels.
            restoration: the restoration network; None for a linear decoder.
            provenance: of the file.
        """
        arrays = {
            "analysis": np.asarray(analysis, np.float16),
            "synthesis": _fixed(synthesis, SYNTHESIS_FRACTION),
            "decoder_gains": _fixed(decoder_gains, GAIN_FRACTION),
            "steps": design.steps(),
            **first.arrays(_FIRST),
            **further.arrays(_FURTHER),
            **(restoration.arrays(_RESTORATION) if restoration else {}),
        }
        return cls.packed({"design": asdict(design), "provenance": dict(provenance)}, arrays)

    @cached_property
    def design(self) -> Design:
        """The design."""
        values: dict[str, Any] = self.contents.header["design"]
        given: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
        return Design(**given)

    @cached_property
    def first(self) -> ContextModel:
        """Context model of the first channel."""
        return ContextModel.of_arrays(self.design.first_context(), self.contents.arrays, _FIRST)

    @cached_property
    def further(self) -> ContextModel:
        """Context model of the further channels."""
        return ContextModel.of_arrays(self.design.further_context(), self.contents.arrays, _FURTHER)

    @cached_property
    def restoration(self) -> IntegerRestoration | None:
        """The restoration network; None for a linear decoder."""
        if not self.design.blocks:
            return None
        return IntegerRestoration.of_arrays(self.contents.arrays, _RESTORATION, self.design.blocks)

    @cached_property
    def identity(self) -> bytes:
        """First bytes of the SHA-256 of the design and of all arrays that the decoder uses."""
        digest = hashlib.sha256(json.dumps(asdict(self.design), sort_keys=True).encode())
        for name, values in sorted(self.contents.arrays.items()):
            if name != _ANALYSIS:
                digest.update(name.encode() + values.tobytes())
        return digest.digest()[:IDENTITY]

    def step(self, rate: int) -> int:
        """Quantization step of an index of the rate in units of 2^-6 code values."""
        return int(self.contents.arrays["steps"][rate])

    def synthesis_gains(self, rate: int) -> Array:
        """(channels,) int64 values of a latent of 1 in units of 2^-12 code values."""
        shares = conditions(self.design, [rate])[:, 0]
        gains = self.step(rate) * (shares @ self.contents.arrays["decoder_gains"].astype(np.int64))
        drop = STEP_FRACTION + CONDITION_FRACTION + GAIN_FRACTION - COORDINATE_FRACTION
        return (gains + (1 << (drop - 1))) >> drop

    def multiply_accumulates(self) -> dict[str, float]:
        """Products of the decoder per pixel, by part."""
        area = BLOCK**2
        contexts = self.first.multiply_accumulates() + self.further.multiply_accumulates()
        return {
            "contexts": contexts / area,
            "transform": 4.0 * COLOURS * self.design.channels,
            "restoration": self.restoration.multiply_accumulates if self.restoration else 0.0,
        }

    def check(self) -> None:
        """Raise an error where the arrays do not match the design."""
        design = self.design
        require_type("design", design, Design)
        shape = (design.channels, COLOURS, SUPPORT, SUPPORT)
        gains = (design.conditions, design.channels)
        self.require_arrays(
            {
                "analysis": (shape, "<f2"),
                "synthesis": (shape, "<i2"),
                "decoder_gains": (gains, "<i2"),
                "steps": ((design.rates,), "<i4"),
            }
        )
        _ = self.first, self.further
        if self.restoration is not None:
            self.restoration.check(design)

    def check_values(self) -> None:
        """Raise an error where a value is out of range."""
        finite = bool(np.isfinite(self.contents.arrays[_ANALYSIS]).all())
        require(finite, _ANALYSIS, "must be finite", "NaN or infinity")
        self.require_range("steps", 1, 1 << 16)

    def __repr__(self) -> str:
        pictures = len(self.provenance.get("inputs", ()))
        return f"LearnedModel({pictures} pictures, {self.design.channels} channels, {len(self.to_bytes())} bytes)"


def _fixed(values: Array, fraction: int) -> Array:
    scaled = np.rint(np.asarray(values, np.float64) * (1 << fraction))
    largest = float(np.abs(scaled).max(initial=0))
    require(largest < 1 << 15, "values", f"must be below {(1 << 15) / (1 << fraction)}", largest / (1 << fraction))
    return scaled.astype(np.int16)


def default() -> LearnedModel:
    """The model shipped with qimg."""
    return shipped(LearnedModel, "default")
