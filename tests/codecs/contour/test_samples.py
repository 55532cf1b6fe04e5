"""Pictures that are slow to encode: which ones, and what a sample of them decides."""

import numpy as np
import pytest

import qimg
from qimg.codecs.contour import assembly, samples
from qimg.codecs.contour.samples import is_slow, sample

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (400, 420, 3)).astype(np.uint8)


def test_noise_is_slow_and_graphics_are_not():
    assert is_slow(NOISE)
    assert is_slow(NOISE[..., 0])
    assert not is_slow(NOISE[:300, :300])  # too small
    assert not is_slow(np.indices((2000, 1000)).sum(axis=0) // 32)


def test_a_sample_has_tiles_of_the_whole_picture():
    picture = np.arange(500 * 400).reshape(500, 400)
    part = sample(picture)
    assert part.shape == (192, 192)
    assert part[0, 0] == picture[0, 0]
    assert part[-1, -1] == picture[-1, -1]
    assert (part[:32, :32] == picture[:32, :32]).all()
    assert (sample(picture[:100]) == picture[:100, :][:, np.unique(part[0] % 400)]).all()


@pytest.mark.parametrize("options", [{"psnr_db": 33}, {"size": 1500}, {"quality": 40}], ids=str)
def test_targets_are_met_with_few_files_of_the_whole_picture(monkeypatch, options):
    monkeypatch.setattr(samples, "_MOST_CHANGES", 1000)
    row, column = np.indices((220, 230))
    picture = np.clip(100 + 60 * np.sin(row / 30) * np.cos(column / 40) + RNG.normal(0, 3, (220, 230)), 0, 255)
    picture = picture.astype(np.uint8)
    lengths = []
    encode_rows = assembly.encode_rows

    def counted(numbers, *arguments, **named):
        lengths.append(numbers.size)
        return encode_rows(numbers, *arguments, **named)

    monkeypatch.setattr(assembly, "encode_rows", counted)
    result = qimg.encode_picture(picture, codec="contour", **options)
    assert qimg.psnr_db(picture, qimg.decode(result.data)) == pytest.approx(result.psnr_db)
    assert result.psnr_db >= options.get("psnr_db", 0)
    assert len(result.data) <= options.get("size", np.inf)
    if "size" in options:
        assert len(result.data) > 0.8 * options["size"]
    assert lengths.count(picture.size) <= 5  # one of them without loss
