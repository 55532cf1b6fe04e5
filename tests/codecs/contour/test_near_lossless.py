"""The contour codec with a bound on every difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

import qimg
from qimg import codecs
from qimg.codecs.contour import near_lossless
from qimg.codecs.contour.near_lossless import cover_colours, near


def noisy(spread: int = 2, side: int = 64) -> np.ndarray:
    """Discs of flat colours with noise of a few code values."""
    row, column = np.indices((side, side))
    picture = np.full((side, side, 3), (200, 220, 240))
    for index, colour in enumerate([(220, 40, 30), (20, 160, 70), (250, 200, 10)]):
        picture[np.hypot(row - 18 - 13 * index, column - 40 + 11 * index) < 15] = colour
    noise = np.random.default_rng(0).integers(-spread, spread + 1, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def largest(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 4))


@settings(max_examples=60)
@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)), st.integers(1, near_lossless.MOST_ERROR))
def test_every_picture_is_within_the_bound_and_alpha_is_exact(stored, bound):
    channels = stored.shape[2] - (stored.shape[2] in (2, 4))
    before = stored.copy()
    for result in near(stored, bound, channels):
        assert largest(result, stored) <= bound
        assert_array_equal(result[..., channels:], stored[..., channels:])
    assert_array_equal(stored, before)


@settings(max_examples=15)
@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)), st.sampled_from([1, 3, 32]))
def test_the_decoded_picture_is_within_the_bound(image, bound):
    image = image[..., 0] if image.shape[2] == 1 else image
    shown = qimg.decode(qimg.encode(image, codec="contour", max_error=bound))
    assert largest(shown, image) <= bound
    if image.ndim == 3 and image.shape[2] in (2, 4):
        assert_array_equal(shown[..., -1], image[..., -1])


def test_bytes_fall_with_the_bound():
    picture = noisy()
    lengths = [len(qimg.encode(picture, codec="contour", max_error=bound)) for bound in (1, 2, 4, 8)]
    whole = len(qimg.encode(picture, codec="contour", lossless=True))
    assert sorted([whole, *lengths], reverse=True) == [whole, *lengths]
    assert lengths[2] < 0.1 * whole  # a bound of twice the noise leaves the flat colours


def test_smooth_shades_are_predicted():
    row, column = np.indices((48, 48))
    shade = np.random.default_rng(1).integers(-4, 5, (48, 48)) + 60 + 2 * row + column
    result = codecs.encode_picture(shade.astype(np.uint8), codec="contour", max_error=3)
    assert len(result.data) < 0.6 * len(qimg.encode(shade.astype(np.uint8), codec="contour", lossless=True))
    assert result.psnr_db == pytest.approx(qimg.psnr_db(shade.astype(np.uint8), qimg.decode(result.data)))


def test_colours_are_covered_by_the_first_ones():
    cover = np.full(5, -1, np.int64)
    cover_colours(np.array([[10], [12], [13], [14], [9]]), cover, 2, 1)
    assert cover.tolist() == [0, 0, 2, 2, 0]


def test_exact_colours_are_kept_where_nothing_is_gained():
    flat = np.zeros((16, 16, 3), np.uint8)
    flat[4:9, 3:12] = 200
    result = codecs.encode_picture(flat, codec="contour", max_error=32)
    assert result.psnr_db == np.inf


def test_it_works_in_layers():
    picture = noisy()
    data = qimg.encode(picture, codec="contour", max_error=3, progressive=True)
    assert largest(qimg.decode(data), picture) <= 3


def test_auto_is_this_codec_and_the_others_refuse_it():
    picture = noisy(side=24)
    assert qimg.encode(picture, max_error=2) == qimg.encode(picture, codec="contour", max_error=2)
    with pytest.raises(ValueError, match="max_error has no effect with codec block; codecs that support it: contour"):
        qimg.encode(picture, codec="block", max_error=2)
    with pytest.raises(ValueError, match=r"max_error must be in \[1, 32\]"):
        qimg.encode(picture, max_error=33)
    with pytest.raises(ValueError, match="must be set, but lossless and max_error are set"):
        qimg.encode(picture, lossless=True, max_error=2)
