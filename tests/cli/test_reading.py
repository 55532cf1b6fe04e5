"""Reading options of the command line, remarks on what is not kept, and pictures of all formats in folders."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageCms

from qimg import cli, codecs, images
from qimg.images import Metadata
from tests.images.reading.made import described, tiff

RGB = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(arguments: list[str], capsys) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


@cache  # it holds the time
def profile(space: bytes) -> bytes:
    whole = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return whole[:16] + space + whole[20:]


def test_every_format_of_a_folder_is_counted(here, capsys):
    Path("in").mkdir()
    Image.fromarray(RGB).save("in/a.jp2")
    Image.fromarray(RGB).save("in/b.gif")
    Image.fromarray(RGB).save("in/c.gif", save_all=True, append_images=[Image.fromarray(255 - RGB)])
    Image.fromarray(RGB).convert("CMYK").save("in/d.jpg")
    Path("in/e.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    Path("in/f.tif").write_bytes(tiff(bytes(20), (16000, 16000), described(1, 12, 1)))
    Path("in/g.txt").write_text("no picture")
    error = refusal(["encode", "in", "out", "--quality", "50"], capsys)
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.qimg", "b.qimg"]
    assert "in/c.gif: holds 2 frames" in error
    assert "--first-frame" in error
    assert "in/d.jpg: pixel format must be gray or RGB" in error
    assert "--to-rgb" in error
    assert "in/e.heic: " in error
    assert "in/f.tif: cannot be read as an image (it is too short for 16000×16000 pixels)" in error
    assert "4 of 6 pictures could not be encoded" in error
    Path("in/e.heic").unlink()
    Path("in/f.tif").unlink()
    cli.main(["encode", "in", "all", "--quality", "50", "--first-frame", "--to-rgb"])
    assert len(list(Path("all").iterdir())) == 4


@pytest.mark.parametrize("verb", ["encode", "denoise", "upscale", "inpaint", "deblur", "restore", "decode"])
def test_every_verb_has_the_limit(here, capsys, verb):
    images.save(RGB, "x.png")
    images.save(RGB, "x.jpg", quality=90)
    Path("x.qimg").write_bytes(codecs.encode(RGB, quality=50))
    images.save(np.full((12, 20), 255, np.uint8), "mask.png")
    Path("kernel.txt").write_text("1\n")
    commands = {
        "encode": ["x.png", "y.qimg", "--quality", "50"],
        "denoise": ["x.png", "y.png", "--sigma", "5"],
        "upscale": ["x.png", "y.png"],
        "inpaint": ["x.png", "mask.png", "y.png"],
        "deblur": ["x.png", "kernel.txt", "y.png", "--sigma", "5"],
        "restore": ["x.jpg", "y.png"],
        "decode": ["x.qimg", "y.png"],
    }
    assert "max_pixels=239" in refusal([verb, *commands[verb], "--max-pixels", "239"], capsys)
    assert not Path("y.png").exists()
    assert not Path("y.qimg").exists()


def test_what_is_not_kept_is_at_the_end_of_the_line(here, capsys):
    exif = b"garbage that is no TIFF structure"
    Image.fromarray(RGB).save("x.jpg", exif=b"Exif\0\0" + exif, quality=90)
    cli.main(["encode", "x.jpg", "x.qimg", "--quality", "50"])
    assert codecs.info(Path("x.qimg").read_bytes()).exif == exif
    capsys.readouterr()
    for name in ("y.tif", "y.avif"):
        cli.main(["decode", "x.qimg", name, *(["--quality", "90"] if name == "y.avif" else [])])
        line = f"x.qimg → {name}: 20 × 12; its EXIF data are no TIFF structure, and are left out\n"
        assert capsys.readouterr().out == line
        assert images.load(name).shape == (12, 20, 3)
    cli.main(["decode", "x.qimg", "y.png"])
    assert images.read_metadata("y.png").exif == exif


@pytest.mark.parametrize("name", ["y.webp", "y.avif", "y.png", "y.tif", "y.jpg"])
def test_profiles_of_other_colours_are_left_out(here, capsys, name):
    lossy = ["--quality", "90"] if name in ("y.webp", "y.avif", "y.jpg") else []
    for space, pixels in (
        (b"GRAY", RGB[..., 0]),
        (b"RGB ", RGB),
        (b"GRAY", RGB),
        (b"CMYK", RGB),
        (b"RGB ", RGB[..., 0]),
    ):
        picture = Image.fromarray(pixels)
        picture.save("x.jpg", icc_profile=profile(space), quality=90)
        Path("x.qimg").write_bytes(codecs.encode(pixels, quality=60, icc_profile=profile(space)))
        written = 3 if name in ("y.webp", "y.avif") else 1 if pixels.ndim == 2 else 3
        fits = {b"GRAY": 1, b"RGB ": 3}.get(space) == written
        for arguments in (["decode", "x.qimg", name], ["denoise", "x.jpg", name, "--sigma", "3", "--effort", "1"]):
            cli.main([*arguments, *lossy, "--overwrite"])
            with Image.open(name) as file:
                assert file.info.get("icc_profile") == (profile(space) if fits else None)
            assert ("its colour profile is one of" in capsys.readouterr().out) == (not fits)


def test_formats_without_exif_get_upright_pixels(here):
    exif = Image.Exif()
    exif[0x0112] = 6
    tall = np.zeros((40, 24, 3), np.uint8)
    tall[:10] = 255
    Path("x.qimg").write_bytes(codecs.encode(tall, quality=95, exif=exif.tobytes()))
    for name in ("y.bmp", "y.ppm", "y.png", "y.tif"):
        cli.main(["decode", "x.qimg", name])
        with Image.open(name) as file:
            assert (file.size, file.getexif().get(0x0112, 1)) == ((40, 24), 1)
        assert_array_equal(images.load(name), images.upright(codecs.decode(Path("x.qimg").read_bytes()), 6))


def test_large_profiles_come_back(here):
    large = profile(b"RGB ") + np.random.default_rng(0).integers(0, 256, 3 << 20).astype(np.uint8).tobytes()
    images.save(RGB, "x.png", metadata=Metadata(icc_profile=large))
    cli.main(["encode", "x.png", "x.qimg", "--quality", "90"])
    for name in ("y.png", "y.tif", "y.jpg", "y.webp", "y.avif"):
        cli.main(["decode", "x.qimg", name, *(["--quality", "90"] if name[2] in "jwa" else [])])
        assert images.read_metadata(name).icc_profile == large
        assert images.load(name).shape == RGB.shape
