"""The codecs that people use: every one writes and reads what an image may be, as its own program does."""

import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from experiments.coding import compared_codecs
from experiments.coding.compared_codecs import as_source, chosen, curve_of, decoded, encoded, not_measured
from qimg import codecs, images, metrics
from qimg.codecs import registry
from qimg.codecs.protocol import Codec
from qimg.core import Array

WITH_CURVE = [codec.id for codec in registry.codecs() if codec.curve]


@pytest.fixture(params=WITH_CURVE)
def codec(request) -> Codec:
    (found,) = (one for one in registry.codecs() if one.id == request.param)
    if not found.installed():
        pytest.skip(f"{found.id} needs {found.needs}")
    return found


@pytest.fixture(scope="module")
def photograph() -> Array:
    return images.box_mean(images.bundled("coffee"), 2)


def test_larger_settings_give_larger_files_and_better_pictures(codec: Codec, photograph: Array) -> None:
    files = [encoded(codec, photograph, setting) for setting in curve_of(codec).settings[::3]]
    shown = [decoded(codec, data) for data in files]
    quality = [metrics.psnr_db(photograph, one) for one in shown]
    assert all(one.dtype == np.uint8 for one in shown)
    assert all(np.diff([len(data) for data in files]) > 0)
    assert all(np.diff(quality) > 0)


@pytest.mark.parametrize("colours", ["gray", "RGB"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (9, 8), (53, 81)])
def test_pictures_of_any_size_come_back_in_their_shape(
    codec: Codec, photograph: Array, shape: tuple[int, int], colours: str
) -> None:
    image = photograph[: shape[0], : shape[1], 1 if colours == "gray" else slice(None)]
    image = np.ascontiguousarray(image)
    before = image.copy()
    shown = as_source(image, decoded(codec, encoded(codec, image, curve_of(codec).settings[-1])))
    assert (shown.shape, shown.dtype) == (image.shape, np.uint8)
    # Half of the colour is thrown away by 4:2:0, and files of a reduction in size may be all header.
    if shape == (53, 81):
        assert metrics.psnr_db(image, shown) > 30
    assert_array_equal(image, before)


def saved(image: Array, form: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


def test_files_are_those_of_the_programs_named(photograph: Array) -> None:
    jpeg, smaller, webp = chosen(["peer:jpeg", "peer:jpeg-optimised", "peer:webp"])
    assert encoded(jpeg, photograph, 50.0) == saved(photograph, "JPEG", quality=50)
    assert encoded(smaller, photograph, 50) == saved(photograph, "JPEG", quality=50, optimize=True, progressive=True)
    assert encoded(webp, photograph, 50) == saved(photograph, "WEBP", quality=50, method=6)
    assert_array_equal(decoded(jpeg, encoded(jpeg, photograph, 50)), decoded(smaller, encoded(smaller, photograph, 50)))


def test_avif_is_that_of_pillow_with_and_without_tuning(photograph: Array) -> None:
    part = np.ascontiguousarray(photograph[:96, :128])
    plain, tuned = chosen(["peer:avif", "peer:avif-psnr"])
    common = {"quality": 60, "subsampling": "4:4:4", "max_threads": 1}
    assert encoded(plain, part, 60) == saved(part, "AVIF", speed=6, **common)
    assert encoded(tuned, part, 60) == saved(part, "AVIF", speed=4, advanced={"tune": "psnr"}, **common)
    # PSNR is compared with the codec that is tuned for it before the others.
    assert compared_codecs.IDS[:3] == ("block", tuned.id, plain.id)


def test_jpeg_2000_meets_its_reduction(photograph: Array) -> None:
    for reduction in (50, 13):
        # The target is met from below; what is left is less than a coding pass and the box of the file.
        data = codecs.encode(photograph, codec="peer:jpeg2000", reduction=reduction)
        assert 0.9 < len(data) * reduction / photograph.size < 1.1


def test_png_keeps_every_pixel_of_8_bits(photograph: Array) -> None:
    alpha = np.dstack([photograph, photograph[..., 0]])
    for image in (photograph, photograph[..., 1], alpha, alpha[..., 2:]):
        assert_array_equal(codecs.decode(codecs.encode(image, codec="peer:png"), codec="peer:png"), image)


def test_a_png_of_16_bits_is_refused_not_rounded(photograph: Array, tmp_path) -> None:
    images.save(photograph.astype(np.uint16) * 257, tmp_path / "deep.png")
    with pytest.raises(codecs.BitstreamError, match="must have 8 bits per channel, but have 16"):
        codecs.decode((tmp_path / "deep.png").read_bytes(), codec="peer:png")


@pytest.mark.parametrize(
    ("codec_id", "option", "value", "words"),
    [
        ("peer:jpeg", "quality", 33.5, r"quality must be a whole number in \[1, 100\], but quality=33.5"),
        ("peer:jpeg", "quality", 0, r"quality must be a whole number in \[1, 100\], but quality=0"),
        ("peer:webp", "quality", -1, r"quality must be a whole number in \[0, 100\], but quality=-1"),
        ("peer:jpeg2000", "reduction", 1, "reduction must be more than 1, but reduction=1"),
        ("peer:jpegxl", "distance", 0, r"distance must be in \(0, 25\], but distance=0"),
    ],
)
def test_settings_out_of_range_are_named(photograph: Array, codec_id, option, value, words) -> None:
    with pytest.raises(ValueError, match=words):
        codecs.encode(photograph, codec=codec_id, **{option: value})


def test_gray_that_comes_back_as_rgb_is_its_luma(photograph: Array) -> None:
    gray = photograph[..., 0]
    assert_array_equal(as_source(gray, np.dstack([gray] * 3)), gray)
    assert as_source(photograph, photograph) is photograph


def test_a_codec_that_is_not_installed_is_left_out_or_refused_by_its_name(monkeypatch, photograph) -> None:
    for name in ("avif", "jpegxl"):
        monkeypatch.setattr(f"qimg.codecs.peers.{name}.find_spec", lambda name: None)
    ids = [codec.id for codec in chosen(())]
    assert "peer:jpeg" in ids
    assert not {"peer:avif", "peer:jpegxl"} & set(ids)
    with pytest.raises(ValueError, match="codecs names peer:jpegxl, which needs imagecodecs"):
        chosen(["peer:jpeg", "peer:jpegxl"])
    with pytest.raises(ModuleNotFoundError, match="codec peer:jpegxl needs imagecodecs"):
        codecs.encode(photograph, codec="peer:jpegxl", distance=1)
    with pytest.raises(ValueError, match=r"codecs must be one of block, learned, peer:avif, .*, but codecs=.JPEG 3000"):
        chosen(["JPEG 3000"])


def test_what_is_not_measured_is_said_with_what_it_needs() -> None:
    names = [codec.name for codec in registry.codecs() if codec.id in compared_codecs.IDS]
    assert len(names) == len(compared_codecs.IDS)
    assert not_measured(names) == []
    others = [name for name in names if name not in ("JPEG optimised", "JPEG XL")]
    assert not_measured(others) == ["Not measured: JPEG optimised, JPEG XL (needs imagecodecs)."]
