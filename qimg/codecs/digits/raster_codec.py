"""The raster-encoder of digits: pixels of a few levels of gray, one after the other, each given those before it."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from qimg.codecs.digits import pack
from qimg.codecs.digits.digit_codec import DigitCodec
from qimg.codecs.digits.latent_model import SIDE
from qimg.codecs.digits.raster_model import LEVELS, RasterModel
from qimg.codecs.errors import BitstreamError
from qimg.core import Array, arguments, require
from qimg.core.artifacts import shipped
from qimg.integer_networks.coding import Walk, decode_latents, latent_intervals


@dataclass(frozen=True, kw_only=True)
class RasterCodec(DigitCodec[RasterModel]):
    """A codec for packs of digits that codes pixels in the order of the raster; `encode` and `decode` are its verbs."""

    def model(self, levels: int, model: "RasterModel | str | os.PathLike[str] | None" = None) -> RasterModel:
        """The shipped model of a number of levels, that of a file, or the given one."""
        require(levels in LEVELS, "levels", f"must be one of {', '.join(map(str, LEVELS))}", levels)
        if model is None:
            return shipped(RasterModel, f"raster{levels}")
        fitted = model if isinstance(model, RasterModel) else RasterModel.load(model)
        require(fitted.levels == levels, "levels", f"must be {fitted.levels} for this model", levels)
        return fitted

    def encode(
        self,
        images: ArrayLike,
        *,
        levels: int,
        effort: int = 5,
        model: "RasterModel | str | os.PathLike[str] | None" = None,
    ) -> bytes:
        """Encode digits as one file.

        Args:
            images: (n, 28, 28) uint8; n may be 0.
            levels: 2, 4, 8, or 256 for lossless coding.
            effort: 1 rounds each pixel to the nearest level; from 2 on each pixel gets the level of least bits + weight
                · squared error. Digits of the levels' values alone are kept as they are.
            model: a file of `qimg fit codec`, or a model; the decoder needs the same.

        Raises:
            ValueError: an argument is out of range.
        """
        fitted = self.model(levels, model)
        return self.file(self.codes(images, levels=levels, effort=effort, model=fitted), levels=levels, model=fitted)

    def file(self, codes: Array, *, levels: int, model: "RasterModel | str | os.PathLike[str] | None" = None) -> bytes:
        """The file of levels (n, 28, 28) int32 from `codes`; other arguments as for `encode`."""
        return self._file(self.model(levels, model), codes, levels - 1)

    def codes(
        self,
        images: ArrayLike,
        *,
        levels: int,
        effort: int = 5,
        model: "RasterModel | str | os.PathLike[str] | None" = None,
    ) -> Array:
        """The levels (n, 28, 28) int32 that `encode` writes; arguments as for `encode`."""
        digits, fitted = pack.checked(images), self.model(levels, model)
        arguments.effort(effort)
        nearest = fitted.quantized(digits)
        if effort == 1 or levels == 256 or not len(digits):
            return nearest
        other = (fitted.reproduced(nearest) != digits).any(axis=(1, 2))
        if other.any():
            nearest[other] = _chosen(fitted, digits[other])
        return nearest

    def ideal_bits(self, codes: Array, *, levels: int, model: Any = None) -> float:
        """The cross entropy of levels (n, 28, 28) in bits, which the file's words attain."""
        return self._ideal_bits(self.model(levels, model), codes, levels - 1)

    def decode(
        self,
        data: bytes,
        *,
        model: "RasterModel | str | os.PathLike[str] | None" = None,
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
        setting = pack.setting_of(data, codec=self.id, number=self.number)
        if setting + 1 not in LEVELS:
            raise BitstreamError(f"the number of levels must be one of {LEVELS}, but is {setting + 1}")
        return self._decoded(self.model(setting + 1, model), data, 256, dtype)

    def _count(self, codes: Array) -> int:
        return len(codes)

    def _intervals(self, model: RasterModel, codes: Array, setting: int) -> tuple[Array, Array]:
        return latent_intervals(model.contexts, _grid(codes))

    def _digits(self, model: RasterModel, contents: pack.Pack, state: Array, dtype: DTypeLike) -> Array:
        levels = np.zeros((1, SIDE, SIDE, 0), np.int32)
        if contents.count:
            levels = decode_latents(model.contexts, state, contents.words, (SIDE, SIDE, contents.count), dtype=dtype)
        return model.reproduced(np.ascontiguousarray(levels[0].transpose(2, 0, 1)))


def _grid(codes: Array) -> Array:
    """Levels (n, 28, 28) as latents (1, 28, 28, n)."""
    return np.ascontiguousarray(codes.transpose(1, 2, 0))[None]


def _chosen(model: RasterModel, digits: Array) -> Array:
    """Levels of least bits + weight · squared error, chosen one after the other given those chosen before."""
    source = digits.transpose(1, 2, 0).astype(float)
    walk = Walk(model.contexts, (SIDE, SIDE, len(digits)))
    distribution = model.contexts.design.distribution
    for place, parameters in walk.groups():
        wanted = source[place[1:]].ravel()
        costs = [
            distribution.lengths(np.full(len(wanted), level, np.int32), parameters)
            + model.weight * (wanted - value) ** 2
            for level, value in enumerate(model.values)
        ]
        walk.put(place, np.argmin(costs, axis=0).astype(np.int32))
    return walk.latents[0].transpose(2, 0, 1)


RASTER = RasterCodec(id="mnist-raster", name="raster-encoder", number=6)
