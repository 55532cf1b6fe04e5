"""`qimg encode`, `qimg decode` and `qimg info`: what they write, what they keep, and how they refuse bad input."""

import os
import re
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageCms, ImageOps

import qimg
from benchmarks import bombs
from qimg import cli, codecs, images
from qimg.codecs import block
from qimg.images import Metadata, PictureWarning, read_metadata

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><tiff:Orientation>6</tiff:Orientation></x:xmpmeta>'


def photo() -> np.ndarray:
    return images.box_mean(images.bundled("coffee"), 5)


@cache  # it holds the time
def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int) -> bytes:
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010F] = "maker"
    made.get_ifd(0x8769)[0x9003] = "2024:01:01 00:00:00"
    return made.tobytes().removeprefix(b"Exif\0\0")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with a photograph, and a folder of some that includes a broken one."""
    monkeypatch.chdir(tmp_path)
    images.save(photo(), "photo.png")
    Path("folder").mkdir()
    for name in ("a.png", "b.bmp", "b.tif"):
        images.save(photo(), f"folder/{name}")
    Path("folder/broken.png").write_bytes(b"\x89PNG and then nothing")
    return tmp_path


def content(root: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(root.rglob("*"))}


def refusal(arguments: list[str], capsys) -> str:
    """What is said on the error stream by a command that ends with status 2."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert "Traceback" not in captured.err
    return captured.err.strip()


def test_jpeg_files_are_recompressed_and_come_back(here, capsys):
    qimg.images.save(photo(), "photo.jpg", quality=80)
    jpeg = Path("photo.jpg").read_bytes()
    cli.main(["encode", "photo.jpg", "photo.qimg", "--recompress"])
    data = Path("photo.qimg").read_bytes()
    assert data == qimg.codecs.recompress(jpeg)
    said = capsys.readouterr().out
    assert (
        said == f"photo.jpg → photo.qimg: {len(data):,} bytes, {100 * len(data) / len(jpeg):.1f} % of the JPEG file\n"
    )
    cli.main(["decode", "photo.qimg", "back.jpg"])
    assert Path("back.jpg").read_bytes() == jpeg
    cli.main(["decode", "photo.qimg", "back.png"])
    assert_array_equal(qimg.load("back.png"), qimg.load("photo.jpg"))
    cli.main(["restore", "photo.qimg", "restored.png", "--effort", "1"])
    assert_array_equal(qimg.load("restored.png"), qimg.restore(jpeg, effort=1))
    Path("many").mkdir()
    Path("many/one.jpg").write_bytes(jpeg)
    cli.main(["encode", "many", "archive", "--recompress"])
    cli.main(["decode", "archive", "again", "--format", "jpg"])
    assert Path("again/one.jpg").read_bytes() == jpeg


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--quality", "5"], "--recompress must not be combined with --quality"),
        (["--codec", "block"], "--recompress must not be combined with --codec"),
        (["--to-rgb"], "--recompress must not be combined with --to-rgb"),
        ([], "photo.png: jpeg must be a JPEG file, which begins with FF D8, but begins with 89 50"),
    ],
)
def test_recompression_has_no_other_options(here, capsys, arguments, sentence):
    assert sentence in refusal(["encode", "photo.png", "photo.qimg", "--recompress", *arguments], capsys)


def test_files_of_other_codecs_need_a_quality_for_jpeg(here, capsys):
    cli.main(["encode", "photo.png", "photo.qimg", "--quality", "30"])
    assert "--quality must be set for .jpg files" in refusal(["decode", "photo.qimg", "photo.jpg"], capsys)


def test_encode_without_loss(here, capsys):
    cli.main(["encode", "photo.png", "photo.qimg", "--lossless"])
    data = Path("photo.qimg").read_bytes()
    assert data == qimg.encode(photo(), codec="lossless")
    bits = 8 * len(data) / 9600
    said = capsys.readouterr().out
    assert said == f"photo.png → photo.qimg: {len(data):,} bytes, {bits:.3f} bits per pixel, without loss\n"
    cli.main(["decode", "photo.qimg", "back.png"])
    assert_array_equal(qimg.load("back.png"), photo())


