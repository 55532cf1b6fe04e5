"""RAW files: what is developed, that broken ones are named, and the pairs and joint operators made of them.

Synthetic DNG files prove the behaviour; the set `raw` in QIMG_DATA shows it on files of two makers.
"""

import dataclasses
import importlib.util
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy.optimize import brentq

from experiments._run import runner
from experiments._run.pictures import gather
from experiments.operators import conditional_expectation, raw_pairs, stages
from qimg import images
from qimg.core import Array
from qimg.images import LEVEL_SHIFT, ImageError
from qimg.images import raw as raw_module
from qimg.operators import CorrelationOperator
from qimg.operators import conditional_expectation as expectation
from qimg.patches import extract_patches
from qimg.prior.jpeg_pairs import joint_operator, pairs

RAW = Path(os.environ.get("QIMG_DATA", "")) / "raw"
FILES = sorted(RAW.glob("*.dng")) if "QIMG_DATA" in os.environ else []

with_rawpy = pytest.mark.skipif(importlib.util.find_spec("rawpy") is None, reason="needs rawpy (extra raw)")
with_set = pytest.mark.skipif(not FILES, reason="needs the set raw in QIMG_DATA")

WHITE = 4095
_XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def write_dng(
    path: Path, bayer: Array, *, make: str = "Maker", model: str = "One", orientation: int = 1, neutral: bool = True
) -> Path:
    """An uncompressed DNG with an RGGB sensor of sRGB primaries and 12 bits; `neutral` needs no white balance."""

    def rationals(values: Array | list[float]) -> list[int]:
        return [part for value in np.ravel(values) for part in (round(10_000 * value), 10_000)]

    tags = [
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),  # DNGVersion
        (50707, "B", 4, bytes([1, 1, 0, 0]), True),  # DNGBackwardVersion
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),  # CFAPattern
        (271, "s", 0, make, True),
        (272, "s", 0, model, True),
        (274, "H", 1, orientation, True),
        (50708, "s", 0, f"{make} {model}", True),  # UniqueCameraModel
        (50714, "H", 1, 0, True),  # BlackLevel
        (50717, "H", 1, WHITE, True),  # WhiteLevel
        (50721, "2i", 9, rationals(np.linalg.inv(_XYZ_OF_RGB)), True),  # ColorMatrix1, under D65
        (50728, "2I", 3, rationals([1.0, 1.0, 1.0] if neutral else [0.5, 1.0, 0.8]), True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
    ]
    tifffile.imwrite(path, bayer.astype(np.uint16), photometric="cfa", extratags=tags, metadata=None)
    return path


def scene(seed: int = 0, shape: tuple[int, int] = (48, 64)) -> Array:
    """A ramp with noise that reaches two thirds of white."""
    ramp = np.add.outer(np.arange(shape[0]), 2 * np.arange(shape[1])) * 15.0
    return np.clip(ramp + np.random.default_rng(seed).integers(0, 50, shape), 0, 2700)


@pytest.fixture
def dng(tmp_path: Path) -> Path:
    return write_dng(tmp_path / "one.dng", scene(), neutral=False)


def tone_curve(linear: Array) -> Array:
    """BT.709's curve as LibRaw makes it: power 1 / 2.222, toe of slope 4.5, both meeting without a kink.

    With y = (1 + a) x^p − a above b and 4.5 x below, value and slope at b give a = 4.5 b (1/p − 1) and one equation.
    """
    power = 1 / 2.222

    def mismatch(end: float) -> float:
        offset = 4.5 * end * (1 / power - 1)
        return (1 + offset) * end**power - offset - 4.5 * end

    end = brentq(mismatch, 1e-3, 0.1)
    offset = 4.5 * end * (1 / power - 1)
    assert end == pytest.approx(0.018, abs=1e-4)  # ITU-R BT.709-6 rounds to 0.018 and 0.099
    assert offset == pytest.approx(0.099, abs=1e-3)
    return np.where(linear < end, 4.5 * linear, (1 + offset) * linear**power - offset)


def check_curve(picture: images.RawPicture) -> None:
    assert picture.linear.dtype == np.float64
    assert picture.rendered.dtype == np.uint16
    assert picture.linear.shape == picture.rendered.shape
    assert picture.linear.min() >= 0
    assert picture.linear.max() <= 1
    # LibRaw cuts the curve, taken over 65536 steps, down to whole values: one step of 16 bits.
    assert np.abs(65535 * tone_curve(picture.linear) - picture.rendered).max() <= 1


