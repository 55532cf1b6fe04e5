"""Formats besides PNG and TIFF: pixel formats, several pictures, damaged metadata, announced sizes, HEIF."""

import io
import struct
import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from qimg import images
from qimg.images import ImageError, Metadata, PictureWarning, read_metadata
from qimg.images.reading.headers import depth_of_avif, depths_of_jpeg2000, frame_of_jpeg, size_of_webp

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (12, 20, 3)).astype(np.uint8)
RGBA = np.dstack([RGB, RNG.integers(0, 256, (12, 20)).astype(np.uint8)])


def written(tmp_path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def encoded(pixels, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "form", "pixels", "options"),
    [
        ("x.jp2", "JPEG2000", RGB, {}),
        ("x.jp2", "JPEG2000", RGBA, {}),
        ("x.j2k", "JPEG2000", RGB[..., 0], {"no_jp2": True}),
        ("x.jp2", "JPEG2000", RGB[..., 0].astype(np.uint16) * 257, {}),
        ("x.tga", "TGA", RGB, {}),
        ("x.tga", "TGA", RGBA, {"compression": "tga_rle"}),
        ("x.pcx", "PCX", RGB, {}),
        ("x.sgi", "SGI", RGBA, {}),
        ("x.qoi", "QOI", RGBA, {}),
        ("x.ico", "ICO", RGBA[:, :12], {"sizes": [(12, 12)]}),
        ("x.webp", "WEBP", RGBA, {"lossless": True, "exact": True}),
        ("x.bmp", "BMP", RGB, {}),
        ("x.ppm", "PPM", RGB, {}),
        ("no_ending", "PNG", RGB, {}),
        ("wrong.jpg", "WEBP", RGB, {"lossless": True}),
    ],
)
def test_lossless_formats(tmp_path, name, form, pixels, options):
    assert_array_equal(images.load(written(tmp_path, name, encoded(pixels, form, **options))), pixels)


def test_gif_with_a_transparent_colour(tmp_path):
    indices = (np.arange(240).reshape(12, 20) % 7).astype(np.uint8)
    picture = Image.fromarray(indices, "L").convert("P")
    picture.putpalette(RGB.reshape(-1)[:21].tolist())
    path = written(tmp_path, "x.gif", encoded(picture, "GIF", transparency=3))
    pixels = images.load(path)
    assert_array_equal(pixels[..., 3], np.where(indices == 3, 0, 255))
    assert_array_equal(pixels[..., :3][indices != 3], RGB.reshape(-1)[:21].reshape(7, 3)[indices[indices != 3]])


