"""Rows of an experiment chosen, grouped, averaged, and set out as curves and tables; sums and times of their parts."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import add, attrgetter
from typing import Any, TypeAlias, TypeVar

import numpy as np

from qimg.evaluation.summary import comparable, counted_pictures, finite_mean
from qimg.report import Table, format_cell

R = TypeVar("R")
K = TypeVar("K")
T = TypeVar("T")

Measure: TypeAlias = str | Callable[[Any], float]
"""Name of a row's attribute, or a function of the row."""


def values(rows: Sequence[Any], measure: Measure) -> list[Any]:
    """The measure of every row."""
    return list(map(attrgetter(measure) if isinstance(measure, str) else measure, rows))


def select(rows: Sequence[R], **attributes: Any) -> list[R]:
    """The rows whose attributes have these values."""
    wanted = attributes.items()
    return [row for row in rows if all(getattr(row, name) == value for name, value in wanted)]


def distinct(rows: Sequence[Any], name: str) -> list[Any]:
    """Values of an attribute in order of first appearance."""
    return list(dict.fromkeys(values(rows, name)))


def levels(rows: Sequence[Any], name: str) -> list[Any]:
    """Values of an attribute in rising order."""
    return sorted(distinct(rows, name))


def groups(rows: Sequence[R], *names: str) -> dict[Any, list[R]]:
    """Rows by the values of attributes, in order of first appearance: a value for one name, a tuple for several."""
    return groups_by(rows, attrgetter(*names))


def groups_by(rows: Sequence[R], key: Callable[[R], K]) -> dict[K, list[R]]:
    """Rows by what a function makes of each, in order of first appearance."""
    found: dict[K, list[R]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def mean(rows: Sequence[Any], measure: Measure, **attributes: Any) -> float:
    """Mean of the finite values over the rows that have these attributes; NaN where there are none."""
    return finite_mean(values(select(rows, **attributes), measure))


def mean_or_infinite(rows: Sequence[Any], measure: Measure) -> float:
    """Mean of the finite values; infinite where there are none: PSNR of pictures that are all exact."""
    finite = mean(rows, measure)
    return finite if np.isfinite(finite) else float("inf")


def pooled_rows(rows: Sequence[R]) -> Sequence[R]:
    """The rows whose `image` is "pooled": of all pictures together; all rows where there is one picture alone."""
    return select(rows, image="pooled") or rows


def sum_of(parts: Iterable[T]) -> T:
    """Sum of one or more things that add, such as operators."""
    return reduce(add, parts)


def timed(
    function: Callable[..., T], *arguments: Any, clock: Callable[[], float] = time.perf_counter
) -> tuple[T, float]:
    """What a function returns, and the seconds that it took."""
    start = clock()
    result = function(*arguments)
    return result, clock() - start


def median(rows: Sequence[Any], measure: Measure) -> float:
    """Median over the rows."""
    return float(np.median(values(rows, measure)))


def fair_mean(rows: Sequence[Any], measure: str, **attributes: Any) -> float:
    """The mean over the pictures whose measure is finite in every row, so that all means are over the same ones."""
    return mean(comparable(rows, measure), measure, **attributes)


def curve(rows: Sequence[R], x: str, y: str | Callable[[list[R]], float]) -> tuple[list[Any], list[float]]:
    """Values of x in rising order, and at each the mean of y, or what the function y makes of the rows there."""
    there = [(value, select(rows, **{x: value})) for value in levels(rows, x)]
    return [value for value, _ in there], [mean(own, y) if isinstance(y, str) else y(own) for _, own in there]


def curves(
    rows: Sequence[R], x: str, y: str | Callable[[list[R]], float], *, by: str, label: str = "{}"
) -> dict[str, tuple[list[Any], list[float]]]:
    """A `curve` for each value of an attribute, for `qimg.report.plot_curves`; `label` holds {} for the value."""
    return {label.format(value): curve(own, x, y) for value, own in groups(rows, by).items()}


def interval_cell(low: float, high: float, spec: str) -> str:
    """Text of an interval in a table, with the format of its ends; a dash where it is not shown."""
    if np.isnan(low):
        return format_cell(low)
    return f"{format_cell(low, spec)} – {format_cell(high, spec)}"


def in_brackets(low: float, high: float, spec: str) -> str:
    """Text of an interval behind a number in a sentence, with a space before it; "" where it is not shown."""
    return "" if np.isnan(low) else f" [{low:{spec}}, {high:{spec}}]"


def count_pictures(rows: Sequence[Any]) -> str:
    """For captions: "1 picture" or "12 pictures", as many as the rows name."""
    return counted_pictures(len(distinct(rows, "image")))


def wide_table(
    rows: Sequence[R],
    cell: Callable[[list[R]], Any],
    *,
    by: Mapping[str, str],
    across: str,
    heading: str = "{}",
    columns: Mapping[str, Callable[[list[R]], Any]] | None = None,
    caption: str = "",
    spec: str = "",
    formats: Mapping[str, str] | None = None,
) -> Table:
    """A table with a line for all rows that agree in some attributes, and a column for each value of another one.

    Args:
        rows: in the order in which the lines appear.
        cell: what is shown of the rows of one line and one value; empty where there are none.
        by: heading → attribute that the rows of a line share.
        across: attribute whose values, in rising order, are the last columns.
        heading: of these columns, with {} for the value; integers are written with a space between thousands.
        columns: heading → function of all rows of a line, before these columns.
        caption: of the table.
        spec: format of the cells.
        formats: heading → format of the columns before.
    """
    names = {value: heading.format(_spaced(value)) for value in levels(rows, across)}
    body = []
    for own in groups(rows, *by.values()).values():
        there = groups(own, across)
        before = [getattr(own[0], name) for name in by.values()]
        before += [function(own) for function in (columns or {}).values()]
        body.append([*before, *(cell(there[value]) if value in there else "" for value in names)])
    return Table(
        columns=[*by, *(columns or {}), *names.values()],
        rows=body,
        caption=caption,
        formats={**(formats or {}), **(dict.fromkeys(names.values(), spec) if spec else {})},
    )


def _spaced(value: Any) -> str:
    return format(value, "_d").replace("_", " ") if isinstance(value, int) else str(value)


def table_of(
    rows: Sequence[R],
    columns: Mapping[str, Any],
    *,
    by: Sequence[str] = (),
    caption: str = "",
    formats: Mapping[str, str] | None = None,
) -> Table:
    """A table with a line for each row, or with `by` for all rows that agree in those attributes.

    Args:
        rows: in the order in which they appear.
        columns: heading → name of an attribute, or function of the line's row (of the list of its rows with `by`).
            A named attribute that is not in `by` is the mean of its finite values.
        by: names of attributes.
        caption: of the table.
        formats: heading → format of its numbers, as in `Table`.
    """
    lines: Sequence[Any] = list(groups(rows, *by).values()) if by else rows

    def cell(line: Any, column: str | Callable[[Any], Any]) -> Any:
        if callable(column):
            return column(line)
        if not by:
            return getattr(line, column)
        return getattr(line[0], column) if column in by else mean(line, column)

    return Table(
        columns=list(columns),
        rows=[[cell(line, column) for column in columns.values()] for line in lines],
        caption=caption,
        formats=formats or {},
    )
