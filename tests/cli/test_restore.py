"""`qimg restore` as a user meets it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import qimg
from qimg import images
from qimg.cli import main

COFFEE = images.bundled("coffee")[:96, :120]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A JPEG file with a colour profile, a description and a camera held sideways."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a cup"
    path = tmp_path / "photo.jpg"
    Image.fromarray(COFFEE).save(path, quality=20, exif=exif, icc_profile=b"profile")
    return path


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_a_file_is_restored_with_its_metadata(photo, tmp_path, capsys):
    out = tmp_path / "back.png"
    main(["restore", str(photo), str(out), "--effort", "1"])
    said = capsys.readouterr().out
    assert said.startswith(f"{photo} → {out}: 96 × 120, expected error ")
    back = images.load(out)
    assert np.array_equal(back, qimg.restore(photo, effort=1))
    upright = np.rot90(COFFEE, -1)
    assert qimg.psnr_db(upright, back) > qimg.psnr_db(upright, images.load(photo)) + 0.5
    metadata = images.read_metadata(out)
    assert metadata.icc_profile == b"profile"
    with Image.open(out) as file:
        assert file.getexif()[0x010E] == "a cup"
        assert file.getexif().get(0x0112, 1) == 1


def test_natural_pictures_depend_on_the_seed(photo, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        main(
            ["restore", str(photo), str(tmp_path / f"{name}.png"), "--tune", "natural", "--seed", seed, "--effort", "1"]
        )
    first, second, third = (images.load(tmp_path / f"{name}.png") for name in "abc")
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_a_folder_is_restored_and_what_fails_is_named(photo, tmp_path, capsys):
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "one.jpg").write_bytes(photo.read_bytes())
    (folder / "one.jpeg").write_bytes(photo.read_bytes())
    (folder / "cut.jpg").write_bytes(photo.read_bytes()[:-400])
    (folder / "no.jpg").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("left out")
    out = tmp_path / "out"
    error = fails(["restore", str(folder), str(out), "--effort", "1"], capsys)
    assert "qimg: 1 of 4 files are damaged" in error
    assert "no.jpg: must be a JPEG file" in error
    assert "1 of 4 pictures could not be restored" in error
    assert sorted(path.name for path in out.iterdir()) == ["cut.png", "one.jpeg.png", "one.jpg.png"]


def test_a_damaged_file_is_told(photo, tmp_path, capsys):
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(photo.read_bytes()[:-400])
    command = ["restore", str(cut), str(tmp_path / "cut.png"), "--effort", "1", "--report", str(tmp_path / "a.csv")]
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert caught.value.code == 3
    said = capsys.readouterr().out
    assert "damaged (Premature end of JPEG file), " in said
    assert " % of it missing, error unknown for " in said
    assert ",damaged," in (tmp_path / "a.csv").read_text()
    assert (tmp_path / "cut.png").exists()


def test_a_folder_with_a_damaged_file_has_a_status_of_its_own(photo, tmp_path, capsys):
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "cut.jpg").write_bytes(photo.read_bytes()[:-400])
    (folder / "whole.jpg").write_bytes(photo.read_bytes())
    with pytest.raises(SystemExit) as caught:
        main(["restore", str(folder), str(tmp_path / "out"), "--effort", "1"])
    assert caught.value.code == 3
    assert "qimg: 1 of 2 files are damaged" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cut.png", "whole.png"]
    error = fails(["restore", str(folder), str(tmp_path / "strict"), "--effort", "1", "--strict"], capsys)
    assert "cut.jpg: is damaged (Premature end of JPEG file)" in error
    assert [path.name for path in (tmp_path / "strict").iterdir()] == ["whole.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.jpg", "x.png"], "none.jpg: no such file"),
        (["photo.jpg", "photo.jpg"], "exists already"),
        (["photo.jpg", "x.png", "--effort", "10"], "--effort must be in [1, "),
        (
            ["photo.jpg", "x.png", "--method", "magic"],
            "--method must be one of explicit, network, but --method='magic'",
        ),
        (["photo.jpg", "x.png", "--tune", "ssim"], "--tune must be one of natural, psnr, but --tune='ssim'"),
        (["photo.jpg", "x.png", "--tune", "natural", "--seed", "-1"], "--seed must be an integer of at least 0"),
        (["photo.jpg", "x.jpg"], "--quality must be set for .jpg"),
        (["photo.jpg", "x.gif"], "x.gif: must end in one of .png, "),
        (["empty", "out"], "the folder holds no JPEG file"),
        (["full", "photo.jpg"], "must be a folder to write into, but is a file"),
    ],
)
def test_bad_input_is_one_sentence(photo, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "a.jpg").write_bytes(photo.read_bytes())
    before = sorted(path.name for path in tmp_path.iterdir())
    error = fails(["restore", *arguments], capsys)
    assert error.startswith("qimg: error: ")
    assert said in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_help_names_the_options(capsys):
    with pytest.raises(SystemExit):
        main(["restore", "--help"])
    said = capsys.readouterr().out
    for option in ("--method", "--tune", "--effort", "--seed", "--quality", "--overwrite"):
        assert option in said
