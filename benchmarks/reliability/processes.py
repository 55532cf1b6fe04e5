"""JPEG files in threads and forked processes: results, error streams and children that hang."""

import io
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.records import rows_of
from experiments._results.measurements import Measurement
from qimg import images, restoration
from qimg.images.jpeg import read_jpeg

PATIENCE = 60.0
"""Seconds after which a child that has not finished counts as hanging."""
_CLOSED = """
import os, sys
os.close(2)
import numpy as np
from qimg import images, restoration
file = images.jpeg_round_trip(images.bundled("coffee")[:160, :160], quality=60).file
whole, cut = (restoration.restore_picture(some, effort=1) for some in (file, file[: len(file) // 2]))
print(whole.decoder_warnings, cut.decoder_warnings)
"""


def measure(*, runs: int = 20, forks: int = 20) -> list[Measurement]:
    """Count the trials of each kind, and those that ended as documented.

    Args:
        runs: restorations of each kind.
        forks: forked children of each kind.
    """
    photo = images.bundled("coffee")[:96, :128]
    file = images.jpeg_round_trip(photo, quality=30).file
    trials = {
        "a sound file while another thread logs": lambda: _beside_a_log(file, runs),
        "restored by four threads at once": lambda: _at_once(file, runs),
        "damage reported to its own thread": lambda: _damage_at_once(file, runs),
        "no error stream": _without_error_stream,
        "forked while a thread reads: read_jpeg": lambda: _forked(lambda: read_jpeg(file), forks),
        "forked while a thread reads: restore": lambda: _forked(
            lambda: restoration.restore(file, effort=1), forks, busy=lambda: read_jpeg(file)
        ),
        "forked while a thread encodes: jpeg_round_trip": lambda: _forked(
            lambda: images.jpeg_round_trip(photo, quality=30), forks
        ),
    }
    rows: list[Measurement] = []
    for what, trial in trials.items():
        tried, right = trial()
        rows += rows_of("threads_and_processes", what, {"tried": tried, "as documented": right})
    return rows


@contextmanager
def _beside(work: Callable[[], object]) -> Iterator[None]:
    """Repeat some work in another thread while the block runs."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beside_a_log(file: bytes, runs: int) -> tuple[int, int]:
    """A thread writes to the error stream, and all of its lines must arrive there; sound files have no warning."""
    lines = 0

    def log() -> None:
        nonlocal lines
        os.write(2, b"INFO another thread\n")
        lines += 1
        time.sleep(1e-3)

    reader, writer = os.pipe()
    received = io.BytesIO()

    def drain() -> None:
        while part := os.read(reader, 1 << 16):
            received.write(part)

    drained = threading.Thread(target=drain)
    drained.start()
    original = os.dup(2)
    os.dup2(writer, 2)
    try:
        with _beside(log):
            sound = sum(restoration.restore_picture(file, effort=1).decoder_warnings == () for _ in range(runs))
    finally:
        os.dup2(original, 2)
        os.close(original)
        os.close(writer)
        drained.join()
        os.close(reader)
    whole = received.getvalue().count(b"\n") == lines
    return runs, sound if whole else 0


def _together(count: int, work: Callable[[int], bool]) -> int:
    """Number of successes of `work(number)` in four threads."""
    results = [False] * count

    def some(first: int) -> None:
        for number in range(first, count, 4):
            results[number] = work(number)

    threads = [threading.Thread(target=some, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(results)


def _at_once(file: bytes, runs: int) -> tuple[int, int]:
    expected = restoration.restore(file, effort=1)
    return runs, _together(runs, lambda number: np.array_equal(restoration.restore(file, effort=1), expected))


def _damage_at_once(file: bytes, runs: int) -> tuple[int, int]:
    def right(number: int) -> bool:
        cut = number % 2 == 1
        restored = restoration.restore_picture(file[: len(file) // 2] if cut else file, effort=1)
        return bool(restored.decoder_warnings) == cut

    return runs, _together(runs, right)


def _without_error_stream() -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", _CLOSED], capture_output=True, text=True, check=False)
    return 1, int(done.stdout.split("\n")[0] == "() ('Premature end of JPEG file',)")


def _forked(work: Callable[[], object], forks: int, *, busy: Callable[[], object] | None = None) -> tuple[int, int]:
    """Children, and those that finish the work, when the process is forked while a thread is busy."""
    work()
    finished = 0
    with _beside(busy or work), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks of processes with threads, which are tried here
        for _ in range(forks):
            time.sleep(0.01)
            child = os.fork()
            if child == 0:
                try:
                    work()
                    os._exit(0)
                finally:
                    os._exit(1)
            finished += _finished(child)
    return forks, finished


def _finished(child: int) -> bool:
    """Whether a child ends with status 0 in time; one that does not end is killed."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False
