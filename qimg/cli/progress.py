"""One progress protocol for every command: bars on the error stream, and `track` callables that feed them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def columns() -> list[ProgressColumn]:
    """What every bar shows: how much is done, the time so far, and the time that is left."""
    return [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    ]


class Bar:
    """A bar that begins anew each time that it is given something to go through."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what, self._rounds = progress, what, 0

    def __call__(self, parts: Iterable[int]) -> Iterator[int]:
        """Go through the parts once."""
        items = list(parts)
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._rounds += 1
        text = self._what if self._rounds == 1 else f"{self._what}, attempt {self._rounds}"
        yield from self._progress.track(items, total=len(items), description=text)


@contextmanager
def bar(what: str) -> Iterator[Bar]:
    """On the error stream, gone when it is done."""
    console = Console(stderr=True)
    with Progress(*columns(), console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, what)


@contextmanager
def progress_bars() -> Iterator["Bars"]:
    """Bars that live as long as the block."""
    with Progress(*columns(), console=Console(stderr=True)) as progress:
        yield Bars(progress)


class Bars:
    """Makes `track` callables for named steps."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def track(self, description: str) -> Any:
        """A callable that wraps an iterable of known length in a bar."""

        def wrap(iterable: Iterable[Any]) -> Iterator[Any]:
            items = list(iterable)
            return iter(self._progress.track(items, total=len(items), description=description))

        return wrap
