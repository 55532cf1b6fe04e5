"""Parts of a codec: bases, networks that begin as them, dither, and the comparison at equal error."""

import numpy as np
import pytest
from scipy.fft import dctn

pytest.importorskip("torch")

import torch

from experiments.learned.codec_parts import Row, findings, gain, grid
from experiments.learned.context_models import KINDS
from experiments.learned.part_training import DITHER, ROUNDING, PartCodec, Parts, measured
from experiments.learned.part_transforms import TRANSFORMS, BlockTransform, basis_of

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (24, 32)).astype(np.uint8)


@pytest.mark.parametrize("transform", ["DCT", "KLT of the prior"])
def test_bases_are_orthonormal(transform: str) -> None:
    basis = basis_of(transform)
    np.testing.assert_allclose(basis @ basis.T, np.eye(64), atol=1e-12)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_begin_as_their_basis(transform: str) -> None:
    start = BlockTransform(transform, 20.0)
    pixels = torch.from_numpy(PICTURE.astype(np.float32))[None]
    latents = start.latents(pixels).detach().numpy()
    block = PICTURE[8:16, 16:24].astype(float) - 128
    if transform != "KLT of the prior":
        expected = dctn(block, norm="ortho") / 20
        np.testing.assert_allclose(latents[:3, 1, 2, 0], [expected[0, 0], expected[0, 1], expected[1, 0]], atol=1e-4)
    np.testing.assert_allclose((latents[:, 1, 2, 0] ** 2).sum(), (block**2).sum() / 400, rtol=1e-4)
    np.testing.assert_allclose(start.pixels(start.latents(pixels)).detach().numpy(), pixels, atol=1e-2)


@pytest.mark.parametrize("quantizer", [ROUNDING, DITHER])
def test_pictures_are_coded(quantizer: str) -> None:
    """With steps of 2, errors of rounding and of dither are uniform: 4/12, and 1/12 of the rounding of pixels."""
    torch.manual_seed(0)
    codec = PartCodec(Parts(transform="DCT", quantizer=quantizer, entropy=KINDS["none, Laplace"]), step=2.0, hidden=4)
    result = measured(codec.eval(), codec.entropy.export(), PICTURE, 0)
    assert result.mean_squared_error == pytest.approx(4 / 12 + 1 / 12, rel=0.2)  # 768 errors: standard error 4 %
    assert np.isnan(result.bytes) == (quantizer == DITHER)
    if quantizer == ROUNDING:
        assert result.ideal_bits / 8 <= result.bytes <= 1.01 * result.ideal_bits / 8 + 8


def rows() -> list[Row]:
    plain = {"image": "a", "bytes": 1.0, "ideal_bits": 8.0, "psnr_db": 30.0, "weights": 1, "products_per_pixel": 1.0}
    cells = [
        ("DCT", ROUNDING, "none", 1.0, 2.0),
        ("DCT", ROUNDING, "side", 0.8, 1.8),
        ("dense", ROUNDING, "none", 0.9, 1.9),
        ("dense", DITHER, "none", 1.0, 2.2),
    ]
    return [
        Row(
            transform=transform,
            quantizer=quantizer,
            model=model,
            bits_per_pixel=rate,
            cost=cost,
            train_seconds=0,
            **plain,
        )
        for transform, quantizer, model, rate, cost in cells
    ]


def test_differences_of_costs_are_shares_of_the_rate() -> None:
    all_rows = rows()
    assert gain(all_rows[1:2], all_rows[:1]) == pytest.approx(-20)
    sentences = " ".join(findings(all_rows))
    assert "change of the transform alone: dense -10.0 %" in sentences
    assert "change of the model alone: side -20.0 %" in sentences
    assert "with dither against rounding, none: dense +33.3 %" in sentences
    assert grid(all_rows).rows[0][2:] == [pytest.approx(0), pytest.approx(-10)]
    assert grid(all_rows).rows[1][2:] == [pytest.approx(-20), None]
