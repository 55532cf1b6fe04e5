"""Search for the index of the rate that gives a file of a size or a PSNR."""

from collections.abc import Callable
from math import log2
from typing import Protocol, TypeVar

from qimg.codecs.learned.design import OCTAVE
from qimg.core import ArgumentError

NEAR_DB = 0.05
"""Excess of the PSNR that ends a search."""
SHARE = 0.99
"""Share of the size that ends a search."""
_ROUNDS = 14
_START = 500
_OCTAVE_DB = 4.5  # about, of the PSNR, for an octave of the step


class Attempt(Protocol):
    """Result of encoding at an index of the rate."""

    @property
    def data(self) -> bytes:
        """The file."""

    @property
    def psnr_db(self) -> float | None:
        """PSNR of the decoded picture."""


R = TypeVar("R", bound=Attempt)


def of_psnr(attempt: Callable[[int], R], psnr_db: float, rates: int) -> R:
    """The smallest file found whose PSNR is at least `psnr_db`; an excess of at most `NEAR_DB` ends the search.

    Args:
        attempt: encodes at an index of the rate.
        psnr_db: target in dB.
        rates: number of indices.

    Raises:
        ValueError: no rate reaches the target.
    """

    def excess(result: R) -> float:
        assert result.psnr_db is not None
        return result.psnr_db - psnr_db

    tried = _search(attempt, excess, _OCTAVE_DB, NEAR_DB, rates)
    enough = [result for result in tried if excess(result) >= 0]
    if not enough:
        highest = max(result.psnr_db or 0.0 for result in tried)
        raise ArgumentError(
            f"{{0}} must be at most {int(100 * highest) / 100:.2f} for this picture, but {{0}}={psnr_db}", "psnr_db"
        )
    return min(enough, key=lambda result: len(result.data))


def of_size(attempt: Callable[[int], R], size: int, name: str, rates: int) -> R:
    """The largest file found of at most `size` bytes; `SHARE` of them end the search.

    Args:
        attempt: encodes at an index of the rate.
        size: bytes.
        name: option that sets the size, for the error.
        rates: number of indices.

    Raises:
        ValueError: no rate gives a file that small.
    """

    def room(result: R) -> float:
        return log2(max(size, 1) / len(result.data))

    tried = _search(attempt, lambda result: -room(result), 1.0, 0.0, rates, accept=lambda x: 0 <= -x <= -log2(SHARE))
    enough = [result for result in tried if room(result) >= 0]
    if not enough:
        least = min(len(result.data) for result in tried)
        raise ArgumentError(f"{{0}} must allow {least} bytes for this picture, but allows {size}", name)
    return max(enough, key=lambda result: len(result.data))


def _search(
    attempt: Callable[[int], R],
    excess: Callable[[R], float],
    slope: float,
    near: float,
    rates: int,
    *,
    accept: Callable[[float], bool] | None = None,
) -> list[R]:
    """Attempts up to one whose excess, which falls with the index, is acceptable: secants inside a shrinking bracket.

    Args:
        attempt: encodes at an index.
        excess: of a result over the target.
        slope: fall of the excess in an octave of the step, about.
        near: largest acceptable excess.
        rates: number of indices.
        accept: whether an excess ends the search; by default one in [0, near].
    """
    low, high = -1, rates  # indices whose excess is too large, and too small
    tried: list[R] = []
    known: list[tuple[int, float]] = []
    index = min(_START, rates - 1)
    while len(tried) < _ROUNDS:
        result = attempt(index)
        value = excess(result)
        tried.append(result)
        known.append((index, value))
        if accept(value) if accept else 0 <= value <= near:
            break
        low, high = (max(low, index), high) if value > 0 else (low, min(high, index))
        if high - low <= 1:
            break
        if len(known) > 1 and known[-1][0] != known[-2][0] and known[-1][1] != known[-2][1]:
            (before, earlier), (_, later) = known[-2], known[-1]
            slope = max(OCTAVE * (earlier - later) / (index - before), slope / 4)
        aim = near / 2
        index = min(max(round(index + OCTAVE * (value - aim) / slope), low + 1), high - 1)
    return tried
