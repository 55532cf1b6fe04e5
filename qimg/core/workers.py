"""Execution of work on many items: in this process, in threads, in processes of this machine or on a Dask cluster.

All of them yield results in the order of the items, with a few items in progress at any time.
"""

import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.connection import wait
from operator import methodcaller
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from qimg.core.arguments import integer, require
from qimg.core.interrupts import raise_when_asked_to_end

Function = Callable[[Any, Any], Any]

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
"""Environment variables with which BLAS, OpenMP (PyTorch) and Numba start with one thread."""

_result = methodcaller("result")
_CONNECT = "10s"
WITHOUT_WORKERS = 60.0
"""Seconds without any worker after which a cluster is given up."""
_LOOK = 5.0  # seconds between two looks at the workers of a cluster
_GRACE = 10.0  # seconds in which a process may clean up
_SPAWN = get_context("spawn")


class Workers(Protocol):
    """Runs `function(item, shared)` for every item and yields the results in the order of the items."""

    def map(self, function: Function, items: Iterable[Any], shared: Any) -> Iterator[Any]:
        """Results in order; slightly more items than workers are in progress at any time."""
        ...


class Threads:
    """Threads of this process; decoders and BLAS release the global interpreter lock."""

    def __init__(self, count: int) -> None:
        self._count = integer("workers", count, 1)

    def map(self, function: Function, items: Iterable[Any], shared: Any) -> Iterator[Any]:
        """Results in order, in constant memory."""
        if self._count == 1:
            yield from (function(item, shared) for item in items)
            return
        with ThreadPoolExecutor(self._count) as pool:
            yield from _in_order(lambda item: pool.submit(function, item, shared), items, 2 * self._count, _result)


HERE = Threads(1)
"""Sequential work in this process."""


class Processes:
    """Processes of this machine with one thread each, started on demand; `processes` ends them.

    They are spawned, because a forked child of a process with BLAS threads can hang. Functions are therefore imported
    by name, and a script must start its work below `if __name__ == "__main__":`.
    """

    def __init__(self, count: int) -> None:
        self._count = integer("workers", count, 1)
        self._idle: list[_Process] = []

    def map(self, function: Function, items: Iterable[Any], shared: Any) -> Iterator[Any]:
        """Results in order; `shared` is sent to each process once. Closing the iterator ends unfinished work.

        Raises:
            ChildProcessError: a process died.
        """
        work, pending, more, position = (function, shared), enumerate(items), True, 0
        busy: dict[Any, _Process] = {}
        results: dict[int, Any] = {}
        try:
            while more or busy or results:
                while more and len(busy) < self._count and len(busy) + len(results) < 4 * self._count:
                    number, item = next(pending, (None, None))
                    more = number is not None
                    if more:
                        process = self._idle.pop() if self._idle else _Process()
                        busy[process.pipe] = process
                        process.send(number, item, work)
                if position in results:
                    yield results.pop(position)
                    position += 1
                    continue
                for pipe in wait(list(busy)) if busy else []:
                    number, result, error = busy[pipe].receive()
                    self._idle.append(busy.pop(pipe))
                    if error is not None:
                        raise error
                    results[number] = result
        finally:
            for process in busy.values():
                process.stop()
            for process in busy.values():
                process.end()

    def end(self) -> None:
        """End the idle processes."""
        for process in self._idle:
            process.end()


class _Process:
    """A process that calls a function on one item at a time; if its parent ends, it ends after the current item."""

    def __init__(self) -> None:
        self.pipe, child_end = _SPAWN.Pipe()
        self._work: Any = None
        self._process = _SPAWN.Process(target=_serve, args=(child_end,))
        with _interrupts_ignored():  # this process handles Ctrl-C and ends the others
            self._process.start()
        child_end.close()

    def send(self, number: int | None, item: Any, work: tuple[Function, Any]) -> None:
        with _deaths_explained():
            if self._work is not work:
                self.pipe.send((None, work))
                self._work = work
            self.pipe.send((number, item))

    def receive(self) -> tuple[int, Any, Exception | None]:
        with _deaths_explained():
            response: tuple[int, Any, Exception | None] = self.pipe.recv()
        return response

    def stop(self) -> None:
        self._process.terminate()

    def end(self) -> None:
        self.pipe.close()
        self._process.join(_GRACE)
        self._process.kill()


@contextmanager
def _deaths_explained() -> Iterator[None]:
    try:
        yield
    except (EOFError, ConnectionError):
        raise ChildProcessError(
            "a worker process died, possibly because memory ran out, of which fewer workers need less; in a script, "
            'the call must stand below `if __name__ == "__main__":`'
        ) from None


def _serve(pipe: Any) -> None:
    """Serve the requests of a `_Process` with one thread; the parent handles Ctrl-C."""
    one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # SystemExit rather than an immediate end, so that partially written files are removed.
    raise_when_asked_to_end(partial(SystemExit, 1))
    function: Function
    shared: Any = None
    with suppress(EOFError, ConnectionError):  # the parent has ended
        while True:
            number, item = pipe.recv()
            if number is None:
                function, shared = item
                continue
            try:
                pipe.send((number, function(item, shared), None))
            except Exception as error:
                error.add_note("in a worker process:\n" + "".join(traceback.format_tb(error.__traceback__)))
                pipe.send((number, None, error))


@contextmanager
def processes(count: int) -> Iterator[Processes]:
    """A pool of `count` processes, which end with the block; an error or Ctrl-C ends them at once."""
    pool = Processes(count)
    try:
        yield pool
    finally:
        pool.end()


@cache
def one_thread() -> None:
    """Limit every library to one thread for the lifetime of this process."""
    # In a worker with several threads, a limit that ends with one task would be lifted for the other tasks.
    os.environ.update(ONE_THREAD)
    threadpool_limits(1)


