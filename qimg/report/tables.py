"""Rows of measurements as CSV files and as HTML tables."""

import csv
import dataclasses
import html
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any

from qimg.core import write_atomically
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, kw_only=True)
class Table:
    """A small table for people to read."""

    columns: Sequence[str]
    """Headings, with units."""
    rows: Sequence[Sequence[Any]]
    """Cells: numbers, or text."""
    caption: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    """Heading → format of its numbers, as for `format_cell`; four significant digits where it is left out."""

    def head(self, count: int) -> "Table":
        """The table with its first `count` rows, the caption saying how many are left out."""
        left = len(self.rows) - count
        if left <= 0:
            return self
        caption = f"{self.caption}; " if self.caption else ""
        return replace(self, rows=self.rows[:count], caption=f"{caption}{left} more rows are left out here")

    def texts(self) -> list[list[str]]:
        """Cells as they are printed."""
        formats = [self.formats.get(name, "") for name in self.columns]
        return [[format_cell(value, spec) for value, spec in zip(row, formats, strict=True)] for row in self.rows]

    def to_html(self) -> str:
        """An HTML table, numbers aligned to the right."""
        texts = [k == 0 or any(isinstance(row[k], str) for row in self.rows) for k in range(len(self.columns))]
        head = "".join(
            f"<th{_KEY if text else ''}>{html.escape(name)}</th>"
            for name, text in zip(self.columns, texts, strict=True)
        )
        body = "".join(
            "<tr>" + "".join(_cell(value, text=text) for value, text in zip(row, texts, strict=True)) + "</tr>"
            for row in self.texts()
        )
        caption = f"<caption>{html.escape(self.caption)}</caption>" if self.caption else ""
        return f'<div class="scroll"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'

    def to_text(self) -> str:
        """The same table in plain characters, for terminals."""
        cells = [list(self.columns), *self.texts()]
        widths = [max(len(row[k]) for row in cells) for k in range(len(self.columns))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([*([self.caption] if self.caption else []), *lines])

    def to_markdown(self) -> str:
        """The same table in Markdown, the caption below it."""
        lines = [list(self.columns), ["---"] * len(self.columns), *self.texts()]
        body = "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
        return f"{body}\n\n{self.caption}." if self.caption else body


def format_cell(value: Any, spec: str = "") -> str:
    """Text of a cell: as `format_number` writes it, or a number by a format.

    Args:
        value: a number or text.
        spec: as for `format`, with a minus sign, powers of ten written out and spaces between thousands (`_`). One that
            ends in `%` gives a hundredfold without that sign, one that begins with `abs` the modulus.
    """
    if not spec or isinstance(value, str) or not math.isfinite(value):
        return format_number(value)
    if spec.startswith("abs"):
        value, spec = abs(value), spec[3:]
    text = format(100 * value, f"{spec[:-1]}f") if spec.endswith("%") else format(value, spec)
    text = text.replace("_", "\N{NO-BREAK SPACE}")
    digits, power, exponent = text.partition("e")
    if power and value == 0:
        return "0"
    if power:
        text = f"{digits}·10{str(int(exponent)).translate(_RAISED)}"
    text = text.replace("-", "−")
    return text if any(digit in text for digit in "123456789") else text.lstrip("+−")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_number(value: Any) -> str:
    """Text of a cell: four significant digits, a dash for NaN, thousands separated in integers."""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, Real):  # NumPy's scalars are registered with `numbers`, but most are no int or float
        value = float(value)
        if math.isnan(value):
            return "–"
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e5):
            return f"{value:.2e}"
        return f"{value:#.4g}".rstrip(".")
    return str(value)


def write_csv(rows: Sequence[Any], path: str | os.PathLike[str]) -> None:
    """Write dataclass records of one type, one line each, under the names of their fields.

    Raises:
        ValueError: there are no rows, or they are of several types.
    """
    kinds = {type(row) for row in rows}
    if len(kinds) != 1:
        raise ValueError(f"rows must be records of one type, but hold {len(kinds)} types")
    buffer = io.StringIO()
    names = [field.name for field in dataclasses.fields(rows[0])]
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(row, name) for name in names] for row in rows)
    write_atomically(path, buffer.getvalue().encode("utf-8", "backslashreplace"))  # names may hold other bytes


_KEY = ' class="key"'
"""Mark of the cells that hold text, set to the left."""


def _cell(value: str, *, text: bool) -> str:
    return f"<td{_KEY if text else ''}>{html.escape(value)}</td>"
