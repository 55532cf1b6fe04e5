"""Layouts: the assignment of the bits of a pixel's index to sites, in row-major, Morton or quadtree order.

A picture is padded to 2ⁿ rows and 2ᵐ columns. Pixel (r, c) of plane p is the integer p 2ⁿ⁺ᵐ + r 2ᵐ + c, so that bits
0 … m − 1 are the column, m … m + n − 1 the row and those above the plane: the toolkit's index order. A layout groups
these bits into sites. No bit is reversed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, numeric, one_of, require, require_shape
from qimg.core.records import short_repr
from qimg.patches import order_bits, pad_edges
from qimg.states import qubits_for

ORDERS = ("row_major", "morton", "quadtree")
"""Names of the orders of `layout`."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Layout:
    """Assignment of the index bits of a picture to sites."""

    shape: tuple[int, ...]
    """(H, W), or (H, W, C) for planes."""
    sites: tuple[tuple[int, ...], ...]
    """Bits of each site, the most significant bit first. All bits of the plane form one site."""

    def __post_init__(self) -> None:
        _check_shape(self.shape)
        assigned = sorted(bit for site in self.sites for bit in site)
        planes = set(range(self.column_bits + self.row_bits, self.bits))
        together = not planes or any(set(site) == planes for site in self.sites)
        rule = f"must hold every bit below {self.bits} once, those of the plane in a site of their own"
        require(assigned == list(range(self.bits)) and together and all(self.sites), "sites", rule, self.sites)

    @property
    def row_bits(self) -> int:
        """Bits n of the row; the picture is padded to 2ⁿ rows."""
        return qubits_for(self.shape[0])

    @property
    def column_bits(self) -> int:
        """Bits m of the column."""
        return qubits_for(self.shape[1])

    @property
    def planes(self) -> int:
        """Planes C; 1 for a shape (H, W)."""
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def bits(self) -> int:
        """Bits of a pixel's index: the qubits of the picture's register."""
        return self.row_bits + self.column_bits + qubits_for(self.planes)

    @property
    def qubits(self) -> tuple[int, ...]:
        """The qubit of each binary site (see `binary_sites`): bit k of a pixel's index is qubit k."""
        return tuple(bit for site in self.sites for bit in site)

    @property
    def dims(self) -> tuple[int, ...]:
        """Levels of each site: 2 for every bit, C for the plane."""
        first_plane_bit = self.row_bits + self.column_bits
        return tuple(self.planes if site[0] >= first_plane_bit else 2 ** len(site) for site in self.sites)

    def pad(self, picture: ArrayLike) -> Array:
        """The picture padded by its last row and column to (2ⁿ, 2ᵐ) or (2ⁿ, 2ᵐ, C)."""
        pixels = numeric("picture", picture)
        require_shape(pixels.shape == self.shape, "picture", f"{self.shape}", pixels)
        return pad_edges(pixels, 2**self.row_bits, 2**self.column_bits)

    def crop(self, padded: Array) -> Array:
        """The picture without the padding."""
        return padded[: self.shape[0], : self.shape[1]]

    def to_vector(self, padded: Array) -> Array:
        """The pixels of a padded picture in the order of the train's index. Cost: one copy."""
        planes = np.moveaxis(padded, -1, 0) if padded.ndim == 3 else padded[None]
        return planes.reshape(self._axes()).transpose(self._permutation()).reshape(-1)

    def to_padded(self, vector: Array) -> Array:
        """The padded picture of a train's components: the inverse of `to_vector`."""
        order = self._permutation()
        axes = self._axes()
        bits = vector.reshape([axes[axis] for axis in order]).transpose(np.argsort(order))
        planes = bits.reshape(-1, 2**self.row_bits, 2**self.column_bits)
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1)) if len(self.shape) == 3 else planes[0].copy()

    def _axes(self) -> list[int]:
        return [self.planes, *[2] * (self.row_bits + self.column_bits)]

    def _permutation(self) -> list[int]:
        """Axis of each bit, site by site: axis 0 is the plane, axis 1 the most significant bit of the row."""
        top = self.row_bits + self.column_bits
        # All bits of the plane form one axis, listed once at the lowest of them.
        axes = [0 if bit == top else top - bit for bit in self.qubits if bit <= top]
        return axes if self.bits > top else [0, *axes]


def layout(shape: Sequence[int], order: str, *, levels: int = 1) -> Layout:
    """A layout by name, coarse sites first.

    - "row_major": one bit per site, row bits and then column bits, in the order of `numpy.reshape`.
    - "morton": one bit per site, row and column bits in turn. For a square picture the train's index is the position in
      `qimg.patches.morton_order`.
    - "quadtree": `levels` bits of the row and as many of the column per site; with one level, four children per site.

    If rows and columns have different numbers of bits, the finest bits are paired, and the remaining bits of the longer
    side come first, one bit per site. The planes, if any, form a site of C levels before all others.

    Args:
        shape: (H, W) or (H, W, C).
        order: "row_major", "morton" or "quadtree".
        levels: levels of the quadtree per site; not allowed with the other orders.

    >>> layout((4, 4), "morton").sites
    ((3,), (1,), (2,), (0,))
    >>> layout((4, 4, 3), "quadtree").dims
    (3, 4, 4)
    """
    sizes = tuple(int(length) for length in shape)
    _check_shape(sizes)
    one_of("order", order, ORDERS)
    integer("levels", levels, 1)
    if order != "quadtree" and levels != 1:
        raise ValueError(f"levels has no effect on the order {order} and must be left out, but levels={levels}")
    m, n = qubits_for(sizes[1]), qubits_for(sizes[0])
    coarse_first = order_bits("morton" if order == "quadtree" else order, n, m)[::-1]
    widths = [1] * (n + m)
    if order == "quadtree":
        # If the levels do not divide evenly, the coarsest site is smaller.
        whole, rest = divmod(min(m, n), levels)
        widths = [1] * abs(m - n) + [2 * rest] * (rest > 0) + [2 * levels] * whole
    ends = np.cumsum(widths).tolist()
    sites = [coarse_first[end - width : end] for end, width in zip(ends, widths, strict=True)]
    planes = qubits_for(sizes[2]) if len(sizes) == 3 else 0
    if planes:
        sites.insert(0, tuple(range(n + m + planes - 1, n + m - 1, -1)))
    return Layout(shape=sizes, sites=tuple(sites) or ((),))


def _check_shape(shape: Sequence[int]) -> None:
    ok = len(shape) in (2, 3) and min(shape) >= 1 and max(shape[:2]) >= 2
    require(ok, "shape", "must be (H, W) or (H, W, C) of at least two pixels", tuple(shape))
