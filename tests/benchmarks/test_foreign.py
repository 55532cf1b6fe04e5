"""The comparison of foreign files finds right, refused and wrong readings."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from benchmarks.reliability import foreign
from qimg import images
from tests.images.reading.made import chunk, png


@pytest.fixture
def folder(tmp_path):
    """Sets of a few files: gray, sBIT, inks, two pages, signed samples, 12 bits, and a text."""
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (6, 8)).astype(np.uint8)
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    Image.fromarray(gray).save(tmp_path / "first" / "gray.png")
    deep = rng.integers(0, 65536, (6, 8, 3))
    content = png(deep.reshape(6, -1, 1), 16, 2, chunk(b"sBIT", bytes([10, 10, 10])), size=(6, 8))
    (tmp_path / "first" / "significant.png").write_bytes(content)
    (tmp_path / "first" / "text.png").write_text("no picture")
    Image.fromarray(gray).convert("CMYK").save(tmp_path / "second" / "inks.tif")
    tifffile.imwrite(tmp_path / "second" / "pages.tif", np.stack([gray, gray]), photometric="minisblack")
    tifffile.imwrite(tmp_path / "second" / "signed.tif", gray.astype(np.int8), photometric="minisblack")
    tifffile.imwrite(tmp_path / "second" / "white.tif", gray.astype(np.uint16), photometric="miniswhite")
    return tmp_path


def test_files_are_counted_by_outcome(folder):
    rows = foreign.measure(folder)
    counts = {(row.what, row.quantity): row.value for row in rows}
    assert counts["first", "tried"] == 3
    assert counts["first", foreign.EQUAL] == 2
    assert counts["first", foreign.BOTH] == 1
    assert counts["second", "tried"] == 4
    assert counts["second", foreign.OPTION] == 2
    assert counts["second", foreign.REFUSED] == 1
    assert counts["second", foreign.EQUAL] == 1
    assert counts["second", foreign.DIFFERENT] == 0
    assert foreign.measure(folder) == rows


def test_a_wrong_reading_is_found(folder, monkeypatch):
    load = images.load
    monkeypatch.setattr(images, "load", lambda path, **options: 255 - load(path, **options))
    assert foreign.outcome_of(folder / "first" / "gray.png").outcome == foreign.DIFFERENT


def test_a_contact_sheet_has_a_tile_for_each_picture(folder):
    sheet = images.load(_written(folder, foreign.contact_sheet(folder, side=16, columns=3)))
    assert sheet.shape == (32, 48, 3)  # five pictures in three columns


def _written(folder, content):
    (folder / "sheet.png").write_bytes(content)
    return folder / "sheet.png"


def test_a_folder_is_needed(monkeypatch):
    monkeypatch.delenv("QIMG_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="foreign files need a folder"):
        foreign.measure()
