"""Units of a JPEG file: they cover the picture, and their blocks are what an encoder transforms, edges included."""

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from qimg import images
from qimg.images.jpeg.blocks import DCT
from qimg.images.jpeg.coefficients import JpegFile, read_jpeg
from qimg.images.jpeg.libjpeg import SCALE, forward_dct, to_ycbcr
from qimg.images.jpeg.mcu import Frame, Layer, mcu_size, mcus_with

SHAPES = [(32, 48), (33, 47), (8, 8), (1, 1), (17, 9), (40, 25)]
SAMPLINGS = ["gray", "4:4:4", "4:2:2", "4:2:0"]


def compressed(shape: tuple[int, int], sampling: str) -> tuple[np.ndarray, JpegFile]:
    """A picture and the file that Pillow makes of it."""
    pixels = images.bundled("astronaut")[60 : 60 + shape[0], 180 : 180 + shape[1]]
    pixels = pixels[..., 1] if sampling == "gray" else pixels
    buffer = io.BytesIO()
    options = {} if sampling == "gray" else {"subsampling": sampling}
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85, **options)
    return pixels, read_jpeg(buffer.getvalue())


def everywhere(file: JpegFile) -> np.ndarray:
    """(n, 2) all units."""
    changed = [np.ones(component.coefficients.shape[:2], bool) for component in file.components]
    return np.concatenate(list(mcus_with(file, changed, most=10**6)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_blocks_are_what_the_encoder_transforms(shape, sampling):
    pixels, file = compressed(shape, sampling)
    places = everywhere(file)
    units = Frame.at(places, file).read(pixels)
    planes = units[..., None].astype(np.int32) if sampling == "gray" else to_ycbcr(units)
    blocks = 0
    for place, component in enumerate(file.components):
        layer = Layer.over(component, places, file)
        found = forward_dct(layer.sampled(planes[..., place]))
        inside = ((found >= layer.bins.low) & (found <= layer.bins.high)).all(axis=-1)
        assert inside[layer.real].all()
        blocks += int(layer.real.sum())
    held = [-(-length // 8) for component in file.components for length in component.shape]
    assert blocks == sum(rows * columns for rows, columns in zip(held[::2], held[1::2], strict=True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_frames_read_and_write_every_pixel(shape, sampling):
    pixels, file = compressed(shape, sampling)
    frame = Frame.at(everywhere(file), file)
    again = np.zeros_like(pixels)
    frame.write(again, frame.read(pixels))
    assert np.array_equal(again, pixels)


def test_what_lies_beyond_a_picture_repeats_its_last_pixels(rng):
    _, file = compressed((17, 9), "4:4:4")
    frame = Frame.at(everywhere(file), file)
    values = rng.normal(size=(6, 8, 8, 3))
    repeated = frame.repeated(values)
    for (row, column), unit, before in zip(everywhere(file), repeated, values, strict=True):
        rows, columns = min(17 - 8 * row, 8), min(9 - 8 * column, 8)
        padded = np.pad(before[:rows, :columns], [(0, 8 - rows), (0, 8 - columns), (0, 0)], mode="edge")
        assert np.array_equal(unit, padded)
    assert frame.repeated(repeated) is not repeated
    assert np.array_equal(frame.repeated(repeated), repeated)


def test_units_are_those_with_a_changed_block(rng):
    _, file = compressed((40, 57), "4:2:0")
    changed = [rng.random(component.coefficients.shape[:2]) < 0.15 for component in file.components]
    rows, columns = mcu_size(file)
    assert (rows, columns) == (2, 2)
    expected = {
        (row * component.vertical // rows, column * component.horizontal // columns)
        for component, blocks in zip(file.components, changed, strict=True)
        for row, column in np.argwhere(blocks).tolist()
    }
    parts = list(mcus_with(file, changed, most=3))
    assert all(len(part) == 3 for part in parts[:-1])
    assert 1 <= len(parts[-1]) <= 3
    assert {tuple(place) for part in parts for place in part.tolist()} == expected
    assert list(mcus_with(file, [np.zeros_like(blocks) for blocks in changed], most=3)) == []


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_real_coefficients_are_near_those_of_integers(sampling):
    pixels, file = compressed((32, 48), sampling)
    places = everywhere(file)
    units = Frame.at(places, file).read(pixels).astype(np.float32)
    layer = Layer.over(file.components[-1], places, file)
    plane = units if units.ndim == 3 else units[..., 0]
    integers = forward_dct(layer.sampled(plane.astype(np.int32))) / SCALE
    real = layer.coefficients(plane) - 128 * DCT.sum(axis=1)
    # A rounded mean is off by half at most, the mean over the block by 8 times that in the worst coefficient.
    assert np.abs(real - integers).max() < (4 if sampling in ("4:2:2", "4:2:0") else 0.3)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_spreading_is_the_adjoint_of_adding_up(rng, sampling):
    _, file = compressed((32, 48), sampling)
    places = everywhere(file)
    layer = Layer.over(file.components[-1], places, file)
    rows, columns = mcu_size(file)
    pixels = rng.normal(size=(len(places), 8 * rows, 8 * columns))
    samples = rng.normal(size=(*layer.held.shape[:3], 64))
    added = layer.blocks(layer.boxes(pixels).sum(axis=(2, 4)))
    assert_allclose(np.vdot(added, samples), np.vdot(pixels, layer.spread(samples)), rtol=1e-10)


def test_shared_samples_are_the_mean_of_those_that_are_one_in_the_picture(rng):
    _, file = compressed((12, 13), "gray")
    places = everywhere(file)
    layer = Layer.over(file.components[0], places, file)
    values = rng.normal(size=(*layer.held.shape[:3], 64))
    shared = layer.shared(values).reshape(-1, 8, 8)
    for (row, column), one, before in zip(places, shared, values.reshape(-1, 8, 8), strict=True):
        rows, columns = min(12 - 8 * row, 8), min(13 - 8 * column, 8)
        assert_allclose(one[: rows - 1, : columns - 1], before[: rows - 1, : columns - 1])
        assert_allclose(
            one[rows - 1 :, : columns - 1], np.broadcast_to(one[rows - 1, : columns - 1], (9 - rows, columns - 1))
        )
        # Replacing by means keeps the sum.
        assert one.sum() == pytest.approx(before.sum())
    assert np.array_equal(layer.of(np.array([0])).shared(values[:1]), values[:1])  # nothing lies beyond the first unit


def test_some_units_are_a_part_of_all():
    pixels, file = compressed((33, 47), "4:2:0")
    places = everywhere(file)
    some = np.array([3, 1])
    whole, part = Frame.at(places, file), Frame.at(places[some], file)
    assert np.array_equal(whole.of(some).read(pixels), part.read(pixels))
    layers = [Layer.over(file.components[1], which, file) for which in (places, places[some])]
    assert np.array_equal(layers[0].of(some).bins.low, layers[1].bins.low)
    assert np.array_equal(layers[0].of(some).real, layers[1].real)
