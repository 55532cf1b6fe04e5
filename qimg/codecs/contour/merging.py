"""Regions of a picture by Mumford–Shah merging: neighbours become one where that costs less error than it saves bits.

A region has one colour, the mean of its pixels, or a plane by least squares where that saves more error than λ times
the bits of a plane. Both errors follow from moments, which add when regions merge (`qimg.codecs.contour.moments`).
Merging two regions adds to the error and saves the bits of their common edge and of one region. Pairs are merged in the
order of error per bit, up to λ (Koepfler, Lopez & Morel, 1994), at λ of powers of two up to the requested one.
"""

import numpy as np

from qimg.codecs.contour.importance import plain
from qimg.codecs.contour.moments import error_of, error_of_both, moments_of
from qimg.core import Array
from qimg.core.compiled import compiled, inner

EDGE_BITS = 1.25
"""Bits of a crack edge between two pixels."""
REGION_BITS = 2.0
"""Bits of a region in addition to its edges."""
_FIRST_LEVEL = -4
_ROUNDS = 20


class Merging:
    """The regions of a picture at any λ; the levels below the largest one are computed once."""

    def __init__(self, pixels: Array, *, planes: bool = False, importance: Array | None = None) -> None:
        """Start with the areas of one colour.

        Args:
            pixels: (H, W, channels) `uint8`.
            planes: whether regions may be planes.
            importance: (H, W) weights of the errors of pixels; by default all are 1.
        """
        labels = np.empty(pixels.shape[:2], np.int32)
        label_areas(pixels, labels)
        self._zones = _numbered(labels.ravel())[1].reshape(labels.shape)
        moments = moments_of(pixels, self._zones, plain(pixels) if importance is None else importance)
        self._planes = planes
        self._levels: list[tuple[Array, ...]] = [(np.arange(len(moments)), moments, *edges_of(self._zones))]

    def regions(self, weight: float) -> tuple[Array, Array]:
        """The regions at a λ.

        Args:
            weight: λ, squared error that is worth a bit, in squared code values.

        Returns:
            Number of each pixel's region (H, W), and the moments of each region (R, M).
        """
        level = 0
        while 2.0 ** (_FIRST_LEVEL + level) < weight:
            if level + 1 == len(self._levels):
                self._levels.append(self._merged(level, 2.0 ** (_FIRST_LEVEL + level)))
            level += 1
        owner, moments, *_ = self._merged(level, weight)
        return owner[self._zones], moments

    def _merged(self, level: int, weight: float) -> tuple[Array, ...]:
        """The state after all mergers at a λ: owners of the areas, moments, and edges of the regions."""
        owner, moments, first, second, lengths = self._levels[level]
        for _ in range(_ROUNDS):
            error = np.empty(len(first))
            _pair_errors(moments, first, second, weight, self._planes, error)
            bits = EDGE_BITS * lengths + REGION_BITS
            pays = np.flatnonzero(error <= weight * bits)
            if not len(pays):
                break
            order = pays[np.argsort((error / bits)[pays], kind="stable")]
            parent, moments = np.arange(len(moments)), moments.copy()
            merge_pairs(parent, moments, first[order], second[order], bits[order], weight, self._planes)
            roots, parent = _numbered(parent)
            owner, moments = parent[owner], moments[roots]
            first, second, lengths = _joined(parent[first], parent[second], lengths)
        return owner, moments, first, second, lengths


def _numbered(parent: Array) -> tuple[Array, Array]:
    """The roots (R,) of a forest of depth 1 in their order, and the number of the root of each member."""
    is_root = parent == np.arange(len(parent))
    numbers = np.cumsum(is_root) - 1
    return np.flatnonzero(is_root), numbers[parent]


def edges_of(zones: Array) -> tuple[Array, Array, Array]:
    """Pairs of neighbouring regions (E,), the first below the second, and the lengths of their edges."""
    pairs = [(zones[:, :-1], zones[:, 1:]), (zones[:-1], zones[1:])]
    first = np.concatenate([one.ravel() for one, _ in pairs])
    second = np.concatenate([two.ravel() for _, two in pairs])
    return _joined(first, second, np.ones(len(first)))


def _joined(first: Array, second: Array, lengths: Array) -> tuple[Array, Array, Array]:
    """Each pair of different regions once, with the sum of its lengths."""
    apart = first != second
    first, second, lengths = first[apart], second[apart], lengths[apart]
    size = int(max(first.max(initial=0), second.max(initial=0))) + 1
    keys = np.minimum(first, second) * size + np.maximum(first, second)
    order = np.argsort(keys, kind="stable")
    keys, lengths = keys[order], lengths[order]
    begins = np.flatnonzero(np.diff(keys, prepend=-1))
    keys = keys[begins]
    return keys // size, keys % size, np.add.reduceat(lengths, begins) if len(begins) else lengths


@inner
def _root(parent: Array, index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return int(index)


@compiled
def label_areas(pixels: Array, labels: Array) -> None:
    """Label the 4-connected areas of one colour by one of their pixels.

    Args:
        pixels: (H, W, channels).
        labels: (H, W) int32, filled.
    """
    height, width, channels = pixels.shape
    parent = labels.reshape(-1)
    for place in range(parent.size):
        parent[place] = place
    for row in range(height):
        for column in range(width):
            for up in range(2):
                if (row if up else column) == 0:
                    continue
                same = True
                for channel in range(channels):
                    same = same and pixels[row, column, channel] == pixels[row - up, column - 1 + up, channel]
                if same:
                    one = _root(parent, row * width + column)
                    other = _root(parent, (row - up) * width + column - 1 + up)
                    parent[max(one, other)] = min(one, other)
    for place in range(parent.size):
        parent[place] = _root(parent, place)


@compiled
def _pair_errors(moments: Array, first: Array, second: Array, weight: float, planes: bool, error: Array) -> None:
    """Set the cost that merging each pair adds without its edge: error, and λ times the bits of planes."""
    for pair in range(first.size):
        one, other = first[pair], second[pair]
        before = error_of(moments, one, weight, planes) + error_of(moments, other, weight, planes)
        error[pair] = error_of_both(moments, one, other, weight, planes) - before


@compiled
def merge_pairs(
    parent: Array, moments: Array, first: Array, second: Array, bits: Array, weight: float, planes: bool
) -> None:
    """Merge pairs of regions in their order where that pays after the mergers before.

    Args:
        parent: (R,) int64, modified: the region that each one belongs to.
        moments: (R, M) float64 of `qimg.codecs.contour.moments`, modified.
        first: (E,) int64 region of each pair.
        second: as for `first`.
        bits: (E,) float64 bits that a merger saves.
        weight: λ.
        planes: whether regions may be planes.
    """
    for pair in range(first.size):
        one, other = _root(parent, first[pair]), _root(parent, second[pair])
        if one == other:
            continue
        before = error_of(moments, one, weight, planes) + error_of(moments, other, weight, planes)
        if error_of_both(moments, one, other, weight, planes) - before > weight * bits[pair]:
            continue
        parent[other] = one
        for index in range(moments.shape[1]):
            moments[one, index] += moments[other, index]
    for index in range(parent.size):
        parent[index] = _root(parent, index)
