"""The trials of coverage and independence, run small."""

import numpy as np
import pytest

from benchmarks.reliability import coverage
from circuits import REPRESENTATIONS


@pytest.fixture(scope="module")
def rows():
    return coverage.measure(8, shots=(2, 300))


def test_every_interval_is_tried(rows):
    cases = {row.what for row in rows}
    for name in (*REPRESENTATIONS, "observables of a shadow, bernstein", "Pauli strings in all bases"):
        assert f"{name}, 300 shots" in cases
    assert "clopper-pearson, 2 trials" in cases


def test_intervals_cover(rows):
    for row in rows:
        if row.quantity == "covered, %":
            # At least 48 values of 8 runs; four standard errors of 8 wholly dependent runs.
            assert row.value >= 95 - 100 * 4 * np.sqrt(0.05 * 0.95 / 8)
        if row.quantity == "p = 0 and p = 1, %":
            assert row.value == pytest.approx(100)
        if row.quantity == "smallest over p, %" and row.what.startswith("clopper"):
            assert row.value >= 95 - 1e-9


def test_wilson_is_about_the_level_on_average_and_not_everywhere(rows):
    of_wilson = {row.quantity: row.value for row in rows if row.what == "wilson, 300 trials"}
    assert of_wilson["mean over p, %"] == pytest.approx(95, abs=0.5)
    assert 80 < of_wilson["smallest over p, %"] < 90
