"""PNG files whose chunks change the meaning of samples, and damaged and huge ones."""

import re
import struct
import zlib

import numpy as np
import png as pypng
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from qimg import images
from qimg.images import ImageError, PictureWarning
from tests.images.reading.made import chunk, png

GRAY, RGB, PALETTE = 0, 2, 3


def random_samples(bits: int, channels: int, shape: tuple[int, int] = (5, 7)) -> np.ndarray:
    return np.random.default_rng(bits + channels).integers(0, 1 << bits, (*shape, channels), dtype=np.uint32)


def written(tmp_path, content: bytes):
    (tmp_path / "x.png").write_bytes(content)
    return tmp_path / "x.png"


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_gray_is_alpha(tmp_path, bits):
    samples = random_samples(bits, 1)
    transparent = int(samples[2, 3, 0])
    path = written(tmp_path, png(samples, bits, GRAY, chunk(b"tRNS", struct.pack(">H", transparent))))
    white = 65535 if bits == 16 else 255
    pixels = images.load(path)
    assert pixels.dtype == (np.uint16 if bits == 16 else np.uint8)
    assert_array_equal(pixels[..., 0], samples[..., 0] * white // ((1 << bits) - 1))
    assert_array_equal(pixels[..., 1], np.where(samples[..., 0] == transparent, 0, white))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_transparent_colour_is_alpha(tmp_path, bits):
    samples = random_samples(bits, 3)
    colour = samples[1, 1].copy()
    samples[3, 3] = colour
    samples[4, 4] = [*colour[:2], colour[2] ^ 1]  # differs in the lowest bit
    path = written(
        tmp_path, png(samples.reshape(5, -1, 1), bits, RGB, chunk(b"tRNS", struct.pack(">3H", *colour)), size=(5, 7))
    )
    pixels = images.load(path)
    assert_array_equal(pixels[..., :3], samples)
    expected = np.full((5, 7), (1 << bits) - 1)
    expected[1, 1] = expected[3, 3] = 0
    assert_array_equal(pixels[..., 3], expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_with_transparency_is_rgba(tmp_path, bits):
    samples, table = random_samples(bits, 1), random_samples(8, 3, (1, 1 << bits))[0].astype(np.uint8)
    alphas = bytes([0, 100])[: 1 << bits]
    content = png(samples, bits, PALETTE, chunk(b"PLTE", table.tobytes()), chunk(b"tRNS", alphas))
    alpha = np.full(1 << bits, 255, np.uint8)
    alpha[: len(alphas)] = list(alphas)
    expected = np.column_stack([table, alpha])[samples[..., 0]]
    assert_array_equal(images.load(written(tmp_path, content)), expected)


@pytest.mark.parametrize("form", [0, 2, 4, 6])
@pytest.mark.parametrize("significant", [1, 5, 10, 16])
def test_significant_bits_do_not_change_samples(tmp_path, form, significant):
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[form]
    samples = random_samples(16, channels)
    content = png(samples.reshape(5, -1, 1), 16, form, chunk(b"sBIT", bytes([significant] * channels)), size=(5, 7))
    assert_array_equal(images.load(written(tmp_path, content)), samples[..., 0] if channels == 1 else samples)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_interlaced_files(tmp_path, bits, channels):
    samples = random_samples(bits, channels, (11, 13))
    with (tmp_path / "x.png").open("wb") as file:
        writer = pypng.Writer(13, 11, greyscale=channels < 3, alpha=channels in (2, 4), bitdepth=bits, interlace=True)
        writer.write(file, samples.reshape(11, -1).tolist())
    assert_array_equal(images.load(tmp_path / "x.png"), samples[..., 0] if channels == 1 else samples)


def test_the_first_picture_of_an_animation(tmp_path):
    frames = [Image.fromarray(random_samples(8, 1)[..., 0].astype(np.uint8) ^ one) for one in (0, 7)]
    frames[0].save(tmp_path / "x.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=r"holds 2 frames.*first_frame, or --first-frame on the command line"):
        images.load(tmp_path / "x.png")
    assert_array_equal(images.load(tmp_path / "x.png", first_frame=True), np.asarray(frames[0]))


BOMB = b"comment\0\0" + zlib.compress(bytes(1 << 27))
METADATA = {
    "text bomb": chunk(b"zTXt", BOMB),
    "international bomb": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB[9:]),
    "profile bomb": chunk(b"iCCP", BOMB),
    "broken profile": chunk(b"iCCP", b"name\0\0no deflate"),
    "profile without a name": chunk(b"iCCP", b""),
    "broken EXIF": chunk(b"eXIf", b"garbage that is no TIFF"),
    "EXIF in a circle": chunk(b"eXIf", b"II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0"),
    "raw EXIF that is not hexadecimal": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n9\nxyz")),
    "XMP that is not UTF-8": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x>\xff\xfe</x>"),
    "short gamma": chunk(b"gAMA", b"\1"),
    "short primaries": chunk(b"cHRM", b"\1\2\3"),
    "wrong checksum": chunk(b"tEXt", b"a\0b")[:-1] + b"?",
    "density of no size": chunk(b"pHYs", b""),
    "time": chunk(b"tIME", b"???"),
}


@pytest.mark.parametrize("kind", METADATA)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.filterwarnings("ignore::qimg.images.PictureWarning")
def test_damaged_metadata_cost_no_pixels(tmp_path, kind, bits):
    samples = random_samples(bits, 3)
    path = written(tmp_path, png(samples.reshape(5, -1, 1), bits, RGB, METADATA[kind], size=(5, 7)))
    assert_array_equal(images.load(path), samples)
    metadata = images.read_metadata(path)
    for suffix in (".png", ".tif"):
        images.save(images.load(path), tmp_path / f"y{suffix}", metadata=metadata)
        assert_array_equal(images.load(tmp_path / f"y{suffix}"), samples)


def test_colours_that_are_not_kept_are_mentioned(tmp_path):
    samples = random_samples(8, 1)
    for kind, data in ((b"gAMA", struct.pack(">I", 100000)), (b"cICP", bytes([9, 16, 0, 1]))):
        path = written(tmp_path, png(samples, 8, GRAY, chunk(kind, data)))
        with pytest.warns(
            PictureWarning, match=f"x.png: the description of its colours in {kind.decode()} is left out"
        ):
            images.read_metadata(path)
    for data in (chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"cICP", bytes([1, 13, 0, 1])), chunk(b"sRGB", b"\0")):
        images.read_metadata(written(tmp_path, png(samples, 8, GRAY, data)))


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"tRNS", b"PLTE"])
def test_a_wrong_checksum_of_pixels_is_refused(tmp_path, kind):
    content = bytearray(png(random_samples(8, 1), 8, PALETTE, chunk(b"PLTE", bytes(768)), chunk(b"tRNS", bytes(5))))
    content[content.index(kind) + 4] ^= 1
    with pytest.raises(
        ImageError, match=f"x.png: cannot be read as an image .the checksum of {kind.decode()} is wrong"
    ):
        images.load(written(tmp_path, bytes(content)))


def test_announced_sizes(tmp_path):
    path = written(tmp_path, png(random_samples(8, 1), 8, RGB, size=(16384, 16384)))
    with pytest.raises(ImageError, match="it is too short for 16384×16384 pixels"):
        images.load(path)
    path = written(tmp_path, png(random_samples(8, 1), 8, GRAY, size=(20000, 20000)))
    with pytest.raises(
        ImageError, match=re.escape("must have at most max_pixels=268435456 pixels, but has 20000×20000")
    ):
        images.load(path)
    with pytest.raises(ImageError, match="max_pixels=34 pixels, but has 5×7"):
        images.load(written(tmp_path, png(random_samples(8, 1), 8, GRAY)), max_pixels=34)
    path = tmp_path / "x.png"
    assert images.load(path, max_pixels=35).shape == (5, 7)
    assert images.load(path, max_pixels=None).shape == (5, 7)
