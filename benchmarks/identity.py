"""Whether a change kept what it has to keep: golden streams, shipped files, and the rows of every experiment's TINY.

`python -m benchmarks identity [NAME …]` compares them with `tests/golden`; `… identity renew [NAME …]` writes hashes
of shipped files and the rows anew. A change of them belongs into the changelog with its cause.
"""

import dataclasses
import hashlib
import json
import lzma
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import qimg
from experiments._run import runner
from experiments._run.columns import OfOneMachine, kinds
from tests.golden.make import digest

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
ROWS = GOLDEN / "rows.json.xz"
SHIPPED = GOLDEN / "shipped.sha256"
PATTERNS = ("*.prior", "*.tables", "*.restorer", "*.network")


def plain(row: Any) -> dict[str, Any]:
    """A row as JSON holds it, without the columns of one machine."""
    values = json.loads(json.dumps(dataclasses.asdict(row)))
    columns = kinds(type(row))
    return {key: value for key, value in values.items() if not isinstance(columns[key], OfOneMachine)}


def different_rows(name: str, rows: Sequence[Any]) -> list[str]:
    """One sentence for each value that is not the one of the golden file."""
    expected = json.loads(lzma.decompress(ROWS.read_bytes())).get(name)
    if expected is None:
        return [f"{name}: the golden file has no rows"]
    if len(rows) != len(expected):
        return [f"{name}: {len(rows)} rows instead of {len(expected)}"]
    columns = kinds(runner.module(name).Row)
    return [
        f"{name}: row {k}: {key} is {new.get(key)!r} instead of {old.get(key)!r}"
        for k, (old, new) in enumerate(zip(expected, map(plain, rows), strict=True))
        for key in old | new
        if key not in old or key not in new or not columns[key].agree(old[key], new[key])
    ]


def different_streams() -> list[str]:
    """Golden streams that decode to other pixels."""
    return [
        f"{stream.name}: decodes to other pixels"
        for stream in sorted(GOLDEN.glob("*.qimg"))
        if digest(qimg.decode(stream.read_bytes())) != stream.with_suffix(".sha256").read_text().strip()
    ]


def shipped() -> str:
    """Hash and path of each fitted file in the package, as `sha256sum` writes them."""
    paths = sorted(path for pattern in PATTERNS for path in (ROOT / "qimg").rglob(pattern))
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT).as_posix()}\n" for path in paths
    )


def different_files() -> list[str]:
    """Fitted files that are new, gone or altered."""
    lines = set(shipped().splitlines()) ^ set(SHIPPED.read_text("utf-8").splitlines())
    return [f"{name}: new, gone or altered" for name in sorted({line.split()[1] for line in lines})]


def measured(names: Iterable[str]) -> Iterable[tuple[str, Sequence[Any]]]:
    """The rows of every experiment's TINY."""
    return ((name, runner.measure(name, runner.module(name).TINY).rows) for name in names)


def rounded(value: Any) -> Any:
    """12 digits of numbers with a fraction: what the tolerance can tell apart."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def renew(names: Iterable[str]) -> None:
    """Write the golden rows of experiments and the hashes of shipped files."""
    rows = json.loads(lzma.decompress(ROWS.read_bytes())) | {
        name: [{key: rounded(value) for key, value in plain(row).items()} for row in found]
        for name, found in measured(names)
    }
    ROWS.write_bytes(lzma.compress(json.dumps(rows).encode(), preset=9))
    SHIPPED.write_text(shipped(), "utf-8")


def main(arguments: Sequence[str]) -> None:
    """Print what is different, and end with an error where something is."""
    if arguments[:1] == ["renew"]:
        renew(arguments[1:] or runner.EXPERIMENTS)
        return
    found = [*different_streams(), *different_files()]
    for name, rows in measured(arguments or runner.EXPERIMENTS):
        differences = different_rows(name, rows)
        print(f"{name}: {len(rows)} rows, {len(differences)} different values", flush=True)
        found += differences
    if found:
        sys.exit("\n".join(found))
    print("golden streams, shipped files and rows are identical")
