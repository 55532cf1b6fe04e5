"""The search among colours: coefficients of all three components lie in their cells, in libjpeg's own integers."""

import numpy as np
import pytest

from qimg import images
from qimg.images.jpeg.libjpeg import SCALE, QuantizationBins, forward_dct, quantization_bins, to_ycbcr
from qimg.restoration.jpeg.natural.colour_search import search_colours

SAME = np.arange(64)
HALF = (8 * np.minimum(np.arange(8), 2)[:, None] + np.arange(8)).ravel()
"""Pixels of a block of which three rows lie in the picture."""


def blocks_of(picture: np.ndarray) -> np.ndarray:
    rows, columns = picture.shape[0] // 8, picture.shape[1] // 8
    return picture.reshape(rows, 8, columns, 8, 3).swapaxes(1, 2).reshape(-1, 64, 3).astype(np.int32)


PHOTOGRAPH = images.bundled("astronaut")[:48, 100:148]
PICTURES = {
    "photograph": blocks_of(PHOTOGRAPH),
    "saturated": blocks_of(np.clip((PHOTOGRAPH.astype(int) - 110) * 4 + 128, 0, 255)),
}


def coefficients(pixels: np.ndarray) -> np.ndarray:
    """(n, 3, 64) of (n, 64, 3)."""
    return forward_dct(np.moveaxis(to_ycbcr(pixels), -1, 1))


def cells_of(pixels: np.ndarray, quality: int = 80) -> QuantizationBins:
    """(n, 3, 64) those of the pixels' own coefficients."""
    both = []
    for place in range(3):
        table = images.quantization_table(quality, chroma=place > 0)
        found, steps = coefficients(pixels)[:, place], SCALE * table.ravel().astype(int)
        both.append(quantization_bins(np.sign(found) * ((np.abs(found) + steps // 2) // steps), table))
    return QuantizationBins(*(np.stack([getattr(one, end) for one in both], axis=1) for end in ("low", "high")))


def is_inside(pixels: np.ndarray, wanted: QuantizationBins) -> np.ndarray:
    found = coefficients(pixels)
    return ((found >= wanted.low) & (found <= wanted.high)).all(axis=(1, 2))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("source", [SAME, HALF], ids=["inside", "at the edge"])
def test_what_is_found_is_in_the_cells_and_in_the_cube(rng, name, source):
    blocks = PICTURES[name][:, source]
    wanted = cells_of(blocks)
    start = np.clip(blocks + rng.integers(-2, 3, blocks.shape)[:, source], 0, 255).astype(np.int32)
    before = start.copy()
    found, solved = search_colours(start, wanted, source=source, steps=60)
    assert np.array_equal(start, before)
    assert np.array_equal(solved, is_inside(found, wanted))
    assert is_inside(start, wanted).mean() < 0.6 < 0.8 < solved.mean()
    assert np.array_equal(found[~solved], start[~solved])
    assert found.min() >= 0
    assert found.max() <= 255
    assert np.array_equal(found, found[:, source])


def test_pixels_in_their_cells_stay_as_they_are():
    blocks = PICTURES["photograph"]
    found, solved = search_colours(blocks, cells_of(blocks), source=SAME, steps=0)
    assert solved.all()
    assert np.array_equal(found, blocks)


def test_single_channels_move_by_one_a_step(rng):
    blocks = PICTURES["photograph"]
    start = np.clip(blocks + rng.integers(-2, 3, blocks.shape), 0, 255).astype(np.int32)
    found, _ = search_colours(start, cells_of(blocks), source=SAME, steps=5)
    assert np.abs(found - start).sum(axis=(1, 2)).max() <= 5
