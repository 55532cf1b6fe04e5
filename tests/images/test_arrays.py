"""Arrays that are not the usual ones: byte order, layout, masks, booleans, and values that are no numbers."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import circuits
import qimg
from qimg import images, metrics, transforms
from qimg.core import arguments
from qimg.restoration import inpaint

DARK = np.arange(64, dtype=np.uint16).reshape(8, 8)


def operator(picture):
    return qimg.CorrelationOperator.from_patches(qimg.extract_patches(picture, size=4)).matrix


FUNCTIONS: dict[str, Callable[[np.ndarray], object]] = {
    "check_image": lambda picture: images.check_image("image", picture),
    "luma": images.luma,
    "box_mean": lambda picture: images.box_mean(picture, 2),
    "to_ycbcr": images.to_ycbcr,
    "encode": lambda picture: np.frombuffer(qimg.encode(picture, quality=60), np.uint8),
    "frqi": lambda picture: circuits.image_state(circuits.encode_image(picture, "frqi")),
    "amplitude": lambda picture: circuits.image_state(circuits.encode_image(picture, "amplitude")),
    "patches": lambda picture: qimg.extract_patches(picture, size=4),
    "operator": operator,
    "psnr_db": lambda picture: metrics.psnr_db(DARK, picture),
    "numeric": lambda picture: arguments.numeric("x", picture),
    "transform": lambda picture: transforms.apply(transforms.unitary("walsh", 8), picture),
}


def variants() -> dict[str, np.ndarray]:
    wide = np.zeros((16, 16), np.uint16)
    wide[::2, ::2] = DARK
    fixed = DARK.copy()
    fixed.setflags(write=False)
    return {
        "little endian": DARK.astype("<u2"),
        "big endian": DARK.astype(">u2"),
        "columns first": np.asfortranarray(DARK),
        "strided": wide[::2, ::2],
        "backwards": DARK[::-1, ::-1].copy()[::-1, ::-1],
        "read-only": fixed,
        "no element masked": np.ma.masked_array(DARK, mask=False),
    }


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", variants())
def test_the_same_values_mean_the_same(name, kind):
    picture = variants()[kind]
    kept = picture.copy()
    assert_array_equal(FUNCTIONS[name](picture), FUNCTIONS[name](DARK.copy()))
    assert_array_equal(picture, kept)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_masked_elements_are_refused(name):
    masked = np.ma.masked_equal(DARK, 5)
    with pytest.raises(ValueError, match="must not have masked elements, but 1 of 64 are masked"):
        FUNCTIONS[name](masked)


def test_a_masked_mask_is_refused():
    mask = np.ma.masked_array(DARK > 60, mask=DARK == 3)
    with pytest.raises(ValueError, match="mask must not have masked elements"):
        inpaint(DARK.astype(np.uint8), mask)


@pytest.mark.parametrize("representation", ["amplitude", "frqi", "neqr"])
def test_booleans_are_no_pictures(representation):
    with pytest.raises(ValueError, match="image must hold code values, not booleans: multiply by 255"):
        circuits.encode_image(DARK > 5, representation)
    with pytest.raises(images.ImageError, match="pixels must be uint8 or uint16, but are bool"):
        qimg.encode(DARK > 5, quality=50)


def test_big_endian_16_bits_are_not_taken_for_8_bits():
    planes = np.full((8, 8), 40000, ">u2")
    with pytest.raises(ValueError, match="planes must be real and in 8-bit code values"):
        qimg.CorrelationOperator.from_planes(planes)
    assert_allclose(images.code_values(planes), 40000 / 257)
    assert metrics.psnr_db(planes, planes - np.uint16(257)) == metrics.psnr_db(
        planes.astype(np.uint16), planes.astype(np.uint16) - np.uint16(257)
    )


@pytest.mark.parametrize("values", [np.nan, np.inf])
def test_no_numbers_are_refused(values):
    picture = np.full((8, 8), values)
    for call in (
        lambda: circuits.encode_image(picture, "frqi"),
        lambda: metrics.psnr_db(picture, picture, data_range=1),
    ):
        with pytest.raises(ValueError, match="must be finite, but holds NaN or infinity"):
            call()


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (4, 4, 0)])
def test_empty_pictures_are_refused(shape):
    empty = np.zeros(shape, np.uint8)
    for call in (lambda: qimg.encode(empty, quality=50), lambda: circuits.encode_image(empty, "amplitude")):
        with pytest.raises(ValueError, match="shape"):
            call()
