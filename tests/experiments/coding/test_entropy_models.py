"""Entropy models of the same coefficients: tables against their definition, files of every context, findings."""

import dataclasses
from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("torch")

from experiments._run import runner
from experiments.coding import entropy_models
from experiments.coding.context_models import CONTEXTS, DISTRIBUTIONS, KINDS
from experiments.coding.context_training import (
    bits_in_floating_point,
    rows_that_depend_on_the_batch,
    trained,
)
from experiments.coding.entropy_models import JXL, MODELS, OWN, SCAN, STATIC, TINY, Params, savings
from experiments.coding.flat_jpeg import FREQUENCIES, FlatJpeg, flat_jpeg, recompressed_bytes
from experiments.coding.symbol_tables import LARGEST, coded_by_tables, counts_of, table_bits, widths_of
from qimg import images
from qimg.entropy import range_coder
from qimg.learning.schedule import Schedule
from qimg.transforms import unitary

SCHEDULE = Schedule(crop=4, batch=2, steps=4, warmup=1)


@pytest.fixture(scope="module")
def luma():
    return images.to_uint8(images.luma(images.bundled("astronaut")))[32:96, 160:240]


@pytest.fixture(scope="module")
def file(luma) -> FlatJpeg:
    return flat_jpeg(luma, 20)


def test_coefficients_are_those_of_the_dct(luma, file):
    """Up to the integer transform of libjpeg, which may round a value near the middle of two steps the other way."""
    blocks = luma.reshape(8, 8, 10, 8).swapaxes(1, 2).reshape(8, 10, 64) - 128.0
    exact = (blocks @ unitary("dct_2d", 64).real.T)[..., FREQUENCIES].transpose(2, 0, 1) / 20
    assert file.symbols.shape == (64, 8, 10)
    assert np.abs(file.symbols - exact).max() < 0.51
    assert sorted(FREQUENCIES) == list(range(64))
    assert FREQUENCIES[:6] == (0, 1, 8, 16, 9, 2)


def test_the_scan_is_what_follows_the_tables(file):
    assert file.file[-file.scan_bytes - 1] == 0  # the last byte of a baseline scan's header
    assert file.file.endswith(b"\xff\xd9")
    assert file.scan_bytes < len(file.file) - 150  # tables take more


def test_jpeg_xl_restores_the_file(file):
    pytest.importorskip("imagecodecs")
    size = recompressed_bytes(file.file)
    assert size is not None
    assert size < len(file.file) + 500


def test_tables_decode(file):
    counts = counts_of([file.symbols, -file.symbols])
    assert counts.sum() == 2 * file.symbols.size
    assert counts[5, LARGEST + 1] == (np.abs(file.symbols[5]) == 1).sum()
    widths = widths_of(counts)
    assert (widths.sum(axis=1) <= range_coder.TOTAL - 2).all()
    size, ideal = coded_by_tables(file.symbols, widths)
    assert ideal <= 8 * size <= ideal * 1.001 + 64
    free = -np.log2(counts / counts.sum(axis=1, keepdims=True), where=counts > 0, out=np.zeros(counts.shape))
    exact = sum(free[k][file.symbols[k] + LARGEST].sum() for k in range(64))
    assert ideal == pytest.approx(exact, rel=1e-3)  # each value has at least a unit, 4095 of 2^24 together
    size_of_own = coded_by_tables(file.symbols, widths_of(counts_of([file.symbols])))[1]
    assert size_of_own < ideal
    assert table_bits(counts_of([file.symbols])) >= 64 * 24 + 64


def test_names_of_models_are_those_of_the_grid():
    assert tuple(KINDS) == MODELS
    assert {kind.context for kind in KINDS.values()} == set(CONTEXTS)
    assert {kind.distribution for kind in KINDS.values()} == set(DISTRIBUTIONS)


@pytest.mark.parametrize("name", ["none, Laplace", "side, Gaussian", "blocks, Laplace", "both, mixture of 3"])
def test_files_of_every_context_decode_and_cost_their_cross_entropy(name, file):
    model, seconds = trained(KINDS[name], [file.symbols], SCHEDULE, hidden=8)
    coder = model.export()
    symbols = file.symbols[..., None]
    words, ideal = coder.encode(symbols)
    np.testing.assert_array_equal(coder.decode(words, (8, 10, 1)), symbols)
    assert ideal <= 32 * len(words) <= 1.01 * ideal + 64
    assert bits_in_floating_point(model, symbols) == pytest.approx(ideal, rel=0.05)  # 4 steps: weights are coarse
    assert (coder.multiply_accumulates() > 0) == (name != "none, Laplace")
    assert seconds > 0


def test_training_reduces_the_cost(file):
    """By a quarter in 60 steps."""
    few, many = (
        trained(KINDS["coefficients, Laplace"], [file.symbols], dataclasses.replace(SCHEDULE, steps=steps), hidden=8)[0]
        for steps in (1, 60)
    )
    assert many.export().encode(file.symbols[..., None])[1] < 0.8 * few.export().encode(file.symbols[..., None])[1]


def test_integers_do_not_depend_on_the_batch(file):
    model, _ = trained(KINDS["coefficients, mixture of 3"], [file.symbols], SCHEDULE, hidden=48)
    constants, _ = trained(KINDS["none, Laplace"], [file.symbols], SCHEDULE, hidden=48)
    assert rows_that_depend_on_the_batch(constants, file.symbols[..., None], 1) == (0, 0)
    assert [rows_that_depend_on_the_batch(model, file.symbols[..., None], size)[1] for size in (1, 7, 4096)] == [
        0,
        0,
        0,
    ]


@pytest.fixture(scope="module")
def rows():
    return runner.measure("entropy_models", TINY).rows


def test_rows(rows):
    assert {row.image for row in rows} == set(images.BUNDLED)
    for row in rows:
        learned = row.model in MODELS
        assert (row.weights > 0) == learned
        assert np.isfinite(row.ideal_bits) == (learned or row.model in (STATIC, OWN))
        if learned:
            assert 8 * row.bytes <= 1.01 * row.ideal_bits + 32
            assert row.integer_rows == 0


def test_findings(rows):
    sentences = entropy_models.findings(rows)
    scan = savings(rows, SCAN, STATIC)[40]
    assert f"{SCAN}: {scan:+.1f} % bytes against the {STATIC}, at steps 40." in sentences
    total = {name: sum(row.bytes for row in rows if row.model == name) for name in (SCAN, STATIC)}
    assert scan == pytest.approx(100 * (total[SCAN] / total[STATIC] - 1))
    table = entropy_models.tables(rows)["ladder"]
    assert [line[0] for line in table.rows][:2] == [SCAN, "JPEG, file"]
    installed = find_spec("imagecodecs") is not None
    assert (JXL in [line[0] for line in table.rows]) == installed


def test_pictures_to_train_on_must_be_others(tmp_path):
    photograph = images.bundled("coffee")[:64, :64]
    images.save(photograph, tmp_path / "one.png")
    params = dataclasses.replace(TINY, images=(str(tmp_path),), sources=(str(tmp_path),))
    with pytest.raises(ValueError, match="sources must hold a picture that images does not"):
        entropy_models.run(params)
    assert len(params.inputs().pictures) == 2
    with pytest.raises(ValueError, match="steps must be in"):
        entropy_models.run(Params(steps=(300,)))
