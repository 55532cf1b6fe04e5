"""Progressive files of the contour codec: layers by influence, prefixes, truncation, bad files."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

import qimg
from qimg import codecs
from qimg.codecs import contour
from qimg.codecs.contour import bitstream, layers
from qimg.codecs.contour.bitstream import CUT, PIXELS, Header
from qimg.codecs.contour.colours import colours_of, numbered
from qimg.codecs.contour.rows import Rows, decode_layer, encode_rows
from qimg.codecs.envelope import assemble
from qimg.codecs.errors import BitstreamError, PartialPictureWarning
from qimg.images import bundled


def discs(side: int = 96) -> np.ndarray:
    """Large discs of strong contrast, with faint dots and lines on them."""
    row, column = np.indices((side, side))
    picture = np.full((side, side, 3), (40, 60, 120), np.uint8)
    for index, colour in enumerate([(230, 40, 30), (250, 240, 210), (20, 190, 70)]):
        radius = np.hypot(row - side * (0.3 + 0.2 * index), column - side * (0.35 + 0.15 * index))
        picture[radius < side * 0.22] = colour
        picture[(radius < side * 0.2) & (row % 11 < 2) & (column % 7 < 2 + index)] -= np.uint8(17)
    picture[np.random.default_rng(0).random((side, side)) < 0.02] -= np.uint8(9)
    return picture


PICTURE = discs()
TARGETS = ({"lossless": True}, {"psnr_db": 38}, {"quality": 40})


def encoded(image=PICTURE, **options):
    return codecs.encode_picture(image, codec="contour", progressive=True, **options)


@pytest.fixture(scope="module")
def lossless() -> bytes:
    return encoded(lossless=True).data


def partial(data: bytes) -> np.ndarray:
    decoded = codecs.decode_picture(data)
    assert decoded.partial
    return decoded.image


def ends(data: bytes) -> list[int]:
    """Bytes of the file up to the end of each layer."""
    return [chunk.offset + len(chunk.payload) + 4 for chunk in bitstream.parse(data).layers]


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_the_whole_file_decodes_like_the_sequential_one_and_costs_little_more(target):
    plain, layered = codecs.encode_picture(PICTURE, codec="contour", **target), encoded(**target)
    decoded = codecs.decode_picture(layered.data)
    assert not decoded.partial
    assert_array_equal(decoded.image, qimg.decode(plain.data))
    assert layered.psnr_db == plain.psnr_db
    structure = 9 * layers.MOST_COST * bitstream.MOST_LAYERS
    assert len(layered.data) <= layers.MOST_COST * len(plain.data) + structure


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_layers_are_ordered_by_the_error_that_they_save_per_byte(target):
    data = encoded(**target).data
    lengths = [len(chunk.payload) for chunk in bitstream.parse(data).layers]
    assert len(lengths) > 1
    shown = [*(partial(data[:end]) for end in ends(data)[:-1]), qimg.decode(data)]
    errors = [float(np.square(PICTURE.astype(float) - picture).sum()) for picture in shown]
    saved = -np.diff([layers.spread(PICTURE), *errors]) / lengths
    assert np.all(np.diff(errors) < 0)
    assert np.all(np.diff(saved) < 0)


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_every_prefix_with_the_header_decodes_and_shows_the_last_complete_layer_or_more(lossless, step):
    header = len(bitstream.parse(lossless).header.to_bytes()) + 4
    bounds = ends(lossless)
    complete = [partial(lossless[:end]) for end in bounds[:-1]]
    for length in range(header):
        with pytest.raises(BitstreamError):
            qimg.decode(lossless[:length])
    for length in sorted({*range(header, len(lossless), step), *bounds[:-1], *(end - 1 for end in bounds)}):
        picture = partial(lossless[:length])
        info = codecs.info(lossless[:length])
        assert not info.complete
        assert sum(info.parts.values()) == length
        whole = sum(end <= length for end in bounds)
        assert info.whole_layers == whole
        if 0 < whole < len(bounds):  # the upper rows are those of the next layer, the lower ones as they were
            rest = np.flatnonzero((picture != complete[whole - 1]).any(axis=(1, 2)))
            better = complete[whole] if whole < len(complete) else PICTURE
            assert_array_equal(picture[: rest.max(initial=-1) + 1], better[: rest.max(initial=-1) + 1])


def test_a_cut_file_is_announced_and_can_be_refused(lossless):
    with pytest.warns(PartialPictureWarning, match="cut after 300 bytes"):
        qimg.decode(lossless[:300])
    with pytest.raises(BitstreamError, match="the file is cut"):
        codecs.decode_picture(lossless[:300], partial_ok=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        qimg.decode(lossless)
    with pytest.raises(BitstreamError, match="the file is cut"):
        qimg.decode(qimg.encode(PICTURE, codec="contour", lossless=True)[:-1])


def test_a_truncated_file_is_whole_and_shows_what_its_prefix_shows(lossless):
    for size in [*range(40, len(lossless), 37), *ends(lossless)]:
        data = contour.truncate(lossless, size)
        assert size - 12 < len(data) <= size or data == lossless
        decoded = codecs.decode_picture(data)
        assert not decoded.partial
        info = codecs.info(data)
        assert info.complete
        assert info.truncated == (data != lossless)
        rows = (
            (decoded.image != codecs.decode_picture(lossless[: size - 20]).image).any(axis=(1, 2)) if size > 60 else []
        )
        assert np.sum(rows) < 24  # of the bytes of the end marker
        if size > 100:
            again = contour.truncate(data, size - 50)
            assert_array_equal(qimg.decode(again), qimg.decode(contour.truncate(lossless, size - 50)))


def test_info_names_layers(lossless):
    count = len(bitstream.parse(lossless).layers)
    assert codecs.info(lossless).details["layers"] == f"{count} of {count}"
    assert codecs.info(lossless[:-20]).details["layers"] == f"{count - 1} of {count}, cut"
    assert "truncated on purpose" in codecs.info(contour.truncate(lossless, 300)).details["layers"]
    assert "layers" not in codecs.info(qimg.encode(PICTURE, codec="contour", lossless=True)).details


def test_what_cannot_be_truncated_is_named(lossless):
    assert contour.truncate(lossless, len(lossless)) == lossless
    with pytest.raises(ValueError, match=r"size must be at least \d+ for this file, but size=20"):
        contour.truncate(lossless, 20)
    with pytest.raises(ValueError, match="must be a progressive file"):
        contour.truncate(qimg.encode(PICTURE, codec="contour", lossless=True), 500)
    with pytest.raises(BitstreamError, match="the file is cut"):
        contour.truncate(lossless[:-1], 500)


def test_metadata_are_kept():
    data = encoded(discs(40), lossless=True, icc_profile=b"profile", exif=b"Exif\0\0tiff", xmp=b"packet").data
    cut = contour.truncate(data, len(data) - 20)
    for file in (data, cut):
        decoded = codecs.decode_picture(file)
        assert (decoded.icc_profile, decoded.exif, decoded.xmp) == (b"profile", b"tiff", b"packet")


def test_a_size_is_met():
    assert 250 <= len(encoded(size=400).data) <= 400  # sizes jump in small pictures


@pytest.mark.parametrize(
    "image",
    [
        discs(48)[..., 0],
        np.dstack([discs(48), discs(48)[..., :1]]),
        np.dstack([discs(48)[..., 1], np.full((48, 48), 255, np.uint8)]),
        np.repeat(discs(48)[..., :1], 3, axis=2),
        bundled("coffee")[:30, :40],
        np.zeros((1, 1), np.uint8),
        np.full((5, 9, 3), 7, np.uint8),
    ],
    ids=lambda image: str(image.shape),
)
def test_kinds_of_pictures(image):
    data = encoded(image, lossless=True).data
    assert_array_equal(qimg.decode(data), image)
    for end in ends(data)[:-1]:
        shown = partial(data[:end])
        assert shown.shape == image.shape
        if image.ndim == 3 and image.shape[2] in (2, 4):
            assert_array_equal(shown[..., -1], image[..., -1])


FEW = arrays(np.int64, st.tuples(st.just(3), st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3))


@settings(max_examples=40)
@given(FEW, st.booleans())
def test_any_layers_decode(pictures, numbers):
    colours = pictures * 60 + 5
    palette = np.zeros(0, np.int64)
    if numbers:
        colours, palette = numbered(np.concatenate(list(colours)))
        colours = colours.reshape(pictures.shape)
    payloads = layers.encode_layers(list(colours), 1, palette)
    rows = Rows(colours.shape[1:], 1, np.where(np.arange(len(palette)) == 0, palette, 0))
    found = np.zeros(colours.shape[1:], np.uint32)
    for index, (payload, layer) in enumerate(zip(payloads, colours, strict=True)):
        if index:
            rows.refine(found)
        assert decode_layer(rows, payload, found) == len(found)
        assert_array_equal(found, layer)
    assert_array_equal(rows.palette, palette)


def test_a_layer_that_changes_nothing_costs_next_to_nothing():
    numbers, palette = numbered(colours_of(PICTURE))
    payloads = layers.encode_layers([numbers, numbers], 3, palette)
    assert len(payloads[1]) <= 12


def test_a_simpler_version_is_fitted_to_areas_and_colours_of_the_finer_one():
    simple = np.roll(PICTURE // 64 * 64, 1, axis=0)
    result = layers.fitted(simple, PICTURE)
    labels = np.empty(PICTURE.shape[:2], np.int64)
    layers.label_areas(PICTURE, labels)
    shown, fine = colours_of(result), colours_of(PICTURE)
    assert set(shown.ravel()) <= set(fine.ravel())
    for label in np.unique(labels):
        assert len(np.unique(shown[labels == label])) == 1


def test_layers_that_do_not_pay_are_left_out():
    assert layers.superfluous([50, 20, 0], [10, 10, 10], 100, 1000) is None
    assert layers.superfluous([90, 20, 0], [10, 10, 10], 100, 1000) == 0
    assert layers.superfluous([50, 20, 0], [10, 10, 10], 100, 29) == 1
    assert layers.superfluous([0], [10], 100, 5) is None


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with valid checksums in which the header or one layer is changed."""
    stream = bitstream.parse(data)
    head = bytearray(stream.header.to_bytes())
    payloads = [bytearray(chunk.payload) for chunk in stream.layers]
    place = int(rng.integers(-1, len(payloads)))
    part = head if place < 0 else payloads[place]
    kind = rng.integers(4)
    if kind == 0:
        del part[int(rng.integers(5, len(part))) :]
    elif kind == 1:
        part += rng.bytes(int(rng.integers(1, 9)))
    elif kind == 2:
        for index in rng.integers(5, len(part), 2):
            part[index] = rng.integers(256)
    else:
        payloads[place], payloads[0] = payloads[0], payloads[place]
    tags = [CUT if rng.random() < 0.1 else PIXELS for _ in payloads]
    return assemble(bytes(head), [(tag, bytes(payload)) for tag, payload in zip(tags, payloads, strict=True)])