@with_rawpy
def test_linear_and_rendered_agree_through_the_tone_curve(dng: Path) -> None:
    picture = images.load_raw(dng)
    assert picture.linear.shape == (48, 64, 3)
    check_curve(picture)
    assert_array_equal(images.load(dng), picture.rendered)


@with_rawpy
def test_linear_light_is_the_share_of_white(tmp_path: Path) -> None:
    for share in (0.1, 0.5, 0.9, 1.0):
        path = write_dng(tmp_path / "flat.dng", np.full((32, 32), round(share * WHITE)))
        # D65 neutral at equal values; the colour matrix is stored with four digits.
        assert_allclose(images.load_raw(path).linear, round(share * WHITE) / WHITE, atol=2e-3)


@with_rawpy
def test_white_is_that_of_the_file_and_not_the_brightest_value(tmp_path: Path) -> None:
    values = scene()
    bright = values.copy()
    bright[:4, :4] = 0.9 * WHITE
    plain, changed = (
        images.load_raw(write_dng(tmp_path / f"{name}.dng", one)) for name, one in (("a", values), ("b", bright))
    )
    # Demosaicing looks a few pixels around.
    assert_array_equal(plain.linear[16:, 16:], changed.linear[16:, 16:])
    assert_array_equal(plain.rendered[16:, 16:], changed.rendered[16:, 16:])


@with_rawpy
def test_a_sensor_without_colour_filters_gives_three_equal_channels(tmp_path: Path) -> None:
    path = tmp_path / "gray.dng"
    tags = [(50706, "B", 4, bytes([1, 4, 0, 0]), True), (50717, "H", 1, WHITE, True)]  # DNGVersion, WhiteLevel
    tifffile.imwrite(path, scene().astype(np.uint16), photometric="minisblack", extratags=tags, metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["PhotometricInterpretation"].overwrite(34892)  # LinearRaw
    picture = images.load_raw(path)
    # LibRaw calculates in 16 bits: one step of them.
    assert_allclose(picture.linear, np.dstack([np.floor(scene()) / WHITE] * 3), atol=1.5 / 65535)
    check_curve(picture)


@with_rawpy
def test_orientation_is_applied(tmp_path: Path) -> None:
    upright = images.load_raw(write_dng(tmp_path / "upright.dng", scene()))
    turned = images.load_raw(write_dng(tmp_path / "turned.dng", scene(), orientation=6))
    assert_array_equal(turned.rendered, np.rot90(upright.rendered, -1))
    assert_array_equal(turned.linear, np.rot90(upright.linear, -1))


@with_rawpy
@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("GoPro", "FUSION", "GoPro FUSION"),
        ("Canon", "Canon EOS Kiss X4", "Canon EOS Kiss X4"),
        ("", "", "unknown camera"),
    ],
)
def test_camera_is_make_and_model(tmp_path: Path, make: str, model: str, camera: str) -> None:
    assert images.load_raw(write_dng(tmp_path / "x.dng", scene(), make=make, model=model)).camera == camera


def test_camera_of_a_file_that_is_no_tiff_is_that_of_its_preview(tmp_path: Path) -> None:
    (tmp_path / "x.raf").write_bytes(b"FUJIFILMCCD-RAW ")
    exif = Image.Exif()
    exif[271], exif[272] = "FUJIFILM", "X-T1"
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    preview = SimpleNamespace(extract_thumb=lambda: SimpleNamespace(data=buffer.getvalue()))
    assert raw_module._camera(tmp_path / "x.raf", preview) == "FUJIFILM X-T1"
    assert raw_module._camera(tmp_path / "x.raf", SimpleNamespace()) == "unknown camera"


@with_rawpy
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("read", [images.load, images.load_raw], ids=lambda read: read.__name__)
def test_a_truncated_file_is_named(dng: Path, share: float, read: Callable[[Path], object]) -> None:
    content = dng.read_bytes()
    cut = dng.with_name("cut.NEF")
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ImageError, match=r"cut\.NEF: cannot be read as a RAW file \(\w"):
        read(cut)


@with_rawpy
def test_what_is_no_raw_file_is_named(tmp_path: Path) -> None:
    # A TIFF file that Pillow reads is no RAW file whatever its name.
    tifffile.imwrite(tmp_path / "text.dng", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "text.cr2").write_text("not a picture")
    for name in ("text.dng", "text.cr2"):
        with pytest.raises(ImageError, match=f"{name}: cannot be read as a RAW file"):
            images.load(tmp_path / name)


