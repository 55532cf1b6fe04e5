"""`qimg.restore` on real JPEG files: what it gains, what it keeps, what it says of its errors, and what it refuses."""

import io
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

import qimg
from qimg import images, restoration
from qimg.core.artifacts import ArtifactError
from qimg.images.jpeg import DamagedJpegWarning
from qimg.images.jpeg.blocks import decoded
from qimg.images.jpeg.coefficients import read_jpeg
from qimg.restoration import Model, restore, restore_picture
from qimg.restoration.jpeg.estimator import Explicit, in_strips
from qimg.restoration.jpeg.fitting import Recipe, fit
from qimg.restoration.jpeg.fitting.draws import drawn
from qimg.restoration.jpeg.symmetry import orders

COFFEE = images.bundled("coffee")[:200, :264]


def jpeg(pixels: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def shown(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as file:
        return np.array(file)


@pytest.fixture(scope="module")
def small() -> Model:
    """A model of a few classes, fitted on two of the bundled photographs."""
    photographs = [images.bundled(name)[:256, :256] for name in ("astronaut", "chelsea")]
    recipe = Recipe(classes=(2, 3), pixels=60_000, most=2, gate_vectors=2000, epochs=2)
    return fit(photographs, recipe, held_out=[images.bundled("motorcycle")[:128, :128]])


@pytest.mark.parametrize(("quality", "least"), [(10, 0.9), (40, 0.9), (75, 0.6), (95, 0.1)])
def test_gray_pictures_gain(quality, least):
    plane = images.to_uint8(images.luma(COFFEE))
    content = jpeg(plane, quality=quality)
    restored = restore(content)
    assert restored.shape == plane.shape
    assert restored.dtype == np.uint8
    assert qimg.psnr_db(plane, restored) - qimg.psnr_db(plane, shown(content)) > least


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_colour_gains_in_luma_and_in_rgb(subsampling):
    content = images.jpeg_round_trip(COFFEE, quality=10, subsampling=subsampling).file
    restored, plain = restore(content), shown(content)
    assert qimg.psnr_db(COFFEE, restored) - qimg.psnr_db(COFFEE, plain) > 0.9
    luma = images.luma(COFFEE)
    gain = qimg.psnr_db(luma, images.luma(restored), data_range=255) - qimg.psnr_db(
        luma, images.luma(plain), data_range=255
    )
    assert gain > 0.9


def test_more_effort_gives_more():
    plane = images.to_uint8(images.luma(COFFEE))
    content = jpeg(plane, quality=20)
    found = [qimg.psnr_db(plane, restore(content, effort=effort)) for effort in (1, 2, 3, 5)]
    assert found == sorted(found)


@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (8, 8), (17, 64), (33, 1)])
def test_every_size_is_restored(shape):
    rows, columns = shape
    for pixels in (COFFEE[:rows, :columns], COFFEE[:rows, :columns, 1]):
        restored = restore(jpeg(np.ascontiguousarray(pixels), quality=50))
        assert restored.shape == pixels.shape


def test_other_tables_and_rgb_components():
    flat = [[24] * 64, [40] * 64]
    content = jpeg(COFFEE, qtables=flat, subsampling=0)
    assert qimg.psnr_db(COFFEE, restore(content)) > qimg.psnr_db(COFFEE, shown(content)) + 0.5
    rgb = jpeg(COFFEE, quality=20, keep_rgb=True)
    assert qimg.psnr_db(COFFEE, restore(rgb)) > qimg.psnr_db(COFFEE, shown(rgb)) + 0.5
    steep = jpeg(COFFEE, qtables=[list(range(1, 256, 4))[:64], [255] * 64], subsampling=0)
    assert qimg.psnr_db(COFFEE, restore(steep)) > qimg.psnr_db(COFFEE, shown(steep))


def test_progressive_files_hold_the_same_picture():
    assert np.array_equal(restore(jpeg(COFFEE, quality=30, progressive=True)), restore(jpeg(COFFEE, quality=30)))


def test_constant_pictures_stay(small):
    for level in (0, 77, 255):
        constant = np.full((40, 24), level, np.uint8)
        content = jpeg(constant, quality=30)
        assert np.abs(restore(content, model=small).astype(int) - shown(content)).max() <= 1


def test_strips_leave_no_seams(small, monkeypatch):
    content = jpeg(COFFEE, quality=20)
    component = read_jpeg(content).components[0]
    whole = in_strips(Explicit(small, 2), component.coefficients, component.table)
    parts = []
    monkeypatch.setattr("qimg.restoration.jpeg.estimator.STRIP", 1)
    strips = in_strips(
        Explicit(small, 2), component.coefficients, component.table, track=lambda some: parts.extend(some) or some
    )
    assert len(parts) > 1
    # matrix products of other sizes round differently; a class can only change where two are equally likely
    assert np.quantile(np.abs(strips.values - whole.values), 0.999) < 1e-2
    assert np.quantile(np.abs(strips.variance - whole.variance), 0.999) < 1e-2 * whole.variance.max()


