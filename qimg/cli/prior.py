"""`qimg prior`: shows a prior or compares two."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from qimg.cli import placeholders
from qimg.core import ArgumentError, literal

if TYPE_CHECKING:
    from qimg.prior import Prior


def show(
    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRIOR")] = "default",
    /,
    *,
    html: placeholders.OptionalPath = None,
    overwrite: bool = False,
) -> None:
    """Show the contents of a prior in the terminal or as a page.

    Args:
        file: File of a prior; `default` is the prior included in qimg.
        html: HTML file to write, with figures of eigen-patches, spectra and predictors.
        overwrite: Replace an existing HTML file.
    """
    from qimg.core import to_write, write_atomically
    from qimg.core.temporary import temporary_files_in
    from qimg.prior.report import prior_page, prior_tables
    from qimg.report import render

    if html is not None and Path(html).suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"{{0}} must end in .html or .htm, but {{0}}={literal(html)}", "html")
    prior, name = _loaded(file)
    if html is not None:
        to_write(html, overwrite=overwrite)
        with temporary_files_in(Path(html).parent):
            page = render(prior_page(prior, name=name)).encode("utf-8", "backslashreplace")
        write_atomically(html, page, overwrite=overwrite)
        print(f"page: {html}")
        return
    for table in prior_tables(prior, name=name):
        print(table.to_text() + "\n")


def compare(
    first: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRIOR")],
    second: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRIOR")],
    /,
    *,
    seed: int = 0,
) -> None:
    """Compare the operators, the mixtures and the fitted pictures of two priors.

    Args:
        first: File of a prior, or `default`.
        second: File of another prior, or `default`.
        seed: Seed of the random vectors that compare mixtures.
    """
    import numpy as np

    from qimg.prior.report import compare_priors

    (a, name_a), (b, name_b) = _loaded(first), _loaded(second)
    for table in compare_priors(a, b, names=(name_a, name_b), rng=np.random.default_rng(seed)):
        print(table.to_text() + "\n")


def _loaded(file: str) -> "tuple[Prior, str]":
    from qimg.prior import load

    return load(None if file == "default" else file), file


COMMAND = {"show": show, "compare": compare}
