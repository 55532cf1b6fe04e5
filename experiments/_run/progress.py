"""Progress bars for the command lines, on the error stream."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def progress_bars() -> Iterator["Bars"]:
    """Bars that live as long as the block."""
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True)) as progress:
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
