"""Two workers with one thread each beside one worker with one thread, and beside one process with its default threads.

Each runs a command line in a separate process; compiled loops and files are warm.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.prior import folder_of, photographs
from benchmarks.timing import comparison
from experiments._results.measurements import Measurement
from qimg import images
from qimg.core.workers import ONE_THREAD

SECONDS = 60.0
"""Shortest run of one worker; starting two processes takes one or two seconds."""
COMMANDS = {
    "restore": ["qimg", "restore", "{jpeg}", "{out}"],
    "encode": ["qimg", "encode", "{png}", "{out}", "--quality", "60"],
    "experiment rate_distortion": [
        *("experiments", "rate_distortion", "--images", "{png}", "--out", "{out}", "--qualities", "20", "60"),
        *("--codecs", "block", "peer:jpeg", "peer:webp", "--points", "2"),
    ],
}
"""Commands that are measured, with folders of pictures and a new output folder in braces."""


@contextmanager
def _pictures(count: int) -> Iterator[dict[str, str]]:
    """Folders of `count` different photographs as PNG and as JPEG files."""
    with folder_of(photographs(), count) as paths, tempfile.TemporaryDirectory() as jpeg:
        for path in map(Path, paths):
            file = images.jpeg_round_trip(images.load(path), quality=20).file
            Path(jpeg, f"{path.stem}.jpg").write_bytes(file)
        yield {"png": str(Path(paths[0]).parent), "jpeg": jpeg}


def _seconds(command: list[str], folders: dict[str, str], *options: str, one_thread: bool = True) -> float:
    """Wall-clock time of a command."""
    environment = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    if one_thread:
        environment |= ONE_THREAD
    with tempfile.TemporaryDirectory() as out:
        words = [word.format(**folders, out=str(Path(out, "new"))) for word in command]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", *words, *options], check=True, capture_output=True, env=environment)
        return time.perf_counter() - start


def _pictures_for(command: list[str]) -> int:
    """Number of pictures that take one worker `SECONDS`, without the time to start it."""
    times = []
    for count in (2, 2, 6):  # the first run compiles
        with _pictures(count) as folders:
            times.append(_seconds(command, folders))
    return math.ceil(1.1 * SECONDS * 4 / (times[2] - times[1]))


def measure(*, quick: bool = False) -> list[Measurement]:
    """Wall-clock time of two workers beside one worker, and beside one process with its default threads.

    Args:
        quick: on four pictures, to test that it runs; starting processes then takes most of the time.
    """
    rows = []
    for what, command in COMMANDS.items():
        with _pictures(4 if quick else _pictures_for(command)) as folders:
            two = _seconds(command, folders, "--workers", "2")
            one = _seconds(command, folders)
            default = _seconds(command, folders, one_thread=False)
        task = f"{what}, two workers with one thread each"
        rows.append(comparison(task, (two, one), "one worker with one thread", target="≥ 1.67 times as fast"))
        rows.append(comparison(task, (two, default), "one process with its default threads", target=""))
    return rows
