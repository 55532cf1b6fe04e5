"""`python -m benchmarks [PART …]` measures speed and memory, prints tables and writes `runs/benchmarks/PART-1`.

Parts are operators, simulator, imports, preparation, prior, codec, restoration, tensor_train and measures, and,
only where they are named, start, low_rank, preparation_search, preparation_patches, codec_large, codec_progressive,
restoration_large, workers and reliability_NAME, where NAME is artifacts, coverage, edges, exactness, foreign, kills,
processes, streams or threads. `python -m benchmarks workers --quick` runs workers on four pictures, and
`low_rank --quick` that part on few patches.
`qimg experiments publish runs/benchmarks/PART-1` makes `results/benchmarks/PART.csv` of a run.

Instead of parts: `python -m benchmarks fuzz [COUNT [SEED]]` reads a million damaged files of the codec, `statements`
prints the size of each room, and `identity [EXPERIMENT …]` compares streams, shipped files and rows with those of
`tests/golden`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module

from benchmarks import (
    codec,
    imports,
    low_rank,
    measures,
    operators,
    preparation,
    prior,
    restoration,
    simulator,
    start,
    tensor_train,
)
from benchmarks import workers as two_workers
from benchmarks.records import RUNS, machine, record
from experiments._results import measurements
from experiments._results.measurements import Measurement
from qimg.cli.streams import any_terminal


def of_damage(arguments: list[str]) -> None:
    """Read damaged files and print the outcomes; ends with an error at a forbidden one."""
    from rich.progress import track

    from benchmarks.fuzz import fuzz

    count, seed = (int(word) for word in (arguments + ["1000000", "0"][len(arguments) :])[:2])
    tally = fuzz(count, seed, track=lambda parts: track(parts, total=count))
    print(f"{tally.refused} refused, {tally.exact} exact, {tally.partial} partial, {tally.other} forged to another one")
    print(f"{tally.seconds:.0f} s, {1e3 * tally.slowest:.1f} ms for the slowest")


def of_size(arguments: list[str]) -> None:
    """Statements of each room."""
    from benchmarks.statements import table

    print(table().to_text())


def of_identity(arguments: list[str]) -> None:
    """Golden streams, shipped files and rows, in a process with their arithmetic; an error where one differs."""
    from tests.golden.kernels import KERNELS

    command = [sys.executable, "-m", "benchmarks.identity", *arguments]
    sys.exit(subprocess.run(command, env=os.environ | dict(KERNELS), check=False).returncode)


PARTS: dict[str, Callable[[], list[Measurement]]] = {
    "operators": operators.measure,
    "simulator": simulator.measure,
    "imports": imports.measure,
    "preparation": preparation.measure,
    "prior": prior.measure,
    "codec": codec.measure,
    "restoration": restoration.measure,
    "tensor_train": tensor_train.measure,
    "measures": measures.measure,
}
LARGE: dict[str, Callable[[], list[Measurement]]] = {
    "start": start.measure,
    "low_rank": low_rank.measure,
    "low_rank --quick": low_rank.quick,
    "preparation_search": preparation.search,
    "preparation_patches": preparation.patches,
    "codec_large": codec.measure_large,
    "codec_progressive": codec.measure_progressive,
    "restoration_large": restoration.measure_large,
    "workers": two_workers.measure,
    "workers --quick": partial(two_workers.measure, quick=True),
}
"""Parts that run only when they are named: they take minutes and gigabytes."""
TRIALS = ("artifacts", "coverage", "edges", "exactness", "foreign", "kills", "processes", "streams", "threads")
"""Files of `benchmarks/reliability`; `reliability_NAME` is a part that runs only when it is named."""


def trials(name: str) -> list[Measurement]:
    """The outcomes of a kind of trial."""
    rows: list[Measurement] = import_module(f"benchmarks.reliability.{name}").measure()
    return rows


OTHERS = {"fuzz": of_damage, "statements": of_size, "identity": of_identity}
"""Commands that measure no time."""


def main(words: list[str]) -> None:
    """Measure the named parts; without names all of `PARTS`, which takes about four minutes."""
    if words and words[0] in OTHERS:
        OTHERS[words[0]](words[1:])
        return
    words = [" ".join(words)] if len(words) == 2 and words[1] == "--quick" else words
    parts = PARTS | LARGE | {f"reliability_{name}": partial(trials, name) for name in TRIALS}
    unknown = [name for name in words if name not in parts]
    if unknown:
        sys.exit(f"PART must be one of {', '.join(parts)}, but is {unknown[0]!r}")
    print(machine())
    for name in words or PARTS:
        begin = time.perf_counter()
        rows = parts[name]()
        folder = record(name, rows, time.perf_counter() - begin, RUNS)
        for table in measurements.tables(rows).values():
            print(f"\n{table.to_text()}")
        print(f"\nwritten to {folder}", flush=True)


if __name__ == "__main__":
    with any_terminal():
        main(sys.argv[1:])
