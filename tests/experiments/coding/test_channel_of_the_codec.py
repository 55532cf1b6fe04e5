"""Channels and our codec: moments add, channels act in their own bases, classes explain what one basis cannot."""

import dataclasses
import functools

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from experiments._run import runner
from experiments._run.pictures import bundled
from experiments.coding import channel_of_the_codec, coded_states
from experiments.coding.channel_of_the_codec import MODELS, OTHER, TINY, Row
from experiments.coding.codec_variants import level_alone
from experiments.coding.coded_states import (
    ALPHA,
    DECODED,
    EXPECTED,
    GAINS,
    MEASURED,
    OF_STEP,
    STAGES,
    UNFILTERED,
    WHITE,
    channel_of,
    class_moments,
    coded_moments,
    gains_of,
    laplace_gains,
    modelled,
    within_patches,
)
from experiments.operators.quantized_states import ac_coefficients, density, sample
from qimg import images, metrics
from qimg.channels import quantization_channel, quantize
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.inspection.stages import block_stages, class_basis, inspect
from qimg.codecs.block.model import tables
from qimg.codecs.block.model.tables import Tables
from qimg.patches import extract_patches
from qimg.report import Table
from qimg.transforms import unitary

DCT = unitary("dct_2d", 64)


@functools.cache
def rows() -> list[Row]:
    """TINY, run once for all tests of this file."""
    return channel_of_the_codec.run(TINY)


@pytest.fixture(scope="module")
def luma():
    return images.to_uint8(images.luma(images.bundled("astronaut")))[32:128, 160:256]


def test_the_experiment_asks_a_question_and_says_how_it_answers():
    question, method = (" ".join(part.split()) for part in channel_of_the_codec.__doc__.split("\n\n"))
    assert question.endswith("?")
    assert method.endswith(".")


# --- channels ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0.3, 1.0, 4.0])
def test_laplace_gains_are_those_of_a_quantizer(ratio, rng):
    scale = ratio * 8.0
    draws = rng.laplace(0, scale / np.sqrt(2), (400_000, 1))
    channel = quantization_channel(draws, [8.0], reconstruction="centroid")
    # Energies of 400 000 draws of a Laplace law scatter by a third of a percent.
    assert laplace_gains(np.array([scale]), 8.0)[0] == pytest.approx(channel.gains[0], rel=0.02)


def test_laplace_gains_grow_from_nothing_to_all():
    gains = laplace_gains(np.geomspace(1e-4, 1e4, 200), 1.0)
    assert (np.diff(gains) >= 0).all()
    assert gains[0] < 1e-50
    # A fine quantizer's error is Δ²/12.
    assert 1 - gains[-1] == pytest.approx(1e-8 / 12, rel=1e-3)


def test_gains_are_what_distortion_leaves(rng):
    c = rng.laplace(size=(500, 4)) * [1, 5, 20, 0]
    y = quantize(c, np.full(4, 3.0), reconstruction="centroid")
    gains = gains_of(((c - y) ** 2).sum(axis=0), (c**2).sum(axis=0))
    channel = channel_of(gains)
    assert channel.is_cptp()
    # With centroids E[c y] = E[y²], so 1 − D/σ² is the channel's gain.
    assert_allclose(gains, quantization_channel(c, np.full(4, 3.0), reconstruction="centroid").gains, atol=1e-12)


@pytest.mark.parametrize(("side", "row", "column"), [(4, 0, 4), (4, 4, 4), (8, 0, 0), (16, 0, 0), (32, 0, 0)])
def test_moments_of_blocks_are_summed_over_their_patches(side, row, column, rng):
    blocks = rng.normal(size=(3, side, side))
    flat = blocks.reshape(3, -1)
    expected = np.zeros((64, 64))
    for block in blocks:
        plane = np.zeros((max(side, 8), max(side, 8)))
        plane[row : row + side, column : column + side] = block
        patches = extract_patches(plane)
        expected += patches.T @ patches
    assert_allclose(within_patches(flat.T @ flat, side, row, column), expected, atol=1e-12)