def test_encode_info_decode(here, capsys):
    cli.main(["encode", "photo.png", "photo.qimg", "--quality", "60"])
    said = capsys.readouterr()
    data = Path("photo.qimg").read_bytes()
    assert data == qimg.encode(photo(), quality=60)
    psnr = qimg.psnr_db(photo(), qimg.decode(data))
    bits = 8 * len(data) / 9600
    assert said.out == f"photo.png → photo.qimg: {len(data):,} bytes, {bits:.3f} bits per pixel, {psnr:.2f} dB\n"
    assert said.err == ""
    assert Path("photo.qimg").stat().st_mode & 0o777 == 0o644

    cli.main(["info", "photo.qimg"])
    said = " ".join(capsys.readouterr().out.split())
    for word in ("photo.qimg", "120 × 80 pixels", "RGB, 8 bits per channel", "sequential", f"{len(data):,} bytes"):
        assert word in said

    cli.main(["decode", "photo.qimg", "back.png"])
    assert capsys.readouterr().out == "photo.qimg → back.png: 120 × 80\n"
    assert_array_equal(images.load("back.png"), qimg.decode(data))
    cli.main(["decode", "photo.qimg", "back.jpg", "--quality", "90"])
    assert images.load("back.jpg").shape == (80, 120, 3)


@pytest.mark.parametrize(
    ("option", "value"), [("--size", "3000"), ("--bits-per-pixel", "2.5"), ("--psnr", "34.5"), ("--quality", "33.5")]
)
def test_targets(here, option, value, capsys):
    cli.main(["encode", "photo.png", "photo.qimg", option, value, "--effort", "2"])
    name = {"--psnr": "psnr_db"}.get(option, option[2:].replace("-", "_"))
    number = int(value) if option == "--size" else float(value)
    assert Path("photo.qimg").read_bytes() == qimg.encode(photo(), effort=2, **{name: number})


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_decoded_picture_looks_as_the_source_did(here, orientation, suffix, capsys):
    source, metadata = f"turned{suffix}", Metadata(icc_profile=profile(), exif=exif(orientation), xmp=XMP)
    images.save(photo(), source, quality=100 if suffix == ".jpg" else None, metadata=metadata)
    cli.main(["encode", source, "turned.qimg", "--quality", "95"])
    cli.main(["decode", "turned.qimg", "back.png"])
    with Image.open(source) as before, Image.open("back.png") as after:
        shown = [np.asarray(ImageOps.exif_transpose(file)).astype(int) for file in (before, after)]
        assert after.getexif().get(0x0112, 1) == 1
        assert after.getexif()[0x010F] == "maker"
        assert after.getexif().get_ifd(0x8769)[0x9003] == "2024:01:01 00:00:00"
        assert after.info["icc_profile"] == profile()
        assert after.info["xmp"] == XMP.replace(b"6", b"1")
    # The same picture within what quality 95 loses; turned or mirrored it would differ by tens.
    assert shown[0].shape == shown[1].shape
    assert np.abs(shown[0] - shown[1]).mean() < 2


