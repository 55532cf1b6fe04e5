"""Comparisons of times, and the parts that the command names."""

import itertools
import statistics
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import memory, timing


def test_a_comparison_names_how_many_times_as_fast():
    row = timing.comparison("task", (0.5, 2.0), "peer", target="≥ 2 times as fast")
    assert (row.value, row.peer_value, row.times_as_fast, row.quantity, row.unit) == (0.5, 2.0, 4.0, "time", "s")


def test_both_are_timed_in_turn_after_one_warm_up():
    calls = []
    ticks = itertools.count()
    row = timing.compare(
        "task",
        lambda: calls.append("ours"),
        "peer",
        lambda: calls.append("theirs"),
        target="",
        repeats=3,
        clock=lambda: float(next(ticks)),
    )
    assert calls == ["ours", "theirs"] * 4
    assert row.value == row.peer_value == row.times_as_fast == 1.0


def test_seconds_are_a_median():
    ends = iter([0.0, 5.0, 5.0, 6.0, 6.0, 8.0])
    assert timing.seconds_of(lambda: None, repeats=3, clock=lambda: next(ends)) == statistics.median([5, 1, 2])


def test_scripts_run_in_a_separate_interpreter():
    assert timing.printed("import os, sys; print(sys.argv[1], os.environ['QIMG_TEST'])", "a", QIMG_TEST="b") == "a b"


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="other systems count the parent's memory, too")
def test_peak_memory_does_not_include_that_of_the_parent_process():
    held = np.ones(2**25)  # 256 MiB
    script = "from benchmarks.memory import peak_mebibytes; print(peak_mebibytes())"
    assert 1 < float(timing.printed(script)) < 128 < memory.peak_mebibytes()
    assert held[-1] == 1


def test_unknown_parts_are_refused():
    with pytest.raises(SystemExit, match=r"PART must be one of operators, .*, but is 'nosuch'"):
        command.main(["operators", "nosuch"])


def test_a_part_is_printed_and_recorded(tmp_path, monkeypatch, capsys):
    row = timing.comparison("task", (0.5, 2.0), "other software", target="")
    monkeypatch.setattr(command, "RUNS", tmp_path)
    monkeypatch.setitem(command.PARTS, "imports", lambda: [row])
    command.main(["imports"])
    printed = capsys.readouterr().out
    assert "other software" in printed
    assert f"written to {tmp_path}/benchmarks/imports-1" in printed
    assert (tmp_path / "benchmarks" / "imports-1" / "rows.csv").read_text("utf-8").count("\n") == 2
