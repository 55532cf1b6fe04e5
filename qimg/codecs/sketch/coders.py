"""Coders of numbers: to the bytes of a range coder, to their length in bits, and from bytes that may be cut."""

from math import log2
from typing import Protocol

import numpy as np

from qimg.core import Array
from qimg.entropy import range_coder
from qimg.entropy.distributions import Distribution
from qimg.entropy.range_coder import TOTAL

_WORD = 4
_MARGIN = 8  # words after the end of cut data, more than a number takes


class Coder(Protocol):
    """Writes numbers, or reads them and ignores its arguments."""

    def equal(self, value: int, count: int) -> int:
        """A number in [0, count), all of them equally likely."""

    def among(self, value: int, distribution: Distribution, parameters: tuple[int, ...]) -> int:
        """A number of a distribution."""


class Writer:
    """Collects the intervals of numbers."""

    def __init__(self) -> None:
        self.lefts: list[int] = []
        self.widths: list[int] = []

    def equal(self, value: int, count: int) -> int:
        """Append a number in [0, count)."""
        width = (TOTAL - 2) // count
        self.lefts.append(1 + value * width)
        self.widths.append(width)
        return value

    def among(self, value: int, distribution: Distribution, parameters: tuple[int, ...]) -> int:
        """Append a number of a distribution."""
        lefts, widths = distribution.intervals([value], [parameters])
        self.lefts.extend(lefts.tolist())
        self.widths.extend(widths.tolist())
        return value

    def to_bytes(self) -> bytes:
        """The bytes of all numbers; bytes at the end that determine nothing follow the last number."""
        encoder = range_coder.Encoder()
        encoder.push_intervals(self.lefts, self.widths)
        return encoder.words().astype(">u4").tobytes()


class Meter:
    """Adds the code lengths of numbers."""

    def __init__(self) -> None:
        self.bits = 0.0

    def equal(self, value: int, count: int) -> int:
        """Add a number in [0, count)."""
        self.bits += log2(TOTAL / ((TOTAL - 2) // count))
        return value

    def among(self, value: int, distribution: Distribution, parameters: tuple[int, ...]) -> int:
        """Add a number of a distribution."""
        self.bits += distribution.length(value, np.array(parameters))
        return value


class UndeterminedError(Exception):
    """The bytes end before they determine the next number."""


class Reader:
    """Reads the numbers that bytes determine.

    Args:
        payload: the bytes, which may be cut.
    """

    def __init__(self, payload: bytes) -> None:
        self._words = [_words(payload, filler) for filler in (b"\0", b"\xff")]
        self._states = [range_coder.start(words) for words in self._words]

    def equal(self, value: int, count: int) -> int:
        """The next number in [0, count); raises `UndeterminedError`."""
        width = (TOTAL - 2) // count
        numbers = []
        for state, words in zip(self._states, self._words, strict=True):
            number = min(max(range_coder.quantile(state) - 1, 0) // width, count - 1)
            range_coder.advance(state, words, 1 + number * width, width)
            numbers.append(number)
        return self._agreed(numbers)

    def among(self, value: int, distribution: Distribution, parameters: tuple[int, ...]) -> int:
        """The next number of a distribution; raises `UndeterminedError`."""
        several = zip(self._states, self._words, strict=True)
        return self._agreed([int(distribution.decode(state, words, [parameters])[0]) for state, words in several])

    def _agreed(self, numbers: list[int]) -> int:
        if numbers[0] != numbers[1] or any(state[range_coder.INVALID] for state in self._states):
            raise UndeterminedError
        return numbers[0]


def _words(payload: bytes, filler: bytes) -> Array:
    """Words of the bytes and of a filler after them."""
    length = -len(payload) % _WORD + _WORD * _MARGIN
    return range_coder.words_of_bytes(payload + filler * length)