@pytest.mark.parametrize("out", ["back.png", "back.tif", "back.jpg", "back.webp", "back.avif"])
def test_formats_keep_what_they_can(here, out, capsys):
    metadata = Metadata(icc_profile=profile(), exif=exif(1), xmp=XMP.replace(b"6", b"1"))
    images.save(photo(), "photo.jpg", quality=95, metadata=metadata)
    assert read_metadata("photo.jpg") == metadata
    cli.main(["encode", "photo.jpg", "photo.qimg", "--quality", "50"])
    quality = [] if out.endswith(("png", "tif")) else ["--quality", "90"]
    cli.main(["decode", "photo.qimg", out, *quality])
    found = read_metadata(out)
    assert (found.icc_profile, found.xmp) == (metadata.icc_profile, metadata.xmp)
    made = Image.Exif()
    made.load(found.exif)
    assert made[0x010F] == "maker"
    assert made.get_ifd(0x8769)[0x9003] == "2024:01:01 00:00:00"
    if not out.endswith(("tif", "avif")):  # Pillow writes the tags of these anew
        assert found.exif == metadata.exif


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_with_metadata(here, suffix, channels, capsys):
    deep = np.dstack([photo(), photo()[..., :1]]).astype(np.uint16)[..., :channels] * 257
    deep = deep[..., 0] if channels == 1 else deep
    upright = XMP.replace(b"6", b"1")
    fit = profile() if channels >= 3 else profile()[:16] + b"GRAY" + profile()[20:]
    metadata = Metadata(icc_profile=fit, exif=exif(1), xmp=upright)
    with nullcontext() if suffix == ".png" else pytest.warns(PictureWarning, match="its EXIF data are left out"):
        images.save(deep, f"deep{suffix}", metadata=metadata)
    cli.main(["encode", f"deep{suffix}", "deep.qimg", "--quality", "90"])
    cli.main(["decode", "deep.qimg", f"back{suffix}"])
    shown = images.load(f"back{suffix}")
    assert (shown.shape, shown.dtype) == (deep.shape, np.uint16)
    assert_array_equal(shown, codecs.decode(Path("deep.qimg").read_bytes()))
    found = read_metadata(f"back{suffix}")
    assert (found.icc_profile, found.xmp) == (fit, upright)


def test_a_folder(here, capsys):
    said = refusal(["encode", "folder", "out", "--bits-per-pixel", "1"], capsys)
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.qimg", "b.bmp.qimg", "b.tif.qimg"]
    assert said.splitlines()[0].startswith("qimg: failed: folder/broken.png: ")
    assert said.splitlines()[-1] == "qimg: error: 1 of 4 pictures could not be encoded"
    assert len(said.splitlines()) == 2


def test_decode_a_rectangle(here, capsys):
    cli.main(["encode", "photo.png", "photo.qimg", "--quality", "60"])
    cli.main(["decode", "photo.qimg", "part.png", "--crop", "10", "20", "30", "40", "--threads", "2"])
    assert capsys.readouterr().out.splitlines()[-1] == "photo.qimg → part.png: 40 × 30"
    whole = qimg.decode(Path("photo.qimg").read_bytes())
    assert_array_equal(images.load("part.png"), whole[10:40, 20:60])
    said = refusal(["decode", "photo.qimg", "more.png", "--crop", "60", "0", "30", "40"], capsys)
    assert "photo.qimg: --crop must be within the picture of 80 rows and 120 columns" in said
    assert not Path("more.png").exists()


def test_a_rectangle_of_a_recompressed_file_needs_a_quality(here, capsys):
    images.save(photo(), "photo.jpg", quality=80)
    cli.main(["encode", "photo.jpg", "photo.qimg", "--recompress"])
    part = ["--crop", "8", "16", "24", "32"]
    assert "--quality must be set for .jpg" in refusal(["decode", "photo.qimg", "part.jpg", *part], capsys)
    cli.main(["decode", "photo.qimg", "part.png", *part])
    assert_array_equal(images.load("part.png"), images.load("photo.jpg")[8:32, 16:48])


