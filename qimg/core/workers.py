"""Where the tasks of a fit run: in threads here, or on a Dask cluster, with results in the order of the tasks."""

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from qimg.core.arguments import integer

Function = Callable[[Any, Any], Any]

_CONNECT = "10s"


class Workers(Protocol):
    """Runs `function(item, shared)` for every item and yields the results in the order of the items."""

    def map(self, function: Function, items: Sequence[Any], shared: Any) -> Iterator[Any]:
        """Results in order; a few more items than there are workers are under way at any time."""
        ...


class Threads:
    """Threads of this process: decoders and BLAS let go of the interpreter's lock while they work."""

    def __init__(self, count: int) -> None:
        self._count = integer("workers", count, 1)

    def map(self, function: Function, items: Sequence[Any], shared: Any) -> Iterator[Any]:
        """Results in order, in constant memory."""
        if self._count == 1:
            yield from (function(item, shared) for item in items)
            return
        with ThreadPoolExecutor(self._count) as pool:
            yield from _in_order(lambda item: pool.submit(function, item, shared), items, 2 * self._count, _result)


class Cluster:
    """A Dask cluster. Every worker must see the files under the same paths."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return str(self._client.scheduler.address)

    def map(self, function: Function, items: Sequence[Any], shared: Any) -> Iterator[Any]:
        """Results in order; a task whose worker dies is run again elsewhere, with the same result."""
        # A task that only returns its argument can be computed again when the worker that holds it dies; data that
        # was scattered could not (distributed issue 3149).
        held = self._client.submit(_held, shared, pure=False)
        width = 2 * max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

        def submit(item: Any) -> Any:
            return self._client.submit(_on_one_thread, function, item, held, pure=False, retries=3)

        yield from _in_order(submit, items, width, _gathered)


def _held(value: Any) -> Any:
    return value


def _on_one_thread(function: Function, item: Any, shared: Any) -> Any:
    # For good: a limit that ends with the task would be undone by other tasks of a worker with several threads.
    threadpool_limits(1, user_api="blas")
    return function(item, shared)


def _result(future: Any) -> Any:
    return future.result()


def _gathered(future: Any) -> Any:
    from distributed import CancelledError, KilledWorker

    try:
        return future.result()
    except (CancelledError, KilledWorker) as error:
        raise ConnectionError(
            f"the cluster lost a task again and again ({type(error).__name__}): its worker died, perhaps for want of "
            f"memory, or the scheduler did"
        ) from None
    finally:
        future.release()


def _in_order(
    submit: Callable[[Any], Any], items: Iterable[Any], width: int, result: Callable[[Any], Any]
) -> Iterator[Any]:
    """Results in the order of the items, with at most `width` items under way or waiting to be fetched."""
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
    """Processes that are started meanwhile ignore Ctrl-C for good."""
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
    """A running Dask cluster by its address, or a local one of single-threaded processes that ends with the block.

    Args:
        scheduler: such as "tcp://10.0.0.5:8786"; None starts a local cluster.
        workers: processes of the local cluster.

    Raises:
        ModuleNotFoundError: Dask is not installed.
        ConnectionError: nothing answers at the address.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ModuleNotFoundError("a cluster needs the package distributed (extra `distributed`)") from None
    settings: dict[str, Any] = {
        "distributed.admin.large-graph-warning-threshold": "1GB",
        "distributed.comm.timeouts.connect": _CONNECT,
    }
    # Workers get a threshold from Dask below which freed memory goes back to the system at once. Pictures come and go:
    # their pages would be cleared anew each time, at twice the time of decoding.
    settings["distributed.nanny.pre-spawn-environ"] = {
        **dask.config.get("distributed.nanny.pre-spawn-environ", {}),
        "MALLOC_TRIM_THRESHOLD_": 1 << 28,
        "MALLOC_MMAP_THRESHOLD_": 1 << 28,
    }
    with dask.config.set(settings):
        if scheduler is None:
            # Without an address of its own the scheduler takes port 8787, and warns where another cluster has it.
            http = {"dashboard_address": "127.0.0.1:0"}
            count = integer("workers", workers, 1)
            with _interrupts_ignored():  # Ctrl-C is for this process, which ends the others
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
