"""Numbers in prose that are cells of committed tables: `<!--= TABLE; ROW; COLUMN; FORMAT -->text<!--=-->`.

TABLE is `EXPERIMENT/SET` for the rows of a run, `EXPERIMENT/SET#NAME` for a table that the experiment makes of them.
ROW is `key=value & key=value`; a value alone belongs to the first column. COLUMN is a heading, or `mean(heading)` and
the like over all rows that match. FORMAT is Python's, with `%` for a hundredfold; where it is left out, the table's
own.
"""

import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments._results.tables import WITHOUT_PROVENANCE, ResultError, ResultTable, table
from qimg.report import Table, format_cell

QUOTE = re.compile(r"<!--=\s*(?P<reference>.+?)\s*-->(?P<text>.*?)<!--=-->", re.DOTALL)

REDUCERS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "count": len,
}
"""Over the values of a column in all rows that match."""

_REDUCED = re.compile(rf"^({'|'.join(REDUCERS)})\((.+)\)$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A cell of a table."""

    table: str
    part: str
    """Name of a table that the experiment makes of its rows; "" for the rows."""
    row: str
    column: str
    format: str
    """"" for the table's own."""


class Evidence:
    """The tables of a checkout, each read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tables: dict[str, ResultTable] = {}

    def result(self, name: str) -> ResultTable:
        """The committed table of a name."""
        if name not in self._tables:
            self._tables[name] = table(name, self.root)
        return self._tables[name]

    def table(self, name: str) -> Table:
        """A table by its name, `EXPERIMENT/SET` or `EXPERIMENT/SET#NAME`."""
        base, _, part = name.partition("#")
        return self.result(base).summary(part)

    def shown(self, name: str) -> Table:
        """A table as pages show it, which is verbatim for one without provenance."""
        result = self.result(name.partition("#")[0])
        return result.transcript if result.experiment in WITHOUT_PROVENANCE else self.table(name)

    def text(self, reference: str) -> str:
        """The text of the cell that a reference names.

        Raises:
            ResultError: the reference names no cell, or several.
        """
        parsed = parse(reference)
        shown = self.table(f"{parsed.table}#{parsed.part}" if parsed.part else parsed.table)
        reduced = _REDUCED.match(parsed.column)
        column = reduced[2] if reduced else parsed.column
        place = _place(shown, column, reference)
        cells = [row[place] for row in matching(shown, parsed.row, reference)]
        if reduced:
            value = REDUCERS[reduced[1]](cells)
        elif len(cells) == 1:
            value = cells[0]
        else:
            raise ResultError(f"{reference}: names {len(cells)} rows, but must name one")
        return format_cell(value, parsed.format or shown.formats.get(column, ""))


def parse(reference: str) -> Reference:
    """The parts of a reference."""
    parts = [part.strip() for part in " ".join(reference.split()).split(";")]
    if len(parts) not in (3, 4):
        raise ResultError(f"{reference}: must be TABLE; ROW; COLUMN or TABLE; ROW; COLUMN; FORMAT")
    name, _, part = parts[0].partition("#")
    return Reference(table=name, part=part, row=parts[1], column=parts[2], format=parts[3] if len(parts) == 4 else "")


def matching(shown: Table, condition: str, reference: str) -> list[Sequence[Any]]:
    """The rows of a table that meet `key=value & key=value`.

    Raises:
        ResultError: no row does, or a key is no column.
    """
    rows = list(shown.rows)
    for part in (part.strip() for part in condition.split(" & ") if part.strip()):
        key, equals, value = part.partition("=")
        place = _place(shown, key.strip(), reference) if equals and key.strip() in shown.columns else 0
        wanted = value.strip() if equals and key.strip() in shown.columns else part
        rows = [row for row in rows if is_value(row[place], wanted)]
    if not rows:
        raise ResultError(f"{reference}: no row has {condition}")
    return rows


def is_value(cell: Any, wanted: str) -> bool:
    """Whether a cell is the value that a text states."""
    if isinstance(cell, str | bool | tuple):
        return str(cell) == wanted
    try:
        return float(wanted.replace("−", "-")) == float(cell)
    except ValueError:
        return False


def _place(shown: Table, column: str, reference: str) -> int:
    if column not in shown.columns:
        raise ResultError(f"{reference}: has no column {column!r}; its columns are {'; '.join(shown.columns)}")
    return list(shown.columns).index(column)
