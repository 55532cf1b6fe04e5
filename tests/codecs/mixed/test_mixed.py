"""The mixed codec: its files, its targets, and what it gains on a slide with a photograph."""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from experiments.coding.graphics_pictures import drawing
from qimg import codecs, images
from qimg.codecs.mixed.attempts import Attempts
from qimg.codecs.mixed.bitstream import BLOCK, CONTOUR, parse, whole
from qimg.codecs.mixed.decoder import map_of
from qimg.codecs.mixed.search import approach
from qimg.codecs.mixed.tile_map import box_of, pixels_of
from qimg.codecs.protocol import EncodeOptions


def slide() -> np.ndarray:
    """A slide with a photograph in its lower part."""
    picture = drawing("slide", side=128, seed=1).copy()
    picture[56:120, 16:112] = images.bundled("chelsea")[90:154, 120:216]
    return picture


SLIDE = slide()


def encoded(image, **options):
    return codecs.encode_picture(image, codec="mixed", **options)


KINDS = {
    "RGB": SLIDE,
    "gray": SLIDE[..., 1],
    "RGB + alpha": np.dstack([SLIDE, np.where(SLIDE[..., 0] > 200, np.uint8(0), np.uint8(90))]),
    "gray, opaque": np.dstack([SLIDE[..., 1], np.full((128, 128), 255, np.uint8)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_pictures_come_back(kind) -> None:
    image = KINDS[kind]
    file = encoded(image, quality=50)
    shown = codecs.decode(file.data)
    assert (shown.shape, shown.dtype) == (image.shape, image.dtype)
    plain = [images.without_alpha(picture) for picture in (image, shown)]
    assert file.psnr_db == pytest.approx(qimg.psnr_db(*plain))
    assert file.psnr_db > 35
    if images.has_alpha(image):
        assert_array_equal(shown[..., -1], image[..., -1])
    parts = codecs.info(file.data).parts
    assert {"map", "block", "contour"} <= set(parts)
    assert ("alpha" in parts) == (kind == "RGB + alpha")


def test_every_tile_is_that_of_its_codec() -> None:
    data = encoded(SLIDE, quality=40).data
    stream, shown = parse(data), codecs.decode(data)
    tiles = map_of(stream)
    for tag, own in ((BLOCK, tiles), (CONTOUR, ~tiles)):
        box, chunk = box_of(own, *SLIDE.shape[:2]), stream.chunk(tag)
        assert box is not None
        assert chunk is not None
        mask = pixels_of(own, *SLIDE.shape[:2])[box]
        assert_array_equal(shown[box][mask], codecs.decode(whole(chunk.payload))[mask])
    information = codecs.info(data)
    assert information.details == {"tiles": f"{tiles.sum()} block, {(~tiles).sum()} contour"}


def test_photograph_and_graphics_go_to_their_codecs() -> None:
    tiles = map_of(parse(encoded(SLIDE, quality=50).data))
    assert not tiles[:2].any()  # the title
    assert tiles[4:7, 2:6].all()  # the photograph


def test_a_slide_with_a_photograph_costs_less_than_in_either_codec() -> None:
    target = 38.0
    file = encoded(SLIDE, psnr_db=target)
    assert target <= file.psnr_db <= target + 0.3
    assert file.relative_cost < 0.9
    others = [codecs.encode(SLIDE, codec=codec, psnr_db=target) for codec in ("block", "contour")]
    assert len(file.data) < 0.96 * min(len(data) for data in others)


@pytest.mark.parametrize("image", [images.box_mean(images.bundled("chelsea"), 5), drawing("map", side=96, seed=0)])
def test_of_one_kind_the_file_is_larger_by_its_map_only(image) -> None:
    file = encoded(image, quality=50)
    others = [codecs.encode_picture(image, codec=codec, quality=50) for codec in ("block", "contour")]
    lagrange = qimg.codecs.quality.weight_of_quality(50, 3)

    def cost(one) -> float:
        error = 255**2 * 10 ** (-one.psnr_db / 10) * image.size if math.isfinite(one.psnr_db) else 0.0
        return error + lagrange * 8 * len(one.data)

    assert cost(file) <= min(map(cost, others)) + lagrange * 8 * 60


def test_sizes_are_kept() -> None:
    file = encoded(SLIDE, size=1500)
    assert 0.9 * 1500 <= len(file.data) <= 1500
    assert encoded(SLIDE, bits_per_pixel=8 * 1500 / 128**2).data == file.data
    with pytest.raises(ValueError, match=r"size must be at least [0-9]+ for this picture, but allows 60 bytes"):
        encoded(SLIDE, size=60)


def test_targets_out_of_reach() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 20), np.uint8)
    smooth = images.box_mean(images.bundled("coffee"), 8)[:20, :20]
    with pytest.raises(ValueError, match=r"psnr_db must be at most [0-9.]+ for this picture, but psnr_db=90"):
        encoded(smooth, psnr_db=90)
    with pytest.raises(ValueError, match=r"quality must be in \[1, 100\], but quality=0"):
        encoded(noise, quality=0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (17, 3, 3), (33, 16, 4), (2, 2, 2)])
def test_small_pictures(shape) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    file = encoded(image, quality=100)
    shown = codecs.decode(file.data)
    assert shown.shape == image.shape
    assert file.psnr_db == pytest.approx(qimg.psnr_db(images.without_alpha(image), images.without_alpha(shown)))


def test_metadata_is_stored_unchanged() -> None:
    data = encoded(SLIDE, quality=20, icc_profile=b"profile", exif=b"II*\0", xmp=b"<x/>").data
    for found in (codecs.decode_picture(data), codecs.info(data)):
        assert (found.icc_profile, found.exif, found.xmp) == (b"profile", b"II*\0", b"<x/>")


def test_maps_are_used_for_qualities_around_theirs() -> None:
    attempts = Attempts(SLIDE, EncodeOptions(), iter)
    files = [attempts.at(quality) for quality in (40, 44, 60)]
    maps = [map_of(parse(file.data)) for file in files]
    assert_array_equal(maps[0], maps[1])
    assert files[0].relative_cost == files[1].relative_cost != files[2].relative_cost


@pytest.mark.parametrize("target", [0.3, 3.0, 50.0, 98.0])
@pytest.mark.parametrize(
    "function",
    [lambda q: q, lambda q: 1 + (q - 1) ** 2 / 99, lambda q: 101 - 10000 / (q + 99)],
    ids=["straight", "slow at first", "slow at last"],
)
def test_the_search_meets_targets_of_increasing_functions(function, target) -> None:
    values: list[float] = []

    def value(quality: float) -> float:
        values.append(function(quality))
        return values[-1]

    approach(value, target, target * 1.02, start=40, slope=1.0)
    near = min(values, key=lambda one: abs(one - target))
    assert len(values) <= 8
    assert target * 0.9 <= near <= target * 1.1 or near in (function(1), function(100))
