"""The contour codec of digits: outlines as coefficients of their eigenbasis, painted by the decoder in integers."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from qimg.codecs.digits import pack
from qimg.codecs.digits.contours.channels import CURVES
from qimg.codecs.digits.contours.model import ContourModel
from qimg.codecs.digits.digit_codec import DigitCodec, conditions, rate_number
from qimg.codecs.digits.latent_codec import SWEEPS
from qimg.codecs.digits.latent_model import FARTHEST, RATES, STEP_FRACTION
from qimg.codecs.errors import BitstreamError
from qimg.core import Array, arguments
from qimg.core.artifacts import shipped
from qimg.entropy import range_coder
from qimg.integer_networks.coding import Walk


@dataclass(frozen=True, kw_only=True)
class ContourCodec(DigitCodec[ContourModel]):
    """A codec for packs of digits that codes outlines; `encode` and `decode` are its verbs."""

    def model(self, model: "ContourModel | str | os.PathLike[str] | None" = None) -> ContourModel:
        """The shipped model, that of a file, or the given one."""
        if isinstance(model, ContourModel):
            return model
        return shipped(ContourModel, "contours") if model is None else ContourModel.load(model)

    def encode(
        self,
        images: ArrayLike,
        *,
        rate: float,
        effort: int = 5,
        model: "ContourModel | str | os.PathLike[str] | None" = None,
    ) -> bytes:
        """Encode digits as one file.

        Args:
            images: (n, 28, 28) uint8; n may be 0.
            rate: from 0 (smallest files) to 1, rounded to a multiple of 1/32.
            effort: 1 rounds the coefficients of the outlines; more refines the codes of each digit against the painted
                digit, by default (5) in up to 2 sweeps, at 9 in up to 6.
            model: a file of `qimg fit codec`, or a model; the decoder needs the same.

        Raises:
            ValueError: an argument is out of range.
        """
        fitted = self.model(model)
        return self.file(self.codes(images, rate=rate, effort=effort, model=fitted), rate=rate, model=fitted)

    def file(self, codes: Array, *, rate: float, model: "ContourModel | str | os.PathLike[str] | None" = None) -> bytes:
        """The file of codes (channels, n) int32 from `codes`; other arguments as for `encode`."""
        return self._file(self.model(model), codes, rate_number(rate))

    def codes(
        self,
        images: ArrayLike,
        *,
        rate: float,
        effort: int = 5,
        model: "ContourModel | str | os.PathLike[str] | None" = None,
    ) -> Array:
        """The codes (channels, n) int32 that `encode` writes, in the order of `Layout`; arguments as for `encode`."""
        digits, fitted, number = pack.checked(images), self.model(model), rate_number(rate)
        sweeps = SWEEPS[arguments.effort(effort)]
        frame, step = fitted.frame, int(fitted.steps[number])
        codes = frame.quantized(frame.latents(digits), np.full(len(digits), step / (1 << STEP_FRACTION)))
        if sweeps and len(digits):
            settings = {"rates": number, "steps": step, "weights": fitted.weight(number)}
            every = {name: np.full(len(digits), value) for name, value in settings.items()}
            codes = frame.refined(digits, codes, fitted.chain, **every, sweeps=sweeps)
        return codes.astype(np.int32)

    def ideal_bits(self, codes: Array, *, rate: float, model: Any = None) -> float:
        """The cross entropy of codes (channels, n) in bits, which the file's words attain."""
        return self._ideal_bits(self.model(model), codes, rate_number(rate))

    def decode(
        self,
        data: bytes,
        *,
        model: "ContourModel | str | os.PathLike[str] | None" = None,
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

    def _intervals(self, model: ContourModel, codes: Array, setting: int) -> tuple[Array, Array]:
        return _intervals(model, codes, setting)

    def _digits(self, model: ContourModel, contents: pack.Pack, state: Array, dtype: DTypeLike) -> Array:
        codes = _codes(model, contents, state, dtype)
        return model.frame.painted(codes, int(model.steps[contents.setting]))


def _walk(model: ContourModel, count: int, rate: int, dtype: DTypeLike = np.float32) -> Walk:
    return Walk(model.contexts, (1, 1, count), conditions=conditions(count, rate), dtype=dtype)


def _intervals(model: ContourModel, codes: Array, rate: int) -> tuple[Array, Array]:
    """Intervals of the latents that are coded."""
    distribution, active = model.contexts.design.distribution, model.frame.layout.active(codes)
    walk, parts = _walk(model, codes.shape[1], rate), []
    for channel, (place, parameters) in enumerate(walk.groups()):
        own = active[channel]
        parts.append(distribution.intervals(codes[channel, own], parameters[own]))
        walk.put(place, codes[channel])
    lefts, widths = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    return lefts, widths


def _codes(model: ContourModel, contents: pack.Pack, state: Array, dtype: DTypeLike) -> Array:
    """Codes (channels, n) int64."""
    layout, distribution = model.frame.layout, model.contexts.design.distribution
    codes = np.zeros((layout.channels, contents.count), np.int64)
    if not contents.count:
        return codes
    walk = _walk(model, contents.count, contents.setting, dtype)
    for channel, (place, parameters) in enumerate(walk.groups()):
        own = layout.active_channel(codes, channel)
        codes[channel, own] = distribution.decode(state, contents.words, parameters[own])
        _check_codes(channel, codes[channel])
        walk.put(place, codes[channel])
        if range_coder.is_broken(state, contents.words):
            break
    return codes


def _check_codes(channel: int, codes: Array) -> None:
    """Raise an error where a code is out of range."""
    least, largest = (0, 1) if channel < CURVES else (-FARTHEST, FARTHEST)
    if codes.min() < least or codes.max() > largest:
        rule = f"codes of channel {channel} must be in [{least}, {largest}]"
        raise BitstreamError(f"{rule}, but are in [{codes.min()}, {codes.max()}]")


CONTOURS = ContourCodec(id="mnist-contours", name="contours", number=9)
