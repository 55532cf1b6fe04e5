"""Truth deeper than 8 bits: what a fit makes of it, that judged cameras are left out, what the experiment measures."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from experiments._run.pictures import gather
from experiments.restoration import deep_methods, restoration_raw
from experiments.restoration.deep_methods import ALWAYS, DEEP, FITTED, JPEG, SHIPPED, Fits, table_of_methods
from experiments.restoration.deep_pictures import NO_CAMERA, DeepPicture, area, deep_picture, drawn_tiles, grain, tiles
from experiments.restoration.restoration_raw import BYTES, UNROUNDED, Params, nearer_to_truth, outside_cells
from qimg import images, restoration
from qimg.images.collections import gather as sources
from qimg.restoration.jpeg.fitting import Recipe, fit
from qimg.restoration.jpeg.fitting.draws import draws, planes

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)
RAW = Path(os.environ.get("QIMG_DATA", "")) / "raw"


def deep(seed: int = 0, shape: tuple[int, ...] = (72, 80)) -> np.ndarray:
    """A part of a photograph at half size, in 16 bits."""
    photograph = images.bundled("astronaut").astype(np.uint16) * 257
    top, left = np.random.default_rng(seed).integers(0, 256 - np.array(shape[:2]))
    part = images.box_mean(photograph, 2)[top : top + shape[0], left : left + shape[1]]
    return part if len(shape) == 3 else part[..., 1]


@given(SEEDS, st.booleans())
def test_the_truth_lies_within_half_a_code_value_of_its_bytes(seed, colour):
    (source,) = sources([deep(seed, (72, 80, 3) if colour else (72, 80))])
    (luma, chroma), (whole, halves) = (planes(source, rounded=rounded) for rounded in (False, True))
    assert_array_equal(np.rint(luma), whole)
    assert np.abs(luma - whole).max() > 0.4
    assert len(chroma) == len(halves) == (2 if colour else 0)
    for one, other in zip(chroma, halves, strict=True):
        assert 0 < np.abs(one - other).max() <= 0.5 + 1e-5  # float32


@given(SEEDS)
def test_what_is_compressed_is_the_same_for_either_truth(seed):
    found = []
    for rounded in (False, True):
        rng = np.random.default_rng(seed)
        options = {"qualities": (20, 98), "pixels": 10_000, "most": 3, "chroma": False, "rounded": rounded}
        found.append(list(draws(sources([deep(seed, (72, 80, 3))]), rng=rng, **options)))
    assert len(found[0]) == len(found[1]) == 2
    for ours, whole in zip(*found, strict=True):
        assert_array_equal(ours.coefficients, whole.coefficients)
        assert_array_equal(ours.table, whole.table)
        assert_array_equal(np.rint(ours.plane), whole.plane)


def test_rounded_truth_is_that_of_the_bytes_and_deep_truth_of_bytes_is_the_bytes():
    recipe = Recipe(classes=(2,), pixels=6000, most=2, gate_vectors=500, epochs=1, noise_variance=0.01)
    picture = deep()
    whole = images.to_uint8(images.code_values(picture))
    models = {
        "deep, rounded": fit([picture], recipe),
        "bytes": fit([whole], recipe),
        "bytes, not rounded": fit([whole], dataclasses.replace(recipe, rounded=False)),
        "deep": fit([picture], dataclasses.replace(recipe, rounded=False)),
    }
    arrays = {name: model.contents.arrays for name, model in models.items()}
    same = {
        name: all(np.array_equal(own[key], arrays["bytes"][key]) for key in arrays["bytes"])
        for name, own in arrays.items()
    }
    assert same == {"deep, rounded": True, "bytes": True, "bytes, not rounded": True, "deep": False}
    assert models["deep"].provenance["recipe"]["rounded"] is False


def test_what_is_judged_is_never_fitted_on(monkeypatch):
    fitted: list[list[np.ndarray]] = []

    def spy(pictures, recipe, *, held_out=()):
        fitted.append([*pictures, *held_out])
        return restoration.load()

    monkeypatch.setattr(deep_methods, "fit", spy)
    cameras = {"one": "A", "two": "A", "three": "B", "four": NO_CAMERA, "five": NO_CAMERA}
    pictures = [
        DeepPicture(name=name, sha256=name, camera=camera, pixels=np.full((128, 128), number, np.uint16))
        for number, (name, camera) in enumerate(cameras.items())
    ]
    fits = Fits(Params().recipe(), evaluated=[], sources=[], pixels=10**6, side=64)
    expected = {"one": {2, 3, 4}, "two": {2, 3, 4}, "three": {0, 1, 3, 4}, "four": {0, 1, 2, 4}, "five": {0, 1, 2, 3}}
    for picture in pictures:
        fitted.clear()
        found = fits.of(picture, pictures, names=["deep (bytes)"])
        assert {int(tile.pixels[0, 0]) for tile in found["deep (bytes)"].tiles} == expected[picture.name]
        if fitted:  # the first two share theirs
            assert {int(pixels[0, 0]) for pixels in fitted[0]} == expected[picture.name]


def test_ordinary_pictures_that_are_judged_are_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(deep_methods, "fit", lambda *_, **__: restoration.load())
    for name in ("astronaut", "coffee"):
        images.save(images.bundled(name)[:128, :128], tmp_path / f"{name}.png")
    judged = gather([str(tmp_path / "coffee.png")], box_mean=1).pictures
    picture = deep_picture(judged[0], tone="rendered")
    fits = Fits(Params().recipe(), evaluated=judged, sources=[str(tmp_path)], pixels=10**6, side=64)
    found = fits.of(picture, [picture], names=["pictures (bytes)"])["pictures (bytes)"].tiles
    assert_array_equal(found[0].pixels.dtype, np.uint8)
    assert {tile.name.split()[0] for tile in found} == {gather([str(tmp_path / "astronaut.png")]).pictures[0].sha256}
    with pytest.raises(ValueError, match="sources must hold a picture that images does not"):
        Fits(Params().recipe(), evaluated=judged, sources=[str(tmp_path / "coffee.png")], pixels=1, side=64).of(
            picture, [picture], names=list(FITTED)
        )


def test_bundled_photographs_stand_in_without_another_camera_but_not_for_themselves(monkeypatch):
    monkeypatch.setattr(deep_methods, "fit", lambda *_, **__: restoration.load())
    (coffee,) = (one for one in gather([], box_mean=4).pictures if one.name == "coffee")
    picture = deep_picture(coffee, tone="rendered")
    fits = Fits(Params().recipe(), evaluated=[], sources=[], pixels=10**8, side=64)
    names = {one.sha256: one.name for one in gather([], box_mean=2).pictures}
    found = fits.of(picture, [picture], names=["deep (bytes)", "pictures (bytes)"])
    for one in found.values():
        assert {names[tile.name.split()[0]] for tile in one.tiles} == set(images.BUNDLED) - {"coffee"}


def test_the_shipped_estimator_is_that_of_restore_before_it_rounds():
    plane = images.to_uint8(images.luma(deep(3, (61, 75, 3))))
    for quality, alone in ((30, False), (98, True)):
        file = images.jpeg_round_trip(plane, quality=quality).file
        shown = table_of_methods({})[SHIPPED].restore(file)
        assert_array_equal(images.to_uint8(shown.values), restoration.restore(file))
        assert shown.left_alone is alone
        always = table_of_methods({})[ALWAYS].restore(file)
        assert np.array_equal(always.values, shown.values) is not alone
        assert shown.half_width is not None
        assert shown.half_width.shape == plane.shape


def test_a_network_is_that_of_restore_before_it_rounds():
    pytest.importorskip("torch")
    plane = images.to_uint8(images.luma(deep(4, (61, 75, 3))))
    file = images.jpeg_round_trip(plane, quality=30).file
    shown = table_of_methods({}, networks=[5])["network, effort 5"].restore(file)
    assert_array_equal(images.to_uint8(shown.values), restoration.restore(file, method="network", effort=5))


def test_decoded_files_are_those_of_libjpeg_before_it_rounds():
    coded = images.jpeg_round_trip(images.to_uint8(images.luma(deep(5))), quality=60)
    values = table_of_methods({})[JPEG].restore(coded.file).values
    # libjpeg decodes in integers: it may round a value near one half to the other side.
    assert np.abs(values - coded.image).max() < 0.6


def test_coefficients_outside_their_cells_are_counted():
    plane = np.full((16, 24), 96.0)
    file = images.jpeg_round_trip(plane.astype(np.uint8), quality=50).file
    assert outside_cells(plane, file) == 0
    # A step of 16 in DC is 2 code values: 1.5 of them leave the cell, and no other coefficient changes.
    assert_allclose(outside_cells(plane + 1.5, file), 1 / 64)
    assert np.isnan(outside_cells(plane[:4], file))


def test_tiles_cover_a_picture_once():
    pixels = np.arange(200 * 150).reshape(200, 150)
    parts = tiles("picture", pixels, 64)
    assert_array_equal(np.sort(np.concatenate([part.pixels.ravel() for part in parts])), pixels.ravel())
    assert all(min(part.pixels.shape) >= 64 for part in parts)
    assert len(parts) == 6
    chosen = drawn_tiles(parts, 9000, np.random.default_rng(0))
    assert 9000 <= area(chosen) < 9000 + area(parts[:1])
    assert len({tile.name for tile in chosen}) == len(chosen)
    assert area(drawn_tiles(parts, 10**9, np.random.default_rng(0))) == pixels.size


def test_grain_of_white_noise(rng):
    found = grain([rng.normal(128, 3, (256, 256))])
    # 28 of 63 coefficients; the quietest tenth of means of 28 squares lies at 0.676 of their mean (a law of χ²).
    assert_allclose(found.fine_share, 28 / 63, rtol=0.02)
    assert_allclose(found.noise_floor, 3 * np.sqrt(0.676), rtol=0.02)


def test_means_of_bytes_keep_what_rounding_would_take():
    (picture,) = (one for one in gather([], box_mean=2).pictures if one.name == "chelsea")
    found = deep_picture(picture, tone="rendered")
    photograph = images.bundled("chelsea")[:300, :450].astype(np.float64)
    means = photograph.reshape(150, 2, 225, 2, 3).mean(axis=(1, 3))
    assert_allclose(images.code_values(found.pixels), means, atol=0.5 / 257 + 1e-9)
    assert found.camera == NO_CAMERA


@pytest.fixture(scope="module")
def rows():
    return restoration_raw.run(dataclasses.replace(restoration_raw.TINY, qualities=(10, 100)))


@pytest.mark.slow
def test_rounding_is_noise_at_low_quality_and_shown_at_high_quality(rows):
    # At quality 100 the file holds the bytes nearly exactly, at quality 10 it knows little of what rounding did: errors
    # of 10 code values times 0.29, twice over, leave 0.4 of doubt in 30 000 pixels.
    assert nearer_to_truth(rows, quality=100, method=JPEG) < -0.7
    assert nearer_to_truth(rows, quality=10, method=JPEG) > -0.3
    for row in rows:
        if (row.quality, row.method, row.truth, row.output) == (100, JPEG, UNROUNDED, BYTES):
            assert row.squared_error > 0.9 / 12
            assert row.outside_cells > 0.2


@pytest.mark.slow
def test_rounding_the_output_adds_a_twelfth(rows):
    errors = {(row.image, row.quality, row.method, row.truth, row.output): row.squared_error for row in rows}
    for (image, quality, method, truth, output), error in errors.items():
        if output == BYTES and quality == 10 and truth == UNROUNDED:
            # Its spread over 10 000 pixels: errors of 10 code values times 0.29, twice over.
            own = errors[image, quality, method, truth, UNROUNDED]
            pixels = 75 * 112
            assert abs(error - own - 1 / 12) < 5 * 2 * np.sqrt(own / 12 / pixels)


def test_fits_are_named_by_what_they_were_fitted_on(rows):
    assert {row.method for row in rows} == {JPEG, SHIPPED, ALWAYS, *restoration_raw.TINY.fits}
    for row in rows:
        assert (row.fitted_pixels > 0) == (row.method in FITTED)
    assert all(DEEP in kinds for name, (kinds, _) in FITTED.items() if name.startswith(("deep", "both")))


@pytest.mark.skipif(not RAW.is_dir() or "QIMG_DATA" not in os.environ, reason="needs the set raw in QIMG_DATA")
def test_raw_files_are_told_apart_by_camera_and_keep_their_depth():
    pytest.importorskip("rawpy")
    found = [deep_picture(picture, tone="rendered") for picture in gather([str(RAW)], box_mean=4).pictures]
    assert len({picture.group for picture in found}) == 3
    for picture in found:
        luma = images.luma(picture.pixels)
        # The mean square of rounding: 1/12, where nothing is clipped.
        assert_allclose(np.square(luma - np.rint(luma)).mean(), 1 / 12, rtol=0.05)
    linear = deep_picture(gather([str(RAW)], box_mean=4).pictures[0], tone="linear")
    assert images.luma(linear.pixels).mean() < images.luma(found[0].pixels).mean()
