"""Comparison of golden streams, shipped files, and the rows of every experiment's TINY with those in `tests/golden`.

`python -m benchmarks identity [NAME …]` compares them; `… identity renew [NAME …]` replaces the hashes of shipped files
and the rows, both with the arithmetic of `tests.golden.kernels`. The changelog names each change of them with its
cause.
"""

import dataclasses
import hashlib
import json
import lzma
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from experiments._run import runner
from experiments._run.columns import OfOneMachine, kinds
from tests.golden.make import decoded, digest

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
ROWS = GOLDEN / "rows.json.xz"
SHIPPED = GOLDEN / "shipped.sha256"
PATTERNS = (
    "*.prior",
    "*.tables",
    "*.restorer",
    "*.network",
    "*.latents",
    "*.raster",
    "*.contours",
    "*.codec",
    "*.statistics",
)


def plain(row: Any) -> dict[str, Any]:
    """Values of a row as JSON, without the columns of one machine."""
    values = json.loads(json.dumps(dataclasses.asdict(row)))
    columns = kinds(type(row))
    return {key: value for key, value in values.items() if not isinstance(columns[key], OfOneMachine)}


def different_rows(name: str, rows: Sequence[Any]) -> list[str]:
    """One sentence for each value that differs from the golden file."""
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
    """One sentence for each golden stream that decodes to other pixels."""
    return [
        f"{stream.name}: decodes to other pixels"
        for stream in sorted(GOLDEN.glob("*.qimg"))
        if digest(decoded(stream.read_bytes())) != stream.with_suffix(".sha256").read_text().strip()
    ]


def shipped() -> str:
    """Hash and path of each fitted file in the package, as `sha256sum` writes them."""
    paths = sorted(path for pattern in PATTERNS for path in (ROOT / "qimg").rglob(pattern))
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT).as_posix()}\n" for path in paths
    )


def different_files() -> list[str]:
    """One sentence for each fitted file that is new, gone or altered."""
    lines = set(shipped().splitlines()) ^ set(SHIPPED.read_text("utf-8").splitlines())
    return [f"{name}: new, gone or altered" for name in sorted({line.split()[1] for line in lines})]


def measured(names: Iterable[str]) -> Iterable[tuple[str, Sequence[Any]]]:
    """The rows of every experiment's TINY."""
    return ((name, runner.measure(name, runner.module(name).TINY).rows) for name in names)


def rounded(value: Any) -> Any:
    """A number with a fraction at 12 digits, more than the tolerance compares."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def renew(names: Iterable[str]) -> None:
    """Write the golden rows of experiments and the hashes of shipped files."""
    rows = json.loads(lzma.decompress(ROWS.read_bytes())) | {
        name: [{key: rounded(value) for key, value in plain(row).items()} for row in measured_rows]
        for name, measured_rows in measured(names)
    }
    ROWS.write_bytes(lzma.compress(json.dumps(rows).encode(), preset=9))
    SHIPPED.write_text(shipped(), "utf-8")


def main(arguments: Sequence[str]) -> None:
    """Print the differences, and end with an error where there are any."""
    if arguments[:1] == ["renew"]:
        renew(arguments[1:] or runner.EXPERIMENTS)
        return
    problems = [*different_streams(), *different_files()]
    for name, rows in measured(arguments or runner.EXPERIMENTS):
        differences = different_rows(name, rows)
        print(f"{name}: {len(rows)} rows, {len(differences)} different values", flush=True)
        problems += differences
    if problems:
        sys.exit("\n".join(problems))
    print("golden streams, shipped files and rows are identical")


if __name__ == "__main__":
    main(sys.argv[1:])
