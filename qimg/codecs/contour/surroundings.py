"""The surroundings of a pixel: pixels coded before it, repeated surroundings, and the contexts that they give."""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.hashed_mixing import HashedModel, hashed

MARGIN = 6
"""Columns around the picture, and rows above it, that hold colour 0."""
LONG, SHORT = 1, 0
"""Rows of the memory of surroundings: of 40 pixels, and of 12."""
REACH = 2
"""Rows and columns of the coarser layer around a pixel, in every direction."""
CONTEXTS = 19
"""Contexts of each decision."""
_NEAR = 40
_SHORT = 12
_SIZES = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 28, 40)  # nearest pixels of the contexts of exact colours
_SHAPES = (10, 24)  # nearest pixels of the contexts of shapes
_MOST_TRUST = 16
_KEY = 20


class Surroundings(NamedTuple):
    """State of the surroundings."""

    offsets: Array
    """(40, 2) int64 rows and columns of the nearest pixels relative to the pixel, nearest first."""
    sizes: Array
    """(12,) int64 numbers of pixels of the contexts of exact colours."""
    near: Array
    """(40,) int64 workspace: colours of the nearest pixels."""
    labels: Array
    """(24,) int64 workspace: the first of the nearest pixels with the same colour."""
    keys: Array
    """(2,) int64 workspace: hashes of the short and the long surroundings."""
    predicted: Array
    """(2,) int64 workspace: the colour that followed these surroundings before, or −1."""
    trust: Array
    """(2,) int64 workspace: 0 without such a colour, otherwise 1 + repetitions, up to 16."""
    colours: Array
    """(2, slots) int64 the colours that followed, by hash."""
    repetitions: Array
    """(2, slots) uint8 how often the same colour followed again."""
    checks: Array
    """(2, slots) uint16 upper bits of the hash plus one; 0 in empty slots."""


def new_surroundings(slots: int) -> Surroundings:
    """Surroundings without memory; `slots` is a power of two up to 2²⁰."""
    reach = range(-MARGIN, MARGIN + 1)
    places = [(row, column) for row in reach for column in reach if row < 0 or (row == 0 and column < 0)]
    places.sort(key=lambda place: (place[0] ** 2 + place[1] ** 2, -place[0], place[1]))
    return Surroundings(
        offsets=np.array(places[:_NEAR], np.int64),
        sizes=np.array(_SIZES, np.int64),
        near=np.zeros(_NEAR, np.int64),
        labels=np.zeros(_SHAPES[-1], np.int64),
        keys=np.zeros(2, np.int64),
        predicted=np.zeros(2, np.int64),
        trust=np.zeros(2, np.int64),
        colours=np.zeros((2, slots), np.int64),
        repetitions=np.zeros((2, slots), np.uint8),
        checks=np.zeros((2, slots), np.uint16),
    )


@inner
def coarse_square(coarse: Array, column: int, reach: int) -> int:
    """Hash of the square of the coarser layer around a pixel.

    Args:
        coarse: (2 REACH + 1, W + 2 MARGIN) int64 colours of the coarser layer, with the pixel's row in the middle.
        column: of the pixel in `coarse`.
        reach: rows and columns in every direction, up to `REACH`.
    """
    key = 33 + reach
    for row in range(REACH - reach, REACH + reach + 1):
        for place in range(column - reach, column + reach + 1):
            key = hashed(key, coarse[row, place])
    return int(key)


@compiled
def look_around(around: Surroundings, model: HashedModel, picture: Array, row: int, column: int, coarse: Array) -> None:
    """Set the contexts of a pixel and the colours that its surroundings predict.

    Args:
        around: state, modified.
        model: its `hashes` are set.
        picture: (MARGIN + 1, W + 2 MARGIN) int64 colours, of which those before the pixel count.
        row: of the pixel in `picture`.
        column: as for `row`.
        coarse: as for `qimg.codecs.contour.pixels.code_part`. In a finer layer, the nearest pixels are taken together
            with the pixel of the coarser layer, and the short surroundings are those of the coarser layer.
    """
    near, hashes = around.near, model.hashes
    exact, size = 1, 0
    if coarse.size:
        exact = hashed(exact, coarse[REACH, column])
    for i in range(_NEAR):
        if size < len(_SIZES) and around.sizes[size] == i:
            hashes[size] = hashed(exact, size)
            size += 1
        if i == _SHORT:
            around.keys[SHORT] = exact
        near[i] = picture[row + around.offsets[i, 0], column + around.offsets[i, 1]]
        exact = hashed(exact, near[i])
    hashes[size] = hashed(exact, size)
    around.keys[LONG] = exact
    if coarse.size:
        around.keys[SHORT] = hashed(hashed(coarse_square(coarse, column, REACH), near[0]), near[1])
    _predict(around)
    _set_shapes(around, hashes)
    left, above = near[0], near[1]
    short, long = around.predicted[SHORT] + 1, around.predicted[LONG] + 1
    last = len(_SIZES) + len(_SHAPES)
    up2, up3 = picture[row - 2, column], picture[row - 3, column]
    left2, left3 = picture[row, column - 2], picture[row, column - 3]
    hashes[last] = hashed(hashed(hashed(hashed(11, up2), above), up3), left)
    hashes[last + 1] = hashed(hashed(hashed(hashed(12, left2), left3), left), above)
    hashes[last + 2] = hashed(hashed(hashed(13, short), around.trust[SHORT]), left)
    hashes[last + 3] = hashed(hashed(hashed(hashed(hashed(14, long), around.trust[LONG]), short), left), above)
    left_above, right_above = picture[row - 1, column - 1], picture[row - 1, column + 1]
    hashes[last + 4] = hashed(hashed(hashed(hashed(hashed(15, right_above), above), left_above), left), long)


@inner
def _predict(around: Surroundings) -> None:
    mask = around.checks.shape[1] - 1
    for kind in range(2):
        key = around.keys[kind]
        place = key & mask
        if around.checks[kind, place] == (key >> _KEY) + 1:
            around.predicted[kind] = around.colours[kind, place]
            around.trust[kind] = min(np.int64(around.repetitions[kind, place]) + 1, _MOST_TRUST)
        else:
            around.predicted[kind] = -1
            around.trust[kind] = 0


@inner
def _set_shapes(around: Surroundings, hashes: Array) -> None:
    """Contexts of which of the nearest pixels have equal colours, whatever these are."""
    near, labels = around.near, around.labels
    shape = 7
    for i in range(labels.size):
        if i == _SHAPES[0]:
            hashes[len(_SIZES)] = shape
        label = i
        for earlier in range(i):
            if near[earlier] == near[i]:
                label = labels[earlier]
                break
        labels[i] = label
        shape = hashed(shape, label)
    hashes[len(_SIZES) + 1] = shape


@compiled
def remember(around: Surroundings, colour: int) -> None:
    """Store the colour that followed the surroundings of `look_around`."""
    mask = around.checks.shape[1] - 1
    for kind in range(2):
        key = around.keys[kind]
        place = key & mask
        if around.predicted[kind] == colour:
            around.repetitions[kind, place] = min(np.int64(around.repetitions[kind, place]) + 1, 255)
        else:
            around.checks[kind, place] = (key >> _KEY) + 1
            around.colours[kind, place] = colour
            around.repetitions[kind, place] = 0
