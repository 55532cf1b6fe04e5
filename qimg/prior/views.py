"""Vectors of mixtures: patches without their mean, or blocks with the causal ring around them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.cached import cached_property
from qimg.core.records import short_repr
from qimg.transforms import unitary

_NAME = re.compile(r"(patch|luma|colour)([1-9][0-9]?)")
_LARGEST = 16


@short_repr
@dataclass(frozen=True)
class View:
    """A map from pixels to the vectors of a mixture.

    | name | pixels | vector |
    |---|---|---|
    | `patch8` | 8×8 block of luma | its 63 AC coefficients: the mean is subtracted |
    | `luma8` | causal ring (33 pixels) ⊕ 8×8 block of luma | 32 ring + 64 block coefficients |
    | `colour8` | the same in Y', Cb and Cr | 96 ring + 192 block coefficients |

    The level of a window is the mean of its ring, plane by plane, and is subtracted. The ring is then written in an
    orthonormal basis of the vectors that sum to zero, and the block in the orthonormal 2-D DCT, index 8u + v, whose
    first coefficient is proportional to the difference of the means of block and ring. The ring coefficients of all
    planes come first.
    """

    name: str
    """Kind and block size: `patch8`, `luma8`, `colour16`, …; sizes 2 to 16."""
    kept: tuple[int, ...] | None = None
    """Indices of the ring pixels that are used; all when left out."""

    def __post_init__(self) -> None:
        rule = f"must be patch, luma or colour with a size from 2 to {_LARGEST}, such as luma8"
        arguments.require(is_view(self.name), "view", rule, self.name)
        if self.kept is not None:
            arguments.require(self.kind != "patch", "kept", f"has no effect on {self.name}", self.kept)
            inside = set(self.kept) <= set(range(4 * self.size + 1)) and len(set(self.kept)) == len(self.kept)
            arguments.require(inside and len(self.kept) > 0, "kept", "must name pixels of the ring once", self.kept)

    @property
    def kind(self) -> str:
        """`patch`, `luma` or `colour`."""
        return self.name.rstrip("0123456789")

    @property
    def size(self) -> int:
        """Side of the block in pixels."""
        return int(self.name.removeprefix(self.kind))

    @property
    def planes(self) -> int:
        """1 for luma, 3 for Y'CbCr."""
        return 3 if self.kind == "colour" else 1

    @cached_property
    def ring(self) -> Array:
        """(m, 2) row and column of each ring pixel relative to the block's first pixel; none for `patch`.

        These are the neighbouring pixels that may be decoded before the block: the corner, the row above and the same
        number of pixels to its right, the column to the left and the same number of pixels below it, 4 · size + 1
        pixels in this order.
        """
        if self.kind == "patch":
            return np.zeros((0, 2), int)
        above = [(-1, column) for column in range(-1, 2 * self.size)]
        left = [(row, -1) for row in range(2 * self.size)]
        ring = np.array(above + left)
        return ring if self.kept is None else ring[list(self.kept)]

    def keeping(self, pixels: Iterable[int]) -> "View":
        """The view with only these pixels of the whole ring, as at a picture's border or in raster order."""
        return replace(self, kept=tuple(int(pixel) for pixel in pixels))

    def raster(self) -> "View":
        """The view without the ring's lower left part, which follows the block in raster order."""
        return self.keeping(range(3 * self.size + 1))

    @cached_property
    def offsets(self) -> Array:
        """(m + size², 2) rows and columns of a window's pixels in one plane: the ring, then the block row by row."""
        return np.concatenate([self.ring, np.array(list(product(range(self.size), repeat=2)))])

    @cached_property
    def observed(self) -> int:
        """Ring coefficients: planes · (m − 1), or 0."""
        return self.planes * max(len(self.ring) - 1, 0)

    @cached_property
    def dimension(self) -> int:
        """Length of the vectors: 63 for `patch8`, 96 for `luma8`, 288 for `colour8`."""
        return self.observed + self.planes * self.size**2 - (self.kind == "patch")

    @cached_property
    def analysis(self) -> Array:
        """(dimension, planes · (m + size²)) matrix T from the pixels of a window, planes outermost, to vectors."""
        block = unitary("dct_2d", self.size**2)
        if self.kind == "patch":
            return block[1:]
        m = len(self.ring)
        ring = np.hstack([zero_sum_basis(m), np.zeros((m - 1, self.size**2))])
        relative = np.hstack([-np.outer(block.sum(axis=1), np.full(m, 1 / m)), block])
        each = np.eye(self.planes)
        return np.concatenate([np.kron(each, ring), np.kron(each, relative)])

    @cached_property
    def synthesis(self) -> Array:
        """(planes · (m + size²), dimension) matrix S back to pixels relative to the level of the window; T S = 1."""
        block = unitary("dct_2d", self.size**2).T
        if self.kind == "patch":
            return block[:, 1:]
        m = len(self.ring)
        ring = np.vstack([zero_sum_basis(m).T, np.zeros((self.size**2, m - 1))])
        relative = np.vstack([np.zeros((m, self.size**2)), block])
        each = np.eye(self.planes)
        return np.hstack([np.kron(each, ring), np.kron(each, relative)])

    def vectors(self, planes: ArrayLike, rows: ArrayLike, columns: ArrayLike) -> Array:
        """Vectors (n, dimension) of the windows whose blocks begin at these pixels.

        Args:
            planes: (H, W), or (H, W, 3) for `colour`, floating-point code values of any level.
            rows: (n,) first row of each block; its window must lie inside the planes (`places`).
            columns: (n,) first column of each block.
        """
        return np.asarray(self.windows(planes, rows, columns) @ self.analysis.T)

    def windows(self, planes: ArrayLike, rows: ArrayLike, columns: ArrayLike) -> Array:
        """Pixels (n, planes · (m + size²)) of the same windows, planes outermost, ring before block."""
        pixels = np.asarray(planes)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        arguments.require_shape(pixels.shape[2:] == (self.planes,), "planes", f"(H, W, {self.planes})", pixels)
        line = np.asarray(rows)[:, None] + self.offsets[:, 0]
        place = np.asarray(columns)[:, None] + self.offsets[:, 1]
        return pixels[line, place].transpose(0, 2, 1).reshape(len(line), -1)

    def places(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """First and last row, first and last column of blocks whose window fits, inclusive.

        The last is less than the first where no window fits.
        """
        below, right = self.offsets.max(axis=0)
        above, left = self.offsets.min(axis=0)
        return -int(above), shape[0] - 1 - int(below), -int(left), shape[1] - 1 - int(right)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a window fits into planes of this shape."""
        first, last, left, right = self.places(shape)
        return last >= first and right >= left


def is_view(name: str) -> bool:
    """Whether this is the name of a view."""
    match = _NAME.fullmatch(name)
    return match is not None and 2 <= int(match[2]) <= _LARGEST


def zero_sum_basis(length: int) -> Array:
    """(length − 1, length) orthonormal rows that sum to zero: the DCT-II without its constant row."""
    return unitary("dct", integer("length", length, 1))[1:]


def random_places(view: View, shape: tuple[int, ...], count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rows and columns of `count` blocks, drawn uniformly from all whose window fits, or of all if there are fewer."""
    first, last, left, right = view.places(shape)
    width = max(right - left + 1, 0)
    total = width * max(last - first + 1, 0)
    chosen = np.arange(total) if total <= count else rng.integers(total, size=count)
    return first + chosen // max(width, 1), left + chosen % max(width, 1)
