"""The codec without its ingredients: tables change as they say, every variant decodes, rates are those of its files."""

import dataclasses
import functools

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

import qimg
from experiments._run import runner
from experiments._run.pictures import bundled
from experiments.coding import codec_ablation
from experiments.coding.codec_ablation import TINY, Row
from experiments.coding.codec_refit import fitted_again
from experiments.coding.codec_variants import FAMILIES, FULL, VARIANTS, Variant, slots_by_class
from qimg import images, metrics
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.decoder.strips import decode_strips
from qimg.codecs.block.encoder.strips import StripWriter
from qimg.codecs.block.encoder.targets import step_of_quality
from qimg.codecs.block.inspection.stages import class_basis, inspect
from qimg.codecs.block.model import contexts, tables
from qimg.codecs.block.model.strip import Part
from qimg.codecs.block.transform.colour import to_samples
from qimg.report import Table
from qimg.transforms import unitary

pytestmark = pytest.mark.slow


@functools.cache
def rows() -> list[Row]:
    """TINY, run once for all tests of this file."""
    return codec_ablation.run(TINY)


@functools.cache
def changed(name: str) -> tables.Tables:
    return variant(name).tables(tables.default())


def variant(name: str) -> Variant:
    return next(one for one in VARIANTS if one.name == name)


@pytest.fixture(scope="module")
def picture():
    return np.ascontiguousarray(images.bundled("astronaut")[40:104, 170:266])


def test_the_experiment_asks_a_question_and_says_how_it_answers():
    question, method = (" ".join(part.split()) for part in codec_ablation.__doc__.split("\n\n"))
    assert question.endswith("?")
    assert method.endswith(".")


def test_variants_have_names_and_families():
    assert VARIANTS[0] == variant(FULL)
    assert len({one.name for one in VARIANTS}) == len(VARIANTS)
    assert {one.family for one in VARIANTS[1:]} == set(FAMILIES)


# --- what is left out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", VARIANTS, ids=lambda one: one.name)
def test_every_variant_decodes_what_it_wrote(one, picture):
    parameters = one.parameters(picture, 20)
    found = inspect(picture, parameters, tables=changed(one.name), search=one.search)
    (decoded,) = decode_strips([found.payload], [64], 3, 96, changed(one.name), parameters)
    assert_array_equal(decoded, found.filtered)
    # The range coder ends on whole words behind a byte of its own.
    assert -1 < found.payload_bits - found.ideal_bits < 100
    if one.name != FULL:
        assert found.payload != inspect(picture, VARIANTS[0].parameters(picture, 20)).payload or one.name in (
            "without 32×32",
            "no filter",
        )


def test_without_prediction_a_block_is_predicted_flat(picture):
    from qimg.codecs.block.inspection.stages import block_stages

    found = inspect(picture, Parameters(20 * 64), tables=changed("level alone"))
    for k in range(0, len(found.blocks), 5):
        stages = block_stages(found, k)
        assert_allclose(stages.prediction, stages.level, atol=1e-9)


@pytest.mark.parametrize("side", [4, 8, 16, 32])
def test_cosines_keep_each_class_covariance_on_their_diagonal(side):
    known, made = tables.default(), changed("DCT")
    seen = min(side, 16)
    full = unitary("dct_2d", seen * seen)
    if side == 32:
        up = known.bases.upsampling / 2**13
        full = full @ np.kron(up.T, up.T)
    for label in (0, 3):
        basis = class_basis(made, side, label)
        # The same vectors in another order; entries are rounded to 2^-14.
        matches = basis @ full.T
        assert_allclose(np.abs(matches).max(axis=1), 1, atol=2e-3)
        t = (4, 8, 16, 32).index(side)
        before, after = (4.0 ** (one.scales.log_sigma[t][:, label] / 8) for one in (known, made))
        own = class_basis(known, side, label)
        expected = before @ (own @ basis.T) ** 2
        # Scales are kept in eighths of an octave: half an eighth is 9 % of a variance.
        assert_allclose(after, expected, rtol=0.1, atol=1e-2)
        assert (np.diff(one_sorted := expected[0]) <= 0.1 * one_sorted[:-1]).all()


