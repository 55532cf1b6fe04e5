"""The lossless codec: every picture decodes to its samples, photographs are small, bad files are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

import qimg
from qimg.codecs.envelope import assemble
from qimg.codecs.errors import BitstreamError
from qimg.codecs.lossless import bitstream, planes
from qimg.codecs.lossless.bitstream import PLAIN, SAMPLES, Header
from qimg.codecs.lossless.planes import decode_planes, encode_planes
from qimg.codecs.lossless.residuals import DECISIONS
from qimg.entropy import mixing, range_coder
from qimg.images import bundled

COFFEE = bundled("coffee")
SHAPES = st.one_of(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(2, 4)),
)
PICTURES = st.tuples(st.sampled_from([np.uint8, np.uint16]), SHAPES).flatmap(lambda kind: arrays(*kind))


def encoded(image, **options) -> bytes:
    return qimg.encode(image, codec="lossless", **options)


@settings(max_examples=40)
@given(PICTURES)
def test_every_picture_decodes_to_its_samples(image):
    decoded = qimg.decode(encoded(image))
    assert decoded.dtype == image.dtype
    assert_array_equal(decoded, image)


@pytest.mark.parametrize(
    "image",
    [
        COFFEE[:60, :70],
        COFFEE[:40, :50, 0],
        np.concatenate([COFFEE[:40, :50], COFFEE[40:80, :50, :1]], axis=2),
        np.concatenate([COFFEE[:40, :50], np.full((40, 50, 1), 255, np.uint8)], axis=2),
        np.repeat(COFFEE[:40, :50, :1], 3, axis=2),
        COFFEE[:30, :40].astype(np.uint16) * 257,
        COFFEE[:30, :40].astype(np.uint16) << 4,
        COFFEE[:30, :40, 1].astype(np.uint16) << 8,
        np.zeros((1, 1), np.uint8),
        np.zeros((30, 40, 3), np.uint16),
        np.full((30, 40), 65535, np.uint16),
        COFFEE[:1, :300],
        COFFEE[:300, :1],
        np.where(np.indices((40, 50)).sum(axis=0) % 2, 255, 0).astype(np.uint8),
        np.concatenate([COFFEE[:8, :20], np.zeros((8, 5000, 3), np.uint8)], axis=1),
    ],
    ids=lambda image: f"{image.shape} {image.dtype} {image.max()}",
)
def test_kinds_of_pictures(image):
    before = image.copy()
    result = qimg.encode_picture(image, codec="lossless", lossless=True)
    assert_array_equal(qimg.decode(result.data), image)
    assert_array_equal(image, before)
    assert result.psnr_db == np.inf
    assert result.bits_per_pixel == 8 * len(result.data) / (image.shape[0] * image.shape[1])


def test_channels_and_bits_without_information_cost_nothing():
    gray, colour = COFFEE[:40, :50, 0], COFFEE[:40, :50]
    assert len(encoded(np.repeat(gray[..., None], 3, axis=2))) == len(encoded(gray))
    opaque = np.concatenate([colour, np.full((40, 50, 1), 255, np.uint8)], axis=2)
    assert len(encoded(opaque)) == len(encoded(colour))
    assert len(encoded(colour.astype(np.uint16) << 8)) == len(encoded(colour)) + 1  # the byte with the bits


def test_photographs_are_smaller_than_in_png_and_webp():
    photo = COFFEE[100:260, 100:300]
    size = len(encoded(photo))
    assert size < 0.75 * len(qimg.encode(photo, codec="peer:png"))
    assert size < len(encoded(photo[..., 0])) * 3  # planes are predicted from each other


def test_noise_is_stored_plainly():
    noise = np.random.default_rng(0).integers(0, 1 << 16, (20, 30, 3), np.uint16)
    data = encoded(noise)
    assert bitstream.parse(data).samples.tag == PLAIN
    assert len(data) < noise.nbytes + 40
    assert_array_equal(qimg.decode(data), noise)


def test_parts_of_wide_rows_do_not_change_the_stream(monkeypatch):
    whole = encoded(COFFEE[:10, :100])
    monkeypatch.setattr(planes, "_PART", 8)
    assert encoded(COFFEE[:10, :100]) == whole


def test_wide_pictures_have_wide_tiles():
    wide = planes.Planes((1, 40_000), 1, 8)
    assert wide._predictors.tile == 16
    assert wide._predictors.long.cross.shape[1] <= 4096
    row = np.arange(40_000, dtype=np.uint16)[None, :, None]
    payload, decoded = encode_planes(row, 16), np.zeros_like(row)
    decode_planes(payload, decoded, 16)
    assert_array_equal(decoded, row)


def test_metadata_and_info():
    data = encoded(COFFEE[:20, :30].astype(np.uint16), icc_profile=b"profile", exif=b"Exif\0\0tiff", xmp=b"packet")
    info = qimg.info(data)
    assert (info.width, info.height, info.channels, info.bit_depth, info.codec) == (30, 20, 3, 16, "lossless")
    assert (info.icc_profile, info.exif, info.xmp) == (b"profile", b"tiff", b"packet")
    assert sum(info.parts.values()) == len(data)
    decoded = qimg.codecs.decode_picture(data)
    assert (decoded.icc_profile, decoded.exif, decoded.xmp) == (b"profile", b"tiff", b"packet")


def test_options_without_effect_are_refused():
    with pytest.raises(ValueError, match="quality has no effect with codec lossless"):
        encoded(COFFEE[:8, :8], quality=50)
    with pytest.raises(ValueError, match="progressive has no effect with codec lossless"):
        encoded(COFFEE[:8, :8], progressive=True)


@pytest.mark.parametrize("seed", range(2))
def test_damaged_files_are_refused(seed):
    rng = np.random.default_rng(seed)
    data = encoded(COFFEE[:16, :16])
    for _ in range(40):
        place = int(rng.integers(len(data)))
        cut, flipped = data[:place], bytearray(data)
        flipped[place] ^= 1 << int(rng.integers(8))
        for wrong in (cut, bytes(flipped), data + b"x"):
            with pytest.raises(BitstreamError):
                qimg.decode(wrong)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with valid checksums whose header or samples are changed."""
    stream = bitstream.parse(data)
    head, payload = bytearray(stream.header.to_bytes()), bytearray(stream.samples.payload)
    part = head if rng.random() < 0.3 else payload
    kind = rng.integers(3)
    if kind == 0:
        del part[int(rng.integers(5, len(part))) :]
    elif kind == 1:
        part += rng.bytes(int(rng.integers(1, 9)))
    else:
        for place in rng.integers(5, len(part), 2):
            part[place] = rng.integers(256)
    return assemble(bytes(head), [(SAMPLES if rng.random() < 0.95 else PLAIN, bytes(payload))])


