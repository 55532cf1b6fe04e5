"""Search for the steps that meet a target quality, size or PSNR."""

import math
from collections.abc import Callable
from typing import Protocol, TypeVar

from qimg.codecs import quality as scale
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.core import arguments

FINEST, COARSEST = 16, 65535
"""Luma steps in 1/64 of a code value."""
FULL = 0.99
"""Least share of the allowed bytes that ends the search."""
NEAR_DB = 0.05
"""Largest excess over the target PSNR that ends the search."""

_ATTEMPTS = 12  # four are usual
_CHROMA = 48
_LEAP = 2.0  # largest extrapolation, in e-folds of the step
_EXACT_DB = 200.0  # replaces infinity
# First guesses, from photographs.
_STEP_OF_ONE_BIT = 13.0 * 64
_LOG_BYTES_PER_LOG_STEP = -0.95
_STEP_AT_40_DB = 7.0 * 64
_DB_PER_LOG_STEP = -6.1


class Result(Protocol):
    """Result of an attempt."""

    @property
    def data(self) -> bytes:
        """The file."""

    @property
    def psnr_db(self) -> float:
        """PSNR of the decoded picture."""

    @property
    def parameters(self) -> Parameters:
        """Parameters of the file."""


R = TypeVar("R", bound=Result)


def step_of_quality(quality: float) -> int:
    """Luma step, in 1/64 of a code value, of a quality: 120^((100 − quality) / 99) code values.

    Args:
        quality: 1 (step 120) to 100 (step 1), not necessarily a whole number.

    >>> [step_of_quality(quality) / 64 for quality in (1, 50, 100)]
    [120.0, 11.21875, 1.0]
    """
    return round(64 * scale.step_of_quality(quality))


def of_size(attempt: Callable[[Parameters], R], size: int, *, area: int, fixed: int, colour: bool) -> R:
    """Search for the largest file of at most `size` bytes; returns the smallest file if none is small enough.

    The search ends at `FULL` · `size` bytes or at the finest step.

    Args:
        attempt: encodes with parameters.
        size: bytes.
        area: pixels.
        fixed: bytes of the file that do not depend on the steps.
        colour: whether to vary the chroma steps too, which allow finer changes of the size than the luma step.
    """
    tried: dict[Parameters, R] = {}

    def log_bytes(step: int, ratio: int = _CHROMA) -> float:
        parameters = Parameters(step, (ratio, ratio))
        tried[parameters] = attempt(parameters)
        return math.log(max(1, len(tried[parameters].data) - fixed))

    def best() -> R:
        fitting = [result for result in tried.values() if len(result.data) <= size]
        if fitting:
            return max(fitting, key=lambda result: (result.psnr_db == math.inf, len(result.data)))
        return min(tried.values(), key=lambda result: len(result.data))

    low, high = (math.log(max(1.0, limit - fixed)) for limit in (FULL * size, size))
    start = _STEP_OF_ONE_BIT * (8 * max(1, size - fixed) / area) ** (1 / _LOG_BYTES_PER_LOG_STEP)
    fine, coarse = _approach(log_bytes, low, high, start=start, slope=_LOG_BYTES_PER_LOG_STEP)
    if len(best().data) > size and Parameters(COARSEST, (_CHROMA, _CHROMA)) not in tried:
        log_bytes(COARSEST)
    # Coarser chroma for the luma step whose file is too large, finer chroma for the one whose file is too small.
    between = [(step, _CHROMA + sign * change) for change in (1, 2, 4) for step, sign in ((coarse, -1), (fine, 1))]
    for step, ratio in between if colour else []:
        if step is None or len(best().data) >= FULL * size:
            break
        log_bytes(step, ratio)
    return best()


def of_psnr(attempt: Callable[[Parameters], R], psnr_db: float) -> R:
    """Search for the smallest file whose PSNR is at least `psnr_db`; an excess of at most `NEAR_DB` ends the search.

    Args:
        attempt: encodes with parameters.
        psnr_db: target in dB.

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
        raise arguments.ArgumentError(
            f"{{0}} must be at most {highest:.2f} for this picture, but {{0}}={psnr_db}", "psnr_db"
        )
    return min(enough, key=lambda result: (len(result.data), result.psnr_db))


def _approach(
    value: Callable[[int], float], low: float, high: float, *, start: float, slope: float
) -> tuple[int | None, int | None]:
    """Search for a step at which a function that decreases with the step lies in [low, high].

    The function is nearly linear in the logarithm of the step, so the search is regula falsi, with bisection if that
    does not converge. It ends when a value lies inside, when two neighbouring steps enclose the interval, at the finest
    or coarsest step, or after `_ATTEMPTS`.

    Returns:
        The coarsest evaluated step whose value lies above, and the finest one whose value lies below.
    """
    target, step = (low + high) / 2, round(min(max(start, FINEST), COARSEST))
    above: tuple[int, float] | None = None
    below: tuple[int, float] | None = None
    sides = ""
    for _ in range(_ATTEMPTS):
        current = value(step)
        if low <= current <= high:
            break
        sides += "a" if current > high else "b"
        before = above or below
        if current > high:
            above = (step, current)
        else:
            below = (step, current)
        if above and below:
            if below[0] - above[0] <= 1:
                break
            stuck = sides[-3:] in ("aaa", "bbb")
            guess = math.sqrt(above[0] * below[0]) if stuck else _interpolated_step(above, below, target)
            step = min(max(round(guess), above[0] + 1), below[0] - 1)
            continue
        if step == (COARSEST if above else FINEST):
            break
        if before is not None and before[1] != current:
            slope = min((current - before[1]) / math.log(step / before[0]), slope / 4)
        guess = step * math.exp(min(max((target - current) / slope, -_LEAP), _LEAP))
        step = min(max(round(guess), FINEST, step + 1 if above else 0), COARSEST if above else step - 1)
    return above[0] if above else None, below[0] if below else None


def _interpolated_step(first: tuple[int, float], second: tuple[int, float], target: float) -> float:
    """Step at which the line through two points, over the logarithm of the step, reaches the target."""
    share = (target - first[1]) / (second[1] - first[1])
    return math.exp(math.log(first[0]) + share * math.log(second[0] / first[0]))
