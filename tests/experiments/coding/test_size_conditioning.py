"""One auto-encoder for many rates and sizes: cut latents, nested streams, stages, divisors of losses."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from experiments._run import runner
from experiments.coding import size_conditioning
from experiments.coding.digit_autoencoders import AutoEncoder, Sizes, columns, residual_errors, trained
from experiments.coding.size_conditioning import BYTES, EMBEDDED, KLT, ONE, RATES, SIZES, STAGES, TINY
from experiments.coding.sized_autoencoders import (
    Stages,
    certain_latents,
    cut_streams,
    masks,
    sized,
    sized_results,
    stream_of,
)
from qimg import images

SMALL = Sizes(pixels=36, latents=5, encoder=(8, 8), decoder=(8, 8))


@pytest.fixture(scope="module")
def digits():
    rng = np.random.default_rng(0)
    return np.clip(rng.normal(128, 40, (40, 6, 6)) + rng.normal(0, 40, (40, 1, 1)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def embedded(digits):
    schedule = dataclasses.replace(TINY, batch=16).schedule()
    return sized(SMALL, digits, literal=False, embedded=True, weight=60.0, schedule=schedule)[0]


def test_errors_of_the_klt_are_what_its_coefficients_leave(digits):
    errors = residual_errors(digits, [0, 3, 36])
    flat = digits.reshape(40, 36) / 256
    centred = flat - flat.mean(axis=0)
    left = np.linalg.svd(centred, compute_uv=False)[3:]
    assert errors[0] == pytest.approx((centred**2).sum() / 40)
    assert errors[3] == pytest.approx((left**2).sum() / 40)
    assert errors[36] == pytest.approx(1e-3 * errors[0], rel=1e-6)  # not zero, because losses are divided by it


def test_latents_beyond_the_size_have_no_effect(digits, embedded):
    pixels = columns(digits)
    mask, rate = masks(torch.full((40,), 2), 5), torch.zeros(40)
    assert mask.sum(0).tolist() == [2] * 40
    codes = torch.round(embedded.latents(pixels, mask, rate))
    other = codes.clone()
    other[2:] += 7
    with torch.no_grad():
        outputs = [embedded.pixels(some * mask, mask, rate) for some in (codes, other)]
    assert torch.equal(*outputs)
    assert [size for size, _, _ in sized_results(embedded, digits, [1, 5])] == [1, 5]


def test_a_beginning_of_a_stream_determines_the_first_latents(embedded):
    """More bytes determine more latents, all of the stream determines all, and the coder decodes what was coded."""
    model = embedded.chain.export()
    rng = np.random.default_rng(1)
    for _ in range(5):
        codes = np.rint(rng.laplace(scale=4, size=5)).astype(np.int32)
        stream = stream_of(model, codes)
        counts = [certain_latents(model, stream[:length]) for length in range(len(stream) + 1)]
        assert counts == sorted(counts)
        assert counts[0] == 0
        assert certain_latents(model, stream, whole=True) == 5


def test_cut_streams_approach_the_whole_picture(digits, embedded):
    results = cut_streams(embedded, digits[:3])
    assert [length for _, length, _ in results] == list(range(len(results)))
    assert results[-1][0] == 5
    assert results[-1][2] == pytest.approx(sized_results(embedded, digits[:3], [5])[0][2])


def test_each_stage_adds_to_the_output_of_those_before(digits):
    torch.manual_seed(0)
    stages = Stages(SMALL, 2, columns(digits).mean(1), 5.0)
    (first_bits, first), (second_bits, second) = stages.outputs(columns(digits), training=False)
    assert stages.share == 2
    assert bool((second_bits > first_bits).all())
    assert not torch.equal(first, second)
    with torch.no_grad():  # a second stage that puts out the middle of the range adds nothing
        last = stages.parts[1].decoder[4]
        last.weight.zero_()
        last.bias.zero_()
        again = stages.outputs(columns(digits), training=False)
    assert torch.equal(again[0][1], again[1][1])


def test_training_reduces_the_error(digits):
    def loss(network, pixels):
        rate, none = torch.zeros(pixels.shape[1]), torch.zeros(0, pixels.shape[1])
        output = network.pixels(network.latents(pixels, none, rate), none, rate)
        return (output - pixels).square().mean() / 1e4

    few, many = (
        trained(
            lambda: AutoEncoder(SMALL, weights=(5.0, 5.0)),
            loss,
            digits,
            dataclasses.replace(TINY, training=steps, batch=16).schedule(),
        )[0]
        for steps in (1, 60)
    )
    pixels = columns(digits)
    with torch.no_grad():
        assert float(loss(many, pixels)) < 0.9 * float(loss(few, pixels))  # most of it is noise


@pytest.fixture(scope="module")
def rows():
    return runner.measure("size_conditioning", TINY).rows


def test_rows(rows):
    assert {row.image for row in rows} == set(images.BUNDLED)
    assert {row.part for row in rows} == {RATES, SIZES, BYTES}
    for image in images.BUNDLED:
        own = [row for row in rows if row.image == image]
        klt = [row.psnr_db for row in own if row.model == KLT]
        assert klt == sorted(klt)
        assert [row.size for row in own if row.model == STAGES] == [2, 4]
        assert len([row for row in own if row.model == ONE]) == len(TINY.weights)
        cuts = [row.bytes for row in own if row.part == BYTES]
        assert cuts == list(range(len(cuts)))


def test_findings_and_tables(rows):
    sentences = size_conditioning.findings(rows)
    own = [row for row in rows if (row.image, row.part, row.model) == ("coffee", SIZES, EMBEDDED)]
    listed = ", ".join(f"{row.psnr_db:.1f} dB" for row in own)
    assert f"coffee, {EMBEDDED}: {listed} at 1, 4 latents." in sentences
    assert set(size_conditioning.tables(rows)) == {"rates", "sizes", "bytes"}


def test_one_model_against_specialists_by_hand():
    """A tenth more bytes at each PSNR."""
    common = {"image": "x", "part": RATES, "size": 1, "train_seconds": 0.0}
    rows = [
        size_conditioning.Row(model=model, weight=float(k), bytes=factor * 2.0**k, psnr_db=20.0 + 2 * k, **common)
        for model, factor in ((ONE, 1.1), (size_conditioning.SPECIALIST, 1.0))
        for k in range(4)
    ]
    assert size_conditioning.rate_difference(rows) == pytest.approx(10)
