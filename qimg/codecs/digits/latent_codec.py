"""Codecs of digits with a transform and quantized latents: the auto-encoder and the KLT."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from qimg.codecs.digits import pack
from qimg.codecs.digits.digit_codec import DigitCodec, conditions, rate_number
from qimg.codecs.digits.latent_model import PIXELS, RATES, SIDE, LatentModel
from qimg.codecs.digits.recognition import recognised
from qimg.codecs.digits.refinement import refined
from qimg.core import Array, arguments
from qimg.core.arguments import EFFORT, allow
from qimg.core.artifacts import shipped
from qimg.integer_networks.coding import decode_latents, latent_intervals

SWEEPS = (0, 0, 1, 1, 2, 2, 3, 3, 4, 6)
"""Sweeps of the refinement, by effort from 1 to 9; entry 0 has no effort."""


@dataclass(frozen=True, kw_only=True)
class LatentCodec(DigitCodec[LatentModel]):
    """A codec for packs of digits that quantizes latents; `encode` and `decode` are its verbs."""

    shipped: str
    """Name of the shipped model."""
    refines: bool = True
    """Whether `effort` is supported."""

    def model(self, model: "LatentModel | str | os.PathLike[str] | None" = None) -> LatentModel:
        """The shipped model, that of a file, or the given one."""
        if isinstance(model, LatentModel):
            return model
        return shipped(LatentModel, self.shipped) if model is None else LatentModel.load(model)

    def encode(
        self,
        images: ArrayLike,
        *,
        rate: float,
        effort: int | None = None,
        model: "LatentModel | str | os.PathLike[str] | None" = None,
    ) -> bytes:
        """Encode digits as one file.

        The codes of a digit that `decode` returned at the same rate are found again, so that it is coded as before.

        Args:
            images: (n, 28, 28) uint8; n may be 0.
            rate: from 0 (smallest files) to 1, rounded to a multiple of 1/32.
            effort: of `mnist-autoencoder`: 1 quantizes the encoder's latents; more refines the codes of each digit
                against the decoder, by default (5) in up to 2 sweeps, at 9 in up to 6.
            model: a file of `qimg fit codec`, or a model; the decoder needs the same.

        Raises:
            ValueError: an argument is out of range.
        """
        fitted = self.model(model)
        return self.file(self.codes(images, rate=rate, effort=effort, model=fitted), rate=rate, model=fitted)

    def file(self, codes: Array, *, rate: float, model: "LatentModel | str | os.PathLike[str] | None" = None) -> bytes:
        """The file of quantized latents (channels, n) int32 from `codes`; other arguments as for `encode`."""
        return self._file(self.model(model), codes, rate_number(rate))

    def codes(
        self,
        images: ArrayLike,
        *,
        rate: float,
        effort: int | None = None,
        model: "LatentModel | str | os.PathLike[str] | None" = None,
    ) -> Array:
        """The quantized latents (channels, n) int32 that `encode` writes; arguments as for `encode`."""
        digits, fitted, number = pack.checked(images), self.model(model), rate_number(rate)
        allow(self.refines or effort is None, "effort", f"has no effect with codec {self.id}")
        sweeps = SWEEPS[arguments.effort(EFFORT if effort is None else effort)] if self.refines else 0
        allow(not sweeps or fitted.is_chain, "effort", "must be 1 for a model whose latents are not coded one by one")
        pixels = np.ascontiguousarray(digits.reshape(len(digits), PIXELS).T)
        latents = fitted.latents(pixels, number)
        codes, own = recognised(fitted, pixels, latents, number)
        start = fitted.quantized(latents[:, ~own], number)
        codes[:, ~own] = refined(fitted, pixels[:, ~own], start, number, sweeps)
        return codes

    def ideal_bits(self, codes: Array, *, rate: float, model: Any = None) -> float:
        """The cross entropy of quantized latents (channels, n) in bits, which the file's words attain."""
        return self._ideal_bits(self.model(model), codes, rate_number(rate))

    def decode(
        self,
        data: bytes,
        *,
        model: "LatentModel | str | os.PathLike[str] | None" = None,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Decode a file.

        Args:
            data: the file.
            model: the model that it was written with, by default the shipped one.
            dtype: precision of products of integers, float32 or float64, which does not change the result.

        Returns:
            (n, 28, 28) uint8.

        Raises:
            BitstreamError: the file is cut, altered, of another codec or version, or needs another model.
        """
        return self._decoded(self.model(model), data, RATES, dtype)

    def _count(self, codes: Array) -> int:
        return int(codes.shape[1])

    def _intervals(self, model: LatentModel, codes: Array, setting: int) -> tuple[Array, Array]:
        return latent_intervals(model.contexts, _grid(codes), conditions=conditions(codes.shape[1], setting))

    def _digits(self, model: LatentModel, contents: pack.Pack, state: Array, dtype: DTypeLike) -> Array:
        count = contents.count
        codes = np.zeros((model.channels, count), np.int32)
        if count:
            own = conditions(count, contents.setting)
            shape = (1, 1, count)
            latents = decode_latents(model.contexts, state, contents.words, shape, conditions=own, dtype=dtype)
            codes = latents[:, 0, 0]
        pixels = model.pixels(codes, contents.setting, dtype)
        return np.ascontiguousarray(pixels.T).reshape(-1, SIDE, SIDE)


def _grid(codes: Array) -> Array:
    """Quantized latents as (channels, 1, 1, n)."""
    return codes[:, None, None]


AUTOENCODER = LatentCodec(id="mnist-autoencoder", name="auto-encoder", number=4, shipped="autoencoder")
KLT = LatentCodec(id="mnist-klt", name="KLT", number=5, shipped="klt", refines=False)
