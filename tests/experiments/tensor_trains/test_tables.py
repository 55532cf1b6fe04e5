"""Tables of the documentation on made-up rows with known answers."""

import dataclasses
import math
from typing import Any

import pytest

from experiments.tensor_trains import born_machine, image_mps, operator_mpo


def cells(table: Any, **row: Any) -> dict[str, Any]:
    """The cells of the one row with these values."""
    lines = [dict(zip(table.columns, line, strict=True)) for line in table.rows]
    (found,) = [line for line in lines if all(line[name] == value for name, value in row.items())]
    return found


def train(image: str, model: str, order: str, psnr_db: float, **values: Any) -> image_mps.Row:
    return image_mps.Row(
        image=image, model=model, order=order, bond=8, budget=100, parameters=96, degrees_of_freedom=50,
        psnr_db=psnr_db, **values,
    )  # fmt: skip


def test_gains_of_sharing_are_taken_picture_by_picture():
    rows = [
        *(train(image, image_mps.PLAIN, "morton", psnr) for image, psnr in (("a", 20.0), ("b", 30.0))),
        *(train(image, image_mps.PLAIN, "quadtree", psnr) for image, psnr in (("a", 21.0), ("b", 31.0))),
        *(train(image, image_mps.SHARED, "quadtree", psnr) for image, psnr in (("a", 22.0), ("b", 35.0))),
    ]
    table = image_mps.gain_table(rows)
    over_morton = cells(table, shared="quadtree", **{"over one bond in": "morton"})
    assert [over_morton[name] for name in ("gain, dB", "least, dB", "largest, dB")] == [3.5, 2.0, 5.0]
    assert cells(table, shared="quadtree", **{"over one bond in": "quadtree"})["gain, dB"] == 2.5
    assert image_mps.psnr_table(rows).columns[2:] == ["morton, one bond", "quadtree, one bond", "quadtree, shared"]


def test_bits_are_compared_where_a_jpeg_file_is_as_small():
    facts = {"ideal_bits_per_pixel": 0.5, "rounded_psnr_db": 25.0}
    rows = [
        train("a", image_mps.SHARED, "morton", 26.0, **facts, jpeg_bits_per_pixel=0.4, jpeg_psnr_db=30.0),
        dataclasses.replace(train("a", image_mps.SHARED, "morton", 20.0, **facts), bond=4),
    ]
    (line,) = image_mps.bit_table(rows).rows
    assert line == [8, "morton, shared", 0.5, 25.0, 0.4, 30.0]


def test_bonds_that_an_error_takes():
    def row(image: str, bond: int, error: float) -> operator_mpo.Row:
        return operator_mpo.Row(
            image=image, order="morton", bond=bond, parameters=10 * bond, frobenius_error=error,
            trace_norm_error=error, smallest_eigenvalue=0.0, rank=1, rank_frobenius_error=1.0,
            rank_trace_norm_error=1.0, separable_share=0.9,
        )  # fmt: skip

    rows = [
        row(operator_mpo.PRIOR, 2, 0.02),
        row(operator_mpo.PRIOR, 4, 0.01),
        row("a", 2, 0.005),
        row("b", 4, 0.005),
        row("c", 4, 0.02),
    ]
    assert operator_mpo.picture_table(rows).rows == [["morton", 4, 40, 2, 4, "2 of 3"]]
    assert [line[:3] for line in operator_mpo.prior_table(rows).rows] == [["morton", 2, 20], ["morton", 4, 40]]


def test_entropies_are_those_of_the_middle_third():
    row = born_machine.Row(
        image="mnist", model=born_machine.BORN, sweep=1, height=1, width=7, pictures=10, binarisation="threshold",
        parameters=5, train_nats=1.0, test_threshold_nats=2.0, test_sample_nats=3.0,
        entropies_bits=(9.0, 0.0, 1.0, 2.0, 0.0, 9.5),
    )  # fmt: skip
    assert born_machine.entropy_table([row]).rows == [["mnist", 1.0, 2.0, 9.5]]
    earlier = dataclasses.replace(row, sweep=0, test_sample_nats=math.nan)
    assert len(born_machine.sweep_table([earlier, row]).rows) == 2
    assert [line[4] for line in born_machine.nat_table([earlier, row]).rows] == [pytest.approx(1.0)]
