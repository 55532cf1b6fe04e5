"""`qimg fit tables`: fits codec tables on pictures.

The command of the default tables is `QIMG_DATA=… qimg fit tables 'splits.json#fit' --out default.tables`.
"""

from functools import partial
from typing import Annotated

import tyro

from qimg.cli import placeholders
from qimg.cli.fit import carry_out, worker_count
from qimg.cli.progress import bar
from qimg.codecs.block.fitting import Recipe, fit


def tables(
    sources: placeholders.Sources,
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="PATH")],
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
    workers: int = 0,
) -> None:
    """Fit the codec's tables on pictures; an interrupted fit resumes when the same command is run again.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write, such as my.tables. During the fit FILE.checkpoint holds its state.
        recipe: Parameters of the fit.
        workers: Processes; 0 uses one per core.
    """
    with bar("rounds") as track:
        carry_out(partial(fit, sources, recipe, workers=worker_count(workers), track=track), out)


COMMAND = tables
