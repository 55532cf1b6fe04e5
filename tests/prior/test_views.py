"""Views: how pixels become the vectors of a mixture, against SciPy's DCT and loops over windows."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg.core import Array
from qimg.prior.views import View, random_places, zero_sum_basis

SEEDS = st.integers(0, 2**32 - 1)
VIEWS = [
    *map(View, ("patch2", "patch8", "luma2", "luma3", "luma8", "colour2", "colour8")),
    View("luma4").raster(),
    View("colour3").keeping([0, 1, 4]),
    View("luma3").keeping([7]),
]
NAMES = [f"{view.name} {view.kept or ''}" for view in VIEWS]


def random_planes(seed: int, view: View, *, height: int = 40, width: int = 44) -> Array:
    shape = (height, width, 3) if view.planes == 3 else (height, width)
    return np.random.default_rng(seed).uniform(0, 255, shape)


def every_place(view: View, shape: tuple[int, ...]) -> set[tuple[int, int]]:
    """By trying: the places where each pixel of the window lies inside."""
    inside = set(product(range(shape[0]), range(shape[1])))
    spots = product(range(-2, shape[0] + 2), range(-2, shape[1] + 2))
    return {(r, c) for r, c in spots if {(r + dr, c + dc) for dr, dc in view.offsets.tolist()} <= inside}


def vector_by_definition(view: View, planes: Array, row: int, column: int) -> Array:
    """Ring and block of one window, pixel by pixel, with SciPy's DCT."""
    planes = planes[..., None] if planes.ndim == 2 else planes
    rings, blocks = [], []
    for plane in np.moveaxis(planes, -1, 0):
        block = plane[row : row + view.size, column : column + view.size]
        ring = np.array([plane[row + r, column + c] for r, c in view.ring])
        level = ring.mean() if len(ring) else 0.0
        if len(ring):
            rings.append(scipy.fft.dct(ring, norm="ortho")[1:])
        blocks.append(scipy.fft.dctn(block - level, norm="ortho").ravel()[0 if len(ring) else 1 :])
    return np.concatenate([*rings, *blocks])


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
def test_synthesis_is_undone_by_analysis(view: View) -> None:
    assert view.analysis.shape == view.synthesis.T.shape == (view.dimension, view.planes * len(view.offsets))
    # Sums of at most 288 products of numbers below 1.
    assert_allclose(view.analysis @ view.synthesis, np.eye(view.dimension), atol=1e-13)


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
def test_vectors_are_those_of_a_loop(view: View) -> None:
    planes = random_planes(1, view)
    kept = planes.copy()
    rows, columns = random_places(view, planes.shape, 12, np.random.default_rng(2))
    vectors = view.vectors(planes, rows, columns)
    expected = [vector_by_definition(view, planes, *place) for place in zip(rows, columns, strict=True)]
    assert_allclose(vectors, expected, atol=1e-10)
    assert_allclose(vectors, view.windows(planes, rows, columns) @ view.analysis.T, atol=1e-10)
    assert_array_equal(planes, kept)


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
def test_the_level_of_each_plane_is_taken_off(view: View) -> None:
    planes = random_planes(3, view)
    levels = np.array([50.0, -7.0, 1000.0][: view.planes])
    places = random_places(view, planes.shape, 9, np.random.default_rng(4))
    higher = planes + (levels if view.planes == 3 else levels[0])
    assert_allclose(view.vectors(higher, *places), view.vectors(planes, *places), atol=1e-9)


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
def test_synthesis_gives_pixels_relative_to_the_level(view: View) -> None:
    planes = random_planes(5, view)
    places = random_places(view, planes.shape, 7, np.random.default_rng(6))
    windows = view.windows(planes, *places).reshape(7, view.planes, -1)
    ring = len(view.ring)
    level = (windows[..., :ring] if ring else windows).mean(axis=-1, keepdims=True)
    pixels = view.vectors(planes, *places) @ view.synthesis.T
    assert_allclose(pixels, (windows - level).reshape(7, -1), atol=1e-10)


@pytest.mark.parametrize("size", [2, 3, 8])
def test_patch_rows_are_the_ac_of_the_dct(size: int) -> None:
    analysis = View(f"patch{size}").analysis
    images = np.eye(size**2).reshape(-1, size, size)
    reference = scipy.fft.dctn(images, axes=(1, 2), norm="ortho").reshape(size**2, -1).T
    assert_allclose(analysis, reference[1:], atol=1e-14)
    assert_allclose(analysis @ analysis.T, np.eye(size**2 - 1), atol=1e-13)


