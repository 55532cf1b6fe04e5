"""Progress bars on the error stream as `track` callables."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from qimg.core import Track


def columns() -> list[ProgressColumn]:
    """Columns of every bar: finished items, elapsed time and remaining time."""
    return [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    ]


class Bar:
    """A `track` callable that starts a new bar at every call."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what
        self._tasks: list[TaskID] = []

    def __call__(self, items: Iterable[Any]) -> Iterator[Any]:
        """Iterate over the items once."""
        for task in self._tasks:
            self._progress.update(task, visible=False)
        text = f"{self._what}, pass {len(self._tasks) + 1}" if self._tasks else self._what
        items = list(items)
        self._tasks.append(self._progress.add_task(text, total=len(items)))
        yield from self._progress.track(items, task_id=self._tasks[-1])


@contextmanager
def bars(*, transient: bool = False) -> Iterator[Callable[[str], Bar]]:
    """A function that creates bars by name, which last until the end of the block, if stderr is a terminal."""
    console, to_terminal = Console(stderr=True), _is_terminal(sys.stdout)  # do not redirect output that goes to a file
    with Progress(*columns(), console=console, transient=transient, redirect_stdout=to_terminal) as progress:
        yield partial(Bar, progress)


@contextmanager
def bar(what: str) -> Iterator[Track]:
    """One transient bar; no bar if the error stream is not a terminal."""
    if not _is_terminal(sys.stderr):
        yield iter
        return
    with bars(transient=True) as named:
        yield named(what)


def _is_terminal(stream: Any) -> bool:
    """Whether a stream is a terminal; False for None, the stream of a command that was started with it closed."""
    return stream is not None and bool(stream.isatty())
