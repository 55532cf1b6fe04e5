"""Threads beside the codec: the longest standstill of another thread, and what two threads gain.

A thread stands still while the codec holds the interpreter. A standstill is measured in CPU time of the codec, since a
busy machine also interrupts a codec that holds the interpreter; the same thread beside a loop without the interpreter
shows what remains of the machine. Two threads are compared with two processes, which a busy machine slows alike.
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
        waits = [standstills(call) for _ in range(repeats)]
        delayed = np.concatenate(waits) > _BREAK / 2
        for quantity, value, unit in (
            ("longest standstill", 1e3 * min(float(each.max()) for each in waits), "ms"),
            ("delayed steps", 100 * float(delayed.mean()), "%"),
        ):
            rows.append(Measurement(table="call", what=name, quantity=quantity, value=value, unit=unit))
    return rows + gains(photos, repeats)


def standstills(call: Callable[[], object]) -> Array:
    """CPU seconds of a call, in a thread of its own, between the steps of another thread, beyond the latter's breaks.

    A step that needs less than half a break more was not delayed, so that the share of delayed steps is about that of
    the time for which the call holds the interpreter.
    """
    begun, ended, closed = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        call()
        ended.set()
        closed.wait()  # the clock of a thread ends with the thread

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    waits, times = [0.0], (time.perf_counter(), time.clock_gettime(clock))
    while not ended.is_set():
        time.sleep(_BREAK)
        now = time.perf_counter(), time.clock_gettime(clock)
        waits.append(min(now[0] - times[0], now[1] - times[1]) - _BREAK)
        times = now
    closed.set()
    thread.join()
    return np.array(waits)


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