def test_ring_of_a_block_of_two_by_hand() -> None:
    above = [(-1, -1), (-1, 0), (-1, 1), (-1, 2), (-1, 3)]
    assert View("luma2").ring.tolist() == [list(pixel) for pixel in [*above, (0, -1), (1, -1), (2, -1), (3, -1)]]
    assert View("luma2").raster().ring.tolist() == [list(pixel) for pixel in [*above, (0, -1), (1, -1)]]
    assert View("patch2").ring.shape == (0, 2)
    assert View("patch2").offsets.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert View("luma2").offsets[9:].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("name", "observed", "dimension"), [("patch8", 0, 63), ("luma8", 32, 96), ("colour8", 96, 288)]
)
def test_dimensions_that_the_documentation_promises(name: str, observed: int, dimension: int) -> None:
    view = View(name)
    assert (view.observed, view.dimension) == (observed, dimension)
    assert len(view.analysis) == dimension


def test_kind_size_and_planes() -> None:
    found = [(view.kind, view.size, view.planes) for view in map(View, ("patch2", "luma16", "colour10"))]
    assert found == [("patch", 2, 1), ("luma", 16, 1), ("colour", 10, 3)]


def test_kept_pixels_are_those_of_the_whole_ring() -> None:
    view = View("colour4")
    assert_array_equal(view.keeping([3, 0, 9]).ring, view.ring[[3, 0, 9]])
    assert_array_equal(view.keeping(np.arange(17)).ring, view.ring)
    assert view.keeping([3, 0]).keeping([5]) == view.keeping([5])
    assert view.raster().kept == tuple(range(13))
    assert view.keeping(range(2)).observed == 3
    assert view.keeping([4]).observed == 0


@pytest.mark.parametrize("view", [View("patch3"), View("luma2"), View("luma2").raster(), View("luma3").keeping([0])])
def test_places_are_all_where_the_window_lies_inside(view: View) -> None:
    for shape in [(5, 9), (9, 7), (2, 8), (3, 3), (4, 4)]:
        first, last, left, right = view.places(shape)
        found = set(product(range(first, last + 1), range(left, right + 1)))
        assert found == every_place(view, shape)
        assert view.fits(shape) == bool(found)


def test_windows_past_the_last_place_fail() -> None:
    view, planes = View("luma2"), np.arange(100.0).reshape(10, 10)
    _, last, _, right = view.places(planes.shape)
    assert view.windows(planes, [last], [right]).max() == planes[-1, right - 1]  # the ring's lower end
    for row, column in [(last + 1, right), (last, right + 1)]:
        with pytest.raises(IndexError):
            view.windows(planes, [row], [column])


@given(height=st.integers(1, 12), width=st.integers(1, 12), count=st.integers(0, 60), seed=SEEDS)
def test_random_places_are_every_place_where_those_are_few(height: int, width: int, count: int, seed: int) -> None:
    view = View("luma2")
    rows, columns = random_places(view, (height, width), count, np.random.default_rng(seed))
    possible = every_place(view, (height, width))
    drawn = [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
    assert set(drawn) <= possible
    if len(possible) <= count:
        assert sorted(drawn) == sorted(possible)
    else:
        assert len(drawn) == count


def test_random_places_are_even(rng: np.random.Generator) -> None:
    view, count = View("patch2"), 5999
    shape = (61, 101)  # 60 · 100 places: one more than are drawn
    rows, columns = random_places(view, shape, count, rng)
    # A mean of n even draws from 0 … N − 1 lies (N − 1) / 2 away from 0, with a standard error of N / √(12 n).
    for drawn, number in [(rows, 60), (columns, 100)]:
        assert abs(drawn.mean() - (number - 1) / 2) < 5 * number / np.sqrt(12 * count)
        assert (drawn.min(), drawn.max()) == (0, number - 1)


@pytest.mark.parametrize("length", [1, 2, 9])
def test_zero_sum_basis(length: int) -> None:
    basis = zero_sum_basis(length)
    assert basis.shape == (length - 1, length)
    assert_allclose(basis @ basis.T, np.eye(length - 1), atol=1e-14)
    assert_allclose(basis.sum(axis=1), 0, atol=1e-14)


RULE = "view must be patch, luma or colour with a size from 2 to 16, such as luma8, but view="


@pytest.mark.parametrize(
    ("call", "message"),
    [
        *((lambda name=name: View(name), f"{RULE}'{name}'") for name in ("luma", "luma1", "luma17", "gray8", "luma08")),
        (lambda: View("luma8 "), RULE),
        (lambda: View("patch8").raster(), "kept has no effect on patch8, but kept="),
        (lambda: View("luma2").keeping([]), r"kept must name pixels of the ring once, but kept=\(\)"),
        (lambda: View("luma2").keeping([9]), r"kept must name pixels of the ring once, but kept=\(9,\)"),
        (lambda: View("luma2").keeping([-1]), r"kept must name pixels of the ring once, but kept=\(-1,\)"),
        (
            lambda: View("colour2").vectors(np.zeros((9, 9)), [1], [1]),
            r"planes must have shape \(H, W, 3\), but has shape \(9, 9, 1\)",
        ),
        (
            lambda: View("luma2").vectors(np.zeros((9, 9, 3)), [1], [1]),
            r"planes must have shape \(H, W, 1\), but has shape \(9, 9, 3\)",
        ),
        (lambda: zero_sum_basis(0), "length must be an integer of at least 1, but length=0"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
