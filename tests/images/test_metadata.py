"""Colour profile, EXIF and XMP of picture files, which are upright once they are read."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from qimg import images
from qimg.images import Metadata, PictureWarning, read_metadata, save

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)


def exif_by_hand(order: str, kind: int, orientation: int) -> bytes:
    """A maker's note of no known form between two tags, and an orientation of a TIFF type."""
    width = {1: 1, 3: 2, 4: 4}[kind]
    start = b"II*\0" if order == "little" else b"MM\0*"
    entries = [
        (0x0112, kind, 1, orientation.to_bytes(width, order).ljust(4, b"\0")),
        (0x010F, 7, 5, (38).to_bytes(4, order)),
    ]
    ifd = b"".join(
        tag.to_bytes(2, order) + form.to_bytes(2, order) + count.to_bytes(4, order) + value
        for tag, form, count, value in entries
    )
    return start + (8).to_bytes(4, order) + (2).to_bytes(2, order) + ifd + bytes(4) + b"note!"


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_nothing_but_the_orientation_changes(tmp_path, order, kind):
    path, exif = tmp_path / "x.png", exif_by_hand(order, kind, 6)
    save(PIXELS, path, metadata=Metadata(exif=exif))
    assert read_metadata(path).exif == exif_by_hand(order, kind, 1)


@pytest.mark.parametrize("exif", [b"no structure", b"II*\0", b"II*\0\xff\xff\xff\xff", exif_by_hand("big", 3, 1)[:20]])
def test_broken_exif_is_handed_on(tmp_path, exif):
    path = tmp_path / "x.png"
    save(PIXELS, path, metadata=Metadata(exif=exif))
    assert read_metadata(path).exif == exif
    assert_array_equal(images.load(path), PIXELS)


@pytest.mark.parametrize(
    "form", [b'tiff:Orientation="6"', b"tiff:Orientation = '6'", b"<tiff:Orientation>6</tiff:Orientation>"]
)
def test_the_orientation_in_xmp_is_set(tmp_path, form):
    packet = b"<x:xmpmeta " + form + b" other='6'/>"
    save(PIXELS, tmp_path / "x.png", metadata=Metadata(xmp=packet))
    assert read_metadata(tmp_path / "x.png").xmp == packet.replace(form, form.replace(b"6", b"1"))


def test_metadata_behind_the_pixels_of_png_is_found(tmp_path):
    save(PIXELS, tmp_path / "x.png", metadata=Metadata(exif=exif_by_hand("big", 3, 8)))
    content = (tmp_path / "x.png").read_bytes()
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4], "big")
    moved = content[:start] + content[end:-12] + content[start:end] + content[-12:]
    (tmp_path / "y.png").write_bytes(moved)
    assert read_metadata(tmp_path / "y.png") == read_metadata(tmp_path / "x.png")
    assert_array_equal(images.load(tmp_path / "y.png"), images.load(tmp_path / "x.png"))


def test_files_without_metadata_have_none(tmp_path):
    for suffix in (".png", ".tif", ".bmp", ".ppm"):
        save(PIXELS, tmp_path / f"x{suffix}")
        assert read_metadata(tmp_path / f"x{suffix}") == Metadata()
    assert read_metadata(Path("photo.nef")) == Metadata()


def test_exif_that_a_format_cannot_hold_is_named(tmp_path):
    with pytest.warns(PictureWarning, match=re.escape("x.jpg: its EXIF data have 70000 bytes, too many for JPEG")):
        save(PIXELS, tmp_path / "x.jpg", quality=90, metadata=Metadata(exif=bytes(70000)))
    assert read_metadata(tmp_path / "x.jpg") == Metadata()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_gray_tiff_files_are_turned(tmp_path, orientation):
    # Pillow 13 garbles those that are to be turned by 90 degrees, when it is given their name.
    exif = Image.Exif()
    exif[0x0112] = orientation
    for channels in (1, 3):
        pixels = PIXELS if channels == 3 else PIXELS[..., 0]
        Image.fromarray(pixels).save(tmp_path / f"{channels}.tif", exif=exif)
    assert_array_equal(images.load(tmp_path / "1.tif"), images.load(tmp_path / "3.tif")[..., 0])
