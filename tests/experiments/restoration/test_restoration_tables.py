"""Tables of the experiments on JPEG restoration, from made-up rows."""

import math

import pytest

from experiments._run import LEAST_PICTURES
from experiments.restoration import calibration, degradations, double_jpeg, perception, restoration, restoration_data


def coverage_rows(pictures: int) -> list[calibration.Row]:
    return [
        calibration.Row(
            image=str(number),
            quality=10,
            probability=probability,
            pixels=1000,
            inside=inside + number,
            squared_error=4000.0,
            expected_squared_error=1000.0,
            clipped=0.0,
        )
        for number in range(pictures)
        for probability, inside in ((0.5, 400), (0.9, 880))
    ]


def test_the_range_over_pictures_takes_eight_of_them():
    few, enough = coverage_rows(LEAST_PICTURES - 1), coverage_rows(LEAST_PICTURES)
    assert calibration.tables(few)["pictures"].rows == []
    assert "in single pictures" not in calibration.findings(few)[0]
    shown = calibration.tables(enough)["pictures"]
    assert shown.rows[1] == [10, 90.0, 88.0, pytest.approx(88.35), pytest.approx(88.7)]
    assert "and 88.0 to 88.7 % in single pictures" in calibration.findings(enough)[0]


def test_coverage_is_pooled_and_errors_are_compared():
    shown = calibration.tables(coverage_rows(3))["coverage"]
    assert shown.columns == ["quality", "50 % interval, %", "90 % interval, %", "true / predicted error"]
    assert shown.texts() == [["10", "40.1", "88.1", "2.00"]]


def gain_row(method: str, quality: int, psnr: float, protocol: str = "luma") -> restoration.Row:
    return restoration.Row(
        image="a",
        protocol=protocol,
        quality=quality,
        method=method,
        psnr_y_db=psnr,
        psnr_rgb_db=psnr - 1 if protocol == "colour" else float("nan"),
        ssim_y=0.5,
        psnr_b_y_db=psnr,
        restore_seconds=1.0,
        equal_pixels=1.0,
    )


METHODS = ("JPEG", "64 shifts", "qimg, effort 1", "qimg, effort 2", "network, effort 1", "network, effort 5")


@pytest.mark.parametrize("protocol", ["luma", "colour"])
def test_gains_by_quality(protocol):
    rows = [
        gain_row(method, quality, 30 + number / 10, protocol)
        for quality in (10, 40)
        for number, method in enumerate(METHODS)
    ]
    found = restoration.tables(rows)
    planes = ("Y",) if protocol == "luma" else ("Y", "RGB")
    assert found[protocol].columns == [
        "method",
        *(f"Q{quality}, {plane} dB" for quality in (10, 40) for plane in planes),
    ]
    assert [line[0] for line in found[protocol].rows] == list(METHODS[1:])
    assert found[protocol].texts()[-1] == ["network, effort 5", *["+0.50"] * 2 * len(planes)]
    assert [line[0] for line in found[f"{protocol} best"].rows] == ["64 shifts", "qimg, effort 2", "network, effort 5"]


def test_gains_of_files_compressed_twice():
    rows = [
        double_jpeg.Row(
            image="a",
            first=first,
            second=20,
            shift=shift,
            psnr_jpeg_db=30.0,
            psnr_restored_db=30.0 + gain,
            psnr_twice_db=twice,
        )
        for first, shift, gain, twice in ((0, 0, 1.0, math.nan), (10, 0, 0.5, 30.75), (10, 4, 0.25, 30.0))
    ]
    shown = double_jpeg.tables(rows)["gains"]
    assert shown.columns[2:4] == ["gain, same grid, dB", "gain, grid shifted by 4, dB"]
    assert shown.texts() == [["none", "20", "+1.00", "–", "–", "–"], ["10", "20", "+0.50", "+0.25", "+0.25", "−0.25"]]


def test_measures_of_draws():
    rows = [
        perception.Row(
            image="a",
            quality=10,
            method=method,
            psnr_y_db=30.0,
            ssim_y=0.9,
            ms_ssim_y=0.95,
            gmsd_y=0.05,
            ssimulacra2=40.0,
            patch_distance=0.125,
            energy=0.9,
            equal_coefficients=1.0 if method == "draw" else math.nan,
        )
        for method in perception.METHODS
    ]
    texts = perception.tables(rows)["measures"].texts()
    assert texts[2] == ["10", "draw", "30.00", "0.900", "0.950", "0.050", "40.0", "0.125", "0.90", "100.0000"]
    assert texts[1][-1] == "–"


def test_gains_by_number_of_pictures():
    rows = [
        restoration_data.Row(
            image="a", quality=quality, pictures=count, psnr_jpeg_db=30.0, psnr_restored_db=31.0, fit_seconds=1.0
        )
        for quality in (10, 40)
        for count in (1, 3)
    ]
    shown = restoration_data.tables(rows)["by count"]
    assert shown.columns == ["quality", "1 picture, dB", "3 pictures, dB"]
    assert shown.texts() == [["10", "+1.00", "+1.00"], ["40", "+1.00", "+1.00"]]


def test_intervals_that_hold_less_than_stated_have_larger_errors():
    rows = [
        degradations.Row(
            image="a",
            task="half missing",
            method=method,
            setting=setting,
            psnr_db=30.0,
            ssim=0.9,
            coverage=coverage,
            method_seconds=1.0,
        )
        for method, setting, coverage in (("qimg", "3 rounds", 0.6827), ("biharmonic", "", math.nan))
    ]
    # 68.27 % of a Gaussian lie within one standard deviation, here within 1.645 predicted ones.
    assert degradations.tables(rows)["intervals"].texts() == [["half missing", "3 rounds", "68", "1.64"]]
