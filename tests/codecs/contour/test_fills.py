"""Fills of areas: planes and harmonics are cheap and exact, their streams are checked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import qimg
from qimg.codecs.contour import bitstream
from qimg.codecs.contour.colours import colours_of
from qimg.codecs.contour.fill_coding import decode_fills, encode_fills
from qimg.codecs.contour.fills import (
    LARGEST_COEFFICIENT,
    LEAST_PIXELS,
    MOST_TERMS,
    ORDERS,
    TERMS,
    Fills,
    areas_of,
    cosines,
    paint,
    steps_of,
)
from qimg.codecs.contour.fitting import fit
from qimg.codecs.contour.merging import Merging
from qimg.codecs.contour.moments import error_of, moments_of, planes_of
from qimg.codecs.contour.simplification import Simplification
from qimg.codecs.envelope import assemble
from qimg.codecs.errors import BitstreamError
from qimg.core.compiled import compiled

RNG = np.random.default_rng(0)


def ramps(height: int = 60, width: int = 80) -> np.ndarray:
    """Two planes of different slopes, and a flat frame."""
    row, column = np.indices((height, width))
    picture = np.full((height, width, 3), (240, 240, 250), np.uint8)
    first = np.stack([40 + row, 60 + 2 * column // 2, 90 + (row + column) // 2], axis=2)
    second = np.stack([250 - 2 * row, 200 - column, 120 + 0 * row], axis=2)
    inside = (row > 5) & (row < height - 5) & (column > 5) & (column < width - 5)
    left = inside & (column < width // 2)
    picture[left] = first[left]
    picture[inside & ~left] = second[inside & ~left]
    return picture


def wave(height: int = 64, width: int = 96) -> np.ndarray:
    """One area of a few harmonics."""
    row, column = np.indices((height, width))
    values = 128 + 50 * np.cos(np.pi * (row + 0.5) / height) + 40 * np.cos(2 * np.pi * (column + 0.5) / width)
    return np.rint(np.stack([values, 255 - values, 128 + (values - 128) / 2], axis=2)).astype(np.uint8)


def encoded(image, **options):
    return qimg.encode_picture(image, codec="contour", **options)


@pytest.mark.parametrize("picture", [ramps(), wave(), ramps()[..., 0]], ids=["planes", "harmonics", "gray"])
def test_smooth_pictures_cost_few_bytes(picture):
    result = encoded(picture, psnr_db=42)
    decoded = qimg.decode(result.data)
    assert qimg.psnr_db(picture, decoded) == pytest.approx(result.psnr_db)
    assert result.psnr_db >= 42
    assert len(result.data) < 200
    info = qimg.info(result.data)
    assert info.filled
    assert info.details["areas"] == "with planes and harmonics"
    assert sum(info.parts.values()) == len(result.data)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("one_plane", [False, True])
def test_kinds_of_pictures(channels, one_plane):
    picture = (ramps().astype(int) - 3 + RNG.integers(-2, 3, (60, 80, 3))).astype(np.uint8)
    if one_plane:
        picture = np.repeat(picture[..., :1], 3, axis=2)
    alpha = np.full((60, 80, 1), 255, np.uint8)
    alpha[30:] = 7
    picture = {
        1: picture[..., 0],
        2: np.concatenate([picture[..., :1], alpha], axis=2),
        3: picture,
        4: np.concatenate([picture, alpha], axis=2),
    }[channels]
    result = encoded(picture, quality=60)
    decoded = qimg.decode(result.data)
    assert qimg.info(result.data).filled
    if channels in (2, 4):
        assert_array_equal(decoded[..., -1], picture[..., -1])
    colours = slice(None) if channels in (1, 3) else slice(channels - 1)
    plain = (picture, decoded) if channels == 1 else (picture[..., colours], decoded[..., colours])
    assert result.psnr_db == pytest.approx(qimg.psnr_db(*plain))
    assert result.psnr_db > 35


def test_files_without_fills_have_the_first_version():
    flat = ramps() // 128 * 128
    for options in ({"lossless": True}, {"quality": 60}):
        data = encoded(flat, **options).data
        assert data[5] >> 5 == 0
        assert not qimg.info(data).filled
    assert encoded(ramps(), quality=60).data[5] >> 5 == 1


def test_cosines_are_rounded():
    expected = 2**14 * np.cos(2 * np.pi * np.arange(8192) / 8192)
    assert np.abs(cosines() - expected).max() < 0.5 + 1e-9


def test_steps_shrink_with_the_square_root_of_the_area():
    steps = steps_of(1000, np.array([16, 64, 256, 10**9]))
    assert steps[0] == pytest.approx(64 * np.sqrt(1000 / 16), abs=1)
    assert steps[0] == pytest.approx(2 * steps[1], abs=2)
    assert steps[-1] == 4


def by_definition(picture, areas, fills):
    """The picture of fills in floating point."""
    result, steps = picture.astype(float), steps_of(fills.precision, areas.pixels) / 64
    for area, (top, left, height, width) in enumerate(areas.boxes):
        kind = fills.kinds[area]
        row, column = np.nonzero(areas.owner == area)
        y, x = row - top, column - left
        for term in range(TERMS[kind]):
            if kind == 1:
                basis = [np.ones(len(row)), (2 * y + 1 - height) / height, (2 * x + 1 - width) / width][term]
            else:
                u, v = ORDERS[term]
                basis = np.cos(np.pi * u * (2 * y + 1) / (2 * height)) * np.cos(np.pi * v * (2 * x + 1) / (2 * width))
            result[row, column] += basis[:, None] * fills.coefficients[area, :, term] * steps[area]
    return np.clip(result, 0, 255)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 10**6))
def test_fills_decode_to_themselves(seed, channels, precision):
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (3, 4, channels)).astype(np.uint8)
    picture = blocks.repeat(7, axis=0).repeat(6, axis=1)
    areas = areas_of(colours_of(picture))
    count = len(areas.pixels)
    kinds = rng.integers(0, len(TERMS), count)
    coefficients = np.zeros((count, channels, MOST_TERMS), np.int64)
    for area, kind in enumerate(kinds):
        spread = rng.choice([1, 8, LARGEST_COEFFICIENT])
        coefficients[area, :, : TERMS[kind]] = rng.integers(-spread, spread + 1, (channels, TERMS[kind]))
    fills = Fills(precision=precision, kinds=kinds, coefficients=coefficients)
    decoded = decode_fills(encode_fills(areas, fills), areas, channels)
    assert decoded.precision == precision
    assert_array_equal(decoded.kinds, kinds)
    assert_array_equal(decoded.coefficients, coefficients)
    painted = picture.copy()
    paint(painted, areas, fills)
    # cosines have 14 bits, angles 13: at most 15 terms of 2^-12 each of the largest coefficient times its step
    reach = np.abs(coefficients).sum(axis=2).max() * steps_of(precision, areas.pixels).max() / 64
    assert np.abs(painted - by_definition(picture, areas, fills)).max() <= 0.51 + reach * 2**-11


def test_areas_are_large_and_in_the_order_of_the_raster():
    picture = RNG.integers(0, 2, (30, 40))
    areas = areas_of(picture)
    first = [np.flatnonzero(areas.owner.ravel() == area)[0] for area in range(len(areas.pixels))]
    assert first == sorted(first)
    for area, (top, left, height, width) in enumerate(areas.boxes):
        row, column = np.nonzero(areas.owner == area)
        assert len(row) == areas.pixels[area] >= LEAST_PIXELS
        assert (row.min(), column.min()) == (top, left)
        assert (row.max() + 1 - top, column.max() + 1 - left) == (height, width)
        assert len(np.unique(picture[row, column])) == 1


def test_a_fit_finds_the_coefficients_of_a_fill():
    base = np.full((40, 50, 3), 100, np.uint8)
    areas = areas_of(colours_of(base))
    truth = Fills(precision=2000, kinds=np.array([2]), coefficients=np.zeros((1, 3, MOST_TERMS), np.int64))
    truth.coefficients[0, :, :6] = RNG.integers(-20, 20, (3, 6))
    picture = base.copy()
    paint(picture, areas, truth)
    fills = fit(base, areas, picture, 2000 / 24)
    assert fills.precision == 2000
    assert_array_equal(fills.kinds, [2])
    assert np.abs(fills.coefficients - truth.coefficients).max() <= 1
    assert fit(base, areas, base, 10.0) is None


@compiled
def _error(moments: np.ndarray, weight: float) -> float:
    return error_of(moments, 0, weight, True)


def test_the_error_of_a_plane_follows_from_moments():
    picture, mask = RNG.integers(0, 256, (9, 11, 3)).astype(np.uint8), RNG.integers(0, 2, (9, 11))
    weights = RNG.uniform(0.7, 2, mask.shape)
    moments = moments_of(picture, mask, weights)[1:]
    row, column = (axis[mask == 1] for axis in np.indices((9, 11)))
    basis = np.stack([np.ones(len(row)), row - 4, column - 5], axis=1)
    root = np.sqrt(weights[mask == 1])[:, None]
    values = picture[mask == 1].astype(float)
    solution, residual, *_ = np.linalg.lstsq(root * basis, root * values, rcond=None)
    assert _error(moments, 1e-9) == pytest.approx(residual.sum())
    is_plane, found = planes_of(moments, 1e-9)
    assert is_plane.all()
    np.testing.assert_allclose(found[0], solution.T, rtol=1e-9)
    assert not planes_of(moments, 1e9)[0].any()


def test_planes_become_one_region_each():
    labels, _ = Merging(ramps(), planes=True).regions(50.0)
    assert len(np.unique(labels)) == 3
    flat, _ = Merging(ramps()).regions(50.0)
    assert len(np.unique(flat)) > 10


def test_neighbouring_planes_have_different_colours():
    column = np.indices((40, 60))[1]
    tent = np.repeat((100 + np.where(column < 30, column, 60 - column) * 2)[..., None], 3, axis=2).astype(np.uint8)
    simple = Simplification(tent, planes=True).at(20.0)
    areas = areas_of(colours_of(simple))
    assert len(areas.pixels) == 2


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with valid checksums whose fills or pixels are changed."""
    stream = bitstream.parse(data)
    parts = [bytearray(stream.layers[0].payload), bytearray(stream.fills.payload)]
    part = parts[int(rng.random() < 0.7)]
    kind = rng.integers(3)
    if kind == 0:
        del part[int(rng.integers(len(part))) :]
    elif kind == 1:
        part += rng.bytes(int(rng.integers(1, 9)))
    else:
        for place in rng.integers(0, len(part), 2):
            part[place] = rng.integers(256)
    return bitstream.write(stream.header, [bytes(parts[0])], bytes(parts[1]))


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.slow)])
def test_mutations_with_valid_checksums_are_refused_or_decoded(count):
    rng = np.random.default_rng(count)
    files = [encoded(picture, quality=60).data for picture in (ramps(), wave(), ramps()[..., 0])]
    refused = 0
    for index in range(count):
        try:
            image = qimg.decode(mutated(files[index % 3], rng), max_pixels=1 << 14)
        except BitstreamError:
            refused += 1
        else:
            assert image.dtype == np.uint8
    assert refused > 0.3 * count


