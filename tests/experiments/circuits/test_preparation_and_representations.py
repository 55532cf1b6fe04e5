"""What the experiments on preparation and representations say, on the bundled photographs."""

import functools
import math

import pytest

from experiments._run import runner
from experiments.circuits import representations, state_preparation

pytestmark = pytest.mark.slow


@functools.cache
def measured(name: str) -> list:
    return runner.measure(name, runner.module(name).TINY).rows


def test_more_gates_give_a_better_picture():
    for image in {row.image for row in measured("state_preparation")}:
        rows = [row for row in measured("state_preparation") if row.image == image]
        slope = [row for row in rows if row.method == state_preparation.SLOPE]
        assert [row.psnr_db for row in slope] == sorted(row.psnr_db for row in slope)
        assert all(row.mean_cx <= row.setting for row in slope)
        for row in rows:
            if row.method == state_preparation.FIDELITY:
                assert row.mean_infidelity <= 1 - row.setting
        # A product of six qubits is a product of two halves.
        product, halves = slope[0], next(r for r in rows if (r.method, r.setting) == (state_preparation.SCHMIDT, 1))
        assert product.setting == 0
        assert product.psnr_db <= halves.psnr_db
        exact = [row for row in rows if row.method == state_preparation.QISKIT]
        assert [row.mean_cx for row in exact] == [57.0]


@pytest.mark.slow
def test_every_representation_comes_back_exactly_and_shots_have_noise():
    crops = [row for row in measured("representations") if row.part == "crop"]
    for row in crops:
        assert math.isinf(row.psnr_db) == (row.shots == 0)
    assert {row.cx for row in crops if row.representation == "frqi"} <= {60, 61, 62, 63}
    assert {row.cx for row in crops if row.representation == "amplitude"} <= {29, 30}


def test_compressed_pictures_take_fewer_cx_than_in_the_order_of_the_gray_code():
    whole = [row for row in measured("representations") if row.part == "picture" and row.representation == "frqi"]
    for row in whole:
        if row.kept == 1:
            assert math.isinf(row.psnr_db)
        else:
            assert row.cx < 0.75 * row.gray_cx
            assert row.psnr_db > 20


@pytest.mark.parametrize(
    ("module", "change", "message"),
    [
        (state_preparation, {"fidelities": (1.0,)}, "fidelities must lie between 0 and 1, but fidelities=1.0"),
        (state_preparation, {"squared_error": 0.0}, "squared_error must be positive"),
        (state_preparation, {"mean_cx": ()}, "mean_cx must hold at least one value"),
        (state_preparation, {"max_cx": 0}, "max_cx must be an integer of at least 1"),
        (representations, {"shares": (2.0,)}, r"shares must be in \[0, 1\], but shares=2.0"),
        (representations, {"side": 4}, r"side must be in \[8, 32\], but side=4"),
        (representations, {"representations": ("qpie",)}, "representations must be one of"),
    ],
)
def test_bad_parameters_are_named(module, change, message):
    with pytest.raises(ValueError, match=message):
        module.run(module.Params(**change))
