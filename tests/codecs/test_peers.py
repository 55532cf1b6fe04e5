"""The codecs that experiments compare: every one writes and reads what an image may be."""

import io
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from qimg import images, metrics
from qimg.codecs.peers import peers
from qimg.core.arguments import Array
from qimg.evaluation import memory


@pytest.fixture(params=[codec.name for codec in peers.CODECS])
def codec(request) -> peers.Codec:
    (found,) = (one for one in peers.CODECS if one.name == request.param)
    if not found.installed():
        pytest.skip(f"{found.name} needs {found.needs}")
    return found


@pytest.fixture(scope="module")
def photograph() -> Array:
    return images.box_mean(images.bundled("coffee"), 2)


def test_larger_settings_give_larger_files_and_better_pictures(codec: peers.Codec, photograph: Array) -> None:
    files = [codec.encode(photograph, setting) for setting in codec.settings[::3]]
    shown = [codec.decode(data) for data in files]
    quality = [metrics.psnr_db(photograph, one) for one in shown]
    assert all(one.dtype == np.uint8 for one in shown)
    assert all(np.diff([len(data) for data in files]) > 0)
    assert all(np.diff(quality) > 0)


@pytest.mark.parametrize("colours", ["gray", "RGB"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (9, 8), (53, 81)])
def test_pictures_of_any_size_come_back_in_their_shape(
    codec: peers.Codec, photograph: Array, shape: tuple[int, int], colours: str
) -> None:
    image = photograph[: shape[0], : shape[1], 1 if colours == "gray" else slice(None)]
    image = np.ascontiguousarray(image)
    before = image.copy()
    shown = peers.as_given(image, codec.decode(codec.encode(image, codec.settings[-1])))
    assert (shown.shape, shown.dtype) == (image.shape, np.uint8)
    # Half of the colour is thrown away by 4:2:0, and files of a reduction in size may be all header.
    if shape == (53, 81):
        assert metrics.psnr_db(image, shown) > 30
    assert_array_equal(image, before)


def test_files_are_those_of_the_programs_named(photograph: Array) -> None:
    def saved(form: str, **options) -> bytes:
        file = io.BytesIO()
        Image.fromarray(photograph).save(file, form, **options)
        return file.getvalue()

    jpeg, smaller, webp = (peers.chosen([name])[0] for name in ("JPEG", "JPEG optimised", "WebP"))
    assert jpeg.encode(photograph, 50.0) == saved("JPEG", quality=50)
    assert smaller.encode(photograph, 50) == saved("JPEG", quality=50, optimize=True, progressive=True)
    assert webp.encode(photograph, 50) == saved("WEBP", quality=50, method=6)
    assert_array_equal(jpeg.decode(jpeg.encode(photograph, 50)), smaller.decode(smaller.encode(photograph, 50)))


def test_jpeg_2000_meets_its_reduction(photograph: Array) -> None:
    (codec,) = peers.chosen(["JPEG 2000"])
    for reduction in (50, 13):
        # The target is met from below; what is left is less than a coding pass and the box of the file.
        assert 0.9 < len(codec.encode(photograph, reduction)) * reduction / photograph.size < 1.1


def test_gray_that_comes_back_as_rgb_is_its_luma(photograph: Array) -> None:
    gray = photograph[..., 0]
    assert_array_equal(peers.as_given(gray, np.dstack([gray] * 3)), gray)
    assert peers.as_given(photograph, photograph) is photograph


def test_a_codec_that_is_not_installed_is_left_out_or_refused_by_its_name(monkeypatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    names = [codec.name for codec in peers.chosen(())]
    assert "JPEG" in names
    assert not {"AVIF", "JPEG XL"} & set(names)
    with pytest.raises(ValueError, match="codecs names JPEG XL, which needs imagecodecs"):
        peers.chosen(["JPEG", "JPEG XL"])
    with pytest.raises(ValueError, match=r"codecs must be one of AVIF, JPEG, .*, but codecs='JPEG 3000'"):
        peers.chosen(["JPEG 3000"])
    assert np.isnan(peers.ssimulacra2(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)))


def test_what_is_not_measured_is_said_with_what_it_needs() -> None:
    names = [codec.name for codec in peers.CODECS]
    assert peers.not_measured(names) == []
    others = [name for name in names if name not in ("JPEG optimised", "JPEG XL")]
    assert peers.not_measured(others) == ["Not measured: JPEG optimised, JPEG XL (needs imagecodecs)."]


def test_ssimulacra2_is_that_of_its_package(photograph: Array, tmp_path) -> None:
    package = pytest.importorskip("ssimulacra2")
    (codec,) = peers.chosen(["JPEG"])
    shown = codec.decode(codec.encode(photograph, 30))
    for name, image in (("reference", photograph), ("shown", shown)):
        images.save(image, tmp_path / f"{name}.png")
    theirs = package.compute_ssimulacra2(tmp_path / "reference.png", tmp_path / "shown.png")
    assert peers.ssimulacra2(photograph, shown) == theirs < 100
    assert peers.ssimulacra2(photograph, photograph) == 100
    assert np.isnan(peers.ssimulacra2(photograph[:7], shown[:7]))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs the counters of Linux")
def test_memory_grows_at_least_by_the_output() -> None:
    picture = np.tile(images.bundled("coffee"), (3, 3, 1))
    (codec,) = peers.chosen(["JPEG"])
    data = codec.encode(picture, 50)
    encoding, decoding = memory.peak_mebibytes("JPEG", picture, 50, data)
    # The counters of a thread are added to those of the process every few dozen pages: 1 MiB covers them.
    assert decoding > picture.nbytes / 2**20 - 1
    assert len(data) / 2**20 - 1 < encoding < 10 * picture.nbytes / 2**20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs the counters of Linux")
def test_memory_of_a_codec_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        memory.peak_mebibytes("JPEG", np.zeros((8, 8), np.uint8), 50, b"no JPEG")