def test_rules_of_the_chunk_are_named():
    stream = bitstream.parse(encoded(ramps(), quality=60).data)
    header, pixels, fills = stream.header, stream.layers[0].payload, stream.fills.payload
    with pytest.raises(BitstreamError, match="must have a chunk F, but has none"):
        qimg.decode(assemble(header.to_bytes(), [(b"D", pixels)]))
    plain = bitstream.Header(**{**vars(header), "filled": False})
    with pytest.raises(BitstreamError, match="chunk F is required, but this version"):
        qimg.decode(assemble(plain.to_bytes(), [(b"D", pixels), (b"F", fills)]))
    with pytest.raises(BitstreamError, match=r"precision of fills must be in \[1, \d+\], but is 0"):
        qimg.decode(bitstream.write(header, [pixels], b"\0" + fills[2:]))
    with pytest.raises(BitstreamError, match="fills are damaged"):
        qimg.decode(bitstream.write(header, [pixels], fills + bytes(9)))


def test_a_plane_costs_tens_of_bytes():
    row, column = np.indices((100, 140))
    plane = np.stack([30 + row, 200 - column, 60 + row + column // 2], axis=2).astype(np.uint8)
    result = encoded(plane, psnr_db=45)
    assert result.psnr_db >= 45
    assert len(result.data) < 90
