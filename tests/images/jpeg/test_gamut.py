"""Which integer Y'CbCr triples are colours: against a search among all colours that could be meant."""

import itertools

import numpy as np
import pytest

from qimg import images
from qimg.images.jpeg.gamut import colours, reachable, room
from qimg.images.jpeg.libjpeg import to_ycbcr

BALL = np.array(list(itertools.product(range(-3, 4), repeat=3)))
"""Colours whose triple is rounded to a given one lie within 0.5 · (1 + 1.772) of its real colour."""


def sources(triples: np.ndarray) -> np.ndarray:
    """(n,) how many colours libjpeg turns into each triple, by trying all nearby."""
    candidates = np.rint(images.ycbcr_to_rgb(triples))[:, None, :].astype(int) + BALL
    valid = ((candidates >= 0) & (candidates <= 255)).all(axis=-1)
    hits = (to_ycbcr(candidates) == triples[:, None, :]).all(axis=-1)
    return (valid & hits).sum(axis=1)


@pytest.fixture
def triples(rng) -> np.ndarray:
    """Triples inside the cube of colours, around its walls, and far outside."""
    near = to_ycbcr(rng.integers(0, 256, (1000, 3))) + rng.integers(-3, 4, (1000, 3))
    wall = to_ycbcr(rng.choice([0, 1, 254, 255], (1000, 3))) + rng.integers(-3, 4, (1000, 3))
    return np.clip(np.concatenate([near, wall, rng.integers(0, 256, (1000, 3))]), 0, 255)


def test_the_table_is_what_all_colours_give(triples):
    table = reachable()
    found = sources(triples) > 0
    assert 0.2 < found.mean() < 0.9
    assert np.array_equal(table[tuple(triples.T)], found)


def test_the_table_cannot_be_changed():
    assert not reachable().flags.writeable


def test_a_colour_is_found_wherever_there_is_one(triples):
    wanted = triples[sources(triples) > 0]
    assert np.array_equal(to_ycbcr(colours(wanted)), wanted)


def test_where_there_is_none_a_near_colour_is_given(triples):
    wanted = triples[sources(triples) == 0]
    assert np.array_equal(colours(wanted), images.to_uint8(images.ycbcr_to_rgb(wanted)))


def test_colours_of_any_shape(rng):
    rgb = rng.integers(0, 256, (3, 5, 7, 3))
    found = colours(to_ycbcr(rgb))
    assert found.shape == rgb.shape
    assert found.dtype == np.uint8
    assert np.array_equal(to_ycbcr(found), to_ycbcr(rgb))


@pytest.mark.parametrize("place", range(3))
def test_all_values_in_the_room_of_a_colour_are_colours(triples, place):
    values = triples[sources(triples) > 0]
    down, up = room(values, place)
    assert down.max() <= 0 <= up.min()
    assert np.median(up - down) > 20  # it is of use
    table = reachable()
    for change in range(-255, 256):
        inside = (down <= change) & (change <= up)
        moved = values[inside]
        moved[:, place] += change
        assert moved.min(initial=0) >= 0
        assert moved.max(initial=255) <= 255
        assert table[tuple(moved.T)].all()


def test_the_room_of_a_gray_is_what_is_left_to_black_and_white():
    down, up = room(np.array([[[10, 128, 128], [200, 128, 128]]]), 0)
    assert down.tolist() == [[-10, -200]]
    assert up.tolist() == [[245, 55]]
