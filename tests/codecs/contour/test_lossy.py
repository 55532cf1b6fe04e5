"""The contour codec with loss: regions, palettes, targets."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from qimg.codecs.contour.importance import importance_of
from qimg.codecs.contour.merging import EDGE_BITS, REGION_BITS, Merging, label_areas
from qimg.codecs.contour.moments import PIXELS, means_of
from qimg.codecs.contour.palettes import merge_colours
from qimg.codecs.contour.simplification import Simplification
from qimg.metrics import tangent_error

RNG = np.random.default_rng(0)


def soft_discs(side: int = 72) -> np.ndarray:
    """Discs with soft edges and faint noise."""
    row, column = np.indices((side, side))
    picture = np.full((side, side, 3), (200.0, 220.0, 240.0))
    for index, colour in enumerate([(220, 40, 30), (20, 160, 70), (250, 200, 10)]):
        radius = np.hypot(row - 18 - 11 * index, column - 34 + 9 * index)
        cover = np.clip(11.5 - radius, 0, 1)[..., None]
        picture = (1 - cover) * picture + cover * np.array(colour)
    return np.clip(picture + np.random.default_rng(0).normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8)


PICTURE = soft_discs(56)


def encoded(image, **options):
    return qimg.encode_picture(image, codec="contour", **options)


@pytest.mark.parametrize(
    "image",
    [PICTURE, PICTURE[..., 0], np.dstack([PICTURE, PICTURE[..., 1]]), PICTURE[..., :2], PICTURE[:1, :1]],
    ids=lambda image: str(image.shape),
)
def test_quality_sets_size_and_error(image):
    results = [encoded(image, quality=quality) for quality in (10, 60, 100)]
    lengths = [len(result.data) for result in results]
    assert lengths == sorted(lengths)
    for result in results:
        decoded = qimg.decode(result.data)
        assert decoded.shape == image.shape
        colours = slice(None) if image.ndim == 2 or image.shape[2] == 3 else slice(image.shape[2] - 1)
        plain = (image, decoded) if image.ndim == 2 else (image[..., colours], decoded[..., colours])
        assert result.psnr_db == pytest.approx(qimg.psnr_db(*plain))
        if image.ndim == 3 and image.shape[2] in (2, 4):
            assert_array_equal(decoded[..., -1], image[..., -1])
    assert results[-1].psnr_db > 40


def test_targets():
    assert 33 <= encoded(PICTURE, psnr_db=33).psnr_db <= 33.7
    assert encoded(PICTURE, psnr_db=300).psnr_db == np.inf
    whole = len(encoded(PICTURE, lossless=True).data)
    result = encoded(PICTURE, size=300)
    assert 0.9 * 300 <= len(result.data) <= 300
    assert encoded(PICTURE, bits_per_pixel=8 * 300 / PICTURE[..., 0].size).data == result.data
    assert len(encoded(PICTURE, size=10**6).data) == whole
    with pytest.raises(ValueError, match=r"size must be at least \d+ for this picture, but allows 20 bytes"):
        encoded(PICTURE, size=20)
    with pytest.raises(ValueError, match=r"quality must be in \[1, 100\]"):
        encoded(PICTURE, quality=0.5)


def test_a_drawing_without_noise_is_not_made_worse_for_more_bytes():
    flat = PICTURE // 64 * 64
    result = encoded(flat, quality=90)
    assert result.psnr_db == np.inf
    assert len(result.data) <= len(encoded(flat, lossless=True).data)


def connected(pixels: np.ndarray) -> int:
    """The number of 4-connected areas of one colour, by SciPy."""
    from scipy.ndimage import label

    flat = pixels.reshape(*pixels.shape[:2], -1)
    return sum(label((flat == colour).all(axis=2))[1] for colour in np.unique(flat.reshape(-1, flat.shape[2]), axis=0))


def test_areas_are_those_of_scipy():
    pixels = RNG.integers(0, 3, (15, 17, 1)).astype(np.uint8)
    labels = np.empty((15, 17), np.int64)
    label_areas(pixels, labels)
    assert len(np.unique(labels)) == connected(pixels)
    for area in np.unique(labels):
        assert len(np.unique(pixels[labels == area])) == 1


def test_regions_partition_the_picture_and_have_its_means():
    merging = Merging(PICTURE)
    before = np.inf
    for weight in (0.01, 20.0, 700.0, 3.0):
        labels, moments = merging.regions(weight)
        count, means = moments[:, PIXELS], means_of(moments)
        assert_array_equal(np.bincount(labels.ravel()), count)
        for region in range(0, len(count), max(1, len(count) // 20)):
            np.testing.assert_allclose(means[region], PICTURE[labels == region].mean(axis=0))
        if weight > 3:
            assert len(count) < before
            before = len(count)
    assert_array_equal(merging.regions(3.0)[0], Merging(PICTURE).regions(3.0)[0])  # whatever was asked before


def test_a_merger_pays_exactly_at_its_ratio():
    pixels = np.zeros((2, 6, 1), np.uint8)
    pixels[:, 3:] = 4
    error = 4**2 * 6 * 6 / 12
    weight = error / (2 * EDGE_BITS + REGION_BITS)  # two crack edges and a region
    assert len(Merging(pixels).regions(0.999 * weight)[1]) == 2  # rows of moments
    assert len(Merging(pixels).regions(1.001 * weight)[1]) == 1


def test_colours_merge_while_that_pays():
    means = np.array([[0.0], [1.0], [10.0], [11.0]])
    parent = np.arange(4)
    merge_colours(parent, np.ones(4), np.ones(4), means, 0.1, 10.0, 0.0)  # each pair costs an error of 0.5
    assert parent[0] == parent[1] != parent[2] == parent[3]


def test_simpler_pictures_have_fewer_colours():
    source = Simplification(PICTURE)
    colours = [len(np.unique(source.at(weight).reshape(-1, 3), axis=0)) for weight in (1.0, 30.0, 1000.0)]
    assert colours[0] > colours[1] > colours[2] >= 4
    errors = [np.mean((source.at(weight).astype(float) - PICTURE) ** 2) for weight in (1.0, 30.0, 1000.0)]
    assert errors == sorted(errors)


def test_a_tuned_file_has_no_higher_tangent_error_and_other_targets_are_refused():
    files = [encoded(PICTURE, size=300, **options) for options in ({}, {"tune": "tangent"})]
    errors = [tangent_error(PICTURE, qimg.decode(file.data), channel_axis=2) for file in files]
    assert errors[1] <= errors[0]
    assert len(files[1].data) <= 300
    for target in ({"quality": 40}, {"psnr_db": 30.0}, {"lossless": True}):
        with pytest.raises(ValueError, match="size or bits_per_pixel must be set if tune=tangent"):
            encoded(PICTURE, tune="tangent", **target)


def test_importance_is_of_mean_one_and_low_beside_edges():
    weights = importance_of(PICTURE)
    assert weights.shape == PICTURE.shape[:2]
    assert weights.mean() == pytest.approx(1)
    assert weights.min() < 0.3 < 1 < weights[-4:, :4].min()  # far from the discs
    assert_array_equal(importance_of(PICTURE[:7]), 1)
