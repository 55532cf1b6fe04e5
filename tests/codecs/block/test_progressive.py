"""Progressive files: every beginning is a picture, and better with every byte."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from skimage import data as photographs

import qimg
from qimg import codecs
from qimg.codecs import block
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.layers.picture import COARSE, layers_of
from qimg.codecs.errors import BitstreamError, PartialPictureWarning
from qimg.metrics import psnr_db


@pytest.fixture(scope="module")
def picture():
    return photographs.astronaut()[40:200, 130:330].copy()


HEADER = 24 + 2 + 2 + 4
"""Bytes of a header with a matrix, varints of 200 and 160, and CRC."""


@pytest.fixture(scope="module")
def coded(picture):
    return codecs.encode_picture(picture, quality=70, progressive=True)


def payload_of(stream):
    return b"".join(chunk.payload for chunk in stream.all(container.SEGMENT))


def partial(data):
    decoded = codecs.decode_picture(data)
    assert decoded.partial
    return decoded.image


def test_the_whole_file_is_the_picture_that_the_encoder_announced(picture, coded):
    decoded = codecs.decode_picture(coded.data)
    assert not decoded.partial
    assert psnr_db(picture, decoded.image, data_range=255) == pytest.approx(coded.psnr_db, abs=1e-9)
    assert layers_of(coded.parameters.step) >= 1


def test_quality_rises_at_twenty_cut_points(picture, coded):
    size = len(coded.data)
    found = [psnr_db(picture, partial(coded.data[: size * cut // 21]), data_range=255) for cut in range(1, 21)]
    found.append(coded.psnr_db)
    assert np.all(np.diff(found) > 0), found


def test_every_prefix_with_the_header_decodes_and_says_that_it_is_partial(coded):
    header = HEADER
    for length in [*range(header, header + 40), *range(header + 40, len(coded.data), 397), len(coded.data) - 1]:
        assert partial(coded.data[:length]).shape == (160, 200, 3)
        assert not codecs.info(coded.data[:length]).complete


def test_a_cut_header_is_refused(coded):
    for length in range(HEADER):
        with pytest.raises(BitstreamError):
            codecs.decode(coded.data[:length])


def test_decode_warns_of_a_partial_picture(coded):
    with pytest.warns(PartialPictureWarning, match="cut after 900 bytes"):
        qimg.decode(coded.data[:900])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        qimg.decode(coded.data)


def test_partial_pictures_can_be_refused(coded):
    with pytest.raises(BitstreamError, match="the file is cut"):
        codecs.decode_picture(coded.data[:900], partial_ok=False)


def test_a_sequential_file_is_never_shown_in_part(picture):
    data = codecs.encode(picture, quality=50)
    with pytest.raises(BitstreamError, match="the file is cut"):
        codecs.decode_picture(data[:-1])


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_whole_and_shows_what_its_prefix_shows(picture, coded, share):
    size = int(share * len(coded.data))
    data = block.truncate(coded.data, size)
    assert 0.99 * size - 16 <= len(data) <= size  # a word and the varints of the segments
    decoded = codecs.decode_picture(data)
    assert not decoded.partial
    assert codecs.info(data).truncated
    assert codecs.info(data).complete
    assert not codecs.info(coded.data).truncated
    # The truncated file has up to 32 segments of about 8 bytes beside the payload; its prefix has fewer.
    prefix = coded.data[: size - 32 * 8]
    kept, whole, shown = (payload_of(container.parse(each, partial_ok=True)) for each in (data, coded.data, prefix))
    assert whole.startswith(shown)
    assert kept[1:] == whole[1 : len(kept)]
    assert len(kept) >= len(shown)
    assert psnr_db(picture, decoded.image, data_range=255) >= psnr_db(picture, partial(prefix), data_range=255)
    again = block.truncate(data, size - 40)
    assert_array_equal(codecs.decode(again), codecs.decode(block.truncate(coded.data, size - 40)))


def test_what_cannot_be_truncated_is_named(picture, coded):
    assert block.truncate(coded.data, len(coded.data)) == coded.data
    with pytest.raises(ValueError, match=f"size must be at least {HEADER + 13}"):
        block.truncate(coded.data, 20)
    with pytest.raises(ValueError, match="must be a progressive file"):
        block.truncate(codecs.encode(picture, quality=20), 500)
    with pytest.raises(BitstreamError):
        block.truncate(coded.data[:-1], 500)


@pytest.mark.parametrize("quality", [1, 40, 75, 100])
@pytest.mark.parametrize("shape", [(1, 1), (33, 31), (40, 70, 3), (20, 20, 4), (9, 50, 2)])
def test_all_shapes_and_steps(shape, quality):
    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    image[: shape[0] // 2] //= 3
    coded = codecs.encode_picture(image, quality=quality, progressive=True)
    shown = codecs.decode(coded.data)
    assert shown.shape == image.shape
    if image.ndim == 3 and shape[2] in (2, 4):
        assert_array_equal(shown[..., -1], image[..., -1])
        image, shown = image[..., :-1], shown[..., :-1]
    assert psnr_db(image, shown, data_range=255) == pytest.approx(coded.psnr_db, abs=1e-9)


def test_sixteen_bits(picture):
    image = picture.astype(np.uint16) * 257 + 3
    coded = codecs.encode_picture(image, psnr_db=45, progressive=True)
    assert 45 <= coded.psnr_db <= 45.2
    assert codecs.decode(coded.data).dtype == np.uint16


def test_a_size_is_met(picture):
    data = codecs.encode(picture, size=9000, progressive=True)
    assert 8910 <= len(data) <= 9000


def test_without_layers_the_picture_is_that_of_a_sequential_file(picture):
    quality = 20
    step = block.step_of_quality(quality)
    assert step * 3 > COARSE
    data = [codecs.encode(picture, quality=quality, progressive=progressive) for progressive in (False, True)]
    assert_array_equal(*(codecs.decode(each) for each in data))


PLACE = st.floats(0, 1, exclude_max=True)


@settings(max_examples=150, deadline=None)
@given(place=PLACE, change=st.integers(1, 255))
def test_a_damaged_file_is_found_out(coded, place, change):
    data = bytearray(coded.data)
    data[int(place * len(data))] ^= change
    # A length that runs beyond the end of the file cannot be told from a cut file, which is a partial picture.
    with pytest.raises((BitstreamError, PartialPictureWarning)):
        codecs.decode(bytes(data))


def test_a_damaged_length_is_a_cut_file(coded):
    data = bytearray(coded.data)
    data[HEADER + 2] ^= 128  # the first byte of the length of a chunk, which becomes longer than the file
    with pytest.warns(PartialPictureWarning, match="the file is cut after"):
        codecs.decode(bytes(data))


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(PLACE, st.integers(0, 255)), min_size=1, max_size=4), length=PLACE)
def test_words_that_no_encoder_wrote_are_refused_or_decoded_within_bounds(coded, changes, length):
    """Checksums made right again over damaged payloads: the decoder itself neither crashes nor runs on."""
    stream = container.parse(coded.data)
    payload = bytearray(b"".join(chunk.payload for chunk in stream.all(container.SEGMENT)))
    for place, value in changes:
        payload[int(place * len(payload))] = value
    payload = payload[: int(length * len(payload)) + 1]
    try:
        shown = codecs.decode(container.assemble(stream.header, container.segments(bytes(payload))))
    except BitstreamError:
        return
    assert shown.shape == (160, 200, 3)


def test_options_that_exclude_each_other(picture):
    with pytest.raises(ValueError, match="stable must be False if progressive"):
        codecs.encode(picture, quality=50, progressive=True, stable=True)
    with pytest.raises(ValueError, match="progressive must be False for more than 33554432 pixels"):
        codecs.encode(np.broadcast_to(np.uint8(0), (1, (1 << 25) + 1)), quality=50, progressive=True)


def test_pillow_shows_a_cut_file_where_it_is_told_to(coded, monkeypatch):
    from PIL import Image, ImageFile

    import qimg.pillow  # noqa: F401

    cut = coded.data[: len(coded.data) // 2]
    with pytest.raises(OSError, match="the file is cut"):
        Image.open(io.BytesIO(cut)).load()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert_array_equal(np.asarray(Image.open(io.BytesIO(cut))), partial(cut))


def test_the_command_line_says_that_a_picture_is_partial(coded, tmp_path, capsys):
    from qimg.cli.decode import decode

    (tmp_path / "cut.qimg").write_bytes(coded.data[:1500])
    decode(str(tmp_path / "cut.qimg"), str(tmp_path / "out.png"))
    assert "partial: the file is cut" in capsys.readouterr().out
