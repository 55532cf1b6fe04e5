"""The pictures of an experiment: what is found, named, skipped, downscaled, and never fitted on itself."""

import hashlib
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pytest

from experiments._run.pictures import LARGE, LeaveOneOut, Picture, bundled, gather, others
from qimg import images
from qimg.images import ImageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, a broken file and a text file."""
    photograph = images.bundled("coffee")
    images.save(photograph[:24, :40], tmp_path / "b.png")
    images.save(photograph[50:63, :21, 0], tmp_path / "a.png")
    images.save(photograph[100:116, :16], tmp_path / "b.bmp")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing follows")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def pixel_hash(pixels):
    return hashlib.sha256(f"{pixels.dtype} {pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def test_the_same_picture_is_recognised_in_another_file_and_with_alpha(folder):
    pixels = images.load(folder / "a.png")
    images.save(pixels, folder / "c.bmp")
    images.save(np.dstack([pixels, np.full(pixels.shape[:2], 9, np.uint8)]), folder / "d.png")
    gathered = gather([str(folder)])
    assert [picture.name for picture in gathered.pictures] == ["a", "b", "b.png"]
    # So a bundled photograph given as a file is not among the pictures that a model for it is fitted on.
    images.save(images.bundled("coffee"), folder / "mine.png")
    (mine,) = gather([str(folder / "mine.png")]).pictures
    assert [picture.name for picture in others([mine], mine)] == [name for name in images.BUNDLED if name != "coffee"]


def test_leave_one_out_is_the_sum_of_the_others(folder):
    pictures = gather([str(folder)]).pictures
    sums = LeaveOneOut(pictures, Picture.operator)
    for picture in pictures:
        expected = reduce(add, (other.operator() for other in others(pictures, picture)))
        # One subtraction of sums of squares of at most 128²·n: a few digits of rounding.
        np.testing.assert_allclose(sums.without(picture).matrix, expected.matrix, rtol=1e-9, atol=1e-6)
        assert sums.without(picture).count == expected.count
    alone = LeaveOneOut(pictures[:1], Picture.operator).without(pictures[0])
    assert alone.count == sum(picture.operator().count for picture in bundled())


def test_without_sources_there_are_the_bundled_photographs():
    gathered = gather((), box_mean=4)
    assert [picture.name for picture in gathered.pictures] == list(images.BUNDLED)
    assert gathered.skipped == ()
    first = gathered.pictures[0]
    assert first.sha256 == pixel_hash(images.bundled(first.name))
    np.testing.assert_array_equal(first.image(), images.box_mean(images.bundled(first.name), 4))


def test_a_folder_gives_its_pictures_in_order_and_counts_the_broken_ones(folder):
    gathered = gather([str(folder)])
    assert [picture.path for picture in gathered.pictures] == [folder / name for name in ("a.png", "b.bmp", "b.png")]
    assert [entry.name for entry in gathered.skipped] == [str(folder / "broken.png")]
    assert str(folder / "broken.png") in gathered.skipped[0].reason
    for picture in gathered.pictures:
        assert picture.sha256 == pixel_hash(images.load(picture.path))
        np.testing.assert_array_equal(picture.image(), images.load(picture.path))


def test_two_files_of_one_name_are_told_apart(folder):
    deeper = folder / "deeper"
    deeper.mkdir()
    images.save(images.bundled("coffee")[:8, :8], deeper / "b.png")
    images.save(images.bundled("coffee")[:8, :9], deeper / "b.bmp")
    names = [picture.name for picture in gather([str(folder), str(deeper)]).pictures]
    assert names == ["a", "b", "b.png", "b.bmp", "deeper/b.png"]


def test_a_picture_given_twice_is_taken_once(folder):
    copy = folder / "deeper" / "copy.png"
    copy.parent.mkdir()
    copy.write_bytes((folder / "a.png").read_bytes())
    gathered = gather([str(folder), str(folder / "b.png"), str(copy)])
    assert [picture.name for picture in gathered.pictures] == ["a", "b", "b.png"]
    repeated = [entry.reason for entry in gathered.skipped[1:]]
    assert repeated == [
        f"{folder / 'b.png'}: the same picture as {folder / 'b.png'}",
        f"{copy}: the same picture as {folder / 'a.png'}",
    ]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["absent.png"], "absent.png: no such file or folder"),
        (["empty"], r"empty: the folder holds no image \(\.png"),
        (["broken"], r"none of the 2 files can be read: .*one\.png.*; .*two\.jpg"),
        (["good.png", "absent"], "absent: no such file or folder"),
    ],
)
def test_bad_sources_are_named(tmp_path, sources, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    for name in ("one.png", "two.jpg"):
        (tmp_path / "broken" / name).write_bytes(b"")
    images.save(np.zeros((2, 2), np.uint8), tmp_path / "good.png")
    with pytest.raises(ImageError, match=message):
        gather([str(tmp_path / source) for source in sources])


@pytest.mark.parametrize("box_mean", [-1, 1.5])
def test_box_mean_must_be_a_whole_number(box_mean):
    with pytest.raises(ValueError, match=f"box_mean must be an integer of at least 0, but box_mean={box_mean}"):
        gather((), box_mean=box_mean)


def test_box_mean_stops_at_one_row_or_column(folder):
    (picture,) = gather([str(folder / "a.png")], box_mean=100).pictures
    assert picture.image().shape == (1, 1)


def test_box_mean_0_reduces_large_pictures_alone(tmp_path):
    side = int(LARGE**0.5)
    images.save(np.zeros((side, side), np.uint8), tmp_path / "fits.png")
    images.save(np.zeros((side, side + 3), np.uint8), tmp_path / "large.png")
    pictures = gather([str(tmp_path)], box_mean=0).pictures
    assert [picture.box_mean for picture in pictures] == [1, 2]
    assert all(picture.image().size <= LARGE for picture in pictures)


def test_pixels_come_without_alpha_and_luma_in_whole_code_values(tmp_path):
    rgb = images.bundled("chelsea")[:9, :10]
    images.save(np.dstack([rgb, rgb[..., :1]]), tmp_path / "alpha.png")
    (picture,) = gather([str(tmp_path)]).pictures
    np.testing.assert_array_equal(picture.image(), rgb)
    np.testing.assert_array_equal(picture.planes(), images.rgb_to_ycbcr(rgb))
    # Rounding moves a value by at most half a code value.
    assert np.abs(picture.luma() - images.luma(rgb)).max() <= 0.5
    np.testing.assert_array_equal(picture.luma() % 1, 0)
    assert picture.operator().count == 4
    assert picture.operator().dimension == 192


def test_others_are_all_but_the_picture_itself(folder):
    pictures = gather([str(folder)]).pictures
    for picture in pictures:
        rest = others(pictures, picture)
        assert len(rest) == len(pictures) - 1
        assert picture.sha256 not in {other.sha256 for other in rest}


def test_a_picture_alone_is_fitted_on_the_bundled_ones_at_its_own_scale(folder):
    (alone,) = gather([str(folder / "a.png")], box_mean=3).pictures
    assert [other.name for other in others([alone], alone)] == list(images.BUNDLED)
    assert {other.box_mean for other in others([alone], alone)} == {3}


def test_a_bundled_picture_alone_is_not_fitted_on_itself():
    first, *rest = bundled()
    assert [other.name for other in others([first], first)] == [other.name for other in rest]


def test_pictures_that_were_compressed_before_are_marked_and_averaged(tmp_path):
    photo = images.bundled("coffee")[:200, :200]
    (tmp_path / "a.jpg").write_bytes(images.jpeg_round_trip(photo, quality=80).file)
    images.save(images.load(tmp_path / "a.jpg")[3:, 3:], tmp_path / "decoded.png")
    images.save(photo, tmp_path / "original.png")
    found = gather([str(tmp_path)])
    marks = {picture.name: (picture.compressed, picture.box_mean) for picture in found.pictures}
    assert marks == {"a": ("JPEG file", 2), "decoded": ("block grid of JPEG", 1), "original": ("", 1)}
    assert found.remarks == [
        "a: was compressed before (JPEG file), so that it is no original: averaged over 2×2 boxes",
        "decoded: was compressed before (block grid of JPEG), so that it is no original: used as it is",
    ]
    assert [picture.box_mean for picture in gather([str(tmp_path)], box_mean=1).pictures] == [1, 1, 1]
    strict = gather([str(tmp_path)], originals=True)
    assert [picture.name for picture in strict.pictures] == ["original"]
    assert ["was compressed before" in entry.reason for entry in strict.skipped] == [True, True]
