"""Search for the weight of bits, λ, that meets a target."""

import math
from collections.abc import Callable
from typing import TypeVar

from qimg.codecs.protocol import Encoded
from qimg.core import ArgumentError

LEAST, MOST = 2.0**-4, 2.0**22
"""Squared errors that are worth a bit, in squared code values."""
FULL = 0.99
"""Least share of the allowed bytes that ends the search."""
NEAR_DB = 0.05
"""Largest excess over the target PSNR that ends the search."""
_ATTEMPTS = 14

E = TypeVar("E", bound=Encoded)


def weight_of_psnr(psnr_db_at: Callable[[float], float], psnr_db: float) -> float | None:
    """The largest λ found whose PSNR is at least a target, or None if there is none.

    Args:
        psnr_db_at: PSNR at a λ.
        psnr_db: target in dB.
    """
    if psnr_db_at(LEAST) < psnr_db:
        return None
    fine, coarse = LEAST, MOST
    for _ in range(_ATTEMPTS):
        weight = math.sqrt(fine * coarse)
        reached = psnr_db_at(weight)
        if reached < psnr_db:
            coarse = weight
            continue
        fine = weight
        if reached <= psnr_db + NEAR_DB:
            break
    return fine


def of_size(attempt: Callable[[float], E], size: int, name: str) -> E:
    """The best file found of at most `size` bytes.

    Args:
        attempt: encodes at a λ.
        size: bytes.
        name: option that sets the size, for messages.

    Raises:
        ValueError: no file is small enough.
    """
    fine, coarse = LEAST, MOST
    tried: list[E] = []
    for _ in range(_ATTEMPTS):
        weight = math.sqrt(fine * coarse)
        tried.append(attempt(weight))
        length = len(tried[-1].data)
        if FULL * size <= length <= size:
            break
        fine, coarse = (weight, coarse) if length > size else (fine, weight)
    fitting = [result for result in tried if len(result.data) <= size]
    if not fitting:
        tried.append(attempt(MOST))
        least = min(tried, key=lambda result: len(result.data))
        if len(least.data) > size:
            number = len(least.data) if name == "size" else f"{least.bits_per_pixel:.4g}"
            raise ArgumentError(f"{{0}} must be at least {number} for this picture, but allows {size} bytes", name)
        return least
    return max(fitting, key=lambda result: (result.psnr_db or 0.0, -len(result.data)))
