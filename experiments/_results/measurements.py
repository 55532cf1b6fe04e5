"""How fast is qimg, and how much memory does it need, beside other software?

`python -m benchmarks` measures it. Each number is a row. Times are medians, and a peer is timed in the same run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, isnan, nan
from typing import Annotated, Any, TypeAlias

from experiments._run import Axes, Figure, Table, distinct, groups, select, subplots
from experiments._run.columns import OfOneMachine

OF_ONE_MACHINE: TypeAlias = Annotated[float, OfOneMachine()]

TASKS = "task"
"""Table of the times that are compared with a peer's."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One number of a benchmark, and the same number of a peer where there is one."""

    table: str
    """Table that the row belongs to: what differs from row to row, in snake case, such as "picture_size"."""
    what: str
    """Key of the row in its table, such as "4.2 Mpixel"."""
    quantity: str
    """Quantity that was measured, such as "CPU time"."""
    value: OF_ONE_MACHINE
    unit: str = ""
    peer: str = ""
    """Other software or another way of doing the same."""
    peer_value: OF_ONE_MACHINE = nan
    times_as_fast: OF_ONE_MACHINE = nan
    """Time of the peer divided by that of qimg."""
    target: str = ""
    """Value that the project aims at."""


Row = Measurement

_FORMATS = {"s": ".3g", "MB/s": ".3g", "MiB": ".1f", "MB": ".2f", "dB": ".2f", "%": ".1f", "relative": ".1e"}
"""Formats of numbers by unit; whole numbers and four significant digits otherwise."""


def tables(rows: Sequence[Measurement]) -> dict[str, Table]:
    """A table for each value of `table`: beside peers, or with a column for each quantity."""
    return {
        name: _beside_peers(name, part) if any(row.peer for row in part) else _by_quantity(name, part)
        for name, part in groups(rows, "table").items()
    }


def plot(rows: Sequence[Measurement]) -> Figure:
    """Times as fast as its peer, for each task of the table that has one."""
    compared = sorted((row for row in rows if isfinite(row.times_as_fast)), key=lambda row: row.times_as_fast)
    if not compared:
        raise ValueError("no time of these rows has a peer, so there is no figure")
    figure, ax = subplots(figsize=(7.0, 1.0 + 0.24 * len(compared)))
    _draw(ax, compared)
    return figure


def _draw(ax: Axes, rows: Sequence[Measurement]) -> None:
    places = range(len(rows))
    for place, row in zip(places, rows, strict=True):
        slower = row.times_as_fast < 1
        ax.barh(place, row.times_as_fast - 1, left=1, height=0.6, color="C1" if slower else "C0")
        ax.annotate(
            f"{row.times_as_fast:,.2g}" if row.times_as_fast < 10 else f"{row.times_as_fast:,.0f}",
            (row.times_as_fast, place),
            xytext=(-3 if slower else 3, 0),
            textcoords="offset points",
            ha="right" if slower else "left",
            va="center",
            fontsize="small",
        )
    ax.axvline(1, color="0.5", linewidth=1)
    ax.set_yticks(places, [row.what for row in rows])
    ax.grid(visible=False, axis="y")
    low, high = rows[0].times_as_fast, rows[-1].times_as_fast
    ax.set_xlim(min(low, 1) / 3, max(high, 1) * 3)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    ax.set_xlabel("times as fast as the peer")


def _beside_peers(name: str, rows: Sequence[Measurement]) -> Table:
    columns = [_heading(name), "quantity", "qimg", "peer", "value of the peer", "times as fast", "target"]
    cells = [
        [row.what, _with_unit(row), row.value, row.peer, row.peer_value, row.times_as_fast, row.target] for row in rows
    ]
    formats = {"qimg": ".3g", "value of the peer": ".3g", "times as fast": "_.2f"}
    if all(isnan(row.times_as_fast) for row in rows):
        columns, cells = _without(columns, cells, "times as fast")
    if not any(row.target for row in rows):
        columns, cells = _without(columns, cells, "target")
    return Table(columns=columns, rows=cells, formats=formats)


def _by_quantity(name: str, rows: Sequence[Measurement]) -> Table:
    quantities = {_with_unit(row): row.unit for row in rows}
    targets = any(row.target for row in rows)
    cells = []
    for what in distinct(rows, "what"):
        values = {_with_unit(row): row for row in select(rows, what=what)}
        line: list[Any] = [what, *(_cell(values.get(quantity)) for quantity in quantities)]
        cells.append([*line, "; ".join(row.target for row in values.values() if row.target)] if targets else line)
    return Table(
        columns=[_heading(name), *quantities, *(["target"] if targets else [])],
        rows=cells,
        formats={quantity: _FORMATS.get(unit, "") for quantity, unit in quantities.items()},
    )


def _without(columns: list[str], cells: list[list[Any]], column: str) -> tuple[list[str], list[list[Any]]]:
    place = columns.index(column)
    return [*columns[:place], *columns[place + 1 :]], [[*row[:place], *row[place + 1 :]] for row in cells]


def _cell(row: Measurement | None) -> float:
    if row is None:
        return nan
    return int(row.value) if row.unit not in _FORMATS and row.value.is_integer() else row.value


def _heading(name: str) -> str:
    return name.replace("_", " ")


def _with_unit(row: Measurement) -> str:
    return f"{row.quantity}, {row.unit}" if row.unit and row.unit != "relative" else row.quantity