@pytest.mark.parametrize("g", range(1, 8))
def test_a_stage_treats_turned_pictures_alike(small, g):
    plane = images.luma(COFFEE)[:96, :96].astype(np.float32)
    plane += np.random.default_rng(0).normal(0, 0.01, plane.shape).astype(np.float32)  # no two slopes are equal

    def turn(x: np.ndarray) -> np.ndarray:
        return x.ravel()[orders(96)[g]].reshape(96, 96)

    for stage in small.cascade.stages:
        first, second = stage.apply(plane, plane, 8.0), stage.apply(turn(plane), turn(plane), 8.0)
        # single precision sums in another order; a patch may change its class where two are equally likely
        assert np.quantile(np.abs(turn(first.values) - second.values), 0.999) < 1e-2
        assert np.allclose(turn(first.variance), second.variance, rtol=1e-3)


def test_values_stay_in_the_narrowed_cells(small):
    content = jpeg(COFFEE[..., 1], quality=20)
    component = read_jpeg(content).components[0]
    values = in_strips(Explicit(small, 2), component.coefficients, component.table).values
    again = drawn(values, component.table).coefficients
    assert np.array_equal(again, component.coefficients)


@pytest.mark.parametrize("quality", [10, 20, 40])
def test_intervals_cover_what_they_say_on_bundled_photographs(quality):
    inside, pixels = 0, 0
    for name in images.BUNDLED:
        plane = images.to_uint8(images.luma(images.bundled(name)))[:256, :256]
        restored = restore_picture(jpeg(plane, quality=quality))
        error = np.abs(restored.image.astype(float) - plane)
        inside += int((error <= restored.half_width(0.9) + 0.5).sum())
        pixels += error.size
    # Four crops of photographs scatter by several percent around what many pictures give (docs/results/restoration.md).
    assert 0.84 < inside / pixels < 0.96


def test_half_widths_grow_with_probability(small):
    restored = restore_picture(jpeg(COFFEE, quality=20), model=small)
    assert restored.deviation.shape == COFFEE.shape[:2]
    assert (restored.half_width(0.95) > restored.half_width(0.5)).all()
    with pytest.raises(ValueError, match=r"probability must be in \[0.5, 0.99\], but probability=0.3"):
        restored.half_width(0.3)


@pytest.mark.parametrize(("quality", "share"), [(10, 0.99999), (40, 0.9999), (90, 0.999)])
def test_draws_give_the_files_coefficients_again(quality, share):
    plane = images.to_uint8(images.luma(COFFEE))
    drawn_picture = restore_picture(jpeg(plane, quality=quality), tune="natural")
    assert drawn_picture.equal_coefficients >= share
    again = read_jpeg(jpeg(drawn_picture.image, quality=quality)).components[0].coefficients
    kept = read_jpeg(jpeg(plane, quality=quality)).components[0].coefficients
    assert (again == kept).mean() == drawn_picture.equal_coefficients


