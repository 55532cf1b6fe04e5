"""Selection, grouping and averages of an experiment's rows, curves and tables made from them, sums and timing."""

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
    """The rows whose attributes equal these values."""
    wanted = attributes.items()
    return [row for row in rows if all(getattr(row, name) == value for name, value in wanted)]


def distinct(rows: Sequence[Any], name: str) -> list[Any]:
    """Values of an attribute in order of first appearance."""
    return list(dict.fromkeys(values(rows, name)))


def levels(rows: Sequence[Any], name: str) -> list[Any]:
    """Values of an attribute in ascending order."""
    return sorted(distinct(rows, name))


def groups(rows: Sequence[R], *names: str) -> dict[Any, list[R]]:
    """Rows by the values of attributes, in order of first appearance: a value for one name, a tuple for several."""
    return groups_by(rows, attrgetter(*names))


def groups_by(rows: Sequence[R], key: Callable[[R], K]) -> dict[K, list[R]]:
    """Rows by the value of a function of each, in order of first appearance."""
    by_key: dict[K, list[R]] = {}
    for row in rows:
        by_key.setdefault(key(row), []).append(row)
    return by_key


def mean(rows: Sequence[Any], measure: Measure, **attributes: Any) -> float:
    """Mean of the finite values over the rows that have these attributes; NaN where there are none."""
    return finite_mean(values(select(rows, **attributes), measure))


def mean_or_infinite(rows: Sequence[Any], measure: Measure) -> float:
    """Mean of the finite values; infinite if there are none, as for the PSNR of exact pictures."""
    finite = mean(rows, measure)
    return finite if np.isfinite(finite) else float("inf")


def pooled_rows(rows: Sequence[R]) -> Sequence[R]:
    """The rows whose `image` is "pooled", of all pictures together; for a single picture, which has none, all rows."""
    return select(rows, image="pooled") or rows


def sum_of(parts: Iterable[T]) -> T:
    """Sum of one or more objects that define `+`, such as operators."""
    return reduce(add, parts)


def timed(
    function: Callable[..., T], *arguments: Any, clock: Callable[[], float] = time.perf_counter
) -> tuple[T, float]:
    """The result of a function, and the seconds that the call took."""
    start = clock()
    result = function(*arguments)
    return result, clock() - start


def median(rows: Sequence[Any], measure: Measure) -> float:
    """Median over the rows."""
    return float(np.median(values(rows, measure)))


def fair_mean(rows: Sequence[Any], measure: str, **attributes: Any) -> float:
    """The mean over the pictures whose measure is finite in every row, so that all means are over the same pictures."""
    return mean(comparable(rows, measure), measure, **attributes)


def curve(rows: Sequence[R], x: str, y: str | Callable[[list[R]], float]) -> tuple[list[Any], list[float]]:
    """Values of x in ascending order, and for each the mean of y, or the function y of the rows with this x."""
    points = [(value, select(rows, **{x: value})) for value in levels(rows, x)]
    return [value for value, _ in points], [mean(at, y) if isinstance(y, str) else y(at) for _, at in points]


def curves(
    rows: Sequence[R], x: str, y: str | Callable[[list[R]], float], *, by: str, label: str = "{}"
) -> dict[str, tuple[list[Any], list[float]]]:
    """A `curve` for each value of an attribute, for `qimg.report.plot_curves`; `label` holds {} for the value."""
    return {label.format(value): curve(group, x, y) for value, group in groups(rows, by).items()}


def interval_cell(low: float, high: float, spec: str) -> str:
    """Text of an interval in a table; `spec` formats its ends. A dash stands for an interval of NaN."""
    if np.isnan(low):
        return format_cell(low)
    return f"{format_cell(low, spec)} – {format_cell(high, spec)}"


def in_brackets(low: float, high: float, spec: str) -> str:
    """Text of an interval after a number in a sentence, with a leading space; "" for an interval of NaN."""
    return "" if np.isnan(low) else f" [{low:{spec}}, {high:{spec}}]"


def count_pictures(rows: Sequence[Any]) -> str:
    """The number of pictures in the rows, for captions: "1 picture" or "12 pictures"."""
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
    """A table with one line for all rows that agree in some attributes, and one column for each value of another.

    Args:
        rows: in the order in which the lines appear.
        cell: content of a cell, a function of the rows of its line and value; cells without rows are empty.
        by: heading → attribute that the rows of a line share.
        across: attribute whose values, in ascending order, are the last columns.
        heading: of these columns, with {} for the value; integers are written with a space between thousands.
        columns: heading → function of all rows of a line, before these columns.
        caption: of the table.
        spec: format of the cells.
        formats: heading → format of the columns before.
    """
    names = {value: heading.format(_spaced(value)) for value in levels(rows, across)}
    body = []
    for line in groups(rows, *by.values()).values():
        by_value = groups(line, across)
        before = [getattr(line[0], name) for name in by.values()]
        before += [function(line) for function in (columns or {}).values()]
        body.append([*before, *(cell(by_value[value]) if value in by_value else "" for value in names)])
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
    """A table with one line for each row, or with `by`, for all rows that agree in those attributes.

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
