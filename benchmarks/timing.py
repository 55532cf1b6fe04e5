"""Timing two ways of doing the same thing side by side, and scripts in interpreters of their own."""

import os
import statistics
import subprocess
import sys
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
    what: str,
    ours: Callable[[], object],
    peer: str,
    theirs: Callable[[], object],
    *,
    target: str,
    repeats: int,
    figure: str = "",
) -> Comparison:
    """Time both side by side: a target with "≥" is a multiple of the peer's speed, one with "≤" of its time."""
    return ratio(what, peer, medians(ours, theirs, repeats=repeats), target=target, figure=figure)


def ratio(what: str, peer: str, seconds: tuple[float, float], *, target: str, figure: str = "") -> Comparison:
    """The comparison of two times, ours first, as in `compare`."""
    ours_seconds, peer_seconds = seconds
    speed = target.startswith("≥")
    return Comparison(
        what=what,
        ours_seconds=ours_seconds,
        peer=peer,
        peer_seconds=peer_seconds,
        figure=figure or ("speed of the bare product" if speed else "time of the bare product"),
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
    times = [(seconds_of(ours, clock=clock), seconds_of(peer, clock=clock)) for _ in range(repeats)]
    first, second = map(statistics.median, zip(*times, strict=True))
    return first, second


def seconds_of(
    function: Callable[[], object], *, repeats: int = 1, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Median seconds of calls of a function."""
    times = []
    for _ in range(repeats):
        start = clock()
        function()
        times.append(clock() - start)
    return statistics.median(times)


def printed(script: str, *arguments: str, **environment: str) -> str:
    """What a script prints in an interpreter of its own."""
    command = [sys.executable, "-c", script, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return run.stdout.strip()
