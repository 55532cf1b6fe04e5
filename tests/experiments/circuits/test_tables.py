"""Tables of the documentation on made-up rows with known answers."""

import dataclasses
from typing import Any

import pytest

from experiments.circuits import (
    noise,
    qft_downsampling,
    representations,
    shots,
    state_preparation,
    train_circuits,
    transform_circuits,
    transform_cost,
)

INFINITE, MISSING = float("inf"), float("nan")


def row_of(module: Any, **values: Any) -> Any:
    """A row with zeros and empty texts where nothing else is stated."""
    kinds = {"str": "", "int": 0}
    zeros = {field.name: kinds.get(str(getattr(field.type, "__name__", field.type)), 0.0) for field in
             dataclasses.fields(module.Row)}  # fmt: skip
    return module.Row(**zeros | values)


def cells(table: Any, **row: Any) -> dict[str, Any]:
    """The cells of the one row with these values."""
    lines = [dict(zip(table.columns, line, strict=True)) for line in table.rows]
    (found,) = [line for line in lines if all(line[name] == value for name, value in row.items())]
    return found


def test_readings_that_are_all_exact_are_called_so():
    def reading(image: str, repeat: int, psnr_db: float) -> Any:
        return row_of(shots, image=image, representation="neqr", qubits=14, shots_per_patch=64, repeat=repeat,
                      psnr_db=psnr_db)  # fmt: skip

    exact = [reading(image, repeat, INFINITE) for image in "ab" for repeat in (0, 1)]
    assert cells(shots.psnr_table(exact), representation="neqr")["64 shots"] == "exact"
    # One of four: repeats of "a" at 30 and 32 dB, "b" once at 40 dB.
    mixed = [reading("a", 0, 30.0), reading("a", 1, 32.0), reading("b", 0, 40.0), reading("b", 1, INFINITE)]
    assert cells(shots.psnr_table(mixed), representation="neqr")["64 shots"].endswith("(1 of 4 exact)")
    measured = cells(shots.reading_table(mixed), representation="neqr")
    assert (measured["PSNR, dB"], measured["exact runs"], measured["runs"]) == (35.5, 1, 4)


def test_intervals_of_repeats_are_those_of_student():
    rows = [
        row_of(shots, image="a", representation="amplitude", shots_per_patch=64, repeat=k, psnr_db=psnr)
        for k, psnr in enumerate((10.0, 12.0))
    ]
    # Standard error 1 with one degree of freedom: the 97.5 % quantile is 12.706.
    assert cells(shots.reading_table(rows), representation="amplitude")["95 % ±, dB"] == pytest.approx(12.706, abs=1e-3)


def test_jpeg_is_averaged_over_pictures_not_over_runs():
    rows = [
        row_of(shots, image=image, representation="amplitude", shots_per_patch=64, repeat=repeat, jpeg_psnr_db=psnr)
        for image, psnr, repeats in (("a", 30.0, 3), ("b", 34.0, 1))
        for repeat in range(repeats)
    ]
    assert cells(shots.jpeg_table(rows))["PSNR, dB"] == 32.0


def test_dropped_angles_and_saved_gates():
    rows = [
        row_of(representations, image=image, part="picture", representation="frqi", kept=0.25, pixels=32, qubits=7,
               cx=30, gray_cx=40.0, psnr_db=psnr)
        for image, psnr in (("a", 30.0), ("b", 34.0))
    ]  # fmt: skip
    found = cells(representations.angle_table(rows))
    assert found["angles dropped, %"] == 0.75
    assert found["angles for each pixel"] == 0.5  # a quarter of 64 angles over 32 pixels
    assert found["fewer, %"] == 0.25
    assert (found["least PSNR, dB"], found["PSNR, dB"], found["largest PSNR, dB"]) == (30.0, 32.0, 34.0)
    assert "least PSNR, dB" not in representations.angle_table(rows[:1]).columns