def test_encode_with_a_picture_of_weights(here, capsys):
    weights = np.full((80, 120), 40, np.uint8)
    weights[:32, :64] = 255
    images.save(weights, "weights.png")
    images.save(np.dstack([weights] * 3), "equal.png")
    for name in ("weights.png", "equal.png"):
        cli.main(["encode", "photo.png", f"{name}.qimg", "--quality", "40", "--importance", name])
    assert Path("weights.png.qimg").read_bytes() == Path("equal.png.qimg").read_bytes()
    assert Path("weights.png.qimg").read_bytes() == qimg.encode(photo(), quality=40, importance=weights)
    capsys.readouterr()
    images.save(weights[:79], "small.png")
    said = refusal(["encode", "photo.png", "more.qimg", "--quality", "40", "--importance", "small.png"], capsys)
    assert "photo.png: --importance must have shape (80, 120), but has shape (79, 120)" in said
    said = refusal(["encode", "photo.png", "more.qimg", "--quality", "40", "--importance", "photo.png"], capsys)
    assert "photo.png: a picture of weights must be gray" in said
    said = refusal(["encode", "photo.png", "more.qimg", "--quality", "40", "--importance", "none.png"], capsys)
    assert "none.png" in said
    assert not Path("more.qimg").exists()


def test_a_folder_is_decoded_and_described(here, capsys):
    Path("folder/broken.png").unlink()
    cli.main(["encode", "folder", "coded", "--quality", "30"])
    Path("coded/notes.txt").write_text("not a picture")
    capsys.readouterr()
    cli.main(["info", "coded"])
    assert capsys.readouterr().out.count("120 × 80 pixels") == 3
    cli.main(["decode", "coded", "back"])
    assert capsys.readouterr().out.splitlines()[0] == "coded/a.qimg → back/a.png: 120 × 80"
    assert sorted(path.name for path in Path("back").iterdir()) == ["a.png", "b.bmp.png", "b.tif.png"]
    assert_array_equal(images.load("back/a.png"), qimg.decode(Path("coded/a.qimg").read_bytes()))
    Path("coded/a.qimg").write_bytes(b"broken")
    said = refusal(["decode", "coded", "more", "--format", "jpg", "--quality", "90"], capsys)
    assert said.splitlines()[0].startswith("qimg: failed: coded/a.qimg: not a qimg picture")
    assert said.splitlines()[-1] == "qimg: error: 1 of 3 pictures could not be decoded"
    assert sorted(path.name for path in Path("more").iterdir()) == ["b.bmp.jpg", "b.tif.jpg"]


def test_a_bomb_in_a_folder_is_reported_and_the_rest_is_decoded(here, capsys):
    Path("coded").mkdir()
    for name in ("a", "c"):
        Path(f"coded/{name}.qimg").write_bytes(qimg.encode(np.zeros((8, 9), np.uint8), codec="block", quality=50))
    Path("coded/b.qimg").write_bytes(bombs.files()["16384², empty strips"])
    said = refusal(["decode", "coded", "out"], capsys).splitlines()
    assert said[0].startswith("qimg: failed: coded/b.qimg: a payload must be a byte and words")
    assert said[1:] == ["qimg: error: 1 of 3 pictures could not be decoded"]
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "c.png"]
    said = refusal(["decode", "coded/a.qimg", "small.png", "--max-pixels", "71"], capsys)
    assert "coded/a.qimg: the picture must have at most max_pixels=71, but has 72, at offset 14" in said
    cli.main(["decode", "coded/a.qimg", "small.png", "--max-pixels", "72"])


def test_a_picture_without_memory_for_it_is_reported(here, capsys, monkeypatch):
    Path("a.qimg").write_bytes(qimg.encode(np.zeros((8, 9), np.uint8), codec="block", quality=50))

    def exhausted(*_, **__):
        raise MemoryError("Unable to allocate 2.00 GiB")

    monkeypatch.setattr("qimg.codecs.pictures.decode_picture", exhausted)
    said = refusal(["decode", "a.qimg", "a.png"], capsys)
    assert said == "qimg: error: Unable to allocate 2.00 GiB"


def test_a_truncated_file_is_described_as_one(here, capsys):
    cli.main(["encode", "photo.png", "photo.qimg", "--quality", "70", "--progressive"])
    Path("less.qimg").write_bytes(block.truncate(Path("photo.qimg").read_bytes(), 1500))
    capsys.readouterr()
    cli.main(["info", "less.qimg"])
    assert "progressive, truncated on purpose" in capsys.readouterr().out
    cli.main(["info", "photo.qimg"])
    assert "truncated" not in capsys.readouterr().out


