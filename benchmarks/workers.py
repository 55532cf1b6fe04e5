"""Two workers with one thread each beside one worker with one thread, and beside one process with its own threads.

Each runs a command as a user would, in a process of its own; compiled loops and files are warm.
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
from benchmarks.timing import Comparison, ratio
from qimg import images
from qimg.core.workers import ONE_THREAD

SECONDS = 60.0
"""What one worker takes at least; starting two processes takes one or two."""
COMMANDS = {
    "restore": ["qimg", "restore", "{jpeg}", "{out}"],
    "encode": ["qimg", "encode", "{png}", "{out}", "--quality", "60"],
    "experiment rate_distortion": [
        *("experiments", "rate_distortion", "--images", "{png}", "--out", "{out}", "--qualities", "20", "60"),
        *("--codecs", "block", "peer:jpeg", "peer:webp", "--points", "2"),
    ],
}
"""What is measured, in terms of folders of pictures and a new folder to write into."""


@contextmanager
def _pictures(count: int) -> Iterator[dict[str, str]]:
    """Folders of so many photographs as PNG and as JPEG files, no two alike."""
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
    """How many pictures take one worker `SECONDS`, starting it not counted."""
    times = []
    for count in (2, 2, 6):  # the first run compiles
        with _pictures(count) as folders:
            times.append(_seconds(command, folders))
    return math.ceil(1.1 * SECONDS * 4 / (times[2] - times[1]))


def compare(*, quick: bool = False) -> tuple[list[Comparison], list[str]]:
    """Ratios of wall-clock time.

    Args:
        quick: on four pictures, to see that it runs; starting processes then takes most of the time.
    """
    rows = []
    for what, command in COMMANDS.items():
        with _pictures(4 if quick else _pictures_for(command)) as folders:
            two = _seconds(command, folders, "--workers", "2")
            one = _seconds(command, folders)
            default = _seconds(command, folders, one_thread=False)
        label = f"{what}: two workers, one thread each"
        rows.append(ratio(label, "one worker, one thread", (two, one), target="≤ 0.6", figure="share of the time"))
        rows.append(ratio(label, "one process as it is", (two, default), target="", figure="share of the time"))
    return rows, []