def test_draws_have_the_energy_that_means_lack():
    plane = images.to_uint8(images.luma(COFFEE))
    content = jpeg(plane, quality=10)
    mean, one, same, other = (
        restore(content, tune=tune, **({} if seed is None else {"rng": np.random.default_rng(seed)}))
        for tune, seed in (("psnr", None), ("natural", 1), ("natural", 1), ("natural", 2))
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    roughness = [float(np.diff(image.astype(float), axis=1).var()) for image in (plane, mean, one)]
    assert roughness[1] < roughness[2]
    assert abs(np.log(roughness[2] / roughness[0])) < abs(np.log(roughness[1] / roughness[0]))
    with pytest.raises(ValueError, match="rng has no effect on the mean"):
        restore(content, rng=np.random.default_rng(0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright_as_load_does(orientation, tmp_path, small):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    Image.fromarray(COFFEE[:40, :64]).save(path, quality=90, exif=exif)
    loaded, restored = images.load(path), restore_picture(path, model=small, effort=1)
    assert restored.image.shape == loaded.shape
    assert restored.deviation.shape == loaded.shape[:2]
    assert np.abs(restored.image.astype(int) - loaded).mean() < 4


def test_a_damaged_file_gives_what_it_holds_and_says_what_is_lost(small):
    content = jpeg(COFFEE, quality=60)
    half = content[: len(content) // 2]
    with pytest.warns(DamagedJpegWarning, match=r"Premature end of JPEG file\): .* % of its blocks are missing"):
        restored = restore(half, model=small)
    whole = restore(content, model=small)
    assert np.array_equal(restored[:40], whole[:40])
    known = restore_picture(half, model=small)
    assert 0.2 < known.missing < 0.8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        restore_picture(half, model=small)
        restore(content, model=small)


def test_nothing_is_stated_about_what_is_missing(small):
    content = jpeg(COFFEE, quality=60)
    known = restore_picture(content[: len(content) // 2], effort=1)
    missing, error = np.isnan(known.deviation), images.luma(known.image) - images.luma(COFFEE)
    assert known.missing < missing.mean() < known.missing + 0.2
    assert not np.isnan(known.deviation[:40]).any()
    # What is stated holds for the rest: one picture, so within a third.
    assert 0.7 < np.sqrt(np.square(error[~missing]).mean()) / known.rms_deviation < 1.4
    with pytest.raises(images.ImageError, match=r"is damaged .Premature end of JPEG file."):
        restore(content[: len(content) // 2], model=small, strict=True)
    lossless = restore_picture(jpeg(COFFEE, quality=100), model=small)
    assert np.isnan(lossless.rms_deviation)
    flat = restore_picture(jpeg(COFFEE, qtables=[[24] * 64] * 2), model=small)
    assert np.isnan(flat.deviation).all()


@pytest.mark.parametrize("quality", [10, 40, 90])
def test_the_deviation_of_a_draw_is_that_of_the_draw(quality):
    plane = images.to_uint8(images.luma(images.bundled("chelsea")))[:160, :200]
    mean, one = (restore_picture(jpeg(plane, quality=quality), tune=tune) for tune in ("psnr", "natural"))
    error = np.abs(one.image.astype(float) - plane)
    assert one.rms_deviation > 1.2 * mean.rms_deviation
    assert 0.75 < np.sqrt(np.square(error).mean()) / one.rms_deviation < 1.25
    assert 0.8 < (error <= one.half_width(0.9) + 0.5).mean() < 0.98


@pytest.mark.slow
def test_any_number_of_threads_gives_the_same_picture():
    script = (
        "import hashlib, qimg; from qimg import images; photo = images.bundled('coffee')[:128, :160]; "
        "file = images.jpeg_round_trip(photo, quality=20).file; print(hashlib.sha256(qimg.restore(file)).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
            capture_output=True, text=True, check=True,
        ).stdout
        for threads in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def test_options_are_checked(small):
    content = jpeg(COFFEE, quality=60)
    with pytest.raises(ValueError, match=r"effort must be in \[1, 9\], but effort=10"):
        restore(content, effort=10, model=small)
    with pytest.raises(ValueError, match="method must be one of explicit, network, but method='magic'"):
        restore(content, method="magic", model=small)
    with pytest.raises(ValueError, match="tune must be one of natural, psnr, but tune='x'"):
        restore(content, tune="x", model=small)


def test_models_are_files(small, tmp_path):
    path = tmp_path / "own.restorer"
    small.save(path)
    again = restoration.load(path)
    assert again.sha256 == small.sha256
    content = jpeg(COFFEE, quality=30)
    assert np.array_equal(restore(content, model=again), restore(content, model=small))
    assert again.provenance["inputs"] == ["array 1", "array 2"]
    assert "classes (2, 3)" in repr(again)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtifactError, match=r"own\.restorer: cannot be read as a restorer: it is cut or altered"):
        restoration.load(path)
    qimg.prior.load().save(tmp_path / "other.restorer")
    with pytest.raises(ArtifactError, match=r"other\.restorer: cannot be read as a restorer: it holds a prior"):
        restoration.load(tmp_path / "other.restorer")


def test_equal_fits_give_equal_files(small):
    photographs = [images.bundled(name)[:256, :256] for name in ("astronaut", "chelsea")]
    recipe = Recipe(classes=(2, 3), pixels=60_000, most=2, gate_vectors=2000, epochs=2)
    assert fit(photographs, recipe, held_out=[images.bundled("motorcycle")[:128, :128]]).sha256 == small.sha256


def test_the_fit_says_what_it_cannot_use(tmp_path):
    with pytest.raises(images.ImageError, match="must measure at least 64×64 pixels"):
        fit([np.zeros((20, 90), np.uint8)], Recipe())
    with pytest.raises(ValueError, match="classes must name at least one stage"):
        Recipe(classes=())
    with pytest.raises(ValueError, match=r"qualities must be in \[1, 100\], but qualities=0"):
        Recipe(qualities=(0,))


def test_the_default_model_is_small_and_was_fitted_on_no_evaluation_picture():
    model = restoration.load()
    assert len(model.to_bytes()) <= 8 << 20
    assert len(model.provenance["inputs"]) == 241
    named = " ".join(model.provenance["inputs"])
    assert not any(name in named for name in ("kodak", "live1", "classic5", "standards", "kodim"))


def test_decoded_planes_are_exact_for_a_constant():
    coefficients = np.zeros((2, 3, 8, 8), np.int16)
    coefficients[..., 0, 0] = 3
    assert np.allclose(decoded(coefficients, np.full((8, 8), 16.0)), 128 + 3 * 16 / 8, atol=1e-4)
