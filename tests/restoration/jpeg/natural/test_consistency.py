"""Mending: blocks become the file's, others keep their pixels, and the compression that judges it is a real one."""

import io

import numpy as np
import pytest
from PIL import Image

from qimg import images
from qimg.images.jpeg.coefficients import JpegFile, read_jpeg
from qimg.restoration.jpeg.natural.consistency import _bound, _sources, mend
from qimg.restoration.jpeg.natural.draws import Recompression

PHOTOGRAPH = images.bundled("coffee")[40:83, 60:115]


def compressed(sampling: str, quality: int = 75) -> tuple[np.ndarray, JpegFile]:
    pixels = PHOTOGRAPH[..., 0] if sampling == "gray" else PHOTOGRAPH
    buffer = io.BytesIO()
    options = {} if sampling == "gray" else {"subsampling": sampling}
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, **options)
    return pixels, read_jpeg(buffer.getvalue())


def wrong(file: JpegFile, pixels: np.ndarray) -> list[np.ndarray]:
    return [one.any(axis=(2, 3)) for one in Recompression(file).changed(pixels)]


@pytest.mark.parametrize("sampling", ["gray", "4:4:4", "4:2:2", "4:2:0"])
def test_a_compressed_original_is_its_file(sampling):
    pixels, file = compressed(sampling)
    assert Recompression(file).possible
    assert not any(blocks.any() for blocks in wrong(file, pixels))


@pytest.mark.parametrize("sampling", ["gray", "4:4:4"])
def test_mended_blocks_are_the_files(rng, sampling):
    pixels, file = compressed(sampling)
    noisy = np.clip(pixels.astype(int) + rng.integers(-2, 3, pixels.shape), 0, 255).astype(np.uint8)
    before = wrong(file, noisy)
    assert np.mean([blocks.mean() for blocks in before]) > 0.3
    mend(file, noisy, before)
    assert not any(blocks.any() for blocks in wrong(file, noisy))
    # Nearby: no pixel went far from where it was.
    assert np.abs(noisy.astype(int) - pixels).max() < 16


def test_only_the_units_of_changed_blocks_are_touched(rng):
    pixels, file = compressed("4:2:0")
    noisy = np.clip(pixels.astype(int) + rng.integers(-3, 4, pixels.shape), 0, 255).astype(np.uint8)
    mended, changed = noisy.copy(), [np.zeros(one.coefficients.shape[:2], bool) for one in file.components]
    mend(file, mended, changed)
    assert np.array_equal(mended, noisy)
    changed[1][1, 2] = True  # a block of chroma: pixels 16 to 31 down, 32 to 47 across
    mend(file, mended, changed)
    touched = (mended != noisy).any(axis=-1)
    assert touched[16:32, 32:48].any()
    touched[16:32, 32:48] = False
    assert not touched.any()


def test_mending_is_the_same_every_time(rng):
    pixels, file = compressed("4:4:4", 90)
    noisy = np.clip(pixels.astype(int) + rng.integers(-2, 3, pixels.shape), 0, 255).astype(np.uint8)
    both = [noisy.copy() for _ in range(2)]
    for one in both:
        mend(file, one, wrong(file, noisy))
    assert np.array_equal(*both)


def test_units_are_bound_where_a_value_has_one_way_to_go():
    units = np.full((3, 8, 8, 3), 100, np.uint8)
    units[1, 2, 3, 0], units[2, 7, 7, 2] = 0, 255
    assert _bound(units).tolist() == [False, True, True]


def test_blocks_of_one_kind_share_the_samples_that_they_repeat():
    held = np.array([[8, 8], [8, 3], [8, 8], [0, 8], [2, 8]])
    found = _sources(held)
    grid = np.arange(64).reshape(8, 8)
    kinds = {tuple(np.flatnonzero(some).tolist()): source.reshape(8, 8) for some, source in found}
    assert set(kinds) == {(0, 2), (1,), (4,)}  # what holds no sample is no block of the file
    assert np.array_equal(kinds[0, 2], grid)
    assert np.array_equal(kinds[1,], grid[:, np.minimum(np.arange(8), 2)])
    assert np.array_equal(kinds[4,], grid[np.minimum(np.arange(8), 1)])
