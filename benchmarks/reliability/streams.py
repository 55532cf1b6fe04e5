"""Damaged, forged and absurd files of the codec: compiled, with bounds checks, and without compilation.

A damaged file must be refused or give the original picture, and an absurd one must be refused or give the picture of
its decisions. A forged file may give any picture. The outcome must not depend on how the decoder runs.
"""

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from benchmarks import fuzz
from benchmarks.absurd import absurd
from benchmarks.fuzz import Sample
from experiments._results.measurements import Measurement

MODES = {"bounds checked": {"NUMBA_BOUNDSCHECK": "1"}, "not compiled": {"NUMBA_DISABLE_JIT": "1"}}
"""Environments of the decoder beside the compiled one."""
SMALL = {"side": 20, "decisions": 400}
"""Absurd files that are read without compilation, which takes a thousand times as long."""

_CHILD = """
import sys
from benchmarks.fuzz import outcome
for line in sys.stdin:
    print(outcome(bytes.fromhex(line)), flush=True)
"""


def measure(*, compiled: int = 4_000, checked: int = 1_500, interpreted: int = 200, seed: int = 0) -> list[Measurement]:
    """Counts of outcomes by kind of file.

    Args:
        compiled: files of each kind that compiled code reads.
        checked: files of each kind that are read again with bounds checks.
        interpreted: smaller files of each kind that are read compiled and without compilation.
        seed: of all files.

    Raises:
        AssertionError: an outcome is forbidden; the message holds the file.
    """
    sources = fuzz.samples()
    small = [source for source in sources if source.data and _area(source) <= 24 * 24]
    kinds: dict[str, Callable[[np.random.Generator, bool], tuple[bytes, Sample]]] = {
        "damaged": lambda rng, brief: _altered(small if brief else sources, rng, fuzz.damage),
        "forged": lambda rng, brief: _altered(small if brief else sources, rng, fuzz.forged),
        "absurd and forged": lambda rng, brief: _altered([absurd(rng, **(SMALL if brief else {}))], rng, fuzz.forged),
        "absurd": lambda rng, brief: _absurd(rng, **(SMALL if brief else {})),
    }
    rows = []
    for number, (kind, make) in enumerate(kinds.items()):
        files = [make(np.random.default_rng([seed, number, index]), False) for index in range(compiled)]
        brief = [make(np.random.default_rng([seed + 1, number, index]), True) for index in range(interpreted)]
        rows += _compiled(kind, [*files, *brief])
        for (mode, environment), part in zip(MODES.items(), (files[:checked], brief), strict=True):
            rows += _again(f"{kind}, {mode}", [data for data, _ in part], environment)
    return rows


def _area(source: Sample) -> int:
    return 0 if source.image is None else source.image.shape[0] * source.image.shape[1]


def _altered(
    sources: list[Sample], rng: np.random.Generator, damage: Callable[[Sample, np.random.Generator], bytes]
) -> tuple[bytes, Sample]:
    source = sources[int(rng.integers(len(sources)))]
    return damage(source, rng), source


def _absurd(rng: np.random.Generator, **limits: int) -> tuple[bytes, Sample]:
    source = absurd(rng, **limits)
    return source.data, source


def _compiled(kind: str, files: list[tuple[bytes, Sample]]) -> list[Measurement]:
    """Outcomes in compiled code, in this process."""
    tally, forbidden = fuzz.Tally(), []
    for data, source in files:
        try:
            fuzz.check_outcome(data, source, tally, is_forged="forged" in kind)
        except Exception as error:
            forbidden.append(f"{data.hex()}: {type(error).__name__}: {error}")
    counts = {
        "tried": len(files),
        "refused": tally.refused,
        "exact": tally.exact,
        "partial": tally.partial,
        "another picture": tally.other,
    }
    return _rows(f"{kind}, compiled", counts, forbidden)


def _again(what: str, files: list[bytes], environment: dict[str, str]) -> list[Measurement]:
    """Outcomes in another process, beside those of compiled code."""
    if not files:
        return []
    run = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", _CHILD],
        input="".join(f"{data.hex()}\n" for data in files),
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    outcomes = run.stdout.splitlines()
    expected = [fuzz.outcome(data) for data in files]
    pairs = zip(files, expected, outcomes + [run.stderr] * (len(files) - len(outcomes)), strict=True)
    forbidden = [f"{data.hex()}: {line}, but compiled: {other}" for data, other, line in pairs if line != other]
    refused = sum(line.startswith("refused") for line in outcomes)
    return _rows(
        what, {"tried": len(files), "refused": refused, "same outcome": len(files) - len(forbidden)}, forbidden
    )


def _rows(what: str, counts: dict[str, int], forbidden: list[str]) -> list[Measurement]:
    if forbidden:
        raise AssertionError(f"{what}: {len(forbidden)} forbidden outcomes; the file is {forbidden[0]}")
    counts = {**counts, "forbidden": 0}
    return [
        Measurement(table="file", what=what, quantity=quantity, value=float(count))
        for quantity, count in counts.items()
    ]
