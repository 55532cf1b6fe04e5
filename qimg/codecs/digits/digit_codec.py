"""What the codecs for packs of digits share: the file of codes, their cross entropy, and the digits of a file."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from qimg.codecs.digits import pack
from qimg.codecs.digits.latent_model import RATES
from qimg.codecs.errors import BitstreamError
from qimg.core import Array, fraction
from qimg.core.artifacts import Artifact
from qimg.entropy import range_coder
from qimg.entropy.distributions import bits_of

M = TypeVar("M", bound=Artifact)


@dataclass(frozen=True, kw_only=True)
class DigitCodec(ABC, Generic[M]):
    """A codec for packs of digits; `encode` and `decode` are its verbs."""

    id: str
    """Id in the registry."""
    name: str
    """Name in tables and figures."""
    number: int
    """Number in the envelope."""
    about: str = "this package"
    """Program and settings."""

    @abstractmethod
    def _count(self, codes: Array) -> int:
        """Number of digits of codes."""

    @abstractmethod
    def _intervals(self, model: M, codes: Array, setting: int) -> tuple[Array, Array]:
        """Intervals of the codes of at least one digit, as `range_coder.Encoder.push_intervals` takes them."""

    @abstractmethod
    def _digits(self, model: M, contents: pack.Pack, state: Array, dtype: DTypeLike) -> Array:
        """The digits (n, 28, 28) uint8 of a file, whose words are read with a state of the range coder."""

    def _file(self, model: M, codes: Array, setting: int) -> bytes:
        encoder, count = range_coder.Encoder(), self._count(codes)
        if count:
            encoder.push_intervals(*self._intervals(model, codes, setting))
        contents = pack.Pack(count=count, setting=setting, words=encoder.words())
        return pack.to_bytes(contents, number=self.number, model=model.sha256)

    def _ideal_bits(self, model: M, codes: Array, setting: int) -> float:
        return bits_of(self._intervals(model, codes, setting)[1]) if self._count(codes) else 0.0

    def _decoded(self, model: M, data: bytes, settings: int, dtype: DTypeLike) -> Array:
        contents = pack.of_bytes(data, codec=self.id, number=self.number, model=model.sha256, settings=settings)
        state = range_coder.start(contents.words)
        digits = self._digits(model, contents, state, dtype)
        if not range_coder.is_complete(state, contents.words):
            raise BitstreamError("chunk D must be a stream of the range coder for these digits, but is damaged")
        return digits


def rate_number(rate: float) -> int:
    """The number of the rate nearest to `rate` in [0, 1]; raises ValueError outside of it."""
    return round(fraction("rate", rate) * (RATES - 1))


def conditions(count: int, rate: int) -> Array:
    """Inputs (1, n) of the context networks: the number of the rate."""
    return np.full((1, count), rate)