def test_a_folder_says_one_line_per_picture(here, capsys):
    Path("folder/broken.png").unlink()
    cli.main(["encode", "folder", "out", "--quality", "30"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    size = len(Path("out/a.qimg").read_bytes())
    line = rf"folder/a.png → out/a.qimg: {size:,} bytes, \d+\.\d{{3}} bits per pixel, \d+\.\d\d dB"
    assert re.fullmatch(line, lines[0])


def test_files_that_exist_are_kept_unless_asked(here, capsys):
    Path("photo.qimg").write_bytes(b"mine")
    Path("back.png").write_bytes(b"mine too")
    said = refusal(["encode", "photo.png", "photo.qimg", "--quality", "60"], capsys)
    assert said == ("qimg: error: photo.qimg: exists already, and overwriting is not enabled")
    assert Path("photo.qimg").read_bytes() == b"mine"
    cli.main(["encode", "photo.png", "photo.qimg", "--quality", "60", "--overwrite"])
    assert "exists already" in refusal(["decode", "photo.qimg", "back.png"], capsys)
    assert Path("back.png").read_bytes() == b"mine too"
    cli.main(["decode", "photo.qimg", "back.png", "--overwrite"])
    assert images.load("back.png").shape == (80, 120, 3)
    Path("folder/broken.png").unlink()
    Path("out").mkdir()
    Path("out/a.qimg").write_bytes(b"mine")
    assert "1 of 3 pictures could not be encoded" in refusal(["encode", "folder", "out", "--quality", "5"], capsys)
    assert Path("out/a.qimg").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["encode", "photo.png", "x.qimg"],
            "one of --quality, --size, --bits-per-pixel and --psnr must be set, but none is",
        ),
        (["encode", "photo.png", "x.qimg", "--quality", "5", "--size", "9"], "one of --quality, --size"),
        (["encode", "photo.png", "x.qimg", "--quality", "0"], "--quality must be in [1, 100], but --quality=0"),
        (["encode", "photo.png", "x.qimg", "--size", "20"], "photo.png: --size must be at least "),
        (["encode", "photo.png", "x.png", "--quality", "5"], "x.png: the file to write must end in .qimg"),
        (["encode", "absent.png", "x.qimg", "--quality", "5"], "absent.png: no such file"),
        (["encode", "folder/broken.png", "x.qimg", "--quality", "5"], "folder/broken.png: "),
        (["encode", "photo.png", "folder", "--quality", "5"], "folder: is a folder, but a file to write is expected"),
        (["encode", "photo.png", "no/x.qimg", "--quality", "5"], "no/x.qimg: "),
        (["encode", "folder", "photo.png", "--quality", "5"], "photo.png: must be a folder to write into"),
        (
            ["decode", "photo.png", "x.png"],
            "photo.png: not a qimg picture: it must begin with 89 71 69 0a, at offset 0",
        ),
        (["decode", "absent.qimg", "x.png"], "absent.qimg: No such file or directory"),
        (["info", "photo.png"], "photo.png: not a qimg picture"),
        (["info", "absent.qimg"], "absent.qimg: No such file or directory"),
        (["info", "folder"], "folder: the folder holds no file of the codec (.qimg)"),
        (["decode", "folder", "x"], "folder: the folder holds no file of the codec (.qimg)"),
        (["decode", "x.qimg", "x.png", "--format", "png"], "--format has an effect for a folder only"),
    ],
)
def test_bad_input_is_one_sentence(here, arguments, sentence, capsys):
    before = content(here)
    said = refusal(arguments, capsys)
    assert said.startswith(f"qimg: error: {sentence}")
    assert len(said.splitlines()) == 1
    assert content(here) == before