def test_one_eigenbasis_is_the_same_for_all_classes_and_diagonal_on_the_whole():
    known, made = tables.default(), changed("one eigenbasis")
    bases = [class_basis(made, 8, label) for label in range(made.classes[1])]
    for basis in bases:
        matches = np.abs(basis @ bases[0].T)
        assert_allclose(np.sort(matches, axis=1)[:, -2:], np.tile([0, 1], (64, 1)), atol=3e-3)
    weights = np.array(known.provenance["blocks"]["8"], float)
    mean = 0
    for label, weight in enumerate(weights / weights.sum()):
        basis = class_basis(known, 8, label)
        mean = mean + weight * basis.T @ np.diag(4.0 ** (known.scales.log_sigma[1][0, label] / 8)) @ basis
    turned = bases[0] @ mean @ bases[0].T
    assert np.abs(turned - np.diag(np.diag(turned))).max() < 1e-3 * turned.max()


def test_few_classes_are_the_most_used_with_what_is_known_of_them():
    known, made = tables.default(), changed("2 classes")
    assert made.classes == (2, 2, 2, 2)
    for t, side in enumerate((4, 8, 16, 32)):
        used = known.provenance["blocks"][str(side)]
        kept = sorted(sorted(range(len(used)), key=lambda k: -used[k])[:2])
        for new, old in enumerate(kept):
            assert_array_equal(made.bases.predictor[t][new], known.bases.predictor[t][old])
            assert_array_equal(class_basis(made, side, new), class_basis(known, side, old))
            before, after = (one.new_model() for one in (known, made))
            for plane in (0, 1):
                for model in (before, after):
                    contexts.set_end(model, Part(plane, t, new if model is after else old, 0), 1, 0, 0, 0, 0)
                assert before.probability[before.context[2]] == after.probability[after.context[2]]
                for model in (before, after):
                    contexts.set_magnitude(model, Part(plane, t, new if model is after else old, 0), 5, 1, 0, 0, 0, 0)
                assert before.probability[before.context[2]] == after.probability[after.context[2]]


def test_contexts_of_a_class_are_found_where_the_model_has_them():
    model = tables.default().new_model()
    slots = np.arange(contexts.SLOTS)
    for t in range(4):
        ends, magnitudes = slots_by_class(slots, t)
        for plane, label in ((0, 0), (1, 7), (2, 31)):
            colour = min(plane, 1)
            contexts.set_end(model, Part(plane, t, label, 0), 3, 9, 0, 0, 0)
            assert model.context[2] == ends[colour, label, 3]
            contexts.set_magnitude(model, Part(plane, t, label, 0), 33, 2, 9, 0, 0, 0)
            assert model.context[2] == magnitudes[colour * 5 + 2, label, 33]


@pytest.mark.parametrize(
    ("name", "contexts_learn", "mixers_learn"),
    [
        (FULL, True, True),
        ("no learning", False, False),
        ("contexts do not learn", False, True),
        ("mixers do not learn", True, False),
        ("one context", True, False),
    ],
)
def test_what_does_not_learn_stays(name, contexts_learn, mixers_learn, picture):
    made = changed(name)
    coder = StripWriter(3, 96, made, Parameters(4 * 64), variant(name).search)
    coder.write(to_samples(picture, 3))
    before = made.new_model()
    assert (coder.model.probability != before.probability).any() == contexts_learn
    moved = np.abs(coder.model.weights.astype(float) - before.weights).max() / np.abs(before.weights).max()
    # Still weights are so large that what they learn in a picture of this size is nothing beside them.
    assert (moved > 0.02) == mixers_learn


def test_one_context_is_what_the_mixer_says():
    made = changed("one context")
    model = made.new_model()
    mixer = contexts.set_end(model, Part(0, 1, 3, 5), 2, 30, 6, 0, 3)
    from qimg.entropy.mixing import probability_of_one

    said = model.probability[model.context[0]] / 2**22
    # Logits are kept in sixteenths.
    logit = np.log(said / (1 - said))
    p = probability_of_one(model, mixer) / 65536
    assert abs(np.log(p / (1 - p)) - logit) < 0.04


