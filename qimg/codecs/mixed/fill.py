"""Replacement of the pixels of a part that the other codec codes: areas of one colour, which cost next to nothing."""

import numpy as np
from scipy import ndimage

from qimg.core import Array


def filled(pixels: Array, wanted: Array) -> Array:
    """A picture whose other pixels are replaced, in each connected area by the most frequent colour at its border.

    An area of one colour costs both codecs less than a smooth continuation of its border does, which has a detail of
    its own beside every detail of the border.

    Args:
        pixels: (H, W, channels) `uint8`.
        wanted: (H, W) bool, the pixels that stay; one at least.
    """
    result = pixels.copy()
    labels, _ = ndimage.label(~wanted)
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        part = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in (rows, columns))
        area = labels[part] == label
        border = ndimage.binary_dilation(area) & wanted[part]
        colours, counts = np.unique(pixels[part][border], axis=0, return_counts=True)
        result[part][area] = colours[counts.argmax()]
    return result
