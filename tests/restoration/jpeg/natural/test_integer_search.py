"""The search for integer samples whose coefficients lie in given cells is exact, and stays in bounds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from qimg import images
from qimg.images.jpeg.blocks import DCT
from qimg.images.jpeg.libjpeg import SCALE, forward_dct, quantization_bins
from qimg.restoration.jpeg.natural.integer_search import influence, inside, search

SAME = np.arange(64)
HALF = np.minimum(np.arange(8), 3) + 8 * np.arange(8)[:, None]
"""Samples of a block of which four columns lie in the picture."""
TABLE = images.quantization_table(90)


def photograph() -> np.ndarray:
    """(n, 64) blocks of a photograph."""
    plane = images.to_uint8(images.luma(images.bundled("coffee")))[40:136, 60:156]
    return plane.reshape(12, 8, 12, 8).swapaxes(1, 2).reshape(-1, 64).astype(np.int32)


def cells_of(blocks: np.ndarray):
    """Those that the blocks' own coefficients are quantized to."""
    found = forward_dct(blocks)
    steps = SCALE * TABLE.ravel().astype(int)
    return quantization_bins(np.sign(found) * ((np.abs(found) + steps // 2) // steps), TABLE)


@pytest.fixture
def moved(rng) -> np.ndarray:
    """Blocks whose pixels went up or down by at most one: many leave their cells."""
    return np.clip(photograph() + rng.integers(-1, 2, (144, 64)), 0, 255).astype(np.int32)


def found_from(blocks, wanted, *, reach: int = 255, source=SAME, steps: int = 200, seed: int = 0):
    lower, upper = np.maximum(-blocks, -reach), np.minimum(255 - blocks, reach)
    return search(blocks, wanted, lower=lower, upper=upper, source=source, steps=steps, seed=seed)


def test_a_block_lies_in_the_cells_of_its_coefficients():
    blocks = photograph()
    assert inside(blocks, cells_of(blocks)).all()
    other = blocks + 40  # more than any half cell of DC
    assert not inside(other, cells_of(blocks)).any()


def test_every_corner_of_the_box_belongs_to_it():
    block = photograph()[:1]
    wanted = cells_of(block)
    found = forward_dct(block)
    for low, high, expected in (
        (found, found, True),
        (found + 1, wanted.high, False),
        (wanted.low, found - 1, False),
    ):
        assert inside(block, type(wanted)(low, high)).item() is expected


@pytest.mark.parametrize("source", [SAME, HALF.ravel()], ids=["inside", "at the edge"])
def test_influence_is_the_change_of_the_coefficients(rng, source):
    changes = rng.integers(-3, 4, 64)
    before = np.full(64, 128)
    exact = SCALE * DCT @ changes[source]
    assert_allclose(changes @ influence(source), exact, atol=1e-3)
    # In libjpeg's integers, up to their roundings.
    assert np.abs(forward_dct((before + changes[source])[None])[0] - exact).max() < 0.3 * SCALE


def test_what_is_found_lies_in_the_cells_and_in_bounds(moved):
    wanted = cells_of(photograph())
    was_inside = inside(moved, wanted)
    assert was_inside.mean() < 0.5
    changes, solved = found_from(moved, wanted, reach=3)
    assert np.array_equal(solved, inside(moved + changes, wanted))
    assert solved.mean() > 0.95
    assert not changes[~solved].any()
    assert not changes[was_inside].any()
    assert np.abs(changes).max() <= 3
    assert (moved + changes).min() >= 0
    assert (moved + changes).max() <= 255


def test_more_steps_solve_more_and_none_solve_what_is_there_already(moved):
    wanted = cells_of(photograph())
    solved = [found_from(moved, wanted, steps=steps)[1] for steps in (0, 3, 200)]
    assert np.array_equal(solved[0], inside(moved, wanted))
    assert solved[0].sum() < solved[1].sum() < solved[2].sum()
    assert (solved[1] >= solved[0]).all()


def test_what_may_not_change_does_not(moved):
    wanted = cells_of(photograph())
    fixed = np.zeros_like(moved)
    changes, solved = search(moved, wanted, lower=fixed, upper=fixed, source=SAME, steps=20, seed=0)
    assert not changes.any()
    assert np.array_equal(solved, inside(moved, wanted))


def test_samples_beyond_the_picture_repeat_the_last_ones(rng):
    source = HALF.ravel()
    blocks = photograph()[:, source]
    wanted = cells_of(blocks)
    moved = np.clip(blocks + rng.integers(-1, 2, blocks.shape)[:, source], 0, 255)
    changes, solved = found_from(moved, wanted, source=source)
    assert solved.mean() > 0.8
    assert solved.sum() > inside(moved, wanted).sum()
    assert np.array_equal(changes, changes[:, source])
    assert np.array_equal(solved, inside(moved + changes, wanted))


def test_the_seed_decides_and_blocks_do_not_disturb_each_other(moved):
    wanted = cells_of(photograph())
    first, again = (found_from(moved, wanted, seed=5) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    # Without random moves, which come every 64 steps, a block alone is moved as it is among others.
    together, _ = found_from(moved, wanted, steps=60)
    alone, _ = found_from(moved[7:8], wanted.of(slice(7, 8)), steps=60)
    assert np.array_equal(together[7:8], alone)
