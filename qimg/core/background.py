"""Calls that run in order in one more thread, beside the thread that asks for them."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_MOST = 64  # calls that wait, so that memory stays bounded where the caller is faster


class Background:
    """Runs calls in their order: at once without a pool, otherwise in its thread."""

    def __init__(self, pool: ThreadPoolExecutor | None = None) -> None:
        self._pool = pool
        self._waiting: deque[Future[Any]] = deque()

    @property
    def threaded(self) -> bool:
        """Whether calls run in a thread of their own."""
        return self._pool is not None

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a call after all earlier ones. An error of an earlier call is raised here or by `wait`."""
        if self._pool is None:
            function(*arguments)
            return
        self._waiting.append(self._pool.submit(function, *arguments))
        while self._waiting and (len(self._waiting) > _MOST or self._waiting[0].done()):
            self._waiting.popleft().result()

    def wait(self) -> None:
        """Return when all calls have ended."""
        while self._waiting:
            self._waiting.popleft().result()


@contextmanager
def background(threads: int) -> Iterator[Background]:
    """Run calls in a thread of their own if there are two or more threads; the end waits for them.

    >>> done = []
    >>> with background(2) as beside:
    ...     for k in range(3):
    ...         beside.call(done.append, k)
    >>> done
    [0, 1, 2]
    """
    if threads < 2:
        yield Background()
        return
    with ThreadPoolExecutor(1) as pool:
        beside = Background(pool)
        try:
            yield beside
            beside.wait()
        finally:
            pool.shutdown(cancel_futures=True)
