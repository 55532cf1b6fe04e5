"""The CSV file that `--report` names: a row for each picture that a command converts."""

import csv
import dataclasses
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qimg.core import to_write, write_atomically

FIRST = ("file", "target", "status", "seconds")
"""Columns of every report; those of the command follow, and `remark` is the last."""

_PAUSE = 2.0
"""Seconds between two writings of an unfinished report."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A converted picture."""

    line: str
    """Line to print."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Column of the report → value."""
    remark: str = ""
    damaged: bool = False
    """Whether the source was damaged, so that the file that was written lacks parts or holds wrong ones."""


def facts_of(record: Any) -> dict[str, Any]:
    """The fields of a record that fit into a cell: numbers, texts, truth values, and tuples of texts."""
    values = {one.name: getattr(record, one.name) for one in dataclasses.fields(record)}
    return {
        name: "; ".join(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if isinstance(value, int | float | str | None)
        or (isinstance(value, tuple) and all(isinstance(part, str) for part in value))
    }


class Report:
    """Rows of a report by the names of their files; nothing is written without a path.

    Args:
        path: file to write, or None.
        overwrite: replace an existing file.
        resumed: keep the rows of an existing file, for pictures that are skipped because their files exist.

    Raises:
        FileExistsError: the file exists and may neither be replaced nor resumed.
        ValueError: the file is to be resumed, but is no report.
    """

    def __init__(self, path: str | None, *, overwrite: bool, resumed: bool) -> None:
        self._path = None if path is None else to_write(path, overwrite=overwrite or resumed)
        self._rows: dict[str, dict[str, Any]] = {}
        self._last = -_PAUSE
        self._overwrite = overwrite or resumed
        if self._path and resumed and self._path.exists():
            self._rows = {row["file"]: row for row in _rows_of(self._path)}

    def done(self, source: Path, target: Path, result: Done, seconds: float) -> None:
        """Add a picture that was converted."""
        status = "damaged" if result.damaged else "written"
        self._add(source, target, status, f"{seconds:.3f}", {**result.facts, "remark": result.remark})

    def failed(self, source: Path, target: Path, reason: str) -> None:
        """Add a picture that could not be converted."""
        self._add(source, target, "failed", "", {"remark": reason})

    def existing(self, source: Path, target: Path) -> None:
        """Add a picture that was skipped, unless its row was kept."""
        if str(source) not in self._rows:
            self._add(source, target, "existing", "", {})

    def _add(self, source: Path, target: Path, status: str, seconds: str, more: Mapping[str, Any]) -> None:
        values = (str(source), str(target), status, seconds)
        self._rows[str(source)] = {**dict(zip(FIRST, values, strict=True)), **more}
        if time.monotonic() - self._last >= _PAUSE:
            self.write()

    def write(self) -> None:
        """Write the file with all rows."""
        if self._path and self._rows:
            write_atomically(self._path, _csv(list(self._rows.values())), overwrite=self._overwrite)
            self._last, self._overwrite = time.monotonic(), True


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    names = dict.fromkeys(name for row in rows for name in row if name not in (*FIRST, "remark"))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [*FIRST, *names, "remark"], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode(errors="surrogateescape")  # names of files may not be UTF-8


def _rows_of(path: Path) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8", errors="surrogateescape")), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error):
        rows, reader = [], csv.DictReader([])
    if list(reader.fieldnames or [])[: len(FIRST)] != list(FIRST) or any(None in row for row in rows):
        raise ValueError(f"{path}: is no report of this command; name another file, or remove it")
    return rows
