"""Few colours for the regions of a picture at a λ."""

import numpy as np

from qimg.codecs.contour.colours import colours_of
from qimg.core import Array
from qimg.core.compiled import compiled

_COLOUR_BITS = 18.0  # of a colour of the palette
_USE_BITS = 2.0  # that a region's colour costs less where another region has it
_MOST_COLOURS = 4096


def palette_of(count: Array, means: Array, weight: float) -> tuple[Array, Array]:
    """Few colours for regions: the number of each region's colour, and the colours.

    Colours are merged by Ward's criterion while that adds less error than λ · bits.
    """
    shift = 0
    while True:  # at most `_MOST_COLOURS` distinct colours
        packed = colours_of((np.rint(means).astype(np.int64) >> shift)[None])
        colours, owner = np.unique(packed, return_inverse=True)
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