# --- fitted again -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["level alone", "DCT", "one eigenbasis", "2 classes"])
def test_what_is_left_is_fitted_again_around_the_gap(name):
    known, one = tables.default(), variant(name)
    assert one.refitted
    pictures = bundled(box_mean=4)[:2]
    made = fitted_again(one, known, pictures, rounds=1, seed=0)
    again = fitted_again(one, known, pictures, rounds=1, seed=0)
    assert made.sha256 == again.sha256 != changed(name).sha256
    assert made.classes == changed(name).classes
    assert sum(made.provenance["blocks"]["8"]) > 0
    assert_array_equal(made.filters, known.filters)
    if name == "level alone":
        assert all((predictor == 0).all() for predictor in made.bases.predictor)
    if name == "DCT":
        assert_array_equal(made.bases.rows[0], changed(name).bases.rows[0])
    busy = int(np.argmax(made.provenance["blocks"]["8"]))
    assert (made.scales.log_sigma[1][0, busy] != changed(name).scales.log_sigma[1][0, busy]).any()


def test_pictures_that_are_too_small_fit_nothing():
    small = bundled(box_mean=20)[:1]
    assert min(small[0].image().shape[:2]) < 32
    made = fitted_again(variant("DCT"), tables.default(), small, rounds=1, seed=0)
    assert made.sha256 == changed("DCT").sha256


@pytest.mark.slow
def test_the_pictures_of_a_fit_are_inputs_and_others(tmp_path):
    for name in ("coffee", "chelsea"):
        images.save(images.box_mean(images.bundled(name), 6), tmp_path / f"{name}.png")
    params = codec_ablation.Params(
        images=(str(tmp_path / "coffee.png"),),
        box_mean=1,
        refit=(str(tmp_path),),
        rounds=1,
        variants=("DCT", "8×8 alone"),
        steps=(4, 16, 40, 120),
    )
    assert [picture.name for picture in params.inputs().pictures] == ["coffee", "chelsea", "coffee"]
    found = codec_ablation.run(params)
    assert {row.image for row in found} == {"coffee"}
    assert {(row.variant, row.refitted) for row in found} == {
        (FULL, 0),
        ("DCT", 1),
        ("8×8 alone", 0),
        ("fitted again", 1),
    }
    sentence = codec_ablation.findings(found)[-1]
    assert "fitted again on 1 picture; fitting the full codec again as well changes its bytes by +" in sentence
    assert codec_ablation.tables(found)["ingredients"].rows[-1][0] == "control"
    assert len(codec_ablation.plot(found).axes[0].patches) == 3
    alone = dataclasses.replace(params, refit=params.images)
    with pytest.raises(ValueError, match="refit must hold a picture that images does not"):
        codec_ablation.run(alone)


# --- rows -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_variant_is_measured_at_every_step_on_every_picture():
    keys = [(row.image, row.variant, row.step) for row in rows()]
    assert len(set(keys)) == len(keys) == len(images.BUNDLED) * (1 + len(TINY.variants)) * len(TINY.steps)
    assert {row.image for row in rows()} == set(images.BUNDLED)
    for record in (TINY, *rows()):
        assert record.__dataclass_params__.frozen
        assert all(isinstance(value, str | int | float | tuple) for value in dataclasses.asdict(record).values())


def test_rows_of_the_full_codec_are_its_files():
    picture = images.box_mean(images.bundled("coffee"), 6)
    step = step_of_quality(40)
    params = dataclasses.replace(TINY, steps=(step / 64,), variants=(FULL,))
    (row,) = (row for row in codec_ablation.run(params) if row.image == "coffee")
    data = qimg.encode(picture, quality=40)
    assert row.bytes == len(data)
    assert row.bits_per_pixel == metrics.bits_per_pixel(len(data), picture.shape)
    assert row.psnr_rgb_db == pytest.approx(metrics.psnr_db(picture, qimg.decode(data)), rel=1e-12)


