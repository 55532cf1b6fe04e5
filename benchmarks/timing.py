"""Timing two ways of doing the same thing side by side."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Medians of interleaved runs."""

    what: str
    ours_seconds: float
    peer: str
    peer_seconds: float
    figure: str
    """The ratio that is asked for, in words."""
    value: float
    target: str


def compare(
    what: str, ours: Callable[[], object], peer: str, theirs: Callable[[], object], *, target: str, repeats: int
) -> Comparison:
    """Time both side by side: a target with "≥" is a share of the peer's speed, one with "≤" a multiple of its time."""
    ours_seconds, peer_seconds = medians(ours, theirs, repeats=repeats)
    speed = target.startswith("≥")
    return Comparison(
        what=what,
        ours_seconds=ours_seconds,
        peer=peer,
        peer_seconds=peer_seconds,
        figure="speed of the bare product" if speed else "time of the bare product",
        value=peer_seconds / ours_seconds if speed else ours_seconds / peer_seconds,
        target=target,
    )


def medians(
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """Median seconds of both, run in turn so that a busy machine slows both alike; one warm-up each."""
    ours()
    peer()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for function, seconds in ((ours, times[0]), (peer, times[1])):
            start = clock()
            function()
            seconds.append(clock() - start)
    return statistics.median(times[0]), statistics.median(times[1])
