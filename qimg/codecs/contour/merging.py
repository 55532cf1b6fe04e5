"""Regions of a picture by Mumford–Shah merging: neighbours become one where that costs less error than it saves bits.

A region has one colour, the mean of its pixels. Merging two of m and n pixels, whose colours differ by d, adds
mn / (m + n) · |d|² to the squared error and saves the bits of their common edge and of one region. Pairs are merged in
the order of error per bit, up to λ (Koepfler, Lopez & Morel, 1994), at λ of powers of two up to the requested one.
"""

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled, inner

EDGE_BITS = 1.0
"""Bits of a crack edge between two pixels."""
_REGION_BITS = 8.0
_FIRST_LEVEL = -4
_ROUNDS = 20


class Merging:
    """The regions of a picture at any λ; the levels below the largest one are computed once."""

    def __init__(self, pixels: Array) -> None:
        """Start with the areas of one colour.

        Args:
            pixels: (H, W, channels) `uint8`.
        """
        labels = np.empty(pixels.shape[:2], np.int64)
        label_areas(pixels, labels)
        _, zones = np.unique(labels, return_inverse=True)
        self._zones = zones.reshape(labels.shape)
        flat = self._zones.ravel()
        count = np.bincount(flat).astype(float)
        sums = np.stack([np.bincount(flat, channel.ravel()) for channel in np.moveaxis(pixels, 2, 0)], axis=1)
        first, second, lengths = _edges(self._zones)
        self._levels: list[tuple[Array, ...]] = [(np.arange(len(count)), count, sums, first, second, lengths)]

    def regions(self, weight: float) -> tuple[Array, Array, Array]:
        """The regions at a λ.

        Args:
            weight: λ, squared error that is worth a bit, in squared code values.

        Returns:
            Number of each pixel's region (H, W), pixels of each region (R,), and their mean colours (R, channels).
        """
        level = 0
        while 2.0 ** (_FIRST_LEVEL + level) < weight:
            if level + 1 == len(self._levels):
                self._levels.append(_merged(self._levels[level], 2.0 ** (_FIRST_LEVEL + level)))
            level += 1
        owner, count, sums, *_ = _merged(self._levels[level], weight)
        return owner[self._zones], count, sums / count[:, None]


def _edges(zones: Array) -> tuple[Array, Array, Array]:
    """Pairs of neighbouring regions, and the lengths of their edges."""
    pairs = [(zones[:, :-1], zones[:, 1:]), (zones[:-1], zones[1:])]
    first = np.concatenate([one.ravel() for one, _ in pairs])
    second = np.concatenate([two.ravel() for _, two in pairs])
    return _joined(first, second, np.ones(len(first)))


def _joined(first: Array, second: Array, lengths: Array) -> tuple[Array, Array, Array]:
    """Each pair of different regions once, with the sum of its lengths."""
    apart = first != second
    first, second, lengths = first[apart], second[apart], lengths[apart]
    size = int(max(first.max(initial=0), second.max(initial=0))) + 1
    keys, places = np.unique(np.minimum(first, second) * size + np.maximum(first, second), return_inverse=True)
    return keys // size, keys % size, np.bincount(places, lengths, len(keys))


def _merged(state: tuple[Array, ...], weight: float) -> tuple[Array, ...]:
    """The state after all mergers at a λ: owners of the areas, pixels, sums, and edges of the regions."""
    owner, count, sums, first, second, lengths = state
    for _ in range(_ROUNDS):
        means = sums / count[:, None]
        error = np.square(means[first] - means[second]).sum(axis=1) / (1 / count[first] + 1 / count[second])
        bits = EDGE_BITS * lengths + _REGION_BITS
        pays = np.flatnonzero(error <= weight * bits)
        if not len(pays):
            break
        order = pays[np.argsort((error / bits)[pays], kind="stable")]
        parent, count, sums = np.arange(len(count)), count.copy(), sums.copy()
        merge_pairs(parent, count, sums, first[order], second[order], bits[order], weight)
        roots, parent = np.unique(parent, return_inverse=True)
        owner, count, sums = parent[owner], count[roots], sums[roots]
        first, second, lengths = _joined(parent[first], parent[second], lengths)
    return owner, count, sums, first, second, lengths


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
        labels: (H, W) int64, filled.
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
def merge_pairs(
    parent: Array, count: Array, sums: Array, first: Array, second: Array, bits: Array, weight: float
) -> None:
    """Merge pairs of regions in their order where that pays after the mergers before.

    Args:
        parent: (R,) int64, modified: the region that each one belongs to.
        count: (R,) float64 pixels, modified.
        sums: (R, channels) float64 sums of pixels, modified.
        first: (E,) int64 region of each pair.
        second: as for `first`.
        bits: (E,) float64 bits that a merger saves.
        weight: λ.
    """
    for pair in range(first.size):
        one, other = _root(parent, first[pair]), _root(parent, second[pair])
        if one == other:
            continue
        error = 0.0
        for channel in range(sums.shape[1]):
            error += (sums[one, channel] / count[one] - sums[other, channel] / count[other]) ** 2
        if error * count[one] * count[other] > weight * bits[pair] * (count[one] + count[other]):
            continue
        parent[other] = one
        count[one] += count[other]
        for channel in range(sums.shape[1]):
            sums[one, channel] += sums[other, channel]
    for index in range(parent.size):
        parent[index] = _root(parent, index)
