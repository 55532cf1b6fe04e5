"""The Pillow plugin: modes, lazy pixels, targets, metadata, and errors of the kinds that Pillow raises."""

import io
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageFile

import qimg.pillow
from qimg import codecs, images


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(images.box_mean(images.bundled("coffee"), 5))


def written(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "QIMG", **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def deep(photo: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_modes_come_back(photo, mode):
    image = deep(photo) if mode == "I;16" else photo.convert(mode)
    data = written(image, quality=60)
    shown = opened(data)
    assert (shown.mode, shown.size, shown.format) == (mode, image.size, "QIMG")
    assert_array_equal(np.asarray(shown), codecs.decode(data))
    assert data == codecs.encode(np.asarray(image), quality=60)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("options", [{"lossless": True}, {"codec": "lossless"}], ids=str)
def test_files_without_loss(photo, mode, options):
    image = deep(photo) if mode == "I;16" else photo.convert(mode)
    shown = opened(written(image, **options))
    assert shown.mode == mode
    assert_array_equal(np.asarray(shown), np.asarray(image))


def test_big_endian_gray_is_the_same(photo):
    values = np.asarray(deep(photo))
    other = Image.frombuffer("I;16B", photo.size, values.astype(">u2").tobytes(), "raw", "I;16B", 0, 1)
    assert written(other, quality=60) == written(deep(photo), quality=60)


def test_deep_colour_is_rounded_to_8_bits():
    pixels = np.random.default_rng(0).integers(0, 65536, (20, 30, 4)).astype(np.uint16)
    data = codecs.encode(pixels, quality=90)
    shown = opened(data)
    assert shown.mode == "RGBA"
    assert_array_equal(np.asarray(shown), np.rint(codecs.decode(data) / 257).astype(np.uint8))


@pytest.mark.parametrize(
    ("mode", "becomes"), [("1", "L"), ("P", "RGB"), ("PA", "RGBA"), ("CMYK", "RGB"), ("YCbCr", "RGB")]
)
def test_other_modes_are_converted_as_for_webp(photo, mode, becomes):
    image = photo.convert("P").convert("PA") if mode == "PA" else photo.convert(mode)
    data = written(image, quality=80)
    assert opened(data).mode == becomes
    assert data == written(image.convert(becomes), quality=80)


def test_a_transparent_palette_becomes_alpha(photo):
    image = photo.convert("P")
    image.info["transparency"] = 0
    assert opened(written(image, quality=50)).mode == "RGBA"


@pytest.mark.parametrize("mode", ["I", "F"])
def test_modes_without_a_white_are_refused(photo, mode):
    with pytest.raises(OSError, match=f"cannot write mode {mode} as QIMG"):
        written(photo.convert("L").convert(mode))


def test_pixels_are_decoded_when_asked_for(photo, monkeypatch):
    data, calls = written(photo), []
    decode = codecs.decode_picture
    monkeypatch.setattr(
        codecs, "decode_picture", lambda *given, **options: calls.append(1) or decode(*given, **options)
    )
    shown = opened(data)
    assert (shown.size, shown.mode, calls) == (photo.size, "RGB", [])
    shown.load()
    shown.load()
    assert shown.getpixel((3, 4)) == tuple(codecs.decode(data)[4, 3])
    assert calls == [1]


def test_files_by_name(photo, tmp_path):
    path = tmp_path / "photo.qimg"
    photo.save(path, size=2000)
    assert path.stat().st_size <= 2000
    with Image.open(path) as shown:
        assert_array_equal(np.asarray(shown), codecs.decode(path.read_bytes()))
    assert Image.registered_extensions()[".qimg"] == "QIMG"
    assert Image.MIME["QIMG"] == "image/x-qimg"


def test_targets(photo):
    assert written(photo) == written(photo, quality=qimg.pillow.QUALITY)
    assert written(photo, bits_per_pixel=2, effort=1) == codecs.encode(np.asarray(photo), bits_per_pixel=2, effort=1)
    assert written(photo, psnr_db=33) == codecs.encode(np.asarray(photo), psnr_db=33)
    with pytest.raises(ValueError, match="one of quality, size, bits_per_pixel and psnr_db must be set"):
        written(photo, quality=50, size=3000)


def test_metadata(photo):
    exif = Image.Exif()
    exif[0x010F] = "maker"
    shown = opened(written(photo, icc_profile=b"profile", exif=exif, xmp=b"<x/>"))
    assert shown.info["icc_profile"] == b"profile"
    assert shown.info["xmp"] == b"<x/>"
    assert shown.getexif()[0x010F] == "maker"
    assert opened(written(photo, exif=exif.tobytes())).info["exif"] == shown.info["exif"]
    # A profile that the picture came with stays, as for PNG; that of CMYK does not fit RGB.
    photo.info["icc_profile"] = b"profile"
    assert opened(written(photo)).info["icc_profile"] == b"profile"
    assert "icc_profile" not in opened(written(photo, icc_profile=None)).info
    press = photo.convert("CMYK")
    press.info["icc_profile"] = b"press"
    assert "icc_profile" not in opened(written(press)).info


def test_one_picture_per_file(photo, tmp_path):
    with pytest.raises(ValueError, match="a QIMG file holds one picture, but there are 2 frames to save"):
        photo.save(tmp_path / "two.qimg", save_all=True, append_images=[photo])
    assert list(tmp_path.iterdir()) == []
    assert written(photo, save_all=True) == written(photo)


def test_damage_is_an_error_of_pillows_kind(photo):
    data = bytearray(written(photo))
    with pytest.raises(OSError, match="the file is cut"):
        opened(bytes(data[:-1])).load()
    data[len(data) // 2] ^= 1
    with pytest.raises(OSError, match="is altered: its CRC must be"):
        opened(bytes(data))


def test_pillows_limit_holds(photo, monkeypatch):
    data = written(photo)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(Image.DecompressionBombError):
        opened(data)


def test_other_files_are_left_to_others(photo):
    file = io.BytesIO()
    photo.save(file, "PNG")
    assert opened(file.getvalue()).format == "PNG"
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_the_plugin_loads_nothing_heavy(tmp_path):
    script = "import sys, qimg.pillow; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "False"
