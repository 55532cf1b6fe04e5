"""Steps of raster-encoders: the wavefront has the bits of the raster, cells hold all pixels, numbers by hand."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("torch")

from experiments._run import runner
from experiments.learned import raster_steps
from experiments.learned.raster_steps import CELLS, RASTER, TINY, WAVEFRONT, Row
from qimg import images


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return runner.measure("raster_steps", TINY).rows


def test_the_wavefront_has_the_same_bytes_in_fewer_steps(rows):
    for image in images.BUNDLED:
        own = {row.order: row for row in rows if row.image == image}
        assert own[WAVEFRONT].bytes == pytest.approx(own[RASTER].bytes, rel=1e-9)
        assert own[RASTER].steps == 784
        assert own[WAVEFRONT].steps == 28 + 3 * 27  # the last position is number 27 + (reach + 1) · 27
        assert own[CELLS].steps == 196


def test_cells_hold_the_pixels_of_a_picture():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 5, 6)).astype(np.uint8)
    cells, pixels = (raster_steps._levels(pictures, order, 4) for order in (CELLS, RASTER))
    assert pixels.shape == (1, 6, 6, 3)
    assert_array_equal(cells[:, 1, 2, 0], pixels[0, 2:4, 4:6, 0].ravel())
    assert_array_equal(pixels[0, :5, :, 1], pictures[1] // 64)
    assert not pixels[0, 5].any()


def test_savings_by_hand():
    common = {"image": "x", "products_per_pixel": 1.0, "train_seconds": 0.0}
    rows = [
        Row(order=RASTER, steps=4, bytes=10.0, one_seconds=0.4, each_seconds=0.03, unshared_seconds=0.04, **common),
        Row(
            order="quarters", steps=2, bytes=11.0, one_seconds=0.2, each_seconds=0.02, unshared_seconds=np.nan, **common
        ),
    ]
    sentences = raster_steps.findings(rows)
    assert "quarters: 2 steps, +10.0 % bytes, 200.0 ms for one picture, 20.00 ms for each of a pack." in sentences
    assert "Shared parameters of pictures that are black so far save 25 % of the time of a pack." in sentences
