"""Pictures at the edge of what blocks suit: noise, single colours, flat areas, and one side of a few pixels."""

import tracemalloc
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import qimg
from qimg import codecs, images
from qimg.codecs import BitstreamError, decode, decode_picture, info
from qimg.codecs.block import truncate
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.flat_areas import FlatAreas
from qimg.codecs.block.bitstream.lossless import decode_lossless, encode_lossless
from qimg.codecs.block.bitstream.packing import packed
from qimg.codecs.block.encoder.flat_search import flat_areas, without_small
from qimg.codecs.block.transform.fold import PIECE, folded, folded_shape, is_thin, unfolded
from qimg.codecs.block.transform.geometry import SUPERBLOCK

encode, encode_picture = (partial(verb, codec="block") for verb in (codecs.encode, codecs.encode_picture))

TYPES = (np.uint8, np.uint16)
SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 70))
CHANNELS = st.sampled_from([(), (2,), (3,), (4,)])


def noise(shape: tuple[int, ...], dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def tags(data: bytes) -> str:
    return "".join(chunk.tag.decode() for chunk in container.parse(data).chunks)


def graphic() -> np.ndarray:
    """A red picture, (96, 160, 3), with a photograph, a blue bar and noise of one code value."""
    picture = np.full((96, 160, 3), (200, 30, 60), np.uint8)
    picture[16:48, 16:72] = images.bundled("coffee")[100:132, 100:156]
    picture[60:70, 8:150] = (20, 40, 200)
    noisy = picture[:56, 96:].astype(int) + np.random.default_rng(0).integers(-1, 2, (56, 64, 3))
    picture[:56, 96:] = noisy
    return picture


# Noise.


@given(SHAPES, CHANNELS, st.sampled_from(TYPES), st.integers(1, 100), st.booleans(), st.integers(0, 99))
@example((1, 1), (), np.uint8, 100, False, 0)
@example((1, 1), (4,), np.uint8, 100, True, 0)
@example((1, 70), (3,), np.uint8, 100, False, 0)
@example((40, 40), (4,), np.uint16, 100, True, 0)
@settings(max_examples=8)
def test_no_file_is_larger_than_its_pixels(shape, channels, dtype, quality, progressive, seed):
    image = noise((*shape, *channels), dtype, seed)
    encoded = encode_picture(image, quality=quality, effort=1, progressive=progressive)
    assert len(encoded.data) <= 1.01 * image.nbytes + 100
    reference, shown = images.without_alpha(image), images.without_alpha(decode(encoded.data))
    assert encoded.psnr_db == pytest.approx(qimg.psnr_db(reference, shown), abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 20000, 3), (20000, 2), (2, 3000, 4)])
def test_thin_noise_is_not_larger_than_its_pixels(shape):
    image = noise(shape)
    for quality in (50, 100):
        assert len(encode(image, quality=quality, effort=1)) <= 1.01 * image.nbytes + 100


