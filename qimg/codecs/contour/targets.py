"""Search for the weight of bits, λ, that meets a target."""

import math
from collections.abc import Callable, Iterator
from typing import TypeVar

from qimg.codecs.protocol import Encoded
from qimg.core import ArgumentError

LEAST, MOST = 2.0**-4, 2.0**22
"""Squared errors that are worth a bit, in squared code values."""
FULL = 0.99
"""Least share of the allowed bytes that ends the search."""
FIRST = 512.0
"""λ of the first attempt at a size."""
FIRST_OF_SAMPLE = 4096.0
"""The same on a sample of a picture that is slow to encode: a larger λ, at which attempts take less time."""
NEAR_DB = 0.05
"""Largest excess over the target PSNR that ends the search."""
_ATTEMPTS = 14
_RATIO = 8.0  # of λ to the mean squared error
_DB_PER_DOUBLING = 1.5
_DOUBLINGS_PER_DOUBLING = 0.5  # of bytes
_AIM, _SLOW_AIM = 0.995, 0.96  # of the allowed bytes
_SLOW_FULL = 0.92
_MARGIN, _LONGEST_STEP = 0.25, 3.0  # of log2 λ
_NARROW = 1 / 64
_MOST_EXCESS = 20.0

E = TypeVar("E", bound=Encoded)


def weight_of_psnr(psnr_db_at: Callable[[float], float], psnr_db: float, first: float | None = None) -> float | None:
    """The largest λ found whose PSNR is at least a target, or None if there is none.

    Args:
        psnr_db_at: PSNR at a λ.
        psnr_db: target in dB.
        first: λ of the first attempt.
    """
    first = first or _RATIO * 255**2 * 10 ** (-psnr_db / 10)
    reached: list[float] = []
    for weight, excess in search(lambda weight: psnr_db_at(weight) - psnr_db, first, _DB_PER_DOUBLING):
        if excess >= 0:
            reached.append(weight)
            if excess <= NEAR_DB:
                break
    return max(reached, default=None)


def search(excess_at: Callable[[float], float], first: float, fall: float) -> Iterator[tuple[float, float]]:
    """Attempts at the λ where an excess, which is about linear in log λ, is 0: bracketed, then interpolated.

    Every third attempt between brackets is their middle, as an excess may jump.

    Args:
        excess_at: excess at a λ.
        first: λ of the first attempt.
        fall: expected decrease of the excess at twice the λ.

    Yields:
        λ and excess of each attempt, at most 14.
    """
    low, high = math.log2(LEAST), math.log2(MOST)
    place, ends = min(max(math.log2(first), low), high), dict[bool, tuple[float, float]]()
    for attempt in range(_ATTEMPTS):
        excess = excess_at(2.0**place)
        yield 2.0**place, excess
        above = excess >= 0  # the λ that is searched is larger
        excess = min(max(excess, -_MOST_EXCESS), _MOST_EXCESS)
        ends[above] = (place, excess)
        if place == (high if above else low):
            return
        if len(ends) == 1:
            step = min(max(abs(excess / fall) + _MARGIN, _MARGIN), _LONGEST_STEP * (attempt + 1))
            place = min(max(place + (step if above else -step), low), high)
            continue
        (left, at_left), (right, at_right) = ends[True], ends[False]
        if right - left < _NARROW:
            return
        share = 0.5 if attempt % 3 == 0 or at_left == at_right else at_left / (at_left - at_right)
        place = left + (right - left) * min(max(share, 0.05), 0.95)


def of_size(attempt: Callable[[float], E], size: int, name: str, first: float | None = None) -> E:
    """The best file found of at most `size` bytes.

    Args:
        attempt: encodes at a λ.
        size: bytes.
        name: option that sets the size, for messages.
        first: λ of the first attempt, from a sample of a picture that is slow to encode; the search then ends at a
            file of 92 % of the bytes.

    Raises:
        ValueError: no file is small enough.
    """
    tried: list[E] = []
    aim, full = (_AIM, FULL) if first is None else (_SLOW_AIM, _SLOW_FULL)

    def excess_at(weight: float) -> float:
        tried.append(attempt(weight))
        return math.log2(len(tried[-1].data) / (aim * size))

    for _ in search(excess_at, first or FIRST, _DOUBLINGS_PER_DOUBLING):
        if full * size <= len(tried[-1].data) <= size:
            break
    fitting = [result for result in tried if len(result.data) <= size]
    if not fitting:
        least = min(tried, key=lambda result: len(result.data))
        number = len(least.data) if name == "size" else f"{least.bits_per_pixel:.4g}"
        raise ArgumentError(f"{{0}} must be at least {number} for this picture, but allows {size} bytes", name)
    return max(fitting, key=lambda result: (result.psnr_db or 0.0, -len(result.data)))
