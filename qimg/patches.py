"""Patches of planes, their reassembly, and the numbering of a patch's pixels.

Pixel (r, c) of plane p of a size×size patch is component `size² p + size r + c`: row-major, planes outermost.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, one_of, plain, require_shape

ORDERS = ("row_major", "morton", "blocks")
"""Orders of the pixels of a picture whose sides are powers of two (`order_bits`)."""


def extract_patches(plane: ArrayLike, size: int = 8) -> Array:
    """Non-overlapping size×size patches of a plane, or of several planes jointly.

    The right and bottom edges are replicated up to a multiple of `size`. Cost: one copy.

    Args:
        plane: (H, W), or (H, W, C) for the colour form.
        size: side of a patch in pixels.

    Returns:
        (n, size²) or (n, C·size²) of the input's dtype, patches in row-major order of their position.

    >>> extract_patches(np.arange(16).reshape(4, 4), size=2)[1]
    array([2, 3, 6, 7])
    """
    pixels = _planes(plane)
    size = integer("size", size, 1)
    rows, columns = grid(pixels.shape, size)
    padded = pad_edges(pixels, rows * size, columns * size)
    return _copy_of_view(_split(padded, size).reshape(rows * columns, -1), pixels)


def assemble_patches(patches: ArrayLike, shape: tuple[int, ...], size: int = 8) -> Array:
    """Planes of the given shape from their patches: the inverse of `extract_patches`.

    Args:
        patches: (n, C·size²) as `extract_patches` returns them.
        shape: (H, W) or (H, W, C) of the result; padding is cut off.
        size: side of a patch in pixels.
    """
    vectors = plain("patches", patches)
    size = integer("size", size, 1)
    shape = tuple(int(length) for length in shape)
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(f"shape must be (H, W) or (H, W, C) with positive entries, but shape={shape}")
    rows, columns = grid(shape, size)
    channels = shape[2] if len(shape) == 3 else 1
    expected = (rows * columns, channels * size * size)
    require_shape(vectors.shape == expected, "patches", f"{expected} for shape {shape}", vectors)
    blocks = vectors.reshape(rows, columns, channels, size, size)
    planes = blocks.transpose(0, 3, 1, 4, 2).reshape(rows * size, columns * size, channels)
    planes = _copy_of_view(planes[: shape[0], : shape[1]], vectors)
    return planes[..., 0] if len(shape) == 2 else planes


def iterate_patches(plane: ArrayLike, size: int = 8, *, batch: int = 2048) -> Iterator[Array]:
    """The patches of `extract_patches` in batches of at least one row of patches, in constant memory.

    A batch may be a view of the plane and must not be modified.

    Args:
        plane: (H, W) or (H, W, C).
        size: side of a patch in pixels.
        batch: target number of patches per batch; rows of patches are never split.
    """
    pixels = _planes(plane)
    size = integer("size", size, 1)
    rows, columns = grid(pixels.shape, size)
    step = max(1, integer("batch", batch, 1) // columns)
    for first in range(0, rows, step):
        last = min(first + step, rows)
        strip = pad_edges(pixels[first * size : last * size], (last - first) * size, columns * size)
        yield _split(strip, size).reshape((last - first) * columns, -1)


def multiscale_neighbourhoods(plane: ArrayLike, size: int = 8, *, scales: int = 3) -> Array:
    """Each patch of `extract_patches` with its surroundings at coarser scales, as one vector.

    Scale s holds the window of 2ˢ·size pixels around the patch, averaged over boxes of 2ˢ×2ˢ pixels to size×size means;
    scale 0 is the patch. Edges are replicated. Component `(C s + p) size² + size r + c` is mean (r, c) of plane p at
    scale s.

    Args:
        plane: (H, W) or (H, W, C), real.
        size: side of a patch in pixels, a multiple of 2^(scales − 1).
        scales: number of scales, 1 or more.

    Returns:
        (n, scales·C·size²) `float64`.

    >>> multiscale_neighbourhoods(np.arange(16).reshape(4, 4), size=2, scales=2)[0]
    array([0. , 1. , 4. , 5. , 0. , 1.5, 6. , 7.5])
    """
    pixels = _planes(plane)
    size, scales = integer("size", size, 1), integer("scales", scales, 1)
    step = 2 ** (scales - 1)
    if size % step:
        raise ValueError(f"size must be a multiple of {step} for {scales} scales, but size={size}")
    rows, columns = grid(pixels.shape, size)
    padded = pad_edges(pixels, rows * size, columns * size).astype(np.float64)
    planes = padded[..., None] if padded.ndim == 2 else padded
    parts = []
    for scale in range(scales):
        factor = 2**scale
        # The window begins (factor − 1)·size / 2 before its patch; boxes of every patch lie on one grid.
        margin = (factor - 1) * size
        around = np.pad(planes, [(margin // 2, margin - margin // 2)] * 2 + [(0, 0)], mode="edge")
        height, width, channels = around.shape
        means = around.reshape(height // factor, factor, width // factor, factor, channels).mean(axis=(1, 3))
        windows = np.lib.stride_tricks.sliding_window_view(means, (size, size), axis=(0, 1))
        own = windows[:: size // factor, :: size // factor]
        parts.append(own.reshape(rows * columns, channels * size * size))
    return np.concatenate(parts, axis=1)


def grid(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """Rows and columns of patches that cover a picture of the given shape."""
    return -(-shape[0] // size), -(-shape[1] // size)


def pad_edges(planes: Array, height: int, width: int) -> Array:
    """Replicate the last row and column until the planes measure height×width."""
    rows, columns = height - planes.shape[0], width - planes.shape[1]
    if rows == columns == 0:
        return planes
    return np.pad(planes, [(0, rows), (0, columns)] + [(0, 0)] * (planes.ndim - 2), mode="edge")


def order_bits(order: str, *axis_bits: int) -> tuple[int, ...]:
    """Permutation of index bits: for each bit of a pixel's position in an order, the bit of its row-major index.

    Bits are listed from the lowest.

    | order | bits of the position, lowest first |
    |---|---|
    | `row_major` | column, then row, then the axes before them |
    | `morton` | a bit of each axis in turn, column first, from their lowest bits on (Z order), while an axis has bits |
    | `blocks` | 3 of the column, 3 of the row (a pixel in its 8×8 block), then the rest in row-major order |

    Args:
        order: a name of the table.
        axis_bits: for each axis, the last of which is the column, the number n of its bits: it has 2ⁿ pixels. Of two
            axes with n and m bits, the row-major index of pixel (r, c) is r 2ᵐ + c. "blocks" needs two axes at least.

    >>> order_bits("morton", 1, 3)
    (0, 3, 1, 2)
    >>> order_bits("morton", 1, 2, 2)
    (0, 2, 4, 1, 3)
    """
    one_of("order", order, ORDERS)
    axes, first = [], 0
    for bits in axis_bits[::-1]:
        axes.append(range(first, first + bits))
        first += bits
    if order == "row_major":
        return tuple(range(first))
    if order == "blocks":
        if len(axes) < 2:
            raise ValueError(f"order must be row_major or morton for one axis, but order={order!r}")
        columns, rows, *others = axes
        return (*columns[:3], *rows[:3], *columns[3:], *rows[3:], *chain.from_iterable(others))
    in_turn = range(max(map(len, axes), default=0))
    return tuple(axis[place] for place in in_turn for axis in axes if place < len(axis))


def spread_bits(values: ArrayLike, places: Sequence[int]) -> Array:
    """Integers (...) with bit b of each value at bit `places[b]`.

    >>> spread_bits([0, 1, 2, 3], (4, 0))
    array([ 0, 16,  1, 17])
    """
    numbers = plain("values", values)
    result = np.zeros_like(numbers)
    for bit, place in enumerate(places):
        result |= (numbers >> bit & 1) << place
    return result


def morton_order(size: int) -> Array:
    """Row-major index of each pixel of a size×size patch, listed in Morton (Z) order.

    `patch[morton_order(size)]` is the patch in Morton order; `np.argsort` of the list inverts it.

    Args:
        size: a power of two.

    >>> morton_order(4)[:6]
    array([0, 1, 4, 5, 2, 3])
    """
    size = integer("size", size, 1)
    if size & (size - 1):
        raise ValueError(f"size must be a power of two, but size={size}")
    bits = size.bit_length() - 1
    return spread_bits(np.arange(size * size), order_bits("morton", bits, bits))


def _planes(plane: ArrayLike) -> Array:
    pixels = plain("plane", plane)
    ok = pixels.ndim in (2, 3) and pixels.size > 0
    require_shape(ok, "plane", "(H, W) or (H, W, C) with at least one pixel", pixels)
    return pixels


def _copy_of_view(result: Array, source: Array) -> Array:
    """The result, copied if it may be a view of the source, so that changing it leaves the source unchanged."""
    return result.copy() if np.may_share_memory(result, source) else result


def _split(planes: Array, size: int) -> Array:
    rows, columns = planes.shape[0] // size, planes.shape[1] // size
    if planes.ndim == 2:
        return planes.reshape(rows, size, columns, size).transpose(0, 2, 1, 3)
    return planes.reshape(rows, size, columns, size, -1).transpose(0, 2, 4, 1, 3)
