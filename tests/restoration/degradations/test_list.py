"""The list of degradations: what holds of every entry."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from qimg import images, restoration
from qimg.restoration import DEGRADATIONS, Degradation, PlaneEstimate

PICTURE = images.to_uint8(images.luma(images.bundled("chelsea")))[100:112, 200:213]
MASK = np.zeros(PICTURE.shape, bool)
MASK[4:6, 3:8] = True
NEEDED = {"sigma": 3.0, "mask": MASK, "kernel": np.full((3, 3), 1 / 9), "effort": 1}
"""Values of the parameters that an entry may have; `upscale` has its own default kernel."""


def options(degradation: Degradation) -> dict[str, object]:
    names = set(inspect.signature(degradation.restore).parameters) & set(NEEDED)
    return {name: NEEDED[name] for name in names - ({"kernel"} if degradation.verb == "upscale" else set())}


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda one: one.verb)
def test_both_forms_have_the_name_of_the_verb_and_the_same_parameters(degradation) -> None:
    assert getattr(qimg, degradation.verb) is getattr(restoration, degradation.verb) is degradation.restore
    assert getattr(restoration, f"{degradation.verb}_plane") is degradation.restore_plane
    picture, plane = (
        list(inspect.signature(one).parameters) for one in (degradation.restore, degradation.restore_plane)
    )
    assert (picture[0], plane[0]) == ("image", "plane")
    assert picture[1:] == plane[1:]


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda one: one.verb)
def test_a_gray_picture_is_its_plane_rounded(degradation) -> None:
    chosen = options(degradation)
    picture = degradation.restore(PICTURE, **chosen)
    plane = degradation.restore_plane(PICTURE.astype(float), **chosen)
    assert isinstance(plane, PlaneEstimate)
    assert plane.values.shape == plane.deviation.shape == picture.shape
    assert_array_equal(images.to_uint8(plane.values), picture)


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda one: one.verb)
def test_every_effort_has_the_one_scale(degradation) -> None:
    if "effort" not in inspect.signature(degradation.restore).parameters:
        return
    assert inspect.signature(degradation.restore).parameters["effort"].default == 5
    for effort in (0, 10):
        with pytest.raises(ValueError, match=rf"effort must be in \[1, 9\], but effort={effort}"):
            degradation.restore(PICTURE, **options(degradation) | {"effort": effort})


@pytest.mark.slow
def test_more_effort_deblurs_no_worse() -> None:
    from scipy.ndimage import convolve

    raw = images.luma(images.bundled("astronaut"))[80:144, 200:264]
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    blurred = convolve(raw, kernel, mode="mirror") + np.random.default_rng(0).normal(0, 1, raw.shape)
    errors = [
        np.mean((restoration.deblur_plane(blurred, kernel, sigma=1, effort=effort).values - raw)[8:-8, 8:-8] ** 2)
        for effort in (1, 5, 9)
    ]
    # Rounds beyond the default change little: 2 % of the error are allowed.
    assert errors[1] < errors[0]
    assert errors[2] < 1.02 * errors[1]