def decode_mutations(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    deep = COFFEE[:9, :12].astype(np.uint16) * 200
    files = [encoded(COFFEE[:12, :12]), encoded(COFFEE[:20, :20, 0]), encoded(deep)]
    refused = 0
    for index in range(count):
        wrong = mutated(files[index % len(files)], rng)
        try:
            image = qimg.decode(wrong, max_pixels=1 << 12)
        except BitstreamError:
            refused += 1
        else:
            assert image.dtype in (np.uint8, np.uint16)
    assert refused > 0.5 * count


def test_mutations_with_valid_checksums_are_refused_or_decoded():
    decode_mutations(60, seed=0)


@pytest.mark.slow
def test_thousands_of_mutations():
    decode_mutations(3000, seed=1)


def scripted(script: np.ndarray, shape: tuple[int, int], count: int, bits: int) -> bytes:
    """The payload whose decisions are those of a script, as far as it reaches, then the likely ones."""
    state, coder = planes.Planes(shape, count, bits), mixing.new_script(script)
    for _ in range(shape[0]):
        state.next_row()
        for _ in state.code(coder):
            pass
    return range_coder.words_to_bytes(range_coder.encode_bits(*coder.coded))


def decode_scripts(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        shape, planes_, bits = (int(rng.integers(1, 9)), int(rng.integers(1, 9))), int(rng.integers(1, 5)), 16
        likely = rng.random()
        script = np.full(shape[0] * shape[1] * planes_ * DECISIONS, mixing.LIKELY, np.uint8)
        odd = rng.random(script.size) > likely
        script[odd] = rng.integers(0, 4, odd.sum())
        samples = np.zeros((*shape, planes_), np.uint16)
        try:
            decode_planes(scripted(script, shape, planes_, bits), samples, bits)
        except BitstreamError:
            continue
        again = np.zeros_like(samples)
        decode_planes(encode_planes(samples, bits), again, bits)
        assert_array_equal(again, samples)


def test_streams_that_no_encoder_writes():
    decode_scripts(40, seed=0)


@pytest.mark.slow
def test_thousands_of_streams_that_no_encoder_writes():
    decode_scripts(3000, seed=1)


def of_header(**changes) -> bytes:
    """The file of a photograph with another header."""
    stream = bitstream.parse(encoded(COFFEE[:16, :16].astype(np.uint16)))
    return bitstream.write(Header(**{**vars(stream.header), **changes}), stream.samples.payload)


def test_rules_of_the_header_are_named():
    with pytest.raises(BitstreamError, match="must have at most 16 bits, but has 16"):
        qimg.decode(of_header(bits=16, zeros=3))
    with pytest.raises(BitstreamError, match="at most max_pixels=255, but has 256"):
        qimg.decode(encoded(COFFEE[:16, :16]), max_pixels=255)
    with pytest.raises(BitstreamError, match="flag 4 must be combined with flag 2"):
        qimg.decode(of_header(opaque=True))
    with pytest.raises(BitstreamError, match="flag 8 must be combined with flag 1"):
        qimg.decode(of_header(channels=1, one_plane=True))
    stream = bitstream.parse(encoded(COFFEE[:16, :16]))
    with pytest.raises(BitstreamError, match="samples are damaged"):
        qimg.decode(bitstream.write(stream.header, stream.samples.payload[:-12]))
    with pytest.raises(BitstreamError, match="one chunk D or P, but has 0"):
        qimg.decode(assemble(stream.header.to_bytes(), []))
    with pytest.raises(BitstreamError, match="one chunk D or P, but has 2"):
        qimg.decode(assemble(stream.header.to_bytes(), [(SAMPLES, b"1"), (PLAIN, b"1")]))
    with pytest.raises(BitstreamError, match="plain samples must have 768 bytes, but have 3"):
        qimg.decode(bitstream.write(stream.header, b"abc", tag=PLAIN))


def test_plain_samples_are_within_their_bits():
    header = Header(width=2, height=1, channels=1, bit_depth=16, bits=9)
    assert_array_equal(qimg.decode(bitstream.write(header, b"\1\xff\0\1", tag=PLAIN)), [[511, 1]])
    with pytest.raises(BitstreamError, match="must be below 512, but one is 512"):
        qimg.decode(bitstream.write(header, b"\2\0\0\1", tag=PLAIN))
