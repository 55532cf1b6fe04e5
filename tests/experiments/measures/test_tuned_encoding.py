"""Bytes at equal measures and ratios at equal bytes, on rows whose outcome is known."""

import dataclasses
import math

import pytest

from experiments.measures import tuned_encoding
from experiments.measures.tuned_encoding import Row, findings, ratio, saved, tables


def rows(codec: str = "block", share: float = 0.5) -> list[Row]:
    """A picture at four qualities; tuned files have `share` of the tangent error at equal bytes."""
    names = [field.name for field in dataclasses.fields(Row) if field.name not in ("image", "codec", "tune")]
    result = []
    for step in range(4):
        for tune in ("psnr", "tangent"):
            values = dict.fromkeys(names, math.nan) | {"quality": 10.0 * step, "bytes": 100 << step, "pixels": 800}
            values["tangent"] = 0.2 * 0.5**step * (share if tune == "tangent" else 1)
            values["psnr_db"] = 30.0 + 3 * step - (tune == "tangent")
            result.append(Row(image="a", codec=codec, tune=tune, **values))
    return result


def test_half_the_error_at_equal_bytes_is_half_the_bytes_where_both_halve_together():
    assert ratio(rows(), "tangent") == pytest.approx([0.5] * 4)
    assert saved(rows(), "tangent") == pytest.approx(-50, abs=1e-6)
    assert saved(rows(share=1.0), "tangent") == pytest.approx(0, abs=1e-6)
    # 3 dB for twice the bytes, 1 dB lost: 2^(1/3) of the bytes.
    assert saved(rows(), "psnr_db") == pytest.approx(100 * (2 ** (1 / 3) - 1), abs=0.01)
    assert math.isnan(saved(rows(), "ssimulacra2"))


def test_findings_and_tables_state_both():
    found = findings(rows() + rows("contour"))
    assert found[0].startswith("block: at equal bytes the tangent error is 0.50 to 0.50 times")
    assert "PSNR 1.00 dB lower" in found[0]
    assert found[1] == "block: -50.0 % of the bytes at equal tangent error."
    assert [line[0] for line in tables(rows() + rows("contour"))["saved"].rows] == ["block", "contour"]
    assert tuned_encoding.TINY.qualities == (30.0, 60.0)
