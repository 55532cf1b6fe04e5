"""Figures of committed tables, drawn from their rows alone, as SVG, PDF or PNG at print size."""

import hashlib
from pathlib import Path
from typing import Any

from experiments._results.tables import ResultError, ResultTable, read_json, writer
from experiments._run import runner
from qimg.core import write_atomically
from qimg.core.temporary import temporary_files_in
from qimg.report import PRINT, print_size

FORMATS = (".svg", ".pdf", ".png")

DRAWN = "drawn.json"
"""Beside the figures: which table each of them was drawn from."""


def draw(result: ResultTable, path: Path) -> None:
    """Draw the figure of a table's rows and write it, in the format that the name of the file ends in.

    Raises:
        ResultError: the format is unknown, or the table has no experiment that draws it.
    """
    if path.suffix.lower() not in FORMATS:
        raise ResultError(f"{path}: must end in one of {', '.join(FORMATS)}")
    if not writer(result.experiment):
        raise ResultError(f"{result.path}: no experiment draws this table")
    with temporary_files_in(path.parent):
        write_atomically(path, figure_bytes(result.experiment, result.records, path.suffix.lower()[1:]))


def figure_bytes(experiment: str, records: list[Any], kind: str) -> bytes:
    """The figure of an experiment's rows in a format, at print size. The same rows give the same bytes."""
    import io

    import matplotlib.pyplot as plt

    with plt.rc_context({**PRINT, "backend": "agg"}):
        figure = writer(experiment).plot(records)
        print_size(figure)
        buffer = io.BytesIO()
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
        figure.savefig(buffer, format=kind, dpi=200, metadata=metadata)
        plt.close(figure)
    return buffer.getvalue()


def figure_file(result: ResultTable) -> Path:
    """Where the documentation's figure of a table lies."""
    root = result.path.parents[2]
    return root / "docs" / "results" / "figures" / f"{result.name.replace('/', '-')}.svg"


def figure_problems(result: ResultTable) -> list[str]:
    """What is wrong with the documentation's figure: it is missing, altered, or drawn from other rows."""
    path = figure_file(result)
    if not path.is_file():
        return [f"{path.name}: the figure of {result.name} was not drawn"]
    drawn = _drawn(path).get(path.name, {})
    if drawn.get("figure") != _digest(path):
        return [f"{path.name}: is not the file that was drawn from {result.name}"]
    return [] if drawn.get("table") == result.sha256 else [f"{path.name}: was drawn from older rows of {result.name}"]


def redraw(result: ResultTable) -> None:
    """Draw the documentation's figure of a table, and note what it was drawn from."""
    path = figure_file(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(result, path)
    entries = _drawn(path) | {path.name: {"table": result.sha256, "figure": _digest(path)}}
    runner.write_json(entries, path.with_name(DRAWN))


def _drawn(path: Path) -> dict[str, Any]:
    listed = path.with_name(DRAWN)
    return read_json(listed) if listed.is_file() else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
