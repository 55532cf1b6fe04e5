"""Packs of digits: round trips, sizes near the cross entropy, equal pixels in any batch and precision, bad input."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from qimg import codecs
from qimg.codecs import registry
from qimg.codecs.digits import pack
from qimg.codecs.digits.contours.codec import CONTOURS
from qimg.codecs.digits.contours.model import ContourModel
from qimg.codecs.digits.latent_codec import AUTOENCODER, KLT
from qimg.codecs.digits.latent_model import LatentModel
from qimg.codecs.digits.raster_codec import RASTER
from qimg.codecs.digits.raster_model import RasterModel
from qimg.core import ArgumentError, Array
from qimg.core.artifacts import ArtifactError, shipped
from tests.codecs.digits.strokes import strokes

CASES: list[tuple[Any, dict[str, Any]]] = [
    (AUTOENCODER, {"rate": 0.0, "effort": 1}),
    (AUTOENCODER, {"rate": 0.6, "effort": 3}),
    (KLT, {"rate": 0.5}),
    (RASTER, {"levels": 2}),
    (RASTER, {"levels": 4, "effort": 1}),
    (RASTER, {"levels": 8}),
    (RASTER, {"levels": 256}),
    (CONTOURS, {"rate": 0.0, "effort": 1}),
    (CONTOURS, {"rate": 0.6}),
]
MODELS = [
    *((LatentModel, name) for name in ("autoencoder", "klt")),
    (ContourModel, "contours"),
    *((RasterModel, f"raster{levels}") for levels in (2, 4, 8, 256)),
]


def of_codec(*indices: int) -> Callable[[Any], Any]:
    chosen = [CASES[index] for index in indices] if indices else CASES
    names = [f"{codec.id}-{'-'.join(map(str, options.values()))}" for codec, options in chosen]
    return pytest.mark.parametrize(("codec", "options"), chosen, ids=names)


def ideal_bits(codec: Any, digits: Array, options: dict[str, Any]) -> float:
    setting = {name: value for name, value in options.items() if name != "effort"}
    bits: float = codec.ideal_bits(codec.codes(digits, **options), **setting)
    return bits


@of_codec()
def test_digits_come_back_with_their_number_and_order(codec, options):
    digits = strokes(9)
    decoded = codec.decode(codec.encode(digits, **options))
    assert decoded.shape == digits.shape
    assert decoded.dtype == np.uint8
    errors = ((decoded[:, None].astype(float) - digits) ** 2).mean(axis=(2, 3))
    assert_array_equal(errors.argmin(axis=1), np.arange(9))
    assert_array_equal(codecs.get(codec.id).decode(codec.encode(digits, **options)), decoded)


@of_codec()
def test_no_digits_make_a_file(codec, options):
    data = codec.encode(np.zeros((0, 28, 28), np.uint8), **options)
    assert codec.decode(data).shape == (0, 28, 28)
    assert len(data) < 32


def test_256_levels_are_lossless():
    digits = np.concatenate([strokes(5), np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)])
    assert_array_equal(RASTER.decode(RASTER.encode(digits, levels=256)), digits)


@of_codec()
def test_files_are_as_long_as_the_cross_entropy(codec, options):
    digits = strokes(40)
    data = codec.encode(digits, **options)
    # Envelope, header, chunk and checksums of a file without digits; the words have 1 % and a last word more.
    empty = len(codec.encode(digits[:0], **options))
    assert len(data) <= empty + 2 + 1.01 * ideal_bits(codec, digits, options) / 8 + 4
    assert len(data) >= ideal_bits(codec, digits, options) / 8


@of_codec()
def test_pixels_do_not_depend_on_the_batch_or_the_precision(codec, options):
    digits = strokes(10)
    data = codec.encode(digits, **options)
    whole = codec.decode(data)
    assert_array_equal(codec.decode(codec.encode(digits[2:3], **options)), whole[2:3])
    assert_array_equal(codec.decode(codec.encode(digits[:7], **options)), whole[:7])
    assert_array_equal(codec.decode(data, dtype=np.float64), whole)


@of_codec(1, 4, 8)
def test_threads_decode_alike(codec, options):
    data = codec.encode(strokes(20), **options)
    expected, results = codec.decode(data), []
    threads = [threading.Thread(target=lambda: results.append(codec.decode(data))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    for result in results:
        assert_array_equal(result, expected)


@of_codec(*range(7))
def test_decoded_digits_are_recognised(codec, options):
    digits = strokes(30)
    codes = codec.codes(digits, **options)
    decoded = codec.decode(codec.encode(digits, **options))
    assert_array_equal(codec.codes(decoded, **options), codes)
    assert codec.encode(decoded, **options) == codec.encode(digits, **options)


def test_effort_reduces_bits_and_errors_together():
    digits, model = strokes(40), AUTOENCODER.model()
    costs = []
    for effort in (1, 3, 9):
        codes = AUTOENCODER.codes(digits, rate=0.5, effort=effort)
        decoded = AUTOENCODER.decode(AUTOENCODER.encode(digits, rate=0.5, effort=effort))
        error = float(((decoded.astype(float) - digits) ** 2).sum())
        costs.append(AUTOENCODER.ideal_bits(codes, rate=0.5) + model.weight(16) * error)
    assert costs[2] < costs[1] < costs[0]


@pytest.mark.slow
def test_rates_and_levels_cost_bits_and_reduce_errors():
    digits = strokes(40)
    for codec, name, settings in (
        (AUTOENCODER, "rate", (0, 0.5, 1)),
        (KLT, "rate", (0, 0.5, 1)),
        (CONTOURS, "rate", (0, 0.5, 1)),
        (RASTER, "levels", (2, 4, 8, 256)),
    ):
        files = [codec.encode(digits, **{name: setting}) for setting in settings]
        errors = [((codec.decode(file).astype(float) - digits) ** 2).mean() for file in files]
        assert sorted(map(len, files)) == list(map(len, files)), codec.id
        assert sorted(errors, reverse=True) == errors, codec.id


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((28, 28), np.uint8), r"images must have shape \(n, 28, 28\), but has shape \(28, 28\)"),
        (np.zeros((3, 32, 32), np.uint8), r"images must have shape \(n, 28, 28\), but has shape \(3, 32, 32\)"),
        (np.zeros((3, 28, 28)), "images must be uint8, but images='float64'"),
    ],
)
@of_codec(0, 2, 3, 8)
def test_other_pictures_are_refused(codec, options, images, message):
    with pytest.raises(ArgumentError, match=message):
        codec.encode(images, **options)


def test_settings_out_of_range_are_refused():
    digits = strokes(1)
    with pytest.raises(ArgumentError, match=r"rate must be in \[0, 1\], but rate=1.5"):
        AUTOENCODER.encode(digits, rate=1.5)
    with pytest.raises(ArgumentError, match="levels must be one of 2, 4, 8, 256, but levels=3"):
        RASTER.encode(digits, levels=3)
    with pytest.raises(ArgumentError, match=r"effort must be in \[1, 9\], but effort=0"):
        AUTOENCODER.encode(digits, rate=0.5, effort=0)
    with pytest.raises(ArgumentError, match="effort has no effect with codec mnist-klt"):
        KLT.encode(digits, rate=0.5, effort=5)


@of_codec(1, 2, 4, 8)
def test_damaged_files_are_refused(codec, options):
    data = codec.encode(strokes(3), **options)
    for place in range(len(data)):
        for damage in (1, 128):
            changed = bytearray(data)
            changed[place] ^= damage
            with pytest.raises(codecs.BitstreamError):
                codec.decode(bytes(changed))
    for length in range(len(data)):
        with pytest.raises(codecs.BitstreamError):
            codec.decode(data[:length])
    with pytest.raises(codecs.BitstreamError):
        codec.decode(data + b"\0")


@pytest.mark.parametrize(
    ("codec", "settings"), [(AUTOENCODER, 33), (KLT, 33), (RASTER, 4), (CONTOURS, 33)], ids=lambda one: str(one)
)
def test_words_that_no_encoder_writes_decode_or_are_refused(codec, settings):
    rng = np.random.default_rng(0)
    for trial in range(20):
        words = rng.integers(0, 1 << 32, rng.integers(0, 40), np.uint32)
        setting = int(rng.integers(0, settings)) if codec is not RASTER else (1, 3, 7, 255)[trial % 4]
        model = codec.model(setting + 1) if codec is RASTER else codec.model()
        contents = pack.Pack(count=int(rng.integers(0, 5)), setting=setting, words=words)
        data = pack.to_bytes(contents, number=codec.number, model=model.sha256)
        reason, shape = "", (contents.count, 28, 28)
        try:
            shape = codec.decode(data).shape
        except codecs.BitstreamError as error:
            reason = str(error)
        assert shape == (contents.count, 28, 28)
        assert not reason or "chunk D must be a stream" in reason or "must be in [0, 1]" in reason


def test_files_of_another_codec_or_model_are_named():
    data = KLT.encode(strokes(1), rate=0.5)
    with pytest.raises(codecs.BitstreamError, match=r"must be of codec 4 \(mnist-autoencoder\), but needs codec 5"):
        AUTOENCODER.decode(data)
    model, other = KLT.model().sha256[:8], shipped(LatentModel, "autoencoder")
    message = f"the file needs the mnist-klt model {model}…, but the one in use is {other.sha256[:8]}…, at offset 8"
    with pytest.raises(codecs.BitstreamError, match=message):
        KLT.decode(data, model=other)


def test_model_files_that_are_cut_or_of_another_kind_are_named(tmp_path):
    path = tmp_path / "my.latents"
    content = shipped(LatentModel, "klt").to_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(
        ArtifactError, match=r"my\.latents: cannot be read as an auto-encoder or a KLT of digits: it is cut"
    ):
        KLT.encode(strokes(1), rate=0.5, model=path)
    path.write_bytes(shipped(RasterModel, "raster2").to_bytes())
    with pytest.raises(ArtifactError, match="it holds a raster-encoder of digits"):
        KLT.encode(strokes(1), rate=0.5, model=path)
    with pytest.raises(ArgumentError, match="levels must be 2 for this model, but levels=4"):
        RASTER.encode(strokes(1), levels=4, model=path)


@pytest.mark.parametrize(("kind", "name"), MODELS)
def test_shipped_models_are_valid_and_were_not_fitted_on_test_digits(kind, name, tmp_path):
    model = shipped(kind, name)
    model.check_values()
    model.save(tmp_path / "copy")
    assert kind.load(tmp_path / "copy").sha256 == model.sha256
    assert all(str(entry).startswith("train-images-idx3-ubyte.gz") for entry in model.provenance["inputs"])


def test_shipped_models_take_less_than_a_mebibyte_and_a_half():
    assert sum(len(shipped(kind, name).to_bytes()) for kind, name in MODELS) < 3 << 19


def test_codecs_are_found_by_name():
    for name in ("mnist-autoencoder", "mnist-klt", "mnist-raster", "mnist-contours"):
        assert codecs.get(name).id == name
        with pytest.raises(ValueError, match="is a codec for packs of many pictures"):
            registry.codec(name)
    picture = strokes(1)[0]
    block = codecs.get("block")
    assert_array_equal(
        block.decode(block.encode(picture, quality=60)),
        codecs.decode(codecs.encode(picture, codec="block", quality=60)),
    )
    with pytest.raises(ValueError, match="codec must be one of"):
        codecs.get("none")
