"""Figures that are claimed of a real set; they skip, with the set's name, where QIMG_DATA does not hold it."""

import os
from pathlib import Path

import pytest

from experiments import decoherence

KODAK = Path(os.environ.get("QIMG_DATA", "")) / "kodak"


@pytest.mark.skipif("QIMG_DATA" not in os.environ or not KODAK.is_dir(), reason="needs the set kodak in QIMG_DATA")
def test_centroid_channel_reaches_its_fractions_on_kodak() -> None:
    rows = decoherence.run(decoherence.Params(images=(str(KODAK),)))
    bounds = {90: 0.28, 75: 0.19, 50: 0.15, 25: 0.13, 10: 0.09, 5: 0.09}
    pooled = {
        row.quality: row
        for row in rows
        if (row.image, row.reconstruction, row.alpha_from) == ("pooled", "centroid", "same")
    }
    assert set(pooled) == set(bounds)
    for quality, bound in bounds.items():
        row = pooled[quality]
        assert row.model_fraction <= bound
        assert row.model_fraction < row.populations_only_fraction < 1
        assert abs(row.entropy_model_bits - row.entropy_true_bits) <= 0.006
