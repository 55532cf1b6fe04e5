"""The shipped operator on other pictures: the rows are the figures that a reader would compute by hand."""

import dataclasses

import numpy as np
import pytest

from experiments.operators import transfer
from experiments.operators.code_length import ac_operator
from qimg import images, metrics, prior
from qimg.transforms import ac_block


def test_the_pooled_row_is_the_excess_of_the_shipped_operator():
    rows = transfer.run(transfer.TINY)
    operators = [ac_operator(images.box_mean(images.bundled(name), 4)) for name in images.BUNDLED]
    truth = sum(one.matrix for one in operators) / sum(one.count for one in operators)
    own = prior.load().operator
    model = ac_block(own.matrix / own.count)
    model = model * (np.trace(truth) / np.trace(model))
    expected = float(metrics.excess_code_length(model, truth, noise_variance=1 / 12)) / 64
    (row,) = (row for row in rows if (row.image, row.model) == ("pooled", transfer.OWN))
    assert row.excess_bits_per_pixel == pytest.approx(expected, rel=1e-9)
    assert row.pictures == 4
    assert row.low < row.high


def test_a_prior_of_the_same_pictures_costs_nothing(tmp_path):
    pictures = [images.box_mean(images.bundled(name), 4)[:72, :104] for name in images.BUNDLED]
    for number, pixels in enumerate(pictures):
        images.save(pixels, tmp_path / f"{number}.png")
    fitted = prior.fit(pictures, prior.Recipe(mixtures={}, scales=(1,)))
    fitted.save(tmp_path / "own.prior")
    params = dataclasses.replace(
        transfer.TINY, images=(str(tmp_path / "*.png"),), box_mean=1, prior=str(tmp_path / "own.prior")
    )
    pooled = {row.model: row for row in transfer.run(params) if row.image == "pooled"}
    # The prior rounds planes to sixteenths of a code value; 72 and 104 pixels make whole patches.
    assert pooled[transfer.OWN].excess_bits_per_pixel < 1e-6
    assert pooled[transfer.VARIANCES].excess_bits_per_pixel > 0.01
    assert pooled[transfer.WHITE].excess_bits_per_pixel > pooled[transfer.VARIANCES].excess_bits_per_pixel


def test_the_shipped_operator_beats_its_variances_on_kodak():
    import os
    from pathlib import Path

    folder = Path(os.environ.get("QIMG_DATA", "")) / "kodak"
    if "QIMG_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("needs the set kodak in QIMG_DATA")
    rows = transfer.run(transfer.Params(images=(str(folder),)))
    pooled = {row.model: row.excess_bits_per_pixel for row in rows if row.image == "pooled"}
    assert pooled[transfer.OWN] < 0.0405
    assert pooled[transfer.OWN] < pooled[transfer.VARIANCES]
