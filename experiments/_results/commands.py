"""`qimg experiments publish`, `draw` and `document`."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import tyro

from experiments._results import figures, tables
from experiments._results.pages import figures_shown, filled, pages
from experiments._results.quotes import Evidence
from experiments._results.unmarked import definitions, unmarked
from qimg.core import write_atomically


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


def draw(table: tyro.conf.Positional[str], *, out: Path) -> None:
    """Draw the figure of a table again, at print size.

    Args:
        table: EXPERIMENT/SET of a committed table, or the folder of a run.
        out: file to write, which ends in .svg, .pdf or .png.
    """
    figures.draw(_named(table), out)
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


def _named(name: str) -> tables.ResultTable:
    folder = Path(name)
    if (folder / "rows.csv").is_file():
        experiment = tables.read_json(folder / "provenance.json").get("experiment", "")
        return tables.ResultTable(name=f"{experiment}/{folder.name}", path=folder / "rows.csv")
    return tables.table(name.removeprefix("results/").removesuffix(".csv"), tables.checkout())