@pytest.mark.slow
@with_rawpy
def test_experiment_on_raw_files_of_two_cameras_and_a_rendered_picture(tmp_path: Path) -> None:
    for k, camera in enumerate(("One", "One", "Two")):
        write_dng(tmp_path / f"{k}.dng", scene(k), model=camera)
    images.save(images.bundled("coffee")[:48, :64], tmp_path / "photo.png")
    params = dataclasses.replace(raw_pairs.TINY, images=(str(tmp_path),), box_mean=1)
    measured = runner.measure("raw_pairs", params)
    rows = measured.rows
    single = {(row.image, row.stage): row for row in rows if row.image != "pooled"}
    assert [stage for image, stage in single if image == "photo"] == ["rendered 8 bit", "JPEG Q20 4:2:0"]
    assert {stage for image, stage in single if image == "0"} == {
        *("linear", "rendered 16 bit", "rendered 8 bit", "JPEG Q20 4:2:0")
    }
    linear, deep = single["0", "linear"], single["0", "rendered 16 bit"]
    raw = images.load_raw(tmp_path / "0.dng")
    expected = CorrelationOperator.from_planes(images.rgb_to_ycbcr(255 * raw.linear)).density_matrix()
    reference = CorrelationOperator.from_planes(images.to_ycbcr(raw.rendered)).density_matrix()
    distance = np.abs(np.linalg.eigvalsh(expected - reference)).sum() / 2
    assert linear.trace_distance == pytest.approx(distance, rel=1e-6)
    assert (deep.trace_distance, deep.psnr_y_db) == (0, np.inf)
    coded = single["0", "JPEG Q20 4:2:0"]
    (pair,) = pairs(raw, (20,), ("4:2:0",))
    assert (coded.bits_per_pixel, coded.fitted_on) == (pair.bits_per_pixel, 3)
    pooled = [(row.camera, row.reference, row.stage) for row in rows if row.image == "pooled"]
    assert set(pooled) == {
        (first, second, stage)
        for first, second in (("Maker One", "Maker Two"), ("Maker Two", "Maker One"))
        for stage in ("linear", "rendered 16 bit")
    }
    assert any("2 cameras: Maker One, Maker Two" in sentence for sentence in raw_pairs.findings(rows))
    folder = runner.record(measured, tmp_path / "results")
    assert (folder / "figure.png").stat().st_size > 0


def test_experiment_without_raw_files_says_so() -> None:
    (sentence, *_) = raw_pairs.findings(runner.measure("raw_pairs", raw_pairs.TINY).rows)
    assert sentence == "4 pictures, 0 of them RAW files: no linear light, no sensors."


def test_rounding_alone_is_no_energy() -> None:
    gray = np.full((16, 16, 3), 128, np.uint8)
    operator = CorrelationOperator.from_planes(images.to_ycbcr(gray) + 1e-14)
    assert np.isnan([value for name, value in stages.compared(operator, operator).items() if name != "patches"]).all()


def colour(seed: int = 0, shape: tuple[int, ...] = (20, 27, 3)) -> Array:
    """A picture in 16 bit with correlated neighbours, not a multiple of 8."""
    noise = np.random.default_rng(seed).normal(0, 3000, shape)
    return np.clip(32768 + np.cumsum(np.cumsum(noise, axis=0), axis=1) / 4, 0, 65535).astype(np.uint16)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("image", [colour(), colour(1, (16, 17))], ids=["colour", "gray"])
def test_joint_operator_is_the_sum_over_all_patches(image: Array, subsampling: str) -> None:
    options = {"subsampling": subsampling} if image.ndim == 3 else {}
    decoded = images.jpeg_round_trip(images.to_uint8(image / 257), quality=30, **options).image
    source, coded = images.to_ycbcr(image), images.to_ycbcr(decoded)
    expected, plain, count = np.zeros((384, 384)), np.zeros((384, 384)), 0
    for flips in ((), (1,), (2,), (1, 2)):
        for x, z in zip(extract_patches(source), extract_patches(coded), strict=True):
            planes = [np.flip(one.reshape(3, 8, 8), flips).ravel() for one in (z - LEVEL_SHIFT, x - z)]
            vector = np.concatenate(planes)
            expected += np.outer(vector, vector)
            plain += np.outer(vector, vector) if not flips else 0
            count += 1
    joint = joint_operator(image, quality=30, subsampling=subsampling)
    assert joint.count == count
    # Sums of squares below 255² · n in another order.
    assert_allclose(joint.matrix, expected, rtol=1e-10, atol=1e-6)
    once = joint_operator(image, quality=30, subsampling=subsampling, mirrored=False)
    assert_allclose(once.matrix, plain, rtol=1e-10, atol=1e-6)
    assert once.count == count / 4


