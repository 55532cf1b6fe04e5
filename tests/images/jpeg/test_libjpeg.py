"""libjpeg's arithmetic against its definition, real numbers, and the files that Pillow writes with it."""

import io

import numpy as np
import pytest
from PIL import Image

from qimg import images
from qimg.images.jpeg.blocks import DCT
from qimg.images.jpeg.coefficients import read_jpeg
from qimg.images.jpeg.libjpeg import SCALE, downsampled, forward_dct, quantization_bins, to_ycbcr
from qimg.images.jpeg.mcu import Layer, mcu_size

SAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2)}


def saved(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["photograph", "noise", "saturated"])
@pytest.mark.parametrize("quality", [5, 50, 90, 100])
@pytest.mark.parametrize("sampling", ["gray", *SAMPLINGS])
def test_coefficients_are_those_that_pillow_writes(rng, kind, quality, sampling):
    photograph = images.bundled("astronaut")[:48, 100:164]
    pixels = {
        "photograph": photograph,
        "noise": rng.integers(0, 256, photograph.shape, np.uint8),
        "saturated": np.where(photograph > 100, 255, 0).astype(np.uint8),
    }[kind]
    options = {} if sampling == "gray" else {"subsampling": sampling}
    file = read_jpeg(saved(pixels[..., 0] if sampling == "gray" else pixels, quality=quality, **options))
    planes = pixels[..., :1].astype(np.int32) if sampling == "gray" else to_ycbcr(pixels)
    for place, component in enumerate(file.components):
        samples = downsampled(planes[None, ..., place], component.vertical, component.horizontal)[0]
        rows, columns = samples.shape[0] // 8, samples.shape[1] // 8
        blocks = samples.reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(rows, columns, 64)
        found, steps = forward_dct(blocks), SCALE * component.table.ravel().astype(int)
        quantized = np.sign(found) * ((np.abs(found) + steps // 2) // steps)
        assert np.array_equal(quantized, component.coefficients.reshape(rows, columns, 64))


def test_the_integer_dct_is_the_dct_up_to_rounding(rng):
    blocks = rng.integers(0, 256, (2000, 64))
    # Two passes, rounded to 1/4 of 1/8·√8 and to 1/8: well below half a code value in all.
    assert np.abs(forward_dct(blocks) / SCALE - (blocks - 128.0) @ DCT.T).max() < 0.3


@pytest.mark.parametrize("level", [0, 1, 127, 128, 255])
def test_constant_blocks_have_their_level_alone(level):
    found = forward_dct(np.full((1, 64), level))
    assert found[0, 0] == 8 * SCALE * (level - 128)
    assert not found[0, 1:].any()


def test_the_transform_takes_rows_for_rows():
    rows = np.repeat(np.arange(8)[:, None] * 10 + 90, 8, axis=1).reshape(1, 64)
    found = forward_dct(rows).reshape(8, 8)
    assert found[1, 0] != 0  # varies down the columns
    assert not found[:, 1:].any()


def test_gray_has_neutral_chroma():
    gray = np.repeat(np.arange(256)[:, None], 3, axis=1)
    assert np.array_equal(to_ycbcr(gray), np.stack([np.arange(256), np.full(256, 128), np.full(256, 128)], axis=1))


def test_colours_are_the_real_ones_rounded(rng):
    rgb = rng.integers(0, 256, (20_000, 3))
    # Weights of 16 bits and five decimals move values of up to 255 by less than 0.01.
    assert np.abs(to_ycbcr(rgb) - images.rgb_to_ycbcr(rgb)).max() <= 0.51


def test_means_of_boxes_round_up_and_down_in_turns():
    samples = np.array([[[0, 1, 0, 1, 2, 3], [0, 1, 1, 2, 3, 2]]])
    assert downsampled(samples, 1, 1) is samples
    # Sums of two 1, 1, 5 and 1, 3, 5: halves go down in even columns and up in odd ones.
    assert downsampled(samples, 1, 2).tolist() == [[[0, 1, 2], [0, 2, 2]]]
    # Sums of four 2, 4, 10 with 1, 2, 1 added.
    assert downsampled(samples, 2, 2).tolist() == [[[0, 1, 2]]]
    assert downsampled(samples, 2, 1).tolist() == [[[0, 1, 1, 2, 3, 3]]]


@pytest.mark.parametrize("step", [1, 2, 3, 10, 255])
def test_cells_hold_what_is_quantized_to_their_coefficient_and_nothing_else(step):
    values = np.arange(-40 * step, 40 * step + 1)
    quantized = np.sign(values) * ((np.abs(values) + SCALE * step // 2) // (SCALE * step))
    table = np.full((8, 8), float(step))
    for level in (-3, -1, 0, 1, 4):
        low, high = (bound[0] for bound in quantization_bins(np.full(64, level), table))
        assert values[quantized == level].tolist() == list(range(low, high + 1))
    one = quantization_bins(np.arange(64) - 32, table)
    assert np.array_equal(one.high[:-1] + 1, one.low[1:])  # no gap, no overlap
    assert np.array_equal(one.middle, (one.low + one.high) / 2)
    assert np.array_equal(one.middle + one.half, one.high)


def test_a_layer_of_a_whole_file_has_one_cell_for_each_coefficient():
    file = read_jpeg(saved(images.bundled("coffee")[:32, :32], quality=60, subsampling="4:2:0"))
    assert mcu_size(file) == (2, 2)
    places = np.argwhere(np.ones((2, 2), bool))
    luma, cb, cr = (Layer.over(component, places, file) for component in file.components)
    assert luma.bins.low.shape == (4, 2, 2, 64)
    assert cb.bins.low.shape == cr.bins.low.shape == (4, 1, 1, 64)
