"""`qimg fit tables`: codec tables, fitted on pictures.

The default ones came from `QIMG_DATA=… qimg fit tables 'splits.json#fit' --out default.tables`.
"""

from functools import partial
from typing import Annotated

import tyro

from qimg.cli.fit import carry_out, worker_count
from qimg.cli.progress import bar
from qimg.codecs.block.fitting import Recipe, fit


def tables(
    sources: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"])],
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
    workers: int = 0,
) -> None:
    """Fit the codec's tables on pictures: about a quarter of an hour for 240 of them on two cores.

    After an interruption the same command goes on from the checkpoint.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write, such as my.tables. While the fit runs, FILE.checkpoint keeps its state.
        recipe: What to fit.
        workers: Processes; 0 takes one per core.
    """
    with bar("rounds") as track:
        carry_out(partial(fit, sources, recipe, workers=worker_count(workers), track=track), out)


COMMAND = tables
