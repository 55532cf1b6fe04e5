"""Opinion scores by number, distortions at a level's PSNR, rank correlations, and ratios of near to far."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr

from experiments.measures import cases, smart_error
from experiments.measures.comparisons import correlations, ratio
from experiments.measures.correlation import correlation
from experiments.measures.opinions import DISTORTIONS, LEVELS_DB, centre, distorted, read_scores, reference_number
from qimg import images, metrics

PHOTOGRAPH = images.bundled("coffee")[100:196, 200:296]


def row(case: str, image: str = smart_error.DRAWN, position: float = 0.0, **values: float) -> smart_error.Row:
    names = [field.name for field in dataclasses.fields(smart_error.Row)][3:]
    return smart_error.Row(
        image=image, case=case, position=position, **dict.fromkeys(names, float("nan")) | {"level": 0} | values
    )


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_distortions_have_the_psnr_of_their_level(kind):
    for level in (2, 4):
        other = distorted(PHOTOGRAPH, kind, level, np.random.default_rng(0))
        assert other.dtype == np.uint8
        # JPEG has whole qualities, impulses are single pixels and JPEG 2000 packs whole bytes.
        assert metrics.psnr_db(PHOTOGRAPH, other) == pytest.approx(LEVELS_DB[level - 1], abs=0.5)


def test_scores_are_ordered_by_reference_distortion_and_level(tmp_path):
    path = tmp_path / "scores.txt"
    path.write_text(
        "\n".join(
            f"{reference}{kind:02d}{level}" for reference in range(25) for kind in range(24) for level in range(5)
        )
    )
    scores = read_scores([str(path)])
    assert scores[11, 9, 3] == 11093
    path.write_text("1 2 3")
    with pytest.raises(ValueError, match=r"scores must hold 3000 numbers, but scores='.*scores\.txt with 3'"):
        read_scores([str(path)])


def test_references_are_pictures_of_kodak_in_the_size_of_tid():
    assert [reference_number(name) for name in ("kodim07", "kodim7", "coffee")] == [7, 0, 0]
    assert centre(np.zeros((512, 768, 3))).shape == (384, 512, 3)
    assert centre(np.zeros((768, 300))).shape == (384, 300)


def test_correlation_is_that_of_ranks():
    rng = np.random.default_rng(0)
    references = [f"{k:02d}" for k in range(10) for _ in range(6)]
    level = np.tile([1, 1, 1, 2, 2, 2], 10)
    opinion = rng.integers(0, 9, 60).astype(float)
    measured = opinion + rng.normal(0, 2, 60)
    found = correlation(measured, opinion, level, references)
    assert found.all == pytest.approx(spearmanr(measured, opinion).statistic, rel=1e-12)
    within = [spearmanr(measured[level == one], opinion[level == one]).statistic for one in (1, 2)]
    assert found.within == pytest.approx(np.mean(within), rel=1e-12)
    for value, (low, high) in ((found.all, found.all_interval), (found.within, found.within_interval)):
        assert low < value < high
    few = correlation(measured[:12], opinion[:12], level[:12], references[:12])
    assert np.isnan(few.all_interval).all()


def test_levels_that_decide_everything_correlate_over_all_and_not_within():
    level = np.repeat([1, 2, 3], 30)
    rng = np.random.default_rng(1)
    opinion, measured = (-10 * level + rng.normal(size=90) for _ in range(2))
    found = correlation(measured, opinion, level, ["a"] * 90)
    assert found.all > 0.8
    assert abs(found.within) < 0.3


def test_ratio_is_the_largest_over_positions_and_pictures():
    rows = [
        row("line moved", position=0.0, tangent=0.1, psnr_db=30.0, ssim_y=0.9),
        row("line missing", position=0.0, tangent=1.0, psnr_db=20.0, ssim_y=0.5),
        row("line moved", position=0.5, tangent=0.1, psnr_db=30.0, ssim_y=0.9),
        row("line missing", position=0.5, tangent=0.5, psnr_db=27.0, ssim_y=0.4),
    ]
    pair = ("line moved", "line missing")
    assert ratio(rows, "tangent", *pair) == pytest.approx(0.2)
    assert ratio(rows, "psnr_db", *pair) == pytest.approx(10**-0.3)
    assert ratio(rows, "ssim_y", *pair) == pytest.approx(0.2)
    assert np.isnan(ratio(rows, "bures", *pair))
    assert np.isnan(ratio(rows, "tangent", "warp", "noise"))


def test_only_measures_of_all_scored_pairs_are_correlated():
    rows = [row("JPEG", "kodim01", level=k % 2 + 1, opinion=k, tangent=6 - k, ssim_y=k / 9) for k in range(6)]
    assert set(correlations(rows)) == {"tangent", "ssim_y"}
    assert correlations(rows)["tangent"].all == pytest.approx(1)
    assert smart_error.tables(rows)["opinions"].rows[0][:2] == ["SSIM", pytest.approx(1)]


def test_errors_of_equal_energy():
    original = images.luma(PHOTOGRAPH)
    rng = np.random.default_rng(0)
    for energy in (20.0, 100.0):
        others = (
            cases.noisy(original, rng, mean_squared_error=energy),
            cases.blurred(original, mean_squared_error=energy),
            cases.with_hot_pixels(original, rng, mean_squared_error=energy),
            cases.compressed(images.to_uint8(original), mean_squared_error=energy),
        )
        # A hot pixel has up to 255² / 96² = 7, and a step of the JPEG quality up to a sixth of the energy.
        for other in others:
            assert np.mean((original - other) ** 2) == pytest.approx(energy, rel=0.2, abs=7)


def test_warps_have_their_displacement():
    """A ramp moved by d changes by d times its slope."""
    ramp = np.tile(3.0 * np.arange(64), (64, 1))
    warped = cases.warped(ramp, np.random.default_rng(0), displacement=0.5, length=4)
    inside = (slice(8, -8), slice(8, -8))
    assert np.sqrt(np.mean((warped - ramp)[inside] ** 2)) == pytest.approx(1.5, rel=0.3)


def test_letters_are_moved_and_turned():
    letter = cases.glyph("C")
    rows, columns = np.indices(letter.shape)
    moved = cases.glyph("C", shift=(2.5, -1.25))
    for index, by in ((columns, 2.5), (rows, -1.25)):
        assert np.sum(moved * index) / moved.sum() - np.sum(letter * index) / letter.sum() == pytest.approx(
            by, abs=0.02
        )
    # By a quarter turn clockwise, the opening on the right points downwards. Corners of the samples move by 1/8 pixel.
    assert np.abs(cases.glyph("C", degrees=90) - np.rot90(letter, -1)).max() < 0.3
    assert cases.glyph("O")[32, 32] == 0


def test_pictures_with_scores_are_distorted(tmp_path, monkeypatch):
    path = tmp_path / "scores.txt"
    path.write_text("\n".join(str(k) for k in range(3000)))
    for k, name in enumerate(("kodim02", "other")):
        images.save(PHOTOGRAPH[k : k + 32, :32], tmp_path / f"{name}.png")
    monkeypatch.setattr(smart_error, "DISTORTIONS", {1: "white noise", 7: "quantization"})
    params = dataclasses.replace(
        smart_error.TINY, images=(str(tmp_path / "*.png"),), box_mean=1, levels=(2, 4), scores=(str(path),)
    )
    rows = smart_error.run(params)
    assert {row.image for row in rows} == {smart_error.DRAWN, "kodim02", "other"}
    scored = {(row.image, row.case, row.level): row.opinion for row in rows if row.level}
    assert scored == {
        ("kodim02", case, level): 120 + 5 * (kind - 1) + level - 1
        for kind, case in ((1, "white noise"), (7, "quantization"))
        for level in (2, 4)
    }
    assert len(params.files()) == 1
    with pytest.raises(ValueError, match="scores must name one file"):
        smart_error.run(dataclasses.replace(params, scores=(str(path), str(path))))
