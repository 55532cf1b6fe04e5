"""Whole pictures: every shape and type, what the targets promise, metadata, alpha, limits, and what errors say."""

import math
import pickle
import tracemalloc
import zlib
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import qimg
from qimg import codecs, images
from qimg.codecs import BitstreamError, block, decode, decode_picture, info
from qimg.codecs.block import Tables
from qimg.codecs.block.bitstream import container, strip_coder
from qimg.codecs.block.bitstream.alpha import decode_alpha, encode_alpha
from qimg.codecs.block.model import tables
from qimg.images import ImageError

encode, encode_picture = (partial(verb, codec="block") for verb in (codecs.encode, codecs.encode_picture))

TYPES = (np.uint8, np.uint16)


def noise(shape: tuple[int, ...], dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A small photograph, (100, 150, 3), that nobody can modify."""
    pixels = images.box_mean(images.bundled("coffee"), 4)
    pixels.setflags(write=False)
    return pixels


@given(
    st.integers(1, 40), st.integers(1, 70), st.sampled_from([(), (2,), (3,), (4,)]), st.sampled_from(TYPES),
    st.integers(1, 100), st.integers(0, 99),
)  # fmt: skip
@example(1, 1, (), np.uint8, 50, 0)
@example(1, 1, (4,), np.uint16, 50, 0)
@example(1, 70, (3,), np.uint8, 50, 0)
@example(33, 31, (3,), np.uint16, 90, 0)
@example(32, 64, (2,), np.uint8, 10, 0)
@settings(max_examples=25)
def test_every_picture_comes_back_in_its_shape(height, width, channels, dtype, quality, seed):
    image = noise((height, width, *channels), dtype, seed)
    kept = image.copy()
    encoded = encode_picture(image, quality=quality, effort=1)
    shown = decode(encoded.data)
    assert_array_equal(image, kept)
    assert (shown.shape, shown.dtype) == (image.shape, image.dtype)
    if images.has_alpha(image):
        assert_array_equal(shown[..., -1], image[..., -1])
    # What the encoder says of the decoded picture is true.
    reference, seen = images.without_alpha(image), images.without_alpha(shown)
    assert encoded.psnr_db == pytest.approx(qimg.psnr_db(reference, seen), abs=1e-9)
    assert encoded.bits_per_pixel == 8 * len(encoded.data) / (height * width)


def test_a_photograph_is_close_and_small(photo):
    encoded = encode_picture(photo, quality=50)
    # A tenth of the raw bytes or less at 30 dB or more is far from what the codec does, and from what a bug would do.
    assert encoded.psnr_db > 30
    assert len(encoded.data) < photo.nbytes / 6


def test_the_same_picture_gives_the_same_file(photo):
    assert encode(photo, quality=60) == encode(photo.copy(order="F"), quality=60) == encode(photo[:, :], quality=60)


def test_better_quality_takes_more_bytes_and_gives_more(photo):
    results = [encode_picture(photo, quality=quality) for quality in (5, 30, 60, 90, 100)]
    assert all(len(first.data) < len(second.data) for first, second in pairwise(results))
    assert all(first.psnr_db < second.psnr_db for first, second in pairwise(results))


@pytest.mark.parametrize("effort", [1, 3, 9])
def test_one_decoder_reads_every_effort(photo, effort):
    encoded = encode_picture(photo, quality=50, effort=effort)
    assert qimg.psnr_db(photo, decode(encoded.data)) == pytest.approx(encoded.psnr_db)


def test_rows_below_a_rectangle_are_not_decoded(photo):
    image = np.tile(photo, (3, 1, 1))
    data = encode(image, quality=40)
    shown = decode(data)
    for bottom in range(1, 300, 7):
        assert_array_equal(decode(data, crop=(bottom - 1, 20, 1, 100)), shown[bottom - 1 : bottom, 20:120])
    header, (strip,) = container.parse(data).header, container.parse(data).all(container.STRIP)
    half = strip.payload[: len(strip.payload) // 8 * 4 + 1]
    cut = container.assemble(header, [(b"S", half)])
    assert_array_equal(decode(cut, crop=(0, 0, 40, 150)), shown[:40])
    with pytest.raises(BitstreamError, match="the payload ends or is broken"):
        decode(cut)


@pytest.mark.parametrize("shape", [(100, 70, 3), (70, 30), (65, 33, 4)])
def test_strips_are_coded_one_by_one(monkeypatch, shape):
    image = noise(shape)
    monkeypatch.setattr(strip_coder, "_STRIP", 1024)
    numbers = []

    def track(parts):
        for part in parts:
            numbers.append(part)
            yield part

    encoded = encode_picture(image, quality=30, track=track)
    strips = container.parse(encoded.data).all(container.STRIP)
    assert len(strips) == -(-shape[0] // 32) == len(numbers)
    shown = decode(encoded.data)
    assert shown.shape == image.shape
    assert qimg.psnr_db(images.without_alpha(image), images.without_alpha(shown)) == pytest.approx(encoded.psnr_db)
    for bottom in range(1, shape[0] + 1):  # the filter reads rows below, and those of the next strip are not needed
        assert_array_equal(decode(encoded.data, crop=(0, 0, bottom, shape[1])), shown[:bottom])
    lost = container.assemble(container.parse(encoded.data).header, [(b"S", strip.payload) for strip in strips[:-1]])
    with pytest.raises(BitstreamError, match=f"must have {len(strips)} strips, but has {len(strips) - 1}"):
        decode(lost)


def test_rgb_without_colour_is_coded_as_gray(photo):
    gray = photo[..., 1]
    encoded = encode(np.dstack([gray] * 3), quality=50)
    assert info(encoded).planes == 1
    assert_array_equal(decode(encoded), np.dstack([decode(encode(gray, quality=50))] * 3))
    assert len(encoded) == len(encode(gray, quality=50))


def test_step_of_quality_falls_smoothly():
    steps = [block.step_of_quality(quality / 4) for quality in range(4, 401)]
    assert all(first >= second for first, second in pairwise(steps))
    assert all(first > second for first, second in pairwise(steps[::4]))
    assert (steps[0], steps[-1]) == (120 * 64, 64)
    # Exponential: the share of one step to the next is the same everywhere but for rounding to 1/64.
    assert max(abs(first / second - 120 ** (1 / 396)) for first, second in pairwise(steps)) < 1 / 64


# Sizes and PSNR.


@pytest.mark.parametrize("bits", [0.4, 1.0, 2.5, 6.0])
@pytest.mark.parametrize("kind", ["colour", "gray", "deep", "alpha"])
def test_sizes_are_kept_and_used(photo, bits, kind):
    image = {
        "colour": photo,
        "gray": photo[..., 0],
        "deep": photo.astype(np.uint16) * 257,
        "alpha": np.dstack([photo, noise(photo.shape[:2])]),
    }[kind]
    fixed = photo[..., 0].size if kind == "alpha" else 0  # noise cannot be compressed
    size = int(photo[..., 0].size * bits / 8) + fixed
    attempts = []
    encoded = encode_picture(image, size=size, effort=1, track=lambda parts: attempts.append(1) or parts)
    assert len(encoded.data) <= size
    # A picture that fits without loss cannot use more.
    assert len(encoded.data) >= 0.99 * size or encoded.psnr_db == math.inf
    assert len(attempts) <= 12
    assert decode(encoded.data).shape == image.shape


def test_bits_per_pixel_are_a_size(photo):
    assert encode(photo, bits_per_pixel=1.5, effort=1) == encode(photo, size=15000 * 3 // 16, effort=1)


def test_metadata_count(photo):
    data = encode(photo, size=4000, exif=bytes(1000), icc_profile=b"p" * 500, effort=1)
    assert 0.99 * 4000 <= len(data) <= 4000


def test_a_picture_that_cannot_use_the_bytes_gets_the_finest_step(photo):
    encoded = encode_picture(photo, size=10**6, effort=1)
    assert encoded.parameters.step == 16
    assert encode_picture(np.zeros((64, 64), np.uint8), size=10**6).psnr_db == math.inf


@pytest.mark.parametrize(("name", "value"), [("size", 30), ("bits_per_pixel", 0.01)])
def test_a_size_out_of_reach_names_the_smallest(photo, name, value):
    with pytest.raises(
        ValueError, match=rf"{name} must be at least [\d.]+ for this picture, but {name}={value}"
    ) as caught:
        encode(photo, **{name: value})
    least = float(str(caught.value).split("at least ")[1].split()[0])
    data = encode(photo, **{name: int(least) if name == "size" else least * 1.001})
    assert len(data) <= (least if name == "size" else least * 1.001 * 15000 / 8)


@pytest.mark.parametrize("psnr", [28.0, 33.0, 38.5, 46.0])
def test_psnr_is_reached_and_not_exceeded_by_much(photo, psnr):
    for image in (photo, photo[..., 0], photo.astype(np.uint16) * 257):
        encoded = encode_picture(image, psnr_db=psnr, effort=1)
        # 0.05 dB is the aim; on so small a picture one step may jump further, or a file that is better be smaller.
        assert psnr <= encoded.psnr_db <= psnr + 0.3
        assert qimg.psnr_db(image, decode(encoded.data)) == pytest.approx(encoded.psnr_db)


def test_a_low_psnr_costs_next_to_nothing(photo):
    assert len(encode(photo, psnr_db=1.0)) < 100


def test_a_psnr_out_of_reach_names_the_highest(photo):
    deep = photo.astype(np.uint16) * 257  # samples are coarser than 16 bits
    with pytest.raises(ValueError, match=r"psnr_db must be at most [\d.]+ for this picture, but psnr_db=150") as caught:
        encode(deep, psnr_db=150)
    highest = float(str(caught.value).split("at most ")[1].split()[0])
    assert encode_picture(deep, psnr_db=highest - 0.01).psnr_db >= highest - 0.01


# Metadata and alpha.


def test_metadata_are_handed_on(photo):
    data = encode(photo, quality=30, icc_profile=b"profile", exif=b"Exif\0\0II*\0", xmp=b"<x/>")
    found = decode_picture(data)
    assert (found.icc_profile, found.exif, found.xmp) == (b"profile", b"II*\0", b"<x/>")
    assert not found.partial
    plain = decode_picture(encode(photo, quality=30, icc_profile=b"", exif=b"", xmp=b""))
    assert (plain.icc_profile, plain.exif, plain.xmp) == (None, None, None)
    assert_array_equal(found.image, plain.image)


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(TYPES), st.integers(0, 99), st.booleans())
def test_alpha_comes_back(height, width, dtype, seed, mask):
    alpha = noise((height, width), dtype, seed)
    alpha = np.where(alpha > alpha.mean(), np.iinfo(dtype).max, 0).astype(dtype) if mask else alpha
    payload = encode_alpha(alpha)
    shown = np.zeros((height, width, 4), dtype)
    decode_alpha(payload, shown[..., 3])
    assert_array_equal(shown[..., 3], alpha)
    assert (shown[..., :3] == 0).all()


def test_opaque_pictures_store_no_alpha(photo):
    data = encode(np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]), quality=50)
    assert len(data) == len(encode(photo, quality=50))
    assert (decode(data)[..., 3] == 255).all()


def alpha_refusal(payload: bytes, shape: tuple[int, int] = (4, 5)) -> str:
    with pytest.raises(BitstreamError) as caught:
        decode_alpha(payload, np.zeros(shape, np.uint8))
    return str(caught.value)


def test_damaged_alpha_is_named():
    payload = zlib.compress(bytes(20))
    assert alpha_refusal(payload[:-1]) == "alpha must have 20 bytes, but is shorter"
    assert alpha_refusal(zlib.compress(bytes(19))) == "alpha must have 20 bytes, but is shorter"
    assert alpha_refusal(zlib.compress(bytes(21))) == "alpha must have 20 bytes, but is longer"
    assert alpha_refusal(payload + b"x") == "alpha must have 20 bytes, but is longer"
    assert alpha_refusal(b"no stream").startswith("alpha must be a zlib stream, but cannot be unpacked")


def test_an_alpha_bomb_takes_no_memory():
    bomb = zlib.compress(bytes(1 << 26), 9)
    tracemalloc.start()
    alpha_refusal(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


# What a file says of itself, limits, other tables.


def test_info_tells_without_decoding(photo):
    image = np.dstack([photo, noise(photo.shape[:2])]).astype(np.uint16) * 257
    data = encode(image, quality=40, icc_profile=b"profile", exif=b"II*\0", xmp=b"<x/>")
    found = info(data)
    assert (found.width, found.height, found.channels, found.bit_depth, found.planes) == (150, 100, 4, 16, 3)
    assert (found.mode, found.complete, found.has_alpha) == ("sequential", True, True)
    assert found.step == block.step_of_quality(40) / 64
    assert found.tables == tables.default().sha256[:8]
    assert sum(found.parts.values()) == len(data)
    assert [found.parts[name] for name in ("icc_profile", "exif", "xmp")] == [7, 4, 4]
    assert (found.icc_profile, found.exif, found.xmp) == (b"profile", b"II*\0", b"<x/>")
    assert found.bits_per_pixel == 8 * len(data) / 15000
    assert not info(data[:-1]).complete


def test_large_pictures_are_refused_before_memory_is_taken(photo):
    stream = container.parse(encode(photo, quality=5))
    huge = container.assemble(replace(stream.header, width=1 << 20, height=1 << 20), [(b"S", bytes(8))])
    tracemalloc.start()
    with pytest.raises(BitstreamError, match="must have at most max_pixels=268435456, but has 1099511627776"):
        decode(huge)
    assert info(huge).width == 1 << 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    with pytest.raises(BitstreamError, match="must have at most max_pixels=14999, but has 15000"):
        decode(encode(photo, quality=5), max_pixels=14999)
    assert decode(encode(photo, quality=5), max_pixels=None).shape == photo.shape


def test_other_tables_are_named(photo):
    ours = tables.default()
    arrays = {name: ours.array(name) for name in ours.contents.arrays}
    other = Tables.assemble(arrays, {"made": "for a test"})
    data = encode(photo, quality=20, tables=other)
    words = f"needs the codec tables {other.sha256[:8]}, but the available ones are {ours.sha256[:8]}, at offset 6"
    with pytest.raises(BitstreamError, match=words):
        decode(data)
    assert_array_equal(decode(data, tables=other), decode(encode(photo, quality=20)))


def test_parameters_out_of_range_are_named(photo):
    stream = container.parse(encode(photo, quality=20))
    for version, parameters, words in [
        (1, [1, 0, 48, 48], r"step must be in \[16, 65535\], but step=1, at offset 10"),
        (3, [0, 9, 48, 48, 4], "the flags of the parameters may have the bits 0x03 only, but are 0x04, at offset 14"),
        (3, [0, 9, 48, 48, 8], "the flags of the parameters may have the bits 0x03 only, but are 0x08, at offset 14"),
        (4, [0, 9, 48, 48, 32], "the flags of the parameters may have the bits 0x0b only, but are 0x20, at offset 14"),
        (3, [0, 9, 48, 48, 1, *9 * [0]], r"matrix must be invertible, but matrix=\(\(0, 0, 0\), .* at offset 10"),
    ]:
        header = replace(stream.header, parameters=bytes(parameters), version=version)
        with pytest.raises(BitstreamError, match=words):
            decode(container.assemble(header, []))


def test_a_broken_payload_is_located(photo):
    stream = container.parse(encode(photo, quality=50))
    payload = stream.chunks[0].payload
    data = container.assemble(stream.header, [(b"i", b"profile"), (b"S", payload[: len(payload) // 8 * 4])])
    with pytest.raises(BitstreamError) as caught:
        decode(data)
    assert caught.value.offset == container.parse(data).chunks[1].offset


def test_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(BitstreamError("a rule", 7)))
    assert (str(error), error.offset) == ("a rule, at offset 7", 7)
    assert str(error.of_file("a.qimg")) == "a.qimg: a rule, at offset 7"


# What the encoder refuses.


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((4, 4)), "image: pixels must be uint8 or uint16, but are float64"),
        (np.zeros((4, 4), np.int16), "image: pixels must be uint8 or uint16, but are int16"),
        (np.zeros((0, 4), np.uint8), "image: shape must be"),
        (np.zeros((2, 4, 4, 3), np.uint8), "image: shape must be"),
        (np.zeros((4, 4, 5), np.uint8), "image: shape must be"),
    ],
)
def test_what_is_no_picture_is_refused(image, words):
    with pytest.raises(ImageError, match=words.replace("(", r"\(")):
        encode(image, quality=50)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "one of quality, size, bits_per_pixel and psnr_db must be set, but none is"),
        ({"quality": 5, "size": 9}, "but quality and size are set"),
        ({"quality": 0.5}, r"quality must be in \[1, 100\], but quality=0.5"),
        ({"quality": math.nan}, r"quality must be in \[1, 100\], but quality=nan"),
        ({"size": 0}, "size must be an integer of at least 1, but size=0"),
        ({"size": 10.5}, "size must be an integer of at least 1, but size=10.5"),
        ({"bits_per_pixel": 0}, "bits_per_pixel must be positive, but bits_per_pixel=0"),
        ({"psnr_db": math.inf}, "psnr_db must be finite, but psnr_db=inf"),
        ({"quality": 5, "effort": 10}, r"effort must be in \[1, 9\], but effort=10"),
    ],
)
def test_bad_options_are_named(photo, options, words):
    with pytest.raises(ValueError, match=words):
        encode(photo, **options)


def test_the_package_gives_the_codec_when_asked(photo):
    assert_array_equal(qimg.decode(qimg.encode(photo, quality=10)), decode(encode(photo, quality=10)))
    assert qimg.codecs.block is block
    assert qimg.BitstreamError is BitstreamError
    with pytest.raises(AttributeError, match="module 'qimg' has no attribute 'nothing'"):
        _ = qimg.nothing


@pytest.mark.parametrize("quality", [20, 60])
@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_a_stable_file_is_a_fixed_point(name, quality):
    part = np.ascontiguousarray(images.bundled(name)[100:196, 140:260])
    first = encode(part, quality=quality, stable=True)
    picture = codecs.decode(first)
    again = encode(picture, quality=quality, stable=True)
    assert again == first
    assert np.array_equal(codecs.decode(again), picture)


def test_only_a_quality_can_be_stable():
    with pytest.raises(ValueError, match="stable must be False if size is set"):
        encode(np.zeros((8, 8), np.uint8), size=100, stable=True)


def test_four_efforts_differ_and_the_others_are_as_the_next_one_below():
    part = np.ascontiguousarray(images.bundled("coffee")[:96, :128])
    made = {effort: encode(part, quality=60, effort=effort) for effort in range(1, 10)}
    assert len({made[effort] for effort in (1, 3, 5, 7)}) == 4
    for effort, below in {2: 1, 4: 3, 6: 5, 8: 7, 9: 7}.items():
        assert made[effort] == made[below], effort


def test_more_effort_costs_no_quality_at_equal_cost():
    part = np.ascontiguousarray(images.bundled("coffee")[100:196, 140:260])
    fast, slow = (encode_picture(part, quality=50, effort=effort) for effort in (1, 9))
    # 0.07 · step² per bit is what the search trades; the slower search may move along that line, not behind it.
    step = slow.parameters.step / 64
    error = [255**2 * 10 ** (-result.psnr_db / 10) * part[..., 0].size for result in (fast, slow)]
    costs = [e + 0.07 * step**2 * 8 * len(result.data) for e, result in zip(error, (fast, slow), strict=True)]
    assert costs[1] < costs[0]
