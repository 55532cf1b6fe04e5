"""`qimg denoise`, `inpaint`, `deblur`, `upscale`: they write what the functions return, and refuse bad input."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

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
        (["denoise", "photo.png", "out.png", "--sigma", "-1"], "--sigma must be finite and not negative"),
        (
            ["inpaint", "photo.png", "kernel.png", "out.png"],
            "kernel.png: the mask must have 37 × 25 pixels as the picture, but has 3 × 3",
        ),
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


def masks(missing: np.ndarray) -> dict[str, Image.Image]:
    """The same mask as files of several kinds have it."""
    bits = missing.astype(np.uint8)
    palette = Image.fromarray(bits, "P")
    palette.putpalette([0, 0, 0, 128, 0, 0])
    return {
        "0 and 1": Image.fromarray(bits),
        "0 and 255": Image.fromarray(255 * bits),
        "bilevel": Image.fromarray(missing),
        "palette": palette,
        "gray with opaque alpha": Image.fromarray(np.dstack([bits, 0 * bits + 255])),
        "16 bits, 0 and 1": Image.fromarray(bits.astype(np.uint16)),
        "16 bits, 0 and white": Image.fromarray(65535 * bits.astype(np.uint16)),
        "RGB": Image.fromarray(np.dstack([255 * bits] * 3)),
        "red on black": Image.fromarray(np.dstack([255 * bits, 0 * bits, 0 * bits])),
        "grays": Image.fromarray(np.where(missing, 200, 100).astype(np.uint8)),
    }


@pytest.mark.parametrize("kind", masks(np.eye(3, dtype=bool)))
def test_masks_of_every_kind_mark_the_same_pixels(picture, kind, capsys) -> None:
    masks(missing(picture))[kind].save("kind.png")
    cli.main(["inpaint", "photo.png", "kind.png", "out.png", "--effort", "1"])
    assert_array_equal(images.load("out.png"), qimg.inpaint(picture, missing(picture), effort=1))
    assert "5.19 % of the pixels filled in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (lambda bits: 0 * bits + 1, "mask.png: the mask must leave at least one pixel, but marks all of them"),
        (lambda bits: bits + np.eye(*bits.shape, dtype=np.uint8), "mask.png: the mask must be black except for one"),
        (lambda bits: bits.T, "mask.png: the mask must have 37 × 25 pixels as the picture, but has 25 × 37"),
        (lambda bits: np.dstack([0 * bits + 255, 255 * bits]), "mask.png: the mask must be opaque"),
    ],
)
def test_masks_that_mark_nothing_clearly_are_refused(picture, values, sentence, capsys) -> None:
    Image.fromarray(np.ascontiguousarray(values(missing(picture).astype(np.uint8)))).save("mask.png")
    with pytest.raises(SystemExit):
        cli.main(["inpaint", "photo.png", "mask.png", "out.png"])
    assert capsys.readouterr().err.startswith(f"qimg: error: {sentence}")
    assert not Path("out.png").exists()


def test_an_empty_mask_is_remarked(picture, capsys) -> None:
    images.save(np.zeros(picture.shape[:2], np.uint8), "empty.png")
    cli.main(["inpaint", "photo.png", "empty.png", "out.png"])
    assert "no pixel is missing: nothing was filled in" in capsys.readouterr().out
    assert_array_equal(images.load("out.png"), picture)
