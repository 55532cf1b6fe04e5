"""The sketch codec: sizes are never exceeded, prefixes decode, altered files are refused."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import qimg
from qimg.codecs import BitstreamError, PartialPictureWarning
from qimg.codecs.sketch import fit as fitting
from qimg.codecs.sketch import geometry, painter
from qimg.codecs.sketch.bitstream import Header, parse, write
from qimg.codecs.sketch.coders import Meter, Writer
from qimg.codecs.sketch.decoder import paint_numbers
from qimg.codecs.sketch.jacobian import add, grid, parameters
from qimg.codecs.sketch.numbers import Frame, magnitude_before
from qimg.codecs.sketch.ordering import by_gain
from qimg.codecs.sketch.statistics import of_version
from qimg.entropy.distributions import bits_of
from qimg.images import bundled

COFFEE = np.ascontiguousarray(bundled("coffee")[::8, ::8])
SIZE = 64


def encoded(image, size=SIZE):
    return qimg.encode(np.ascontiguousarray(image), codec="sketch", size=size, effort=1)


@pytest.fixture(scope="module", params=["gray", "RGB"])
def example(request):
    image = COFFEE[..., 1] if request.param == "gray" else COFFEE
    return image, encoded(image)


@pytest.mark.parametrize(
    "image", [COFFEE[:1, :1], COFFEE[:1, :40, 0], COFFEE[:9, :5], np.zeros((7, 300), np.uint8)], ids=str
)
def test_pictures_of_any_size_come_back_in_their_shape_and_within_the_size(image):
    data = encoded(image)
    shown = qimg.decode(data)
    assert len(data) <= SIZE
    assert (shown.shape, shown.dtype) == (image.shape, np.uint8)
    assert qimg.psnr_db(image, shown) > 25


def test_the_size_is_used_and_the_picture_is_nearer_than_its_mean(example):
    image, data = example
    # What is left is less than an ellipse.
    assert 0.9 * SIZE <= len(data) <= SIZE
    error = np.square(qimg.decode(data).astype(float) - image).mean()
    assert error < 0.5 * image.var((0, 1)).mean()


def test_at_most_12_bytes_precede_the_payload():
    for side, length in ((1, 8), (2, 8), (384, 10), (1024, 11), (1 << 16, 12)):
        header = Header(height=1, width=side, gray=True, step=3)
        data = write(header, b"payload")
        assert len(data) - 7 - 1 == header.length <= 12
        assert header.length == length
        assert parse(data).header == header


@given(st.integers(1, 1 << 16), st.integers(1, 1 << 16), st.booleans(), st.integers(0, 31), st.binary(max_size=511))
def test_headers_come_back(height, width, gray, step, payload):
    header = Header(height=height, width=width, gray=gray, step=step)
    stream = parse(write(header, payload))
    assert (stream.header, stream.payload, stream.size, stream.missing) == (header, payload, len(payload), 0)


def test_every_prefix_decodes_and_more_bytes_give_no_fewer_ellipses(example):
    image, data = example
    start = parse(data).header.length
    counts, errors = [], []
    for length in range(start, len(data)):
        with pytest.warns(PartialPictureWarning):
            shown = qimg.decode(data[:length])
        info = qimg.info(data[:length])
        assert not info.complete
        counts.append(info.ellipses)
        errors.append(np.square(shown.astype(float) - image).mean())
    assert counts == sorted(counts)
    assert errors[-1] < errors[len(errors) // 2] < errors[0]
    with pytest.raises(BitstreamError, match="cut"):
        qimg.decode(data[:-1], partial_ok=False)
    for length in range(start):
        with pytest.raises(BitstreamError):
            qimg.decode(data[:length])


@pytest.mark.parametrize("length", [60, 250])
def test_an_altered_length_is_no_cut_file(length):
    header = Header(height=256, width=384, gray=True, step=3)
    data = write(header, bytes(range(length)))
    for other in range(512):
        packed = int.from_bytes(data[6:10], "big")  # 9 + 9 bits of sides, 5 of the step, 9 of the length
        altered = data[:6] + (packed & ~511 | other).to_bytes(4, "big") + data[10:]
        if other != length:
            with pytest.raises(BitstreamError, match="the header is altered"):
                parse(altered)
            with pytest.raises(BitstreamError, match="the header is altered"):
                parse(altered[:40])


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_earlier_versions_decode_by_their_statistics(example, version):
    _, data = example
    stream = parse(data)
    header = replace(stream.header, version=version)
    frame = Frame(step=header.step, extent=geometry.sides(header.height, header.width), statistics=of_version(1))
    payload = stream.payload
    file = write(header, payload) if version == 2 else golden(header, payload)
    assert_array_equal(qimg.decode(file), paint_numbers(*frame.read(payload, header.planes), header))
    assert (qimg.decode(file) != qimg.decode(data)).any()
    with pytest.raises(BitstreamError, match="the file is altered"):
        qimg.decode(file[:-1] + bytes([file[-1] ^ 1]))
    with pytest.warns(PartialPictureWarning):
        qimg.decode(file[:-1])


def golden(header, payload):
    """A file of version 1."""
    data = bytearray(write(header, payload)[:-1])
    data[4:6] = (zlib.crc32(data[:4] + data[6:]) & 0xFFFF).to_bytes(2, "little")
    return bytes(data)


def test_altered_files_are_refused(example):
    _, data = example
    for place in range(len(data)):
        for bit in range(8):
            altered = bytearray(data)
            altered[place] ^= 1 << bit
            with pytest.raises(BitstreamError):
                parse(bytes(altered))
    with pytest.raises(BitstreamError, match="must be the one of four bytes, but is the one of six bytes"):
        qimg.decode(b"\x89qi\n" + data[2:])
    with pytest.raises(BitstreamError, match="1 more bytes"):
        qimg.decode(data + b"\0")


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=120), st.integers(0, 31), st.booleans())
def test_any_payload_with_a_checksum_decodes(payload, step, gray):
    header = Header(height=9, width=14, gray=gray, step=step)
    assert qimg.decode(write(header, payload)).shape == ((9, 14) if gray else (9, 14, 3))


def numbers_of(rng, extent, count):
    """Random numbers of ellipses that the code allows."""
    several = []
    for _ in range(count):
        one = rng.integers(-3, 4, geometry.COLOUR_NUMBERS)
        one[geometry.RIM] = rng.integers(geometry.RIMS)
        one[geometry.AMPLITUDE] = rng.choice((-1, 1)) * 2 ** rng.integers(7)
        one[[geometry.ROW, geometry.COLUMN]] = 0
        shape = geometry.ellipse(one, 5, extent)
        steps = geometry.position_steps(int(one[1]), int(one[0]), shape.log_height, shape.log_width, shape.shear)
        for place, (length, step) in enumerate(zip(extent, steps, strict=True), geometry.ROW):
            one[place] = rng.integers(geometry.places(length, step))
        several.append(one)
    return several


@pytest.mark.parametrize(("seed", "version"), [(0, 1), (1, 3), (2, 3)])
def test_numbers_come_back_and_every_cut_gives_their_beginning(seed, version):
    rng = np.random.default_rng(seed)
    extent = geometry.sides(20, 30)
    base, several = rng.integers(-9, 10, (3, len(geometry.BASE_FREQUENCIES))), numbers_of(rng, extent, 5)
    writer, meter = Writer(), Meter()
    frame = Frame(step=5, extent=extent, statistics=of_version(version))
    for coder in (writer, meter):
        frame.code_base(coder, base.copy())
        for index, one in enumerate(several):
            frame.code_ellipse(coder, one.copy(), index, magnitude_before(several, index))
    payload = writer.to_bytes()
    first, ellipses = frame.read(payload, 3)
    assert_array_equal(first, base)
    assert_array_equal(ellipses[:5], several)
    assert meter.bits == pytest.approx(bits_of(writer.widths))
    assert meter.bits == pytest.approx(frame.base_bits(base) + frame.bits(several))
    assert len(payload) - meter.bits / 8 < 8  # two words at the end of the stream
    for length in range(len(payload)):
        some = frame.read(payload[:length], 3)[1]
        assert_array_equal(some[:5], np.array(several)[: len(some)])


def test_integers_are_the_formula_in_floating_point():
    rng = np.random.default_rng(0)
    height, width = 24, 36
    extent = geometry.sides(height, width)
    several = [geometry.ellipse(one, 5, extent) for one in numbers_of(rng, extent, 6)]
    base = rng.integers(-4000, 4000, (3, len(geometry.BASE_FREQUENCIES)))
    places = grid((height, width), (height / width, 1.0))
    values = np.tensordot(base / 256, places.cosines, 1).astype(np.float32)
    for one in several:
        add(places, parameters(one), values)
    shown = painter.paint(base, several, height, width).transpose(2, 0, 1)
    inside = (values > -120) & (values < 120)
    assert inside.mean() > 0.2
    # Ratios of lengths have 12 binary digits, and levels reach some hundred code values.
    assert np.abs(values + 128 - shown)[inside].max() < 2


@pytest.mark.parametrize("planes", [1, 3])
def test_derivatives_are_those_of_finite_differences(planes):
    rng = np.random.default_rng(1)
    places = grid((12, 18), (2 / 3, 1.0))
    one = np.array([0.3, 0.5, -1.5, -1.2, 0.4, -0.9, 20, 3, -2, 7, -5])[: 8 + planes]
    one = one + 0.05 * rng.normal(size=one.size)
    values, slopes = np.zeros((planes, 12, 18), np.float32), np.zeros((one.size, planes, 12, 18), np.float32)
    add(places, one, values, slopes)
    for place in range(one.size):
        moved = [np.zeros_like(values) for _ in range(2)]
        for sign, out in zip((1, -1), moved, strict=True):
            add(places, one + sign * 1e-3 * np.eye(one.size)[place], out)
        # Values have single precision, 24 binary digits of some 20.
        assert_allclose((moved[0] - moved[1]) / 2e-3, slopes[place], atol=2e-2 * np.abs(slopes[place]).max() + 1e-2)


def test_steps_lower_the_nested_error():
    target = COFFEE[None, :32, :48, 1].astype(np.float32) - 128
    fit = fitting.start(grid((32, 48), (2 / 3, 1.0)), target)
    fitting.grow(fit, 6)
    cuts = [(2, 0.5), (4, 0.5), (6, 1.0)]
    before = fitting.error(fit, cuts)
    fitting.improve(fit, 3, cuts)
    assert fitting.error(fit, cuts) < before
    alone = sum(weight * np.square(target - fitting.picture(fit, fit.ellipses[:cut])).sum() for cut, weight in cuts)
    assert fitting.error(fit, cuts) == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 39}, r"size must be in \[40, 522\] for codec sketch, but size=39"),
        ({"size": 523}, r"size must be in \[40, 522\] for codec sketch, but size=523"),
        ({"quality": 50}, "quality has no effect with codec sketch"),
        ({}, "size must be set"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(ValueError, match=words):
        qimg.encode(COFFEE[..., 0], codec="sketch", **options)


def test_large_pictures_are_refused(example):
    image, data = example
    area = image.shape[0] * image.shape[1]
    with pytest.raises(BitstreamError, match=f"at most max_pixels={area - 1}, but has {area}"):
        qimg.decode(data, max_pixels=area - 1)
    with pytest.raises(ValueError, match="at most 65536 rows and columns"):
        encoded(np.zeros((1, 65537), np.uint8))


def test_info_describes_the_file(example):
    image, data = example
    info = qimg.info(data)
    assert (info.codec, info.height, info.width) == ("sketch", *image.shape[:2])
    assert info.channels == (1 if image.ndim == 2 else 3)
    assert sum(info.parts.values()) == len(data)
    assert info.parts["structure"] <= 12 + 1
    assert info.details["ellipses"] == str(info.ellipses)
    assert info.ellipses >= 3


def test_each_ellipse_lowers_the_error_most_of_those_that_are_left():
    target = COFFEE[None, :32, :48, 1].astype(np.float32) - 128
    fit = fitting.start(grid((32, 48), (2 / 3, 1.0)), target)
    fitting.grow(fit, 5)
    order = by_gain(fit)
    assert sorted(order) == list(range(5))
    for place, chosen in enumerate(order):
        errors = {
            other: np.square(target - fitting.picture(fit, fit.ellipses[[*order[:place], other]])).sum()
            for other in order[place:]
        }
        assert errors[chosen] == pytest.approx(min(errors.values()), rel=1e-5)
