"""What the commands that work through pictures share: a bar on the error stream, and folders in one command."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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


def each_of(
    paths: Sequence[Path], names: Sequence[str], out: Path, work: Callable[[Path, Path], str], what: str
) -> None:
    """Work on every picture of a folder; those that fail are named at the end, the others are done.

    Args:
        paths: pictures.
        names: of the files to write, one for each.
        out: the folder to write into, made where it does not exist.
        work: reads a file, writes another, and says what it did in one line.
        what: past participle for the error, such as "encoded".

    Raises:
        NotADirectoryError: `out` is a file.
        ValueError: some pictures failed.
    """
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out}: is a file, but the folder to write into is expected")
    out.mkdir(exist_ok=True)
    failed = []
    with bar("pictures") as track:
        for index in track(range(len(paths))):
            try:
                line = work(paths[index], out / names[index])
            except (ValueError, OSError, ModuleNotFoundError) as error:
                failed.append(" ".join(str(error).split()))
            else:
                print(line)
    if failed:
        for sentence in failed:
            print(f"qimg: failed: {sentence}", file=sys.stderr)
        raise ValueError(f"{len(failed)} of {len(paths)} pictures could not be {what}")
