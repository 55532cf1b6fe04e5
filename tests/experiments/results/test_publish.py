"""Runs become committed tables: what is refused, what is kept beside them, and what replacing one changes."""

import dataclasses
import json
import math
from dataclasses import dataclass

import pytest

from experiments._results.tables import ResultError, command_line, publish, read_rows, set_of, table
from experiments._run.columns import OfOneMachine, Seconds, Within, kinds
from experiments.operators import decoherence, purification, synthesis
from qimg.report import write_csv
from tests.experiments.results.test_documentation import run_of


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    count: int
    share: float
    exact: bool
    spread: tuple[float, ...]
    drawn: tuple[str, ...]
    took_seconds: Seconds


ROW = Row(
    name="a, b", count=3, share=1 / 3, exact=True, spread=(math.nan, 0.1), drawn=("x", "y, z"), took_seconds=math.inf
)


def test_rows_come_back_from_the_file(tmp_path):
    write_csv([ROW, dataclasses.replace(ROW, spread=(), exact=False)], tmp_path / "rows.csv")
    first, second = read_rows(tmp_path / "rows.csv", Row)
    assert repr(first) == repr(ROW)  # NaN is not equal to itself
    assert second == dataclasses.replace(ROW, spread=(), exact=False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("share", "part", "has the columns of another version"),
        (",3,", ",three,", "line 2 cannot be read"),
        (",True,", ",yes,", "line 2 cannot be read"),
        (",3,", ",3", "must hold a header and lines of as many values"),
    ],
)
def test_files_that_are_no_rows(tmp_path, old, new, message):
    path = tmp_path / "rows.csv"
    write_csv([ROW], path)
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(ResultError, match=message):
        read_rows(path, Row)


def test_kinds_of_columns_are_declared_by_types():
    found = kinds(Row)
    assert [str(kind) for kind in found.values()] == [
        "exact", "exact", "within 1e-09", "exact", "within 1e-09", "exact", "one machine",
    ]  # fmt: skip
    assert found["share"].agree(1 / 3, 1 / 3 + 1e-12)
    assert not found["share"].agree(1 / 3, 1 / 3 + 1e-6)
    assert found["took_seconds"].agree(1.0, 2.0)
    assert not found["count"].agree(3, 4)
    assert isinstance(found["spread"], Within)
    assert isinstance(found["took_seconds"], OfOneMachine)


def test_publishing_copies_rows_and_says_where_they_come_from(tmp_path):
    run = run_of(tmp_path / "run")
    assert publish(run, tmp_path)[1:] == ["a new table"]
    result = table("purification/bundled", tmp_path)
    assert result.content == (run / "rows.csv").read_bytes()
    assert result.provenance["command"] == "qimg experiments purification --box-mean 8"
    assert result.provenance["columns"]["image"] == "exact"
    assert result.provenance["commit"] == "0123456789abcdef"
    assert result.problems() == []


def test_pixels_of_pictures_are_published_only_on_request(tmp_path):
    rows = [
        synthesis.Row(source="real", image="a", statistic="picture", x=math.nan, value=8.0, picture="iVBOR/+w=="),
        synthesis.Row(source="real", image="a", statistic="slope", x=math.nan, value=-2.0),
    ]
    run = run_of(tmp_path / "run")
    write_csv(rows, run / "rows.csv")
    facts = json.loads((run / "provenance.json").read_text("utf-8"))
    facts |= {"experiment": "synthesis", "params": dataclasses.asdict(synthesis.TINY)}
    (run / "provenance.json").write_text(json.dumps(facts), "utf-8")
    publish(run, tmp_path, name="without")
    result = table("synthesis/without", tmp_path)
    assert b"iVBOR" not in result.content
    assert repr(result.records) == repr([dataclasses.replace(row, picture="") for row in rows])
    assert result.problems() == []
    publish(run, tmp_path, name="with", pixels=True)
    assert table("synthesis/with", tmp_path).content == (run / "rows.csv").read_bytes()
    assert publish(run, tmp_path, name="without")[1:] == ["no value differs beyond its tolerance"]


def test_folders_of_the_machine_are_left_out(tmp_path):
    run = run_of(tmp_path / "run")
    facts = json.loads((run / "provenance.json").read_text("utf-8"))
    facts["skipped"] = [{"name": "/data/a.txt", "reason": "/data/a.txt: not an image"}]
    (run / "provenance.json").write_text(json.dumps(facts), "utf-8")
    publish(run, tmp_path)
    skipped = table("purification/bundled", tmp_path).provenance["skipped"]
    assert skipped == [{"name": "a.txt", "reason": "a.txt: not an image"}]


def test_replacing_a_table_names_the_columns_that_differ(tmp_path):
    publish(run_of(tmp_path / "a"), tmp_path)
    assert publish(run_of(tmp_path / "b"), tmp_path)[1:] == ["no value differs beyond its tolerance"]
    assert publish(run_of(tmp_path / "c", entropy=2.0), tmp_path)[1:] == [
        "entropy_bits (within 1e-09): 2 of 2 values differ"
    ]


def test_runs_that_are_refused(tmp_path):
    with pytest.raises(ResultError, match=r"provenance.json: cannot be read"):
        publish(tmp_path, tmp_path)
    for name, commit in (("none", ""), ("changed", "0123+")):
        run = run_of(tmp_path / name, commit=commit)
        with pytest.raises(ResultError, match="its code was not committed"):
            publish(run, tmp_path)
        assert publish(run, tmp_path, name=name, uncommitted=True)[1:] == ["a new table"]
    publish(run_of(tmp_path / "one"), tmp_path)
    other = run_of(tmp_path / "two", box_mean=2)
    with pytest.raises(ResultError, match=r"was measured with other parameters \(box_mean\)"):
        publish(other, tmp_path)
    publish(other, tmp_path, replace=True)
    assert table("purification/bundled", tmp_path).provenance["params"]["box_mean"] == 2


def test_names_and_commands_come_from_parameters():
    assert set_of({"images": []}) == "bundled"
    assert set_of({"images": ["kodak"]}) == "kodak"
    assert set_of({"images": ["train/wiki", "camera.png", "splits.json#fit/A"]}) == "wiki-camera-splitsfit-A"
    params = decoherence.Params(images=("kodak",), alpha_from=("a b", "c"), qualities=(50,))
    assert command_line("decoherence", dataclasses.asdict(params)) == (
        "qimg experiments decoherence --images kodak --alpha-from 'a b' c --qualities 50"
    )
    assert command_line("purification", dataclasses.asdict(purification.Params())) == "qimg experiments purification"
