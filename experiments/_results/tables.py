"""The committed tables of results: where they lie, reading them back, replacing one by the rows of a run."""

import ast
import csv
import dataclasses
import hashlib
import io
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from experiments._results import measurements
from experiments._run import runner
from experiments._run.columns import Kind, OfOneMachine, Pixels, Within, kinds, plain_type
from qimg.core import write_atomically
from qimg.report import Table

WITHOUT_PROVENANCE = ("published", "transcribed")
"""Folders of numbers that no run of this code wrote. Each of their rows has a `source`."""


BENCHMARKS = "benchmarks"
"""Folder of the tables that `python -m benchmarks` measures."""

ALL_PARTS = f"{BENCHMARKS}/all"
"""Name of the rows of all benchmarks together."""


class ResultError(ValueError):
    """A run or a committed table that cannot be used; the message names the file and the reason."""


def writer(experiment: str) -> Any:
    """Module with `Row`, `tables` and `plot` of a folder of tables; None where no code of the project wrote them."""
    if experiment == BENCHMARKS:
        return measurements
    return runner.module(experiment) if experiment in runner.EXPERIMENTS else None


def checkout() -> Path:
    """Root folder of the checkout that this code runs from, which holds `results` and `docs`.

    Raises:
        ResultError: qimg was installed from a wheel.
    """
    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").is_file():
        raise ResultError(f"{root}: is no checkout of qimg, but committed results and documentation lie in one")
    return root


@dataclass(frozen=True, kw_only=True)
class ResultTable:
    """A table of rows on disk, with what is known about its origin."""

    name: str
    """`EXPERIMENT/SET`, such as "rate_distortion/kodak"."""
    path: Path

    @property
    def experiment(self) -> str:
        """Name of the experiment, or of the folder."""
        return self.name.partition("/")[0]

    @cached_property
    def content(self) -> bytes:
        """The file."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise ResultError(f"{self.path}: cannot be read ({error.strerror})") from None

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Parameters, inputs, versions, commit and machine of the run, and its command."""
        return read_json(self.path.with_suffix(".json"))

    @cached_property
    def records(self) -> list[Any]:
        """The rows as records of the experiment's `Row`; dictionaries where no experiment wrote them."""
        if writer(self.experiment):
            return read_rows(self.path, writer(self.experiment).Row, self.content)
        return [dict(zip(self.rows.columns, row, strict=True)) for row in self.rows.rows]

    @cached_property
    def rows(self) -> Table:
        """The rows as a table under the names of their columns."""
        if writer(self.experiment):
            names = [field.name for field in dataclasses.fields(writer(self.experiment).Row)]
            return Table(columns=names, rows=[[getattr(row, name) for name in names] for row in self.records])
        header, *lines = _csv_lines(self.path, self.content)
        return Table(columns=header, rows=[[_value(text) for text in line] for line in lines])

    @cached_property
    def transcript(self) -> Table:
        """The cells of a table without provenance as the file has them; a source of all rows is the caption."""
        header, *lines = _csv_lines(self.path, self.content)
        texts = [[_transcribed(text) for text in line] for line in lines]
        place = header.index("source")
        sources = {line[place] for line in texts}
        if len(sources) > 1:
            return Table(columns=header, rows=texts)
        columns, *rows = ([*line[:place], *line[place + 1 :]] for line in (header, *texts))
        return Table(columns=columns, rows=rows, caption=f"Source: {sources.pop()}" if sources else "")

    @cached_property
    def summaries(self) -> Mapping[str, Table]:
        """The tables that the experiment makes of its rows, by name; none where no experiment wrote them."""
        source = writer(self.experiment)
        return source.tables(self.records) if source else {}

    def summary(self, name: str) -> Table:
        """The rows for "", and otherwise the experiment's table of that name."""
        if not name:
            return self.rows
        if name not in self.summaries:
            raise ResultError(
                f"{self.name}: has no table {name!r}; its tables are {', '.join(self.summaries) or 'none'}"
            )
        return self.summaries[name]

    def problems(self) -> list[str]:
        """What is wrong with the table itself: columns of another version, or a file that its run did not write."""
        try:
            names = set(self.rows.columns)
            if self.experiment in WITHOUT_PROVENANCE:
                missing = "source" not in names or not all(row["source"] for row in self.records)
                return [f"{self.path}: every row must have a source"] if missing else []
            if self.provenance.get("sha256") != self.sha256:
                return [f"{self.path}: is not the file that {self.path.stem}.json describes; publish its run again"]
        except ResultError as error:
            return [str(error)]
        return []


