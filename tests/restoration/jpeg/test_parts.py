"""The parts of the explicit estimator: symmetries, shifted grids, experts, cells, rounding, interpolation, files."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from qimg import ImageError, images
from qimg.images.jpeg import Component, read_jpeg
from qimg.images.jpeg.blocks import DCT, cut, decoded, from_blocks, overlay, to_blocks
from qimg.images.jpeg.upsampling import upsampled, upsampled_rows
from qimg.restoration.jpeg.cascade import first_labels, gated, table_scale, turned_patches
from qimg.restoration.jpeg.experts import Experts, groups
from qimg.restoration.jpeg.fitting.draws import drawn
from qimg.restoration.jpeg.quantization_bins import project
from qimg.restoration.jpeg.rounding import rounded
from qimg.restoration.jpeg.symmetry import ELEMENTS, orders, orientation, turned_offset

SEEDS = st.integers(0, 2**32 - 1)
OFFSETS = st.tuples(st.integers(0, 7), st.integers(0, 7))
TABLE = images.quantization_table(30)


def turned(square: np.ndarray, g: int) -> np.ndarray:
    """By definition: transposed, then mirrored, then upside down."""
    square = square.T if g & 4 else square
    square = square[:, ::-1] if g & 1 else square
    return square[::-1] if g & 2 else square


@given(SEEDS, st.integers(0, ELEMENTS - 1))
def test_orders_turn_a_square(seed, g):
    square = np.random.default_rng(seed).normal(size=(12, 12))
    assert np.array_equal(square.ravel()[orders(12)[g]], turned(square, g).ravel())


@given(SEEDS, st.integers(0, ELEMENTS - 1), st.sampled_from([1.0, -1.0]))
def test_turned_patches_end_up_alike(seed, g, sign):
    patch = np.random.default_rng(seed).normal(size=(8, 8)).astype(np.float32)
    other = np.float32(sign) * turned(patch, g)
    pair = np.stack([patch.ravel(), other.ravel()])
    elements = orientation(pair)
    first, second = (one[orders(8)[element]] for one, element in zip(pair, elements, strict=True))
    assert np.allclose(first, second, atol=1e-6) or np.allclose(first, -second, atol=1e-6)


@given(SEEDS, OFFSETS)
def test_overlay_undoes_cut(seed, offset):
    plane = np.random.default_rng(seed).normal(size=(24, 16)).astype(np.float32)
    total = np.zeros_like(plane)
    overlay(total, cut(plane, offset), offset)
    assert np.array_equal(total, plane)


def test_a_window_holds_its_patch_and_repeats_the_border():
    plane = np.arange(16 * 24, dtype=np.float32).reshape(16, 24)
    windows = cut(plane, (3, 5), 2).reshape(-1, 12, 12)
    patches = cut(plane, (3, 5)).reshape(-1, 8, 8)
    assert np.array_equal(windows[:, 2:-2, 2:-2], patches)
    # rows begin at −5, columns at −3; the second patch of the second row lies inside
    assert np.array_equal(patches[5], plane[3:11, 5:13])
    assert (patches[0][:5] == patches[0][5]).all()


@given(SEEDS, OFFSETS, st.integers(0, ELEMENTS - 1))
def test_patches_of_a_turned_plane_lie_at_the_turned_offset(seed, offset, g):
    plane = np.random.default_rng(seed).normal(size=(16, 16)).astype(np.float32)
    here = cut(plane, offset).reshape(-1, 8, 8)
    there = cut(np.ascontiguousarray(turned(plane, g)), turned_offset(offset, g)).reshape(-1, 8, 8)
    expected = sorted(turned(patch, g).ravel().tolist() for patch in here)
    assert sorted(patch.ravel().tolist() for patch in there) == expected


def test_turned_patches_are_turned_back(bundled_luma):
    plane = bundled_luma[:64, :80].astype(np.float32)
    offsets = ((0, 0), (0, 4), (4, 0), (4, 4))
    found = turned_patches(plane, plane, 8.0, (0, 4), offsets=offsets, margins=(2, 1))
    assert found.inputs.shape == (len(found.elements), 144 + 100)
    inner = found.inputs[:, 144:].reshape(-1, 10, 10)[:, 1:-1, 1:-1].reshape(-1, 64)
    patches = cut(plane, (0, 4))
    assert np.allclose(found.back(8 * inner), patches - patches.mean(axis=1, keepdims=True), atol=1e-3)
    assert np.array_equal(found.back(found.turn(patches)), patches)
    assert gated(found.inputs, 1).shape == (len(patches), 35)
    # a transposed patch of the grid (0, 4) lies on the grid (4, 0) of the transposed picture
    assert np.array_equal(found.phases, np.where(found.elements & 4, 2, 1))


def test_experts_estimate_by_label(rng):
    experts = Experts(weights=rng.normal(size=(3, 5, 2)).astype(np.float32), variances=np.ones((3, 2), np.float32))
    vectors, labels = rng.normal(size=(40, 5)).astype(np.float32), rng.integers(0, 3, 40)
    looped = np.stack([vector @ experts.weights[label] for vector, label in zip(vectors, labels, strict=True)])
    assert np.allclose(experts.estimate(vectors, labels), looped, atol=1e-5)
    assert {label: len(rows) for label, rows in groups(labels, 3)} == dict(enumerate(np.bincount(labels)))


def test_rounded_experts_estimate_alike(rng):
    basis = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    covariances = np.stack([(basis * scale * np.geomspace(100, 0.01, 20)) @ basis.T for scale in (1.0, 4.0)])
    weights = rng.normal(size=(2, 20, 64)) / 20
    missed = np.full((2, 64), 25.0)
    small = rounded(weights, missed, covariances, np.ones(2), precision=0.01)
    assert small.integers.dtype == np.int8
    change = small.experts().weights - weights
    error = np.einsum("emo,emn,eno->eo", change, covariances, change)
    # 20 uniform errors, each at most a step of 0.01 of the root of what is missed; the standard error of the mean over
    # 128 outputs is 1.8 %, the largest of them scatters by 2.6 · 20 %
    assert (error / missed).mean() < 1.06 * 20 * 0.01**2 / 12
    assert (error / missed).max() < 1.8 * 20 * 0.01**2 / 12
    assert np.allclose(small.experts().variances, missed, rtol=0.02)  # 64ths of an octave of the root
    large = rounded(50 * weights, missed, covariances, np.ones(2), precision=0.01)
    assert 116 <= np.abs(large.integers).max() <= 127  # steps grow, by eighths of an octave, where weights are large


def test_quantized_planes_decode_as_pillow_says(bundled_luma):
    plane = images.to_uint8(bundled_luma[:64, :96])
    table = images.quantization_table(50)
    draw = drawn(plane.astype(np.float32), table)
    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, "JPEG", quality=50)
    file = read_jpeg(buffer.getvalue())
    assert file.shape == (64, 96)
    assert np.array_equal(file.components[0].table, table)
    # libjpeg's integer transform rounds a few coefficients that lie on a wall to the other side
    assert (draw.coefficients != file.components[0].coefficients).mean() < 1e-3
    with Image.open(buffer) as opened:
        shown = np.array(opened)
    plain = np.clip(decoded(file.components[0].coefficients, table), 0, 255)
    assert np.abs(plain - shown).max() < 1.1  # Pillow's are rounded, by an integer transform


@given(SEEDS, st.floats(0, 1))
def test_projection_is_the_nearest_plane_in_the_cells(seed, width):
    rng = np.random.default_rng(seed)
    plane = rng.uniform(0, 255, (16, 24)).astype(np.float32)
    coefficients = drawn(plane, TABLE).coefficients
    other = plane + rng.normal(0, 30, plane.shape).astype(np.float32)
    inside = project(other, coefficients, TABLE, width=width)
    assert np.allclose(project(inside, coefficients, TABLE, width=width), inside, atol=1e-2)
    error = to_blocks(inside - decoded(coefficients, TABLE))
    assert (np.abs(error @ DCT.T) <= width / 2 * TABLE.ravel() + 1e-2).all()
    assert np.allclose(project(plane, coefficients, TABLE, width=1.0), plane, atol=1e-2)


def test_the_unit_is_the_size_of_the_table():
    assert table_scale(np.full((8, 8), 16.0)) == pytest.approx(2.0)


def test_first_labels_count_coefficients():
    coefficients = np.zeros((1, 3, 8, 8), np.int16)
    coefficients[0, :, 0, 0] = 50
    coefficients[0, 1, 0, 1] = -1
    coefficients[0, 2] = 1
    assert first_labels(coefficients).tolist() == [0, 1, 9]


def test_blocks_and_planes(rng):
    plane = rng.normal(size=(16, 8)).astype(np.float32)
    assert np.array_equal(from_blocks(to_blocks(plane), plane.shape), plane)


@pytest.mark.parametrize(("subsampling", "factors"), [("4:2:2", (1, 2)), ("4:2:0", (2, 2))])
def test_chroma_is_interpolated_as_libjpeg_does(subsampling, factors):
    photograph = images.bundled("coffee")[:61, :75]
    file = images.jpeg_round_trip(photograph, quality=90, subsampling=subsampling).file
    read = read_jpeg(file)
    with Image.open(io.BytesIO(file)) as opened:
        opened.draft("YCbCr", opened.size)
        shown = np.array(opened)
    for plane, component in enumerate(read.components[1:], 1):
        assert (component.vertical, component.horizontal) == factors
        rows, columns = component.shape
        own = decoded(component.coefficients, component.table)[:rows, :columns]
        ours = upsampled(np.clip(np.rint(own), 0, 255), *factors, (61, 75))
        # libjpeg rounds twice, once to each side
        assert np.abs(ours - shown[..., plane]).max() <= 1.5


def test_upsampling_by_other_factors_repeats():
    plane = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(upsampled(plane, 1, 4, (2, 11)), np.repeat(plane, 4, axis=1)[:, :11])
    assert np.array_equal(upsampled(plane, 1, 1, (2, 3)), plane)


def jpeg(pixels: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_every_kind_of_file_is_read():
    photograph = images.bundled("coffee")[:45, :37]
    gray = read_jpeg(jpeg(photograph[..., 0], quality=30))
    assert len(gray.components) == 1
    assert gray.components[0].coefficients.shape == (6, 5, 8, 8)
    progressive = read_jpeg(jpeg(photograph, quality=30, progressive=True))
    plain = read_jpeg(jpeg(photograph, quality=30))
    for one, other in zip(progressive.components, plain.components, strict=True):
        assert np.array_equal(one.coefficients, other.coefficients)
    assert [component.shape for component in plain.components] == [(45, 37), (23, 19), (23, 19)]
    own = [list(range(1, 65)), [7] * 64]
    tables = [component.table for component in read_jpeg(jpeg(photograph, qtables=own)).components]
    assert tables[0].ravel().tolist() == own[0]
    assert tables[2].ravel().tolist() == own[1]
    assert read_jpeg(jpeg(photograph, quality=80, keep_rgb=True)).is_rgb
    assert not plain.is_rgb
    assert plain.decoder_warnings == ()
    one = read_jpeg(jpeg(photograph[:1, :1], quality=5))
    assert one.shape == (1, 1)


def test_what_is_no_picture_for_us_is_named(tmp_path):
    photograph = images.bundled("coffee")[:45, :37]
    content = jpeg(photograph, quality=60)
    with pytest.raises(ImageError, match="must be a JPEG file, which begins with FF D8, but begins with 89 50"):
        read_jpeg(b"\x89PNG")
    with pytest.raises(ImageError, match="but begins with nothing"):
        read_jpeg(b"")
    with pytest.raises(ImageError, match="header cannot be read"):
        read_jpeg(content[:100])
    with pytest.raises(ImageError, match="must have at most max_pixels=1000 pixels, but has 45×37"):
        read_jpeg(content, max_pixels=1000)
    with pytest.raises(ImageError, match="no such file"):
        read_jpeg(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        read_jpeg(tmp_path)
    buffer = io.BytesIO()
    Image.fromarray(photograph).convert("CMYK").save(buffer, "JPEG")
    with pytest.raises(ImageError, match=r"has 4 \(CMYK or YCCK\)"):
        read_jpeg(buffer.getvalue())
    table = content.index(b"\xff\xdb") + 5
    zero = content[:table] + b"\0" + content[table + 1 :]
    with pytest.raises(ImageError, match="quantization steps must be at least 1, but table 0 holds 0"):
        read_jpeg(zero)


def test_a_cut_file_says_so():
    content = jpeg(images.bundled("coffee")[:128, :128], quality=60)
    cut_file = read_jpeg(content[: len(content) // 2])
    assert cut_file.decoder_warnings == ("Premature end of JPEG file",)
    whole = read_jpeg(content)
    held = cut_file.components[0].coefficients.any(axis=(2, 3)).mean()
    assert 0.2 < held < 0.8
    assert np.array_equal(cut_file.components[0].coefficients[:2], whole.components[0].coefficients[:2])


@pytest.mark.parametrize("factors", [(1, 1), (2, 2), (1, 2), (4, 1)])
def test_rows_are_interpolated_as_the_whole_is(factors, rng):
    vertical, horizontal = factors
    plane = rng.normal(size=(9, 7))
    shape = (9 * vertical - vertical // 2, 7 * horizontal)
    component = Component(
        coefficients=np.zeros((2, 1, 8, 8), np.int16),
        table=TABLE, vertical=vertical, horizontal=horizontal, shape=plane.shape,
    )  # fmt: skip
    whole = upsampled(plane, vertical, horizontal, shape)
    parts = [
        upsampled_rows(plane, component, first, min(first + 3, shape[0]), shape[1]) for first in range(0, shape[0], 3)
    ]
    assert np.array_equal(np.concatenate(parts), whole)
