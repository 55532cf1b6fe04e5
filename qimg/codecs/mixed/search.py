"""Search for the quality that meets a target."""

from collections.abc import Callable

LEAST, MOST = 1.0, 100.0
"""Qualities."""
_ATTEMPTS = 8
_NARROW = 0.05


def approach(value: Callable[[float], float], low: float, high: float, *, start: float, slope: float) -> None:
    """Evaluate an increasing function of the quality until a value lies in [low, high].

    Regula falsi, with bisection where it stays on one side; it ends as well when the interval is narrow, at the least
    or the largest quality, and after eight attempts.

    Args:
        value: the function; the caller keeps its results.
        low: least value that ends the search.
        high: largest one.
        start: first quality.
        slope: first estimate of the change of the value with the quality.
    """
    below: tuple[float, float] | None = None
    above: tuple[float, float] | None = None
    last: tuple[float, float] | None = None
    goal, quality, sides = (low + high) / 2, min(max(start, LEAST), MOST), ""
    for _ in range(_ATTEMPTS):
        current = value(quality)
        if low <= current <= high or quality == (LEAST if current > high else MOST):
            return
        if current > high:
            above, sides = (quality, current), sides + "a"
        else:
            below, sides = (quality, current), sides + "b"
        if below and above:
            if above[0] - below[0] < _NARROW:
                return
            share = (goal - below[1]) / (above[1] - below[1]) if sides[-3:] not in ("aaa", "bbb") else 0.5
            quality = below[0] + min(max(share, 0.05), 0.95) * (above[0] - below[0])
        else:
            if last and current != last[1]:
                slope = max((current - last[1]) / (quality - last[0]), slope / 4)
            last = (quality, current)
            quality = min(max(quality + (goal - current) / slope * 1.1, LEAST), MOST)
