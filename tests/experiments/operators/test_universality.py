"""Sets against sets and scales, the power law, and the code length on unseen pictures: laws that need no real set."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from experiments._run import trial
from experiments._run.heat_maps import plot_matrix
from experiments._run.laws import fit_power_law
from experiments.operators import convergence, universality, unseen
from experiments.operators.code_length import ac_operator, excess_bits_per_pixel
from experiments.operators.picture_sets import Kind, Moments
from qimg import images, metrics
from qimg.operators import CorrelationOperator
from qimg.transforms import ac_block

pytestmark = pytest.mark.slow


def moments(seed: int, pictures: int, *, name: str = "set", kind: Kind | None = None, patches: int = 200) -> Moments:
    """Pictures of random patches with one spectrum."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(pictures, patches, 63)) * np.geomspace(20, 1, 63)
    sums = np.swapaxes(vectors, 1, 2) @ vectors
    hashes = tuple(f"{seed} {k}" for k in range(pictures))
    counts = np.full(pictures, patches)
    return Moments(name=name, kind=kind or Kind(scale=1), hashes=hashes, sums=sums, counts=counts)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """Two folders of crops of one photograph each, and one of constants."""
    root = tmp_path_factory.mktemp("sets")
    for name, source in (("cups", "coffee"), ("cats", "chelsea")):
        (root / name).mkdir()
        for k in range(4):
            images.save(images.bundled(source)[60 * k : 60 * k + 64, 100:196], root / name / f"{k}.png")
    (root / "flat").mkdir()
    images.save(np.full((16, 16), 90, np.uint8), root / "flat" / "a.png")
    images.save(np.full((16, 16), 91, np.uint8), root / "flat" / "b.png")
    return root


def params(*sources: Path, **changes: object) -> universality.Params:
    return dataclasses.replace(universality.TINY, images=tuple(map(str, sources)), box_mean=1, **changes)


@given(st.floats(0, 0.05), st.floats(0.01, 2), st.floats(0.3, 2))
def test_a_power_law_is_found_again(floor: float, factor: float, exponent: float) -> None:
    sizes = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500]
    law = fit_power_law(sizes, [floor + factor * n**-exponent for n in sizes])
    assert law is not None
    # Without noise the law is reproduced; its parameters less well where the floor is hardly reached.
    assert_allclose(law.at(sizes), [floor + factor * n**-exponent for n in sizes], rtol=1e-3)
    assert_allclose((law.factor, law.exponent), (factor, exponent), rtol=0.05)
    assert_allclose(law.at([law.reaches(0.01)]), law.floor + 0.01, rtol=1e-9)


def test_a_law_needs_four_sizes_and_values_that_fall() -> None:
    assert fit_power_law([1, 2, 3], [3.0, 2.0, 1.0]) is None
    assert fit_power_law([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0]) is None
    assert fit_power_law([1, 2, 3, 4], [1.0, 0.5, 0.0, 0.1]) is None


def test_excess_per_pixel_leaves_contrast_out_where_told_so() -> None:
    model, truth = moments(1, 3).all(), moments(2, 3).all()
    excess = {
        (contrast, normalised): float(excess_bits_per_pixel(contrast * model, truth, trace_normalised=normalised))
        for contrast in (1.0, 9.0)
        for normalised in (False, True)
    }
    assert_allclose(excess[9.0, True], excess[1.0, True], rtol=1e-9)
    assert excess[9.0, False] > 10 * excess[1.0, False] > 0
    scaled = model * np.trace(truth) / np.trace(model)
    bits = metrics.excess_code_length(scaled, truth, noise_variance=1 / 12)
    assert_allclose(64 * excess[1.0, True], bits, rtol=1e-9)


def test_two_ways_to_the_ac_block() -> None:
    picture = images.bundled("coffee")[:64, :80]
    operator = CorrelationOperator.from_planes(images.luma(picture))
    assert_allclose(ac_operator(picture).matrix, ac_block(operator.matrix), rtol=1e-9, atol=1e-6)
    assert_allclose(ac_operator(picture).count, operator.count)


def test_halves_share_no_picture_and_shrink_with_their_number() -> None:
    one = moments(3, 12)
    splits = one.halves(20, np.random.default_rng(0))
    assert set(splits.sum(axis=1)) == {6.0}
    assert_allclose((one.mean(splits) + one.mean(1 - splits)) / 2, np.broadcast_to(one.all(), (20, 63, 63)), atol=1e-9)
    drawn = one.resamples(20, np.random.default_rng(0))
    assert set(drawn.sum(axis=1)) == {12.0}