class JoinedBenchmarks(ResultTable):
    """The rows of all committed benchmarks, in the order of their names."""

    @cached_property
    def parts(self) -> list[ResultTable]:
        """The committed benchmarks."""
        paths = sorted(self.path.parent.glob("*.csv"))
        return [ResultTable(name=f"{self.experiment}/{path.stem}", path=path) for path in paths]

    @cached_property
    def content(self) -> bytes:
        """The files, one after the other."""
        return b"".join(part.content for part in self.parts)

    @cached_property
    def records(self) -> list[Any]:
        """The rows of all parts."""
        return [row for part in self.parts for row in part.records]

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Provenance of the first part, with the commits of all parts and the command that measures them."""
        commits = dict.fromkeys(part.provenance["commit"] for part in self.parts)
        return self.parts[0].provenance | {"command": "python -m benchmarks", "commit": " ".join(commits)}


def table(name: str, root: Path) -> ResultTable:
    """The committed table of a name `EXPERIMENT/SET` in a checkout.

    `benchmarks/all` names the rows of all benchmarks.

    Raises:
        ResultError: there is none of that name.
    """
    path = root / "results" / f"{name}.csv"
    if name == ALL_PARTS and any(path.parent.glob("*.csv")):
        return JoinedBenchmarks(name=name, path=path)
    if name.count("/") != 1 or not path.is_file():
        raise ResultError(f"results/{name}.csv: no such table")
    return ResultTable(name=name, path=path)


def all_names(root: Path) -> list[str]:
    """Names of all committed tables."""
    return [f"{path.parent.name}/{path.stem}" for path in sorted((root / "results").glob("*/*.csv"))]


def read_rows(path: Path, row: type, content: bytes | None = None) -> list[Any]:
    """Records of a type from the file that `qimg.report.write_csv` wrote.

    Raises:
        ResultError: the file has other columns, or a value that does not fit its column.
    """
    header, *lines = _csv_lines(path, path.read_bytes() if content is None else content)
    hints = {name: plain_type(hint) for name, hint in get_type_hints(row, include_extras=True).items()}
    if header != list(hints):
        other = ", ".join(sorted(set(header) ^ set(hints))) or "another order"
        raise ResultError(f"{path}: has the columns of another version of the experiment ({other})")
    records = []
    for number, line in enumerate(lines, start=2):
        try:
            values = {name: _typed(text, hints[name]) for name, text in zip(header, line, strict=True)}
        except (ValueError, SyntaxError) as error:
            raise ResultError(f"{path}: line {number} cannot be read ({error})") from None
        records.append(row(**values))
    return records


def publish(
    run: Path, root: Path, *, name: str = "", uncommitted: bool = False, replace: bool = False, pixels: bool = False
) -> list[str]:
    """Make the rows of a run the committed table `results/EXPERIMENT/SET.csv`; returns what changed, in sentences.

    Args:
        run: folder with rows.csv and provenance.json.
        root: of the checkout.
        name: of the set; from the run's pictures where it is left out.
        uncommitted: allow a run of code that was not committed.
        replace: allow a table measured with other parameters to be replaced.
        pixels: keep columns that hold pixels of the pictures, whose licence allows copies of them.

    Raises:
        ResultError: the folder is no run, its code was not committed, or the table of that name holds another one.
    """
    facts = read_json(run / "provenance.json")
    experiment = facts.get("experiment", "")
    rows_path = run / "rows.csv"
    if not experiment or not rows_path.is_file():
        raise ResultError(f"{run}: is no run of an experiment, which holds rows.csv and names it in provenance.json")
    commit = facts.get("commit", "")
    if (not commit or commit.endswith("+")) and not uncommitted:
        raise ResultError(f"{run}: its code was not committed (commit {commit!r}); run again, or pass --uncommitted")
    new = ResultTable(name=f"{experiment}/{run.name}", path=rows_path)
    columns = column_kinds(new)
    set_name = name or (facts["params"]["part"] if experiment == BENCHMARKS else set_of(facts["params"]))
    path = root / "results" / experiment / f"{set_name}.csv"
    changes = ["a new table"]
    if path.is_file():
        old = ResultTable(name=f"{experiment}/{set_name}", path=path)
        previous = _defaults(experiment) | old.provenance["params"]
        changed = [key for key in facts["params"] if facts["params"][key] != previous.get(key)]
        if changed and not replace:
            raise ResultError(
                f"{path}: was measured with other parameters ({', '.join(changed)}); name another set with --name, "
                "or pass --replace"
            )
        changes = differences(old, new, columns)
    content = new.content if pixels else without_pixels(new, columns)
    described = facts | {
        "skipped": [_without_folder(entry) for entry in facts.get("skipped", ())],
        "command": facts.get("command") or command_line(experiment, facts["params"]),
        "columns": {key: str(kind) for key, kind in columns.items()},
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    runner.write_json(described, path.with_suffix(".json"))
    return [f"{path.relative_to(root)}: {len(new.rows.rows)} rows", *changes]


def _without_folder(entry: Mapping[str, str]) -> dict[str, str]:
    """A file that a run skipped, without the folder of the machine that it lay in."""
    name = Path(entry["name"]).name
    return {"name": name, "reason": entry["reason"].replace(entry["name"], name)}


def without_pixels(result: ResultTable, columns: Mapping[str, Kind]) -> bytes:
    """The file of a table with empty cells in the columns that hold pixels of the pictures."""
    places = {place for place, kind in enumerate(columns.values()) if isinstance(kind, Pixels)}
    if not places:
        return result.content
    header, *lines = _csv_lines(result.path, result.content)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if place in places else cell for place, cell in enumerate(line)] for line in lines])
    return buffer.getvalue().encode()


def differences(old: ResultTable, new: ResultTable, columns: Mapping[str, Kind]) -> list[str]:
    """One sentence for each column whose values are another result, by the kind of the column."""
    try:
        before, after = old.rows, new.rows
    except ResultError as error:
        return [str(error)]
    if len(before.rows) != len(after.rows):
        return [f"{len(after.rows)} rows replace {len(before.rows)}"]
    sentences = []
    for key, kind in columns.items():
        place = list(after.columns).index(key)
        pairs = [(a[place], b[place]) for a, b in zip(before.rows, after.rows, strict=True)]
        different = sum(not kind.agree(a, b) for a, b in pairs)
        if different:
            sentences.append(f"{key} ({kind}): {different} of {len(pairs)} values differ")
    return sentences or ["no value differs beyond its tolerance"]


def column_kinds(result: ResultTable) -> dict[str, Kind]:
    """Kinds of the columns; numbers that no experiment measured are of one machine."""
    shown = result.rows  # raises where the columns are those of another version
    if writer(result.experiment):
        return kinds(writer(result.experiment).Row)
    columns = zip(*shown.rows, strict=True)
    return {
        name: OfOneMachine() if all(isinstance(value, float | int) for value in values) else Within(0)
        for name, values in zip(shown.columns, columns, strict=True)
    }


def set_of(params: Mapping[str, Any]) -> str:
    """Name of a set of pictures from the parameters of a run: "kodak", "wiki-unsplash", "bundled"."""
    sources = params.get("images") or ("bundled",)
    words = [Path(source.partition("#")[0]).stem + source.partition("#")[2].replace("/", "-") for source in sources]
    return "-".join(words)


def _defaults(experiment: str) -> dict[str, Any]:
    """Default parameters of an experiment; empty for benchmarks, which have none."""
    return {} if experiment == BENCHMARKS else dataclasses.asdict(runner.module(experiment).Params())


def command_line(experiment: str, params: Mapping[str, Any]) -> str:
    """The command that measures an experiment with these parameters."""
    default = dataclasses.asdict(runner.module(experiment).Params())
    words = ["qimg", "experiments", experiment]
    for key in [*default, *(key for key in params if key not in default)]:
        value = params.get(key, default.get(key))
        value = tuple(value) if isinstance(value, list) else value
        if value == default.get(key):
            continue
        flag = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", *map(str, value if isinstance(value, tuple) else (value,))]
    return shlex.join(words)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ResultError: it cannot be read or holds no object.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not isinstance(content, dict):
        raise ResultError(f"{path}: must hold a JSON object")
    return content


def _csv_lines(path: Path, content: bytes) -> list[list[str]]:
    try:
        lines = list(csv.reader(content.decode("utf-8").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ResultError(f"{path}: is no CSV file ({error})") from None
    if not lines or any(len(line) != len(lines[0]) for line in lines):
        raise ResultError(f"{path}: must hold a header and lines of as many values")
    return lines


def _typed(text: str, kind: Any) -> Any:
    if kind is bool:
        if text not in ("True", "False"):
            raise ValueError(f"{text!r} is neither True nor False")
        return text == "True"
    if get_origin(kind) is tuple:
        if kind.__args__[0] is not float:
            return ast.literal_eval(text)
        return tuple(float(part) for part in text.strip("()").split(",") if part.strip())
    return kind(text)


def _transcribed(text: str) -> str:
    """A cell as pages show it: a dash where it is empty, and a minus sign for numbers."""
    return (text if isinstance(_value(text), str) else text.replace("-", "\N{MINUS SIGN}")) or "–"


def _value(text: str) -> Any:
    """A number where a text is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
