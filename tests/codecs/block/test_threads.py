"""Decoding with a second thread: the same pixels and the same errors, whatever the strips are."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from qimg import images
from qimg.codecs import BitstreamError, decode, encode
from qimg.codecs.block.bitstream import container, strip_coder

PHOTO = images.box_mean(images.bundled("coffee"), 3)[:130, :140].copy()
ALPHA = np.arange(130 * 140, dtype=np.uint16).astype(np.uint8).reshape(130, 140, 1)


@pytest.fixture(params=[1 << 20, 1 << 10], ids=["one strip", "strips of 32 rows"])
def strips(request, monkeypatch):
    monkeypatch.setattr(strip_coder, "_STRIP", request.param)


@pytest.mark.usefixtures("strips")
@pytest.mark.parametrize(
    "picture",
    [
        PHOTO,
        PHOTO[..., 1],
        PHOTO.astype(np.uint16) * 257,
        np.concatenate([PHOTO, ALPHA], axis=2),
        PHOTO[:5],
        PHOTO[:33],
    ],
    ids=["RGB", "gray", "16 bits", "alpha", "thin", "33 rows"],
)
def test_pixels_do_not_depend_on_threads(picture):
    data = encode(picture, codec="block", quality=30, effort=1)
    one = decode(data)
    for threads in (2, 5):
        assert_array_equal(decode(data, threads=threads), one)
    crop = (1, 3, min(len(picture) - 1, 60), 90)
    assert_array_equal(decode(data, threads=2, crop=crop), one[1 : 1 + crop[2], 3:93])


def outcome(data, threads):
    """The pixels, or the error."""
    try:
        return decode(data, threads=threads).tobytes()
    except BitstreamError as error:
        return str(error)


@pytest.mark.usefixtures("strips")
def test_altered_strips_with_valid_checksums_give_the_same_error_or_pixels():
    stream = container.parse(encode(PHOTO, codec="block", quality=30, effort=1))
    strips = stream.all(container.STRIP)
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(12):
        altered = [bytearray(chunk.payload) for chunk in strips]
        part = altered[rng.integers(len(altered))]
        part[rng.integers(1, len(part))] ^= 1 << rng.integers(8)
        data = container.assemble(stream.header, [(container.STRIP, bytes(payload)) for payload in altered])
        one = outcome(data, 1)
        refused += isinstance(one, str)
        assert outcome(data, 2) == one
    assert refused > 0


def test_threads_are_checked():
    data = encode(PHOTO[:32, :32], codec="block", quality=30, effort=1)
    with pytest.raises(ValueError, match=r"threads must be .*threads=0"):
        decode(data, threads=0)
