"""Files of auto-encoders and of the KLT: transforms, steps of quantization and a context model, all in integers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from qimg.core import Array, require
from qimg.core.artifacts import Artifact, Kind
from qimg.core.cached import cached_property
from qimg.core.schema import require_type
from qimg.entropy.distributions import Distribution
from qimg.integer_networks.coding import ContextModel
from qimg.integer_networks.contexts import ContextDesign
from qimg.integer_networks.layers import IntegerNetwork

SIDE = 28
"""Rows and columns of a digit."""
PIXELS = SIDE * SIDE
RATES = 33
"""Rates of a model, from 0 (smallest files) to 32."""
RATE_INPUT = 7
"""The encoder's last input is the number of the rate times this."""
FRACTION = 8
"""Binary digits after the point of pixels and of latents before quantization."""
BOUND = 2047
"""Largest magnitude of an integer latent before quantization and after reconstruction."""
STEP_FRACTION = 12
"""Binary digits after the point of steps."""
FARTHEST = 1 << 15
"""Largest magnitude of a quantized latent."""


class LatentModel(Artifact):
    """A transform of digits to latents and back, the steps of each rate, and the context model of quantized latents.

    Made by `qimg.codecs.digits.training.fit` or `load`.
    """

    KIND = Kind(tag="latents", ending=".latents", package="qimg.codecs.digits")

    @classmethod
    def assemble(
        cls,
        encoder: IntegerNetwork,
        decoder: IntegerNetwork,
        contexts: ContextModel,
        *,
        steps: Array,
        weights: tuple[float, float],
        provenance: Mapping[str, Any],
    ) -> "LatentModel":
        """The model with these parts.

        Args:
            encoder: 784 pixels and the rate times `RATE_INPUT` to latents with `FRACTION` binary digits.
            decoder: reconstructed latents with `FRACTION` binary digits to 784 pixels.
            contexts: of latents (channels, 1, 1, n), with the rate as the condition.
            steps: (RATES, channels) steps of quantization, times 2^`STEP_FRACTION`.
            weights: bits that a unit of squared error, in units of 256², is worth at the lowest rate and the highest.
            provenance: origin of the model.
        """
        arrays = encoder.arrays("encoder.") | decoder.arrays("decoder.") | contexts.arrays("contexts.")
        layers = {"encoder": len(encoder.layers), "decoder": len(decoder.layers)}
        header = {
            "design": asdict(contexts.design),
            "layers": layers,
            "weights": list(weights),
            "provenance": dict(provenance),
        }
        return cls.packed(header, {**arrays, "steps": np.asarray(steps, np.int32)})

    @cached_property
    def encoder(self) -> IntegerNetwork:
        """Pixels and the rate to latents."""
        return self._network("encoder")

    @cached_property
    def decoder(self) -> IntegerNetwork:
        """Reconstructed latents to pixels."""
        return self._network("decoder")

    def _network(self, name: str) -> IntegerNetwork:
        return IntegerNetwork.of_arrays(self.contents.arrays, f"{name}.", int(self.contents.header["layers"][name]))

    @cached_property
    def contexts(self) -> ContextModel:
        """The context model of quantized latents."""
        return ContextModel.of_arrays(design_of(self.contents.header["design"]), self.contents.arrays, "contexts.")

    @cached_property
    def steps(self) -> Array:
        """(RATES, channels) int64."""
        return self.array("steps").astype(np.int64)

    def weight(self, rate: int) -> float:
        """Bits that a unit of squared error of code values is worth at a rate."""
        low, high = self.contents.header["weights"]
        return float(low * (high / low) ** (rate / (RATES - 1)) / 256**2)

    @property
    def channels(self) -> int:
        """Number of latents of a digit."""
        return self.contexts.design.channels

    @property
    def is_chain(self) -> bool:
        """Whether latents are coded one by one, by networks with one hidden layer, so that they can be refined."""
        design = self.contexts.design
        single = set(design.bands) == {1} and not design.magnitudes and design.lower_bands
        return single and len(design.hidden) == 1

    def check(self) -> None:
        """Raise an error unless the parts are networks of integers that fit each other."""
        design, channels = self.contexts.design, self.channels
        self.require_arrays({"steps": ((RATES, channels), "<i4")})
        sizes = [
            (network.layers[0].weight.shape[1], len(network.layers[-1].weight))
            for network in (self.encoder, self.decoder)
        ]
        expected = [(PIXELS + 1, channels), (channels, PIXELS)]
        require(sizes == expected, "layers", f"must have inputs and outputs {expected}", sizes)
        require(int(self.decoder.layers[0].bound) >= BOUND, "bound", f"must be at least {BOUND}", sizes)
        usual = not (design.reach or design.side or design.positions) and design.conditions == 1
        require(usual, "design", "must depend on the rate and on lower bands alone", design)
        low, high = self.contents.header["weights"]
        require(0 < low <= high, "weights", "must be positive and increase", (low, high))

    def check_values(self) -> None:
        """Raise an error where a step is out of range."""
        self.require_range("steps", 1, 1 << 20)

    def latents(self, pixels: Array, rate: int) -> Array:
        """Latents (channels, n) before quantization, times 2^`FRACTION`, of pixels (784, n)."""
        inputs = np.concatenate([pixels, np.full((1, pixels.shape[1]), RATE_INPUT * rate)]).astype(np.float32)
        return self.encoder(inputs)

    def quantized(self, latents: Array, rate: int) -> Array:
        """Quantized latents (channels, n) int32 of latents times 2^`FRACTION`."""
        steps = self.steps[rate][:, None] / (1 << (STEP_FRACTION - FRACTION))
        return np.clip(np.floor(latents / steps + 0.5), -FARTHEST, FARTHEST).astype(np.int32)

    def reconstructed(self, quantized: Array, rate: int, channels: slice = slice(None)) -> Array:
        """Latents (channels, n) int64 of quantized ones, the decoder's input; of all channels or of some."""
        shift = STEP_FRACTION - FRACTION
        product = quantized.astype(np.int64) * self.steps[rate, channels, None]
        return np.clip((product + (1 << (shift - 1))) >> shift, -BOUND, BOUND)

    def pixels(self, quantized: Array, rate: int, dtype: Any = np.float32) -> Array:
        """Pixels (784, n) uint8 of quantized latents (channels, n)."""
        return np.clip(self.decoder(self.reconstructed(quantized, rate).astype(dtype)), 0, 255).astype(np.uint8)

    def __repr__(self) -> str:
        return f"LatentModel({self.channels} latents, {len(self.to_bytes())} bytes)"


def design_of(values: Mapping[str, Any]) -> ContextDesign:
    """The design of JSON values."""
    parts: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    design = ContextDesign(**{**parts, "distribution": Distribution(**values["distribution"])})
    require_type("design", design, ContextDesign)
    return design
