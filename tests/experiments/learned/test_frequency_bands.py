"""Divisions into bands: one training for each, comparisons by hand."""

import pytest

pytest.importorskip("torch")

from experiments._run import runner
from experiments.learned import frequency_bands
from experiments.learned.frequency_bands import TINY, Row
from qimg import images


def test_every_division_is_measured():
    rows = runner.measure("frequency_bands", TINY).rows
    assert {row.codec for row in rows} == {"1–7", "1–2–5"}
    assert {row.image for row in rows} == set(images.BUNDLED)
    few, more = (next(row for row in rows if row.codec == name) for name in ("1–7", "1–2–5"))
    assert few.weights != more.weights
    assert min(row.bytes for row in rows) > 0


def test_rates_by_hand():
    """A tenth fewer bytes at each PSNR."""
    rows = [
        Row(image=image, codec=name, quality=quality, bytes=size * 2.0**k, bits_per_pixel=size * 2.0**k / 10,
            psnr_rgb_db=26.0 + 3 * k, macs_per_pixel=1500.0, weights=1234, train_seconds=1.0, encode_seconds=1.0,
            decode_seconds=1.0)
        for image in ("a", "b") for name, size in (("1–7", 1.0), ("1–2–5", 0.9))
        for k, quality in enumerate((10, 20, 30, 40, 50))
    ]  # fmt: skip
    assert frequency_bands.comparisons(rows)["1–2–5"].percent == pytest.approx(-10)
    assert frequency_bands.findings(rows)[1:] == [
        "Bands 1–2–5 against 1–7: -10.0 % bytes at equal RGB PSNR, with 1_234 weights and 1.5 kMAC per pixel in the "
        "context networks."
    ]
    assert frequency_bands.tables(rows)["bands"].rows[1][1] == pytest.approx(-10)
