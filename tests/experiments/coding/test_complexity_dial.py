"""Decoders of one training: gates, what cutting leaves unchanged, products, and rates by hand."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from experiments._run import runner
from experiments.coding import complexity_dial
from experiments.coding.complexity_dial import AT_ONCE, DECAYED, FULL, TINY, UNTRAINED, Row
from experiments.coding.digit_autoencoders import AutoEncoder, Sizes
from experiments.coding.gated_decoders import Gated, cut_at_once, reduced
from qimg import images

SIZES = Sizes(pixels=36, latents=5, encoder=(8, 8), decoder=(10, 12))
WIDTHS = (4, 7)


@pytest.fixture
def source() -> AutoEncoder:
    torch.manual_seed(0)
    return AutoEncoder(SIZES, weights=(5.0, 60.0), conditions=1)


def pixels_of(source: AutoEncoder, decoder: torch.nn.Sequential, codes: torch.Tensor) -> torch.Tensor:
    rate = torch.linspace(0, 1, codes.shape[1])
    source.decoder = decoder
    with torch.no_grad():
        return source.pixels(codes, rate[None], rate)


def test_cutting_closed_features_changes_nothing(source):
    network = Gated(source, source.decoder, WIDTHS)
    codes, rate = torch.randint(-3, 4, (5, 9)).float(), torch.linspace(0, 1, 9)
    network.set_gates(0)
    with torch.no_grad():
        gated = network.pixels(codes, rate)
    assert [int(gates.sum()) for gates in (network.first_gates, network.second_gates)] == list(WIDTHS)
    torch.testing.assert_close(pixels_of(source, network.cut(), codes), gated)


def test_open_gates_are_the_decoder(source):
    network = Gated(source, source.decoder, WIDTHS)
    codes, rate = torch.randint(-3, 4, (5, 9)).float(), torch.linspace(0, 1, 9)
    with torch.no_grad():
        torch.testing.assert_close(network.pixels(codes, rate), pixels_of(source, source.decoder, codes))
    network.set_gates(0.25)
    assert sorted(set(network.first_gates.tolist())) == [0.25, 1]


def test_the_least_important_features_are_closed(source):
    with torch.no_grad():
        source.decoder[0].weight[[1, 3, 5, 7, 8, 9]] *= 1e-3
    network = Gated(source, source.decoder, WIDTHS)
    network.set_gates(0)
    assert torch.nonzero(network.first_gates)[:, 0].tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize("decayed", [True, False])
def test_reduced_decoders_have_their_widths_and_leave_the_source_alone(source, decayed):
    before = [value.clone() for value in source.parameters()]
    digits = np.random.default_rng(0).integers(0, 256, (20, 6, 6)).astype(np.uint8)
    schedule = TINY.schedule(4)
    smaller, seconds = reduced(source, source.decoder, WIDTHS, digits, schedule, weights=(5.0, 60.0), decayed=decayed)
    assert [tuple(layer.weight.shape) for layer in smaller if hasattr(layer, "weight")] == [(4, 6), (7, 4), (36, 7)]
    assert seconds > 0
    assert all(torch.equal(one, other) for one, other in zip(before, source.parameters(), strict=True))
    untrained = cut_at_once(source, source.decoder, WIDTHS)
    assert not torch.equal(untrained[4].weight, smaller[4].weight)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return runner.measure("complexity_dial", TINY).rows


def test_all_decoders_decode_the_same_files(rows):
    assert {row.image for row in rows} == set(images.BUNDLED)
    assert {row.decoder for row in rows} == {FULL, DECAYED, AT_ONCE, UNTRAINED}
    for image in images.BUNDLED:
        for weight in TINY.weights:
            assert len({row.bytes for row in rows if (row.image, row.weight) == (image, weight)}) == 1


def test_products(rows):
    first = rows[0]
    pixels = round((5 * 8 + 8 * 8) / (first.products_per_pixel - 8))
    assert first.products_per_pixel == pytest.approx(((4 + 1) * 8 + 8 * 8 + 8 * pixels) / pixels)


def test_rates_by_hand():
    """A tenth more bytes at each PSNR."""
    common = {"image": "x", "train_seconds": 0.0, "decode_seconds": 0.0}
    rows = [
        Row(decoder=name, hidden=name, products_per_pixel=products, weight=float(k), bytes=size * 2.0**k,
            psnr_db=20.0 + 2 * k, **common)
        for name, products, size in ((FULL, 100.0, 1.0), (DECAYED, 50.0, 1.1))
        for k in range(4)
    ]  # fmt: skip
    assert complexity_dial.rate_differences(rows) == {(DECAYED, DECAYED): pytest.approx(10)}
    assert "50 % of the products, gates decayed: +10.0 % bytes at equal PSNR, +0.00 dB at equal bytes." in (
        complexity_dial.findings(rows)
    )
    assert complexity_dial.tables(rows)["decoders"].rows[1][4] == pytest.approx(10)
