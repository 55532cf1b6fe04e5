"""`codec="auto"`: what it chooses, by which test, and that the quality means the same trade in both codecs."""

import math
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from experiments.coding.graphics_pictures import KINDS, drawing
from qimg import codecs, images
from qimg.codecs import choice, quality, registry
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.contents import TILE, graphic_share, graphic_tiles
from qimg.codecs.protocol import Encoded, EncodeOptions

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "motorcycle")


def chosen(image: np.ndarray, **options: object) -> str:
    return registry.id_of(codecs.encode(image, **options))


def tiles_by_definition(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Detail of each tile and whether it is graphic, pixel by pixel."""
    planes = pixels.reshape(*pixels.shape[:2], -1).astype(int)
    shape = [-(-side // TILE) for side in planes.shape[:2]]
    detail, repeated, count = (np.zeros(shape) for _ in range(3))
    for row, column in np.ndindex(planes.shape[:2]):
        neighbours = [(row, column - 1)] * (column > 0) + [(row - 1, column)] * (row > 0)
        differences = [int(abs(planes[row, column] - planes[place]).max()) for place in neighbours]
        tile = row // TILE, column // TILE
        detail[tile] += math.log2(1 + (max(differences, default=0) / 8) ** 2)
        repeated[tile] += 0 in differences
        count[tile] += 1
    return detail, (repeated > 0.6 * count) & (detail >= count - repeated)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (35, 17), (50, 33, 3)])
def test_tiles_follow_their_definition(shape) -> None:
    rng = np.random.default_rng(3)
    image = np.kron(rng.integers(0, 3, (7, 5)), np.full((8, 8), 60))[: shape[0], : shape[1]].astype(np.uint8)
    image = np.dstack([image] * 3) if len(shape) == 3 else image
    image = image + rng.integers(0, 9, image.shape, np.uint8) * (np.indices(image.shape)[0] > 20)
    detail, graphic = tiles_by_definition(image)
    assert_array_equal(graphic_tiles(image), graphic)
    share = detail[graphic].sum() / detail.sum() if detail.sum() else 1.0
    assert graphic_share(image) == pytest.approx(share)


def test_alpha_does_not_count() -> None:
    drawn = drawing("map", side=64, seed=0)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1), np.uint8)
    assert graphic_share(np.concatenate([drawn, noise], axis=2)) == graphic_share(drawn)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_far_from_graphics(name) -> None:
    assert graphic_share(images.bundled(name)) < choice.PHOTOGRAPH / 2


@pytest.mark.parametrize("kind", KINDS)
def test_drawings_are_graphics(kind) -> None:
    assert graphic_share(drawing(kind, side=256, seed=1)) > 0.8


def test_a_photograph_is_coded_by_block() -> None:
    photo = images.box_mean(images.bundled("coffee"), 4)
    assert codecs.encode(photo, quality=40) == codecs.encode(photo, codec="block", quality=40)
    assert chosen(photo, lossless=True) == chosen(photo.astype(np.uint16), lossless=True) == "lossless"


@pytest.mark.parametrize("target", [{"quality": 60}, {"psnr_db": 38}, {"size": 500}])
def test_graphics_are_coded_by_contour(target) -> None:
    drawn = drawing("logo", side=96, seed=0)
    data = codecs.encode(drawn, **target)
    assert data == codecs.encode(drawn, codec="contour", **target)
    assert codecs.info(data).codec == "contour"


@pytest.mark.parametrize(("option", "value"), [("effort", 1), ("stable", True)], ids=lambda value: str(value))
def test_options_of_block_keep_it(option, value) -> None:
    assert chosen(drawing("logo", side=64, seed=0), quality=50, **{option: value}) == "block"


def test_pictures_of_16_bits_keep_block() -> None:
    assert chosen(drawing("logo", side=64, seed=0).astype(np.uint16) * 257, quality=50) == "block"


def test_targets_out_of_reach_are_refused() -> None:
    for picture in (drawing("cartoon", side=64, seed=0), images.box_mean(images.bundled("coffee"), 8)):
        with pytest.raises(ValueError, match="size must be at least"):
            codecs.encode(picture, size=10)
        with pytest.raises(ValueError, match=r"quality must be in \[1, 100\]"):
            codecs.encode(picture, quality=101)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 2, 3), (2, 9, 2), (4, 4, 4)])
def test_tiny_pictures(shape) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for options in ({"quality": 100}, {"psnr_db": 40}, {"size": 400}):
        shown = codecs.decode(codecs.encode(image, **options))
        assert shown.shape == image.shape
        assert qimg.psnr_db(images.without_alpha(image), images.without_alpha(shown)) > 38


@pytest.mark.parametrize("textured", [False, True])
def test_the_better_file_is_kept(textured) -> None:
    picture = drawing("slide", side=112, seed=1).copy()
    photo = images.bundled("chelsea")[90:138, 120:200] if textured else images.box_mean(images.bundled("coffee"), 3)
    picture[56:104, 16:96] = photo[:48, :80]
    assert choice.PHOTOGRAPH < graphic_share(picture) < choice.GRAPHICS
    file = codecs.encode_picture(picture, quality=50)
    costs = [
        choice.cost(picture, EncodeOptions(quality=50), other)
        for other in (
            file,
            *(codecs.encode_picture(picture, codec=codec, quality=50) for codec in ("block", "contour")),
        )
    ]
    assert costs[0] <= min(costs[1:])
    assert registry.id_of(file.data) == "mixed" or not textured


def test_costs_at_a_quality_weigh_bytes_as_the_encoders_do() -> None:
    assert Search().lagrange == quality.LAGRANGE
    assert quality.weight_of_quality(50, 3) == pytest.approx(3 * 0.07 * quality.step_of_quality(50) ** 2)
    image, options = np.zeros((4, 6), np.uint8), EncodeOptions(quality=50)
    exact = Encoded(data=bytes(100), bits_per_pixel=1.0, psnr_db=math.inf)
    mean_square = quality.weight_of_quality(50, 1) * 8 * 10 / 24
    worse = Encoded(data=bytes(90), bits_per_pixel=1.0, psnr_db=10 * math.log10(255**2 / mean_square))
    assert choice.cost(image, options, worse)[0] == pytest.approx(choice.cost(image, options, exact)[0])


def test_the_test_is_short() -> None:
    photo = images.bundled("coffee")[:256, :384]
    seconds = []
    for call in (lambda: graphic_share(photo), lambda: codecs.encode(photo, codec="block", quality=40)):
        begin = time.process_time()
        call()
        seconds.append(time.process_time() - begin)
    assert seconds[0] < 0.05 * seconds[1]
