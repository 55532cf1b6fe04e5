"""Threads beside the codec: the longest standstill of another thread, and what two threads gain.

A thread stands still while the codec holds the interpreter, and while the system runs other processes: the same thread
beside a loop without the interpreter shows the latter. Two threads are compared with two processes, which a busy
machine slows alike.
"""

import statistics
import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.timing import seconds_of
from experiments._results.measurements import Measurement
from qimg import codecs, images
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.inspection.stages import inspect
from qimg.core import Array
from qimg.core.compiled import compiled
from qimg.core.workers import Threads, processes

_BREAK = 0.001  # seconds that the other thread sleeps
_CODINGS: dict[str, dict[str, object]] = {
    "effort 1, quality 90": {"effort": 1, "quality": 90},
    "effort 5": {"quality": 60},
    "effort 7": {"effort": 7, "quality": 60},
    "progressive": {"quality": 60, "progressive": True},
    "size": {"bits_per_pixel": 0.5},
    "PSNR": {"psnr_db": 36},
    "stable": {"quality": 60, "stable": True},
}


def measure(*, side: int = 400, repeats: int = 5) -> list[Measurement]:
    """Standstills beside encoding and decoding, and the gain of two threads.

    Args:
        side: largest side of the pictures.
        repeats: of each call; the shortest standstill counts, and the median of the times.
    """
    photos = [images.bundled(name)[:side, :side] for name in ("coffee", "astronaut")]
    deep = np.ascontiguousarray(np.dstack([photos[0], photos[0][..., :1]]).astype(np.uint16) * 257)
    calls: dict[str, Callable[[], object]] = {
        f"encode, {name}": partial(codecs.encode, photos[0], **options) for name, options in _CODINGS.items()
    }
    calls["encode, 16 bits and alpha"] = partial(codecs.encode, deep, quality=60)
    calls["inspect"] = partial(inspect, photos[0], Parameters(500))
    for name in ("effort 5", "progressive", "16 bits and alpha"):
        calls[f"decode, {name}"] = partial(codecs.decode, calls[f"encode, {name}"]())  # type: ignore[arg-type]
    calls["a loop without the interpreter"] = partial(_spin, 1 << 28)
    rows = []
    for name, call in calls.items():
        call()
        longest = min(standstill(call) for _ in range(repeats))
        rows.append(Measurement(table="call", what=name, quantity="longest standstill", value=1e3 * longest, unit="ms"))
    return rows + gains(photos, repeats)


def standstill(call: Callable[[], object]) -> float:
    """Longest time, in seconds, between two steps of another thread while a call runs in a thread of its own."""
    thread = threading.Thread(target=call)
    thread.start()
    longest, last = 0.0, time.perf_counter()
    while thread.is_alive():
        time.sleep(_BREAK)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest - _BREAK


@compiled
def _spin(count: int) -> int:
    value = 1
    for _ in range(count):
        value = (value * 6364136223846793005 + 1442695040888963407) & 0x7FFFFFFFFFFFFFFF
    return value


def gains(photos: list[Array], repeats: int) -> list[Measurement]:
    """Time of two encodings one after the other, in units of their time in two threads and in two processes."""
    one, threads = Threads(1), Threads(2)
    times: dict[str, list[float]] = {"one thread": [], "two threads": [], "two processes": []}
    with processes(2) as pool:
        workers = {"one thread": one, "two threads": threads, "two processes": pool}
        for _ in range(repeats + 1):  # the first round loads compiled code in the processes
            for name, worker in workers.items():
                times[name].append(seconds_of(lambda w=worker: list(w.map(_encoded, photos, None))))  # type: ignore[misc]
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    return [
        Measurement(
            table="two pictures",
            what=name,
            quantity="gain",
            value=medians["one thread"] / medians[name],
        )
        for name in ("two threads", "two processes")
    ]


def _encoded(photo: Array, _: None) -> int:
    return len(codecs.encode(photo, quality=60))
