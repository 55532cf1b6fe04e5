"""Bytes at equal quality: rows are what files hold, and rates follow the laws of Bjøntegaard's measure."""

import dataclasses
import functools
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from PIL import Image

import qimg
from experiments._run import runner
from experiments.coding import rate_distortion
from experiments.coding.compared_codecs import chosen, curve_of
from experiments.coding.rate_distortion import TINY, Row
from qimg import images, metrics
from qimg.core import Array
from qimg.evaluation.rate_curves import RateCurve, compare, curves

pytestmark = pytest.mark.slow

THEIRS = dataclasses.replace(TINY, codecs=("peer:jpeg", "peer:webp"))


@functools.cache
def rows() -> list[Row]:
    """TINY, run once for all tests of this file."""
    return rate_distortion.run(TINY)


def some_curve(seed: int, pictures: int = 8, points: int = 6) -> RateCurve:
    """Rates that double along curves between about 26 and 40 dB, different on every picture."""
    generator = np.random.default_rng(seed)
    steps = np.linspace(0, 4, points)
    rates = 0.1 * 2.0 ** (
        steps + generator.uniform(-0.1, 0.1, (pictures, points)) + generator.normal(size=(pictures, 1))
    )
    return RateCurve(rates=rates, qualities=25 + 4 * steps + generator.uniform(-0.9, 0.9, (pictures, points)))


def test_the_experiment_asks_a_question_and_says_how_it_answers() -> None:
    question, method = (" ".join(part.split()) for part in rate_distortion.__doc__.split("\n\n"))
    assert question.endswith("?")
    assert method.endswith(".")


@pytest.mark.slow
def test_every_codec_is_measured_at_every_setting_on_every_picture() -> None:
    keys = [(row.image, row.codec, row.setting) for row in rows()]
    assert len(set(keys)) == len(keys) == len(images.BUNDLED) * 4 * 3
    assert {row.image for row in rows()} == set(images.BUNDLED)
    jpeg, webp = (
        [row.setting for row in rows() if row.codec == codec and row.image == "coffee"] for codec in ("JPEG", "WebP")
    )
    assert jpeg == [5, 35, 78, 97]
    assert webp == [0, 30, 78, 97]


@pytest.mark.slow
def test_our_codec_is_measured_at_the_qualities_given() -> None:
    for name in images.BUNDLED:
        own = [row for row in rows() if row.codec == "qimg" and row.image == name]
        assert [row.setting for row in own] == list(TINY.qualities)
        assert all(np.diff([row.bytes for row in own]) > 0)
        assert all(np.diff([row.psnr_rgb_db for row in own]) > 0)
    picture = images.box_mean(images.bundled("coffee"), TINY.box_mean)
    (row,) = (row for row in rows() if (row.codec, row.image, row.setting) == ("qimg", "coffee", TINY.qualities[0]))
    data = qimg.encode(picture, quality=TINY.qualities[0])
    assert row.bytes == len(data)
    assert row.psnr_rgb_db == metrics.psnr_db(picture, qimg.decode(data))
    assert "qimg against JPEG" in " ".join(rate_distortion.findings(rows()))


@pytest.mark.slow
def test_rows_are_what_the_files_hold() -> None:
    picture = images.box_mean(images.bundled("chelsea"), TINY.box_mean)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=35)
    shown = np.asarray(Image.open(file))
    (row,) = (row for row in rows() if (row.image, row.codec, row.setting) == ("chelsea", "JPEG", 35))
    size = len(file.getvalue())
    assert (row.bytes, row.raw_bytes) == (size, picture.size)
    assert row.bits_per_pixel == 8 * size / (picture.shape[0] * picture.shape[1])
    assert row.psnr_rgb_db == pytest.approx(10 * math.log10(255**2 / np.mean((picture - shown.astype(float)) ** 2)))
    weights = [0.299, 0.587, 0.114]
    error = np.mean(((picture - shown.astype(float)) @ weights) ** 2)
    assert row.psnr_y_db == pytest.approx(10 * math.log10(255**2 / error))
    assert min(row.encode_seconds, row.decode_seconds) > 0
    assert np.isnan([row.ms_ssim, row.ssimulacra2, row.encode_peak_mib, row.decode_peak_mib]).all()


