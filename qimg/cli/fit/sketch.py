"""`qimg fit sketch`: fits the statistics of the sketch codec on pictures.

The command of the shipped statistics is `QIMG_DATA=… qimg fit sketch 'splits.json#fit' --out default.statistics`.
"""

from functools import partial
from typing import Annotated

import tyro

from qimg.cli import placeholders
from qimg.cli.fit import carry_out
from qimg.cli.progress import bar
from qimg.codecs.sketch.recipe import Recipe, fit


def sketch(
    sources: placeholders.Sources,
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="PATH")],
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
) -> None:
    """Fit the statistics of the sketch codec on pictures; an interrupted fit resumes after its last complete round.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write, such as my.statistics. During the fit FILE.checkpoint holds its state.
        recipe: Parameters of the fit.
    """
    with bar("pictures") as track:
        carry_out(partial(fit, sources, recipe, track=track), out)


COMMAND = sketch
