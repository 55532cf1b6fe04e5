"""Which steps give the quality, the size or the PSNR that was asked for."""

import math
from collections.abc import Callable
from typing import Protocol, TypeVar

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.core import arguments

FINEST, COARSEST = 16, 65535
"""Luma steps in 1/64 of a code value."""
FULL = 0.99
"""Share of the bytes allowed that a file has to use, where it can."""
NEAR_DB = 0.05
"""How far the PSNR may lie above the one asked for, where it can."""

_ATTEMPTS = 12  # four are usual
_CHROMA = 48
_LEAP = 2.0  # e-folds of the step that an extrapolation goes at most
_EXACT_DB = 200.0  # stands for infinity
# First guesses, from photographs.
_STEP_OF_ONE_BIT = 13.0 * 64
_LOG_BYTES_PER_LOG_STEP = -0.95
_STEP_AT_40_DB = 7.0 * 64
_DB_PER_LOG_STEP = -6.1


class Result(Protocol):
    """What an attempt gives."""

    @property
    def data(self) -> bytes:
        """The file."""

    @property
    def psnr_db(self) -> float:
        """Its quality."""

    @property
    def parameters(self) -> Parameters:
        """What it was made with."""


R = TypeVar("R", bound=Result)


def step_of_quality(quality: float) -> int:
    """Luma step, in 1/64 of a code value, of a quality: 120^((100 − quality) / 99) code values.

    Args:
        quality: 1 (step 120) to 100 (step 1), not only whole numbers.

    >>> [step_of_quality(quality) / 64 for quality in (1, 50, 100)]
    [120.0, 11.21875, 1.0]
    """
    arguments.require(1 <= quality <= 100, "quality", "must be in [1, 100]", quality)
    return round(64 * 120 ** ((100 - quality) / 99))


def of_size(attempt: Callable[[Parameters], R], size: int, *, area: int, fixed: int, colour: bool) -> R:
    """The largest file found of at most `size` bytes, or the smallest found where none is.

    The search ends at 99 % of the bytes, or at the finest step.

    Args:
        attempt: gives the file of given steps.
        size: bytes.
        area: pixels.
        fixed: bytes of the file that do not depend on the steps.
        colour: whether steps of chroma matter: they bring a file closer where those of luma jump.
    """
    tried: dict[Parameters, R] = {}

    def log_bytes(step: int, ratio: int = _CHROMA) -> float:
        parameters = Parameters(step, (ratio, ratio))
        tried[parameters] = attempt(parameters)
        return math.log(max(1, len(tried[parameters].data) - fixed))

    def best() -> R:
        fitting = [result for result in tried.values() if len(result.data) <= size]
        if fitting:
            return max(fitting, key=lambda result: len(result.data))
        return min(tried.values(), key=lambda result: len(result.data))

    low, high = (math.log(max(1.0, limit - fixed)) for limit in (FULL * size, size))
    start = _STEP_OF_ONE_BIT * (8 * max(1, size - fixed) / area) ** (1 / _LOG_BYTES_PER_LOG_STEP)
    fine, coarse = _approach(log_bytes, low, high, start=start, slope=_LOG_BYTES_PER_LOG_STEP)
    if len(best().data) > size and Parameters(COARSEST, (_CHROMA, _CHROMA)) not in tried:
        log_bytes(COARSEST)
    # Coarser chroma for the step that needs too much, finer chroma for the one that leaves bytes over.
    between = [(step, _CHROMA + sign * change) for change in (1, 2, 4) for step, sign in ((coarse, -1), (fine, 1))]
    for step, ratio in between if colour else []:
        if step is None or len(best().data) >= FULL * size:
            break
        log_bytes(step, ratio)
    return best()


def of_psnr(attempt: Callable[[Parameters], R], psnr_db: float) -> R:
    """The smallest file found whose PSNR is at least `psnr_db`; the search ends at most 0.05 dB above.

    Args:
        attempt: gives the file of given steps.
        psnr_db: in dB.

    Raises:
        ValueError: the finest step does not reach it.
    """
    arguments.require(math.isfinite(psnr_db), "psnr_db", "must be finite", psnr_db)
    tried: list[R] = []

    def reached(step: int) -> float:
        tried.append(attempt(Parameters(step, (_CHROMA, _CHROMA))))
        return min(tried[-1].psnr_db, _EXACT_DB)

    start = _STEP_AT_40_DB * math.exp((psnr_db - 40) / _DB_PER_LOG_STEP)
    _approach(reached, psnr_db, psnr_db + NEAR_DB, start=start, slope=_DB_PER_LOG_STEP)
    if max(result.psnr_db for result in tried) < psnr_db:
        reached(FINEST)
    enough = [result for result in tried if result.psnr_db >= psnr_db]
    if not enough:
        highest = math.floor(100 * max(result.psnr_db for result in tried)) / 100
        raise ValueError(f"psnr_db must be at most {highest:.2f} for this picture, but psnr_db={psnr_db}")
    return min(enough, key=lambda result: len(result.data))


def _approach(
    value: Callable[[int], float], low: float, high: float, *, start: float, slope: float
) -> tuple[int | None, int | None]:
    """Evaluate a function that falls with the step at steps that come closer to where it lies in [low, high].

    The function is taken to be nearly linear in the logarithm of the step: regula falsi, with bisection where that
    does not help. Ends when a value lies inside, when two neighbouring steps enclose the interval, at the last step
    that there is, or after `_ATTEMPTS`.

    Returns:
        The coarsest step found whose value lies above, and the finest one found whose value lies below.
    """
    aim, step = (low + high) / 2, round(min(max(start, FINEST), COARSEST))
    above: tuple[int, float] | None = None
    below: tuple[int, float] | None = None
    sides = ""
    for _ in range(_ATTEMPTS):
        found = value(step)
        if low <= found <= high:
            break
        sides += "a" if found > high else "b"
        before = above or below
        if found > high:
            above = (step, found)
        else:
            below = (step, found)
        if above and below:
            if below[0] - above[0] <= 1:
                break
            stuck = sides[-3:] in ("aaa", "bbb")
            guess = math.sqrt(above[0] * below[0]) if stuck else _where(above, below, aim)
            step = min(max(round(guess), above[0] + 1), below[0] - 1)
            continue
        if step == (COARSEST if above else FINEST):
            break
        if before is not None and before[1] != found:
            slope = min((found - before[1]) / math.log(step / before[0]), slope / 4)
        guess = step * math.exp(min(max((aim - found) / slope, -_LEAP), _LEAP))
        step = min(max(round(guess), FINEST, step + 1 if above else 0), COARSEST if above else step - 1)
    return above[0] if above else None, below[0] if below else None


def _where(first: tuple[int, float], second: tuple[int, float], aim: float) -> float:
    """Step at which the line through two points, over the logarithm of the step, has a value."""
    share = (aim - first[1]) / (second[1] - first[1])
    return math.exp(math.log(first[0]) + share * math.log(second[0] / first[0]))