@pytest.mark.parametrize("form", ["GIF", "WEBP", "AVIF"])
def test_the_first_picture_of_an_animation(tmp_path, form):
    content = encoded(RGB, form, save_all=True, append_images=[Image.fromarray(255 - RGB)])
    path = written(tmp_path, f"x.{form.lower()}", content)
    with pytest.raises(ImageError, match=r"holds 2 frames.*--first-frame"):
        images.load(path)
    assert images.load(path, first_frame=True).shape[:2] == (12, 20)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"P5 2 1 15\n\x00\x0f", [[0, 255]]),
        (b"P5 2 1 1023\n\x00\x00\x03\xff", [[0, 65535]]),
        (b"P5 2 1 65535\n\x00\x01\x03\xff", [[1, 1023]]),
        (b"P2\n# a comment\n2 1 1023\n0 1023\n", [[0, 65535]]),
        (b"P6 1 1 1000\n\x00\x00\x01\xf4\x03\xe8", [[[0, 32768, 65535]]]),
        (b"P6 1 1 65535\n\x00\x00\x01\xf4\x03\xe8", [[[0, 500, 1000]]]),
        (b"P6 1 1 31\n\x00\x10\x1f", [[[0, 132, 255]]]),
        (b"P3 1 1 1000\n0 500 # half\n1000\n", [[[0, 32768, 65535]]]),
        (b"P4 3 1\n\x40", [[255, 0, 255]]),
        (b"P5 1 1 100\n\xff", [[255]]),  # above white
        (b"P5 1 1 300\n\xff\xff", [[65535]]),
        (b"Pf 2 1 -1.0\n" + struct.pack("<2f", 0, 0.5), [[0, 32768]]),
    ],
)
def test_white_of_pnm(tmp_path, content, expected):
    pixels = images.load(written(tmp_path, "x.pnm", content))
    assert_array_equal(pixels, expected)
    assert pixels.dtype == (np.uint8 if pixels.max() <= 255 else np.uint16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P5 16000 16000 255\n\x00", "too short for 16000×16000"),
        (b"P6 16000 16000 65535\n\x00", "too short for 16000×16000"),
        (b"P5 20000 20000 255\n\x00", "max_pixels=268435456"),
        (b"Pf 2 1 -1.0\n" + struct.pack("<2f", 0, 4), r"must be in \[0, 1\]"),
        (b"Pf 2 1 -1.0\n" + struct.pack("<2f", 0, np.nan), r"must be in \[0, 1\]"),
        (b"GIF89a" + struct.pack("<HHBBB", 60000, 60000, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\1\0\0;", "max_pixels"),
        (b"BM" + bytes(8) + struct.pack("<IIiiHHIIIIII", 54, 40, 16000, 16000, 1, 24, 0, 0, 0, 0, 0, 0), "too short"),
        (b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0\xff\x7f\0" + bytes(12), "max_pixels"),
    ],
)
def test_announced_sizes(tmp_path, content, message):
    with pytest.raises(ImageError, match=message):
        images.load(written(tmp_path, "x.bin", content))


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF", "GIF", "JPEG2000", "BMP", "QOI", "SGI", "PPM", "ICO"])
def test_limits(tmp_path, form):
    path = written(tmp_path, "x.bin", encoded(RGB, form))
    height, width = images.load(path).shape[:2]
    assert images.load(path, max_pixels=height * width).shape[:2] == (height, width)
    with pytest.raises(ImageError, match=rf"max_pixels={height * width - 1} pixels, but has {height}×{width}"):
        images.load(path, max_pixels=height * width - 1)


def test_inks(tmp_path):
    inks = Image.frombytes("CMYK", (20, 12), RGBA.tobytes())
    path = written(tmp_path, "x.jpg", encoded(inks, "JPEG", quality=100))
    with pytest.raises(ImageError, match=r"but is CMYK \(to_rgb, or --to-rgb on the command line, converts it\)"):
        images.load(path)
    with Image.open(path) as file:
        assert_array_equal(images.load(path, to_rgb=True), np.asarray(file.convert("RGB")))
    broken = written(tmp_path, "y.jpg", encoded(inks, "JPEG", quality=100, icc_profile=b"no profile"))
    with pytest.warns(PictureWarning, match="y.jpg: its colour profile cannot be applied to its CMYK pixels"):
        assert_array_equal(images.load(broken, to_rgb=True), images.load(path, to_rgb=True))


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


SEGMENTS = {
    "EXIF that is no TIFF": segment(0xE1, b"Exif\0\0garbage that is no TIFF structure"),
    "EXIF that is empty": segment(0xE1, b"Exif\0\0"),
    "EXIF of a wrong type": segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\x0c\0\xff\xff\xff\xff\0\0\0\0"),
    "a short JFIF": segment(0xE0, b"JFIF\0"),
    "a short Adobe": segment(0xEE, b"Adobe"),
    "a broken MPF": segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
    "a part of a profile": segment(0xE2, b"ICC_PROFILE\0\2\3profile"),
    "part 0 of a profile": segment(0xE2, b"ICC_PROFILE\0\0\1profile"),
    "a broken Photoshop block": segment(0xED, b"Photoshop 3.0\x008BIM\4\4\xff\xff\xff\xff\xff"),
    "broken XMP": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<"),
    "sixty applications": b"".join(segment(0xEB, bytes(9)) for _ in range(60)),
}


@pytest.mark.parametrize("kind", SEGMENTS)
@pytest.mark.filterwarnings("ignore::qimg.images.PictureWarning")
def test_damaged_metadata_of_jpeg_cost_no_pixels(tmp_path, kind):
    content = encoded(RGB, "JPEG", quality=90)
    for at in (2, content.index(b"\xff\xdb")):
        path = written(tmp_path, "x.jpg", content[:at] + SEGMENTS[kind] + content[at:])
        assert_array_equal(images.load(path), images.load(written(tmp_path, "y.jpg", content)))
        images.save(images.load(path), tmp_path / "z.tif", metadata=read_metadata(path))
        assert_array_equal(images.load(tmp_path / "z.tif"), images.load(path))


@pytest.mark.parametrize("exif", [b"no structure", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
def test_damaged_exif_of_avif_and_webp_costs_no_pixels(tmp_path, exif):
    made = Image.Exif()
    made[0x010F] = "made by somebody with a name that is long enough"
    whole = made.tobytes()
    for form in ("AVIF", "WEBP"):
        content = encoded(RGB, form, exif=whole, quality=90)
        start = content.index(whole.removeprefix(b"Exif\0\0"))
        broken = content[:start] + exif.ljust(60, b"\xff")[:60] + content[start + 60 :]
        path = written(tmp_path, f"x.{form.lower()}", broken)
        assert_array_equal(images.load(path), images.load(written(tmp_path, "whole", content)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PictureWarning)
            images.save(images.load(path), tmp_path / "y.tif", metadata=read_metadata(path))
        assert_array_equal(images.load(tmp_path / "y.tif"), images.load(path))


def test_headers():
    assert size_of_webp(encoded(RGB, "WEBP")) == (12, 20)
    assert size_of_webp(encoded(RGB, "WEBP", lossless=True)) == (12, 20)
    assert size_of_webp(encoded(RGBA, "WEBP")) == (12, 20)
    assert size_of_webp(b"RIFF") == (1, 1)
    assert frame_of_jpeg(encoded(RGB, "JPEG")) == (8, 12, 20)
    assert frame_of_jpeg(b"\xff\xd8\xff") == (8, 1, 1)
    assert depths_of_jpeg2000(encoded(RGB, "JPEG2000")) == {8}
    assert depths_of_jpeg2000(encoded(RGB[..., 0].astype(np.uint16), "JPEG2000")) == {16}
    assert depth_of_avif(encoded(RGB, "AVIF")) == 8


def test_deep_avif_is_mentioned(tmp_path):
    content = bytearray(encoded(RGB, "AVIF"))
    place = content.index(b"av1C") + 6
    assert not content[place] & 0x40
    for flags, depth in ((0x40, 10), (0x60, 12)):
        content[place] |= flags
        assert depth_of_avif(bytes(content)) == depth


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_jpeg_2000_of_other_depths_is_refused(tmp_path, bits):
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = RGB.astype(np.uint16)
    content = imagecodecs.jpeg2k_encode(samples, level=0, bitspersample=bits)
    with pytest.raises(ImageError, match=rf"8 bits, or 16 bits of gray, without sign, but holds {bits} bits"):
        images.load(written(tmp_path, "x.j2k", content))


@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_jpeg_of_16_bits(tmp_path, channels):
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = RNG.integers(0, 65536, (9, 11, 3)).astype(np.uint16)[..., :channels]
    samples = samples[..., 0] if channels == 1 else samples
    encode = imagecodecs.ljpeg_encode if channels == 1 else imagecodecs.jpeg_encode
    content = encode(samples, bitspersample=16, **({} if channels == 1 else {"lossless": True}))
    path = written(tmp_path, "x.jpg", content)
    assert_array_equal(images.load(path), samples)
    with pytest.raises(ImageError, match="max_pixels=98 pixels, but has 9×11"):
        images.load(path, max_pixels=98)


def test_heif_needs_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = written(tmp_path, "x.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    with pytest.raises(
        ImageError, match=r"x\.heic: HEIC .* need the package pillow-heif \(pip install 'qimg\[heif\]'\)"
    ):
        images.load(path)


def test_heif(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    ramp = np.add.outer(np.arange(40), 2 * np.arange(24))[..., None].repeat(3, axis=2).astype(np.uint8)
    path = tmp_path / "x.heic"
    pillow_heif.from_pillow(Image.fromarray(ramp)).save(path, quality=95, exif=exif.tobytes())
    # Quality 95 keeps a ramp to a few code values; the picture is turned once.
    assert_allclose(images.load(path).astype(int), images.upright(ramp, 6), atol=8)
    images.save(images.load(path), tmp_path / "y.png", metadata=read_metadata(path))
    assert images.load(tmp_path / "y.png").shape == (24, 40, 3)
    with pytest.raises(ImageError, match="max_pixels=959"):
        images.load(path, max_pixels=959)


def test_orientation_is_either_in_the_pixels_or_in_the_tag(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    metadata = Metadata(exif=exif.tobytes())
    for suffix in images.SUFFIXES:
        lossy = suffix in (".jpg", ".jpeg", ".webp", ".avif")
        flat = np.zeros((24, 40), np.uint8)
        flat[:, 20:] = 255
        pixels = flat if suffix == ".pgm" else flat[..., None].repeat(3, axis=2)
        images.save(pixels, tmp_path / f"x{suffix}", quality=90 if lossy else None, metadata=metadata)
        loaded = images.load(tmp_path / f"x{suffix}")
        assert_allclose(loaded.astype(int), images.upright(pixels, 6), atol=20 if lossy else 0)
        assert read_metadata(tmp_path / f"x{suffix}").exif in (None, metadata.exif.replace(b"\6\0", b"\1\0")) or lossy