@pytest.mark.slow
def test_cross_entropy_estimates_the_payload_within_half_a_percent():
    large = [row for row in rows() if row.bytes > 2000]
    assert len(large) >= 4
    for row in large:
        assert 0 < row.payload_bits / row.ideal_bits - 1 < 0.005
    for row in rows():
        assert row.payload_bits < 8 * row.bytes
        assert 0 < row.side_share < row.side_share + row.chroma_share < 1


@pytest.mark.slow
def test_the_cost_is_the_rate_against_the_full_codec():
    def means(name):
        own = [row for row in rows() if row.variant == name]
        pairs = [
            [(row.bits_per_pixel, row.psnr_rgb_db) for row in own if row.step == step]
            for step in dict.fromkeys(row.step for row in own)
        ]
        return np.mean(pairs, axis=1).T

    expected = metrics.bd_rate(*means(FULL), *means("DCT"), quality_range=(28, 37))
    assert codec_ablation.costs(rows())["DCT"].percent == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_ingredients_are_worth_their_bits():
    """The study of the design found 20 % for classes with prediction, and single percents for the entropy model."""
    measured = codec_ablation.costs(rows())
    assert measured["level alone"].percent > measured["DCT"].percent > measured["no learning"].percent > 0


@pytest.mark.slow
def test_findings_table_and_plot(tmp_path):
    sentences = codec_ablation.findings(rows())
    assert all(text.endswith(".") and "nan" not in text.lower().split() for text in sentences)
    assert [text.split(":")[0] for text in sentences[:3]] == ["Predictive", "Transform", "Statistical"]
    assert "was not fitted again" in sentences[-1]
    table = codec_ablation.tables(rows())["ingredients"]
    assert isinstance(table, Table)
    assert [line[1] for line in table.rows] == ["level alone", "DCT", "no learning"]
    assert all(len(line) == len(table.columns) for line in table.rows)
    result = codec_ablation.costs(rows(), draws=codec_ablation.DRAWS)["DCT"]
    line = dict(zip(table.columns, table.rows[1], strict=True))
    assert (line["RGB, %"], line["mean of single pictures, %"]) == (result.percent, result.own)
    assert 0 < line["payload over ideal, %"] < 0.5
    figure = codec_ablation.plot(rows())
    assert isinstance(figure, Figure)
    assert len(figure.axes[0].patches) == 3
    runner.write_rows(rows(), tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert lines[0].split(",") == [field.name for field in dataclasses.fields(Row)]
    assert len(lines) == 1 + len(rows())


@pytest.mark.slow
def test_curves_that_cannot_be_compared_are_named(tmp_path):
    short = [row for row in rows() if row.step > 4]
    sentences = codec_ablation.findings(short)
    assert any("cannot be compared with the full codec's" in text for text in sentences)
    assert len(codec_ablation.tables(short)["ingredients"].rows) == 3
    assert isinstance(codec_ablation.plot(short), Figure)
    images.save(np.full((16, 16), 128, np.uint8), tmp_path / "flat.png")
    flat = codec_ablation.run(dataclasses.replace(TINY, images=(str(tmp_path),), box_mean=1))
    assert codec_ablation.costs(flat) == {}
    assert "Every picture is coded exactly" in codec_ablation.findings(flat)[0]
    assert len(codec_ablation.tables(flat)["ingredients"].rows) == 3
    assert isinstance(codec_ablation.plot(flat), Figure)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variants": ("nothing",)}, "variants must be among full codec, .*, but variants='nothing'"),
        ({"steps": ()}, "steps must hold at least one value"),
        ({"steps": (0.1,)}, r"steps must lie in \[0.25, 1000\]"),
        ({"rounds": 0}, "rounds must be an integer of at least 1"),
    ],
)
def test_wrong_parameters_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        codec_ablation.run(dataclasses.replace(TINY, **change))
