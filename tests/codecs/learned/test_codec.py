"""The learned codec: files of pictures of any size, targets, metadata, damaged files, and the registry."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from qimg import codecs
from qimg.codecs import registry
from qimg.codecs.errors import BitstreamError
from qimg.codecs.learned import decoder, encoder, tiles
from qimg.codecs.learned.codec import CODEC
from qimg.codecs.learned.encoder import rate_of_quality
from qimg.codecs.learned.model import LearnedModel
from qimg.codecs.protocol import DecodeOptions, EncodeOptions
from qimg.images import bundled

COFFEE = bundled("coffee")


def encoded(image, model, **options):
    return encoder.encode(np.ascontiguousarray(image), EncodeOptions(tables=model, **options))


def decoded(data, model):
    return decoder.decode(data, DecodeOptions(tables=model)).image


@pytest.mark.parametrize("image", [COFFEE[:1, :1], COFFEE[:9, :5, 0], COFFEE[:3, :70], COFFEE[:64, :81]], ids=str)
@pytest.mark.parametrize("quality", [1, 50, 100])
def test_pictures_of_any_size(model, image, quality):
    result = encoded(image, model, quality=quality)
    picture = decoded(result.data, model)
    assert picture.shape == image.shape
    assert picture.dtype == np.uint8
    error = np.mean((picture.astype(float) - image) ** 2)
    assert result.psnr_db == pytest.approx(10 * np.log10(255**2 / error))
    assert result.bits_per_pixel == 8 * len(result.data) / (image.shape[0] * image.shape[1])


def test_tiles_decode_as_the_encoder_decoded_them(model, monkeypatch):
    monkeypatch.setattr(tiles, "TILE", 4)
    monkeypatch.setattr("qimg.codecs.learned.decoder.TILE", 4)
    monkeypatch.setattr("qimg.codecs.learned.bitstream.TILE", 4)
    image = COFFEE[:75, :101]
    result = encoded(image, model, quality=60)
    picture = decoded(result.data, model)
    error = np.mean((picture.astype(float) - image) ** 2)
    # The encoder decodes all latents at once, the decoder by rows of tiles.
    assert result.psnr_db == pytest.approx(10 * np.log10(255**2 / error), abs=1e-12)


def test_better_qualities_give_larger_files_and_better_pictures(model):
    results = [encoded(COFFEE[:64, :64], model, quality=quality) for quality in (5, 30, 60, 95)]
    sizes, decibels = [len(result.data) for result in results], [result.psnr_db for result in results]
    assert sizes == sorted(sizes)
    assert decibels == sorted(decibels)


@pytest.mark.parametrize("quality", [0.5, 101, float("nan")])
def test_qualities_out_of_range(quality):
    with pytest.raises(ValueError, match=r"quality must be in \[1, 100\]"):
        rate_of_quality(quality)


def test_target_size(model):
    image = COFFEE[:96, :128]
    result = encoded(image, model, size=2500)
    assert 0.97 * 2500 <= len(result.data) <= 2500
    assert len(encoded(image, model, bits_per_pixel=8 * 2500 / image[..., 0].size).data) == len(result.data)
    with pytest.raises(ValueError, match="size must allow"):
        encoded(image, model, size=20)


def test_target_psnr(model):
    result = encoded(COFFEE[:96, :128], model, psnr_db=27)
    assert 27 <= result.psnr_db <= 27.2
    with pytest.raises(ValueError, match="psnr_db must be at most"):
        encoded(COFFEE[:16, :16], model, psnr_db=90)


def test_metadata_and_info(model):
    data = encoded(
        COFFEE[:30, :40], model, quality=40, icc_profile=b"profile", exif=b"Exif\0\0tiff", xmp=b"packet"
    ).data
    result = decoder.decode(data, DecodeOptions(tables=model))
    assert (result.icc_profile, result.exif, result.xmp) == (b"profile", b"tiff", b"packet")
    info = CODEC.info(data)
    assert (info.width, info.height, info.channels, info.bit_depth) == (40, 30, 3, 8)
    assert sum(info.parts.values()) == len(data)
    assert info.parts["icc_profile"] == 7
    assert info.model == model.identity.hex()
    assert info.rate == rate_of_quality(40)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_are_refused(model, seed):
    rng = np.random.default_rng(seed)
    data = encoded(COFFEE[:40, :40], model, quality=50).data
    for _ in range(60):
        place = int(rng.integers(len(data)))
        cut, flipped = data[:place], bytearray(data)
        flipped[place] ^= 1 << int(rng.integers(8))
        for wrong in (cut, bytes(flipped), data + b"x"):
            with pytest.raises(BitstreamError):
                decoded(wrong, model)


def test_another_model_is_named(model):
    data = bytearray(encoded(COFFEE[:8, :8], model, quality=50).data)
    arrays = dict(model.contents.arrays)
    arrays["decoder_gains"] = arrays["decoder_gains"] + np.int16(1)
    other = LearnedModel.packed(model.contents.header, arrays)
    with pytest.raises(BitstreamError, match=f"needs the model {model.identity.hex()}, but the available one is"):
        decoded(bytes(data), other)


def test_large_pictures_are_refused(model):
    data = encoded(COFFEE[:8, :9], model, quality=50).data
    with pytest.raises(BitstreamError, match="at most max_pixels=71, but has 72"):
        decoder.decode(data, DecodeOptions(tables=model, max_pixels=71))


def test_the_model_file_keeps_everything(model, tmp_path):
    model.save(tmp_path / "a.codec")
    again = LearnedModel.load(tmp_path / "a.codec")
    again.check_values()
    assert again.identity == model.identity
    assert again.design == model.design
    assert_array_equal(decoded(encoded(COFFEE[:16, :16], model, quality=50).data, again).shape, (16, 16, 3))


def test_a_model_file_of_another_design_is_refused(model):
    header = {**model.contents.header, "design": {**model.contents.header["design"], "width": 5}}
    with pytest.raises(ValueError, match="first must have shape"):
        LearnedModel.packed(header, model.contents.arrays).check()


def test_registered():
    assert registry.codec("learned") is CODEC
    with pytest.raises(ValueError, match="alpha"):
        qimg.encode(np.zeros((4, 4, 4), np.uint8), codec="learned", quality=50)
    assert "learned" in codecs.registry.ids()