def test_gains_of_post_selection_have_an_interval_from_two_repeats_on():
    def rows(repeats: int) -> list[Any]:
        levels = {qft_downsampling.POSTSELECTED: 20.0, qft_downsampling.POSITIONS: 21.0, qft_downsampling.FULL: 18.0}
        return [
            row_of(qft_downsampling, image="a", encoding="levels", method=method, shots=64, repeat=repeat,
                   box_psnr_db=psnr + repeat * (method == qft_downsampling.POSTSELECTED))
            for method, psnr in levels.items() for repeat in range(repeats)
        ]  # fmt: skip

    one = cells(qft_downsampling.gain_table(rows(1)))
    assert one["over the full picture and box mean, dB"] == 2.0
    assert one["± (full)"] == ""
    two = cells(qft_downsampling.gain_table(rows(2)))
    assert two["over the position qubits, dB"] == -0.5
    # Repeats at −1 and 0: standard error 1/2, one degree of freedom.
    assert two["± (position)"] == pytest.approx(12.706 / 2, abs=1e-3)


def test_counts_that_differ_between_pictures_and_classes_are_both_shown():
    rows = [
        row_of(transform_cost, image=image, transform="klt_2d", optimization_level=1, cx=cx, depth=60,
               coding_gain_db=gain)
        for image, cx, gain in (("a", 36, 14.0), ("b", 36, 15.0), ("prior", 37, 9.0))
    ]  # fmt: skip
    found = cells(transform_cost.transform_table(rows), transform="klt_2d")
    assert (found["CX, level 1"], found["depth, level 1"]) == ("36, 37", "60")
    assert (found["coding gain in dB, pictures"], found["coding gain in dB, classes"]) == (14.5, 9.0)


def test_strengths_outside_of_the_scan_are_left_out():
    rows = [
        row_of(noise, image=image, source="jpeg", setting=50.0, psnr_db=30.0, equal_depolarizing=strength,
               equal_damping=MISSING, equal_depolarizing_psnr=MISSING, equal_damping_psnr=MISSING)
        for image, strength in (("a", 1e-3), ("b", 3e-3), ("c", MISSING))
    ]  # fmt: skip
    found = cells(noise.jpeg_table(rows))
    assert found["equal depolarizing, distance"] == pytest.approx(2e-3)
    assert found["damping, distance"] == ""


def test_pictures_above_the_published_fidelity_are_counted():
    rows = [
        row_of(train_circuits, image=image, method="layers", size=21, cx=546, fidelity=fidelity, psnr_db=psnr)
        for image, fidelity, psnr in (("a", 0.995, 26.0), ("b", 0.98, 22.0), ("c", 0.99, 24.0))
    ]
    found = cells(train_circuits.circuit_table(rows), circuit="21 layers")
    assert (found["above 0.99"], found["of"]) == (1, 3)
    assert (found["least fidelity"], found["least PSNR above 0.99, dB"], found["PSNR, dB"]) == (0.98, 26.0, 24.0)


def test_methods_of_preparation_are_in_the_order_of_their_setting():
    rows = [
        row_of(state_preparation, image="a", method=method, setting=setting, mean_cx=cx, psnr_db=psnr)
        for method, setting, cx, psnr in (
            (state_preparation.QISKIT, 1.0, 57.0, INFINITE),
            (state_preparation.SLOPE, 5.0, 5.0, 37.0),
            (state_preparation.SLOPE, 0.0, 0.0, 25.0),
        )
    ]
    table = state_preparation.method_table(rows)
    assert [row[:2] for row in table.rows] == [
        [state_preparation.SLOPE, 0.0],
        [state_preparation.SLOPE, 5.0],
        [state_preparation.QISKIT, 1.0],
    ]
    assert cells(table, method=state_preparation.QISKIT)["PSNR, dB"] == INFINITE


def test_worst_agreement_over_the_pictures_is_shown():
    rows = [
        row_of(transform_circuits, image=image, transform="qft", cx=39, agreement=agreement, chi2_per_degree=chi2)
        for image, agreement, chi2 in (("a", 1e-15, 0.9), ("b", 3e-15, 1.1), ("c", 2e-15, MISSING))
    ]
    found = cells(transform_circuits.gate_table(rows), transform="qft")
    assert found["largest difference"] == 3e-15
    assert (found["least χ²/degree"], found["largest χ²/degree"]) == (0.9, 1.1)
