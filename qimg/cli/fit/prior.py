"""`qimg fit prior`: fits a prior on pictures."""

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

from qimg.cli import placeholders
from qimg.cli.fit import carry_out, worker_count
from qimg.cli.progress import columns
from qimg.core import ArgumentError
from qimg.prior import Recipe, fit


def prior(
    sources: placeholders.Sources,
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="PATH")],
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(mixtures={}),  # noqa: B008 (a frozen record)
    operators_only: bool = False,
    workers: int = 0,
    scheduler: placeholders.Address = None,
) -> None:
    """Fit a prior on pictures; an interrupted fit resumes when the same command is run again.

    Args:
        sources: Pictures, before options with several values: image and RAW files, folders, patterns, lists
            (`splits.json#fit`), or sets in the folder QIMG_DATA; `label=SOURCE` sets the group of their operators.
        out: File to write, such as my.prior. During the fit FILE.checkpoint holds its state.
        recipe: Parameters of the fit; the default mixtures are patch8 and luma8 with 16 classes each.
        operators_only: Fit operators only, in one pass.
        workers: Processes or threads; 0 uses one per core.
        scheduler: Address of a Dask scheduler, `local` for a local Dask cluster, `threads` for threads of this process.
            The default is a local cluster if Dask is installed and there is more than one worker.
    """
    if operators_only and recipe.mixtures:
        raise ArgumentError("{0} must be empty with {1}", "mixtures", "operators_only")
    if not recipe.mixtures and not operators_only:
        recipe = replace(recipe, mixtures=Recipe().mixtures)
    count = worker_count(workers)
    if scheduler is None:
        scheduler = "local" if count > 1 and find_spec("distributed") else "threads"
    with pass_bars(recipe) as track:
        work = partial(fit, workers=count, scheduler=scheduler, track=track, resumed=track.resume)
        carry_out(partial(work, sources, recipe), out)


class _Passes:
    """One bar per pass, with an estimate of the remaining time after the first of the equal passes at the end."""

    def __init__(self, progress: Progress, recipe: Recipe) -> None:
        self._progress, self._passes, self._done = progress, recipe.passes, 0
        self._equal = recipe.rounds if recipe.mixtures else 0
        self._seconds = 0.0

    def resume(self, passes: int) -> None:
        """Continue the count after the passes in a checkpoint."""
        self._done = passes

    def __call__(self, parts: Iterable[int]) -> Iterator[int]:
        items = list(parts)
        self._done += 1
        text = f"pass {self._done} of {self._passes}"
        left = self._passes - self._done + 1
        if self._seconds and left > 1:
            text += f", about {max(1, round(left * self._seconds / 60))} min left"
        start = time.monotonic()
        yield from self._progress.track(items, total=len(items), description=text)
        # Earlier passes do other work or fit fewer classes, so their times do not predict those of the last passes.
        if left <= self._equal:
            self._seconds = time.monotonic() - start


@contextmanager
def pass_bars(recipe: Recipe) -> Iterator[_Passes]:
    """Bars on the error stream with finished parts, elapsed time and remaining time of the pass."""
    with Progress(*columns(), console=Console(stderr=True)) as progress:
        yield _Passes(progress, recipe)


COMMAND = prior
