"""Patches and the way back, and the order of their pixels."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg.core import Array
from qimg.patches import (
    ORDERS,
    assemble_patches,
    extract_patches,
    iterate_patches,
    morton_order,
    multiscale_neighbourhoods,
    order_bits,
    spread_bits,
)

SHAPES = st.one_of(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 4)),
)


def plane_of(shape: tuple[int, ...], dtype: type = np.float64) -> Array:
    return np.random.default_rng(sum(shape)).permutation(int(np.prod(shape))).reshape(shape).astype(dtype)


@given(shape=SHAPES, size=st.integers(1, 9), dtype=st.sampled_from([np.uint16, np.float32, np.complex128]))
def test_patches_assemble_to_the_plane(shape: tuple[int, ...], size: int, dtype: type) -> None:
    plane = plane_of(shape, dtype)
    kept = plane.copy()
    patches = extract_patches(plane, size)
    assert patches.dtype == dtype
    assert_array_equal(assemble_patches(patches, shape, size), plane)
    assert_array_equal(plane, kept)


@given(shape=SHAPES, size=st.integers(1, 9))
def test_component_of_a_pixel(shape: tuple[int, ...], size: int) -> None:
    """Component size² p + size r + c of patch (R, C) is pixel (size R + r, size C + c), edges replicated."""
    plane = plane_of(shape).reshape(*shape[:2], -1)
    height, width, planes = plane.shape
    across = -(-width // size)
    patches = extract_patches(plane_of(shape), size)
    assert patches.shape == (-(-height // size) * across, planes * size**2)
    for number, patch in enumerate(patches):
        for component, value in enumerate(patch):
            p, rest = divmod(component, size**2)
            row = number // across * size + rest // size
            column = number % across * size + rest % size
            assert value == plane[min(row, height - 1), min(column, width - 1), p]


@given(shape=SHAPES, size=st.integers(1, 9), batch=st.integers(1, 40))
def test_batches_are_the_patches_in_order(shape: tuple[int, ...], size: int, batch: int) -> None:
    plane = plane_of(shape)
    parts = list(iterate_patches(plane, size, batch=batch))
    row = -(-shape[1] // size)
    assert all(len(part) % row == 0 and len(part) <= max(batch, row) for part in parts)
    assert_array_equal(np.concatenate(parts), extract_patches(plane, size))


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
def test_morton_order_interleaves_bits(size: int) -> None:
    bits = size.bit_length() - 1
    for position, index in enumerate(morton_order(size)):
        row, column = divmod(int(index), size)
        interleaved = sum(((column >> k) & 1) << 2 * k | ((row >> k) & 1) << (2 * k + 1) for k in range(bits))
        assert interleaved == position


def test_morton_order_quarters_a_patch() -> None:
    """The first quarter of the list is the top-left quadrant, as a kron of 2×2 quadrants says."""
    quadrants = np.arange(64).reshape(2, 4, 2, 4)
    for k, quarter in enumerate(morton_order(8).reshape(4, 16)):
        assert set(quarter) == set(quadrants[k // 2, :, k % 2].ravel())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("bits", [(3, 3), (4, 6), (5, 3)])
def test_orders_are_permutations_of_bits(order: str, bits: tuple[int, int]) -> None:
    listed = spread_bits(np.arange(2 ** sum(bits)), order_bits(order, *bits))
    assert sorted(listed) == list(range(2 ** sum(bits)))


def test_row_major_is_the_index_and_blocks_are_patches() -> None:
    assert_array_equal(spread_bits(np.arange(32), order_bits("row_major", 2, 3)), np.arange(32))
    index = np.arange(16 * 32).reshape(16, 32)
    assert_array_equal(spread_bits(index.ravel(), order_bits("blocks", 4, 5)).reshape(-1, 64), extract_patches(index))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: extract_patches(np.zeros(5)), r"plane must have shape \(H, W\) or \(H, W, C\).*has shape \(5,\)"),
        (lambda: extract_patches(np.zeros((0, 5))), r"with at least one pixel, but has shape \(0, 5\)"),
        (lambda: extract_patches(np.zeros((4, 4)), 0), "size must be an integer of at least 1, but size=0"),
        (lambda: extract_patches(np.zeros((4, 4)), 2.0), "size must be an integer of at least 1, but size=2.0"),
        (lambda: next(iterate_patches(np.zeros((4, 4)), batch=0)), "batch must be .* at least 1, but batch=0"),
        (lambda: assemble_patches(np.zeros((3, 64)), (16, 16)), r"patches must have shape \(4, 64\) for shape"),
        (lambda: assemble_patches(np.zeros((4, 64)), (16,)), r"shape must be \(H, W\).*but shape=\(16,\)"),
        (
            lambda: order_bits("row-major", 2, 2),
            "order must be one of blocks, morton, row_major, but order='row-major'",
        ),
        (lambda: morton_order(6), "size must be a power of two, but size=6"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("shape", "size"), [((16, 8), 8), ((8, 8), 8), ((4, 4), 1), ((5, 1), 1)])
def test_patches_never_share_memory_with_the_plane(shape, size):
    plane = np.arange(float(np.prod(shape))).reshape(shape)
    before = plane.copy()
    patches = extract_patches(plane, size)
    patches -= 128.0
    np.testing.assert_array_equal(plane, before)
    kept = patches.copy()
    assemble_patches(patches, shape, size)[...] = 0.0
    np.testing.assert_array_equal(patches, kept)


@pytest.mark.parametrize("channels", [None, 3])
def test_neighbourhoods_are_means_around_the_patches(channels):
    rng = np.random.default_rng(0)
    planes = rng.normal(size=(13, 18) if channels is None else (13, 18, channels))
    vectors = multiscale_neighbourhoods(planes, size=4, scales=3)
    patches = extract_patches(planes, size=4)
    count, depth = patches.shape
    assert vectors.shape == (count, 3 * depth)
    assert_array_equal(vectors[:, :depth], patches)
    colour = planes.reshape(13, 18, -1)
    padded = np.pad(colour, [(0, 3), (0, 2), (0, 0)], mode="edge")
    wide = np.pad(padded, [(20, 20), (20, 20), (0, 0)], mode="edge")
    for number, (row, column) in enumerate((r, c) for r in range(0, 16, 4) for c in range(0, 20, 4)):
        for scale in (1, 2):
            factor = 2**scale
            top, left = (20 + place - (factor - 1) * 2 for place in (row, column))
            window = wide[top : top + 4 * factor, left : left + 4 * factor]
            means = [
                window[factor * r : factor * (r + 1), factor * c : factor * (c + 1), p].mean()
                for p in range(colour.shape[2])
                for r in range(4)
                for c in range(4)
            ]
            assert_allclose(vectors[number, scale * depth : (scale + 1) * depth], means, atol=1e-12)


def test_neighbourhoods_that_do_not_lie_on_one_grid_are_refused():
    with pytest.raises(ValueError, match="size must be a multiple of 4 for 3 scales, but size=6"):
        multiscale_neighbourhoods(np.zeros((8, 8)), size=6, scales=3)
