"""`qimg fit restorer`: the explicit estimator that restores JPEG files, fitted on pictures.

The default one came from `QIMG_DATA=… qimg fit restorer 'splits.json#fit' --held-out 'splits.json#holdout' --out
default.restorer`.
"""

from functools import partial
from typing import Annotated

import tyro

from qimg.cli.fit import carry_out
from qimg.cli.progress import bar
from qimg.restoration.jpeg.fitting import Recipe, fit


def restorer(
    sources: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"])],
    held_out: tuple[str, ...] = (),
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
) -> None:
    """Fit the explicit estimator on pictures; after an interruption the same command goes on from the checkpoint.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write, such as my.restorer. While the fit runs, FILE.checkpoint keeps its state.
        held_out: Further pictures, on which standard deviations are calibrated.
        recipe: What to fit.
    """
    with bar("passes") as track:
        carry_out(partial(fit, sources, recipe, held_out=held_out, track=track), out)


COMMAND = restorer
