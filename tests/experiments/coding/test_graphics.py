"""The experiment on graphics: its drawings, its targets, its comparisons."""

import dataclasses
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from experiments.coding import graphics
from experiments.coding.graphics_pictures import KINDS, drawing

ONE = dataclasses.replace(
    graphics.TINY, drawings=("pixel art",), side=64, seeds=1, targets=(30.0, 40.0), codecs=("contour", "palette PNG")
)


@pytest.mark.parametrize("kind", KINDS)
def test_drawings_follow_from_their_seed(kind) -> None:
    picture = drawing(kind, side=96, seed=1)
    assert picture.shape[:2] == (96, 96)
    assert picture.dtype == np.uint8
    assert_array_equal(picture, drawing(kind, side=96, seed=1))
    assert (picture != drawing(kind, side=96, seed=2)).any()


def test_rows_of_a_drawing() -> None:
    rows = graphics.run(ONE)
    assert {row.image for row in rows} == {"pixel art 0"}
    for row in rows:
        assert row.psnr_db >= row.target_db
        assert row.bytes > 0
    lossless = {row.codec: row.bytes for row in rows if math.isinf(row.target_db)}
    assert lossless["contour"] < lossless["PNG"]
    (percent,) = graphics.saved(rows, math.inf)
    others = [length for codec, length in lossless.items() if codec != "contour"]
    assert percent == pytest.approx(100 * (lossless["contour"] / min(others) - 1))
    assert set(graphics.tables(rows)) == {"kinds", "pictures"}


def test_bisection_takes_the_smallest_file_that_reaches_the_target() -> None:
    def attempt(setting: float) -> tuple[int, float]:
        return int(100 * setting), setting

    assert graphics._bisected(attempt, 0, 100, 37.0, whole=True) == (3700, 37.0)
    assert graphics._bisected(attempt, 0, 100, 101.0, whole=True) is None
    assert graphics._bisected(attempt, 0, 100, 0.0, whole=True) == (0, 0)


def test_own_codecs_are_compared_with_the_smaller_one() -> None:
    lengths = {"contour": 100.0, "qimg": 120.0, "mixed": 90.0, "auto": 101.0}
    rows = [
        graphics.Row(
            image="a", kind="slide", codec=codec, target_db=30.0, bytes=length, psnr_db=30.0, encode_seconds=1.0
        )
        for codec, length in lengths.items()
    ]
    (row,) = graphics.tables(rows)["own"].rows
    expected = [*lengths.values(), -25.0, -10.0, 100 * (101 / 120 - 1), 1.0]
    assert [float(value) for value in row[2:]] == pytest.approx(expected)
    assert graphics.saved(rows, 30.0) == [pytest.approx(100 * (100 / 120 - 1))]
