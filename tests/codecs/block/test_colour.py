"""Pixels to samples and back: the exact integer formulas, the formulas of JPEG, and pictures taken strip by strip."""

from dataclasses import replace
from fractions import Fraction
from math import floor
from operator import mul

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg import images, metrics
from qimg.codecs.block.encoder.decorrelation import space_of
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.colour_space import YCBCR, eigenbasis

TYPES = (np.uint8, np.uint16)


def noise(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def back(samples: np.ndarray, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    pixels = np.empty(shape, dtype)
    colour.to_pixels(samples, pixels)
    return pixels


@pytest.mark.parametrize("dtype", TYPES)
def test_samples_are_those_of_jpeg(dtype):
    pixels = noise((40, 50, 3), dtype)
    expected = np.clip(64 * images.rgb_to_ycbcr(images.code_values(pixels)), 0, 255 * 64)
    samples = colour.to_samples(pixels, 3)
    assert samples.dtype == np.int16
    # Half a unit by rounding, and the coefficients, rounded to 2^-16, weigh values of up to 255 · 64.
    assert np.abs(np.moveaxis(samples, 0, -1) - expected).max() <= 0.5 + 3 * 0.5 * 2**-16 * 255 * 64


@pytest.mark.parametrize("dtype", TYPES)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
@example(1, 1, 1)
@example(0, 0, 1)
@example(0, 1, 0)
def test_samples_are_integers_rounded_to_nearest(dtype, red, green, blue):
    white = int(np.iinfo(dtype).max)
    colours = [round(share * white) for share in (red, green, blue)]
    unit = 1024 * (white // 255)  # of a sample, in products of 2^-16 and a pixel
    rows = [(19595, 38470, 7471), (-11058, -21710, 32768), (32768, -27439, -5329)]
    exact = [Fraction(sum(map(mul, row, colours)), unit) + (8192 if place else 0) for place, row in enumerate(rows)]
    samples = colour.to_samples(np.array(colours, dtype).reshape(1, 1, 3), 3).ravel()
    assert samples.tolist() == [min(max(floor(value + Fraction(1, 2)), 0), 255 * 64) for value in exact]


@pytest.mark.parametrize("dtype", TYPES)
@given(st.integers(0, 255 * 64), st.integers(0, 255 * 64), st.integers(0, 255 * 64))
def test_pixels_are_the_documented_integers(dtype, luma, cb, cr):
    scale = 257 if dtype == np.uint16 else 1
    red = 65536 * luma + 91881 * (cr - 8192)
    green = 65536 * luma - 22554 * (cb - 8192) - 46802 * (cr - 8192)
    blue = 65536 * luma + 116130 * (cb - 8192)
    expected = [min(max((scale * value + 2**21) >> 22, 0), np.iinfo(dtype).max) for value in (red, green, blue)]
    samples = np.array([luma, cb, cr], np.int16).reshape(3, 1, 1)
    assert back(samples, (1, 1, 3), dtype).ravel().tolist() == expected


def test_eight_bits_come_back_unless_chroma_is_clipped():
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    pixels = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 52 * 4, 3)
    found = back(colour.to_samples(pixels, 3), pixels.shape, np.uint8)
    clipped = (images.rgb_to_ycbcr(pixels) > 255).any(axis=-1)
    assert clipped.any()
    assert_array_equal(found[~clipped], pixels[~clipped])
    # Half a code value of Cb is cut off at most: 0.886 of blue.
    assert np.abs(found[clipped].astype(int) - pixels[clipped]).max() == 1


def test_gray_comes_back():
    levels = np.arange(256, dtype=np.uint8)[None]
    assert_array_equal(back(colour.to_samples(levels, 1), levels.shape, np.uint8), levels)
    deep = np.arange(65536, dtype=np.uint16)[None]
    # A sample is 257 / 64 of a 16-bit value: half of it, and half for rounding back.
    assert np.abs(back(colour.to_samples(deep, 1), deep.shape, np.uint16).astype(int) - deep).max() == 2
    assert back(np.array([[[0, 255 * 64]]], np.int16), (1, 2), np.uint16).tolist() == [[0, 65535]]


@pytest.mark.parametrize("dtype", TYPES)
def test_gray_has_neutral_chroma_and_three_equal_channels(dtype):
    gray = noise((9, 8), dtype)
    samples = colour.to_samples(np.dstack([gray] * 3), 3)
    assert_array_equal(samples[0], colour.to_samples(gray, 1)[0])
    assert (samples[1:] == 128 * 64).all()
    shown = back(samples[:1], (9, 8, 3), dtype)
    assert_array_equal(shown, np.dstack([back(samples[:1], (9, 8), dtype)] * 3))
    assert_array_equal(shown, back(samples, (9, 8, 3), dtype))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(700, 300), (700, 300, 3)])
def test_a_picture_is_the_sum_of_its_strips(dtype, shape):
    pixels = noise(shape, dtype)
    planes = 1 if len(shape) == 2 else 3
    whole = colour.to_samples(pixels, planes)
    parts = [colour.to_samples(pixels[rows], planes) for rows in (slice(0, 1), slice(1, 333), slice(333, 700))]
    assert_array_equal(np.concatenate(parts, axis=1), whole)
    shown = np.empty_like(pixels)
    for rows in (slice(0, 64), slice(64, 700)):
        colour.to_pixels(whole[:, rows], shown[rows])
    assert_array_equal(shown, back(whole, shape, dtype))


