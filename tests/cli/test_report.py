"""`--report`: a row for each picture, kept when the command goes on, and never replaced without a word."""

import csv
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from qimg import images
from qimg.cli import main
from qimg.core import ArgumentError, arguments_named, require, spelled_as


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `in` of two JPEG files at qualities 30 and 60, and a file that is none."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    photo = images.box_mean(images.bundled("coffee"), 16)
    for name, quality in (("a", 30), ("b", 60)):
        images.save(photo, f"in/{name}.jpg", quality=quality)
    Path("in/c.jpg").write_bytes(b"no picture")
    return tmp_path


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_gives_a_row_for_each_picture(here, capsys) -> None:
    refused(["restore", "in", "out", "--effort", "1", "--report", "report.csv"], capsys)
    first, second, third = rows("report.csv")
    assert [row["status"] for row in (first, second, third)] == ["written", "written", "failed"]
    assert (first["file"], first["target"]) == ("in/a.jpg", "out/a.png")
    assert (first["quality_estimate"], second["quality_estimate"]) == ("30", "60")
    assert (first["width"], first["height"], first["effort"], first["tune"]) == ("37", "25", "1", "psnr")
    assert float(first["rms_deviation"]) > float(second["rms_deviation"]) > 0
    assert float(first["seconds"]) > 0
    assert third["remark"].startswith("in/c.jpg: must be a JPEG file")

    # An existing report is refused before any work, and goes on with the files.
    Path("out/b.png").unlink()
    again = ["restore", "in", "out", "--effort", "1", "--report", "report.csv"]
    assert refused(again, capsys) == ["qimg: error: report.csv: exists already, and overwriting is not enabled"]
    assert not Path("out/b.png").exists()
    refused([*again, "--skip-existing"], capsys)
    resumed = rows("report.csv")
    assert resumed[0] == first
    assert [row["status"] for row in resumed] == ["written", "written", "failed"]


def test_every_verb_writes_one(here, capsys) -> None:
    main(["encode", "in/a.jpg", "a.qimg", "--quality", "20", "--effort", "1", "--report", "encode.csv"])
    main(["decode", "a.qimg", "a.png", "--report", "decode.csv"])
    main(["denoise", "a.png", "b.png", "--effort", "1", "--report", "denoise.csv"])
    main(["upscale", "a.png", "c.png", "--report", "upscale.csv"])
    (encoded,), (decoded,), (denoised,) = (rows(f"{verb}.csv") for verb in ("encode", "decode", "denoise"))
    assert int(encoded["bytes"]) == Path("a.qimg").stat().st_size
    assert (decoded["width"], decoded["partial"]) == ("37", "False")
    assert denoised["sigma_is_estimated"] == "True"
    refused(["upscale", "none.png", "d.png", "--report", "failed.csv"], capsys)
    (failed,) = rows("failed.csv")
    assert (failed["status"], failed["remark"]) == ("failed", "none.png: no such file")


def test_rows_of_pictures_that_are_finished_are_written_while_the_command_runs(here, monkeypatch) -> None:
    monkeypatch.setattr("qimg.cli.results._PAUSE", 0.0)
    seen = []

    def load(path, *_, **__):
        seen.append(len(rows("report.csv")) if Path("report.csv").exists() else 0)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return np.zeros((8, 8), np.uint8)

    monkeypatch.setattr(images, "load", load)
    with pytest.raises(SystemExit) as ended:
        main(["upscale", "in", "out", "--report", "report.csv"])
    assert ended.value.code == 130
    assert seen == [0, 1]
    assert [row["file"] for row in rows("report.csv")] == ["in/a.jpg"]


def test_names_that_are_no_utf_8_are_kept(here) -> None:
    name = os.fsdecode(b"\xff, a.jpg")
    Path("in/a.jpg").rename(name)
    main(["upscale", name, "b.png", "--report", "report.csv"])
    assert os.fsencode(name) in Path("report.csv").read_bytes()
    main(["upscale", name, "b.png", "--report", "report.csv", "--skip-existing"])


def test_a_file_that_is_no_report_is_not_continued(here, capsys) -> None:
    Path("notes.csv").write_text("my,notes\n1,2\n")
    said = refused(["restore", "in", "out", "--report", "notes.csv", "--skip-existing"], capsys)
    assert said == ["qimg: error: notes.csv: is no report of this command; name another file, or remove it"]
    assert Path("notes.csv").read_text() == "my,notes\n1,2\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["decode", "coded", "out", "--format", "jpg"], "--quality must be set for .jpg files (1 to 100)"),
        (["decode", "coded", "out", "--format", "gif"], "--format must be one of avif, bmp, "),
        (["decode", "coded", "out", "--quality", "5"], "--quality has no effect on .png files and must be left out"),
        (["restore", "in", "out", "--effort", "0"], "--effort must be in [1, 9], but --effort=0"),
        (["restore", "in", "out", "--method", "none"], "--method must be one of explicit, network"),
        (["encode", "in", "out", "--quality", "0"], "--quality must be in [1, 100], but --quality=0.0"),
        (["encode", "in", "out", "--codec", "peer:webp", "--quality", "2.5"], "--quality must be a whole number in [0"),
        (["encode", "in", "out", "--bits-per-pixel", "-1"], "--bits-per-pixel must be positive"),
        (["encode", "in", "out", "--psnr", "nan"], "--psnr must be finite, but --psnr=nan"),
        (["denoise", "in", "out", "--sigma", "-1"], "--sigma must be finite and not negative"),
        (["denoise", "in", "out", "--effort", "10"], "--effort must be in [1, 9]"),
        (["upscale", "in", "out", "--sigma", "inf"], "--sigma must be finite and not negative"),
        (["deblur", "in", "kernel.txt", "out", "--sigma", "0"], "--sigma must be finite and positive"),
        (["inpaint", "in", "none.png", "out"], "none.png: no such file or folder"),
    ],
)
def test_an_error_of_all_pictures_is_raised_once_before_the_work(here, arguments, sentence, capsys) -> None:
    Path("coded").mkdir()
    Path("coded/a.qimg").write_bytes(b"")
    Path("coded/b.qimg").write_bytes(b"")
    Path("kernel.txt").write_text("1\n")
    (said,) = refused(arguments, capsys)
    assert said.startswith(f"qimg: error: {sentence}")
    assert not Path("out").exists()


def test_an_error_of_one_picture_names_it_and_the_option(here, capsys) -> None:
    said = refused(["encode", "in", "out", "--size", "3"], capsys)
    assert said[0].startswith("qimg: failed: in/a.jpg: --size must be at least ")
    assert len(said) == 4


def test_argument_errors_keep_their_names_through_processes() -> None:
    with pytest.raises(ArgumentError) as raised:
        require(False, "bits_per_pixel", "must be {positive}", "{0}")
    for error in (raised.value, pickle.loads(pickle.dumps(raised.value))):
        assert str(error) == "bits_per_pixel must be {positive}, but bits_per_pixel='{0}'"
        with spelled_as({"bits_per_pixel": "-b"}):
            assert str(pickle.loads(pickle.dumps(error))) == "-b must be {positive}, but -b='{0}'"
        assert str(error.of_file("a{b}.png")) == f"a{{b}}.png: {error}"
    with pytest.raises(ArgumentError, match=r"^backend must be known, but backend=1$"), arguments_named(name="backend"):
        require(False, "name", "must be known", 1)
