"""Numbers, tables and figures of the documentation are those of committed tables; planted errors are found."""

import dataclasses
import json
from pathlib import Path

import pytest

from experiments.__main__ import main as command_line
from experiments._results import commands, figures
from experiments._results.quotes import Evidence, parse
from experiments._results.tables import ResultError, publish, table
from experiments._results.unmarked import unmarked
from experiments._run import runner
from experiments.operators import purification

PAGE = """# A page

<!-- question: purification/tiny -->
<!-- end -->

The entropy of a is <!--= purification/tiny; a; entropy_bits; .2f -->?<!--=--> bit, the mean
is <!--= purification/tiny; ; mean(entropy_bits) -->?<!--=--> bit.

<!-- figure: purification/tiny -->
<!-- end -->

<!-- table: purification/tiny#pictures; a -->
<!-- end -->

<!-- command: purification/tiny -->
<!-- end -->

An interval of 95 % and `--psnr 34 dB` are no measurement, nor is

```sh
echo 12 dB
```
"""


def run_of(folder: Path, *, entropy: float = 1.25, commit: str = "0123456789abcdef", **params: object) -> Path:
    """A run of the experiment `purification` with two made-up pictures."""
    names = [field.name for field in dataclasses.fields(purification.Row)]
    folder.mkdir(parents=True)
    values = dict.fromkeys(names, 0.5) | {"patches": 4, "rank": 2}
    rows = [purification.Row(**values | {"image": image, "entropy_bits": entropy + k}) for k, image in enumerate("ab")]
    runner.write_rows(rows, folder / "rows.csv")
    facts = {"experiment": "purification", "params": dataclasses.asdict(purification.TINY) | params, "commit": commit}
    facts |= {"inputs": [{}] * 2, "versions": {"python": "3", "numpy": "2"}, "machine": runner.machine()}
    (folder / "provenance.json").write_text(json.dumps(facts), "utf-8")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one table and one page, both filled."""
    root = tmp_path / "checkout"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "definitions.txt").write_text("# of an interval\nof 95 %\n", "utf-8")
    (root / "README.md").write_text("# qimg\n", "utf-8")
    (root / "docs" / "page.md").write_text(PAGE, "utf-8")
    publish(run_of(tmp_path / "run"), root, name="tiny")
    assert commands.inserted(root) == []
    return root


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_filled_page_passes(root):
    text = (root / "docs" / "page.md").read_text("utf-8")
    assert "-->1.25<!--=--> bit, the mean\nis" in text
    assert "-->1.750<!--=--> bit." in text
    assert runner.question("purification") in text
    assert "qimg experiments purification" in text
    assert "](results/figures/purification-tiny.svg)" in text
    assert commands.checked(root) == []


def test_filling_twice_changes_nothing(root):
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert commands.inserted(root) == []
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_planted_wrong_number_is_found_and_mended(root):
    replaced(root / "docs" / "page.md", "-->1.25<", "-->1.26<")
    assert commands.checked(root) == ["docs/page.md:9: '1.26' stands here, but the table has '1.25'"]
    assert commands.inserted(root) == []


def test_a_planted_number_inside_a_table_is_found(root):
    replaced(root / "docs" / "page.md", "| a | ", "| a | 9")
    (problem,) = commands.checked(root)
    assert problem.startswith("docs/page.md:")
    assert "the block is not what the table gives" in problem


@pytest.mark.parametrize("planted", ["It gains 1.2 dB.", "It takes\n3 seconds.", "30 % of\nthem.", "| a | 1.25 |"])
def test_an_unmarked_number_is_found(root, planted):
    with (root / "README.md").open("a", encoding="utf-8") as file:
        file.write(f"\n{planted}\n")
    (problem,) = commands.checked(root)
    assert problem.startswith(("README.md:3: ", "README.md:4: "))
    assert problem.endswith("has no marker that names a table")


def test_a_table_replaced_without_its_page_is_stale(root, tmp_path):
    publish(run_of(tmp_path / "second", entropy=1.5), root, name="tiny")
    problems = commands.checked(root)
    assert any("'1.25' stands here, but the table has '1.50'" in problem for problem in problems)
    assert any("was drawn from older rows" in problem for problem in problems)
    assert commands.inserted(root) == []


def test_a_table_altered_by_hand_is_found(root):
    replaced(root / "results" / "purification" / "tiny.csv", "1.25", "1.35")
    assert any("is not the file that tiny.json describes" in problem for problem in commands.checked(root))


def test_a_table_of_another_version_is_found(root):
    replaced(root / "results" / "purification" / "tiny.csv", "entropy_bits", "entropy")
    assert any("columns of another version of the experiment (entropy, " in one for one in commands.checked(root))


def test_a_figure_altered_by_hand_or_missing_is_found(root):
    path = root / "docs" / "results" / "figures" / "purification-tiny.svg"
    path.write_bytes(path.read_bytes() + b" ")
    assert any("is not the file that was drawn" in problem for problem in commands.checked(root))
    path.unlink()
    assert any("was not drawn" in problem for problem in commands.checked(root))
    assert commands.inserted(root) == []


def test_numbers_that_begin_a_line_are_refused(root):
    replaced(root / "docs" / "page.md", "The entropy of a is <!--=", "The entropy of a is\n<!--=")
    assert any("a number may not begin a line" in problem for problem in commands.checked(root))


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("purification/none; a; entropy_bits", "results/purification/none.csv: no such table"),
        ("purification/tiny; c; entropy_bits", "no row has c"),
        ("purification/tiny; a; entropy", "has no column 'entropy'"),
        ("purification/tiny; ; entropy_bits", "names 2 rows, but must name one"),
        ("purification/tiny#other; a; entropy_bits", "has no table 'other'; its tables are"),
        ("purification/tiny; a", "must be TABLE; ROW; COLUMN"),
    ],
)
def test_references_that_name_no_cell(root, reference, message):
    with pytest.raises(ResultError, match=message.replace("(", r"\(")):
        Evidence(root).text(reference)


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("purification/tiny; image=b; entropy_bits; +.1f", "+2.2"),
        ("purification/tiny; patches=4 & image=a; entropy_bits; .1%", "125.0"),
        ("purification/tiny; ; max(entropy_bits); .3f", "2.250"),
        ("purification/tiny; patches=4; count(image)", "2"),
    ],
)
def test_references_choose_rows_columns_and_formats(root, reference, text):
    assert Evidence(root).text(reference) == text


def test_transcribed_tables_are_shown_as_they_are_written(root):
    path = root / "results" / "published" / "gains.csv"
    path.parent.mkdir()
    path.write_text("method,Q10,Q20,source\na,+1.10,-0.5,Paper\nb,+1.20,,Paper\n", "utf-8")
    evidence = Evidence(root)
    assert evidence.shown("published/gains").to_markdown().splitlines() == [
        *("| method | Q10 | Q20 |", "| --- | --- | --- |", "| a | +1.10 | −0.5 |", "| b | +1.20 | – |"),
        *("", "Source: Paper."),
    ]
    assert evidence.text("published/gains; a; Q20; +.2f") == "−0.50"
    path.write_text("method,Q10,source\na,+1.10,Paper\nb,+1.20,Report\n", "utf-8")
    assert Evidence(root).shown("published/gains").texts() == [["a", "+1.10", "Paper"], ["b", "+1.20", "Report"]]


def test_a_table_without_an_experiment_has_no_others(root):
    path = root / "results" / "transcribed" / "some.csv"
    path.parent.mkdir()
    path.write_text("what,value,source\na,1,somewhere\n", "utf-8")
    with pytest.raises(ResultError, match="has no table 'other'; its tables are none"):
        Evidence(root).text("transcribed/some#other; a; value")


def test_a_reference_may_run_over_lines():
    assert parse("a/b#c;\n  d=1;\n e").part == "c"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.2 dB, 30 %, 5 bytes and 3.5 s", ["1.2 dB", "30 %", "5 bytes", "3.5 s"]),
        ("−8.9 % and 1·10⁻⁴ s", ["−8.9 %", "1·10⁻⁴ s"]),
        ("2 pictures, 64 coefficients, version 2.1, at quality 10", []),
        ("`4 dB` and $4 dB$ and [a](4 dB)", []),
        ("| 64 | 8 |", []),
        ("| name | +1.25 |", ["+1.25"]),
        ("8-bit pictures, MB/s", []),
    ],
)
def test_numbers_with_units_are_measurements(text, numbers):
    assert [number for _, number in unmarked(text, [])] == numbers


def test_a_page_of_definitions_is_exempt():
    assert unmarked("<!-- numbers: definitions -->\n4 bytes", []) == []


def test_the_documentation_of_this_checkout_is_what_its_tables_give():
    assert commands.checked(Path(__file__).parents[3]) == []


def test_figures_are_drawn_from_a_run_or_any_file_of_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = run_of(Path("run"))
    Path("mine.csv").write_bytes((run / "rows.csv").read_bytes())
    for source, out in (("run", "a.svg"), ("run/rows.csv", "b.svg"), ("mine.csv", "c.svg")):
        more = ["--experiment", "purification"] if source == "mine.csv" else []
        command_line(["draw", source, "--out", out, *more])
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes() == Path("c.svg").read_bytes()
    command_line(["draw", "run", "--out", "d.PDF"])
    assert Path("d.PDF").read_bytes().startswith(b"%PDF")
    capsys.readouterr()
    for arguments, sentence in (
        (["mine.csv", "--out", "e.svg"], "mine.csv: no mine.json beside it names its experiment; --experiment does"),
        (["mine.csv", "--out", "e.svg", "--experiment", "shots"], "mine.csv: has the columns of another version"),
        (["mine.csv", "--out", "e.svg", "--experiment", "none"], "mine.csv: no experiment draws this table"),
        (["absent", "--out", "e.svg"], "results/absent.csv: no such table"),
        ([".", "--out", "e.svg"], ".: is no run, which holds rows.csv"),
        (["run", "--out", "a.svg"], "a.svg: exists already, and overwriting is not enabled"),
        (["run", "--out", "no/a.svg"], "no/a.svg: "),
    ):
        with pytest.raises(SystemExit):
            command_line(["draw", *arguments])
        assert capsys.readouterr().err.startswith(f"qimg: error: {sentence}")
    command_line(["draw", "run", "--out", "a.svg", "--overwrite"])


def test_figures_are_drawn_at_print_size_and_again_alike(root):
    result = table("purification/tiny", root)
    svg, pdf = (figures.figure_bytes("purification", result.records, kind) for kind in ("svg", "pdf"))
    assert svg == figures.figure_bytes("purification", result.records, "svg")
    assert pdf.startswith(b"%PDF")
    assert float(svg.split(b'width="')[1].split(b"pt")[0]) <= 7 * 72 + 1
    with pytest.raises(ResultError, match=r"a.jpg: must end in one of .svg, .pdf, .png"):
        figures.draw(result, Path("a.jpg"))