@pytest.mark.slow
def test_rows_and_params_are_plain_values() -> None:
    for record in (TINY, *rows()):
        assert record.__dataclass_params__.frozen
        assert all(isinstance(value, str | int | float | tuple) for value in dataclasses.asdict(record).values())


@pytest.mark.slow
def test_perceptual_measures_and_memory_are_taken_when_asked_for() -> None:
    pytest.importorskip("ssimulacra2")
    params = dataclasses.replace(THEIRS, codecs=("peer:jpeg",), points=1, perceptual=True, memory=True)
    found = rate_distortion.run(params)
    assert all(np.isfinite(row.ssimulacra2) for row in found)
    sides = {name: min(images.box_mean(images.bundled(name), 2).shape[:2]) for name in images.BUNDLED}
    assert all(np.isfinite(row.ms_ssim) == (sides[row.image] >= 176) for row in found)
    if all(np.isfinite(row.encode_peak_mib) for row in found):
        assert rate_distortion.tables(found)["costs"].columns[-2:] == ["encode, MiB", "decode, MiB"]


def test_gray_and_deep_pictures_are_measured(tmp_path) -> None:
    picture = images.bundled("coffee")[:90, :70]
    images.save(picture[..., 0], tmp_path / "gray.png")
    images.save(picture.astype(np.uint16) * 257, tmp_path / "deep.png")
    images.save(picture, tmp_path / "plain.png")
    params = rate_distortion.Params(images=(str(tmp_path),), codecs=("peer:jpeg", "peer:webp"), points=2)
    found = {(row.image, row.codec, row.setting): row for row in rate_distortion.run(params)}
    for codec, setting in {(codec, setting) for _, codec, setting in found}:
        gray, deep, plain = (found[name, codec, setting] for name in ("gray", "deep", "plain"))
        assert gray.raw_bytes == 90 * 70 == plain.raw_bytes / 3
        assert gray.psnr_rgb_db == gray.psnr_y_db
        # 16 bits become 8 before any codec sees them.
        assert (deep.bytes, deep.psnr_rgb_db) == (plain.bytes, plain.psnr_rgb_db)


def test_published_curves_have_rows_and_a_table_of_their_own(tmp_path) -> None:
    names = sorted({row.image for row in rows()})
    file = tmp_path / "published.csv"
    lines = [f"source,cool-chic-5.0,{name},{rate},{22 + 8 * rate}" for name in names for rate in (0.2, 0.8, 1.4, 2)]
    file.write_text("\n".join(["source,codec,picture,bits_per_pixel,rgb_psnr_db", *lines]))
    params = dataclasses.replace(THEIRS, codecs=("peer:jpeg",), points=2, published=(str(file),))
    read = [row for row in rate_distortion.run(params) if row.published]
    assert [row.image for row in read] == [name for name in names for _ in range(4)]
    assert all(np.isnan(row.bytes) and np.isnan(row.psnr_y_db) for row in read)
    both = [*rows(), *read]
    tables = rate_distortion.tables(both)
    assert {row[1]: row[2] for row in tables["published"].rows}["Cool-chic 5.0"] == "published"
    same = rate_distortion.tables(rows())
    assert {name: tables[name].texts() for name in same} == {name: table.texts() for name, table in same.items()}
    assert rate_distortion.findings(both) == rate_distortion.findings(rows())
    labels = [rate_distortion.plot(both).axes[k].get_legend_handles_labels()[1] for k in (0, 1)]
    assert [("Cool-chic 5.0, published" in some) for some in labels] == [True, False]