def test_what_a_format_cannot_hold_is_named(here, capsys):
    cli.main(["encode", "photo.png", "photo.qimg", "--quality", "20"])
    before = content(here)
    assert "--quality must be set for .jpg" in refusal(["decode", "photo.qimg", "x.jpg"], capsys)
    assert "--quality has no effect on .png" in refusal(["decode", "photo.qimg", "x.png", "--quality", "5"], capsys)
    assert "x.xyz: must end in one of .png, " in refusal(["decode", "photo.qimg", "x.xyz"], capsys)
    assert content(here) == before


def test_a_cut_file_is_described_and_not_decoded(here, capsys):
    cli.main(["encode", "photo.png", "photo.qimg", "--quality", "20"])
    data = Path("photo.qimg").read_bytes()
    Path("cut.qimg").write_bytes(data[:-20])
    capsys.readouterr()
    cli.main(["info", "cut.qimg"])
    assert "sequential, cut" in " ".join(capsys.readouterr().out.split())
    said = refusal(["decode", "cut.qimg", "x.png"], capsys)
    assert said.startswith("qimg: error: cut.qimg: the file is cut: chunk S needs ")
    assert not Path("x.png").exists()


def test_nothing_is_left_when_writing_fails(here, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "photo.qimg")

    for name in ("link", "rename", "replace"):  # each gives a complete file its name
        monkeypatch.setattr(os, name, full)
    before = content(here)
    assert "No space left on device" in refusal(["encode", "photo.png", "photo.qimg", "--quality", "60"], capsys)
    assert content(here) == before


def test_a_codec_of_others_is_named_by_its_id_and_has_its_own_ending(here, capsys):
    cli.main(["encode", "photo.png", "photo.webp", "--codec", "peer:webp", "--quality", "80"])
    data = Path("photo.webp").read_bytes()
    assert data == qimg.encode(photo(), codec="peer:webp", quality=80)
    line = f"photo.png → photo.webp: {len(data):,} bytes, {8 * len(data) / 9600:.3f} bits per pixel\n"
    assert capsys.readouterr().out == line
    cli.main(["info", "photo.webp", "--codec", "peer:webp"])
    assert "120 × 80 pixels" in capsys.readouterr().out
    cli.main(["decode", "photo.webp", "back.png", "--codec", "peer:webp"])
    assert_array_equal(images.load("back.png"), qimg.decode(data, codec="peer:webp"))
    Path("folder/broken.png").unlink()
    cli.main(["encode", "folder", "out", "--codec", "peer:jpeg2000", "--reduction", "20"])
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.jp2", "b.bmp.jp2", "b.tif.jp2"]
    cli.main(["decode", "out", "back", "--codec", "peer:jpeg2000"])
    assert sorted(path.name for path in Path("back").iterdir()) == ["a.png", "b.bmp.png", "b.tif.png"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["photo.qimg", "--codec", "peer:webp", "--quality", "5"],
            "photo.qimg: the file to write must end in .webp for",
        ),
        (["x.webp", "--codec", "peer:webp"], "--quality must be set, but --quality=None"),
        (["x.webp", "--codec", "peer:webp", "--size", "900"], "--size has no effect with codec peer:webp; codecs that"),
        (
            ["x.webp", "--codec", "webp", "--quality", "5"],
            "--codec must be one of block, contour, jpeg-recompression, learned, lossless, mixed, mnist-autoencoder",
        ),
        (
            ["x.qimg", "--quality", "5", "--distance", "1"],
            "one of --quality, --size, --bits-per-pixel and --psnr must be set",
        ),
        (
            ["x.qimg", "--distance", "1"],
            "--distance has no effect with codec block; codecs that support it: peer:jpegxl",
        ),
    ],
)
def test_what_a_codec_does_not_take_is_named(here, arguments, sentence, capsys):
    before = content(here)
    said = refusal(["encode", "photo.png", *arguments], capsys)
    assert said.startswith(f"qimg: error: {sentence}")
    assert content(here) == before
