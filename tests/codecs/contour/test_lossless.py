"""The contour codec without loss: pixels are equal, graphics are small, bad files are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

import qimg
from qimg import images
from qimg.codecs import registry
from qimg.codecs.contour import bitstream, rows
from qimg.codecs.contour.bitstream import Header
from qimg.codecs.contour.colours import colours_of, numbered, pixels_of
from qimg.codecs.envelope import assemble
from qimg.codecs.errors import BitstreamError
from qimg.codecs.files import encode_file
from qimg.images import bundled

COFFEE = bundled("coffee")


def encoded(image, **options) -> bytes:
    return qimg.encode(image, codec="contour", lossless=True, **options)


def drawing(side: int = 64) -> np.ndarray:
    """Discs of flat colours with outlines."""
    row, column = np.indices((side, side))
    picture = np.full((side, side, 3), (200, 220, 240), np.uint8)
    for index, colour in enumerate([(220, 40, 30), (20, 160, 70), (250, 200, 10)]):
        radius = np.hypot(row - 18 - 13 * index, column - 40 + 11 * index)
        picture[radius < 15] = 0
        picture[radius < 13] = colour
    return picture


FEW = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(0, 3))
MANY = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(2, 4)).flatmap(lambda shape: arrays(np.uint8, shape))


@settings(max_examples=30)
@given(FEW | MANY)
def test_every_picture_decodes_to_its_pixels(image):
    decoded = qimg.decode(encoded(image))
    assert decoded.dtype == np.uint8
    assert_array_equal(decoded, image)


@pytest.mark.parametrize(
    "image",
    [
        COFFEE[:40, :50],
        COFFEE[:40, :50, 0],
        drawing(),
        np.concatenate([drawing(), drawing()[..., :1]], axis=2),
        np.concatenate([drawing(), np.full((64, 64, 1), 255, np.uint8)], axis=2),
        np.repeat(drawing()[..., :1], 3, axis=2),
        np.zeros((1, 1), np.uint8),
        np.zeros((1, 700, 3), np.uint8),
        np.arange(700).astype(np.uint8)[:, None],
        COFFEE[:8, :5000].repeat(9, axis=1),
    ],
    ids=str,
)
def test_kinds_of_pictures(image):
    result = qimg.encode_picture(image, codec="contour", lossless=True)
    assert_array_equal(qimg.decode(result.data), image)
    assert result.psnr_db == np.inf
    assert result.bits_per_pixel == 8 * len(result.data) / (image.shape[0] * image.shape[1])


def test_parts_of_wide_rows_do_not_change_the_stream(monkeypatch):
    whole = encoded(drawing())
    monkeypatch.setattr(rows, "_PART", 7)
    assert encoded(drawing()) == whole


def test_more_colours_than_numbers():
    image = np.arange(65 * 64, dtype=np.int64).reshape(65, 64)
    image = np.stack([image >> 8, image & 255], axis=2).astype(np.uint8)
    assert qimg.info(encoded(image)).colours == 0
    assert_array_equal(qimg.decode(encoded(image)), image)


def test_a_drawing_is_smaller_than_in_png():
    image = np.tile(drawing(), (2, 2, 1))
    assert len(encoded(image)) < 0.6 * len(qimg.encode(image, codec="peer:png"))
    assert len(encoded(image)) < 1.5 * len(encoded(drawing()))  # what repeats costs little


def test_numbers_of_colours_are_in_the_order_of_the_raster():
    colours = colours_of(drawing())
    numbers, palette = numbered(colours)
    assert_array_equal(palette[numbers], colours)
    first = [np.flatnonzero(numbers.ravel() == number)[0] for number in range(len(palette))]
    assert first == sorted(first)
    assert_array_equal(pixels_of(colours, 3), drawing())


def test_metadata_and_info():
    data = encoded(drawing(), icc_profile=b"profile", exif=b"Exif\0\0tiff", xmp=b"packet")
    info = qimg.info(data)
    assert (info.width, info.height, info.channels, info.bit_depth, info.codec) == (64, 64, 3, 8, "contour")
    assert (info.icc_profile, info.exif, info.xmp) == (b"profile", b"tiff", b"packet")
    assert sum(info.parts.values()) == len(data)
    assert info.colours == 5
    assert info.details == {"colours": "5"}
    decoded = qimg.codecs.decode_picture(data)
    assert (decoded.icc_profile, decoded.exif, decoded.xmp) == (b"profile", b"tiff", b"packet")


def test_options_and_pictures_that_are_not_supported():
    with pytest.raises(ValueError, match="codec contour supports 8 bits per channel, but image is uint16"):
        encoded(drawing().astype(np.uint16))
    with pytest.raises(ValueError, match="stable has no effect with codec contour"):
        encoded(drawing(), stable=True)
    with pytest.raises(ValueError, match="lossless has no effect with codec block; codecs that support it: contour"):
        qimg.encode(drawing(), codec="block", lossless=True)


@pytest.mark.parametrize("seed", range(2))
def test_damaged_files_are_refused(seed):
    rng = np.random.default_rng(seed)
    data = encoded(drawing(32))
    for _ in range(40):
        place = int(rng.integers(len(data)))
        cut, flipped = data[:place], bytearray(data)
        flipped[place] ^= 1 << int(rng.integers(8))
        for wrong in (cut, bytes(flipped), data + b"x"):
            with pytest.raises(BitstreamError):
                qimg.decode(wrong)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with valid checksums whose header or pixels are changed."""
    stream = bitstream.parse(data)
    head, payload = bytearray(stream.header.to_bytes()), bytearray(stream.layers[0].payload)
    part = head if rng.random() < 0.3 else payload
    kind = rng.integers(3)
    if kind == 0:
        del part[int(rng.integers(5, len(part))) :]
    elif kind == 1:
        part += rng.bytes(int(rng.integers(1, 9)))
    else:
        for place in rng.integers(5, len(part), 2):
            part[place] = rng.integers(256)
    return assemble(bytes(head), [(bitstream.PIXELS, bytes(payload))])


