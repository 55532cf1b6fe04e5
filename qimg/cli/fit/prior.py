"""`qimg fit prior`: a prior, fitted on pictures."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import Progress

from qimg.cli.fit import carry_out, worker_count
from qimg.cli.progress import columns
from qimg.prior import Recipe, fit


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
    """Fit a prior on pictures; after an interruption the same command goes on from the checkpoint.

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
    if operators_only and recipe.mixtures:
        raise ValueError(f"operators_only: leaves no place for mixtures, but mixtures={dict(recipe.mixtures)}")
    if not recipe.mixtures and not operators_only:
        recipe = replace(recipe, mixtures=Recipe().mixtures)
    count = worker_count(workers)
    if scheduler is None:
        scheduler = "local" if count > 1 and find_spec("distributed") else "threads"
    with pass_bars(recipe) as track:
        work = partial(fit, workers=count, scheduler=scheduler, track=track, resumed=track.resume)
        carry_out(partial(work, sources, recipe), out)


class _Passes:
    """One bar per pass; once one of the last, equal passes has been timed, it shows the time that all of them take."""

    def __init__(self, progress: Progress, recipe: Recipe) -> None:
        self._progress, self._passes, self._done = progress, recipe.passes, 0
        self._equal = recipe.rounds if recipe.mixtures else 0
        self._seconds = 0.0

    def resume(self, passes: int) -> None:
        """Count from the passes that a checkpoint holds."""
        self._done = passes

    def __call__(self, parts: Iterable[int]) -> Iterator[int]:
        items = list(parts)
        self._done += 1
        text = f"pass {self._done} of {self._passes}"
        left = self._passes - self._done + 1
        if self._seconds and left > 1:
            text += f", about {max(1, round(left * self._seconds / 60))} min for the rest"
        start = time.monotonic()
        yield from self._progress.track(items, total=len(items), description=text)
        # Passes before the last ones do other work, or fit fewer classes: their times tell nothing about those.
        if left <= self._equal:
            self._seconds = time.monotonic() - start


@contextmanager
def pass_bars(recipe: Recipe) -> Iterator[_Passes]:
    """Bars on the error stream: parts done, time so far, and time that the pass still takes."""
    with Progress(*columns(), console=Console(stderr=True)) as progress:
        yield _Passes(progress, recipe)


COMMAND = prior
