"""Folders of pictures by every verb: names, resuming, what fails, several workers, interruptions."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from qimg import images
from qimg.cli import main, targets


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `in` of two small photographs and a broken file, a mask and a kernel in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QIMG_DATA", raising=False)
    Path("in").mkdir()
    photo = images.box_mean(images.bundled("coffee"), 16)
    images.save(photo, "in/a.png")
    images.save(photo[:, ::-1], "in/b.png")
    Path("in/broken.png").write_bytes(b"\x89PNG and then nothing")
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[3:6, 4:20] = 255
    images.save(mask, "mask.png")
    np.savetxt("kernel.txt", np.ones((3, 3)))
    return tmp_path


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str], *, status: int = 2) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == status
    return capsys.readouterr().err.splitlines()


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.mark.parametrize(
    ("verb", "between", "options"),
    [
        ("denoise", [], ["--sigma", "9", "--effort", "1"]),
        ("inpaint", ["mask.png"], ["--effort", "1"]),
        ("deblur", ["kernel.txt"], ["--sigma", "2", "--effort", "1"]),
        ("upscale", [], []),
    ],
)
def test_degradations_of_a_folder_are_those_of_its_files(verb, between, options, here, capsys) -> None:
    said = refused([verb, "in", *between, "out", *options], capsys)
    assert said[0].startswith("qimg: failed: in/broken.png: ")
    assert said[1:] == ["qimg: error: 1 of 3 pictures could not be restored"]
    assert names("out") == ["a.png", "b.png"]
    main([verb, "in/b.png", *between, "b.png", *options])
    assert_array_equal(images.load("out/b.png"), images.load("b.png"))
    main([verb, "in/[ab].png", *between, "more", *options, "--format", "jpg", "--quality", "90"])
    assert names("more") == ["a.jpg", "b.jpg"]


def test_masks_of_a_folder_belong_to_pictures_by_their_names(here, capsys) -> None:
    Path("in/broken.png").unlink()
    images.save(np.roll(images.load("mask.png"), 5, axis=0), "other.png")
    Path("masks").mkdir()
    Path("masks/a.png").write_bytes(Path("mask.png").read_bytes())
    images.save(images.load("other.png"), "masks/b.bmp")
    main(["inpaint", "in", "masks", "out", "--effort", "1"])
    for name, mask in (("a", "mask.png"), ("b", "other.png")):
        expected = qimg.inpaint(images.load(f"in/{name}.png"), images.load(mask) > 0, effort=1)
        assert_array_equal(images.load(f"out/{name}.png"), expected)
    Path("masks/b.bmp").unlink()
    assert "qimg: failed: in/b.png: masks must hold one mask b.*, but holds 0" in refused(
        ["inpaint", "in", "masks", "more"], capsys
    )
    assert names("more") == ["a.png"]


def test_what_is_there_already_is_left_out_where_that_is_asked_for(here, capsys) -> None:
    Path("in/broken.png").unlink()
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"mine")
    said = refused(["upscale", "in", "out"], capsys)
    assert said[0].startswith("qimg: failed: in/a.png: out/a.png: exists already")
    Path("out/b.png").unlink()
    main(["upscale", "in", "out", "--skip-existing"])
    said = capsys.readouterr().out.splitlines()
    assert said == ["1 of 2 pictures are already restored", "in/b.png → out/b.png: 74 × 50"]
    assert Path("out/a.png").read_bytes() == b"mine"
    main(["upscale", "in/a.png", "out/a.png", "--skip-existing"])
    assert capsys.readouterr().out == "out/a.png: exists already\n"
    main(["upscale", "in", "out", "--overwrite"])
    assert images.load("out/a.png").shape == (50, 74, 3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["upscale", "in", "out", "--overwrite", "--skip-existing"], "--skip-existing must not be combined"),
        (["upscale", "in/a.png", "out.png", "--workers", "2"], "--workers has an effect for a folder only"),
        (["upscale", "in/a.png", "out.png", "--scheduler", "local"], "--scheduler has an effect for a folder only"),
        (["upscale", "in/a.png", "out.png", "--format", "png"], "--format has an effect for a folder only"),
        (["upscale", "in/*.gif", "out"], "in/*.gif: no file matches the pattern"),
        (["upscale", "in", "out", "--workers", "-1"], "--workers must be an integer of at least 0, but --workers=-1"),
        (["upscale", "**/a.png", "out"], "again/a.png and in/a.png would both be written to a.png.png"),
    ],
)
def test_bad_options_are_one_sentence(arguments, sentence, here, capsys) -> None:
    Path("again").mkdir()
    Path("again/a.png").write_bytes(b"")
    (said,) = refused(arguments, capsys)
    assert said.startswith(f"qimg: error: {sentence}")
    assert not Path("out").exists() or not names("out")


def test_subfolders_are_kept(here, capsys) -> None:
    Path("in/broken.png").unlink()
    Path("in/deeper").mkdir()
    Path("in/deeper/a.png").write_bytes(Path("in/a.png").read_bytes())
    Path("in/deeper/up").symlink_to("..")
    for _ in range(2):  # the second time, what the first has written is no source
        main(["upscale", "in", "in/out", "--recursive", "--skip-existing"])
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "3 of 3 pictures are already restored"
    assert sorted(str(path) for path in Path("in/out").rglob("*.png")) == [
        "in/out/a.png", "in/out/b.png", "in/out/deeper/a.png",
    ]  # fmt: skip
    for arguments, sentence in (
        (["in/a.png", "one.png"], "recursive has an effect for a folder only"),
        (["in/*.png", "out"], "recursive has an effect on a folder only"),
    ):
        assert sentence in refused(["upscale", *arguments, "--recursive"], capsys)[0]


def test_names_that_a_file_system_does_not_distinguish_are_refused(here, capsys, monkeypatch) -> None:
    Path("in/broken.png").unlink()
    Path("in/A.png").write_bytes(Path("in/a.png").read_bytes())
    exists = Path.exists

    def anything_alike_exists(path: Path) -> bool:
        return exists(path) or path.name.lower() in map(str.lower, os.listdir(path.absolute().parent))

    monkeypatch.setattr(targets.Path, "exists", anything_alike_exists)
    (said,) = refused(["upscale", "in", "out"], capsys)
    assert said == "qimg: error: in/A.png and in/a.png would both be written to out/a.png.png"
    monkeypatch.undo()
    monkeypatch.chdir(here)
    main(["upscale", "in", "more"])
    assert names("more") == ["A.png.png", "a.png.png", "b.png"]


@pytest.mark.parametrize("name", ["new\nline.png", "-dash.png", "[bold]:smile:.png", "é📷.png"])
def test_files_of_any_name_are_one_line_each(name, here, capsys) -> None:
    Path("only").mkdir()
    Path("only", name).write_bytes(Path("in/a.png").read_bytes())
    Path("only/broken\n.png").write_bytes(b"")
    main(["encode", f"only/{name}", "one.qimg", "--quality", "20", "--effort", "1"])
    said = refused(["encode", "only", "out", "--quality", "20", "--effort", "1"], capsys)
    assert len(said) == 2
    assert said[0].startswith("qimg: failed: only/broken\\n.png: ")
    main(["info", "out"])
    shown = capsys.readouterr().out.splitlines()[0]
    assert shown == "out/" + name.replace("\n", "\\n").replace(".png", ".qimg")
    assert names("out") == [name.replace(".png", ".qimg")]


def test_names_that_are_too_long_for_their_ending_fail_alone(here, capsys) -> None:
    Path("in/broken.png").unlink()
    Path("in", "x" * 251 + ".png").write_bytes(Path("in/a.png").read_bytes())
    said = refused(["encode", "in", "out", "--quality", "20", "--effort", "1", "--skip-existing"], capsys)
    assert said[0].endswith("File name too long")
    assert said[1:] == ["qimg: error: 1 of 3 pictures could not be encoded"]
    assert names("out") == ["a.qimg", "b.qimg"]


def test_sets_are_looked_up_in_the_folder_of_data(here, monkeypatch, capsys) -> None:
    monkeypatch.setenv("QIMG_DATA", str(here))
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    refused(["encode", "in", "out", "--quality", "20", "--effort", "1"], capsys)
    assert names("out") == ["a.qimg", "b.qimg"]


@pytest.mark.slow
def test_two_workers_write_what_one_does(here, capsys) -> None:
    options = ["--quality", "40", "--effort", "1"]
    alone = refused(["encode", "in", "one", *options], capsys)
    together = refused(["encode", "in", "two", *options, "--workers", "2"], capsys)
    assert together == alone
    assert names("two") == names("one") == ["a.qimg", "b.qimg"]
    for name in names("one"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    refused(["decode", "two", "none", "--format", "jpg"], capsys)  # without a quality
    main(["info", "two", "--workers", "2"])
    assert capsys.readouterr().out.count("37 × 25 pixels") == 2


@pytest.mark.slow
def test_an_interrupted_command_leaves_whole_files_and_goes_on(here) -> None:
    """SIGTERM in the middle of a folder that two workers restore: no temporary file, and the rest afterwards."""
    Path("many").mkdir()
    photo = images.bundled("coffee")[:128, :160]
    for number in range(12):
        Path(f"many/{number:02}.jpg").write_bytes(images.jpeg_round_trip(photo[:, number:], quality=20).file)
    command = [sys.executable, "-m", "qimg", "restore", "many", "out", "--effort", "3", "--workers", "2"]
    environment = os.environ | {"PYTHONPATH": str(Path(qimg.__file__).parents[1])}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        deadline = time.monotonic() + 600
        while not (Path("out").is_dir() and any(Path("out").glob("*.png"))) and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        _, error = running.communicate(timeout=300)
    assert running.returncode == 130
    assert error == "qimg: interrupted; finished files remain, and --skip-existing skips them\n"
    done = names("out")
    assert 0 < len(done) < 12
    assert all(name.endswith(".png") and name[0] != "." for name in done)
    for name in done:
        assert images.load(Path("out", name)).ndim == 3
    main(["restore", "many", "out", "--effort", "1", "--skip-existing"])
    assert names("out") == [f"{number:02}.png" for number in range(12)]


@pytest.mark.slow
@pytest.mark.parametrize("starting", ["raise SystemExit('the wrong one')\n", None])
def test_packages_are_ours_beside_folders_of_their_names(starting, tmp_path) -> None:
    for name in ("experiments", "circuits"):
        (tmp_path / name).mkdir()
        if starting:
            (tmp_path / name / "__init__.py").write_text(starting)
    environment = os.environ | {"PYTHONPATH": str(Path(qimg.__file__).parents[1])}

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    assert "pairs" in run("-m", "qimg", "experiments")
    assert "written to runs" in run("-m", "qimg", "experiments", "pairs", "--box-mean", "16", "--workers", "2")
    assert "6 qubits" in run("-m", "qimg", "circuit", "encode", "coffee")
    assert "pairs" in run("-P", "-m", "experiments")
