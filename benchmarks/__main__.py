"""`python -m benchmarks [PART …]` prints ratios beside targets.

Parts are operators, simulator, imports, preparation, prior, codec, restoration and tensor_train, and, only where
they are named, start, preparation_search, preparation_patches, codec_large, codec_progressive, restoration_large and
workers, which `python -m benchmarks workers --quick` runs on four pictures.

Instead of parts: `python -m benchmarks fuzz [COUNT [SEED]]` reads a million damaged files of the codec, `statements`
prints the size of each room, and `identity [EXPERIMENT …]` compares streams, shipped files and rows with those of
`tests/golden`.
"""

import os
import platform
import statistics
import sys
from functools import partial

from benchmarks import codec, operators, preparation, prior, restoration, simulator, start, tensor_train, workers
from benchmarks.timing import Comparison, printed
from qimg.report import Table


def machine() -> str:
    """Processor, cores and versions."""
    import numpy
    import qiskit
    import qiskit_aer

    model = platform.processor() or platform.machine()
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, "
        f"NumPy {numpy.__version__}, Qiskit {qiskit.__version__}, Aer {qiskit_aer.__version__}"
    )


def import_seconds(statement: str, repeats: int = 7) -> float:
    """Median time of a statement in a fresh interpreter, the interpreter's own start not counted."""
    script = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    return statistics.median(float(printed(script)) for _ in range(repeats))


def of_operators() -> tuple[list[Comparison], list[str]]:
    """Operators and transforms against the bare product."""
    peaks = ", ".join(f"{n:,}: {mib:.1f} MiB" for n, mib in operators.memory())
    said = [f"peak memory of fitting n pictures of 256 × 256: {peaks}"]
    return [operators.from_patches(21), operators.from_planes(21), operators.batched_transform(21)], said


def of_simulator() -> tuple[list[Comparison], list[str]]:
    """Batches through Aer against one circuit per patch."""
    comparisons, errors = simulator.compare(9)
    return comparisons, [f"{name}: {value:.2e}" for name, value in errors.items()]


def of_imports() -> tuple[list[Comparison], list[str]]:
    """How long `import qimg` takes."""
    ours, numpy = import_seconds("import qimg"), import_seconds("import numpy")
    return [], [f"import qimg: {ours:.3f} s (target < 0.5), of which numpy {numpy:.3f} s"]


def of_damage(arguments: list[str]) -> None:
    """Read damaged files and say what became of them; ends with an error where something happens that may not."""
    from rich.progress import track

    from benchmarks.fuzz import fuzz

    count, seed = (int(given) for given in (arguments + ["1000000", "0"][len(arguments) :])[:2])
    tally = fuzz(count, seed, track=lambda parts: track(parts, total=count))
    print(f"{tally.refused} refused, {tally.exact} exact, {tally.other} with forged checksums gave another picture")
    print(f"{tally.seconds:.0f} s, {1e3 * tally.slowest:.1f} ms for the slowest")


def of_size(arguments: list[str]) -> None:
    """Statements of each room."""
    from benchmarks.statements import table

    print(table().to_text())


def of_identity(arguments: list[str]) -> None:
    """Golden streams, shipped files and rows; ends with an error where one differs."""
    from benchmarks.identity import main

    main(arguments)


PARTS = {
    "operators": of_operators,
    "simulator": of_simulator,
    "imports": of_imports,
    "preparation": preparation.compare,
    "prior": prior.compare,
    "codec": codec.compare,
    "restoration": restoration.compare,
    "tensor_train": tensor_train.compare,
}
LARGE = {
    "start": start.compare,
    "preparation_search": preparation.search,
    "preparation_patches": preparation.patches,
    "codec_large": codec.compare_large,
    "codec_progressive": codec.compare_progressive,
    "restoration_large": restoration.compare_large,
    "workers": workers.compare,
    "workers --quick": partial(workers.compare, quick=True),
}
"""Parts that run only when they are named: minutes and gigabytes."""

OTHERS = {"fuzz": of_damage, "statements": of_size, "identity": of_identity}
"""Commands that measure no time."""


def main(chosen: list[str]) -> None:
    """Run the named parts, all of them without names: about two minutes, and as many more for the prior."""
    if chosen and chosen[0] in OTHERS:
        OTHERS[chosen[0]](chosen[1:])
        return
    chosen = ["workers --quick"] if chosen == ["workers", "--quick"] else chosen
    parts = PARTS | LARGE
    unknown = [name for name in chosen if name not in parts]
    if unknown:
        sys.exit(f"benchmarks are {', '.join(parts)}, but {unknown[0]!r} was asked for")
    measured = [parts[name]() for name in chosen or PARTS]
    rows = [
        [one.what, 1e3 * one.ours_seconds, one.peer, 1e3 * one.peer_seconds, one.figure, one.value, one.target]
        for comparisons, _ in measured
        for one in comparisons
    ]
    if rows:
        columns = ["what", "ours, ms", "peer", "peer, ms", "figure", "value", "target"]
        print(Table(columns=columns, rows=rows, caption=machine()).to_text())
        print()
    for sentence in (sentence for _, said in measured for sentence in said):
        print(sentence)


if __name__ == "__main__":
    main(sys.argv[1:])
