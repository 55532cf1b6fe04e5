"""Draws give the file's coefficients again: real compressions of bundled and saturated pictures."""

import io
from itertools import product

import numpy as np
import pytest
from PIL import Image

from qimg import images
from qimg.restoration import restore_picture

SATURATED = np.clip((images.bundled("astronaut")[:96, :112].astype(int) - 110) * 4 + 128, 0, 255).astype(np.uint8)
PICTURES = {"coffee": images.bundled("coffee")[40:136, 60:172], "saturated": SATURATED}


def file(picture: np.ndarray, quality: int, sampling: str) -> bytes:
    buffer = io.BytesIO()
    if sampling == "gray":
        Image.fromarray(images.to_uint8(images.luma(picture))).save(buffer, "JPEG", quality=quality)
    else:
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=sampling)
    return buffer.getvalue()


HARD = ("saturated", "4:4:4", 90)
"""Four in five pixels cannot go further: with fine tables, in colour, the search may end."""


@pytest.mark.parametrize(
    ("name", "sampling", "quality"),
    [
        pytest.param(*case, marks=pytest.mark.slow if case == HARD else [])
        for case in product(PICTURES, ["gray", "4:4:4"], [10, 50, 90])
    ],
)
def test_draws_give_the_coefficients_of_the_file_again(name, sampling, quality):
    content = file(PICTURES[name], quality, sampling)
    drawn = restore_picture(content, tune="natural", effort=1, rng=np.random.default_rng(1))
    assert drawn.equal_coefficients >= (0.9999 if (name, sampling, quality) == HARD else 1)
    again = restore_picture(content, tune="natural", effort=1, rng=np.random.default_rng(1))
    assert np.array_equal(drawn.image, again.image)


def test_the_share_is_reported_where_chroma_is_subsampled():
    drawn = restore_picture(file(PICTURES["coffee"], 20, "4:2:0"), tune="natural", effort=1)
    assert 0.999 < drawn.equal_coefficients <= 1
