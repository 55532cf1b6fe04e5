"""Rows of benchmarks: their tables, their figure, and the committed tables that the documentation quotes."""

import math
from pathlib import Path

import pytest

from benchmarks.records import record
from experiments._results import commands, figures, measurements
from experiments._results.measurements import Measurement
from experiments._results.quotes import Evidence
from experiments._results.tables import ResultError, publish, table

ROWS = [
    Measurement(
        table="task", what="encode", quantity="CPU time", value=0.5, unit="s", peer="AVIF", peer_value=0.25,
        times_as_fast=0.5, target="≤ 1 s",
    ),
    Measurement(
        table="task", what="decode", quantity="CPU time", value=0.1, unit="s", peer="AVIF", peer_value=1.2,
        times_as_fast=12.0,
    ),
    Measurement(table="picture_size", what="1 Mpixel", quantity="encode", value=1.23456, unit="s"),
    Measurement(table="picture_size", what="1 Mpixel", quantity="file", value=24405.0, unit="bytes"),
    Measurement(table="picture_size", what="4 Mpixel", quantity="encode", value=5.0, unit="s", target="≤ 9 s"),
]  # fmt: skip

PAGE = """# Speed

<!-- question: benchmarks/all -->
<!-- end -->

Encoding takes <!--= benchmarks/codec; what=encode & quantity=CPU time; value; .2f -->?<!--=--> s, and a file has
about <!--= benchmarks/codec#picture_size; 1 Mpixel; file, bytes -->?<!--=--> bytes.

<!-- figure: benchmarks/all -->
<!-- end -->

<!-- table: benchmarks/all#task -->
<!-- end -->

<!-- command: benchmarks/all -->
<!-- end -->
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with the tables of two benchmarks and a page that quotes them."""
    root = tmp_path / "checkout"
    (root / "docs").mkdir(parents=True)
    (root / "README.md").write_text("# qimg\n", "utf-8")
    (root / "docs" / "speed.md").write_text(PAGE, "utf-8")
    for part, rows in (("codec", ROWS), ("start", ROWS[2:])):
        run = record(part, rows, 1.0, tmp_path / "runs")
        assert publish(run, root, uncommitted=True) == [
            f"results/benchmarks/{part}.csv: {len(rows)} rows",
            "a new table",
        ]
    return root


def test_rows_with_peers_and_rows_by_quantity_are_tables():
    tables = measurements.tables(ROWS)
    assert list(tables) == ["task", "picture_size"]
    assert tables["task"].columns == [
        "task", "quantity", "qimg", "peer", "value of the peer", "times as fast", "target",
    ]  # fmt: skip
    assert tables["task"].texts()[0] == ["encode", "CPU time, s", "0.5", "AVIF", "0.25", "0.50", "≤ 1 s"]
    assert tables["picture_size"].columns == ["picture size", "encode, s", "file, bytes", "target"]
    assert tables["picture_size"].texts() == [["1 Mpixel", "1.23", "24,405", ""], ["4 Mpixel", "5", "–", "≤ 9 s"]]


def test_a_table_without_ratios_or_targets_has_no_columns_for_them():
    row = Measurement(table="file", what="qimg", quantity="size", value=1.0, unit="MB", peer="AVIF", peer_value=2.0)
    assert measurements.tables([row])["file"].columns == ["file", "quantity", "qimg", "peer", "value of the peer"]


def test_runs_are_written_with_provenance_and_never_overwritten(tmp_path):
    first, second = (record("workers --quick", ROWS, 1.0, tmp_path) for _ in range(2))
    assert first == tmp_path / "benchmarks" / "workers-quick-1"
    assert second == tmp_path / "benchmarks" / "workers-quick-2"
    publish(first, tmp_path, uncommitted=True)
    result = table("benchmarks/workers-quick", tmp_path)
    assert repr(result.records) == repr(ROWS)  # NaN is not equal to itself
    assert result.provenance["command"] == "python -m benchmarks workers --quick"
    assert result.provenance["params"] == {"part": "workers-quick"}
    assert result.provenance["seconds"] == {"workers-quick": 1.0}
    assert result.provenance["columns"] == dict.fromkeys(
        ("table", "what", "quantity", "unit", "peer", "target"), "exact"
    ) | dict.fromkeys(("value", "peer_value", "times_as_fast"), "one machine")
    assert publish(second, tmp_path, uncommitted=True)[1:] == ["no value differs beyond its tolerance"]


def test_a_page_quotes_benchmarks_and_shows_all_of_them(root):
    assert commands.inserted(root) == []
    text = (root / "docs" / "speed.md").read_text("utf-8")
    assert "-->0.50<!--=--> s" in text
    assert "-->24,405<!--=--> bytes" in text
    assert f"**{measurements.__doc__.splitlines()[0]}**" in text
    assert "python -m benchmarks\n" in text
    assert (
        "![Times as fast as its peer, for each task of the table that has one](results/figures/benchmarks-all.svg)"
        in text
    )
    assert commands.checked(root) == []


def test_all_benchmarks_together_have_the_rows_of_each(root):
    joined = Evidence(root).result("benchmarks/all")
    assert [len(joined.records), len(joined.rows.rows)] == [8, 8]
    assert joined.provenance["commit"] == table("benchmarks/codec", root).provenance["commit"]
    sha256 = joined.sha256
    run = record("codec", ROWS[:4], 1.0, root.parent / "runs")
    publish(run, root, uncommitted=True)
    assert Evidence(root).result("benchmarks/all").sha256 != sha256


def test_without_benchmarks_there_is_no_table_of_all(tmp_path):
    with pytest.raises(ResultError, match="no such table"):
        table("benchmarks/all", tmp_path)


def test_the_figure_has_a_bar_for_each_comparison():
    import matplotlib.pyplot as plt

    figure = measurements.plot(ROWS)
    bars = [bar.get_width() + bar.get_x() for bar in figure.axes[0].patches]
    assert bars == pytest.approx([0.5, 12.0])
    assert math.log10(figure.axes[0].get_xlim()[1]) > math.log10(12)
    plt.close(figure)
    assert figures.figure_bytes("benchmarks", ROWS, "svg") == figures.figure_bytes("benchmarks", ROWS, "svg")
    with pytest.raises(ValueError, match="no time of these rows has a peer"):
        measurements.plot(ROWS[2:])
