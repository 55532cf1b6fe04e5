"""`qimg fit restorer`: fits the explicit estimator that restores JPEG files.

The command of the default restorer is `QIMG_DATA=… qimg fit restorer 'splits.json#fit' --held-out 'splits.json#holdout'
--out default.restorer`.
"""

from functools import partial
from typing import Annotated

import tyro

from qimg.cli import placeholders
from qimg.cli.fit import carry_out
from qimg.cli.progress import bar
from qimg.restoration.jpeg.fitting import Recipe, fit


def restorer(
    sources: placeholders.Sources,
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="PATH")],
    held_out: placeholders.Pictures = (),
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
) -> None:
    """Fit the explicit estimator on pictures; an interrupted fit resumes when the same command is run again.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write, such as my.restorer. During the fit FILE.checkpoint holds its state.
        held_out: Further pictures for the calibration of standard deviations.
        recipe: Parameters of the fit.
    """
    with bar("passes") as track:
        carry_out(partial(fit, sources, recipe, held_out=held_out, track=track), out)


COMMAND = restorer