@pytest.mark.slow
def test_findings_table_and_plot() -> None:
    sentences = rate_distortion.findings(rows())
    assert all(sentence.endswith(".") and "nan" not in sentence.lower().split() for sentence in sentences)
    assert any(sentence.startswith("WebP against JPEG: -") for sentence in sentences)
    assert sentences[-1].startswith("Not measured: ")
    tables = rate_distortion.tables(rows())
    result = rate_distortion.comparisons(rows(), "psnr_rgb_db", draws=rate_distortion.DRAWS)["WebP", "JPEG"]
    webp = {
        name: dict(zip(table.columns, next(row for row in table.rows if row[0] == "WebP"), strict=True))
        for name, table in tables.items()
        if name != "scale"
    }
    assert webp["rates"]["JPEG, RGB"] == webp["against JPEG"]["RGB, %"] == result.percent
    assert webp["against JPEG"]["mean of single pictures, %"] == result.own
    assert webp["against JPEG"]["5–95 %"] == "–"  # four pictures have no interval
    assert webp["rates"]["program"] == "libwebp by Pillow, method 6"
    speeds = [row.raw_bytes / 1e6 / row.encode_seconds for row in rows() if row.codec == "WebP"]
    assert webp["costs"]["encode, MB/s"] == np.median(speeds)
    assert [row[0] for row in tables["scale"].rows] == [f"{quality:g}" for quality in TINY.qualities]
    figure = rate_distortion.plot(rows())
    assert isinstance(figure, Figure)
    assert all(ax.get_xlabel() and len(ax.get_lines()) == 3 for ax in figure.axes)


@pytest.mark.slow
def test_rows_are_recorded(tmp_path) -> None:
    runner.write_rows(rows(), tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert lines[0].split(",") == [field.name for field in dataclasses.fields(Row)]
    assert len(lines) == 1 + len(rows())


@pytest.mark.slow
def test_the_rate_is_that_of_the_curves_of_means() -> None:
    def means(codec: str) -> tuple[Array, Array]:
        own = [row for row in rows() if row.codec == codec]
        pairs = [
            [(row.bits_per_pixel, row.psnr_rgb_db) for row in own if row.setting == setting]
            for setting in dict.fromkeys(row.setting for row in own)
        ]
        rates, qualities = np.mean(pairs, axis=1).T
        return rates, qualities

    expected = metrics.bd_rate(*means("JPEG"), *means("WebP"), quality_range=(28, 37))
    result = rate_distortion.comparisons(rows(), "psnr_rgb_db")["WebP", "JPEG"]
    assert result.percent == pytest.approx(expected, rel=1e-9)
    assert (result.resamples, result.reason) == (0, "")
    assert np.isnan([result.low, result.high]).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(0.3, 3))
def test_rates_scale_with_files(seed: int, factor: float) -> None:
    curve = some_curve(seed)
    result = compare(curve, RateCurve(rates=factor * curve.rates, qualities=curve.qualities), "psnr_rgb_db", draws=5)
    assert result.resamples == 5
    assert result.own_pictures == 8
    assert_allclose([result.percent, result.low, result.high, result.own], 100 * (factor - 1), atol=1e-8)


def test_a_resample_counts_pictures_as_often_as_they_were_drawn() -> None:
    curve = some_curve(3, pictures=5)
    rates, qualities = curve.mean(np.array([2.0, 0.0, 1.0, 0.0, 0.0]))
    drawn = [0, 0, 2]
    assert_allclose(rates, curve.rates[drawn].mean(axis=0), rtol=1e-12)
    assert_allclose(qualities, curve.qualities[drawn].mean(axis=0), rtol=1e-12)


