"""Runs of benchmarks on disk: rows and provenance, as those of experiments. Runs are never overwritten."""

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from experiments._results.measurements import Measurement
from experiments._results.tables import BENCHMARKS
from experiments._run import runner
from experiments._run.pictures import Gathered
from qimg.core.atomic import publish_folder, unfinished_folder

RUNS = Path("runs")
"""Folder of all runs, which git ignores."""


def record(part: str, rows: Sequence[Measurement], seconds: float, root: Path) -> Path:
    """Write rows.csv and provenance.json to the first new folder root/benchmarks/PART-1, PART-2, and so on.

    Args:
        part: words of the command line that name the benchmark.
        rows: what was measured.
        seconds: duration of the measurement.
        root: folder of all runs.
    """
    name = part.replace(" --", "-")
    nothing = Gathered(pictures=(), skipped=())
    facts = {"experiment": BENCHMARKS, "command": f"python -m benchmarks {part}"}
    facts |= runner.provenance({"part": name}, nothing, seconds={name: seconds})
    parent = root / BENCHMARKS
    parent.mkdir(parents=True, exist_ok=True)
    with unfinished_folder(parent) as partial:
        runner.write_rows(rows, partial / "rows.csv")
        runner.write_json(facts, partial / "provenance.json")
        return publish_folder(partial, runner.free(parent, (f"{name}-{number}" for number in count(1))))


def rows_of(table: str, what: str, values: Mapping[str, float]) -> list[Measurement]:
    """A row for each quantity, without a unit."""
    return [
        Measurement(table=table, what=what, quantity=quantity, value=float(value)) for quantity, value in values.items()
    ]


def machine() -> str:
    """Processor, cores and versions, as a caption."""
    nothing = Gathered(pictures=(), skipped=())
    facts = runner.provenance({}, nothing, seconds={})
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in ("python", "numpy", "qiskit", "qiskit-aer"))
    processor = facts["machine"]["processor"] or facts["machine"]["architecture"]
    return f"{processor}, {facts['machine']['cpus']} cores, {facts['machine']['system']}; {versions}"