def decode_mutations(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files = [encoded(drawing(40)), encoded(COFFEE[:12, :12]), encoded(COFFEE[:20, :20, 0])]
    refused = 0
    for index in range(count):
        wrong = mutated(files[index % len(files)], rng)
        try:
            image = qimg.decode(wrong, max_pixels=1 << 14)
        except BitstreamError:
            refused += 1
        else:
            assert image.dtype == np.uint8
    assert refused > 0.5 * count


def test_mutations_with_valid_checksums_are_refused_or_decoded():
    decode_mutations(60, seed=0)


@pytest.mark.slow
def test_thousands_of_mutations():
    decode_mutations(3000, seed=1)


def of_header(**changes) -> bytes:
    """The file of a drawing with another header."""
    stream = bitstream.parse(encoded(drawing(16)))
    return bitstream.write(Header(**{**vars(stream.header), **changes}), [stream.layers[0].payload])


def test_rules_of_the_header_are_named():
    with pytest.raises(BitstreamError, match=r"number of colours must be in \[0, 4096\], but is 4097"):
        qimg.decode(of_header(colours=4097))
    with pytest.raises(BitstreamError, match="at most max_pixels=255, but has 256"):
        qimg.decode(encoded(drawing(16)), max_pixels=255)
    with pytest.raises(BitstreamError, match="flag 4 must be combined with flag 2"):
        qimg.decode(of_header(opaque=True))
    with pytest.raises(BitstreamError, match="flag 8 must be combined with flag 1"):
        qimg.decode(of_header(channels=1, one_plane=True, first=b"\0"))
    stream = bitstream.parse(encoded(drawing()))
    with pytest.raises(BitstreamError, match="pixels are damaged"):
        qimg.decode(bitstream.write(stream.header, [stream.layers[0].payload[:-12]]))
    with pytest.raises(BitstreamError, match="must have a chunk D, but has none"):
        qimg.decode(assemble(bitstream.parse(encoded(drawing(16))).header.to_bytes(), []))


def test_a_palette_with_colours_that_do_not_occur_is_refused():
    image = np.zeros((4, 4), np.int64)
    payload = rows.encode_rows(image, 1, np.array([7, 9]))
    header = Header(width=4, height=4, channels=1, colours=2, first=b"\7")
    with pytest.raises(BitstreamError, match="palette must have 2 colours, but only 1 occur"):
        qimg.decode(bitstream.write(header, [payload]))


def test_auto_without_loss_is_this_codec(tmp_path):
    assert qimg.encode(drawing(8), lossless=True) == encoded(drawing(8))
    images.save(drawing(8), tmp_path / "a.png")
    encode_file(tmp_path / "a.png", tmp_path / "a.qimg", lossless=True)
    assert_array_equal(qimg.decode((tmp_path / "a.qimg").read_bytes()), drawing(8))
    with pytest.raises(ValueError, match="must be set, but quality and lossless are set"):
        qimg.encode(drawing(8), lossless=True, quality=50)


def test_the_codec_is_registered():
    assert registry.id_of(encoded(drawing(8))) == "contour"
    assert_array_equal(qimg.codecs.get("contour").decode(encoded(drawing(8))), drawing(8))