def test_16_bits_keep_their_precision_in_the_error() -> None:
    deep, whole = colour(), images.to_uint8(colour() / 257)
    joint, rounded = (joint_operator(one, quality=50) for one in (deep, whole))
    assert_array_equal(joint.matrix[:192, :192], rounded.matrix[:192, :192])
    assert np.abs(joint.matrix[192:, 192:] - rounded.matrix[192:, 192:]).max() > 1e-3


def test_the_experiment_uses_this_operator() -> None:
    (picture,) = [one for one in gather((), box_mean=8).pictures if one.name == "coffee"]
    joint = conditional_expectation.joint_operator(picture, 20)
    assert_array_equal(joint.matrix, joint_operator(picture.image(), quality=20).matrix)


def test_the_expectation_lessens_the_error_that_it_was_fitted_on() -> None:
    image = images.box_mean(images.bundled("coffee"), 4)
    (pair,) = pairs(image, (20,), ("4:2:0",))
    estimator = expectation(joint_operator(image, quality=20), observed=192, noise_variance=1.0)
    z, x = (extract_patches(images.to_ycbcr(one)) - LEVEL_SHIFT for one in (pair.decoded, pair.image))
    assert estimator.weights.shape == (192, 192)
    assert np.mean((z + estimator.apply(z) - x) ** 2) < 0.97 * np.mean((z - x) ** 2)


@pytest.mark.parametrize("image", [colour(), colour(1, (16, 17)), colour(2, (9, 8, 4))], ids=["rgb", "gray", "alpha"])
def test_pairs_are_every_file_of_the_picture(image: Array) -> None:
    made = list(pairs(image, iter((10, 90)), ("4:4:4", "4:2:0")))
    assert [(pair.subsampling, pair.quality) for pair in made] == [
        *(("4:4:4", 10), ("4:4:4", 90), ("4:2:0", 10), ("4:2:0", 90))
    ]
    for pair in made:
        options = {} if image.ndim == 2 else {"subsampling": pair.subsampling}
        coded = images.jpeg_round_trip(image, quality=pair.quality, **options)
        assert_array_equal(pair.decoded, coded.image)
        assert_array_equal(pair.image, images.without_alpha(image))
        assert pair.bits_per_pixel == 8 * len(coded.file) / (image.shape[0] * image.shape[1])


@pytest.mark.parametrize("image", [colour(), colour(1, (16, 17))], ids=["colour", "gray"])
def test_settings_of_pairs_are_checked(image: Array) -> None:
    with pytest.raises(ValueError, match=r"subsampling must be one of .*, but subsampling='4:1:1'"):
        joint_operator(image, quality=10, subsampling="4:1:1")
    with pytest.raises(ValueError, match=r"quality must be in \[1, 100\], but quality=0"):
        next(pairs(image, (0,)))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / "x.arw").write_bytes(b"")
    for read in (images.load, images.load_raw):
        with pytest.raises(ImageError, match=r"x\.arw: RAW files need the package rawpy \(extra `raw`\)$"):
            read(tmp_path / "x.arw")


@with_set
@with_rawpy
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_of_cameras_are_developed(path: Path) -> None:
    picture = images.load_raw(path)
    check_curve(picture)
    assert picture.linear.size > 3_000_000
    assert_array_equal(images.load(path), picture.rendered)


@with_set
@with_rawpy
def test_two_makers_are_told_apart_and_stay_near_each_other() -> None:
    rows = raw_pairs.run(raw_pairs.Params(images=(str(RAW),), box_mean=4, qualities=(30,)))
    cameras = {row.camera for row in rows}
    assert cameras == {"Canon EOS Kiss X4", "GoPro FUSION", "GoPro HERO6 Black"}
    for row in rows:
        assert 0 <= row.trace_distance < 0.3
        assert 0.8 < row.fidelity <= 1
    coded = [row for row in rows if row.quality]
    assert len(coded) == 6
    assert all(row.fitted_on == 2 for row in coded)
