"""Simplification of a picture at a λ: regions of one colour each, few colours, and short edges."""

import numpy as np

from qimg.codecs.contour.merging import EDGE_BITS, Merging
from qimg.core import Array
from qimg.core.compiled import compiled

_COLOUR_BITS = 14.0  # of a colour of the palette
_USE_BITS = 3.0  # that a region's colour costs less where another region has it
_MOST_COLOURS = 4096
_SWEEPS = 3


class Simplification:
    """A picture of which simpler versions are made."""

    def __init__(self, pixels: Array) -> None:
        """Prepare a picture.

        Args:
            pixels: (H, W, channels) `uint8`, without alpha.
        """
        self._pixels, self._merging = pixels, Merging(pixels)

    def at(self, weight: float) -> Array:
        """The picture (H, W, channels) `uint8` of about least squared error + λ · bits.

        Args:
            weight: λ, squared error that is worth a bit, in squared code values.
        """
        labels, count, means = self._merging.regions(weight)
        owner, palette = _palette(count, means, weight)
        numbers = owner[labels]
        palette = np.rint(palette).astype(np.int64)
        for _ in range(_SWEEPS):
            flip_pixels(self._pixels, numbers, palette, EDGE_BITS * weight)
            palette = _means(self._pixels, numbers, palette)
        simple: Array = palette[numbers].astype(np.uint8)
        return simple


def _means(pixels: Array, numbers: Array, palette: Array) -> Array:
    """The rounded mean colour of the pixels of each number; colours without pixels stay."""
    flat = numbers.ravel()
    count = np.bincount(flat, minlength=len(palette))
    channels = np.moveaxis(pixels, 2, 0)
    sums = np.stack([np.bincount(flat, channel.ravel(), len(palette)) for channel in channels], axis=1)
    means = np.rint(sums / np.maximum(count, 1)[:, None]).astype(np.int64)
    return np.where(count[:, None] > 0, means, palette)


def _palette(count: Array, means: Array, weight: float) -> tuple[Array, Array]:
    """Few colours for regions: the number of each region's colour, and the colours.

    Colours are merged by Ward's criterion while that adds less error than λ · bits.
    """
    shift = 0
    while True:  # at most `_MOST_COLOURS` distinct colours
        colours, owner = np.unique(np.rint(means).astype(np.int64) >> shift, axis=0, return_inverse=True)
        if len(colours) <= _MOST_COLOURS:
            break
        shift += 1
    owner = owner.ravel()
    area = np.bincount(owner, count)
    uses = np.bincount(owner).astype(float)
    sums = np.stack([np.bincount(owner, count * channel) for channel in means.T], axis=1)
    parent = np.arange(len(area))
    merge_colours(parent, area, uses, sums / area[:, None], weight, _COLOUR_BITS, _USE_BITS)
    parent = np.unique(parent, return_inverse=True)[1]
    sums = np.stack([np.bincount(parent, channel) for channel in sums.T], axis=1)
    return parent[owner], sums / np.bincount(parent, np.bincount(owner, count))[:, None]


@compiled(allocates=True)
def merge_colours(
    parent: Array, area: Array, uses: Array, means: Array, weight: float, colour_bits: float, use_bits: float
) -> None:
    """Merge the nearest colours while the error that this adds is less than λ · bits.

    Args:
        parent: (K,) int64, modified: the colour that each one becomes.
        area: (K,) float64 pixels of each colour, modified.
        uses: (K,) float64 regions of each colour, modified.
        means: (K, channels) float64, modified.
        weight: λ.
        colour_bits: bits of a colour.
        use_bits: bits that each region of the rarer colour saves.
    """
    size, channels = means.shape
    alive = np.ones(size, np.bool_)
    nearest = np.zeros(size, np.int64)
    gain = np.full(size, np.inf)
    stale = np.ones(size, np.bool_)
    while True:
        best = -1
        for one in range(size):
            if not alive[one]:
                continue
            if stale[one]:
                gain[one], nearest[one], stale[one] = np.inf, -1, False
                for other in range(size):
                    if other == one or not alive[other]:
                        continue
                    error = 0.0
                    for channel in range(channels):
                        error += (means[one, channel] - means[other, channel]) ** 2
                    error *= area[one] * area[other] / (area[one] + area[other])
                    error /= colour_bits + use_bits * min(uses[one], uses[other])
                    if error < gain[one]:
                        gain[one], nearest[one] = error, other
            if best < 0 or gain[one] < gain[best]:
                best = one
        if best < 0 or gain[best] > weight:
            break
        other = nearest[best]
        total = area[best] + area[other]
        for channel in range(channels):
            means[best, channel] = (means[best, channel] * area[best] + means[other, channel] * area[other]) / total
        area[best] = total
        uses[best] += uses[other]
        alive[other] = False
        parent[other] = best
        for one in range(size):
            stale[one] = stale[one] or one == best or nearest[one] == best or nearest[one] == other
    for one in range(size):
        root = one
        while parent[root] != root:
            root = parent[root]
        parent[one] = root


@compiled
def flip_pixels(pixels: Array, numbers: Array, palette: Array, weight: float) -> None:
    """Give each pixel the colour of itself or a neighbour that costs least error + λ · edges.

    Args:
        pixels: (H, W, channels) the picture.
        numbers: (H, W) int64 of colours, modified.
        palette: (K, channels) int64.
        weight: squared error that an edge between two pixels is worth.
    """
    height, width, channels = pixels.shape
    for row in range(height):
        for column in range(width):
            best, least = numbers[row, column], np.inf
            for step in range(5):
                number = _neighbour(numbers, row, column, step)
                if number < 0 or (step > 0 and number == numbers[row, column]):
                    continue
                cost = 0.0
                for channel in range(channels):
                    cost += (pixels[row, column, channel] - palette[number, channel]) ** 2
                for other in range(1, 5):
                    beside = _neighbour(numbers, row, column, other)
                    cost += weight * (beside >= 0 and beside != number)
                if cost < least:
                    best, least = number, cost
            numbers[row, column] = best


@compiled(inline="always")
def _neighbour(numbers: Array, row: int, column: int, step: int) -> int:
    """The number of a pixel, or of the one to its left or right, above or below it; −1 outside of the picture."""
    row += (step == 4) - (step == 3)
    column += (step == 2) - (step == 1)
    if row < 0 or column < 0 or row >= numbers.shape[0] or column >= numbers.shape[1]:
        return -1
    return int(numbers[row, column])
