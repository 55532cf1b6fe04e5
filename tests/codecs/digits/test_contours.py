"""Contours of digits: areas of the painter, outlines, eigenbasis, code lengths, and the search for codes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg.codecs.digits.contours import curves
from qimg.codecs.digits.contours.alignment import aligned, planar
from qimg.codecs.digits.contours.chain import Chain, begin, code_length, independent
from qimg.codecs.digits.contours.channels import Layout
from qimg.codecs.digits.contours.codec import CONTOURS
from qimg.codecs.digits.contours.painter import EXTENT, FULL, ONE, SIDE, add_curve, shade
from qimg.core import Array
from qimg.core.compiled import compiled
from qimg.entropy.distributions import CumulativeTables, Distribution, tables
from tests.codecs.digits.strokes import strokes


@compiled
def _accumulate(sums: Array, points: Array, sign: int) -> None:
    add_curve(sums, points, sign)


@compiled
def _shade(sums: Array, coverage: Array, rows: Array, brightness: int, softness: int, pixels: Array) -> None:
    shade(sums, coverage, rows, brightness, softness, pixels)


@compiled
def _independent_lengths(chain: Chain, table: CumulativeTables, sums: Array, codes: Array, lengths: Array) -> None:
    hidden, parameters = sums[0], chain.second_bias[0]
    begin(chain, 0, sums)
    for channel in range(codes.size):
        lengths[channel] = code_length(chain, table, sums, channel, codes[channel], hidden, parameters)


def coverage_of(*polygons: tuple[Array, int]) -> Array:
    """Exact coverage of each pixel, in units of FULL; signed sums, not clamped."""
    sums = np.zeros((2, SIDE + 1, SIDE + 1), np.int32)
    for points, sign in polygons:
        _accumulate(sums, np.asarray(points, np.int64), sign)
    covered = 2 * ONE * sums[0].astype(int).cumsum(axis=1) - sums[1]
    return covered[:SIDE, :SIDE]


def painted(*polygons: tuple[Array, int], brightness: int = 255, softness: int = 0) -> Array:
    sums = np.zeros((2, SIDE + 1, SIDE + 1), np.int32)
    for points, sign in polygons:
        _accumulate(sums, np.asarray(points, np.int64), sign)
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    coverage, rows = np.zeros((SIDE + 2, SIDE + 2), np.int32), np.zeros((SIDE, SIDE + 2), np.int32)
    _shade(sums, coverage, rows, brightness, softness, pixels)
    return pixels


coordinates = st.lists(st.tuples(st.integers(0, EXTENT), st.integers(0, EXTENT)), min_size=3, max_size=9)


@settings(max_examples=60, deadline=None)
@given(coordinates)
def test_coverage_is_the_area_of_the_polygon(corners):
    points = np.array(corners).T
    rows, columns = points.astype(float) / ONE
    area = (rows * np.roll(columns, -1) - columns * np.roll(rows, -1)).sum() / 2
    covered = coverage_of((points, 1))
    # Each edge is split at most 2 · SIDE times, at places rounded down to 1/ONE of a pixel.
    assert abs(covered.sum() / FULL - area) <= points.shape[1] * 2 * SIDE / ONE
    assert_array_equal(coverage_of((points[:, ::-1], 1)), -covered)
    assert_array_equal(coverage_of((points, -1)), -covered)


def test_coverage_of_rectangles_is_exact():
    top, left, bottom, right = 3 * ONE + 64, 5 * ONE + 128, 9 * ONE + 192, 20 * ONE
    rectangle = np.array([[top, bottom, bottom, top], [left, left, right, right]])
    rows = np.clip((np.arange(1, SIDE + 1) * ONE).clip(top, bottom) - (np.arange(SIDE) * ONE).clip(top, bottom), 0, ONE)
    columns = np.clip(
        (np.arange(1, SIDE + 1) * ONE).clip(left, right) - (np.arange(SIDE) * ONE).clip(left, right), 0, ONE
    )
    assert_array_equal(coverage_of((rectangle, 1)), 2 * np.outer(rows, columns))


def test_coverage_of_a_disc_agrees_with_samples():
    angles = 2 * np.pi * np.arange(64) / 64
    places = 14 + 14j + 9 * np.exp(1j * angles)
    points = np.rint(ONE * np.stack([places.real, places.imag]))
    fine = (np.arange(SIDE * 20) + 0.5) / 20
    # The polygon has the area of the disc times 1 − (2π/64)²/6.
    inside = (fine[:, None] - 14) ** 2 + (fine - 14) ** 2 < 81 * (1 - (2 * np.pi / 64) ** 2 / 6)
    samples = inside.reshape(SIDE, 20, SIDE, 20).mean(axis=(1, 3))
    # Samples at a distance of 1/20 pixel along an edge, and an edge within 1/50 pixel of the polygon's.
    assert_allclose(coverage_of((points, 1)) / FULL, samples, atol=0.05)


def test_holes_brightness_and_softness():
    outer = ONE * np.array([[4, 20, 20, 4], [4, 4, 20, 20]])
    inner = ONE * np.array([[8, 16, 16, 8], [8, 8, 16, 16]])
    ring = painted((outer, 1), (inner, -1), brightness=200)
    expected = np.zeros((SIDE, SIDE), np.uint8)
    expected[4:20, 4:20], expected[8:16, 8:16] = 200, 0
    assert_array_equal(ring, expected)
    soft = painted((outer, 1), (inner, -1), brightness=200, softness=4)
    kernel = np.array([4, 56, 4]) / 64
    blurred = np.apply_along_axis(np.convolve, 0, expected.astype(float), kernel, "same")
    blurred = np.apply_along_axis(np.convolve, 1, blurred, kernel, "same")
    assert_allclose(soft, blurred, atol=0.51)


def test_outlines_are_at_the_level_and_between_pixels():
    digit = np.zeros((SIDE, SIDE), np.uint8)
    digit[5:20, 10:16] = 200
    digit[9:14, 12:14] = 0
    outer, hole, *others = curves.outlines(digit)
    assert others == [None, None]
    assert outer.shape == hole.shape == (curves.POINTS,)
    # Linear interpolation between 0 and 200 crosses the level at LEVEL of the way from the outer pixel's centre.
    assert outer.real.min() == pytest.approx(4.5 + curves.LEVEL)
    assert outer.imag.max() == pytest.approx(16.5 - curves.LEVEL)
    assert hole.real.max() == pytest.approx(13.5 + curves.LEVEL)
    assert curves.enclosed(outer) > curves.enclosed(hole) > 0
    assert curves.outlines(np.zeros((SIDE, SIDE), np.uint8)) == [None] * 4


@pytest.mark.parametrize("digit", strokes(12))
def test_points_are_at_equal_distances(digit):
    for curve in curves.outlines(digit):
        if curve is not None:
            chords = np.abs(np.diff(np.append(curve, curve[0])))
            assert chords.max() <= 1.01 * np.median(chords)  # chords cut corners, the more the sharper
            assert curves.enclosed(curve) > 0


def test_coefficients_do_not_depend_on_the_start_of_a_curve():
    frame = CONTOURS.model().frame
    lines = np.stack([curves.outlines(digit)[0] for digit in strokes(6)])
    expected = frame.coefficients(lines, 0)
    for shift in (1, 17, 40):
        assert_allclose(frame.coefficients(np.roll(lines, shift, axis=1), 0), expected, atol=1e-9)


def test_analysis_inverts_the_basis():
    frame = CONTOURS.model().frame
    for slot in range(4):
        own = frame.layout.curve(slot)
        part = slice(own.start - 4, own.stop - 4)
        count = own.stop - own.start
        product = frame.analysis[part].reshape(count, -1) @ frame.basis[part].reshape(count, -1).T / (1 << 14)
        # Basis vectors are rounded to 2^-14 pixels.
        assert_allclose(product, np.eye(count), atol=0.02)


def test_latents_without_an_effect_are_not_coded():
    layout = Layout(coefficients=(3, 2, 2, 1))
    codes = np.zeros((layout.channels, 3), int)
    codes[0, 1:] = codes[1, 2] = 1
    active = layout.active(codes)
    assert_array_equal(active.sum(axis=0), [1, 1 + 2 + 3 + 2, 1 + 3 + 3 + 2 + 2])
    assert active[layout.curve(1), 2].all()
    assert not active[layout.curve(2)].any()


def test_lengths_in_compiled_loops_are_those_of_the_distributions():
    means = np.array([0.0, 0.5, 3.0, 40.0])
    chain, codes, lengths = independent(means), np.array([0, 1, -7, 100]), np.zeros(4)
    _independent_lengths(chain, tables(), np.zeros((4, 1), np.int32), codes, lengths)
    parameters = independent(means).second_bias
    assert_allclose(lengths[1:], Distribution(kind="laplace").lengths(codes, parameters)[1:])


def costs(digits: Array, rate: float, effort: int) -> tuple[float, float]:
    """Bits and squared error from the file alone."""
    codes = CONTOURS.codes(digits, rate=rate, effort=effort)
    decoded = CONTOURS.decode(CONTOURS.encode(digits, rate=rate, effort=effort)).astype(float)
    return CONTOURS.ideal_bits(codes, rate=rate), float(((decoded - digits) ** 2).sum())


def test_effort_reduces_the_cost_of_every_digit():
    weight = CONTOURS.model().weight(16)
    for digit in strokes(6):
        sums = [bits + weight * error for bits, error in (costs(digit[None], 0.5, effort) for effort in (1, 3, 5, 9))]
        assert sorted(sums, reverse=True) == sums
        assert sums[2] < sums[0]


def test_curves_come_back_within_a_pixel():
    digits = strokes(8)
    frame = CONTOURS.model().frame
    for digit in digits:
        line = curves.outlines(digit)[0]
        start, coefficients = aligned(line[None], frame.mean[0] / (1 << 14), frame.analysis[:30], frame.variances[:30])
        places = frame.mean[0].ravel() + coefficients[0] @ frame.basis[:30].reshape(30, -1)
        # Strokes with corners are no digits: the basis keeps the shape, not the corners.
        assert np.sqrt(((places / (1 << 14) - planar(start)[0]) ** 2).mean()) < 1