def decode_mutations(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files = [encoded(discs(48), lossless=True).data, encoded(discs(40)[..., 0], lossless=True).data]
    refused = 0
    for index in range(count):
        wrong = mutated(files[index % len(files)], rng)
        wrong = wrong[: int(rng.integers(20, len(wrong)))] if rng.random() < 0.3 else wrong
        try:
            image = codecs.decode_picture(wrong, max_pixels=1 << 14).image
        except BitstreamError:
            refused += 1
        else:
            assert image.dtype == np.uint8
    assert refused > 0.3 * count


def test_mutations_with_valid_checksums_are_refused_or_decoded():
    decode_mutations(60, seed=0)


@pytest.mark.slow
def test_thousands_of_mutations():
    decode_mutations(3000, seed=1)


def test_rules_of_the_file_are_named(lossless):
    stream = bitstream.parse(lossless)
    head = stream.header.to_bytes()
    first = stream.layers[0].payload
    header = Header(**{**vars(stream.header), "layers": 2})
    with pytest.raises(BitstreamError, match="at most 2 layers, but has more"):
        qimg.decode(bitstream.write(header, [first] * 3))
    with pytest.raises(BitstreamError, match="a layer must not follow chunk C"):
        qimg.decode(assemble(head, [(CUT, first), (PIXELS, first)]))
    with pytest.raises(BitstreamError, match="must have a chunk D, but has none"):
        qimg.decode(assemble(head, []))
    with pytest.raises(BitstreamError, match=r"number of layers must be in \[1, 8\], but is 9"):
        qimg.decode(bitstream.write(Header(**{**vars(stream.header), "layers": 9}), [first]))
    plain = bytearray(head)
    plain[5] |= 16
    with pytest.raises(BitstreamError, match="flags must be below 0x10"):
        qimg.decode(assemble(bytes(plain), [(PIXELS, first)]))
    with pytest.raises(ValueError, match="filled must be False in layers"):
        Header(width=2, height=2, channels=1, filled=True, layers=1)
    sequential = Header(width=2, height=2, channels=1)
    payload = encode_rows(np.zeros((2, 2), np.int64), 1, np.zeros(0, np.int64))
    with pytest.raises(BitstreamError, match="chunk C is required"):
        qimg.decode(assemble(sequential.to_bytes(), [(CUT, payload)]))
