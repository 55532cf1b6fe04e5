"""Digits under codecs: sheets, scans of JPEG files, interpolation between settings, the baseline of labels."""

import io
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from experiments.learned import digit_codecs, mnist_codecs
from tests.codecs.digits.strokes import strokes


@pytest.mark.parametrize("count", [1, 7, 100, 230])
def test_a_sheet_holds_all_digits(count):
    digits = strokes(min(count, 8))[np.arange(count) % min(count, 8)]
    picture = digit_codecs.sheet(digits)
    assert picture.shape == (28 * math.ceil(count / 100), 28 * min(count, 100))
    assert_array_equal(digit_codecs.from_sheet(picture, count), digits)
    assert_array_equal(picture[:28, :28], digits[0])


@pytest.mark.parametrize("options", [{"quality": 30}, {"quality": 90, "optimize": True}, {"progressive": True}])
def test_scans_are_what_headers_leave(options):
    file = io.BytesIO()
    picture = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    Image.fromarray(picture).save(file, "JPEG", **options)
    data = file.getvalue()
    # Every marker segment, by its length; what remains besides the markers of begin and end are scans.
    headers, place = 4, 2
    scans = 0
    while data[place : place + 2] != b"\xff\xd9":
        assert data[place] == 0xFF
        length = 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        headers += length
        follows_scan = data[place + 1] == 0xDA
        place += length
        while follows_scan and (data[place] != 0xFF or data[place + 1] == 0):
            place, scans = place + 1, scans + 1
    assert digit_codecs.scan_bytes(data) == scans == len(data) - headers
    assert scans > 100


def test_bytes_are_interpolated_between_settings():
    def row(psnr_db: float, size: float) -> mnist_codecs.Row:
        return mnist_codecs.Row(
            image="mnist", codec="KLT", setting="", form="pack", digits=1, bytes=size, scan_bytes=size / 2,
            ideal_bytes=size, model_bytes=0, psnr_db=psnr_db, mean_psnr_db=psnr_db, accuracy=0.5, encode_seconds=0.0,
            decode_seconds=0.0, unchanged=(),
        )  # fmt: skip

    rows = [row(20.0, 8.0), row(24.0, 32.0), row(math.inf, 100.0)]
    assert mnist_codecs.bytes_at(rows, 22.0) == pytest.approx(16.0)
    assert mnist_codecs.bytes_at(rows, 22.0, "scan_bytes") == pytest.approx(8.0)
    assert math.isnan(mnist_codecs.bytes_at(rows, 25.0))
    assert math.isnan(mnist_codecs.bytes_at(rows[:1], 20.0))


def test_a_label_is_the_mean_of_its_class():
    train, labels = np.stack([strokes(1)[0]] * 3 + [strokes(1, seed=1)[0]]), np.array([0, 0, 0, 1])
    coded = digit_codecs.class_means(train, labels, train[:2], np.array([1, 0]))
    assert_array_equal(coded.output, train[[3, 0]])
    assert coded.ideal_bits == 2
    assert coded.size == 1