def test_unseen_pictures_are_never_drawn() -> None:
    """Every picture has a direction of its own, so whatever both halves held would show in the product."""
    sums = np.stack([np.diag(np.eye(63)[k]) * 100 for k in range(8)])
    halves = unseen.Halves(sums, [1] * 8, draws=30, seed=0)
    for order in halves._orders:
        assert np.trace(halves._mean(order[:4]) @ halves._mean(order[4:])) == 0
    assert np.isnan(halves.excess(5, 0))
    assert all(halves.excess(n, 0) > 0 for n in range(1, 5))


def test_excess_on_unseen_pictures_falls_with_those_seen() -> None:
    one = moments(4, 40, patches=1000)
    halves = unseen.Halves(one.sums, list(one.counts), draws=10, seed=0)
    excess = {n: [halves.excess(n, draw) for draw in range(10)] for n in (1, 2, 5, 10, 20)}
    medians = [np.median(values) for values in excess.values()]
    assert medians == sorted(medians, reverse=True)
    law = unseen.law(excess)
    assert law is not None
    # Independent Gaussian vectors lose d (d + 1) / (4 N ln 2) bits with N ≫ d of them, so the exponent is 1.
    assert law.exponent == pytest.approx(1, abs=0.1)
    # Terms of higher order in d / N = 0.06 are left out.
    assert medians[0] == pytest.approx(63 * 64 / (4 * 1000 * np.log(2)) / 64, rel=0.2)


def test_stable_means_that_nearly_all_draws_are_near_the_floor() -> None:
    excess = {1: [0.5] * 20, 2: [0.011] * 20, 4: [0.02] * 10 + [0.009] * 10, 8: [0.004, 0.008] * 10, 16: [0.004] * 20}
    assert unseen.stable_from(excess) == 8
    assert "Stable from 8 pictures on" in unseen.findings(excess)[-1]
    late = {**excess, 8: [0.1] * 20}
    assert "Stable only with 16 pictures" in unseen.findings(late)[-1]
    wide = {**excess, 16: [0.001] * 15 + [0.2] * 5}
    assert unseen.stable_from(wide) is None
    assert "Not stable with 16 pictures" in unseen.findings(wide)[-1]
    (few,) = unseen.findings({1: [0.5]})
    assert few.startswith("There are too few pictures")


@pytest.mark.slow
def test_convergence_measures_unseen_pictures_for_luma_without_dc_up_to_half() -> None:
    rows = convergence.run(convergence.TINY)
    known = {(row.block, row.n_images) for row in rows if np.isfinite(row.excess_bits_per_pixel)}
    assert known == {("luma AC", 1), ("luma AC", 2)}
    for row in rows:
        assert 0 <= row.largest_angle_degrees <= 90
        # The largest angle bounds the mean cosine from below, and all angles share it at most.
        assert row.subspace_cos2 >= np.cos(np.radians(row.largest_angle_degrees)) ** 2 - 1e-9
        # ‖·‖₁ ≥ ‖·‖₂, and a density matrix has ‖ρ‖₂ ≤ 1.
        assert 2 * row.trace_distance <= row.operator_error * np.sqrt(192) + 1e-9


def test_every_source_is_a_set(folders: Path) -> None:
    sets = params(folders / "cups", folders / "cats", folders / "cats" / "0.png").sets()
    assert {name: len(one.pictures) for name, one in sets.items()} == {"cups": 4, "cats": 4, "0.png": 1}
    names = list(params(folders / "cups", folders / "cups" / ".." / "cups").sets())
    assert len(set(names)) == 2
    assert {len(one.pictures) for one in universality.Params().sets().values()} == {1}


