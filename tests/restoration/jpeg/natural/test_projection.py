"""Projections of pixels into cells: their closed form inside the range of bytes, and that range."""

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from qimg import images
from qimg.images.jpeg.blocks import DCT
from qimg.images.jpeg.coefficients import JpegFile, read_jpeg
from qimg.images.jpeg.libjpeg import SCALE, forward_dct, to_ycbcr
from qimg.images.jpeg.mcu import Frame, Layer
from qimg.restoration.jpeg.natural.projection import MARGIN, projected

PHOTOGRAPH = images.bundled("astronaut")[60:108, 180:228]


def compressed(pixels: np.ndarray, quality: int, **options: object) -> JpegFile:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, **options)
    return read_jpeg(buffer.getvalue())


def units(file: JpegFile, pixels: np.ndarray) -> tuple[list[Layer], Frame, np.ndarray]:
    """Layers, frame and real values of all units of a picture whose sides are multiples of 16."""
    side = 8 * max(component.vertical for component in file.components)
    places = np.argwhere(np.ones((pixels.shape[0] // side, pixels.shape[1] // side), bool))
    frame = Frame.at(places, file)
    values = frame.read(pixels).astype(np.float32)
    values = values if values.ndim == 4 else values[..., None]
    return [Layer.over(component, places, file) for component in file.components], frame, values


@pytest.mark.parametrize("share", [0.8, 1.0])
def test_gray_inside_the_range_is_projected_into_its_cells(rng, share):
    gray = (64 + images.luma(PHOTOGRAPH) / 2).astype(np.uint8)  # 64 to 191: no byte binds
    pair = images.jpeg_round_trip(gray, quality=50)  # in the middle of the cells
    layers, frame, values = units(read_jpeg(pair.file), pair.image)
    strength = np.geomspace(0.3, 8, len(values))[:, None, None, None]
    values += (strength * rng.normal(size=values.shape)).astype(np.float32)
    found = projected(layers, frame, values, share=share, colour=False)
    cells = layers[0].bins
    real = layers[0].coefficients(values[..., 0])
    rounded = forward_dct(layers[0].sampled(images.to_uint8(values)[..., 0].astype(np.int32))) / SCALE
    middle = cells.middle / SCALE - rounded + real
    half = (cells.half + 0.5) / SCALE
    narrowed = np.maximum(half - MARGIN, half * share)
    nearest = np.clip(real, middle - narrowed, middle + narrowed)
    # One step of an orthonormal transform is the orthogonal projection, and the last one for units that began halfway
    # between the narrowed and the whole cells. The momentum of others carries them on, but not out again.
    enough = (half + narrowed) / 2
    outside = (np.abs(real - middle) > enough).any(axis=-1)
    assert 0.1 < outside.mean() < 0.9
    after = layers[0].coefficients(found[..., 0])
    assert_allclose(after[~outside], nearest[~outside], atol=2e-3)
    assert (np.abs(after - middle) - enough).max() < 2e-3


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0"])
def test_colours_come_nearer_to_their_cells_and_stay_in_the_range(rng, sampling):
    pixels = np.clip((PHOTOGRAPH.astype(int) - 110) * 3 + 128, 0, 255).astype(np.uint8)
    file = compressed(pixels, 75, subsampling=sampling)
    layers, frame, values = units(file, pixels)
    values = np.clip(values + rng.normal(0, 6, values.shape), 0, 255).astype(np.float32)
    before = values.copy()
    found = projected(layers, frame, values, share=0.8, colour=True)
    assert np.array_equal(values, before)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 255

    def excess(some: np.ndarray) -> float:
        """Distance of the coefficients of rounded pixels from their cells, in code values."""
        planes = to_ycbcr(images.to_uint8(some))
        total = 0.0
        for place, layer in enumerate(layers):
            away = np.abs(forward_dct(layer.sampled(planes[..., place])) - layer.bins.middle) - layer.bins.half
            total += float(np.maximum(away, 0).sum()) / SCALE
        return total

    assert excess(found) < 0.2 * excess(values)


def test_what_lies_in_the_narrowed_cells_stays():
    gray = np.full((16, 16), 100, np.uint8)
    file = compressed(gray, 10)
    layers, frame, values = units(file, gray)
    assert np.array_equal(projected(layers, frame, values, share=0.95, colour=False), values)


def test_pixels_beyond_the_picture_repeat_the_last_ones(rng):
    gray = images.to_uint8(images.luma(PHOTOGRAPH))[:11, :13]
    file = compressed(gray, 80)
    places = np.argwhere(np.ones((2, 2), bool))
    frame = Frame.at(places, file)
    layers = [Layer.over(file.components[0], places, file)]
    noisy = np.clip(gray + rng.normal(0, 9, gray.shape), 0, 255).astype(np.float32)
    found = projected(layers, frame, frame.read(noisy)[..., None], share=0.8, colour=False)
    assert np.array_equal(found, frame.repeated(found))
    away = layers[0].coefficients(found[..., 0]) - 128 * DCT.sum(axis=1) - layers[0].bins.middle / SCALE
    # Inside up to what rounding is expected to do (0.3) and the half step between narrowed and whole cells.
    assert (np.abs(away) - layers[0].bins.half / SCALE).max() < 1.5
