"""Means over pictures compare the same pictures."""

from dataclasses import dataclass
from math import inf, isnan, nan

from qimg.evaluation.summary import comparable, finite_mean, pictures_counted


@dataclass(frozen=True)
class Row:
    image: str
    method: str
    psnr: float


ROWS = [Row("a", "JPEG", 30.0), Row("a", "ours", 31.0), Row("blank", "JPEG", inf), Row("blank", "ours", 70.0)]


def test_a_picture_that_is_exact_in_one_row_counts_in_none():
    assert comparable(ROWS, "psnr") == ROWS[:2]
    assert pictures_counted(ROWS, "psnr").startswith("1 of 2 pictures")
    assert pictures_counted(ROWS[:2], "psnr") == "1 picture"


def test_means_leave_out_what_is_not_finite():
    assert finite_mean([1.0, inf, nan, 3.0, -inf]) == 2.0
    assert isnan(finite_mean([inf, nan]))
