"""Importance: weights of pixels become steps of superblocks, which the file holds and the decoder uses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from qimg import codecs, images, psnr_db
from qimg.codecs import BitstreamError
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.packing import packed
from qimg.codecs.block.bitstream.step_map import ladder_of, step_at, step_map_from_bytes, step_map_to_bytes
from qimg.codecs.block.encoder.step_choice import step_map_of
from qimg.codecs.block.model.local_steps import FURTHEST


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    pixels = images.box_mean(images.bundled("chelsea"), 2)  # (150, 225, 3)
    pixels.setflags(write=False)
    return pixels


@pytest.fixture(scope="module")
def weights(photo) -> np.ndarray:
    """Five in the middle, one around it."""
    weights = np.ones(photo.shape[:2])
    weights[32:96, 64:160] = 5
    return weights


@given(st.integers(16, 65535), st.integers(-FURTHEST, FURTHEST))
def test_steps_are_powers_of_two_to_an_eighth(step, offset):
    exact = step * 2 ** (offset / 8)
    assert step_at(step, offset) == pytest.approx(np.clip(exact, 16, 65535), abs=0.5 + 4e-5 * exact)


def test_the_ladder_has_the_steps_of_the_picture_in_its_middle():
    ladder = ladder_of((700, 525, 4))
    assert ladder.steps[FURTHEST].tolist() == [700, 525, 4]
    assert (np.diff(ladder.steps[:, :2], axis=0) > 0).all()
    assert ladder.steps[:, 2].min() == 4  # a step below the finest one is not made finer
    # Eight times the binary logarithm of a step grows with the offset, up to rounding.
    expected = ladder.log_steps[FURTHEST, 0] + np.arange(-FURTHEST, FURTHEST + 1)
    assert np.abs(ladder.log_steps[:, 0] - expected).max() <= 1


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 99))
@settings(max_examples=30)
def test_a_map_comes_back(height, width, seed):
    rows, columns = -(-height // 32), -(-width // 32)
    offsets = np.random.default_rng(seed).integers(-FURTHEST, FURTHEST, (rows, columns), np.int8, endpoint=True)
    assert_array_equal(step_map_from_bytes(step_map_to_bytes(offsets), height, width), offsets)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\1\1", "the map of steps must have 4 bytes, but is shorter"),
        (b"\1\1\1\1\1", "the map of steps must have 4 bytes, but is longer"),
        (b"\1\x18\0\0", r"offsets of steps must be in \[-24, 24\], but one has the magnitude 25"),
        (b"\x7f\x7f\0\0", "but one has the magnitude 254"),
    ],
)
def test_other_maps_are_errors(content, words):
    with pytest.raises(BitstreamError, match=words):
        step_map_from_bytes(packed([content]), 64, 33)


def test_steps_are_inversely_proportional_to_the_roots_of_weights(weights):
    # A quarter of the mean weight is twice the step, an octave.
    assert step_map_of(np.repeat([1.75, 0.25], 32)[None] * np.ones((32, 1))).tolist() == [[-3, 8]]
    offsets = step_map_of(weights / weights.mean())
    assert offsets.shape == (5, 8)
    assert set(offsets[1:3, 2:5].ravel().tolist()) == {round(-4 * np.log2(5 / weights.mean()))}
    assert step_map_of(np.ones((40, 40))) is None
    zero = np.ones((64, 64))
    zero[:32] = 0
    assert step_map_of(zero / zero.mean()).max() == FURTHEST


def test_important_parts_are_better_and_the_size_is_kept(photo, weights):
    size = 4000
    plain = codecs.encode(photo, codec="block", size=size)
    data = codecs.encode(photo, size=size, importance=weights)
    assert 0.99 * size <= len(data) <= size
    shown, before = codecs.decode(data), codecs.decode(plain)
    inside = np.s_[32:96, 64:160]
    assert psnr_db(photo[inside], shown[inside]) > psnr_db(photo[inside], before[inside]) + 1
    weighted = [float((weights[..., None] * (photo - one.astype(float)) ** 2).mean()) for one in (shown, before)]
    assert weighted[0] < 0.95 * weighted[1]
    assert "with a map of steps" in codecs.info(data).details["mode"]
    assert container.parse(data).header.version == 3


@pytest.mark.parametrize("shape", [(150, 225), (150, 225, 4), (7, 225, 3), (225, 9), (1, 1, 3), (40, 33, 3)])
@pytest.mark.parametrize("effort", [1, 7])
def test_every_kind_of_picture_has_the_psnr_that_is_said(photo, weights, shape, effort):
    image = np.resize(photo, shape)
    some = np.linspace(0.1, 4, shape[0] * shape[1]).reshape(shape[:2])
    coded = codecs.encode_picture(image, quality=30, importance=some, effort=effort)
    shown = codecs.decode(coded.data)
    reference, seen = images.without_alpha(image), images.without_alpha(shown)
    assert coded.psnr_db == pytest.approx(psnr_db(reference, seen))
    for bottom in range(1, shape[0], 31):
        assert_array_equal(codecs.decode(coded.data, crop=(0, 0, bottom, shape[1])), shown[:bottom])


def test_equal_weights_give_the_file_without_weights(photo):
    assert codecs.encode(photo, quality=40, importance=np.full(photo.shape[:2], 3)) == codecs.encode(
        photo, codec="block", quality=40
    )


def test_weights_may_be_a_function_of_the_picture(photo, weights):
    def important(image):
        assert_array_equal(image, photo)
        return weights

    assert codecs.encode(photo, quality=40, importance=important) == codecs.encode(
        photo, quality=40, importance=weights
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"importance": np.ones((150, 224))}, r"importance must have shape \(150, 225\), but has shape \(150, 224\)"),
        ({"importance": np.zeros((150, 225))}, "importance must have finite weights of at least 0, not all of them 0"),
        ({"importance": np.full((150, 225), np.nan)}, "importance must have finite weights"),
        ({"importance": np.ones((150, 225)), "progressive": True}, "importance must not be set if progressive is"),
        ({"importance": np.ones((150, 225)), "stable": True}, "importance must not be set if stable is"),
        ({"importance": np.ones((150, 225)), "codec": "contour"}, "importance has no effect with codec contour"),
    ],
)
def test_other_weights_are_refused(photo, options, words):
    with pytest.raises(ValueError, match=words):
        codecs.encode(photo, quality=40, **options)


def test_a_map_is_in_sequential_files_of_version_3_only(photo, weights):
    data = codecs.encode(photo, quality=40, importance=weights)
    stream = container.parse(data)
    chunks = [(chunk.tag, chunk.payload) for chunk in stream.chunks]
    old = container.parse(codecs.encode(photo, codec="block", quality=40, effort=1, progressive=True)).header
    with pytest.raises(BitstreamError, match=r"chunk Q must be in (files of stream version 3|sequential files)"):
        codecs.decode(container.assemble(old, chunks))
    with pytest.raises(BitstreamError, match="chunk Q"):
        codecs.decode(container.assemble(stream.header, [*chunks, chunks[0]]))