def test_the_interval_resamples_pictures_and_holds_the_rate() -> None:
    anchor, test = some_curve(1, pictures=20), some_curve(2, pictures=20)
    result = compare(anchor, test, "psnr_rgb_db", draws=100)
    assert result.low < result.percent < result.high
    assert compare(anchor, test, "psnr_rgb_db", draws=100) == result
    assert compare(anchor, test, "psnr_rgb_db", draws=100, seed=1).low != result.low
    seven = [RateCurve(rates=curve.rates[:7], qualities=curve.qualities[:7]) for curve in (anchor, test)]
    few = compare(*seven, "psnr_rgb_db", draws=3)
    assert (few.resamples, few.own_pictures) == (0, 7)
    assert np.isnan([few.low, few.high]).all()
    one = [RateCurve(rates=curve.rates[:1], qualities=curve.qualities[:1]) for curve in (anchor, test)]
    alone = compare(*one, "psnr_rgb_db", draws=3)
    # The mean of one picture's own rates is its rate; that pictures do not differ it cannot say.
    assert alone.own == pytest.approx(alone.percent, rel=1e-12)
    assert np.isnan([alone.low, alone.high]).all()
    assert alone.resamples == 0


def test_the_mean_of_own_rates_does_not_depend_on_how_bits_are_shared() -> None:
    """Points of one curve per picture, at equal bits or at equal quality: means differ, the pictures' rates do not."""
    slopes, heights = np.array([[3.0], [4.0], [5.0]]), np.array([[27.0], [31.0], [35.0]])
    bits = np.linspace(-4, 4, 12)[None] + np.zeros((3, 1))
    decibels = np.linspace(24, 40, 12)[None] + np.zeros((3, 1))
    at_equal_bits = RateCurve(rates=2.0**bits, qualities=heights + slopes * bits)
    at_equal_quality = RateCurve(rates=2.0 ** ((decibels - heights) / slopes), qualities=decibels)
    result = compare(at_equal_quality, at_equal_bits, "psnr_rgb_db")
    assert result.own == pytest.approx(0, abs=1e-9)
    assert result.percent < -5


@pytest.mark.slow
def test_curves_that_do_not_cover_the_range_have_no_rate_but_a_reason() -> None:
    curve = some_curve(0)
    low = RateCurve(rates=curve.rates, qualities=curve.qualities - 10)
    result = compare(curve, low, "psnr_rgb_db", draws=4)
    assert np.isnan([result.percent, result.low, result.high]).all()
    assert result.resamples == 0
    assert "must cover quality_range=(28.0, 37.0)" in result.reason
    short = [row for row in rows() if row.setting > 10]
    sentences = rate_distortion.findings(short)
    assert any("cannot be compared: rate_anchor must have shape (n,) with n >= 4" in text for text in sentences)
    assert len(rate_distortion.tables(short)["rates"].rows) == 3
    assert isinstance(rate_distortion.plot(short), Figure)


def test_pictures_that_are_kept_exactly_are_left_out(tmp_path) -> None:
    images.save(np.full((16, 16), 128, np.uint8), tmp_path / "flat.png")
    params = rate_distortion.Params(images=(str(tmp_path),), codecs=("peer:jpeg", "peer:webp"), points=4)
    found = rate_distortion.run(params)
    assert curves(found, "psnr_rgb_db") == {}
    assert "Every picture is coded exactly by some codec" in rate_distortion.findings(found)[0]
    assert len(rate_distortion.tables(found)["rates"].rows) == 2
    assert isinstance(rate_distortion.plot(found), Figure)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codecs": ("MPEG",)}, r"codecs must be one of block, .*, but codecs='MPEG'"),
        ({"qualities": ()}, "qualities must hold at least one value"),
        ({"qualities": (50, 101)}, r"qualities must lie in \[1, 100\]"),
        ({"points": -1}, "points must be an integer of at least 0"),
    ],
)
def test_wrong_parameters_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rate_distortion.run(dataclasses.replace(THEIRS, **change))


def test_settings_are_spread_evenly() -> None:
    assert rate_distortion.spread(range(10), 4) == [0, 3, 6, 9]
    assert rate_distortion.spread(range(10), 0) == rate_distortion.spread(range(10), 99) == list(range(10))
    assert rate_distortion.spread(curve_of(chosen(["peer:jpeg"])[0]).settings, 1) == [5]
