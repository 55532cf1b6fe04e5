"""`qimg fit`: a prior, codec tables, a restorer or a network, fitted on pictures."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import Progress

from qimg.cli.progress import columns
from qimg.prior.fitting.recipe import Recipe


def prior(
    sources: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"])],
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(mixtures={}),  # noqa: B008 (a frozen record)
    operators_only: bool = False,
    workers: int = 0,
    scheduler: str | None = None,
) -> None:
    """Fit a prior on pictures; run it again after an interruption and it goes on where it was.

    Args:
        sources: What to fit on, named before options that take several values: image and RAW files, folders, patterns,
            lists (`splits.json#fit`), or sets in the folder QIMG_DATA; `label=SOURCE` names the group that its
            operators are counted under.
        out: File to write, such as my.prior. While the fit runs, FILE.checkpoint keeps its state.
        recipe: What to fit; with no mixtures named, patch8 and luma8 of 16 classes each.
        operators_only: Fit operators alone, in one pass.
        workers: Processes or threads; 0 takes one per core.
        scheduler: Address of a Dask scheduler, `local` for a local Dask cluster, `threads` for threads of this process;
            when left out, a local cluster where Dask is installed and there is more than one worker.
    """
    from qimg.images import ImageError
    from qimg.prior import fit as fit_prior

    path, console = Path(out), Console(stderr=True)
    if path.is_dir():
        raise IsADirectoryError(f"out: {path} is a folder, but a file to write is expected")
    if path.exists():
        raise FileExistsError(f"out: {path} exists already; remove it, or write elsewhere")
    _writable("out", path)
    if workers < 0:
        raise ValueError(f"workers must be at least 0, but workers={workers}")
    if not sources:
        raise ImageError("sources: at least one picture is needed, but none was given")
    if operators_only and recipe.mixtures:
        raise ValueError(f"operators_only: leaves no place for mixtures, but mixtures={dict(recipe.mixtures)}")
    if not recipe.mixtures and not operators_only:
        recipe = replace(recipe, mixtures=Recipe().mixtures)
    count = workers or os.cpu_count() or 1
    if scheduler is None:
        scheduler = "local" if count > 1 and find_spec("distributed") else "threads"
    root = os.environ.get("QIMG_DATA") or None
    checkpoint = Path(f"{out}.checkpoint")
    try:
        with pass_bars(recipe, console) as track:
            fitted = fit_prior(
                sources,
                recipe,
                workers=count,
                scheduler=scheduler,
                out=path,
                checkpoint=checkpoint,
                root=root,
                track=track,
                resumed=track.resume,
            )
    except ValueError:  # bad input; what the checkpoint has to do with it, the message says
        raise
    except BaseException:
        if checkpoint.exists():
            text = f"{checkpoint} holds what was done; the same command goes on from there"
            console.print(text, highlight=False, soft_wrap=True)
        raise
    for record in fitted.provenance["skipped"]:
        console.print(f"skipped {record['skipped']}", highlight=False, soft_wrap=True)
    print(f"{path}: {fitted!r}")


def _writable(name: str, path: Path) -> None:
    """Refuse a file that cannot be written before anything is computed."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise NotADirectoryError(f"{name}: {folder} is no folder")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{name}: the folder {folder} cannot be written to")


class _Passes:
    """One bar per pass; once one of the last, equal passes has been timed, the time that all of them take is told."""

    def __init__(self, progress: Progress, recipe: Recipe) -> None:
        self._progress, self._passes, self._done = progress, recipe.passes, 0
        self._equal = recipe.rounds if recipe.mixtures else 0
        self._seconds = 0.0

    def resume(self, passes: int) -> None:
        """Count from a pass that a checkpoint knows."""
        self._done = passes
        where = f"in pass {passes + 1} of {self._passes}" if passes < self._passes else "with every pass done"
        self._progress.console.print(f"going on where the checkpoint ends, {where}")

    def __call__(self, parts: Iterable[int]) -> Iterator[int]:
        items = list(parts)
        self._done += 1
        text = f"pass {self._done} of {self._passes}"
        left = self._passes - self._done + 1
        if self._seconds and left > 1:
            text += f", about {max(1, round(left * self._seconds / 60))} min for the rest"
        start = time.monotonic()
        yield from self._progress.track(items, total=len(items), description=text)
        # Passes before the last ones do other work, or fit fewer classes: they say nothing about those.
        if left <= self._equal:
            self._seconds = time.monotonic() - start


@contextmanager
def pass_bars(recipe: Recipe, console: Console) -> Iterator[_Passes]:
    """Bars on the error stream: parts done, time so far, and time that the pass still takes."""
    with Progress(*columns(), console=console) as progress:
        yield _Passes(progress, recipe)


COMMAND = {"prior": prior}
