"""Times of two ways of doing the same, measured in turn, and scripts in separate interpreters."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from experiments._results.measurements import TASKS, Measurement


def compare(
    what: str,
    ours: Callable[[], object],
    peer: str,
    theirs: Callable[[], object],
    *,
    target: str,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Measurement:
    """Time both in turn.

    Args:
        what: task that both do.
        ours: does it with qimg.
        peer: name of the other way.
        theirs: does it in the other way.
        target: value that the project aims at.
        repeats: of both.
        clock: `time.perf_counter` or `time.process_time`.
    """
    return comparison(what, medians(ours, theirs, repeats=repeats, clock=clock), peer, target=target, clock=clock)


def comparison(
    what: str,
    seconds: tuple[float, float],
    peer: str,
    *,
    target: str,
    clock: Callable[[], float] = time.perf_counter,
    quantity: str = "",
) -> Measurement:
    """The row of two times, that of qimg first."""
    ours, theirs = seconds
    return Measurement(
        table=TASKS,
        what=what,
        quantity=quantity or ("CPU time" if clock is time.process_time else "time"),
        value=ours,
        unit="s",
        peer=peer,
        peer_value=theirs,
        times_as_fast=theirs / ours,
        target=target,
    )


def medians(
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """Median seconds of both, measured in turn so that a busy machine slows both alike, after one warm-up of each."""
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
    """Output of a script that runs in a separate interpreter."""
    command = [sys.executable, "-c", script, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return run.stdout.strip()
