"""The comparison with golden rows and hashes, and the count of statements."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest

from benchmarks import identity, statements
from experiments._run import runner
from experiments._run.columns import ROUNDING, Seconds


@dataclass(frozen=True)
class Row:
    name: str
    value: float
    elapsed: Seconds
    several: tuple[float, ...] = (1.0, math.nan)


def test_times_are_no_part_of_a_row():
    assert identity.plain(Row("a", 1.5, 3.0)).keys() == {"name", "value", "several"}


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1.0, 1.0 + 1e-10, True),
        (1.0, 1.0 + 1e-8, False),
        (1e6, 1e6 + 1e-4, True),
        (1e-12, -3e-12, True),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (math.inf, math.inf, True),
        (math.inf, 1e300, False),
        (3, 3, True),
        (3, 4, False),
        (3, 3.0, False),
        ("a", "b", False),
        ([1.0, math.nan], [1.0, math.nan], True),
        ([1.0], [1.0, 2.0], False),
    ],
)
def test_numbers_are_the_same_up_to_another_order_of_sums(a, b, same):
    assert ROUNDING.agree(a, b) is same


def test_every_experiment_has_golden_rows_and_differences_are_named(monkeypatch):
    measured = runner.measure("pairs", runner.module("pairs").TINY)
    assert identity.different_rows("pairs", measured.rows) == []
    changed = [dataclasses.replace(measured.rows[0], psnr_y_db=0.0), *measured.rows[1:]]
    (sentence,) = identity.different_rows("pairs", changed)
    assert sentence.startswith("pairs: row 0: psnr_y_db is 0.0 instead of ")
    assert identity.different_rows("pairs", measured.rows[1:]) == [
        f"pairs: {len(measured.rows) - 1} rows instead of {len(measured.rows)}"
    ]
    assert identity.different_rows("nosuch", []) == ["nosuch: the golden file has no rows"]


def test_shipped_files_are_those_of_the_hashes(monkeypatch, tmp_path):
    assert identity.different_files() == []
    lines = identity.SHIPPED.read_text().splitlines(keepends=True)
    altered = tmp_path / "shipped.sha256"
    altered.write_text(
        lines[0].replace(lines[0][:4], "0000" if lines[0][:4] != "0000" else "1111") + "".join(lines[2:])
    )
    monkeypatch.setattr(identity, "SHIPPED", altered)
    names = {line.split()[1] for line in lines[:2]}
    assert identity.different_files() == [f"{name}: new, gone or altered" for name in sorted(names)]


def test_statements_are_counted_at_any_depth_and_docstrings_are_not():
    source = (
        '"""A module."""\nimport os\n\ndef f(x):\n    """A function."""\n    if x:\n        return 1\n    return 2\n'
    )
    assert statements.statements(source) == 5  # import, def, if, two returns
    assert statements.statements("x = 1; y = 2\n'''An attribute.'''") == 2


def test_files_belong_to_their_room():
    rooms = ("qimg/codecs/block/api.py", "qimg/patches.py", "circuits/noise/models.py", "docs/conf.py")
    assert [statements.room(PurePosixPath(path)) for path in rooms] == ["qimg/codecs", "qimg", "circuits", "docs"]