def test_views_are_read_and_written_in_place():
    pixels = noise((20, 30, 4), np.uint8)
    samples = colour.to_samples(pixels[::2, ::-1, :3], 3)
    assert_array_equal(samples, colour.to_samples(np.ascontiguousarray(pixels[::2, ::-1, :3]), 3))
    target = np.zeros((10, 30, 4), np.uint8)
    colour.to_pixels(samples, target[..., :3])
    assert_array_equal(target[..., :3], back(samples, (10, 30, 3), np.uint8))
    assert (target[..., 3] == 0).all()


def test_gray_is_recognised():
    pixels = np.repeat(noise((300, 200, 1), np.uint8), 3, axis=2)
    assert colour.is_gray(pixels)
    assert colour.is_gray(pixels[..., 0])
    for channel in range(3):
        changed = pixels.copy()
        changed[299, 199, channel] ^= 1
        assert not colour.is_gray(changed)


@pytest.mark.parametrize("dtype", TYPES)
def test_squared_error_is_exact(dtype):
    first, second = noise((200, 300, 3), dtype, 1), noise((200, 300, 3), dtype, 2)
    expected = metrics.mean_squared_error(first, second) * first.size
    assert colour.squared_error(first, second) == round(expected)
    assert colour.squared_error(first, first) == 0


# --- eigenbases -------------------------------------------------------------------------------------------------


def photo(dtype: type = np.uint8) -> np.ndarray:
    pixels = images.box_mean(images.bundled("coffee"), 4)
    return pixels.astype(dtype) * (257 if dtype == np.uint16 else 1)


BYTES = st.lists(st.integers(-128, 127), min_size=9, max_size=9)


@pytest.mark.parametrize("dtype", TYPES)
@given(BYTES, st.lists(st.integers(0, 255 * 64), min_size=3, max_size=3))
@example([-128] * 4 + [127] * 5, [0, 255 * 64, 0])
def test_pixels_of_a_matrix_are_the_documented_integers(dtype, entries, values):
    matrix = np.array(entries, np.int8).reshape(3, 3)
    exact = [[int(entry) for entry in row] for row in matrix]
    space = replace(YCBCR, synthesis=exact, bits=6, centres=(8160,) * 3, origin=8160)
    scale = 257 if dtype == np.uint16 else 1
    sums = [64 * 8160 + sum(entry * (value - 8160) for entry, value in zip(row, values, strict=True)) for row in exact]
    expected = [min(max((scale * value + 2**11) >> 12, 0), np.iinfo(dtype).max) for value in sums]
    pixels = np.empty((1, 1, 3), dtype)
    colour.to_pixels(np.array(values, np.int16).reshape(3, 1, 1), pixels, space)
    assert pixels.ravel().tolist() == expected


@pytest.mark.parametrize("dtype", TYPES)
def test_the_eigenbasis_decorrelates_differences_and_keeps_the_energy_of_errors(dtype):
    pixels = photo(dtype)
    space = space_of(pixels)
    assert space == eigenbasis(space.to_bytes()) != YCBCR
    samples = colour.to_samples(pixels, 3, space).astype(float)
    differences = np.hstack([np.diff(samples, axis=axis).reshape(3, -1) for axis in (1, 2)])
    moments = differences @ differences.T
    energies = np.diag(moments)
    assert np.all(np.diff(energies) < 0)
    # Entries are rounded to 1/64: columns deviate by at most 0.014 from the eigenvectors, as a share of their norm √3.
    assert np.abs(moments[np.triu_indices(3, 1)]).max() < 0.02 * energies[0]
    assert_allclose(space.weights, 1, atol=0.03)


@pytest.mark.parametrize("dtype", TYPES)
def test_every_colour_comes_back_from_an_eigenbasis(dtype):
    space = space_of(photo(dtype))
    white = np.iinfo(dtype).max
    corners = np.array([[[r, g, b] for g in (0, white) for b in (0, white)] for r in (0, white)], dtype)
    for pixels in (corners, noise((40, 50, 3), dtype), photo(dtype)):
        shown = np.empty_like(pixels)
        colour.to_pixels(colour.to_samples(pixels, 3, space), shown, space)
        # Half a sample in each of three planes, weighted by at most √3; a sample is 257 / 64 of a 16-bit value.
        assert np.abs(shown.astype(int) - pixels).max() <= (0 if dtype == np.uint8 else 11)


def test_few_pixels_and_single_colours_have_no_eigenbasis():
    assert space_of(photo()[:60, :60]) == YCBCR
    assert space_of(np.full((100, 100, 3), (200, 30, 60), np.uint8)) == YCBCR


def test_errors_of_luma_weigh_three_and_those_of_chroma_as_jpeg_has_them():
    assert_allclose(YCBCR.weights, [1, (0.344136**2 + 1.772**2) / 3, (1.402**2 + 0.714136**2) / 3], atol=1e-5)
    with pytest.raises(ValueError, match=r"matrix must be invertible, but matrix=\(\(1, 1, 1\)"):
        eigenbasis(bytes([1] * 9))