def test_targets_of_noise():
    image = noise((60, 70))
    exact = encode_picture(image, size=2 * image.nbytes, effort=1)
    assert exact.psnr_db == np.inf
    assert_array_equal(decode(exact.data), image)
    assert len(encode(image, size=image.nbytes // 2, effort=1)) <= image.nbytes // 2
    assert len(encode(image, psnr_db=60, effort=1)) <= 1.01 * image.nbytes + 100


def test_metadata_do_not_count():
    image = noise((20, 30, 3))
    with_profile = encode(image, quality=100, icc_profile=bytes(5000))
    assert len(with_profile) == len(encode(image, quality=100)) + 5000 + 7  # tag, length, CRC


# Constant and flat.


@given(SHAPES, CHANNELS, st.sampled_from(TYPES), st.floats(1, 100), st.booleans(), st.integers(0, 99))
@example((1, 1), (3,), np.uint8, 1.0, False, 0)
@example((3, 500), (3,), np.uint16, 1.0, True, 0)
@settings(max_examples=25)
def test_a_constant_picture_comes_back_exactly(shape, channels, dtype, quality, progressive, seed):
    image = np.empty((*shape, *channels), dtype)
    image[...] = noise(channels or (1,), dtype, seed)
    data = encode(image, quality=quality, effort=1, progressive=progressive)
    assert_array_equal(decode(data), image)
    assert len(data) <= 120


@pytest.mark.parametrize(("quality", "colour"), list(product((1, 30, 75), [(255, 0, 0), (13, 200, 255)])))
def test_a_nearly_constant_picture_comes_back_constant(quality, colour):
    image = np.clip(np.array(colour) + np.random.default_rng(0).integers(-1, 2, (50, 70, 3)), 0, 255).astype(np.uint8)
    shown = decode(encode(image, quality=quality))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 1
    assert abs(shown.astype(int) - image).max() <= 2


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("quality", [20, 50, 80])
def test_flat_areas_come_back_flat(dtype, quality):
    scale = 257 if dtype == np.uint16 else 1
    image = graphic().astype(dtype) * scale
    shown = decode(encode(image, quality=quality)).astype(int) // scale
    for rows, columns, colour in (
        (slice(0, 12), slice(0, 90), (200, 30, 60)),  # four pixels and more from every edge
        (slice(76, 96), slice(0, 160), (200, 30, 60)),
        (slice(64, 68), slice(12, 144), (20, 40, 200)),
    ):
        assert_array_equal(shown[rows, columns], np.broadcast_to(colour, shown[rows, columns].shape))
    if scale == 1:
        assert_array_equal(shown[4:52, 104:152], np.broadcast_to((200, 30, 60), (48, 48, 3)))


def test_a_slow_gradient_keeps_its_steps():
    ramp = np.broadcast_to(100 + np.arange(160) // 16, (40, 160)).astype(np.uint8)
    assert_array_equal(decode(encode(ramp, quality=30)), ramp)


def test_few_colours_come_back_exactly_in_few_bytes():
    letters = np.where(noise((64, 96)) > 128, 20, 240).astype(np.uint8)
    letters[::16] = letters[:, ::12] = 240
    encoded = encode_picture(letters, quality=60)
    assert encoded.psnr_db == np.inf
    assert len(encoded.data) < letters.size / 6


@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_photographs_have_blocks_only(name):
    photo = images.box_mean(images.bundled(name), 2)
    for quality in (30, 70):
        assert {chunk.tag for chunk in container.parse(encode(photo, quality=quality, effort=1)).chunks} == {b"S"}


def test_a_fixed_point_of_a_graphic():
    once = encode(graphic(), quality=40, stable=True)
    assert encode(decode(once), quality=40, stable=True) == once


@given(SHAPES, st.sampled_from([1, 3]), st.sampled_from(TYPES), st.integers(1, 254), st.integers(0, 99))
@settings(max_examples=30)
def test_flat_areas_are_read_as_written(shape, channels, dtype, count, seed):
    rng = np.random.default_rng(seed)
    blocks = [8 * -(-side // 32) for side in shape]
    index = rng.integers(0, count + 1, blocks).astype(np.uint8)
    index = np.where(rng.random(blocks) < 0.8, index[0, 0], index)
    areas = FlatAreas(noise((count, channels), dtype, seed), index)
    again = FlatAreas.from_bytes(areas.to_bytes(), shape, channels, dtype)
    assert_array_equal(again.colours, areas.colours)
    assert_array_equal(again.index, areas.index)
    picture = noise((*shape, channels), dtype)
    painted = picture.copy()
    again.paint(painted)
    by_pixel = np.repeat(np.repeat(index, 4, axis=0), 4, axis=1)[: shape[0], : shape[1]]
    expected = np.where((by_pixel > 0)[..., None], areas.colours[by_pixel.astype(int) - 1], picture)
    assert_array_equal(painted, expected)


def test_flat_areas_without_small_ones():
    areas = flat_areas(graphic())
    assert areas is not None
    for side in (8, 16, 32):
        pruned = without_small(areas, side)
        assert pruned is not None
        # Every flat block lies in a flat square, and keeps its colour.
        count = side // 4
        squares = pruned.index.reshape(pruned.index.shape[0] // count, count, -1, count)
        assert ((squares == squares[:, :1, :, :1]) | (squares == 0)).all()
        flat = pruned.index > 0
        assert_array_equal(pruned.colours[pruned.index[flat] - 1], areas.colours[areas.index[flat] - 1])
    assert flat_areas(noise((64, 64, 3))) is None


def areas_refusal(payload: bytes) -> str:
    with pytest.raises(BitstreamError) as caught:
        FlatAreas.from_bytes(payload, (32, 32), 1, np.uint8)
    return str(caught.value)


def test_damaged_flat_areas_are_named():
    assert areas_refusal(b"") == "flat areas must have 1 to 254 colours, but have 0"
    assert areas_refusal(b"\xff") == "flat areas must have 1 to 254 colours, but have 255"
    assert areas_refusal(b"\x01\x03").startswith("flat areas must be an LZMA2 stream, but cannot be unpacked")
    assert areas_refusal(b"\x01" + packed([b"\x09"])) == "flat areas must have 2 to 86 bytes, but is shorter"
    assert areas_refusal(b"\x01" + packed([bytes(87)])) == "flat areas must have 2 to 86 bytes, but is longer"
    assert areas_refusal(b"\x01" + packed([b"\x09\xff\x00"])) == (
        "flat areas must have 4 squares of 16 pixels, but have 1"
    )
    rule = "flat areas must have 1 colours and end with the last square, but have"
    assert areas_refusal(b"\x01" + packed([b"\x09\x02"])) == f"{rule} colour 2"
    assert areas_refusal(b"\x01" + packed([b"\x09\x01\x00"])) == f"{rule} 1 more bytes"


# Lossless pixels.


@given(SHAPES, st.sampled_from([1, 3]), st.sampled_from(TYPES), st.integers(0, 3), st.integers(0, 99))
def test_lossless_pixels_come_back(shape, channels, dtype, kind, seed):
    pixels = noise((*shape, channels), dtype, seed)
    if kind:
        pixels = np.add.accumulate(pixels // 64, axis=kind % 2, dtype=dtype)
    payload = encode_lossless(pixels)
    assert len(payload) <= 1.0001 * pixels.nbytes + 5
    shown = np.zeros_like(pixels)
    decode_lossless(payload, shown, cut=False)
    assert_array_equal(shown, pixels)


def test_damaged_lossless_pixels_are_named():
    def refusal(payload: bytes) -> str:
        with pytest.raises(BitstreamError) as caught:
            decode_lossless(payload, np.zeros((4, 5, 1), np.uint8), cut=False)
        return str(caught.value)

    assert refusal(b"\x03") == "lossless pixels must have a prediction in [0, 2], but have 3"
    assert refusal(b"") == "lossless pixels must have 20 bytes, but is shorter"
    assert refusal(b"\0" + packed([bytes(19)])) == "lossless pixels must have 20 bytes, but is shorter"
    assert refusal(b"\0" + packed([bytes(21)])) == "lossless pixels must have 20 bytes, but is longer"
    assert refusal(b"\0" + packed([bytes(20)]) + b"x") == "lossless pixels must have 20 bytes, but is longer"


def test_a_bomb_is_not_unpacked():
    payload = b"\0" + packed([bytes(1 << 24)])
    tracemalloc.start()
    with pytest.raises(BitstreamError, match="is longer"):
        decode_lossless(payload, np.zeros((4, 5, 1), np.uint8), cut=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 << 20  # the dictionary has 4 MiB


def test_the_beginning_of_a_progressive_lossless_file():
    image = noise((64, 50, 3))
    data = encode(image, quality=100, progressive=True)
    assert set(tags(data)) == {"L"}
    assert info(data).details["mode"] == "lossless progressive"
    part = decode_picture(data[: len(data) // 2])
    assert part.partial
    rows = (part.image == image).all(axis=(1, 2)).sum()
    assert 20 <= rows <= 32
    assert (part.image[rows + 1 :] == 128).all()
    small = truncate(data, 4000)
    assert len(small) <= 4000
    assert info(small).truncated
    assert_array_equal(decode(small)[:15], image[:15])


def test_a_progressive_file_with_flat_areas():
    data = encode(graphic(), quality=50, progressive=True)
    assert tags(data)[:2] == "FP"
    assert info(data).flat_areas
    for part in (decode_picture(data[: len(data) // 2]).image, decode(truncate(data, len(data) // 2))):
        assert_array_equal(part[76:], np.broadcast_to((200, 30, 60), (20, 160, 3)))
    constant = encode(np.full((40, 40), 7, np.uint8), quality=50, progressive=True)
    with pytest.raises(
        ValueError, match=f"size must be at least {len(constant)} for this file, which has flat areas only"
    ):
        truncate(constant, 20)


def test_chunks_of_version_2_are_refused_elsewhere():
    lossless, areas = encode(noise((8, 8)), quality=100), encode(np.full((8, 8), 7, np.uint8), quality=50)
    for data, tag in ((lossless, "L"), (areas, "F")):
        stream = container.parse(data)
        header = type(stream.header)(**{**vars(stream.header), "version": 1})
        old = container.assemble(header, [(chunk.tag, chunk.payload) for chunk in stream.chunks])
        with pytest.raises(
            BitstreamError, match=f"chunk {tag} must be in files of stream version 2 or later, but the version is 1"
        ):
            decode(old)
    both = [(b"L", container.parse(lossless).chunks[0].payload), (b"F", container.parse(areas).chunks[0].payload)]
    with pytest.raises(BitstreamError, match="lossless pixels must be the only pixels, but chunk F has others"):
        decode(container.assemble(container.parse(lossless).header, both))


# Thin pictures.


@given(st.integers(1, 12), st.integers(33, 150), st.booleans(), CHANNELS, st.sampled_from(TYPES))
def test_a_folded_picture_unfolds(short, long, tall, channels, dtype):
    image = noise((long, short, *channels) if tall else (short, long, *channels), dtype)
    assert is_thin(*image.shape[:2])
    assert PIECE == SUPERBLOCK
    pieces = folded(image)
    assert pieces.shape[:2] == folded_shape(*image.shape[:2]) == (short * -(-long // 32), 32)
    assert_array_equal(unfolded(pieces, *image.shape[:2]), image)
    wide = image.swapaxes(0, 1) if tall else image
    assert_array_equal(pieces[:short], wide[:, :32])
    # The first column of the second piece continues the first piece.
    assert_array_equal(pieces[short : 2 * short, -1], wide[::-1, 32])


@pytest.mark.parametrize(("short", "tall"), [(1, False), (3, True), (8, False)])
def test_a_row_of_a_photograph_takes_fewer_bytes_than_its_padded_form(short, tall):
    row = images.bundled("coffee")[150 : 150 + short]
    image = np.ascontiguousarray(row.swapaxes(0, 1) if tall else row)
    encoded = encode_picture(image, quality=45)
    # Without folding, a row fills a superblock by repetition.
    padded = np.concatenate([row, np.repeat(row[-1:], 32 - short, axis=0)])
    others = [encode(padded, quality=quality) for quality in range(1, 50, 6)]
    reached = [len(data) for data in others if qimg.psnr_db(row, decode(data)[:short]) >= encoded.psnr_db]
    assert len(encoded.data) < 0.9 * min(reached)
    assert info(encoded.data).folded
    assert encoded.psnr_db == pytest.approx(qimg.psnr_db(image, decode(encoded.data)), abs=1e-9)


def test_a_row_takes_no_more_bytes_than_avif():
    pytest.importorskip("PIL._avif")
    row = images.bundled("astronaut")[150:151]
    for quality in (30, 60):
        ours = encode_picture(row, quality=quality)
        theirs = [encode_picture(row, codec="peer:avif-psnr", quality=step) for step in range(10, 100, 10)]
        reached = [
            len(one.data)
            for one in theirs
            if qimg.psnr_db(row, decode(one.data, codec="peer:avif-psnr")) >= ours.psnr_db
        ]
        assert len(ours.data) <= min(reached)