def test_without_prediction_each_class_is_a_channel_in_its_own_basis(luma):
    """Predictions by the level alone have no AC part, so moments are those of `QuantizationChannel` class by class."""
    known = tables.default()
    arrays = {name: known.array(name) for name in known.contents.arrays}
    level_alone(arrays, {})
    made = Tables.assemble(arrays, {})
    found = inspect(luma, Parameters(24 * 64), tables=made, search=Search(sizes=(8,)))
    expected = {MEASURED: np.zeros((64, 64)), EXPECTED: np.zeros((64, 64))}
    for label in range(32):
        stages = [block_stages(found, k) for k in found.of_class(8, label)]
        if not stages:
            continue
        c, y = (np.stack([getattr(one, name) for one in stages]) for name in ("coefficients", "dequantized"))
        basis = class_basis(made, 8, label)
        measured = gains_of(((c - y) ** 2).sum(axis=0), (c**2).sum(axis=0))
        theory = laplace_gains(2.0 ** (known.scales.log_sigma[1][0, label] / 8), 24.0)
        for name, gains in ((MEASURED, measured), (EXPECTED, theory)):
            expected[name] += basis.T @ (c.T @ c * channel_of(gains).multiplier()) @ basis
    moments = class_moments(found)
    for name, matrix in expected.items():
        turned = (DCT @ matrix @ DCT.T)[1:, 1:]
        # Bases are unitary to about 10⁻³ of their rounding; the level leaks that much of itself into nothing here.
        assert_allclose(moments[name], turned, atol=1e-9 * np.abs(turned).max())


def test_a_channel_that_keeps_everything_keeps_the_state(luma):
    found = inspect(luma, Parameters(16))  # steps of a quarter: gains of one but for 1/192 of a squared code value
    c = ac_coefficients(luma)
    raw = density(c.T @ c)
    for moments in class_moments(found).values():
        assert metrics.trace_distance(density(moments), raw) < 1e-3


# --- moments ----------------------------------------------------------------------------------------------------