class Cluster:
    """A Dask cluster. Every worker must see the files under the same paths."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return str(self._client.scheduler.address)

    def map(self, function: Function, items: Iterable[Any], shared: Any) -> Iterator[Any]:
        """Results in order; a task whose worker dies is repeated on another one, with the same result."""
        # The result of a task can be recomputed when the worker that stores it dies; scattered data cannot
        # (distributed issue 3149).
        stored = self._client.submit(_identity, shared, pure=False)
        width = 2 * max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

        def submit(item: Any) -> Any:
            return self._client.submit(_on_one_thread, function, item, stored, pure=False, retries=3)

        yield from _in_order(submit, items, width, self._gathered)

    def _gathered(self, future: Any) -> Any:
        from distributed import CancelledError, KilledWorker

        try:
            return self._result(future)
        except (CancelledError, KilledWorker) as error:
            raise ConnectionError(
                f"the cluster lost a task repeatedly ({type(error).__name__}): its worker died, possibly because "
                f"memory ran out, or the scheduler died"
            ) from None
        finally:
            future.release()

    def _result(self, future: Any) -> Any:
        """The result of a task; Dask alone would wait for it also where no worker can start any more."""
        seen = time.monotonic()
        while True:
            try:
                return future.result(timeout=min(_LOOK, WITHOUT_WORKERS))
            except TimeoutError:
                if future.status != "pending":  # the task itself has raised it
                    raise
                with suppress(OSError):  # a scheduler that died cancels the task
                    if self._client.scheduler_info(n_workers=-1)["workers"]:
                        seen = time.monotonic()
                if time.monotonic() - seen > WITHOUT_WORKERS:
                    raise ConnectionError(
                        f"scheduler {self.address}: has had no workers for {WITHOUT_WORKERS:g} seconds; they died, and "
                        "no new ones could start"
                    ) from None


def _identity(value: Any) -> Any:
    return value


def _on_one_thread(function: Function, item: Any, shared: Any) -> Any:
    one_thread()
    return function(item, shared)


def _in_order(
    submit: Callable[[Any], Any], items: Iterable[Any], width: int, result: Callable[[Any], Any]
) -> Iterator[Any]:
    """Results in the order of the items, with at most `width` items in progress or waiting to be fetched."""
    running: deque[Any] = deque()
    try:
        for item in items:
            running.append(submit(item))
            if len(running) >= width:
                yield result(running.popleft())
        while running:
            yield result(running.popleft())
    finally:
        for future in running:
            future.cancel()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Context in which started processes inherit that Ctrl-C is ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def dask_cluster(scheduler: str | None, *, workers: int) -> Iterator[Cluster]:
    """Connect to a Dask cluster, or start a local one of single-threaded processes that ends with the block.

    Args:
        scheduler: such as "tcp://10.0.0.5:8786"; None starts a local cluster.
        workers: processes of the local cluster.

    Raises:
        ModuleNotFoundError: Dask is not installed.
        ConnectionError: the scheduler cannot be reached or has no workers.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ModuleNotFoundError("a cluster needs the package distributed (extra `distributed`)") from None
    # By default Dask's workers return freed memory to the system at once. Every picture would then get fresh pages,
    # which the system clears first, and decoding would take much longer.
    environment = dask.config.get("distributed.nanny.pre-spawn-environ", {})
    settings = {
        "distributed.admin.large-graph-warning-threshold": "1GB",
        "distributed.comm.timeouts.connect": _CONNECT,
        "distributed.nanny.pre-spawn-environ": {
            **environment, "MALLOC_TRIM_THRESHOLD_": 1 << 28, "MALLOC_MMAP_THRESHOLD_": 1 << 28
        },
    }  # fmt: skip
    with dask.config.set(settings):
        if scheduler is None:
            # The default address is port 8787, and the scheduler warns where another cluster uses it.
            http = {"dashboard_address": "127.0.0.1:0"}
            count = integer("workers", workers, 1)
            with _interrupts_ignored():  # this process handles Ctrl-C and ends the others
                local = LocalCluster(
                    n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, scheduler_kwargs=http
                )
            with local, Client(local) as client:
                yield Cluster(client)
            return
        try:
            client = Client(scheduler, timeout=_CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            text = str(error) or type(error).__name__
            raise ConnectionError(f"scheduler {scheduler}: cannot be reached ({text})") from None
        with client:
            if not client.scheduler_info(n_workers=-1)["workers"]:
                raise ConnectionError(f"scheduler {scheduler}: has no workers")
            yield Cluster(client)


@contextmanager
def open_workers(workers: int = 1, scheduler: str | None = None) -> Iterator[Workers]:
    """Open workers for the duration of the block.

    Args:
        workers: number of processes or threads; 0 means one per core.
        scheduler: None for processes of this machine (this process itself for one worker), "threads" for threads of
            this process, "local" for a local Dask cluster, or the address of a Dask scheduler, whose workers must see
            files under the same paths.

    Raises:
        ValueError: `workers` is negative, or `scheduler` is neither a name nor an address.
        ModuleNotFoundError: Dask is not installed.
        ConnectionError: the scheduler cannot be reached.
    """
    count = integer("workers", workers, 0) or os.cpu_count() or 1
    if scheduler == "threads" or (scheduler is None and count == 1):
        yield Threads(count)
    elif scheduler is None:
        with processes(count) as pool:
            yield pool
    else:
        address = scheduler == "local" or "://" in scheduler
        require(address, "scheduler", "must be threads, local, or an address such as tcp://host:8786", scheduler)
        with dask_cluster(None if scheduler == "local" else scheduler, workers=count) as cluster:
            yield cluster