def test_rows_are_what_the_metrics_say(folders: Path) -> None:
    rows = universality.run(params(folders / "cups", folders / "cats"))
    assert len(rows) == 6**2
    assert {row.compared for row in rows if (row.set_a, row.scale_a, row.quality_a) == ("cups", 1, 0)} == {
        *("sets", "halves")
    }
    pooled = {
        name: sum(ac_operator(images.load(path)) for path in sorted((folders / name).iterdir()))
        for name in ("cups", "cats")
    }
    cups, cats = (pooled[name].matrix / pooled[name].count for name in ("cups", "cats"))
    (row,) = [
        row
        for row in rows
        if (row.set_a, row.set_b, row.scale_a, row.scale_b) == ("cups", "cats", 1, 1)
        and row.quality_a == row.quality_b == 0
    ]
    assert row.fidelity == pytest.approx(float(metrics.fidelity(cups / np.trace(cups), cats / np.trace(cats))))
    raw = metrics.excess_code_length(cups, cats, noise_variance=1 / 12) / 64
    assert row.excess_raw_bits_per_pixel == pytest.approx(float(raw))
    assert (row.pictures_a, row.pictures_b, row.shared_pictures) == (4, 4, 0)
    for one in rows:
        assert one.fidelity_low <= one.fidelity_high <= 1
        assert 0 <= one.excess_low <= one.excess_high


def test_measures_of_a_pair_do_not_depend_on_contrast_or_order() -> None:
    a, b = moments(5, 4, name="a"), moments(6, 4, name="b")
    brighter = dataclasses.replace(a, sums=4 * a.sums)
    weights = b.resamples(5, np.random.default_rng(0))
    row, other, back = (universality._pair(*pair, weights) for pair in ((a, b), (brighter, b), (b, a)))
    assert other.excess_bits_per_pixel == pytest.approx(row.excess_bits_per_pixel, rel=1e-9)
    assert other.excess_raw_bits_per_pixel > row.excess_raw_bits_per_pixel
    assert back.fidelity == pytest.approx(row.fidelity, rel=1e-9)
    assert back.trace_distance == pytest.approx(row.trace_distance, rel=1e-9)


def test_one_set_at_two_scales_is_resampled_together() -> None:
    """With the same moments at both scales nothing is between them, whatever pictures are drawn."""
    full = moments(7, 4)
    half = dataclasses.replace(full, kind=Kind(scale=2))
    row = universality._pair(full, half, full.resamples(5, np.random.default_rng(0)))
    assert (row.excess_low, row.excess_high) == pytest.approx((0, 0), abs=1e-9)
    assert row.fidelity_low == pytest.approx(1, abs=1e-9)
    assert row.shared_pictures == 4


def test_sets_without_energy_are_left_out_and_said_to_be_nothing(folders: Path) -> None:
    assert universality.run(params(folders / "flat")) == []
    (sentence,) = universality.findings([])
    assert sentence.startswith("There is nothing to compare")
    rows = universality.run(params(folders / "flat", folders / "cups"))
    assert {row.set_b for row in rows} == {"cups"}


def test_a_shared_picture_is_counted_and_said(folders: Path) -> None:
    rows = universality.run(params(folders / "cups", folders / "cups" / "1.png", qualities=()))
    assert {row.shared_pictures for row in rows if row.set_a != row.set_b} == {1}
    said = universality.findings(rows)
    assert any("Some pictures are in two sets" in sentence and "1.png and cups" in sentence for sentence in said)
    assert any("single picture has no halves" in sentence for sentence in said)


def test_kinds_are_named_and_applied() -> None:
    picture = images.bundled("chelsea")
    names = {Kind(scale=1): "full size", Kind(scale=4): "¼", Kind(scale=5): "1/5", Kind(scale=1, quality=7): "JPEG 7"}
    assert {kind: kind.label for kind in names} == names
    assert np.array_equal(Kind(scale=4).apply(picture), images.box_mean(picture, 4))
    assert np.array_equal(Kind(scale=1, quality=7).apply(picture), images.jpeg_round_trip(picture, quality=7).image)
    assert Kind(scale=4).apply(picture[:2, :9]).shape == (1, 4, 3)


@pytest.mark.parametrize(("count", "written"), [(12, 144), (13, 0)])
def test_cells_are_written_where_there_is_room(count: int, written: int) -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    values = np.linspace(0.1, 1, count**2).reshape(count, count)
    labels = [f"_${k}" for k in range(count)]
    groups = ["first"] * 3 + ["second"] * (count - 3)
    plot_matrix(values, labels, groups=groups, unit="F", logarithmic=True, palette="viridis", ax=ax)
    assert len(ax.texts) == written + 2
    assert [text.get_text() for text in ax.texts if text.get_text() in groups] == ["first", "second"]


def test_the_trial_does_not_ask_it() -> None:
    assert "universality" not in trial.TITLES