def test_moments_are_those_of_the_decoded_pixels(luma):
    one = dataclasses.replace(sample(bundled(box_mean=4)[0]), luma=luma)
    moments = coded_moments(one, step=20)
    found = inspect(luma, Parameters(20 * 64))
    raw = ac_coefficients(luma)
    for stage, samples in ((UNFILTERED, found.decoded), (DECODED, found.filtered)):
        y = ac_coefficients(((samples[0] + 32) // 64).astype(np.uint8))
        assert_allclose(moments.true[stage], y.T @ y, rtol=1e-12)
        assert_allclose(moments.distortion(stage), ((raw - y) ** 2).sum(axis=0), rtol=1e-6)
    assert moments.bytes == len(found.payload)
    assert moments.pixels == luma.size
    both = moments + moments
    assert_array_equal(both.true[DECODED], 2 * moments.true[DECODED])
    assert_allclose(both.distortion(DECODED), 2 * moments.distortion(DECODED), rtol=1e-9)
    assert (both.bytes, both.marginals.count) == (2 * moments.bytes, 2 * moments.marginals.count)
    models = modelled(moments, DECODED)
    assert_allclose(np.diagonal(models[GAINS]), np.diagonal(moments.true[DECODED]), rtol=1e-9)
    assert_allclose(np.trace(models[WHITE] - moments.raw), moments.distortion(DECODED).sum(), rtol=1e-9)
    channel = quantization_channel(raw, np.full(63, 20.0), reconstruction="centroid")
    assert_allclose(models[OF_STEP], moments.raw * channel.multiplier(), rtol=1e-12)
    assert np.linalg.eigvalsh(models[ALPHA]).min() > -1e-9 * np.trace(moments.raw)


def test_edges_are_cut_or_repeated_to_whole_superblocks(luma):
    assert_array_equal(coded_states._whole(luma[:90, :70]), luma[:64, :64])
    assert coded_states._whole(luma[:9, :70]).shape == (32, 64)
    assert_array_equal(coded_states._whole(luma[:9, :70])[31], luma[8, :64])


# --- rows -------------------------------------------------------------------------------------------------------


def test_every_model_is_compared_on_every_picture_and_pooled():
    keys = [(row.image, row.step, row.stage, row.model) for row in rows()]
    assert len(set(keys)) == len(keys) == (len(images.BUNDLED) + 1) * len(STAGES) * len(MODELS)
    for record in (TINY, *rows()):
        assert record.__dataclass_params__.frozen
        assert all(isinstance(value, str | int | float | tuple) for value in dataclasses.asdict(record).values())
    assert {row.image for row in rows()} == {*images.BUNDLED, "pooled"}
    for row in rows():
        assert row.identity_distance > 0
        assert row.model_fraction > 0
        assert row.bits_per_pixel > 0
        assert 20 < row.psnr_db < 60


def test_class_channels_explain_what_one_basis_cannot():
    """Design, section 3b: a model that does not beat identity explains nothing; white noise explains less than that."""
    for stage in STAGES:
        pooled = {row.model: row.model_fraction for row in rows() if (row.image, row.stage) == ("pooled", stage)}
        assert pooled[MEASURED] < pooled[ALPHA] < 1 < pooled[WHITE]
        assert pooled[EXPECTED] < pooled[ALPHA]


def test_alpha_of_other_pictures_is_that_of_all_others(tmp_path):
    photograph = images.luma(images.bundled("coffee"))
    parts = [images.to_uint8(photograph[64 * k : 64 * k + 64, 100:196]) for k in range(3)]
    for k, part in enumerate(parts):
        images.save(part, tmp_path / f"{k}.png")
    found = channel_of_the_codec.run(channel_of_the_codec.Params(images=(str(tmp_path),), steps=(24,)))
    (row,) = (row for row in found if (row.image, row.stage, row.model) == ("0", DECODED, OTHER))
    coded = [inspect(part, Parameters(24 * 64)).filtered[0] for part in parts]
    c, y = ([ac_coefficients(plane) for plane in planes] for planes in (parts, [(p + 32) // 64 for p in coded]))
    distortion = sum(((c[k] - y[k]) ** 2).sum(axis=0) for k in (1, 2))
    gains = gains_of(distortion, sum((c[k] ** 2).sum(axis=0) for k in (1, 2)))
    raw, true = (density(matrix.T @ matrix) for matrix in (c[0], y[0]))
    model = density(channel_of(gains).multiplier() * raw)
    identity = metrics.trace_distance(raw, true)
    assert row.identity_distance == pytest.approx(identity, rel=1e-9)
    assert row.model_fraction == pytest.approx(metrics.trace_distance(model, true) / identity, rel=1e-6)


@pytest.mark.slow
def test_one_picture_takes_other_alpha_from_the_bundled_ones(tmp_path):
    images.save(images.bundled("coffee")[100:164, 100:164], tmp_path / "one.png")
    found = channel_of_the_codec.run(channel_of_the_codec.Params(images=(str(tmp_path),), steps=(40,)))
    assert {row.image for row in found} == {"one"}
    assert {row.model for row in found} == set(MODELS)
    assert "One picture only" in channel_of_the_codec.findings(found)[-1]


def test_flat_pictures_have_no_state(tmp_path):
    images.save(np.full((40, 40), 99, np.uint8), tmp_path / "flat.png")
    found = channel_of_the_codec.run(channel_of_the_codec.Params(images=(str(tmp_path),), steps=(40,)))
    assert found == []
    (sentence,) = channel_of_the_codec.findings(found)
    assert "energy" in sentence
    assert channel_of_the_codec.tables(found)["fractions"].rows == []
    assert isinstance(channel_of_the_codec.plot(found), Figure)


@pytest.mark.slow
def test_what_coding_flattens_altogether_is_left_out_or_fully_mixed(tmp_path):
    picture = images.bundled("coffee")[:32, :64, 0] // 32 + 128
    images.save(picture, tmp_path / "faint.png")
    found = channel_of_the_codec.run(channel_of_the_codec.Params(images=(str(tmp_path),), steps=(500,)))
    assert found
    assert all(np.isfinite(row.identity_distance) for row in found)
    channel_of_the_codec.findings(found)
    channel_of_the_codec.tables(found)["fractions"]


def test_findings_table_and_plot(tmp_path):
    sentences = channel_of_the_codec.findings(rows())
    assert all(text.endswith(".") and "nan" not in text.lower().split() for text in sentences)
    assert any("no better than identity: white noise" in text for text in sentences)
    table = channel_of_the_codec.tables(rows())["fractions"]
    assert isinstance(table, Table)
    assert len(table.rows) == 2
    assert all(len(line) == len(table.columns) for line in table.rows)
    line = dict(zip(table.columns, table.rows[1], strict=True))
    (row,) = (row for row in rows() if (row.image, row.stage, row.model) == ("pooled", DECODED, MEASURED))
    assert (line["stage"], line["identity"], line[MEASURED]) == (DECODED, row.identity_distance, row.model_fraction)
    figure = channel_of_the_codec.plot(rows())
    assert isinstance(figure, Figure)
    assert all(len(ax.get_lines()) == len(MODELS) for ax in figure.axes)  # identity for the one that is left out
    runner.write_rows(rows(), tmp_path / "rows.csv")
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 1 + len(rows())


@pytest.mark.parametrize(
    ("steps", "message"), [((), "steps must hold at least one value"), ((0.1,), r"steps must lie in \[0.25, 1000\]")]
)
def test_wrong_parameters_are_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        channel_of_the_codec.run(dataclasses.replace(TINY, steps=steps))
