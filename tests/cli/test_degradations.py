"""`qimg denoise`, `inpaint`, `deblur`, `upscale`: they write what the functions return, and refuse bad input."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from qimg import cli, images

KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16


@pytest.fixture
def picture(tmp_path, monkeypatch) -> np.ndarray:
    """A small photograph, which lies in the working folder as photo.png, with a mask and kernels."""
    monkeypatch.chdir(tmp_path)
    photo = images.box_mean(images.bundled("coffee"), 16)
    images.save(photo, "photo.png")
    images.save(missing(photo).astype(np.uint8) * 255, "mask.png")
    images.save((16 * KERNEL).astype(np.uint8) * 60, "kernel.png")
    np.savetxt("kernel.txt", 3 * KERNEL)
    return photo


def missing(photo: np.ndarray) -> np.ndarray:
    mask = np.zeros(photo.shape[:2], bool)
    mask[3:6, 4:20] = True
    return mask


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["denoise", "photo.png", "out.png", "--sigma", "9"], lambda photo: qimg.denoise(photo, sigma=9)),
        (
            ["denoise", "photo.png", "out.png", "--sigma", "9", "--effort", "1"],
            lambda photo: qimg.denoise(photo, sigma=9, effort=1),
        ),
        (["denoise", "photo.png", "out.png"], qimg.denoise),
        (["inpaint", "photo.png", "mask.png", "out.png"], lambda photo: qimg.inpaint(photo, missing(photo))),
        (
            ["deblur", "photo.png", "kernel.txt", "out.png", "--sigma", "2", "--effort", "1"],
            lambda photo: qimg.deblur(photo, KERNEL, sigma=2, effort=1),
        ),
        (
            ["deblur", "photo.png", "kernel.png", "out.png", "--sigma", "2", "--effort", "1"],
            lambda photo: qimg.deblur(photo, KERNEL, sigma=2, effort=1),
        ),
        (["upscale", "photo.png", "out.png"], qimg.upscale),
    ],
)
def test_commands_write_what_the_functions_return(arguments, expected, picture, capsys) -> None:
    cli.main(arguments)
    assert_array_equal(images.load("out.png"), expected(picture))
    height, width = images.load("out.png").shape[:2]
    said = capsys.readouterr().out
    assert f"photo.png → out.png: {width} × {height}" in said
    assert ("noise of standard deviation" in said) == (arguments == ["denoise", "photo.png", "out.png"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["denoise", "photo.png", "photo.png"], "photo.png: exists already, and overwriting is not enabled"),
        (["denoise", "nosuch.png", "out.png"], "nosuch.png"),
        (["denoise", "photo.png", "out.png", "--sigma", "-1"], "sigma must be finite and not negative, but sigma=-1.0"),
        (["inpaint", "photo.png", "kernel.png", "out.png"], "mask must have shape (25, 37) as the picture"),
        (["deblur", "photo.png", "zero.txt", "out.png", "--sigma", "1"], "zero.txt: a kernel must have a positive sum"),
        (["deblur", "photo.png", "words.txt", "out.png", "--sigma", "1"], "words.txt: must hold rows of numbers"),
        (["upscale", "photo.png", "out.jpg"], "quality"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(arguments, message, picture, capsys) -> None:
    Path("zero.txt").write_text("0 0 0\n")
    Path("words.txt").write_text("one two\n")
    before = sorted(Path().iterdir())
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in said
    assert "Traceback" not in said
    assert sorted(Path().iterdir()) == before


def test_a_file_is_replaced_where_that_is_asked_for(picture) -> None:
    cli.main(["denoise", "photo.png", "photo.png", "--sigma", "0", "--overwrite"])
    assert_array_equal(images.load("photo.png"), picture)


def test_the_commands_are_listed(capsys) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = capsys.readouterr().out
    assert all(command in listed for command in ("denoise", "inpaint", "deblur", "upscale"))
