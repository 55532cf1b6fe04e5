"""`qimg experiments publish`, `draw` and `document`."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import tyro

from experiments._results import figures, tables
from experiments._results.pages import figures_shown, filled, pages
from experiments._results.quotes import Evidence
from experiments._results.unmarked import definitions, unmarked
from qimg.core import to_write, write_atomically


def publish(
    run: tyro.conf.Positional[Path],
    *,
    name: str = "",
    uncommitted: bool = False,
    replace: bool = False,
    pixels: bool = False,
) -> None:
    """Make the rows of a run the committed table results/EXPERIMENT/SET.csv, and print what changes.

    Args:
        run: folder of the run.
        name: name of the set; from the run's pictures where it is left out.
        uncommitted: accept a run of code that was not committed.
        replace: replace a table that was measured with other parameters.
        pixels: keep pixels of the pictures in the table; their licence must allow copies of them.
    """
    root = tables.checkout()
    for sentence in tables.publish(run, root, name=name, uncommitted=uncommitted, replace=replace, pixels=pixels):
        print(sentence)


def draw(
    table: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="TABLE")],
    /,
    *,
    out: Path,
    experiment: Annotated[str, tyro.conf.arg(metavar="NAME")] = "",
    overwrite: bool = False,
) -> None:
    """Draw the figure of a table again, at print size.

    Args:
        table: Folder of a run, or its rows.csv; or EXPERIMENT/SET, a committed table.
        out: File to write, which ends in .svg, .pdf or .png.
        experiment: Experiment of a file of rows without the provenance.json of its run.
        overwrite: Replace an existing file.
    """
    to_write(out, overwrite=overwrite)
    figures.draw(_named(table, experiment), out)
    print(f"written to {out}")


def document(*, check: bool = False) -> None:
    """Insert the numbers, tables and figures of README and docs that come from committed tables.

    Args:
        check: change nothing, and end with an error where something is not what the tables give, or a measured number
            has no marker.
    """
    root = tables.checkout()
    problems = checked(root) if check else inserted(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise SystemExit(1)
    print("all numbers, tables and figures are those of the committed tables")


COMMANDS: dict[str, Callable[..., None]] = {"publish": publish, "draw": draw, "document": document}
"""Words that are commands, not experiments."""


def checked(root: Path, evidence: Evidence | None = None) -> list[str]:
    """Everything in a checkout that is not what the committed tables give, in sentences; nothing is changed."""
    evidence, phrases = evidence or Evidence(root), definitions(root)
    problems = [problem for name in tables.all_names(root) for problem in evidence.result(name).problems()]
    for page in pages(root):
        text = page.read_text("utf-8")
        problems += filled(text, page, evidence)[1]
        problems += [
            f"{page.relative_to(root)}:{line}: {number!r} has no marker that names a table"
            for line, number in unmarked(text, phrases)
        ]
    return problems


def inserted(root: Path) -> list[str]:
    """Draw the figures and fill the pages of a checkout; returns what could not be filled, as sentences."""
    evidence = Evidence(root)
    for page in pages(root):
        for name in figures_shown(page.read_text("utf-8")):
            with suppress(tables.ResultError):  # reported when everything is checked
                result = evidence.result(name)
                if figures.figure_problems(result):
                    figures.redraw(result)
        text = page.read_text("utf-8")
        new, _ = filled(text, page, evidence)
        if new != text:
            write_atomically(page, new.encode())
    return checked(root, evidence)


def _named(name: str, experiment: str) -> tables.ResultTable:
    """The table of a run's folder, of a file of rows, or of a name in the checkout."""
    path = Path(name)
    rows = path / "rows.csv" if path.is_dir() else path
    if not rows.is_file():
        if path.is_dir():
            raise tables.ResultError(f"{path}: is no run, which holds rows.csv")
        return tables.table(name.removeprefix("results/").removesuffix(".csv"), tables.checkout())
    described = rows.with_name("provenance.json") if rows.name == "rows.csv" else rows.with_suffix(".json")
    if not experiment and not described.is_file():
        raise tables.ResultError(f"{rows}: no {described.name} beside it names its experiment; --experiment does")
    experiment = experiment or tables.read_json(described).get("experiment", "")
    return tables.ResultTable(name=f"{experiment}/{rows.parent.name}", path=rows)
